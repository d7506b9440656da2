/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lists buckets, or the objects of one. The listing comes through the store's watch, which may
 * begin anew when the connection is lost, and which goes on reporting changes after it returned:
 * the lock separates the thread of the watch from the one that prints, and is_done ends the taking.
 */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd.h"
#include "util/clock.h"
#include "util/lock.h"
#include "util/log.h"

#define SYNOPSIS "ls [BUCKET] [-l|--long] [--json]"
#define ITEM_MAX ((size_t)8 << 20)

struct format {
	bool is_long, is_json;
};

struct listing {
	struct mutex lock;
	/* protected by lock */
	struct obj_info **items;
	size_t count, cap;
	bool is_done;
	int error;
};

static void forget_items(struct listing *l)
{
	for (size_t i = 0; i < l->count; i++)
		obj_info_free(l->items[i]);
	l->count = 0;
}

static void on_reload_begin(void *arg, bool is_other_history)
{
	struct listing *l = arg;

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

static int make_room(struct listing *l)
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
	struct listing *l = arg;

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
	struct listing *l = arg;

	LOCK_SCOPE(&l->lock);
	if (state == WATCH_GONE && !l->is_done && !l->error)
		l->error = -ENODEV;
}

/* By name, the newest version of a name first. */
static int compare(const void *a, const void *b)
{
	const struct obj_info *x = *(const struct obj_info *const *)a;
	const struct obj_info *y = *(const struct obj_info *const *)b;
	size_t n = x->name_len < y->name_len ? x->name_len : y->name_len;
	int r = memcmp(x->name, y->name, n);

	if (r)
		return r;
	if (x->name_len != y->name_len)
		return x->name_len < y->name_len ? -1 : 1;
	return x->seq > y->seq ? -1 : x->seq < y->seq;
}

static bool has_same_name(const struct obj_info *a, const struct obj_info *b)
{
	return a->name_len == b->name_len && memcmp(a->name, b->name, a->name_len) == 0;
}

static int print_json(const struct obj_info *info, const char *bucket, bool is_first)
{
	_cleanup_buf_ struct buf out;
	struct json_writer w;
	int err;

	buf_init(&out, ITEM_MAX);
	json_init(&w, &out);
	cmd_json_info(&w, info, bucket);
	err = buf_error(&out);
	if (!err)
		(void)printf("%s%.*s", is_first ? "" : ",\n", (int)out.len, out.data);
	return err;
}

static void print_line(const struct obj_info *info, bool is_long)
{
	char when[CMD_TIME_LEN];

	if (is_long) {
		cmd_format_time(cmd_mtime_ns(info), when);
		(void)printf("%15" PRIu64 " %s ", info->size, when);
	}
	cmd_print_name(info->name, info->name_len);
	if (is_long && info->link_bucket) {
		(void)fputs(" -> ", stdout);
		cmd_print_name(info->link_bucket, strlen(info->link_bucket));
		(void)putchar(':');
		if (info->link_name)
			cmd_print_name(info->link_name, strlen(info->link_name));
	}
	(void)putchar('\n');
}

static int print_listing(struct listing *l, const char *bucket, const struct format *f)
{
	bool is_first = true;

	if (l->count > 0)
		qsort(l->items, l->count, sizeof(struct obj_info *), compare);
	if (f->is_json)
		(void)putchar('[');
	for (size_t i = 0; i < l->count; i++) {
		const struct obj_info *info = l->items[i];
		int err = 0;

		if (info->is_deleted || (i > 0 && has_same_name(l->items[i - 1], info)))
			continue;
		if (f->is_json)
			err = print_json(info, bucket, is_first);
		else
			print_line(info, f->is_long);
		if (err)
			return err;
		is_first = false;
	}
	if (f->is_json)
		(void)puts("]");
	return 0;
}

static int list_objects(struct store *s, const struct format *f, struct listing *l)
{
	const struct watch_listener listener = {
		.arg = l,
		.on_reload_begin = on_reload_begin,
		.on_reload_end = on_reload_end,
		.on_info = on_info,
		.on_state = on_state,
	};
	int err = store_watch(s, &listener);

	mutex_lock(&l->lock);
	l->is_done = true;
	if (!err)
		err = l->error;
	mutex_unlock(&l->lock);
	return err ? err : print_listing(l, s->bucket, f);
}

static int ls_objects(struct connect_opts *co, const char *bucket, const struct format *f)
{
	static const struct bucket_options opts = {.want_read_only = true};
	struct listing l = {.count = 0};
	struct store *s = NULL;
	int err, r = cmd_open(co, bucket, &opts, &s);

	if (r)
		return r;
	mutex_init(&l.lock, LOCK_RANK_LEAF);
	err = list_objects(s, f, &l);
	/* The listener is in use until here. */
	store_close(s);
	forget_items(&l);
	free(l.items);
	mutex_done(&l.lock);
	if (!err)
		return cmd_flush();
	log_error("cannot list bucket %s: %s", bucket, cmd_strerror(err));
	return CMD_FAILURE;
}

static int bucket_figures(struct connect_opts *co, const char *bucket, struct store_status *ret)
{
	static const struct bucket_options opts = {.want_read_only = true};
	_cleanup_store_ struct store *s = NULL;
	_cleanup_free_ char *why = NULL;
	int err = bucket_open(&co->config, bucket, &opts, &s, &why);

	if (!err)
		err = store_status(s, ret);
	if (err)
		log_error("%s", why ? why : cmd_strerror(err));
	return err;
}

static void print_bucket(const char *name, const struct store_status *st)
{
	char created[CMD_TIME_LEN];

	if (st) {
		cmd_format_time(st->created_ns, created);
		(void)printf("%15" PRIu64 " %s ", st->bytes, created);
	}
	(void)puts(name);
}

/* One bucket without a figure does not keep the others from being shown. */
static int print_buckets(struct connect_opts *co, char **names, size_t count,
			 const struct format *f)
{
	_cleanup_buf_ struct buf out;
	struct json_writer w;
	int r = CMD_OK, printed;

	buf_init(&out, SIZE_MAX);
	json_init(&w, &out);
	json_begin_array(&w, NULL);
	for (size_t i = 0; i < count; i++) {
		struct store_status st;
		bool has_figures = f->is_long && bucket_figures(co, names[i], &st) == 0;

		if (f->is_long && !has_figures)
			r = CMD_FAILURE;
		if (!f->is_json) {
			print_bucket(names[i], has_figures ? &st : NULL);
		} else if (has_figures) {
			cmd_json_status(&w, names[i], &st);
		} else {
			json_begin_object(&w, NULL);
			json_string(&w, "bucket", names[i]);
			json_end_object(&w);
		}
	}
	json_end_array(&w);
	printed = f->is_json ? cmd_print_buf(&out) : cmd_flush();
	return r ? r : printed;
}

static int ls_buckets(struct connect_opts *co, const struct format *f)
{
	_cleanup_free_ char *why = NULL;
	char **names = NULL;
	size_t count = 0;
	int err, r = cmd_connect(co);

	if (r)
		return r;
	err = bucket_list(&co->config, &names, &count, &why);
	if (err) {
		log_error("%s", why ? why : strerror(-err));
		return CMD_FAILURE;
	}
	r = print_buckets(co, names, count, f);
	for (size_t i = 0; i < count; i++)
		free(names[i]);
	free(names);
	return r;
}

int cmd_ls(struct connect_opts *co, int argc, char **argv)
{
	static const struct option options[] = {
		CONNECT_LONG_OPTIONS,
		{"long", no_argument, NULL, 'l'},
		{"json", no_argument, NULL, 'j'},
		{0},
	};
	struct format f = {.is_long = false};
	int c, r;

	while ((c = getopt_long(argc, argv, "l", options, NULL)) != -1) {
		if (c == 'l')
			f.is_long = true;
		else if (c == 'j')
			f.is_json = true;
		else if (!connect_opts_take(co, c, optarg))
			return CMD_USAGE;
	}
	r = cmd_check_args(argc - optind, 0, 1, SYNOPSIS);
	if (r)
		return r;
	return argc - optind == 1 ? ls_objects(co, argv[optind], &f) : ls_buckets(co, &f);
}
