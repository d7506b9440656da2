/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The store's watch reports the newest version of each name, all again after a lost connection. A
 * table remembers what was seen of each name, so that nothing is reported twice, and what is gone
 * after such a gap is noticed. Between that thread and the one that reports there is a queue of
 * names, not of versions: while a reader or a command is slow, changes of one object become one,
 * and the queue is never longer than the bucket.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>

#include "prog/cmd.h"
#include "prog/cmd_listing.h"
#include "prog/cmd_print.h"
#include "prog/cmd_signal.h"
#include "prog/cmd_watch_exec.h"
#include "prog/cmd_watch_names.h"
#include "util/clock.h"
#include "util/lock.h"
#include "util/parse.h"

/* How long a signal may stay unnoticed. */
#define SIGNAL_MS 200

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"prefix", required_argument, NULL, 'p'},
	{"glob", required_argument, NULL, 'g'},
	{"history", no_argument, NULL, 'H'},
	{"ignore-deletes", no_argument, NULL, 'I'},
	{"count", required_argument, NULL, 'n'},
	{"exec", required_argument, NULL, 'x'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "watch BUCKET [GLOB] [--prefix TEXT] [--history] [--ignore-deletes] [--count N]"
		    " [--exec COMMAND]",
	.help = "Reports objects that are stored, changed or deleted, until it is interrupted. It\n"
		"goes on by itself after a lost connection. Changes that come faster than they\n"
		"are taken are reported once for each object, as its newest version.\n\n"
		"  --prefix TEXT, --glob GLOB\n"
		"                            only names that begin so, or match\n"
		"  --history                 first what is in the bucket already\n"
		"  --ignore-deletes          only what is stored\n"
		"  --count N                 end after so many reports\n"
		"  --exec COMMAND            run it with the shell for each, one at a time, with\n"
		"                            NATSOBJ_EVENT (put, delete), NATSOBJ_BUCKET,\n"
		"                            NATSOBJ_NAME, NATSOBJ_SIZE, NATSOBJ_SEQ and\n"
		"                            NATSOBJ_DIGEST in the environment and the JSON on\n"
		"                            standard input\n"
		"  --json                    one JSON object on each line\n",
	.examples = "  natsobj watch photos\n"
		    "  natsobj watch photos '*.jpg' --ignore-deletes --json\n"
		    "  natsobj watch photos --exec 'natsobj get photos \"$NATSOBJ_NAME\"'\n",
	.short_options = "",
	.options = options,
};

struct watch_state_of {
	struct object_filter filter;
	bool with_history, ignore_deletes;
	struct mutex lock;
	struct cond changed;
	/* protected by lock */
	struct watch_names names;
	uint64_t round;
	bool is_listed, is_gone;
	int error;
};

static void on_info(void *arg, struct obj_info *info)
{
	_cleanup_obj_info_ struct obj_info *owned = info;
	struct watch_state_of *w = arg;
	struct watch_name *n;
	bool was_live, is_shown = object_list_is_match(&w->filter, info);

	LOCK_SCOPE(&w->lock);
	if (!is_shown && !watch_names_is_hidden(info))
		return;
	n = watch_names_get(&w->names, info);
	if (!n) {
		w->error = -ENOMEM;
		return;
	}
	n->round = w->round;
	if (info->seq <= n->seq)
		return;
	was_live = n->is_live;
	n->seq = info->seq;
	n->is_live = !info->is_deleted;
	n->is_shown = is_shown;
	if (watch_names_note(&w->names, n, info, w->is_listed))
		cond_broadcast(&w->changed);
	if (!is_shown)
		return;
	if (!w->is_listed && (!w->with_history || info->is_deleted))
		return;
	/* Deleting what was not there is no change, except of what was not seen in between. */
	if (info->is_deleted && (w->ignore_deletes || (!was_live && !n->pending)))
		return;
	watch_names_queue(&w->names, n, steal_ptr(owned));
	cond_broadcast(&w->changed);
}

static void on_reload_begin(void *arg, bool is_other_history)
{
	struct watch_state_of *w = arg;

	LOCK_SCOPE(&w->lock);
	w->round++;
	/* Sequences that were seen mean nothing any more. */
	list_for_each (l, &w->names.all)
		if (is_other_history)
			container_of(l, struct watch_name, all)->seq = 0;
}

/* What the listing did not have was deleted in a way that leaves no message. */
static void forget_missing_locked(struct watch_state_of *w, uint64_t last_seq)
{
	list_for_each (l, &w->names.all) {
		struct watch_name *n = container_of(l, struct watch_name, all);
		struct obj_info *info;

		if (n->round == w->round || !n->is_live || n->seq > last_seq)
			continue;
		n->is_live = false;
		info = w->ignore_deletes || !n->is_shown ? NULL : obj_info_new(n->text, n->len);
		if (!info)
			continue;
		info->is_deleted = true;
		info->time_ns = clock_wall_ns();
		watch_names_queue(&w->names, n, info);
		cond_broadcast(&w->changed);
	}
}

static void on_reload_end(void *arg, uint64_t last_seq)
{
	struct watch_state_of *w = arg;

	LOCK_SCOPE(&w->lock);
	if (w->is_listed)
		forget_missing_locked(w, last_seq);
	w->is_listed = true;
}

static void on_state(void *arg, enum watch_state state)
{
	struct watch_state_of *w = arg;

	LOCK_SCOPE(&w->lock);
	if (state == WATCH_GONE)
		w->is_gone = true;
	cond_broadcast(&w->changed);
}

/* The next change: 0; -EINTR after a signal; -ENODEV the bucket is gone. Waits. */
static int next_change(struct watch_state_of *w, struct obj_info **ret)
{
	LOCK_SCOPE(&w->lock);
	for (;;) {
		if (signal_pending())
			return -EINTR;
		*ret = watch_names_next(&w->names);
		if (*ret)
			return 0;
		if (w->error || w->is_gone)
			return w->error ? w->error : -ENODEV;
		(void)cond_wait_until(&w->changed, &w->lock, clock_deadline_ms(SIGNAL_MS));
	}
}

static int report(struct cmd *c, const struct obj_info *info, const char *bucket,
		  const char *command)
{
	const char *event = info->is_deleted ? "delete" : "put";
	_cleanup_buf_ struct buf out = {0};
	char when[CMD_TIME_LEN];
	struct json_writer w;

	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	json_begin_object(&w, NULL);
	json_string(&w, "event", event);
	cmd_json_info(&w, "object", info, bucket);
	json_end_object(&w);
	if (command)
		return watch_exec(command, event, info, bucket, &out);
	if (c->is_json)
		return cmd_print_buf(&out);
	cmd_format_time(info->time_ns, when);
	(void)printf("%s %-6s %15llu ", when, event, (unsigned long long)info->size);
	cmd_print_name(info->name, info->name_len);
	(void)putchar('\n');
	return cmd_flush();
}

static int follow(struct cmd *c, struct store *s, struct watch_state_of *w, uint64_t count,
		  const char *command)
{
	for (uint64_t i = 0; i < count; i++) {
		_cleanup_obj_info_ struct obj_info *info = NULL;
		int r, err = next_change(w, &info);

		if (err == -EINTR)
			return CMD_OK;
		if (err == -ENODEV)
			return cmd_fail("bucket %s is gone", s->bucket);
		if (err)
			return cmd_fail("cannot watch bucket %s: %s", s->bucket, cmd_strerror(err));
		r = report(c, info, s->bucket, command);
		if (r)
			return r;
	}
	return CMD_OK;
}

static int watch(struct cmd *c, const char *bucket, struct watch_state_of *w, uint64_t count,
		 const char *command)
{
	const struct watch_listener listener = {
		.arg = w,
		.on_reload_begin = on_reload_begin,
		.on_reload_end = on_reload_end,
		.on_info = on_info,
		.on_state = on_state,
	};
	struct store *s;
	int err, r = cmd_open_read(c, bucket, &s);

	if (r)
		return r;
	mutex_init(&w->lock, LOCK_RANK_LEAF);
	cond_init(&w->changed);
	watch_names_init(&w->names);
	signal_defer();
	err = store_watch(s, &listener);
	r = err ? cmd_fail("cannot watch bucket %s: %s", bucket, cmd_strerror(err))
		: follow(c, s, w, count, command);
	store_close(s);
	watch_names_done(&w->names);
	cond_done(&w->changed);
	mutex_done(&w->lock);
	signal_finish();
	return r;
}

int cmd_watch(struct cmd *c, int argc, char **argv)
{
	struct watch_state_of w = {.filter = {.with_deleted = true}};
	const char *command = NULL;
	uint64_t count = UINT64_MAX;
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		if (opt == 'p')
			w.filter.prefix = optarg;
		else if (opt == 'g')
			w.filter.glob = optarg;
		else if (opt == 'H')
			w.with_history = true;
		else if (opt == 'I')
			w.ignore_deletes = true;
		else if (opt == 'x')
			command = optarg;
		else if (opt != 'n')
			return c->status;
		else if (parse_u64(optarg, 10, 1, UINT64_MAX, &count) < 0)
			return cmd_usage("--count %s is not a number above 0", optarg);
	}
	r = cmd_check_args(argc - optind, 1, 2, &spec);
	if (r)
		return r;
	if (argc - optind == 2)
		w.filter.glob = argv[optind + 1];
	return watch(c, argv[optind], &w, count, command);
}
