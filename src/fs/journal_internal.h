/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_JOURNAL_INTERNAL_H
#define NATSOBJ_FS_JOURNAL_INTERNAL_H

/* What the parts of the journal share: see journal.h. */

#include "fs/intent.h"
#include "fs/journal.h"

/*
 * The journal of one open file, kept for its next one when it has ended. Threads that renew and
 * commit it have references of their own.
 *
 * Locks: file->lock, then lock, which may be held while the server is waited for. is_active and
 * base are written under both.
 */
struct journal {
	atomic_uint refs;
	struct fs *fs;
	struct file *file; /* tree lock; NULL: the file has let it go */

	/* file->lock */
	bool is_recovered; /* it is another mount's, and the file was made from it */
	bool is_due;	   /* the next fsync commits */
	bool is_waiting;   /* for commit_interval, see journal_time.c */
	uint64_t started_ns;
	uint64_t size;	   /* of the file at the last fsync */
	int64_t ctime_ns;  /* likewise */
	struct ranges all; /* changes since the base that it has, at least */

	struct mutex lock; /* LOCK_RANK_FILE_INNER, protects what follows */
	bool is_active;	   /* the object is in the bucket and counts */
	bool is_lost;	   /* another mount has it now, or nobody knows */
	bool is_renewed;   /* a thread sees to that */
	uint64_t stored_ns;
	uint64_t next_seq;     /* of the tombstone that the last one left */
	struct obj_info *info; /* as stored; kept for its name */
	struct put_result base;
	struct put_result segments[JOURNAL_SEGMENTS];
	size_t n_segments;
};

/* ---- journal.c ---- */

struct journal *journal_new(struct fs *fs) MUST_CHECK;
struct journal *journal_ref(struct journal *j);
void journal_unref(struct journal *j);
/* Whether the file has one in the bucket. File lock held. */
bool journal_is_active(const struct file *f);
/* Its lock is held, and the file's where there is one. */
void journal_set_active(struct journal *j, bool is_active);
/* f has j from now on, a reference that it takes over. File lock held. */
void journal_attach(struct fs *fs, struct file *f, struct journal *j);
/* Whether something was written that no fsync has seen. File lock held, the journal is active. */
bool journal_is_behind(const struct file *f);

/* ---- journal_end.c ---- */

/* Removes the object and its segments; what cannot be removed now, somebody finds void later. lock
 * held. Waits. */
void journal_remove(struct journal *j);
/* Removes the segments that no description lists any more, later. lock held. */
void journal_purge_segments(struct journal *j);

/* ---- journal_choice.c ---- */

/* Whether fsync stores only what has changed. File lock held. May wait for the server. */
bool journal_pays(struct fs *fs, const struct file *f);

/* ---- journal_info.c ---- */

/* What a description says besides attributes: intent, owner and process; base and segments of j
 * and up to n more. j->info has its name. */
int journal_describe(struct journal *j, const struct node *n, const char *of,
		     const struct put_result *segments, size_t n_segments, struct obj_info **ret)
	MUST_CHECK;
/* Reads base and segments. -EINVAL: they make no sense. */
int journal_read(struct journal *j, const struct obj_info *info) MUST_CHECK;

/* ---- journal_time.c ---- */

/* A journal has begun: it is renewed, and committed after commit_interval, until it ends. */
void journal_watch(struct journal *j);
/* It is renewed while it is being recovered. */
void journal_renew(struct journal *j);

#endif
