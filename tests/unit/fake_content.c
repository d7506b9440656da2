/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Uploads and downloads. A job per chunk goes through the worker, so that acknowledgements and
 * answers come later, in order, and on another thread.
 */

#include <string.h>

#include "fake_internal.h"
#include "objstore/digest.h"

struct put {
	struct store_put base;
	struct fake_store *s;
	char nuid[OBJ_NUID_LEN + 1];
	uint64_t size;
	uint32_t n;
	uint64_t unacked;
	unsigned int n_jobs;
	struct chunk *held; /* all there is so far, and not sent */
	bool is_closed;	    /* freed with the last job */
	int err;	    /* sticky */
};

struct ack {
	struct fake_job job;
	struct put *p;
	struct chunk *c;
};

struct get {
	struct store_get base;
	struct fake_store *s;
	unsigned int refs; /* the caller's, and one for each job */
	bool is_closed;
	char nuid[OBJ_NUID_MAX + 1];
	uint64_t size;
	uint32_t n_expected;
	uint64_t *starts; /* once known */
	uint32_t n;
	bool is_known;
	bool is_asked;
	int err; /* why the index is not known */
};

struct index_job {
	struct fake_job job;
	struct get *g;
};

struct chunk_job {
	struct fake_job job;
	struct get *g;
	uint32_t idx;
	get_chunk_fn fn;
	void *arg;
	struct chunk *c;
	int err;
};

struct fake_blob *fake_blob_find(struct fake *b, const char *nuid)
{
	list_for_each (it, &b->blobs) {
		struct fake_blob *blob = list_entry(it, struct fake_blob, link);

		if (strcmp(blob->nuid, nuid) == 0)
			return blob;
	}
	return NULL;
}

struct fake_blob *fake_blob_get(struct fake *b, const char *nuid)
{
	struct fake_blob *blob = fake_blob_find(b, nuid);

	if (blob)
		return blob;
	blob = fake_alloc(1, sizeof(*blob));
	memcpy(blob->nuid, nuid, strlen(nuid) + 1);
	list_push_back(&b->blobs, &blob->link);
	return blob;
}

void fake_blob_add(struct fake *b, struct fake_blob *blob, struct chunk *c)
{
	blob->chunks = realloc(blob->chunks, (blob->n + 1) * sizeof(struct chunk *));
	if (!blob->chunks)
		abort();
	blob->chunks[blob->n++] = c;
	b->seq++;
}

void fake_blob_remove(struct fake *b, const char *nuid)
{
	struct fake_blob *blob = fake_blob_find(b, nuid);

	if (!blob)
		return;
	list_remove(&blob->link);
	for (uint32_t i = 0; i < blob->n; i++)
		chunk_unref(blob->chunks[i]);
	free(blob->chunks);
	free(blob);
}

/* --- uploads --- */

static struct put *put_of(struct store_put *p)
{
	return container_of(p, struct put, base);
}

int fake_put_open(struct store *s, struct store_put **ret)
{
	struct fake_store *fs = fake_store_of(s);
	struct put *p;
	int err;

	LOCK_SCOPE(&fs->b->lock);
	err = fake_enter(fs, FAKE_PUT_OPEN);
	if (err)
		return err;
	p = fake_alloc(1, sizeof(*p));
	p->base.ops = s->ops;
	p->s = fs;
	obj_nuid_new(p->nuid);
	*ret = &p->base;
	return 0;
}

static void ack_run(struct fake_job *j)
{
	struct ack *a = container_of(j, struct ack, job);
	struct put *p = a->p;
	struct fake *b = p->s->b;
	int err = fake_enter(p->s, FAKE_PUT_CHUNK);

	if (!p->err)
		p->err = err;
	if (!p->err)
		fake_blob_add(b, fake_blob_get(b, p->nuid), chunk_ref(a->c));
	p->unacked -= a->c->len;
	if (--p->n_jobs == 0 && p->is_closed)
		free(p);
}

static void ack_answer(struct fake_job *j)
{
	struct ack *a = container_of(j, struct ack, job);

	chunk_unref(a->c);
	free(a);
}

static void send_chunk(struct put *p, struct chunk *c)
{
	struct ack *a = fake_alloc(1, sizeof(*a));

	*a = (struct ack){.job = {.run = ack_run, .answer = ack_answer}, .p = p, .c = c};
	p->unacked += c->len;
	p->n_jobs++;
	fake_queue(p->s, &a->job);
}

static void send_held(struct put *p)
{
	if (p->held)
		send_chunk(p, steal_ptr(p->held));
}

int fake_put_add(struct store_put *sp, struct chunk *c)
{
	struct put *p = put_of(sp);
	struct fake *b = p->s->b;

	/* No caller may offer what a server would refuse. */
	if (c->len == 0 || c->len > b->chunk_size)
		abort();
	LOCK_SCOPE(&b->lock);
	if (!p->err && b->is_plain && p->size + c->len > fake_plain_max(b))
		p->err = -EFBIG;
	if (p->err) {
		chunk_unref(c);
		return p->err;
	}
	send_held(p);
	if (p->n == 0 && c->len < b->chunk_size)
		p->held = c;
	else
		send_chunk(p, c);
	p->size += c->len;
	p->n++;
	return 0;
}

static bool has_room(const struct put *p)
{
	return p->err || p->unacked + p->s->b->chunk_size <= p->s->b->window || p->unacked == 0;
}

bool fake_put_has_room(struct store_put *sp)
{
	struct put *p = put_of(sp);

	LOCK_SCOPE(&p->s->b->lock);
	return has_room(p);
}

int fake_put_wait_room(struct store_put *sp)
{
	struct put *p = put_of(sp);

	LOCK_SCOPE(&p->s->b->lock);
	while (!has_room(p) && !p->s->is_shutdown)
		cond_wait(&p->s->b->cond, &p->s->b->lock);
	return p->err ? p->err : has_room(p) ? 0 : -ESHUTDOWN;
}

static void fill_result(const struct put *p, struct put_result *ret)
{
	struct digest *whole = digest_new();
	struct fake_blob *blob = fake_blob_find(p->s->b, p->nuid);

	*ret = (struct put_result){
		.size = p->size, .chunks = p->n, .max_chunk_size = p->s->b->chunk_size};
	memcpy(ret->nuid, p->nuid, sizeof(ret->nuid));
	/* Later chunks may follow, so it is not kept running. */
	if (!whole)
		abort();
	for (uint32_t i = 0; blob && i < blob->n; i++)
		digest_add(whole, blob->chunks[i]->data, blob->chunks[i]->len);
	if (p->held)
		digest_add(whole, p->held->data, p->held->len);
	digest_finish(whole, ret->digest);
	digest_free(whole);
}

static int wait_end_locked(struct put *p)
{
	send_held(p);
	while (p->n_jobs > 0 && !p->s->is_shutdown)
		cond_wait(&p->s->b->cond, &p->s->b->lock);
	return p->err ? p->err : p->n_jobs > 0 ? -ESHUTDOWN : 0;
}

int fake_put_finish(struct store_put *sp, struct put_result *ret)
{
	struct put *p = put_of(sp);
	int err;

	LOCK_SCOPE(&p->s->b->lock);
	err = wait_end_locked(p);
	if (!err)
		fill_result(p, ret);
	return err;
}

int fake_put_foretell(struct store_put *sp, struct put_result *ret)
{
	struct put *p = put_of(sp);
	int err;

	LOCK_SCOPE(&p->s->b->lock);
	err = p->held ? p->err : wait_end_locked(p);
	if (!err)
		fill_result(p, ret);
	return err;
}

int fake_put_commit(struct store_put *sp, struct obj_info *info, uint64_t expected_seq)
{
	struct put *p = put_of(sp);
	int err;

	mutex_lock(&p->s->b->lock);
	err = wait_end_locked(p);
	mutex_unlock(&p->s->b->lock);
	return err ? err : fake_put_info(&p->s->base, info, expected_seq);
}

struct drop_job {
	struct fake_job job;
	struct fake *b;
	char nuid[OBJ_NUID_LEN + 1];
};

static void drop_run(struct fake_job *j)
{
	struct drop_job *d = container_of(j, struct drop_job, job);

	fake_blob_remove(d->b, d->nuid);
}

static void drop_answer(struct fake_job *j)
{
	free(container_of(j, struct drop_job, job));
}

void fake_put_close(struct store_put *sp, bool keep)
{
	struct put *p = put_of(sp);
	struct fake *b = p->s->b;

	LOCK_SCOPE(&b->lock);
	chunk_unref(steal_ptr(p->held));
	if (!keep && p->n > 0) {
		struct drop_job *d = fake_alloc(1, sizeof(*d));

		d->job = (struct fake_job){.run = drop_run, .answer = drop_answer};
		d->b = b;
		memcpy(d->nuid, p->nuid, sizeof(d->nuid));
		fake_queue(p->s, &d->job);
	}
	/* The removal waits its turn behind the chunks under way. */
	p->is_closed = true;
	if (p->n_jobs == 0)
		free(p);
}

/* --- downloads --- */

static struct get *get_of(struct store_get *g)
{
	return container_of(g, struct get, base);
}

int fake_get_open(struct store *s, const struct obj_info *info, struct store_get **ret)
{
	struct get *g = fake_alloc(1, sizeof(*g));

	g->base.ops = s->ops;
	g->s = fake_store_of(s);
	g->refs = 1;
	g->size = info->size;
	g->n_expected = info->chunks;
	memcpy(g->nuid, info->nuid, sizeof(g->nuid));
	*ret = &g->base;
	return 0;
}

static void get_unref_locked(struct get *g)
{
	if (--g->refs > 0)
		return;
	free(g->starts);
	free(g);
}

void fake_get_close(struct store_get *sg)
{
	struct get *g = get_of(sg);
	struct fake_store *s = g->s;

	LOCK_SCOPE(&s->b->lock);
	g->is_closed = true;
	/* A server that keeps its answers back cannot keep back a cancellation. */
	list_for_each_safe (it, &s->jobs) {
		if (list_entry(it, struct fake_job, link)->owner != g)
			continue;
		list_remove(it);
		list_push_back(&s->urgent, it);
	}
	cond_broadcast(&s->b->cond);
	get_unref_locked(g);
}

static void learn(struct get *g)
{
	struct fake_blob *blob = fake_blob_find(g->s->b, g->nuid);
	uint64_t off = 0;

	g->is_asked = false;
	g->err = fake_enter(g->s, FAKE_GET_INDEX);
	if (!g->err && !blob && g->size > 0)
		g->err = -ESTALE;
	if (!g->err && (blob ? blob->n : 0) != g->n_expected)
		g->err = -EIO;
	if (g->err || g->is_known)
		return;
	g->n = g->n_expected;
	g->starts = fake_alloc(g->n, sizeof(*g->starts));
	for (uint32_t i = 0; i < g->n; i++) {
		g->starts[i] = off;
		off += blob->chunks[i]->len;
	}
	if (off != g->size) {
		free(steal_ptr(g->starts));
		g->err = -EIO;
		return;
	}
	g->is_known = true;
}

static void index_run(struct fake_job *j)
{
	struct get *g = container_of(j, struct index_job, job)->g;

	if (!g->is_closed)
		learn(g);
	get_unref_locked(g);
}

static void index_answer(struct fake_job *j)
{
	free(container_of(j, struct index_job, job));
}

int fake_get_index(struct store_get *sg, bool may_wait)
{
	struct get *g = get_of(sg);
	struct fake *b = g->s->b;
	int err;

	LOCK_SCOPE(&b->lock);
	if (g->is_known)
		return 0;
	if (!g->is_asked) {
		struct index_job *i;

		/* The result of the last attempt is told once. */
		err = g->err;
		g->err = 0;
		if (err && !may_wait)
			return err;
		i = fake_alloc(1, sizeof(*i));
		i->job = (struct fake_job){.owner = g, .run = index_run, .answer = index_answer};
		i->g = g;
		g->refs++;
		g->is_asked = true;
		fake_queue(g->s, &i->job);
	}
	while (may_wait && g->is_asked && !g->s->is_shutdown)
		cond_wait(&b->cond, &b->lock);
	if (g->is_asked)
		return may_wait ? -ESHUTDOWN : -EINPROGRESS;
	return g->err;
}

void fake_get_locate(struct store_get *sg, uint64_t off, uint32_t *ret_idx, uint64_t *ret_off)
{
	struct get *g = get_of(sg);
	uint32_t i = 0;

	LOCK_SCOPE(&g->s->b->lock);
	if (!g->is_known || off >= g->size)
		abort();
	while (i + 1 < g->n && g->starts[i + 1] <= off)
		i++;
	*ret_idx = i;
	*ret_off = g->starts[i];
}

static void chunk_run(struct fake_job *j)
{
	struct chunk_job *c = container_of(j, struct chunk_job, job);
	struct get *g = c->g;
	struct fake_blob *blob = fake_blob_find(g->s->b, g->nuid);

	if (g->is_closed)
		c->err = -ECANCELED;
	else
		c->err = fake_enter(g->s, FAKE_GET_CHUNK);
	if (!c->err && (!blob || c->idx >= blob->n))
		c->err = -ESTALE;
	if (!c->err)
		c->c = chunk_ref(blob->chunks[c->idx]);
	get_unref_locked(g);
}

static void chunk_answer(struct fake_job *j)
{
	struct chunk_job *c = container_of(j, struct chunk_job, job);

	c->fn(c->arg, c->idx, c->c, c->err);
	free(c);
}

int fake_get_chunk(struct store_get *sg, uint32_t idx, bool may_wait, get_chunk_fn fn, void *arg)
{
	struct get *g = get_of(sg);
	struct chunk_job *c;

	(void)may_wait;
	LOCK_SCOPE(&g->s->b->lock);
	if (!g->is_known || idx >= g->n)
		return -EINVAL;
	c = fake_alloc(1, sizeof(*c));
	c->job = (struct fake_job){.owner = g, .run = chunk_run, .answer = chunk_answer};
	c->g = g;
	c->idx = idx;
	c->fn = fn;
	c->arg = arg;
	g->refs++;
	fake_queue(g->s, &c->job);
	return 0;
}
