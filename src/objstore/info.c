/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/info.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/keys.h"
#include "util/clock.h"

void obj_pairs_done(struct obj_pairs *p)
{
	for (size_t i = 0; i < p->count; i++) {
		free(p->items[i].key);
		free(p->items[i].value);
	}
	free(p->items);
	*p = (struct obj_pairs){0};
}

int obj_pairs_add(struct obj_pairs *p, const char *key, const char *value)
{
	struct obj_pair *items = reallocarray(p->items, p->count + 1, sizeof(*items));
	struct obj_pair pair;

	if (!items)
		return -ENOMEM;
	p->items = items;
	pair = (struct obj_pair){strdup(key), strdup(value)};
	if (!pair.key || !pair.value) {
		free(pair.key);
		free(pair.value);
		return -ENOMEM;
	}
	p->items[p->count++] = pair;
	return 0;
}

void obj_pairs_filter(struct obj_pairs *p, bool (*keep)(const char *key))
{
	size_t n = 0;

	for (size_t i = 0; i < p->count; i++) {
		if (keep(p->items[i].key)) {
			p->items[n++] = p->items[i];
			continue;
		}
		free(p->items[i].key);
		free(p->items[i].value);
	}
	p->count = n;
}

static int pairs_copy(const struct obj_pairs *from, struct obj_pairs *to)
{
	int err = 0;

	for (size_t i = 0; i < from->count && !err; i++)
		err = obj_pairs_add(to, from->items[i].key, from->items[i].value);
	return err;
}

bool obj_info_is_marker(const struct obj_info *info)
{
	return info->size == 0 && !info->link_bucket && info->name_len > 0 &&
	       info->name[info->name_len - 1] == '/';
}

int obj_info_rename(struct obj_info *info, const char *name, size_t name_len)
{
	char *copy = malloc(name_len + 1);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, name, name_len);
	copy[name_len] = '\0';
	free(info->name);
	info->name = copy;
	info->name_len = name_len;
	return 0;
}

int obj_info_set_token(struct obj_info *info, const char *token)
{
	char *copy = token ? strdup(token) : NULL;

	free(info->foreign_token);
	info->foreign_token = copy;
	return token && !copy ? -ENOMEM : 0;
}

struct obj_info *obj_info_tombstone(const struct obj_info *info)
{
	_cleanup_obj_info_ struct obj_info *t = obj_info_new(info->name, info->name_len);

	if (!t || obj_info_set_token(t, info->foreign_token) < 0)
		return NULL;
	t->is_deleted = true;
	t->mtime_ns = clock_wall_ns();
	obj_nuid_new(t->nuid);
	return steal_ptr(t);
}

bool obj_info_is_same_file(const struct obj_info *a, const struct obj_info *b)
{
	const char *born = obj_info_meta(a, ATTR_BTIME), *its = obj_info_meta(b, ATTR_BTIME);

	return strcmp(a->nuid, b->nuid) == 0 || (born && its && strcmp(born, its) == 0);
}

bool obj_info_is_elsewhere(const struct obj_info *tombstone, const char *name)
{
	const char *to = obj_info_meta(tombstone, ATTR_TO);

	return (to && strcmp(to, name) != 0) || obj_info_meta(tombstone, ATTR_MOVED);
}

struct obj_info *obj_info_new(const char *name, size_t name_len)
{
	struct obj_info *info = calloc(1, sizeof(*info));

	if (info && obj_info_rename(info, name, name_len) < 0) {
		free(info);
		return NULL;
	}
	return info;
}

void obj_info_free(struct obj_info *info)
{
	if (!info)
		return;
	free(info->name);
	free(info->description);
	obj_pairs_done(&info->headers);
	obj_pairs_done(&info->metadata);
	free(info->link_bucket);
	free(info->link_name);
	free(info->foreign_token);
	free(info);
}

static int copy_text(char **to, const char *from)
{
	char *copy = from ? strdup(from) : NULL;

	if (from && !copy)
		return -ENOMEM;
	free(*to);
	*to = copy;
	return 0;
}

struct obj_info *obj_info_dup(const struct obj_info *info)
{
	struct obj_info *copy = obj_info_new(info->name, info->name_len);
	char *name = copy ? copy->name : NULL;
	int err;

	if (!copy)
		return NULL;
	*copy = *info;
	copy->name = name;
	copy->description = copy->link_bucket = copy->link_name = copy->foreign_token = NULL;
	copy->headers = copy->metadata = (struct obj_pairs){0};
	err = copy_text(&copy->description, info->description);
	if (!err)
		err = obj_info_set_link(copy, info->link_bucket, info->link_name);
	if (!err)
		err = copy_text(&copy->foreign_token, info->foreign_token);
	if (!err)
		err = pairs_copy(&info->headers, &copy->headers);
	if (!err)
		err = pairs_copy(&info->metadata, &copy->metadata);
	if (err) {
		obj_info_free(copy);
		return NULL;
	}
	return copy;
}

const char *obj_info_meta(const struct obj_info *info, const char *key)
{
	for (size_t i = 0; i < info->metadata.count; i++)
		if (strcmp(info->metadata.items[i].key, key) == 0)
			return info->metadata.items[i].value;
	return NULL;
}

int obj_info_set_meta(struct obj_info *info, const char *key, const char *value)
{
	struct obj_pairs *m = &info->metadata;

	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->items[i].key, key) != 0)
			continue;
		if (value)
			return copy_text(&m->items[i].value, value);
		free(m->items[i].key);
		free(m->items[i].value);
		memmove(&m->items[i], &m->items[i + 1], (m->count - i - 1) * sizeof(*m->items));
		m->count--;
		return 0;
	}
	return value ? obj_pairs_add(m, key, value) : 0;
}

int obj_info_add_header(struct obj_info *info, const char *key, const char *value)
{
	return obj_pairs_add(&info->headers, key, value);
}

size_t obj_info_remove_header(struct obj_info *info, const char *key)
{
	struct obj_pairs *h = &info->headers;
	size_t kept = 0, removed;

	for (size_t i = 0; i < h->count; i++) {
		if (strcmp(h->items[i].key, key) != 0) {
			h->items[kept++] = h->items[i];
			continue;
		}
		free(h->items[i].key);
		free(h->items[i].value);
	}
	removed = h->count - kept;
	h->count = kept;
	return removed;
}

int obj_info_set_description(struct obj_info *info, const char *text)
{
	return copy_text(&info->description, text);
}

int obj_info_set_link(struct obj_info *info, const char *bucket, const char *name)
{
	int err = copy_text(&info->link_bucket, bucket);

	return err ? err : copy_text(&info->link_name, name);
}
