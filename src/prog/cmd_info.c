/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "objstore/digest.h"
#include "prog/cmd.h"
#include "prog/cmd_bucket.h"
#include "prog/cmd_links.h"
#include "prog/cmd_print.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"deleted", no_argument, NULL, 'd'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "info BUCKET [NAME] [--deleted]",
	.help = "Describes a bucket or an object.\n\n"
		"  --deleted                 also an object that was deleted\n",
	.examples = "  natsobj info photos\n"
		    "  natsobj info photos beach.jpg --json\n",
	.short_options = "",
	.options = options,
};

static void print_digest(const struct obj_info *info)
{
	char digest[OBJ_DIGEST_TEXT_LEN + 1];

	if (!info->has_digest)
		return;
	digest_format(info->digest, digest);
	cmd_print_row("Digest", digest);
}

static void print_info(const char *bucket, const struct obj_info *info)
{
	char modified[CMD_TIME_LEN];

	cmd_format_time(info->is_deleted ? info->time_ns : cmd_mtime_ns(info), modified);
	(void)printf("%12s: ", "Name");
	cmd_print_name(info->name, info->name_len);
	(void)putchar('\n');
	cmd_print_row("Bucket", bucket);
	if (info->is_malformed)
		cmd_print_row("Damaged", "its metadata cannot be understood");
	if (info->is_deleted)
		cmd_print_row("Deleted", "yes");
	if (info->description)
		cmd_print_row("Description", info->description);
	if (info->link_bucket)
		cmd_print_row("Link bucket", info->link_bucket);
	if (info->link_bucket && info->link_name)
		cmd_print_row("Link name", info->link_name);
	cmd_print_bytes("Size", info->size);
	cmd_print_row("Modified", modified);
	cmd_print_number("Chunks", info->chunks);
	print_digest(info);
	cmd_print_row("Identifier", info->nuid);
	cmd_print_number("Sequence", info->seq);
	cmd_print_pairs("Header", &info->headers);
	cmd_print_pairs("Metadata", &info->metadata);
}

static int show_object(struct cmd *c, struct store *s, const char *name, bool with_deleted)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	if (cmd_check_name(s, name))
		return CMD_FAILURE;
	err = with_deleted ? cmd_get_info(s, name, &info) : cmd_find(s, name, &info);
	/* Of a file with several names each shows the file. */
	if (!err)
		err = hard_link_look(s, &info);
	if (err)
		return cmd_fail("cannot show %s of bucket %s: %s", name, s->bucket,
				cmd_strerror(err));
	if (c->is_json)
		return cmd_print_info_json(info, s->bucket);
	print_info(s->bucket, info);
	return cmd_flush();
}

int cmd_info(struct cmd *c, int argc, char **argv)
{
	_cleanup_store_ struct store *s = NULL;
	bool with_deleted = false;
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		if (opt != 'd')
			return c->status;
		with_deleted = true;
	}
	r = cmd_check_args(argc - optind, 1, 2, &spec);
	if (!r && argc - optind == 2 && !*argv[optind + 1])
		r = cmd_usage("the name of the object is empty");
	if (r)
		return r;
	if (argc - optind == 1) {
		r = cmd_connect_for(c, argv[optind]);
		return r ? r : bucket_show(c, argv[optind]);
	}
	r = cmd_open_read(c, argv[optind], &s);
	return r ? r : show_object(c, s, argv[optind + 1], with_deleted);
}
