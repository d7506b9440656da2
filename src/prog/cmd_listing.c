/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The listing comes through the store's watch, which may begin anew when the connection is lost,
 * and which goes on reporting changes after it returned: the collector outlives it as the store
 * does, takes what comes until is_done, and frees the rest.
 *
 * Whenever the lock is free: items [0, count) are owned. After is_done they are moved out and never
 * changed again.
 */
#include "prog/cmd_listing.h"

#include <fnmatch.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"
#include "util/lock.h"

struct collector {
	struct mutex lock;
	/* protected by lock */
	struct obj_info **items;
	size_t count, cap;
	bool is_done;
	int error;
};

struct object_list {
	struct obj_info **items;
	size_t count;
};

/* The store calls it until it is closed, which is when the program ends. */
static struct collector collector;

static void forget_items(struct collector *l)
{
	for (size_t i = 0; i < l->count; i++)
		obj_info_free(l->items[i]);
	l->count = 0;
}

static void on_reload_begin(void *arg, bool is_other_history)
{
	struct collector *l = arg;

	(void)is_other_history;
	LOCK_SCOPE(&l->lock);
	if (!l->is_done)
		forget_items(l);
}

static void on_reload_end(void *arg, uint64_t last_seq)
{
	(void)arg;
	(void)last_seq;
}

static int make_room(struct collector *l)
{
	size_t cap = l->cap ? l->cap * 2 : 256;
	struct obj_info **items;

	if (l->count < l->cap)
		return 0;
	items = reallocarray(l->items, cap, sizeof(struct obj_info *));
	if (!items)
		return -ENOMEM;
	l->items = items;
	l->cap = cap;
	return 0;
}

static void on_info(void *arg, struct obj_info *info)
{
	struct collector *l = arg;

	LOCK_SCOPE(&l->lock);
	if (!l->is_done && !l->error)
		l->error = make_room(l);
	if (l->is_done || l->error)
		obj_info_free(info);
	else
		l->items[l->count++] = info;
}

static void on_state(void *arg, enum watch_state state)
{
	struct collector *l = arg;

	LOCK_SCOPE(&l->lock);
	if (state == WATCH_GONE && !l->is_done && !l->error)
		l->error = -ENODEV;
}

/* By name, the newest version of a name first. */
static int compare(const void *a, const void *b)
{
	const struct obj_info *x = *(const struct obj_info *const *)a;
	const struct obj_info *y = *(const struct obj_info *const *)b;
	int order = bytes_compare(x->name, x->name_len, y->name, y->name_len);

	if (order)
		return order;
	return x->seq > y->seq ? -1 : x->seq < y->seq;
}

static bool has_same_name(const struct obj_info *a, const struct obj_info *b)
{
	return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

static void sort_and_thin(struct object_list *l)
{
	size_t kept = 0;

	if (l->count > 0)
		qsort(l->items, l->count, sizeof(struct obj_info *), compare);
	for (size_t i = 0; i < l->count; i++) {
		if (kept > 0 && has_same_name(l->items[kept - 1], l->items[i]))
			obj_info_free(l->items[i]);
		else
			l->items[kept++] = l->items[i];
	}
	l->count = kept;
}

static int collect(struct store *s, struct object_list *l)
{
	static const struct watch_listener listener = {
		.arg = &collector,
		.on_reload_begin = on_reload_begin,
		.on_reload_end = on_reload_end,
		.on_info = on_info,
		.on_state = on_state,
	};
	int err = store_watch(s, &listener);

	LOCK_SCOPE(&collector.lock);
	collector.is_done = true;
	if (!err)
		err = collector.error;
	if (err)
		forget_items(&collector);
	l->items = collector.items;
	l->count = collector.count;
	collector.items = NULL;
	collector.count = collector.cap = 0;
	return err;
}

int object_list_new(struct store *s, struct object_list **ret)
{
	_cleanup_object_list_ struct object_list *l = calloc(1, sizeof(*l));
	int err;

	if (!l)
		return -ENOMEM;
	mutex_init(&collector.lock, LOCK_RANK_LEAF);
	err = collect(s, l);
	if (err)
		return err;
	sort_and_thin(l);
	*ret = steal_ptr(l);
	return 0;
}

int object_list_open(struct cmd *c, const char *bucket, struct store **ret_store,
		     struct object_list **ret)
{
	int err, r = cmd_open_read(c, bucket, ret_store);

	if (r)
		return r;
	err = object_list_new(*ret_store, ret);
	return err ? cmd_fail("cannot list bucket %s: %s", bucket, cmd_strerror(err)) : CMD_OK;
}

void object_list_free(struct object_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++)
		obj_info_free(l->items[i]);
	free(l->items);
	free(l);
}

size_t object_list_count(const struct object_list *l)
{
	size_t n = 0;

	for (size_t i = 0; i < l->count; i++)
		n += !l->items[i]->is_deleted;
	return n;
}

bool object_list_is_match(const struct object_filter *f, const struct obj_info *info)
{
	if (info->is_deleted && !f->with_deleted)
		return false;
	if (f->prefix && strncmp(info->name, f->prefix, strlen(f->prefix)) != 0)
		return false;
	return !f->glob || fnmatch(f->glob, info->name, 0) == 0;
}

const struct obj_info *object_list_next(const struct object_list *l, const struct object_filter *f,
					size_t *pos)
{
	while (*pos < l->count) {
		const struct obj_info *info = l->items[(*pos)++];

		if (object_list_is_match(f, info))
			return info;
	}
	return NULL;
}
