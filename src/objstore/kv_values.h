/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_KV_VALUES_H
#define NATSOBJ_OBJSTORE_KV_VALUES_H

/*
 * Content in a key-value bucket. A value is the message that describes it, so an upload stays in
 * memory until its metadata are stored, and what an answer about a key brought is kept for whoever
 * reads it next. Implements the put and get operations of objstore/store.h for such buckets.
 *
 * The identifier of a stored value is made of the stream's creation time and its sequence.
 *
 * All functions may be called from any thread and do not wait, unless their comment says so.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/keys.h"
#include "objstore/store.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/lock.h"

struct bucket;
struct stored;
struct kv_names;

/* Of one bucket. */
struct values {
	struct mutex lock;
	struct cond changed;
	/* protected by lock */
	struct hash table;	/* struct value, by identifier */
	struct list recent;	/* the same, those used last behind */
	uint64_t bytes;		/* of all */
	struct list fetches;	/* reads that wait for the thread, see kv_get.c */
	struct kv_names *names; /* as last listed, see kv_history.c; or NULL */
	bool is_stopping, has_thread;
	pthread_t thread;
};

struct values *values_new(void) MUST_CHECK;
/* Starts the thread that reads values. */
int values_start(struct bucket *b) MUST_CHECK;
/* Ends the thread. NULL is harmless, as below. Waits. */
void values_stop(struct values *v);
void values_free(struct values *v);

/* The identifier of the value that was stored with seq. */
void values_nuid(struct bucket *b, uint64_t seq, char ret[OBJ_NUID_MAX + 1]);
/* The sequence in such an identifier; 0 when it is none, or of a stream that was there before. */
uint64_t values_seq(struct bucket *b, const char *nuid);
/* Keeps a stored value for a while. Takes over *data, which is NULL then, unless it is too long. */
void values_note(struct values *v, const char *nuid, uint8_t **data, size_t len);
/* References to the chunks of a value that is in memory, NULL-terminated, for the caller to drop
 * with values_drop_chunks; NULL when it is not, or without memory. At most max of them. */
struct chunk **values_chunks(struct values *v, const char *nuid, size_t max);
void values_drop_chunks(struct chunk **chunks);
/* Appends the whole value of an upload or of a stored version: -EIO there is none, -ESTALE it is
 * not in the bucket any more. Waits. */
int values_append(struct bucket *b, const char *nuid, uint64_t size, struct buf *out) MUST_CHECK;

int kv_put_open(struct store *s, struct store_put **ret) MUST_CHECK;
int kv_put_add(struct store_put *sp, struct chunk *chunk) MUST_CHECK;
bool kv_put_has_room(struct store_put *sp);
int kv_put_wait_room(struct store_put *sp) MUST_CHECK;
int kv_put_finish(struct store_put *sp, struct put_result *ret) MUST_CHECK;
void kv_put_close(struct store_put *sp, bool keep);
void kv_purge_all(struct store *s, const char *const *nuids, size_t n, int *ret_errs);

int kv_history(struct store *s, const char *name, size_t len, struct obj_info ***ret, size_t *ret_n)
	MUST_CHECK;
int kv_history_names(struct store *s, const char *prefix, char ***ret, size_t *ret_n) MUST_CHECK;
void kv_names_free(struct kv_names *k);

int kv_get_open(struct store *s, const struct obj_info *info, struct store_get **ret) MUST_CHECK;
void kv_get_close(struct store_get *sg);
int kv_get_index(struct store_get *sg, bool may_wait) MUST_CHECK;
void kv_get_locate(struct store_get *sg, uint64_t off, uint32_t *ret_idx, uint64_t *ret_off);
int kv_get_chunk(struct store_get *sg, uint32_t idx, bool may_wait, get_chunk_fn fn, void *arg)
	MUST_CHECK;

#endif
