/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_LOCKS_H
#define NATSOBJ_FS_LOCKS_H

/*
 * Locks on open files that count on every host, for mounts that ask for it. Without fs_use_locks
 * every function here says that there are none.
 *
 * A lock belongs to the name that the file had when it was first locked here.
 */

#include "fs/cluster_lock.h"
#include "fs/fs.h"

/* From before the first request on; cl has to live until the last. */
void fs_use_locks(struct fs *fs, struct cluster_locks *cl);

/*
 * Before a lock is given back or made a shared one: stores what is unsaved, so that the next holder
 * finds it. What goes wrong is told by the next flush or fsync. 0 or -FS_WOULD_WAIT.
 */
int fs_lock_prepare(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h,
		    enum lock_mode mode) MUST_CHECK;
/* A request about h's file (cluster_lock_op); goes to fs_lock_submit. */
int fs_lock_op(struct fs *fs, struct fs_handle *h, enum lock_op_kind kind,
	       const struct lock_entry *want, lock_done_fn done, void *arg, struct lock_op **ret)
	MUST_CHECK;
void fs_lock_submit(struct fs *fs, struct lock_op *op);
void fs_lock_cancel(struct fs *fs, uint64_t id);
/* Whether closing a descriptor of h may have to give something back. */
bool fs_lock_is_locked(struct fs *fs, struct fs_handle *h);
/* Ends all requests: the mount comes to its end. */
void fs_locks_shutdown(struct fs *fs);

#endif
