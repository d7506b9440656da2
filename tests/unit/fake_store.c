/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The bucket and its metadata: a table of the newest message per subject with the sequence of the
 * whole stream, as a JetStream stream with one message per subject keeps them.
 */

#include "fake_store.h"
#include "objstore/keys.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "fake_internal.h"
#include "objstore/long_name.h"
#include "objstore/subject.h"
#include "util/clock.h"

static const struct store_ops ops;

void *fake_alloc(size_t n, size_t size)
{
	void *p = calloc(n ? n : 1, size ? size : 1);

	if (!p)
		abort();
	return p;
}

struct fake_store *fake_store_of(struct store *s)
{
	return container_of(s, struct fake_store, base);
}

struct fake *fake_new(uint32_t chunk_size)
{
	struct fake *b = fake_alloc(1, sizeof(*b));

	mutex_init(&b->lock, LOCK_RANK_STORE);
	cond_init(&b->cond);
	b->chunk_size = chunk_size;
	b->window = UINT64_C(1) << 20;
	b->listed_max = UINT_MAX;
	b->free_bytes = UINT64_MAX;
	list_init(&b->metas);
	list_init(&b->blobs);
	list_init(&b->old);
	list_init(&b->stores);
	return b;
}

void fake_free(struct fake *b)
{
	if (!list_is_empty(&b->stores))
		abort();
	list_for_each_safe (it, &b->metas)
		fake_meta_remove(list_entry(it, struct fake_meta, link));
	fake_plain_done(b);
	list_for_each_safe (it, &b->blobs)
		fake_blob_remove(b, list_entry(it, struct fake_blob, link)->nuid);
	cond_done(&b->cond);
	mutex_done(&b->lock);
	free(b);
}

int fake_enter(struct fake_store *s, enum fake_op op)
{
	struct fake *b = s->b;

	mutex_assert_held(&b->lock);
	b->ops[op].n_calls++;
	if (s->is_shutdown)
		return -ESHUTDOWN;
	if (b->is_deleted)
		return -ENODEV;
	if (b->ops[op].n_failures == 0)
		return 0;
	if (b->ops[op].n_skips > 0) {
		b->ops[op].n_skips--;
		return 0;
	}
	b->ops[op].n_failures--;
	return b->ops[op].err;
}

struct fake_meta *fake_meta_find(struct fake *b, const char *token)
{
	list_for_each (it, &b->metas) {
		struct fake_meta *m = list_entry(it, struct fake_meta, link);

		if (strcmp(m->token, token) == 0)
			return m;
	}
	return NULL;
}

void fake_meta_remove(struct fake_meta *m)
{
	list_remove(&m->link);
	free(m->token);
	free(m->json);
	free(m);
}

void fake_meta_store(struct fake *b, char *token, char *json, size_t len)
{
	struct fake_meta *m = fake_meta_find(b, token);

	if (m)
		fake_meta_remove(m);
	m = fake_alloc(1, sizeof(*m));
	*m = (struct fake_meta){.token = token,
				.json = json,
				.len = len,
				.seq = ++b->seq,
				.time_ns = clock_wall_ns() + b->ahead_ms * NS_PER_MS};
	/* In the order of sequences, which is that of a listing. */
	list_push_back(&b->metas, &m->link);
	cond_broadcast(&b->cond);
}

struct obj_info *fake_meta_parse(const struct fake_meta *m)
{
	struct obj_info *info;

	if (obj_info_parse(m->json, m->len, m->token, strlen(m->token), &info) < 0)
		abort();
	info->seq = m->seq;
	info->time_ns = m->time_ns;
	return info;
}

char *fake_token(const struct obj_info *info)
{
	char *token = info->foreign_token ? strdup(info->foreign_token)
					  : obj_meta_token(info->name, info->name_len);

	if (!token)
		abort();
	return token;
}

/* A name stored under another token than its own. */
static int get_elsewhere_locked(struct fake *b, const char *name, size_t len, struct obj_info **ret)
{
	list_for_each (it, &b->metas) {
		_cleanup_obj_info_ struct obj_info *info =
			fake_meta_parse(list_entry(it, struct fake_meta, link));

		if (!info->is_deleted && info->name_len == len &&
		    memcmp(info->name, name, len) == 0) {
			*ret = steal_ptr(info);
			return 0;
		}
	}
	return -ENOENT;
}

static int get_info_locked(struct fake *b, const char *name, size_t len, struct obj_info **ret)
{
	_cleanup_free_ char *token = obj_meta_token(name, len);
	struct fake_meta *m;

	if (!token)
		abort();
	m = fake_meta_find(b, token);
	if (!m)
		return get_elsewhere_locked(b, name, len, ret);
	*ret = fake_meta_parse(m);
	if ((*ret)->is_deleted) {
		struct obj_info *other = NULL;

		if (get_elsewhere_locked(b, name, len, &other) == 0) {
			obj_info_free(*ret);
			*ret = other;
		}
		return 0;
	}
	if (obj_info_expect_name(*ret, name, len) < 0)
		abort();
	return 0;
}

static int get_infos(struct store *s, const char *const *names, const size_t *lens, size_t n,
		     struct obj_info **ret, int *ret_errs)
{
	struct fake *b = fake_store_of(s)->b;
	int err;

	LOCK_SCOPE(&b->lock);
	err = fake_enter(fake_store_of(s), FAKE_GET_INFO);
	for (size_t i = 0; i < n; i++) {
		ret[i] = NULL;
		ret_errs[i] = err ? err : get_info_locked(b, names[i], lens[i], &ret[i]);
	}
	return err;
}

/* Runs what is to be done before this call. */
static void interpose_get(struct fake *b, const char *name, size_t len)
{
	void (*fn)(void) = NULL;

	mutex_lock(&b->lock);
	if (b->before_get && strlen(b->before_name) == len &&
	    memcmp(b->before_name, name, len) == 0)
		fn = steal_ptr(b->before_get);
	mutex_unlock(&b->lock);
	if (fn)
		fn();
}

static int get_info(struct store *s, const char *name, size_t len, struct obj_info **ret)
{
	struct fake *b = fake_store_of(s)->b;
	int err;

	interpose_get(b, name, len);
	LOCK_SCOPE(&b->lock);
	err = fake_enter(fake_store_of(s), FAKE_GET_INFO);
	return err ? err : get_info_locked(b, name, len, ret);
}

/* Stores info if the newest message of its subject is expected_seq. */
static int put_locked(struct fake *b, struct obj_info *info, uint64_t expected_seq)
{
	_cleanup_free_ char *token = fake_token(info);
	struct fake_meta *m = fake_meta_find(b, token);
	struct buf json _cleanup_buf_;
	size_t len;
	int err;

	buf_init(&json, OBJ_META_MAX);
	if ((m ? m->seq : 0) != expected_seq)
		return -ESTALE;
	err = b->is_plain ? fake_plain_store(b, info, m) : 0;
	if (err)
		return err;
	if (obj_info_format(info, "fake", &json) < 0)
		return -E2BIG;
	len = json.len;
	fake_meta_store(b, steal_ptr(token), buf_steal(&json), len);
	m = list_entry(b->metas.prev, struct fake_meta, link);
	info->seq = m->seq;
	info->time_ns = m->time_ns;
	return 0;
}

static int put_once(struct store *s, struct obj_info *info, uint64_t expected_seq)
{
	struct fake *b = fake_store_of(s)->b;
	uint64_t was = info->seq;
	int err;

	if (info->name_len > s->name_max)
		return -ENAMETOOLONG;
	LOCK_SCOPE(&b->lock);
	err = fake_enter(fake_store_of(s), FAKE_PUT_INFO);
	if (!err)
		err = put_locked(b, info, expected_seq);
	if (err || !b->lost_answer || b->n_answers-- > 0)
		return err;
	err = b->lost_answer;
	b->lost_answer = 0;
	info->seq = was;
	return err;
}

/* Runs what is to be done before this call. */
static void interpose_put(struct fake *b)
{
	void (*fn)(void) = NULL;

	mutex_lock(&b->lock);
	if (b->before_put && b->n_before-- == 0)
		fn = steal_ptr(b->before_put);
	mutex_unlock(&b->lock);
	if (fn)
		fn();
}

/* What is full once may have room after its listener has removed something. */
int fake_put_info(struct store *s, struct obj_info *info, uint64_t expected_seq)
{
	struct fake_store *fake = fake_store_of(s);
	int err;

	interpose_put(fake->b);
	err = put_once(s, info, expected_seq);
	if (err == -ENOSPC && fake->is_watching && fake->listener.on_full &&
	    fake->listener.on_full(fake->listener.arg))
		err = put_once(s, info, expected_seq);
	return err;
}

static int put_infos(struct store *s, struct obj_info *const *infos, const uint64_t *expected_seqs,
		     size_t n, int *ret_errs)
{
	for (size_t i = 0; i < n; i++)
		ret_errs[i] = fake_put_info(s, infos[i], expected_seqs[i]);
	return 0;
}

static int remove_info(struct store *s, const struct obj_info *info, uint64_t *ret_seq)
{
	_cleanup_obj_info_ struct obj_info *tombstone = obj_info_tombstone(info);
	struct fake *b = fake_store_of(s)->b;
	int err;

	if (!tombstone || obj_info_set_meta(tombstone, ATTR_TO, obj_info_meta(info, ATTR_TO)) < 0)
		abort();
	if (info->seq == 0)
		return -EINVAL;
	LOCK_SCOPE(&b->lock);
	err = fake_enter(fake_store_of(s), FAKE_REMOVE_INFO);
	if (!err)
		err = put_locked(b, tombstone, info->seq);
	*ret_seq = tombstone->seq;
	return err;
}

static int purge_one(struct store *s, const char *nuid)
{
	struct fake *b = fake_store_of(s)->b;
	int err;

	LOCK_SCOPE(&b->lock);
	err = fake_enter(fake_store_of(s), FAKE_PURGE);
	while (b->is_held)
		cond_wait(&b->cond, &b->lock);
	if (!err)
		fake_blob_remove(b, nuid);
	return err;
}

static void purge_all(struct store *s, const char *const *nuids, size_t n, int *ret_errs)
{
	for (size_t i = 0; i < n; i++)
		ret_errs[i] = purge_one(s, nuids[i]);
}

void fake_set_free(struct fake *b, uint64_t bytes)
{
	LOCK_SCOPE(&b->lock);
	b->free_bytes = bytes;
}

void fake_set_read_only(struct fake *b, const char *why)
{
	LOCK_SCOPE(&b->lock);
	list_for_each (it, &b->stores)
		atomic_store(&list_entry(it, struct fake_store, link)->base.why_read_only, why);
}

static int status(struct store *s, struct store_status *ret)
{
	struct fake *b = fake_store_of(s)->b;
	int err;

	LOCK_SCOPE(&b->lock);
	err = fake_enter(fake_store_of(s), FAKE_STATUS);
	if (err)
		return err;
	*ret = (struct store_status){.free_bytes = b->free_bytes,
				     .last_seq = b->seq,
				     .created_ns = 1,
				     .is_read_only = atomic_load(&s->why_read_only),
				     .is_connected = true,
				     .max_age_ns = b->max_age_ns,
				     .replicas = 1};
	list_for_each (it, &b->metas) {
		ret->messages++;
		ret->bytes += list_entry(it, struct fake_meta, link)->len;
	}
	list_for_each (it, &b->blobs) {
		struct fake_blob *blob = list_entry(it, struct fake_blob, link);

		ret->messages += blob->n;
		for (uint32_t i = 0; i < blob->n; i++)
			ret->bytes += blob->chunks[i]->len;
	}
	return 0;
}

void fake_queue(struct fake_store *s, struct fake_job *j)
{
	mutex_assert_held(&s->b->lock);
	list_push_back(&s->jobs, &j->link);
	cond_broadcast(&s->b->cond);
}

static void *worker_main(void *arg)
{
	struct fake_store *s = arg;
	struct fake *b = s->b;

	mutex_lock(&b->lock);
	for (;;) {
		struct list *l;
		struct fake_job *j;

		l = list_pop_front(&s->urgent);
		if (!l && (!b->is_held || s->is_closing))
			l = list_pop_front(&s->jobs);
		if (!l && s->is_closing)
			break;
		if (!l) {
			cond_wait(&b->cond, &b->lock);
			continue;
		}
		j = list_entry(l, struct fake_job, link);
		j->run(j);
		cond_broadcast(&b->cond);
		mutex_unlock(&b->lock);
		j->answer(j);
		mutex_lock(&b->lock);
	}
	mutex_unlock(&b->lock);
	return NULL;
}

struct store *fake_open(struct fake *b)
{
	struct fake_store *s = fake_alloc(1, sizeof(*s));

	s->base.ops = &ops;
	s->base.chunk_size = b->chunk_size;
	snprintf(s->base.bucket, sizeof(s->base.bucket), "fake");
	s->base.name_max = OBJ_NAME_MAX;
	s->base.meta_max = b->is_plain ? 0 : OBJ_META_MAX;
	s->base.is_plain = s->base.has_history = b->is_plain;
	s->base.max_object_size = b->is_plain ? fake_plain_max(b) : 0;
	s->b = b;
	list_init(&s->jobs);
	list_init(&s->urgent);
	mutex_lock(&b->lock);
	list_push_back(&b->stores, &s->link);
	mutex_unlock(&b->lock);
	if (thread_start(&s->worker, "fake-worker", worker_main, s) < 0)
		abort();
	return &s->base;
}

static void do_close(struct store *store)
{
	struct fake_store *s = fake_store_of(store);
	struct fake *b = s->b;

	mutex_lock(&b->lock);
	s->is_closing = true;
	cond_broadcast(&b->cond);
	mutex_unlock(&b->lock);
	pthread_join(s->worker, NULL);
	if (s->is_watching)
		pthread_join(s->watcher, NULL);
	mutex_lock(&b->lock);
	list_remove(&s->link);
	mutex_unlock(&b->lock);
	free(s);
}

static void do_shutdown(struct store *store)
{
	struct fake_store *s = fake_store_of(store);

	LOCK_SCOPE(&s->b->lock);
	s->is_shutdown = true;
	cond_broadcast(&s->b->cond);
}

static const struct store_ops ops = {
	.close = do_close,
	.shutdown = do_shutdown,
	.status = status,
	.get_info = get_info,
	.get_infos = get_infos,
	.put_info = fake_put_info,
	.put_infos = put_infos,
	.remove_info = remove_info,
	.purge_all = purge_all,
	.watch = fake_watch,
	.watch_mark = fake_watch_mark,
	.catch_up = fake_catch_up,
	.names = fake_names,
	.put_open = fake_put_open,
	.put_add = fake_put_add,
	.put_has_room = fake_put_has_room,
	.put_wait_room = fake_put_wait_room,
	.put_finish = fake_put_finish,
	.put_foretell = fake_put_foretell,
	.put_commit = fake_put_commit,
	.put_close = fake_put_close,
	.get_open = fake_get_open,
	.get_close = fake_get_close,
	.get_index = fake_get_index,
	.get_locate = fake_get_locate,
	.get_chunk = fake_get_chunk,
	.history = fake_history,
	.history_names = fake_history_names,
};
