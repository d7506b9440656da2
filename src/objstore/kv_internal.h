/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_KV_INTERNAL_H
#define NATSOBJ_OBJSTORE_KV_INTERNAL_H

/* What kv_bucket.c and kv_watch.c share. Nobody else includes it. */

#include <pthread.h>

#include "objstore/bucket_internal.h"
#include "objstore/feed.h"
#include "objstore/kv.h"

struct kv_bucket {
	struct kv base; /* first */
	/* set before sharing */
	struct bucket *bucket; /* lends connection and requests */
	struct kv_listener listener;

	/* the watch */
	pthread_t thread;
	bool has_thread;
	struct mutex lock;
	struct cond changed;
	bool is_stopping; /* protected by lock */
	struct feed feed;
};

static inline struct kv_bucket *kv_bucket_of(struct kv *kv)
{
	return container_of(kv, struct kv_bucket, base);
}

/* With the bucket in place, or NULL. */
void kv_watch_init(struct kv_bucket *kv);
int kv_watch_start(struct kv *base, const struct kv_listener *l) MUST_CHECK;
/* Ends the thread; harmless without one. */
void kv_watch_stop(struct kv_bucket *kv);
/* Frees what is left, once the connection is closed. */
void kv_watch_done(struct kv_bucket *kv);

#endif
