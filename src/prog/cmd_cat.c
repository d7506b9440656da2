/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd.h"
#include "prog/cmd_save.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"range", required_argument, NULL, 'R'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "cat BUCKET NAME… [--range FIRST-LAST]",
	.help = "Writes the content of objects to standard output, one after the other. It is\n"
		"checked against the digest too, but only the exit status can tell.\n\n"
		"  --range FIRST-LAST        these bytes of each, as for get\n",
	.examples = "  natsobj cat logs today.log | grep error\n"
		    "  natsobj cat logs today.log --range -4096\n",
	.short_options = "",
	.options = options,
};

int cmd_cat(struct cmd *c, int argc, char **argv)
{
	_cleanup_store_ struct store *s = NULL;
	struct save_options o = {0};
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		if (opt != 'R')
			return c->status;
		if (byte_range_parse(optarg, &o.range) < 0)
			return cmd_usage("--range %s is not a range such as 0-99, 100- or -50",
					 optarg);
	}
	r = cmd_check_args(argc - optind, 2, INT32_MAX, &spec);
	if (!r && c->is_json)
		r = cmd_usage("the content cannot be shown as JSON");
	if (!r)
		r = cmd_open_read(c, argv[optind], &s);
	/* A progress would be drawn into the content. */
	c->is_quiet = true;
	for (int i = optind + 1; !r && i < argc; i++) {
		_cleanup_target_ struct target t = {0};

		r = target_find(c, s, argv[i], &t);
		if (!r)
			r = save_object(&t, argv[i], "-", &o);
	}
	return r;
}
