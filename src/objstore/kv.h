/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_KV_H
#define NATSOBJ_OBJSTORE_KV_H

/*
 * The port to one key-value bucket (NATS ADR-8): small values that are replaced by compare-and-set
 * and whose changes are pushed. Implemented on a real server (kv_bucket.c) and in memory for tests.
 *
 * Every value has the sequence of the message that stored it; sequences of all keys of a bucket
 * rise together. A key that was never stored, was deleted or has expired has an empty value, with
 * the sequence that a put has to expect (0: none).
 *
 * No call here waits. Callbacks run on threads of the bucket, one at a time for each call; they
 * must not wait except on_entry, and locks they take must be of rank LOCK_RANK_LEAF.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct kv;
struct conn_config;

#define KV_KEY_MAX 200

struct kv_listener {
	void *arg;
	/* The newest value of a key: at first of all keys, then whenever one changes, and of all
	 * again after a lost connection. len 0: deleted. May come twice and, for one key, late, but
	 * the last change of each key comes, except for an expiry. May wait. */
	void (*on_entry)(void *arg, const char *key, const void *value, size_t len, uint64_t seq);
	/* All that was known is void: the bucket was deleted, or what it had stored. 0: another one
	 * is in its place, whose values come next and whose sequences begin anew. -errno: there is
	 * none, and it cannot be made now, which is tried again. What is under way may be of either
	 * bucket. May be NULL. May wait. */
	void (*on_lost)(void *arg, int err);
};

/*
 * End of a get or put. Errors: -ESTALE another sequence is there, nothing was stored; -ETIMEDOUT or
 * -ENOTCONN no answer, and a put may have been stored or may still be; -ENODEV the bucket is gone,
 * -EACCES, -ENOSPC, -ESHUTDOWN, -ENOMEM, -EIO. After a get value and len are the value, valid
 * during the call.
 */
typedef void (*kv_done_fn)(void *arg, int err, uint64_t seq, const void *value, size_t len);

struct kv_ops {
	void (*close)(struct kv *kv);
	int (*watch)(struct kv *kv, const struct kv_listener *l);
	int (*get)(struct kv *kv, const char *key, uint64_t timeout_ms, kv_done_fn done, void *arg);
	int (*put)(struct kv *kv, const char *key, const void *value, size_t len,
		   uint64_t expected_seq, uint64_t timeout_ms, kv_done_fn done, void *arg);
};

struct kv {
	const struct kv_ops *ops;
	char bucket[256];
	uint64_t max_age_ns; /* values older than this vanish; 0: they stay */
	size_t max_value;    /* bytes */
};

/*
 * Connects and opens the bucket, which is made when it is missing, with the given number of
 * replicas. On failure *ret_why (freed by the caller) is one sentence for people. Errors as for
 * bucket_open; -EOPNOTSUPP when compare-and-set cannot be relied on: a replicated bucket on a
 * server older than 2.9.21. Waits.
 */
int kv_open(const struct conn_config *cfg, const char *bucket, uint32_t replicas, struct kv **ret,
	    char **ret_why) MUST_CHECK;

/* Ends everything under way with -ESHUTDOWN and frees. NULL is harmless. Waits. */
static inline void kv_close(struct kv *kv)
{
	if (kv)
		kv->ops->close(kv);
}

/* Starts the one watch, which goes on until kv_close. It makes a bucket that was lost again. */
static inline int MUST_CHECK kv_watch(struct kv *kv, const struct kv_listener *l)
{
	return kv->ops->watch(kv, l);
}

/* Reads the newest value at the stream's leader. 0: done is called once, maybe before this returns;
 * else -errno and it is not. */
static inline int MUST_CHECK kv_get(struct kv *kv, const char *key, uint64_t timeout_ms,
				    kv_done_fn done, void *arg)
{
	return kv->ops->get(kv, key, timeout_ms, done, arg);
}

/* Stores a value (len 0: deletes) if the key's sequence is expected_seq. As kv_get. */
static inline int MUST_CHECK kv_put(struct kv *kv, const char *key, const void *value, size_t len,
				    uint64_t expected_seq, uint64_t timeout_ms, kv_done_fn done,
				    void *arg)
{
	return kv->ops->put(kv, key, value, len, expected_seq, timeout_ms, done, arg);
}

#endif
