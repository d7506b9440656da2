/* SPDX-License-Identifier: Apache-2.0 */

/* Faults, a look inside, and the other client. */

#include <string.h>

#include "fake_internal.h"
#include "objstore/digest.h"
#include "objstore/subject.h"
#include "util/clock.h"

void fake_fail_next(struct fake *b, enum fake_op op, int err, unsigned int count)
{
	fake_fail_after(b, op, err, 0, count);
}

void fake_fail_after(struct fake *b, enum fake_op op, int err, unsigned int skip,
		     unsigned int count)
{
	LOCK_SCOPE(&b->lock);
	b->ops[op].err = err;
	b->ops[op].n_skips = skip;
	b->ops[op].n_failures = count;
}

void fake_set_clock_ahead(struct fake *b, unsigned int ms)
{
	LOCK_SCOPE(&b->lock);
	b->ahead_ms = ms;
}

void fake_delay_events(struct fake *b, unsigned int ms)
{
	LOCK_SCOPE(&b->lock);
	b->delay_ms = ms;
}

char *fake_find(struct fake *b, const char *prefix)
{
	LOCK_SCOPE(&b->lock);
	list_for_each (it, &b->metas) {
		_cleanup_obj_info_ struct obj_info *info =
			fake_meta_parse(list_entry(it, struct fake_meta, link));

		if (!info->is_deleted && strncmp(info->name, prefix, strlen(prefix)) == 0)
			return steal_ptr(info->name);
	}
	return NULL;
}

void fake_lose_answer(struct fake *b, int err)
{
	fake_lose_answer_after(b, err, 0);
}

void fake_lose_answer_after(struct fake *b, int err, unsigned int skip)
{
	LOCK_SCOPE(&b->lock);
	b->lost_answer = err;
	b->n_answers = skip;
}

void fake_before_put(struct fake *b, unsigned int skip, void (*fn)(void))
{
	LOCK_SCOPE(&b->lock);
	b->before_put = fn;
	b->n_before = skip;
}

void fake_before_get(struct fake *b, const char *name, void (*fn)(void))
{
	LOCK_SCOPE(&b->lock);
	b->before_get = fn;
	b->before_name = name;
}

unsigned int fake_calls(struct fake *b, enum fake_op op)
{
	LOCK_SCOPE(&b->lock);
	return b->ops[op].n_calls;
}

void fake_set_window(struct fake *b, uint64_t bytes)
{
	LOCK_SCOPE(&b->lock);
	b->window = bytes;
}

void fake_hold(struct fake *b, bool is_held)
{
	LOCK_SCOPE(&b->lock);
	b->is_held = is_held;
	cond_broadcast(&b->cond);
}

static struct fake_meta *find(struct fake *b, const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(name, strlen(name));
	_cleanup_free_ char *token = info ? fake_token(info) : NULL;

	if (!token)
		abort();
	return fake_meta_find(b, token);
}

static struct obj_info *info_locked(struct fake *b, const char *name)
{
	struct fake_meta *m = find(b, name);

	return m ? fake_meta_parse(m) : NULL;
}

struct obj_info *fake_info(struct fake *b, const char *name)
{
	LOCK_SCOPE(&b->lock);
	return info_locked(b, name);
}

char *fake_content(struct fake *b, const char *name, size_t *ret_len)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct fake_blob *blob;
	size_t at = 0;
	char *data;

	LOCK_SCOPE(&b->lock);
	info = info_locked(b, name);
	if (!info || info->is_deleted)
		return NULL;
	blob = fake_blob_find(b, info->nuid);
	if ((blob ? blob->n : 0) != info->chunks)
		return NULL;
	data = fake_alloc(info->size + 1, 1);
	for (uint32_t i = 0; i < info->chunks; i++) {
		if (blob->chunks[i]->len > info->size - at)
			abort();
		memcpy(data + at, blob->chunks[i]->data, blob->chunks[i]->len);
		at += blob->chunks[i]->len;
	}
	*ret_len = at;
	return data;
}

void fake_corrupt_chunk(struct fake *b, const char *name, uint32_t idx)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct fake_blob *blob;
	struct chunk *c;

	LOCK_SCOPE(&b->lock);
	info = info_locked(b, name);
	blob = info ? fake_blob_find(b, info->nuid) : NULL;
	if (!blob || idx >= blob->n)
		abort();
	/* Others may hold the good one. */
	c = chunk_new(blob->chunks[idx]->len);
	if (!c)
		abort();
	c->len = c->cap;
	memcpy(c->data, blob->chunks[idx]->data, c->len);
	c->data[c->len / 2] ^= 1;
	chunk_unref(blob->chunks[idx]);
	blob->chunks[idx] = c;
}

void fake_drop_chunks(struct fake *b, const char *nuid)
{
	LOCK_SCOPE(&b->lock);
	fake_blob_remove(b, nuid);
}

bool fake_has_chunks(struct fake *b, const char *nuid)
{
	LOCK_SCOPE(&b->lock);
	return fake_blob_find(b, nuid);
}

static void store_locked(struct fake *b, const struct obj_info *info)
{
	struct buf json;
	size_t len;

	buf_init(&json, OBJ_META_MAX);
	if (obj_info_format(info, "fake", &json) < 0)
		abort();
	len = json.len;
	fake_meta_store(b, fake_token(info), buf_steal(&json), len);
}

static void add_chunk(struct fake *b, struct fake_blob *blob, const uint8_t *data, size_t len)
{
	struct chunk *c = chunk_new(len);

	if (!c)
		abort();
	memcpy(c->data, data, len);
	c->len = len;
	fake_blob_add(b, blob, c);
}

void fake_foreign_put(struct fake *b, const char *name, const void *data, size_t len,
		      uint32_t chunk_len)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(name, strlen(name));
	_cleanup_obj_info_ struct obj_info *old = NULL;
	struct digest *d = digest_new();

	if (!info || !d)
		abort();
	LOCK_SCOPE(&b->lock);
	old = info_locked(b, name);
	obj_nuid_new(info->nuid);
	info->size = len;
	info->max_chunk_size = chunk_len;
	info->mtime_ns = clock_wall_ns();
	for (size_t at = 0; at < len; info->chunks++) {
		size_t n = len - at < chunk_len ? len - at : chunk_len;

		add_chunk(b, fake_blob_get(b, info->nuid), (const uint8_t *)data + at, n);
		at += n;
	}
	digest_add(d, data, len);
	digest_finish(d, info->digest);
	digest_free(d);
	info->has_digest = true;
	store_locked(b, info);
	/* As clients do, right after. */
	if (old)
		fake_blob_remove(b, old->nuid);
}

void fake_foreign_delete(struct fake *b, const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;

	LOCK_SCOPE(&b->lock);
	info = info_locked(b, name);
	if (!info)
		abort();
	info->is_deleted = true;
	store_locked(b, info);
	fake_blob_remove(b, info->nuid);
}

void fake_foreign_rename(struct fake *b, const char *old_name, const char *new_name)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char *copy = strdup(new_name);

	LOCK_SCOPE(&b->lock);
	info = info_locked(b, old_name);
	if (!info || !copy)
		abort();
	free(info->name);
	info->name = copy;
	info->name_len = strlen(copy);
	store_locked(b, info);
	fake_meta_remove(find(b, old_name));
}

void fake_foreign_meta(struct fake *b, const char *name, const char *json)
{
	char *token = obj_meta_token(name, strlen(name));
	char *copy = strdup(json);

	if (!token || !copy)
		abort();
	LOCK_SCOPE(&b->lock);
	fake_meta_store(b, token, copy, strlen(copy));
}
