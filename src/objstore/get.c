/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The content of one object version. A get is counted: its owner, every fetch and a listing hold a
 * reference, so that answers after get_close find it alive.
 *
 * g->lock protects state and index; callbacks run without it.
 */
#include <string.h>

#include "objstore/api.h"
#include "objstore/get_internal.h"
#include "objstore/subject.h"

/* Between two tries to list chunks. */
#define RETRY_MS 50

static struct get *get_of(struct store_get *sg)
{
	return container_of(sg, struct get, pub);
}

static void get_free(struct get *g)
{
	chunk_unref(g->first);
	chunk_unref(g->last);
	chunk_index_done(&g->index);
	cond_done(&g->changed);
	mutex_done(&g->lock);
	free(g->subject);
	free(g);
}

void get_unref(struct get *g)
{
	if (g && atomic_fetch_sub(&g->refs, 1) == 1)
		get_free(g);
}

/* What the metadata says about itself; an empty content needs no messages. */
static int check_info(const struct obj_info *info)
{
	if (info->is_malformed || info->is_deleted)
		return -EIO;
	if (info->size > 0 &&
	    (info->chunks == 0 || !obj_nuid_is_valid(info->nuid, strlen(info->nuid))))
		return -EIO;
	return 0;
}

int get_open(struct store *s, const struct obj_info *info, struct store_get **ret)
{
	struct get *g;
	int err = check_info(info);

	*ret = NULL;
	if (err < 0)
		return err;
	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->pub.ops = &bucket_ops;
	g->bucket = bucket_of(s);
	atomic_init(&g->refs, 1);
	mutex_init(&g->lock, LOCK_RANK_STORE);
	cond_init(&g->changed);
	g->max_chunk_size = info->max_chunk_size;
	chunk_index_init(&g->index, info->size, info->chunks);
	g->state = info->size == 0 ? INDEX_READY : INDEX_NONE;
	g->subject = obj_chunk_subject(s->bucket, info->nuid);
	if (!g->subject) {
		get_free(g);
		return -ENOMEM;
	}
	*ret = &g->pub;
	return 0;
}

void get_close(struct store_get *sg)
{
	struct get *g = get_of(sg);

	mutex_lock(&g->lock);
	g->is_closed = true;
	mutex_unlock(&g->lock);
	/* Parked requests end there. */
	parked_forget(g->bucket);
	get_unref(g);
}

/* What is known, or -EINPROGRESS; then *ret_start tells that it is the caller's to begin. */
static int look_at_index(struct get *g, bool *ret_start)
{
	LOCK_SCOPE(&g->lock);
	*ret_start = g->state == INDEX_NONE;
	switch (g->state) {
	case INDEX_READY:
		return 0;
	case INDEX_BAD:
		return g->index_err;
	case INDEX_NONE:
		g->state = INDEX_ASKED;
		break;
	case INDEX_ASKED:
	case INDEX_LISTING:
		break;
	}
	return -EINPROGRESS;
}

/* One try: until it is known or the connection fails. */
static int learn_index(struct get *g)
{
	unsigned int n_failures;
	bool is_start;
	int err;

	mutex_lock(&g->lock);
	n_failures = g->n_failures;
	mutex_unlock(&g->lock);
	err = look_at_index(g, &is_start);
	if (err != -EINPROGRESS)
		return err;
	if (is_start)
		index_start(g);
	LOCK_SCOPE(&g->lock);
	while (g->state != INDEX_READY && g->state != INDEX_BAD && g->n_failures == n_failures)
		cond_wait(&g->changed, &g->lock);
	return g->state == INDEX_READY ? 0 : g->index_err;
}

static int wait_index(struct get *g)
{
	struct bucket *b = g->bucket;
	uint64_t deadline_ns = bucket_deadline(b);
	int err;

	/* Requests are repeated by themselves, a listing that was cut off is not. */
	do {
		err = learn_index(g);
	} while ((err == -ENOTCONN || err == -ETIMEDOUT) &&
		 bucket_pause(b, RETRY_MS, deadline_ns) == 0 &&
		 bucket_wait_up(b, b->read.rpc, deadline_ns) == 0);
	return err;
}

int get_index(struct store_get *sg, bool may_wait)
{
	struct get *g = get_of(sg);
	bool is_start;
	int err;

	if (!may_wait) {
		err = look_at_index(g, &is_start);
		if (is_start)
			index_start(g);
		return err;
	}
	err = bucket_enter(g->bucket);
	if (err < 0)
		return err;
	err = wait_index(g);
	bucket_leave(g->bucket);
	return err;
}

void get_locate(struct store_get *sg, uint64_t off, uint32_t *ret_idx, uint64_t *ret_off)
{
	struct get *g = get_of(sg);

	LOCK_SCOPE(&g->lock);
	chunk_index_locate(&g->index, off, ret_idx, ret_off);
}

static void on_chunk(struct fetch *f, struct chunk *chunk, uint64_t seq, int err)
{
	struct get *g = f->get;

	(void)seq;
	mutex_lock(&g->lock);
	if (g->is_closed)
		err = -ECANCELED;
	else if (!err && chunk->len != chunk_index_len(&g->index, f->idx))
		err = -EIO;
	mutex_unlock(&g->lock);
	if (err < 0) {
		chunk_unref(chunk);
		chunk = NULL;
	}
	f->fn(f->arg, f->idx, chunk, err);
	fetch_free(f);
}

/* A chunk that needs no request: kept from learning the index, or empty. */
static struct chunk *take_kept_locked(struct get *g, uint32_t idx)
{
	struct chunk *c = NULL;

	mutex_assert_held(&g->lock);
	if (idx == 0)
		c = steal_ptr(g->first);
	if (!c && idx + 1 == g->index.count)
		c = steal_ptr(g->last);
	if (c && c->len != chunk_index_len(&g->index, idx)) {
		chunk_unref(c);
		c = NULL;
	}
	if (!c && chunk_index_len(&g->index, idx) == 0)
		c = chunk_new(1);
	return c;
}

int get_chunk(struct store_get *sg, uint32_t idx, bool may_wait, get_chunk_fn fn, void *arg)
{
	struct get *g = get_of(sg);
	struct chunk *kept;
	struct fetch *f;

	f = fetch_new(g, CHUNK_BY_SEQ, on_chunk);
	if (!f)
		return -ENOMEM;
	mutex_lock(&g->lock);
	if (g->state != INDEX_READY || idx >= g->index.count) {
		mutex_unlock(&g->lock);
		fetch_free(f);
		return -EINVAL;
	}
	kept = take_kept_locked(g, idx);
	f->seq = chunk_index_seq(&g->index, idx);
	mutex_unlock(&g->lock);
	f->idx = idx;
	f->fn = fn;
	f->arg = arg;
	if (kept) {
		fn(arg, idx, kept, 0);
		fetch_free(f);
	} else {
		fetch_start(f, may_wait);
	}
	return 0;
}
