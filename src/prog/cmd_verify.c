/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd_listing.h"
#include "prog/cmd_print.h"
#include "prog/cmd_signal.h"
#include "prog/cmd_target.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"prefix", required_argument, NULL, 'p'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "verify BUCKET [NAME…] [--prefix TEXT]",
	.help = "Reads objects, or all of the bucket, and checks size and SHA-256 digest. The "
		"exit\n"
		"status is 0 only when all are right. Links are not followed.\n\n"
		"  --prefix TEXT             of all objects those whose names begin so\n"
		"  -q, --quiet               show only what is wrong\n",
	.examples = "  natsobj verify backup\n"
		    "  natsobj verify backup etc/today.tar --json\n",
	.short_options = "",
	.options = options,
};

struct check {
	struct cmd *cmd;
	struct store *store;
	struct progress *progress;
	size_t n_good, n_bad, n_unchecked;
	bool is_first;
};

static int discard(void *arg, const void *data, size_t len)
{
	(void)arg;
	(void)data;
	(void)len;
	return 0;
}

static int restart(void *arg)
{
	(void)arg;
	return 0;
}

static void print_json(struct check *k, const struct obj_info *info, const char *result,
		       const char *why)
{
	_cleanup_buf_ struct buf out = {0};
	struct json_writer w;

	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	json_begin_object(&w, NULL);
	json_string_n(&w, "name", info->name, info->name_len);
	json_string(&w, "result", result);
	if (why)
		json_string(&w, "why", why);
	json_u64(&w, "size", info->size);
	json_end_object(&w);
	(void)printf("%s%.*s", k->is_first ? "[" : ",\n", (int)out.len, out.data ? out.data : "");
	k->is_first = false;
}

static void report(struct check *k, const struct obj_info *info, const char *result,
		   const char *why)
{
	progress_clear_line();
	if (k->cmd->is_json) {
		print_json(k, info, result, why);
		return;
	}
	if (k->cmd->is_quiet && !why)
		return;
	(void)printf("%-9s ", result);
	cmd_print_name(info->name, info->name_len);
	(void)printf("%s%s\n", why ? ": " : "", why ? why : "");
}

/* Takes over info. */
static void verify_one(struct check *k, struct obj_info *info)
{
	_cleanup_target_ struct target t = {.cmd = k->cmd, .store = k->store, .info = info};
	struct receiver r = {.take = discard, .restart = restart, .progress = k->progress};
	int err;

	if (info->link_bucket) {
		k->n_unchecked++;
		report(k, info, "link", NULL);
		return;
	}
	progress_set_label(k->progress, info->name);
	err = target_read(&t, NULL, &r);
	/* Deleted or replaced while it was read: there is nothing wrong with what is there. */
	if (err == -ENOENT || err == -EINTR)
		return;
	if (err) {
		k->n_bad++;
		report(k, t.info, "bad", cmd_strerror(err));
	} else if (!t.info->has_digest) {
		k->n_unchecked++;
		report(k, t.info, "no-digest", NULL);
	} else {
		k->n_good++;
		report(k, t.info, "ok", NULL);
	}
}

static int verify_all(struct check *k, const struct object_filter *f)
{
	_cleanup_object_list_ struct object_list *l = NULL;
	const struct obj_info *info;
	uint64_t bytes = 0;
	size_t pos = 0;
	int err = object_list_new(k->store, &l);

	if (err)
		return cmd_fail("cannot list bucket %s: %s", k->store->bucket, cmd_strerror(err));
	while ((info = object_list_next(l, f, &pos)))
		bytes += info->size;
	k->progress = progress_new(k->store->bucket, bytes, k->cmd->is_quiet);
	pos = 0;
	while ((info = object_list_next(l, f, &pos)) && !signal_pending()) {
		struct obj_info *copy = obj_info_dup(info);

		if (!copy)
			return cmd_fail("out of memory");
		verify_one(k, copy);
	}
	return CMD_OK;
}

static int verify_named(struct check *k, char **names, int n)
{
	int r = CMD_OK;

	k->progress = progress_new(n == 1 ? names[0] : k->store->bucket, PROGRESS_UNKNOWN,
				   k->cmd->is_quiet);
	for (int i = 0; i < n && !signal_pending(); i++) {
		struct obj_info *info = NULL;
		int err;

		if (cmd_check_name(k->store, names[i])) {
			r = CMD_FAILURE;
			continue;
		}
		err = cmd_find(k->store, names[i], &info);
		if (err)
			r = cmd_fail("cannot verify %s in bucket %s: %s", names[i],
				     k->store->bucket, cmd_strerror(err));
		else
			verify_one(k, info);
	}
	return r;
}

static int finish(struct check *k, int r)
{
	progress_free(k->progress);
	if (k->cmd->is_json)
		(void)puts(k->is_first ? "[]" : "]");
	else if (!k->cmd->is_quiet)
		(void)printf("%zu ok, %zu bad, %zu without a digest or links\n", k->n_good,
			     k->n_bad, k->n_unchecked);
	if (cmd_flush() || k->n_bad > 0)
		r = CMD_FAILURE;
	if (signal_pending())
		r = cmd_fail("interrupted");
	return r;
}

int cmd_verify(struct cmd *c, int argc, char **argv)
{
	_cleanup_store_ struct store *s = NULL;
	struct object_filter filter = {0};
	struct check k = {.cmd = c, .is_first = true};
	int opt, n, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		if (opt != 'p')
			return c->status;
		filter.prefix = optarg;
	}
	n = argc - optind - 1;
	r = cmd_check_args(n + 1, 1, INT32_MAX, &spec);
	if (!r && n > 0 && filter.prefix)
		r = cmd_usage("--prefix is for the whole bucket");
	if (!r)
		r = cmd_open_read(c, argv[optind], &s);
	if (r)
		return r;
	k.store = s;
	signal_defer();
	r = n > 0 ? verify_named(&k, argv + optind + 1, n) : verify_all(&k, &filter);
	r = finish(&k, r);
	signal_finish();
	return r;
}
