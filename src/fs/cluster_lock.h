/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_CLUSTER_LOCK_H
#define NATSOBJ_FS_CLUSTER_LOCK_H

/*
 * Locks that count on every host, kept in a key-value bucket: one record for each locked file (a
 * lock_table as text) and one for each mount's session. Records are replaced by compare-and-set
 * only, and whoever gives a lock back hands it to the longest waiting in the same step, so nobody
 * races for it and nobody polls: a change is pushed to all.
 *
 * A session is renewed every third of its lease. A mount that sees another's session unchanged for
 * a whole lease by its own clock ends it, by compare-and-set, and its locks are free. A mount that
 * could not renew its own for two thirds of the lease must not change a locked file any more
 * (cluster_lock_check), so both never act at the same time. When its session was ended, its locks
 * are lost: changes stay forbidden until whoever held them has given them back.
 */

#include <stdbool.h>
#include <stdint.h>

#include "fs/lock_table.h"
#include "objstore/kv.h"
#include "util/cleanup.h"

/* Hash of a file's name, as a key. */
#define LOCK_KEY_LEN 44

struct cluster_locks;
struct lock_op;

struct cluster_locks_config {
	uint64_t lease_ms;
	uint64_t timeout_ms; /* of a request while the server is away; 0: wait for it */
	const char *host;    /* for people; copied */
};

enum lock_op_kind {
	LOCK_OP_TRY,	    /* want at once: -EAGAIN when it is not free */
	LOCK_OP_WAIT,	    /* want, however long it takes; -EDEADLK */
	LOCK_OP_TEST,	    /* who is in the way of want */
	LOCK_OP_UNLOCK,	    /* gives back want's bytes */
	LOCK_OP_DROP_OWNER, /* gives back all of want's kind and owner */
	LOCK_OP_DROP_VIA,   /* gives back all that came through the open file want.via */
};

/*
 * End of a request: 0, -EAGAIN, -EDEADLK, -EINTR (cancelled), -ENOLCK (too many locks, or the
 * bucket is gone and cannot be made), -EIO (a
 * lock of this owner on this file was lost), -ETIMEDOUT, -ENODEV, -EACCES, -ENOSPC, -ESHUTDOWN.
 * conflict: the answer to LOCK_OP_TEST, NULL when nothing is in the way; is_local: it is held on
 * this mount. Thread of the locks: must not wait.
 */
typedef void (*lock_done_fn)(void *arg, int err, const struct lock_entry *conflict, bool is_local);

/* The bucket must have no other watch. 0 or -errno. */
int cluster_locks_new(struct kv *kv, const struct cluster_locks_config *cfg,
		      struct cluster_locks **ret) MUST_CHECK;
/* Ends every request under way, now and from now on, with -ESHUTDOWN; what is held stays held.
 * Returns when all have ended. */
void cluster_locks_shutdown(struct cluster_locks *cl);
/* Gives everything back, as far as the server is there to be told, and ends the thread. The bucket
 * is to be closed next. NULL is harmless. Waits for seconds at most. */
void cluster_locks_stop(struct cluster_locks *cl);
/* Frees, after the bucket was closed. NULL is harmless. */
void cluster_locks_free(struct cluster_locks *cl);

/* The key of a file, from its object's name. */
int cluster_lock_key(const char *name, size_t len, char ret[LOCK_KEY_LEN + 1]) MUST_CHECK;

/*
 * A request about the file with the given key; name is for people. want's session is filled in
 * here. done is called once, after cluster_lock_submit. NULL without memory.
 */
struct lock_op *cluster_lock_op(struct cluster_locks *cl, enum lock_op_kind kind, const char *key,
				const char *name, const struct lock_entry *want, lock_done_fn done,
				void *arg) MUST_CHECK;
/* Names the request for cluster_lock_cancel. */
uint64_t cluster_lock_op_id(const struct lock_op *op);
/* Starts it and takes it over. Does not wait. */
void cluster_lock_submit(struct cluster_locks *cl, struct lock_op *op);
/* Ends a request for a lock with -EINTR, if it has not ended. Only takes a leaf lock. */
void cluster_lock_cancel(struct cluster_locks *cl, uint64_t id);

/* False when this mount holds and misses nothing on any file: the cheap question. */
bool cluster_lock_is_used(struct cluster_locks *cl);
/* Whether this mount holds or misses something on the file. */
bool cluster_lock_is_locked(struct cluster_locks *cl, const char *key);
/* Whether something on it is held, or may have been lost, that came through the open file by->via,
 * or (0) is of by's kind and owner. */
bool cluster_lock_is_held(struct cluster_locks *cl, const char *key, const struct lock_entry *by);
/* Whether the file may be changed: -EIO when this mount has locks on it that it lost or may be
 * about to lose. */
int cluster_lock_check(struct cluster_locks *cl, const char *key) MUST_CHECK;

#endif
