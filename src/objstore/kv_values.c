/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Values in memory: uploads that wait for their metadata, and what was stored or read of late. Both
 * are found by their identifier in one table, from which the ones not used for longest go when it
 * gets too large; uploads that are still open stay.
 */
#include "objstore/kv_values.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/digest.h"

/* Values kept altogether, and the longest that is kept for others than its uploader. */
#define KEEP_BYTES (UINT64_C(32) << 20)
#define KEEP_ONE (UINT64_C(4) << 20)
/* Chunks of one value. */
#define CHUNKS_MAX (1U << 20)

struct value {
	struct hash_node node;
	struct list link;
	bool is_open; /* an upload that goes on */
	uint64_t size;
	uint32_t n, cap;
	struct chunk **chunks;
	char nuid[];
};

struct kv_put {
	struct store_put pub; /* first */
	struct bucket *bucket;
	struct digest *digest;
	struct value *value; /* not dropped while it is open; only this changes it, locked */
	int err;
};

struct values *values_new(void)
{
	struct values *v = calloc(1, sizeof(*v));

	if (!v)
		return NULL;
	mutex_init(&v->lock, LOCK_RANK_STORE);
	cond_init(&v->changed);
	hash_init(&v->table);
	list_init(&v->recent);
	list_init(&v->fetches);
	return v;
}

static void drop_locked(struct values *v, struct value *value)
{
	hash_remove(&v->table, &value->node);
	list_remove(&value->link);
	v->bytes -= value->size;
	for (uint32_t i = 0; i < value->n; i++)
		chunk_unref(value->chunks[i]);
	free(value->chunks);
	free(value);
}

void values_free(struct values *v)
{
	struct list *l;

	if (!v)
		return;
	while ((l = v->recent.next) != &v->recent)
		drop_locked(v, list_entry(l, struct value, link));
	hash_done(&v->table);
	kv_names_free(v->names);
	cond_done(&v->changed);
	mutex_done(&v->lock);
	free(v);
}

static struct value *find_locked(struct values *v, const char *nuid)
{
	uint64_t hv = hash_bytes(nuid, strlen(nuid));

	mutex_assert_held(&v->lock);
	hash_for_each (n, &v->table, hv) {
		struct value *value = container_of(n, struct value, node);

		if (n->hash == hv && strcmp(value->nuid, nuid) == 0)
			return value;
	}
	return NULL;
}

static struct value *add_locked(struct values *v, const char *nuid)
{
	struct value *value = calloc(1, sizeof(*value) + strlen(nuid) + 1);

	if (!value)
		return NULL;
	strcpy(value->nuid, nuid);
	if (hash_insert(&v->table, &value->node, hash_bytes(nuid, strlen(nuid))) < 0) {
		free(value);
		return NULL;
	}
	list_push_back(&v->recent, &value->link);
	return value;
}

/* Takes over the chunk. */
static int extend_locked(struct values *v, struct value *value, struct chunk *chunk)
{
	if (value->n == value->cap) {
		uint32_t cap = value->cap ? 2 * value->cap : 1;
		struct chunk **more = NULL;

		if (value->n < CHUNKS_MAX)
			more = reallocarray(value->chunks, cap, sizeof(*more));
		if (!more) {
			chunk_unref(chunk);
			return -ENOMEM;
		}
		value->chunks = more;
		value->cap = cap;
	}
	value->chunks[value->n++] = chunk;
	value->size += chunk->len;
	v->bytes += chunk->len;
	return 0;
}

static void make_room_locked(struct values *v)
{
	list_for_each_safe (it, &v->recent) {
		struct value *value = list_entry(it, struct value, link);

		if (v->bytes <= KEEP_BYTES)
			return;
		if (!value->is_open)
			drop_locked(v, value);
	}
}

void values_note(struct values *v, const char *nuid, uint8_t **data, size_t len)
{
	struct value *value;
	struct chunk *chunk;

	if (len == 0 || len > KEEP_ONE)
		return;
	LOCK_SCOPE(&v->lock);
	value = find_locked(v, nuid);
	if (value) {
		list_remove(&value->link);
		list_push_back(&v->recent, &value->link);
		return;
	}
	chunk = chunk_wrap(*data, len, free, *data);
	if (!chunk)
		return;
	*data = NULL;
	value = add_locked(v, nuid);
	if (!value)
		chunk_unref(chunk);
	else if (extend_locked(v, value, chunk) < 0)
		drop_locked(v, value);
	make_room_locked(v);
}

struct chunk **values_chunks(struct values *v, const char *nuid, size_t max)
{
	struct chunk **ret = NULL;
	struct value *value;
	size_t n;

	LOCK_SCOPE(&v->lock);
	value = find_locked(v, nuid);
	if (!value || value->n == 0)
		return NULL;
	list_remove(&value->link);
	list_push_back(&v->recent, &value->link);
	n = value->n < max ? value->n : max;
	ret = calloc(n + 1, sizeof(*ret));
	for (size_t i = 0; ret && i < n; i++)
		ret[i] = chunk_ref(value->chunks[i]);
	return ret;
}

void values_drop_chunks(struct chunk **chunks)
{
	for (struct chunk **c = chunks; c && *c; c++)
		chunk_unref(*c);
	free(chunks);
}

/* Tells streams apart that had one name after the other. */
static uint32_t stream_mark(struct bucket *b)
{
	int64_t created_ns;

	mutex_lock(&b->lock);
	created_ns = b->last_info.created_ns;
	mutex_unlock(&b->lock);
	return (uint32_t)hash_bytes_stable(&created_ns, sizeof(created_ns));
}

void values_nuid(struct bucket *b, uint64_t seq, char ret[OBJ_NUID_MAX + 1])
{
	/* Not longer than that of an upload, for which every node has room. */
	snprintf(ret, OBJ_NUID_MAX + 1, "@%08" PRIx32 "-%" PRIx64, stream_mark(b), seq);
}

uint64_t values_seq(struct bucket *b, const char *nuid)
{
	uint32_t mark;
	uint64_t seq;
	int end = 0;

	if (sscanf(nuid, "@%8" SCNx32 "-%16" SCNx64 "%n", &mark, &seq, &end) != 2 || nuid[end])
		return 0;
	return mark == stream_mark(b) ? seq : 0;
}

/* From the bucket: another name may get what one has. */
static int append_stored(struct bucket *b, const char *nuid, uint64_t size, struct buf *out)
{
	_cleanup_stored_ struct stored stored = {0};
	uint64_t seq = values_seq(b, nuid);
	int err = seq ? stored_read_seq(b, seq, &stored) : -EIO;

	if (err == -ENOENT)
		return -ESTALE;
	if (!err && stored.len != size)
		return -EIO;
	if (!err)
		buf_append(out, stored.data, stored.len);
	return err ? err : buf_error(out);
}

int values_append(struct bucket *b, const char *nuid, uint64_t size, struct buf *out)
{
	struct chunk **chunks;

	if (size == 0)
		return 0;
	if (size > b->store.max_object_size)
		return -EFBIG;
	chunks = values_chunks(b->values, nuid, SIZE_MAX);
	if (!chunks)
		return append_stored(b, nuid, size, out);
	for (struct chunk **c = chunks; *c; c++)
		buf_append(out, (*c)->data, (*c)->len);
	values_drop_chunks(chunks);
	if (buf_error(out))
		return buf_error(out);
	return out->len == size ? 0 : -EIO;
}

/* --- uploads --- */

static struct kv_put *put_of(struct store_put *sp)
{
	return container_of(sp, struct kv_put, pub);
}

int kv_put_open(struct store *s, struct store_put **ret)
{
	struct kv_put *p = calloc(1, sizeof(*p));
	struct bucket *b = bucket_of(s);
	char nuid[OBJ_NUID_LEN + 1];
	int err = bucket_check_writable(b);

	if (!p)
		return -ENOMEM;
	p->digest = digest_new();
	if (err || !p->digest) {
		digest_free(p->digest);
		free(p);
		return err ? err : -ENOMEM;
	}
	p->pub.ops = s->ops;
	p->bucket = b;
	obj_nuid_new(nuid);
	mutex_lock(&b->values->lock);
	p->value = add_locked(b->values, nuid);
	if (p->value)
		p->value->is_open = true;
	mutex_unlock(&b->values->lock);
	if (!p->value) {
		digest_free(p->digest);
		free(p);
		return -ENOMEM;
	}
	*ret = &p->pub;
	return 0;
}

int kv_put_add(struct store_put *sp, struct chunk *chunk)
{
	struct kv_put *p = put_of(sp);
	struct values *v = p->bucket->values;

	if (!p->err && p->value->size + chunk->len > p->bucket->store.max_object_size)
		p->err = -EFBIG;
	if (!p->err && bucket_is_closing(p->bucket))
		p->err = -ESHUTDOWN;
	if (p->err) {
		chunk_unref(chunk);
		return p->err;
	}
	digest_add(p->digest, chunk->data, chunk->len);
	LOCK_SCOPE(&v->lock);
	p->err = extend_locked(v, p->value, chunk);
	make_room_locked(v);
	return p->err;
}

bool kv_put_has_room(struct store_put *sp)
{
	(void)sp;
	return true;
}

int kv_put_wait_room(struct store_put *sp)
{
	return put_of(sp)->err;
}

int kv_put_finish(struct store_put *sp, struct put_result *ret)
{
	struct kv_put *p = put_of(sp);
	struct digest *sum;

	if (p->err)
		return p->err;
	sum = digest_dup(p->digest);
	if (!sum)
		return -ENOMEM;
	*ret = (struct put_result){.size = p->value->size,
				   .chunks = p->value->n,
				   .max_chunk_size = p->bucket->store.chunk_size};
	strcpy(ret->nuid, p->value->nuid);
	digest_finish(sum, ret->digest);
	digest_free(sum);
	return 0;
}

void kv_put_close(struct store_put *sp, bool keep)
{
	struct kv_put *p = put_of(sp);
	struct values *v = p->bucket->values;

	mutex_lock(&v->lock);
	if (keep)
		p->value->is_open = false;
	else
		drop_locked(v, p->value);
	make_room_locked(v);
	mutex_unlock(&v->lock);
	digest_free(p->digest);
	free(p);
}

void kv_purge_all(struct store *s, const char *const *nuids, size_t n, int *ret_errs)
{
	struct values *v = bucket_of(s)->values;

	LOCK_SCOPE(&v->lock);
	for (size_t i = 0; i < n; i++) {
		struct value *value = find_locked(v, nuids[i]);

		if (value && !value->is_open)
			drop_locked(v, value);
		ret_errs[i] = 0;
	}
}
