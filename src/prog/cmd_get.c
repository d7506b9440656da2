/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies an object to a file or to standard output. A version that is replaced while it is being
 * read is given up for the new one, as long as nothing went out that cannot be taken back.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd.h"
#include "prog/cmd_download.h"
#include "prog/cmd_output.h"
#include "util/log.h"

#define SYNOPSIS "get BUCKET NAME [-O|--output FILE|-]"
/* Links to links; more is a circle. */
#define LINKS_MAX 8
/* How often an object may be replaced under the reader. */
#define RETRIES 8

/* An object and where it is. */
struct target {
	struct store *store;
	struct store *owned; /* a bucket that a link led to, closed in the end */
	struct obj_info *info;
};

static void target_done(struct target *t)
{
	obj_info_free(t->info);
	store_close(t->owned);
}

static int fail(const char *bucket, const char *name, int err)
{
	log_error("cannot get %s from bucket %s: %s", name, bucket, cmd_strerror(err));
	return CMD_FAILURE;
}

static int go_to_bucket(struct connect_opts *co, struct target *t, const char *bucket)
{
	static const struct bucket_options opts = {.want_read_only = true};
	_cleanup_free_ char *why = NULL;
	struct store *s;
	int err;

	if (strcmp(bucket, t->store->bucket) == 0)
		return CMD_OK;
	err = bucket_open(&co->config, bucket, &opts, &s, &why);
	if (err) {
		log_error("a link leads to bucket %s: %s", bucket, why ? why : strerror(-err));
		return CMD_FAILURE;
	}
	store_close(t->owned);
	t->owned = t->store = s;
	return CMD_OK;
}

/* Follows links until there is content. */
static int resolve(struct connect_opts *co, const char *name, struct target *t)
{
	int err = cmd_find(t->store, name, &t->info);

	for (int i = 0; !err && t->info->link_bucket; i++) {
		_cleanup_obj_info_ struct obj_info *link = steal_ptr(t->info);

		if (!link->link_name) {
			log_error("%s is a link to the whole of bucket %s", name,
				  link->link_bucket);
			return CMD_FAILURE;
		}
		if (i == LINKS_MAX)
			return fail(t->store->bucket, name, -ELOOP);
		if (go_to_bucket(co, t, link->link_bucket))
			return CMD_FAILURE;
		err = cmd_find(t->store, link->link_name, &t->info);
	}
	return err ? fail(t->store->bucket, name, err) : CMD_OK;
}

/* The newest version when that is another one than before: 0, else -ESTALE. */
static int renew(struct target *t)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;
	int err = store_get_info(t->store, t->info->name, t->info->name_len, &now);

	if (err)
		return err;
	if (now->is_deleted)
		return -ENOENT;
	if (now->link_bucket || strcmp(now->nuid, t->info->nuid) == 0)
		return -ESTALE;
	obj_info_free(t->info);
	t->info = steal_ptr(now);
	return 0;
}

/* Tells errors of the output from those of the store, which use the same numbers. */
struct sink {
	struct output *output;
	int err;
};

static int sink_write(void *arg, const void *data, size_t len)
{
	struct sink *sink = arg;

	sink->err = output_write(sink->output, data, len);
	return sink->err;
}

static int fetch(struct target *t, struct sink *sink)
{
	int err = download(t->store, t->info, sink_write, sink);

	for (int i = 0; err == -ESTALE && !sink->err && i < RETRIES; i++) {
		if (output_restart(sink->output) < 0)
			return -ESTALE;
		err = renew(t);
		if (err == -ESTALE)
			/* The newest version, and its chunks are not there. */
			return -EIO;
		if (!err)
			err = download(t->store, t->info, sink_write, sink);
	}
	return err;
}

static int fail_output(const char *path, int err)
{
	/* A reader that went away knows it. */
	if (err != -EPIPE)
		log_error("cannot write %s: %s",
			  strcmp(path, "-") == 0 ? "to standard output" : path, strerror(-err));
	return CMD_FAILURE;
}

static int save(struct target *t, const char *name, const char *path)
{
	_cleanup_output_ struct output o = {.fd = -1};
	struct sink sink = {.output = &o};
	int err = output_open(&o, path);

	if (err)
		return fail_output(path, err);
	err = fetch(t, &sink);
	if (sink.err)
		return fail_output(path, sink.err);
	if (err)
		return fail(t->store->bucket, name, err);
	if (!t->info->has_digest)
		log_warn("%s has no digest, so its content could not be checked", name);
	err = output_commit(&o);
	return err ? fail_output(path, err) : CMD_OK;
}

static int get_object(struct connect_opts *co, struct store *s, const char *name, const char *path)
{
	struct target t CLEANUP(target_done) = {.store = s};
	int r;

	if (cmd_check_name(s, name))
		return CMD_FAILURE;
	r = resolve(co, name, &t);
	return r ? r : save(&t, name, path);
}

int cmd_get(struct connect_opts *co, int argc, char **argv)
{
	static const struct option options[] = {
		CONNECT_LONG_OPTIONS,
		{"output", required_argument, NULL, 'O'},
		{0},
	};
	static const struct bucket_options opts = {.want_read_only = true};
	_cleanup_store_ struct store *s = NULL;
	const char *path = NULL;
	int c, r;

	while ((c = getopt_long(argc, argv, "O:", options, NULL)) != -1) {
		if (c == 'O')
			path = optarg;
		else if (!connect_opts_take(co, c, optarg))
			return CMD_USAGE;
	}
	r = cmd_check_args(argc - optind, 2, 2, SYNOPSIS);
	if (r)
		return r;
	if (!path)
		path = cmd_file_name(argv[optind + 1]);
	if (!path || !*path)
		return cmd_usage("\"%s\" gives no name for a file: choose one with --output",
				 argv[optind + 1]);
	r = cmd_open(co, argv[optind], &opts, &s);
	return r ? r : get_object(co, s, argv[optind + 1], path);
}
