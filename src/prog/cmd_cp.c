/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A server copies nothing by itself, and two objects never share chunks, since deleting one would
 * take them from the other: the content goes through here, checked on its way.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd_print.h"
#include "prog/cmd_signal.h"
#include "prog/cmd_target.h"
#include "prog/cmd_upload.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"to-bucket", required_argument, NULL, 'b'},
	{"force", no_argument, NULL, 'f'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "cp BUCKET NAME NEW-NAME [--to-bucket BUCKET] [-f|--force]",
	.help = "Copies an object with its description, headers and metadata. Links are "
		"followed.\n\n"
		"  --to-bucket BUCKET        into another bucket\n"
		"  -f, --force               replace an object that has the new name\n",
	.examples = "  natsobj cp photos 2025/beach.jpg title.jpg\n"
		    "  natsobj cp photos 2025/beach.jpg beach.jpg --to-bucket website\n",
	.short_options = "f",
	.options = options,
};

struct copy {
	struct target *from;
	struct upload upload;
	const char *new_name;
};

static int take(void *arg, const void *data, size_t len)
{
	struct copy *k = arg;

	return upload_write(&k->upload, data, len);
}

/* What was sent of a version that was replaced meanwhile is taken back. */
static int restart(void *arg)
{
	struct copy *k = arg;
	struct store *s = k->upload.store;

	upload_close(&k->upload);
	return upload_open(&k->upload, s);
}

static int describe(void *arg, const struct obj_info *old, struct obj_info **ret)
{
	const struct copy *k = arg;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = upload_keep(k->from->info, k->new_name, &info);

	(void)old;
	if (!err)
		err = obj_info_rename(info, k->new_name, strlen(k->new_name));
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

static int fail_store(const struct copy *k, const struct store *to, int err)
{
	if (err == -EINTR)
		return cmd_fail("interrupted, nothing is stored");
	return cmd_fail("cannot store %s in bucket %s: %s", k->new_name, to->bucket,
			cmd_strerror(err));
}

static int copy_object(struct cmd *c, struct target *from, const char *name, struct store *to,
		       const char *new_name, bool is_forced)
{
	_cleanup_progress_ struct progress *progress =
		progress_new(name, from->info->size, c->is_quiet);
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct copy k = {.from = from, .new_name = new_name};
	struct receiver r = {.take = take, .restart = restart, .arg = &k, .progress = progress};
	int err = upload_open(&k.upload, to), status = CMD_OK;

	if (err)
		return fail_store(&k, to, err);
	err = target_read(from, NULL, &r);
	if (r.err)
		status = fail_store(&k, to, r.err);
	else if (err)
		status = target_fail(from, name, err);
	else
		err = upload_publish(&k.upload, new_name, !is_forced, describe, &k, &info);
	if (!status && err)
		status = fail_store(&k, to, err);
	upload_close(&k.upload);
	if (!status && c->is_json)
		status = cmd_print_info_json(info, to->bucket);
	return status;
}

/* Found out before the content is read for nothing; the final answer is that of the publish. */
static int check_free(struct store *to, const char *name, bool is_forced)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;

	if (cmd_check_name(to, name))
		return CMD_FAILURE;
	if (is_forced || cmd_find(to, name, &info))
		return CMD_OK;
	return cmd_fail("cannot store %s in bucket %s: %s", name, to->bucket,
			cmd_strerror(-EEXIST));
}

static int run(struct cmd *c, char **args, const char *to_bucket, bool is_forced)
{
	_cleanup_store_ struct store *from = NULL, *to = NULL;
	_cleanup_target_ struct target t = {0};
	int r = cmd_open_read(c, args[0], &from);

	if (!r)
		r = cmd_open_write(c, to_bucket ? to_bucket : args[0], &to);
	if (!r)
		r = target_find(c, from, args[1], &t);
	if (!r && strcmp(t.store->bucket, to->bucket) == 0 && strcmp(t.info->name, args[2]) == 0)
		r = cmd_usage("%s cannot be copied to itself", args[1]);
	if (!r)
		r = check_free(to, args[2], is_forced);
	if (r)
		return r;
	signal_defer();
	r = copy_object(c, &t, args[1], to, args[2], is_forced);
	return r;
}

int cmd_cp(struct cmd *c, int argc, char **argv)
{
	const char *to_bucket = NULL;
	bool is_forced = false;
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		if (opt == 'b')
			to_bucket = optarg;
		else if (opt == 'f')
			is_forced = true;
		else
			return c->status;
	}
	r = cmd_check_args(argc - optind, 3, 3, &spec);
	if (!r)
		r = run(c, argv + optind, to_bucket, is_forced);
	if (r)
		signal_finish();
	return r;
}
