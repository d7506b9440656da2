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
 * Before a lock is given back or made a shared one, and by names its owner: stores what is unsaved,
 * so that the next holder finds it, if there is such a lock. An error is that of the commit; the
 * next flush or fsync tells it, too.
 */
int fs_lock_prepare(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h,
		    const struct lock_entry *by) MUST_CHECK;
/*
 * After a lock on h's file was granted, and before its owner hears of it: h gets the newest version
 * that the leader has, unless the file has unsaved changes here or lost its name. All descriptors
 * of its node follow. *ret_is_new: what the kernel has of h's node is of an older version. Waits,
 * while other requests about the file may be under way. 0, or why it is not known what is newest.
 */
int fs_lock_follow(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, bool *ret_is_new)
	MUST_CHECK;
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
