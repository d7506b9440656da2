/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_KV_INTERNAL_H
#define NATSOBJ_OBJSTORE_KV_INTERNAL_H

/* What kv_bucket.c, kv_make.c and kv_watch.c share. Nobody else includes it. */

#include <pthread.h>
#include <stdatomic.h>

#include "objstore/bucket_internal.h"
#include "objstore/feed.h"
#include "objstore/kv.h"

struct kv_bucket {
	struct kv base; /* first */
	/* set before sharing */
	struct bucket *bucket; /* lends connection and requests */
	uint32_t replicas;
	struct kv_listener listener;
	atomic_uint_fast64_t seen_seq; /* the highest that was stored or told */

	/* the watch */
	pthread_t thread;
	bool has_thread;
	struct mutex lock;
	struct cond changed;
	bool is_stopping; /* protected by lock */
	bool is_doubted;  /* likewise: look whether it is the same bucket */
	struct feed feed;

	/* the watch's thread's, once there is one */
	int64_t created_ns;
	uint64_t look_ns; /* not again before that */
	bool is_missing;  /* the listener knows that there is no bucket */
};

static inline struct kv_bucket *kv_bucket_of(struct kv *kv)
{
	return container_of(kv, struct kv_bucket, base);
}

static inline void kv_note_seq(struct kv_bucket *kv, uint64_t seq)
{
	uint64_t seen = atomic_load(&kv->seen_seq);

	while (seen < seq && !atomic_compare_exchange_weak(&kv->seen_seq, &seen, seq))
		;
}

/* ---- kv_make.c ---- */

/* *ret_why also where it is no use to try again. Waits. */
int kv_find_or_make(struct kv_bucket *kv, struct stream_info *ret, char **ret_why) MUST_CHECK;
/* Looks whether the bucket is the same as before, if not makes it again, and tells the listener.
 * Errors: there is no bucket, or it cannot be said. Waits. */
int kv_look(struct kv_bucket *kv, bool *ret_is_other) MUST_CHECK;

/* ---- kv_watch.c ---- */

/* With the bucket in place, or NULL. */
void kv_watch_init(struct kv_bucket *kv);
int kv_watch_start(struct kv *base, const struct kv_listener *l) MUST_CHECK;
/* Something does not fit: have a look soon. Does not wait; only takes a lock of LOCK_RANK_STORE. */
void kv_watch_doubt(struct kv_bucket *kv);
/* Ends the thread; harmless without one. */
void kv_watch_stop(struct kv_bucket *kv);
/* Frees what is left, once the connection is closed. */
void kv_watch_done(struct kv_bucket *kv);

#endif
