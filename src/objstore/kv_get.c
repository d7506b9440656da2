/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading a value. It is one message, so there is no index to learn; most often it is in memory,
 * because the answer about the key that led here brought it. Otherwise a thread reads it: one
 * after the other, which does for what is asked for so seldom.
 */
#include "objstore/kv_values.h"

#include <stdlib.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"

struct kv_get {
	struct store_get pub; /* first */
	struct bucket *bucket;
	uint64_t size;
	uint32_t n; /* chunks, as the info says */
	atomic_uint refs;
	atomic_bool is_closed;
	struct chunk **chunks; /* NULL: not in memory when it was opened. Set before sharing. */
	char nuid[OBJ_NUID_MAX + 1];
};

struct fetch {
	struct list link;
	struct kv_get *get; /* a reference */
	uint32_t idx;
	get_chunk_fn fn;
	void *arg;
};

static struct kv_get *get_of(struct store_get *sg)
{
	return container_of(sg, struct kv_get, pub);
}

static void get_unref(struct kv_get *g)
{
	if (atomic_fetch_sub(&g->refs, 1) != 1)
		return;
	values_drop_chunks(g->chunks);
	free(g);
}

/* Whether what is in memory is what the info says. */
static bool is_whole(const struct kv_get *g)
{
	uint64_t size = 0;
	uint32_t n = 0;

	for (struct chunk **c = g->chunks; *c; c++, n++)
		size += (*c)->len;
	return size == g->size && n == g->n;
}

int kv_get_open(struct store *s, const struct obj_info *info, struct store_get **ret)
{
	struct bucket *b = bucket_of(s);
	struct kv_get *g;

	*ret = NULL;
	if (info->is_malformed || info->is_deleted || (info->size > 0 && info->chunks == 0))
		return -EIO;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->pub.ops = s->ops;
	g->bucket = b;
	g->size = info->size;
	g->n = info->chunks;
	atomic_init(&g->refs, 1);
	atomic_init(&g->is_closed, false);
	strcpy(g->nuid, info->nuid);
	g->chunks = values_chunks(b->values, g->nuid, g->n);
	*ret = &g->pub;
	return 0;
}

void kv_get_close(struct store_get *sg)
{
	struct kv_get *g = get_of(sg);

	atomic_store(&g->is_closed, true);
	get_unref(g);
}

int kv_get_index(struct store_get *sg, bool may_wait)
{
	struct kv_get *g = get_of(sg);

	(void)may_wait;
	if (g->size == 0)
		return 0;
	if (g->chunks)
		return is_whole(g) ? 0 : -EIO;
	/* An upload that is not in memory is nowhere. */
	if (!values_seq(g->bucket, g->nuid))
		return -ESTALE;
	return g->n == 1 ? 0 : -EIO;
}

void kv_get_locate(struct store_get *sg, uint64_t off, uint32_t *ret_idx, uint64_t *ret_off)
{
	struct kv_get *g = get_of(sg);

	*ret_idx = 0;
	*ret_off = 0;
	for (struct chunk **c = g->chunks; c && c[1]; c++) {
		if (off < *ret_off + (*c)->len)
			return;
		*ret_off += (*c)->len;
		++*ret_idx;
	}
}

/* Reads a stored value as one chunk. Waits. */
static int read_value(const struct kv_get *g, struct chunk **ret)
{
	_cleanup_stored_ struct stored stored = {0};
	uint64_t seq = values_seq(g->bucket, g->nuid);
	int err = seq ? stored_read_seq(g->bucket, seq, &stored) : -ESTALE;

	if (err == -ENOENT)
		return -ESTALE;
	if (!err && stored.len != g->size)
		return -EIO;
	if (err)
		return err;
	*ret = chunk_wrap(stored.data, stored.len, free, stored.data);
	if (!*ret)
		return -ENOMEM;
	stored.data = NULL;
	return 0;
}

static void fetch_end(struct fetch *f, struct chunk *chunk, int err)
{
	if (!err && atomic_load(&f->get->is_closed)) {
		chunk_unref(chunk);
		chunk = NULL;
		err = -ECANCELED;
	}
	f->fn(f->arg, f->idx, chunk, err);
	get_unref(f->get);
	free(f);
}

static struct fetch *next_fetch(struct values *v)
{
	struct list *l;

	LOCK_SCOPE(&v->lock);
	while (list_is_empty(&v->fetches) && !v->is_stopping)
		cond_wait(&v->changed, &v->lock);
	l = list_pop_front(&v->fetches);
	return l ? list_entry(l, struct fetch, link) : NULL;
}

static void *fetch_main(void *arg)
{
	struct bucket *b = arg;
	struct fetch *f;

	while ((f = next_fetch(b->values))) {
		struct chunk *chunk = NULL;
		int err = -ECANCELED;

		if (!atomic_load(&f->get->is_closed))
			err = bucket_is_closing(b) ? -ESHUTDOWN : read_value(f->get, &chunk);
		fetch_end(f, chunk, err);
	}
	nats_ReleaseThreadMemory();
	return NULL;
}

int values_start(struct bucket *b)
{
	int err = thread_start(&b->values->thread, "kv-read", fetch_main, b);

	b->values->has_thread = err == 0;
	return err;
}

void values_stop(struct values *v)
{
	if (!v || !v->has_thread)
		return;
	mutex_lock(&v->lock);
	v->is_stopping = true;
	cond_broadcast(&v->changed);
	mutex_unlock(&v->lock);
	pthread_join(v->thread, NULL);
	v->has_thread = false;
}

static int queue_fetch(struct kv_get *g, uint32_t idx, get_chunk_fn fn, void *arg)
{
	struct values *v = g->bucket->values;
	struct fetch *f = malloc(sizeof(*f));

	if (!f)
		return -ENOMEM;
	*f = (struct fetch){.get = g, .idx = idx, .fn = fn, .arg = arg};
	LOCK_SCOPE(&v->lock);
	if (v->is_stopping) {
		free(f);
		return -ESHUTDOWN;
	}
	atomic_fetch_add(&g->refs, 1);
	list_push_back(&v->fetches, &f->link);
	cond_signal(&v->changed);
	return 0;
}

/* The whole value, where an answer that came after the get was opened brought it. */
static struct chunk *take_recent(const struct kv_get *g)
{
	struct chunk **chunks = values_chunks(g->bucket->values, g->nuid, 2);
	struct chunk *c = NULL;

	if (chunks && !chunks[1] && chunks[0]->len == g->size)
		c = chunk_ref(chunks[0]);
	values_drop_chunks(chunks);
	return c;
}

int kv_get_chunk(struct store_get *sg, uint32_t idx, bool may_wait, get_chunk_fn fn, void *arg)
{
	struct kv_get *g = get_of(sg);

	(void)may_wait;
	if (idx >= g->n)
		return -EINVAL;
	if (!g->chunks) {
		struct chunk *c = take_recent(g);

		if (!c)
			return queue_fetch(g, idx, fn, arg);
		fn(arg, idx, c, 0);
		return 0;
	}
	for (uint32_t i = 0; i <= idx; i++)
		if (!g->chunks[i])
			return -EINVAL;
	fn(arg, idx, chunk_ref(g->chunks[idx]), 0);
	return 0;
}
