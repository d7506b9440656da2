/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_EARLY_H
#define NATSOBJ_FS_EARLY_H

/*
 * A mount before its first listing is complete.
 *
 * To list a large bucket takes the server long, because the metadata lie among the chunks; the
 * names alone do not. So a listing that has not ended after a second goes on behind a mount that
 * knows the names. Until its end ("early")
 *
 *  - readers are served. What they look up is asked for at the leader, whatever the tree has, and
 *    the kernel believes nothing. The names say what may be below a directory; as removed ones are
 *    among them, nothing is shown of which the leader has not told;
 *  - whoever wants to change something waits (fs_begin_change), as do those for whom the names are
 *    not enough: in directories with more entries than are asked for one by one, with hard links,
 *    while directories are being renamed.
 *
 * What the names do not have was announced since (store_catch_up), so it is in the tree. Key-value
 * buckets and the directory of buckets know no names, and wait for the listing.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "objstore/name_list.h"
#include "objstore/store.h"
#include "util/lock.h"

struct fs;
struct fs_ctx;
struct node;

struct early {
	/* Requests are served before the listing is complete, or it failed under way. */
	atomic_bool is_on;
	uint64_t start_seq; /* what is not newer was there when the mount began */
	struct watch_listener listener;
	pthread_t thread;
	bool has_thread; /* of whoever starts and stops; others do not look */

	struct mutex lock; /* leaf; protects what follows */
	struct cond changed;
	bool is_over; /* with err: the result of the listing */
	int err;
	bool is_stopping;
	bool is_blind;		/* nothing is served: everybody waits */
	unsigned n_begun;	/* listings; names that are of an earlier one are out of date */
	unsigned names_of;	/* the listing during which the names were read */
	struct name_list names; /* in byte order */
};

void early_init(struct early *e);
void early_done(struct early *e);

/* --- early.c --- */

/* Starts the watch. Returns when the first listing is complete, or has failed; or when it takes
 * long and the mount can be used already. then is called on another thread when it is complete, and
 * its error fails the mount. Waits. */
int early_start(struct fs *fs, const struct watch_listener *l, int (*then)(struct fs *fs))
	MUST_CHECK;
/* Ends a listing that is under way, and with it the store's use. Those who wait for it get
 * -ESHUTDOWN. May be called again. Waits a moment. */
void early_stop(struct fs *fs);
/* A listing begins. The tree may be locked. */
void early_note_listing(struct fs *fs, bool is_other_history);

static inline bool early_is_on(const struct early *e)
{
	return atomic_load_explicit(&e->is_on, memory_order_acquire);
}

/* Until the listing is complete, which is at once if that is so: 0, what it failed with,
 * -FS_WOULD_WAIT, or -ESHUTDOWN. Waits. */
int early_wait(struct fs *fs, const struct fs_ctx *ctx) MUST_CHECK;

/* --- early_look.c --- */

/* A name in dir is about to be looked up. 1: the tree shows what the leader has of it; 0: the tree
 * is complete; or -errno, -FS_WOULD_WAIT among them. Waits. */
int early_look(struct fs *fs, const struct fs_ctx *ctx, struct node *dir, const char *name)
	MUST_CHECK;
/* A directory is about to be listed: afterwards the tree has all of its entries. As early_look. */
int early_list(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid) MUST_CHECK;
/* Asks the leader for these names and shows its answers. ret_is_live, which may be NULL, has room
 * for each. -EAGAIN: one is a hard link, of which the tree does not show what is known. Waits. */
int early_ask(struct fs *fs, const struct name_list *names, bool *ret_is_live) MUST_CHECK;

#endif
