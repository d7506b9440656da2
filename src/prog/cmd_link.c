/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <string.h>

#include "objstore/subject.h"
#include "prog/cmd.h"
#include "prog/cmd_print.h"
#include "prog/cmd_upload.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"bucket", required_argument, NULL, 'b'},
	{"force", no_argument, NULL, 'f'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "link BUCKET NAME [TARGET] [--bucket BUCKET] [-f|--force]",
	.help = "Stores a link, which reads as its target. A link can be replaced, an object that\n"
		"is none needs --force. The target has to exist and be no link itself.\n\n"
		"  TARGET                    the object it leads to\n"
		"  --bucket BUCKET           where the target is; without TARGET the link leads "
		"to\n"
		"                            the whole bucket\n"
		"  -f, --force               replace an object with content\n",
	.examples = "  natsobj link photos latest.jpg 2025/beach.jpg\n"
		    "  natsobj link photos logo.png logo.png --bucket website\n"
		    "  natsobj link photos website --bucket website\n",
	.short_options = "f",
	.options = options,
};

struct link {
	const char *name, *bucket, *target; /* target NULL: the bucket */
	bool is_forced;
};

static int describe(void *arg, const struct obj_info *old, struct obj_info **ret)
{
	const struct link *l = arg;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char nuid[OBJ_NUID_LEN + 1];
	int err;

	if (old && !old->is_deleted && !old->link_bucket && !l->is_forced)
		return -EEXIST;
	err = upload_keep(old, l->name, &info);
	if (!err)
		err = obj_info_set_link(info, l->bucket, l->target);
	if (err)
		return err;
	/* Some clients do not take metadata without one. */
	obj_nuid_new(nuid);
	strcpy(info->nuid, nuid);
	info->size = info->chunks = info->max_chunk_size = 0;
	info->has_digest = false;
	*ret = steal_ptr(info);
	return 0;
}

/* CMD_OK when the link has something to lead to. */
static int check_target(struct cmd *c, struct store *s, const struct link *l)
{
	_cleanup_store_ struct store *other = NULL;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	bool is_here = strcmp(l->bucket, s->bucket) == 0;
	int err;

	if (!l->target && is_here)
		return cmd_usage("a link to the bucket that it is in leads nowhere");
	if (is_here && strcmp(l->target, l->name) == 0)
		return cmd_usage("%s cannot be a link to itself", l->name);
	if (!is_here && cmd_open_read(c, l->bucket, &other))
		return CMD_FAILURE;
	if (!l->target)
		return CMD_OK;
	if (cmd_check_name(is_here ? s : other, l->target))
		return CMD_FAILURE;
	err = cmd_find(is_here ? s : other, l->target, &info);
	if (!err && info->link_bucket)
		return cmd_fail("%s in bucket %s is a link itself", l->target, l->bucket);
	return err ? cmd_fail("cannot link to %s in bucket %s: %s", l->target, l->bucket,
			      cmd_strerror(err))
		   : CMD_OK;
}

static int store_link(struct cmd *c, struct store *s, struct link *l)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char replaced[OBJ_NUID_MAX + 1] = "";
	int err, r;

	if (cmd_check_name(s, l->name))
		return CMD_FAILURE;
	if (!l->bucket)
		l->bucket = s->bucket;
	r = check_target(c, s, l);
	if (r)
		return r;
	err = upload_store_info(s, l->name, false, describe, l, &info, replaced);
	if (err)
		return cmd_fail("cannot store %s in bucket %s: %s", l->name, s->bucket,
				cmd_strerror(err));
	upload_purge(s, l->name, replaced);
	return c->is_json ? cmd_print_info_json(info, s->bucket) : CMD_OK;
}

int cmd_link(struct cmd *c, int argc, char **argv)
{
	_cleanup_store_ struct store *s = NULL;
	struct link l = {0};
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		if (opt == 'b')
			l.bucket = optarg;
		else if (opt == 'f')
			l.is_forced = true;
		else
			return c->status;
	}
	r = cmd_check_args(argc - optind, 2, 3, &spec);
	if (r)
		return r;
	l.name = argv[optind + 1];
	l.target = argc - optind == 3 ? argv[optind + 2] : NULL;
	if (!l.target && !l.bucket)
		return cmd_usage("usage: natsobj %s", spec.synopsis);
	if (l.bucket && !obj_bucket_is_valid(l.bucket))
		return cmd_usage("\"%s\" cannot be the name of a bucket", l.bucket);
	r = cmd_open_write(c, argv[optind], &s);
	return r ? r : store_link(c, s, &l);
}
