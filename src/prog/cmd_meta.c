/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd.h"
#include "prog/cmd_links.h"
#include "prog/cmd_print.h"
#include "prog/cmd_settings.h"
#include "prog/cmd_upload.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"description", required_argument, NULL, 'D'},
	{"set", required_argument, NULL, 'S'},
	{"unset", required_argument, NULL, 'U'},
	{"header", required_argument, NULL, 'H'},
	{"unset-header", required_argument, NULL, 'X'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "meta BUCKET NAME [--description TEXT] [--set KEY=VALUE]… [--unset KEY]…"
		    " [-H|--header KEY:VALUE]… [--unset-header KEY]…",
	.help = "Shows or changes what an object says about itself. The content stays as it is,\n"
		"and so does what is not named.\n\n"
		"  --description TEXT        an empty text removes it\n"
		"  --set KEY=VALUE           set a metadata field\n"
		"  --unset KEY               remove a metadata field\n"
		"  -H, --header KEY:VALUE    set a header; repeated for one key it has several\n"
		"                            values\n"
		"  --unset-header KEY        remove a header\n",
	.examples = "  natsobj meta photos beach.jpg --set place=Amrum --description 'low tide'\n"
		    "  natsobj meta photos beach.jpg --unset place\n",
	.short_options = "H:",
	.options = options,
};

struct changes {
	const char *name, *description;
	struct obj_pairs set, headers;
	struct obj_pairs unset, unset_headers; /* keys only */
	bool has_any;
};

static int change(struct obj_info *info, const struct changes *ch)
{
	int err = 0;

	if (ch->description)
		err = obj_info_set_description(info, *ch->description ? ch->description : NULL);
	for (size_t i = 0; !err && i < ch->unset.count; i++)
		err = obj_info_set_meta(info, ch->unset.items[i].key, NULL);
	for (size_t i = 0; !err && i < ch->set.count; i++)
		err = obj_info_set_meta(info, ch->set.items[i].key, ch->set.items[i].value);
	for (size_t i = 0; i < ch->unset_headers.count; i++)
		(void)obj_info_remove_header(info, ch->unset_headers.items[i].key);
	for (size_t i = 0; i < ch->headers.count; i++)
		(void)obj_info_remove_header(info, ch->headers.items[i].key);
	for (size_t i = 0; !err && i < ch->headers.count; i++)
		err = obj_info_add_header(info, ch->headers.items[i].key,
					  ch->headers.items[i].value);
	return err;
}

static int describe(void *arg, const struct obj_info *old, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char time[32];
	int err;

	if (!old || old->is_deleted)
		return -ENOENT;
	if (old->is_malformed)
		return -EIO;
	info = obj_info_dup(old);
	err = info ? change(info, arg) : -ENOMEM;
	/* The time of the content, which the new message would replace. */
	(void)snprintf(time, sizeof(time), "%lld", (long long)cmd_mtime_ns(old));
	if (!err && !obj_info_meta(info, ATTR_MTIME))
		err = obj_info_set_meta(info, ATTR_MTIME, time);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

static int show(struct cmd *c, const struct store *s, const struct obj_info *info)
{
	if (c->is_json)
		return cmd_print_info_json(info, s->bucket);
	if (info->description)
		cmd_print_row("Description", info->description);
	cmd_print_pairs("Header", &info->headers);
	cmd_print_pairs("Metadata", &info->metadata);
	return cmd_flush();
}

static int run(struct cmd *c, struct store *s, struct changes *ch)
{
	_cleanup_obj_info_ struct obj_info *info = NULL, *named = NULL;
	const char *content = NULL;
	char replaced[OBJ_NUID_MAX + 1];
	int err;

	if (cmd_check_name(s, ch->name))
		return CMD_FAILURE;
	err = cmd_find(s, ch->name, &named);
	if (!err)
		content = hard_link_target(s, named);
	/* Of a file with several names the hidden object says what all show. */
	if (!err && ch->has_any)
		err = upload_store_info(s, content ? content : ch->name, false, describe, ch, &info,
					replaced);
	else if (!err)
		err = hard_link_look(s, &named);
	if (!err && !ch->has_any)
		info = steal_ptr(named);
	if (err)
		return cmd_fail("cannot %s %s in bucket %s: %s",
				ch->has_any ? "change" : "describe", ch->name, s->bucket,
				cmd_strerror(err));
	return ch->has_any && !c->is_json ? CMD_OK : show(c, s, info);
}

static int take_option(struct changes *ch, int opt, const char *arg)
{
	struct obj_pairs *keys = opt == 'U' ? &ch->unset : &ch->unset_headers;

	ch->has_any = true;
	switch (opt) {
	case 'D':
		ch->description = arg;
		return CMD_OK;
	case 'S':
		return settings_take_pair(&ch->set, "--set", arg, '=');
	case 'H':
		return settings_take_pair(&ch->headers, "--header", arg, ':');
	case 'U':
	case 'X':
		return obj_pairs_add(keys, arg, "") ? cmd_fail("out of memory") : CMD_OK;
	default:
		return CMD_USAGE;
	}
}

static int parse_and_run(struct cmd *c, int argc, char **argv, struct changes *ch)
{
	_cleanup_store_ struct store *s = NULL;
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		r = opt == '?' ? c->status : take_option(ch, opt, optarg);
		if (r || opt == '?')
			return r;
	}
	r = cmd_check_args(argc - optind, 2, 2, &spec);
	if (r)
		return r;
	ch->name = argv[optind + 1];
	r = ch->has_any ? cmd_open_write(c, argv[optind], &s) : cmd_open_read(c, argv[optind], &s);
	return r ? r : run(c, s, ch);
}

int cmd_meta(struct cmd *c, int argc, char **argv)
{
	struct changes ch = {0};
	int r = parse_and_run(c, argc, argv, &ch);

	obj_pairs_done(&ch.set);
	obj_pairs_done(&ch.headers);
	obj_pairs_done(&ch.unset);
	obj_pairs_done(&ch.unset_headers);
	return r;
}
