/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A rename moves no content: the metadata is stored under the new name, then a tombstone under the
 * old one, each by compare and set. posix.from in the new metadata says which was first, so that a
 * mount can complete a rename that stopped in between.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd.h"
#include "prog/cmd_links.h"
#include "prog/cmd_print.h"
#include "prog/cmd_upload.h"
#include "util/buf.h"
#include "util/log.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"force", no_argument, NULL, 'f'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "mv BUCKET NAME NEW-NAME [-f|--force]",
	.help = "Renames an object. No content moves, whatever its size.\n\n"
		"  -f, --force               replace an object that has the new name\n",
	.examples = "  natsobj mv photos IMG_0001.jpg 2025/beach.jpg\n",
	.short_options = "f",
	.options = options,
};

struct rename {
	const struct obj_info *from;
	const char *new_name;
};

static int describe(void *arg, const struct obj_info *old, struct obj_info **ret)
{
	const struct rename *r = arg;
	_cleanup_obj_info_ struct obj_info *info = obj_info_dup(r->from);
	_cleanup_buf_ struct buf from = {0};
	char time[32];
	int err;

	(void)old;
	buf_init(&from, OBJ_META_MAX);
	if (!info)
		return -ENOMEM;
	buf_append(&from, r->from->name, r->from->name_len);
	buf_printf(&from, "@%llu", (unsigned long long)r->from->seq);
	err = buf_error(&from);
	if (!err)
		err = obj_info_rename(info, r->new_name, strlen(r->new_name));
	if (!err)
		err = obj_info_set_meta(info, ATTR_FROM, from.data);
	/* The time of the content, which the new message would replace. */
	(void)snprintf(time, sizeof(time), "%lld", (long long)cmd_mtime_ns(r->from));
	if (!err)
		err = obj_info_set_meta(info, ATTR_MTIME, time);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

/* Whether another rename was first, and the content has a name that it gave it. */
static bool is_moved_elsewhere(struct store *s, const struct obj_info *from,
			       const struct obj_info *info)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;

	return store_get_info(s, from->name, from->name_len, &now) == 0 && now->is_deleted &&
	       obj_info_is_elsewhere(now, info->name);
}

/* The old name goes only if it is still the version that was renamed. Where another rename was
 * first the new name goes, unless it has replaced something. */
static int remove_old(struct store *s, struct obj_info *from, const struct obj_info *info,
		      bool has_replaced)
{
	int err = obj_info_set_meta(from, ATTR_TO, info->name);

	if (!err)
		err = store_remove_info(s, from);
	if (err == -ESTALE && !has_replaced && is_moved_elsewhere(s, from, info)) {
		err = store_remove_info(s, info);
		return err && err != -ESTALE ? err : -ENOENT;
	}
	if (err == -ESTALE)
		log_warn("%s was stored anew by somebody else meanwhile and stays", from->name);
	return err == -ESTALE ? 0 : err;
}

static int move(struct store *s, const char *name, const char *new_name, bool is_forced,
		struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *from = NULL;
	struct rename r = {.new_name = new_name};
	_cleanup_obj_info_ struct obj_info *other = NULL;
	char replaced[OBJ_NUID_MAX + 1] = "";
	int err = cmd_find(s, name, &from);

	if (!err && from->is_malformed)
		err = -EIO;
	if (err)
		return err;
	/* Of two names of one file both stay (rename(2)). */
	if (is_forced && cmd_find(s, new_name, &other) == 0 && hard_link_is_same(s, from, other)) {
		*ret = steal_ptr(other);
		return 0;
	}
	r.from = from;
	err = upload_store_info(s, new_name, !is_forced, describe, &r, ret, replaced);
	if (err)
		return err;
	err = remove_old(s, from, *ret, replaced[0] != '\0');
	if (!err)
		upload_purge(s, new_name, replaced);
	return err;
}

static int rename_object(struct cmd *c, struct store *s, const char *name, const char *new_name,
			 bool is_forced)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	if (cmd_check_name(s, name) || cmd_check_name(s, new_name))
		return CMD_FAILURE;
	if (strcmp(name, new_name) == 0)
		return cmd_usage("%s is the old name and the new one", name);
	err = move(s, name, new_name, is_forced, &info);
	if (err)
		return cmd_fail("cannot rename %s to %s in bucket %s: %s", name, new_name,
				s->bucket, cmd_strerror(err));
	return c->is_json ? cmd_print_info_json(info, s->bucket) : CMD_OK;
}

int cmd_mv(struct cmd *c, int argc, char **argv)
{
	_cleanup_store_ struct store *s = NULL;
	bool is_forced;
	int r;

	if (!cmd_take_force(c, argc, argv, &spec, &is_forced))
		return c->status;
	r = cmd_check_args(argc - optind, 3, 3, &spec);
	if (!r)
		r = cmd_open_write(c, argv[optind], &s);
	return r ? r : rename_object(c, s, argv[optind + 1], argv[optind + 2], is_forced);
}
