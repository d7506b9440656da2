/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_watch_names.h"

#include <stdlib.h>
#include <string.h>

#include "objstore/keys.h"

static struct watch_name *find(struct watch_names *w, const char *text, size_t len)
{
	uint64_t hv = hash_bytes(text, len);

	hash_for_each (node, &w->names, hv) {
		struct watch_name *n = container_of(node, struct watch_name, node);

		if (node->hash == hv && n->len == len && memcmp(n->text, text, len) == 0)
			return n;
	}
	return NULL;
}

struct watch_name *watch_names_get(struct watch_names *w, const struct obj_info *info)
{
	struct watch_name *n = find(w, info->name, info->name_len);

	if (n)
		return n;
	n = calloc(1, sizeof(*n) + info->name_len + 1);
	if (!n)
		return NULL;
	memcpy(n->text, info->name, info->name_len);
	n->len = info->name_len;
	if (hash_insert(&w->names, &n->node, hash_bytes(n->text, n->len)) < 0) {
		free(n);
		return NULL;
	}
	list_init(&n->queued);
	list_init(&n->linked);
	list_push_back(&w->all, &n->all);
	return n;
}

void watch_names_queue(struct watch_names *w, struct watch_name *n, struct obj_info *info)
{
	if (!n->pending)
		list_push_back(&w->queue, &n->queued);
	obj_info_free(n->pending);
	n->pending = info;
}

/* The file as the object called n, of the version at; NULL without memory. */
static struct obj_info *file_as(const struct obj_info *file, const struct watch_name *n,
				const struct obj_info *at)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_dup(file);

	if (!info || obj_info_rename(info, n->text, n->len) < 0)
		return NULL;
	info->seq = at->seq;
	info->time_ns = at->time_ns;
	return steal_ptr(info);
}

bool watch_names_is_hidden(const struct obj_info *info)
{
	return strncmp(info->name, HIDDEN_INODES, strlen(HIDDEN_INODES)) == 0;
}

static bool has_same_value(const struct obj_info *a, const struct obj_info *b, const char *key)
{
	const char *x = obj_info_meta(a, key), *y = obj_info_meta(b, key);

	return x && y ? strcmp(x, y) == 0 : x == y;
}

/* Whether only the number of names is another one. */
static bool is_same_file(const struct obj_info *a, const struct obj_info *b)
{
	return strcmp(a->nuid, b->nuid) == 0 && has_same_value(a, b, ATTR_MODE) &&
	       has_same_value(a, b, ATTR_UID) && has_same_value(a, b, ATTR_GID) &&
	       has_same_value(a, b, ATTR_MTIME);
}

/* n is a hidden object, stored as info. Whether anything was queued. */
static bool note_file(struct watch_names *w, struct watch_name *n, const struct obj_info *info,
		      bool is_told)
{
	bool is_news = is_told && n->file && !info->is_deleted && !is_same_file(n->file, info);

	obj_info_free(n->file);
	n->file = info->is_deleted ? NULL : obj_info_dup(info);
	if (!is_news)
		return false;
	list_for_each (l, &w->linked) {
		struct watch_name *other = container_of(l, struct watch_name, linked);
		struct obj_info *changed;

		/* A name that is queued as such is told as the file is then. */
		if (!other->is_live || (other->pending && other->pending->link_name) ||
		    strcmp(other->leads_to, n->text) != 0)
			continue;
		changed = file_as(info, other, info);
		if (changed)
			watch_names_queue(w, other, changed);
	}
	return true;
}

static void note_link(struct watch_names *w, struct watch_name *n, const struct obj_info *info)
{
	bool is_link = !info->is_deleted && info->link_name && obj_info_meta(info, ATTR_INODE);

	list_remove(&n->linked);
	list_init(&n->linked);
	free(n->leads_to);
	n->leads_to = is_link ? strdup(info->link_name) : NULL;
	if (n->leads_to)
		list_push_back(&w->linked, &n->linked);
}

bool watch_names_note(struct watch_names *w, struct watch_name *n, const struct obj_info *info,
		      bool is_told)
{
	note_link(w, n, info);
	return watch_names_is_hidden(info) && note_file(w, n, info, is_told);
}

/* What is to be told of n. Of a name among several that is its file. */
static struct obj_info *take_pending(struct watch_names *w, struct watch_name *n)
{
	struct obj_info *info = steal_ptr(n->pending), *file;
	const struct watch_name *hidden;

	if (!n->leads_to || info->is_deleted || !info->link_name)
		return info;
	hidden = find(w, n->leads_to, strlen(n->leads_to));
	file = hidden && hidden->file ? file_as(hidden->file, n, info) : NULL;
	if (!file)
		return info;
	obj_info_free(info);
	return file;
}

struct obj_info *watch_names_next(struct watch_names *w)
{
	struct watch_name *n;

	if (list_is_empty(&w->queue))
		return NULL;
	n = container_of(w->queue.next, struct watch_name, queued);
	list_remove(&n->queued);
	list_init(&n->queued);
	return take_pending(w, n);
}

void watch_names_init(struct watch_names *w)
{
	hash_init(&w->names);
	list_init(&w->all);
	list_init(&w->queue);
	list_init(&w->linked);
}

void watch_names_done(struct watch_names *w)
{
	while (!list_is_empty(&w->all)) {
		struct watch_name *n = container_of(w->all.next, struct watch_name, all);

		list_remove(&n->all);
		obj_info_free(n->pending);
		obj_info_free(n->file);
		free(n->leads_to);
		free(n);
	}
	hash_done(&w->names);
}
