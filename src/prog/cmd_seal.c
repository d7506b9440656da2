/* SPDX-License-Identifier: Apache-2.0 */
#include <unistd.h>

#include "prog/cmd.h"
#include "prog/cmd_bucket.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"force", no_argument, NULL, 'f'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "seal BUCKET [-f|--force]",
	.help = "Makes a bucket read-only for ever: nothing can be stored, changed or deleted in\n"
		"it any more. Only the bucket as a whole can still be deleted. Asks at a "
		"terminal.\n\n"
		"  -f, --force               do not ask\n",
	.examples = "  natsobj seal archive-2025 --force\n",
	.short_options = "f",
	.options = options,
};

static int seal(struct cmd *c, const char *bucket)
{
	static const struct bucket_changes changes = {.want_seal = true};
	_cleanup_free_ char *why = NULL;
	int err, r = cmd_connect_for(c, bucket);

	if (r)
		return r;
	err = bucket_edit(&c->connect.config, bucket, &changes, &why);
	return err ? cmd_report(err, why) : bucket_show_json(c, bucket);
}

int cmd_seal(struct cmd *c, int argc, char **argv)
{
	bool is_forced;
	int r;

	if (!cmd_take_force(c, argc, argv, &spec, &is_forced))
		return c->status;
	r = cmd_check_args(argc - optind, 1, 1, &spec);
	if (r)
		return r;
	if (!is_forced && !isatty(STDIN_FILENO))
		return cmd_usage("sealing bucket %s is for ever and needs --force", argv[optind]);
	if (!is_forced && !cmd_confirm("Make bucket %s read-only for ever?", argv[optind]))
		return cmd_fail("bucket %s is not sealed", argv[optind]);
	return seal(c, argv[optind]);
}
