/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bucket whose objects are content and nothing else, as a key-value bucket is: a version and its
 * content are one message, so the content goes with it when another one takes its place.
 */

#include "fake_internal.h"

#include <stdio.h>
#include <string.h>

#define PLAIN_MAX_CHUNKS 64

void fake_set_plain(struct fake *b)
{
	LOCK_SCOPE(&b->lock);
	b->is_plain = true;
	b->depth = 1;
}

void fake_set_history(struct fake *b, unsigned int depth)
{
	LOCK_SCOPE(&b->lock);
	b->is_plain = true;
	b->depth = depth;
}

uint64_t fake_plain_max(const struct fake *b)
{
	return (uint64_t)b->chunk_size * PLAIN_MAX_CHUNKS + 100;
}

/* The chunks of an identifier as one; NULL when there are none. */
static struct chunk *join(struct fake *b, const char *nuid)
{
	const struct fake_blob *blob = fake_blob_find(b, nuid);
	struct chunk *whole;
	size_t size = 0;

	for (uint32_t i = 0; blob && i < blob->n; i++)
		size += blob->chunks[i]->len;
	if (size == 0)
		return NULL;
	whole = chunk_new(size);
	if (!whole)
		abort();
	for (uint32_t i = 0; i < blob->n; i++) {
		memcpy(whole->data + whole->len, blob->chunks[i]->data, blob->chunks[i]->len);
		whole->len += blob->chunks[i]->len;
	}
	return whole;
}

static bool keeps_nothing(const char *key)
{
	(void)key;
	return false;
}

static void strip(struct obj_info *info)
{
	obj_pairs_filter(&info->metadata, keeps_nothing);
	obj_pairs_filter(&info->headers, keeps_nothing);
	if (obj_info_set_description(info, NULL) < 0 || obj_info_set_link(info, NULL, NULL) < 0)
		abort();
	info->has_digest = false;
	info->mtime_ns = 0;
}

static void drop_version(struct fake *b, struct fake_meta *m)
{
	_cleanup_obj_info_ struct obj_info *info = fake_meta_parse(m);

	fake_blob_remove(b, info->nuid);
	fake_meta_remove(m);
}

void fake_plain_done(struct fake *b)
{
	list_for_each_safe (it, &b->old)
		drop_version(b, list_entry(it, struct fake_meta, link));
}

/* Keeps what is about to be replaced, and of its name only as many as there is room for. */
static void keep_version(struct fake *b, const struct fake_meta *old)
{
	struct fake_meta *m = fake_alloc(1, sizeof(*m));
	unsigned int n = 0;

	*m = *old;
	m->token = strdup(old->token);
	m->json = strndup(old->json, old->len);
	if (!m->token || !m->json)
		abort();
	list_push_back(&b->old, &m->link);
	list_for_each (it, &b->old)
		n += strcmp(list_entry(it, struct fake_meta, link)->token, old->token) == 0;
	list_for_each_safe (it, &b->old) {
		struct fake_meta *other = list_entry(it, struct fake_meta, link);

		if (n < b->depth)
			break;
		if (strcmp(other->token, m->token) != 0)
			continue;
		drop_version(b, other);
		n--;
	}
}

int fake_plain_store(struct fake *b, struct obj_info *info, const struct fake_meta *old)
{
	_cleanup_chunk_ struct chunk *whole = info->is_deleted ? NULL : join(b, info->nuid);

	mutex_assert_held(&b->lock);
	if (!info->is_deleted && info->size != (whole ? whole->len : 0))
		return -EIO;
	if (old)
		keep_version(b, old);
	strip(info);
	(void)snprintf(info->nuid, sizeof(info->nuid), "@1-%llu", (unsigned long long)b->seq + 1);
	info->chunks = whole ? 1 : 0;
	info->max_chunk_size = whole ? (uint32_t)whole->len : 0;
	if (whole)
		fake_blob_add(b, fake_blob_get(b, info->nuid), chunk_ref(whole));
	return 0;
}

/* Adds a version to an array. */
static void add_info(struct obj_info ***infos, size_t *n, const struct fake_meta *m)
{
	*infos = reallocarray(*infos, *n + 1, sizeof(struct obj_info *));
	if (!*infos)
		abort();
	(*infos)[(*n)++] = fake_meta_parse(m);
}

int fake_history(struct store *s, const char *name, size_t len, struct obj_info ***ret,
		 size_t *ret_n)
{
	struct fake *b = fake_store_of(s)->b;
	struct list *const lists[] = {&b->old, &b->metas};
	struct obj_info **infos = NULL;
	size_t n = 0;

	LOCK_SCOPE(&b->lock);
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		list_for_each (it, lists[i]) {
			const struct fake_meta *m = list_entry(it, struct fake_meta, link);
			_cleanup_obj_info_ struct obj_info *info = fake_meta_parse(m);

			if (info->name_len == len && memcmp(info->name, name, len) == 0)
				add_info(&infos, &n, m);
		}
	}
	*ret = infos;
	*ret_n = n;
	return n > 0 ? 0 : -ENOENT;
}

int fake_history_names(struct store *s, const char *prefix, char ***ret, size_t *ret_n)
{
	struct fake *b = fake_store_of(s)->b;
	char **names;
	size_t n = 0;

	LOCK_SCOPE(&b->lock);
	list_for_each (it, &b->metas)
		n++;
	names = fake_alloc(n, sizeof(*names));
	n = 0;
	list_for_each (it, &b->metas) {
		_cleanup_obj_info_ struct obj_info *info =
			fake_meta_parse(list_entry(it, struct fake_meta, link));

		if (strncmp(info->name, prefix, strlen(prefix)) == 0)
			names[n++] = steal_ptr(info->name);
	}
	*ret = names;
	*ret_n = n;
	return 0;
}
