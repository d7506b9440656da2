/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_LOCK_TABLE_H
#define NATSOBJ_FS_LOCK_TABLE_H

/*
 * The locks on one file: who holds which bytes, and who waits for them, first come first. A plain
 * value without locking or I/O; all hosts compute with copies of the same table.
 *
 * flock and fcntl locks do not see each other. An owner is an open file description (flock, OFD) or
 * a process (fcntl), named by its session (one per mount) and the number the kernel gives it.
 *
 * Entries are kept sorted, and neighbours that differ only in their range are one entry, so two
 * tables that mean the same are equal.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/info.h"
#include "util/buf.h"
#include "util/cleanup.h"

#define LOCK_RANGE_END ((uint64_t)INT64_MAX)
/* Held and waiting together; a file with more is -ENOLCK. */
#define LOCK_TABLE_MAX 4096

enum lock_kind { LOCK_FLOCK, LOCK_POSIX };
enum lock_mode { LOCK_OFF, LOCK_SHARED, LOCK_EXCLUSIVE };

struct lock_owner {
	char session[OBJ_NUID_LEN + 1];
	uint64_t id;
};

struct lock_entry {
	enum lock_kind kind;
	enum lock_mode mode; /* LOCK_OFF only in requests */
	struct lock_owner owner;
	uint64_t start, end; /* first and last byte */
	uint32_t pid;	     /* for F_GETLK; means something to the owner's host only */
	uint64_t via;	     /* open file it came through; 0 in tables that are shared */
};

struct lock_waiter {
	struct lock_entry want;
	uint64_t request; /* unique in its session */
	uint64_t ticket;  /* larger for who began to wait later */
};

struct lock_table {
	struct lock_entry *held;
	size_t n_held;
	struct lock_waiter *waiting; /* the longest first */
	size_t n_waiting;
};

void lock_table_done(struct lock_table *t);
/* ret is not initialised before; on failure it is empty. -ENOMEM. */
int lock_table_copy(const struct lock_table *t, struct lock_table *ret) MUST_CHECK;
/* Whether both hold and await the same; pid and via do not count. */
bool lock_table_equal(const struct lock_table *a, const struct lock_table *b);
static inline bool lock_table_is_empty(const struct lock_table *t)
{
	return t->n_held == 0 && t->n_waiting == 0;
}

bool lock_owner_equal(const struct lock_owner *a, const struct lock_owner *b);
/* Whether both cannot be held at the same time. */
bool lock_conflicts(const struct lock_entry *a, const struct lock_entry *b);

/* What is in want's way; NULL when it can be had. */
const struct lock_entry *lock_table_conflict(const struct lock_table *t,
					     const struct lock_entry *want);
/* Gives the owner the bytes in the new mode (LOCK_OFF: takes them away), whatever mode it had them
 * in, and whatever others hold. -ENOMEM or -ENOLCK, with t unchanged. */
int lock_table_set(struct lock_table *t, const struct lock_entry *e) MUST_CHECK;
/* Whether the owner has every byte of want in its mode or a stronger one. */
bool lock_table_covers(const struct lock_table *t, const struct lock_entry *want);

/* Puts w at the end of those who wait: 0, -ENOMEM or -ENOLCK. */
int lock_table_wait(struct lock_table *t, const struct lock_waiter *w) MUST_CHECK;
const struct lock_waiter *lock_table_find_waiter(const struct lock_table *t, const char *session,
						 uint64_t request);
/* Removes waiter i. */
void lock_table_unwait(struct lock_table *t, size_t i);
/* Hands what is free to those who wait for it, the longest waiting first. -ENOMEM, -ENOLCK. */
int lock_table_grant(struct lock_table *t) MUST_CHECK;
/* Removes what a session holds; and what it holds and awaits. */
void lock_table_drop_held(struct lock_table *t, const char *session);
void lock_table_drop_session(struct lock_table *t, const char *session);

/* The form that is shared: one line of text for each entry. name is for people only. */
int lock_table_format(const struct lock_table *t, const char *name, struct buf *out) MUST_CHECK;
/* -EINVAL when it is not such a text. Nothing in it is trusted. */
int lock_table_parse(const char *text, size_t len, struct lock_table *ret) MUST_CHECK;

/*
 * Deadlock of fcntl locks: who waits for a lock waits for all who hold a part of it, and so on. The
 * tables are those of all files. is_victim: w is part of a circle and began to wait last of all in
 * it, so that of a circle's members, wherever they look from, exactly one gives up.
 */
bool lock_graph_is_victim(const struct lock_table *const *tables, size_t n,
			  const struct lock_waiter *w);

#endif
