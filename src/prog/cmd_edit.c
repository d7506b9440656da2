/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd.h"
#include "prog/cmd_bucket.h"
#include "prog/cmd_settings.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	SETTINGS_OPTIONS,
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "edit BUCKET [--description TEXT] [--ttl DURATION|0] [--max-bucket-size SIZE|0]"
		    " [--replicas N] [--placement-cluster NAME] [--tags TAG,…]"
		    " [--metadata KEY=VALUE]…",
	.help = "Changes settings of a bucket. What is not named stays as it is.\n\n"
		"  --description TEXT\n"
		"  --ttl DURATION            0: objects do not expire any more\n"
		"  --max-bucket-size SIZE    0: no limit\n"
		"  --replicas N              1 to 5\n"
		"  --placement-cluster NAME, --tags TAG,…\n"
		"  --metadata KEY=VALUE      KEY= removes a key; nats-server 2.10\n",
	.examples = "  natsobj edit photos --max-bucket-size 200G\n"
		    "  natsobj edit photos --ttl 0 --description 'for ever'\n",
	.short_options = "",
	.options = options,
};

static int edit(struct cmd *c, const char *bucket, const struct settings *s)
{
	const struct bucket_changes changes = {
		.description = s->description,
		.has_ttl = s->has_ttl,
		.has_max_bytes = s->has_max_bytes,
		.ttl_ns = s->ttl_ns,
		.max_bytes = s->max_bytes,
		.replicas = s->replicas,
		.cluster = s->cluster,
		.tags = (const char *const *)s->tags,
		.n_tags = s->n_tags,
		.metadata = &s->metadata,
	};
	_cleanup_free_ char *why = NULL;
	int err = bucket_edit(&c->connect.config, bucket, &changes, &why);

	return err ? cmd_report(err, why) : bucket_show_json(c, bucket);
}

int cmd_edit(struct cmd *c, int argc, char **argv)
{
	_cleanup_settings_ struct settings s = {0};
	bool has_any = false;
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		r = opt == '?' ? c->status : settings_take(&s, opt, optarg);
		if (r || opt == '?')
			return r;
		has_any = true;
	}
	r = cmd_check_args(argc - optind, 1, 1, &spec);
	if (!r && !has_any)
		r = cmd_usage("nothing to change was named: see natsobj edit --help");
	if (!r)
		r = cmd_connect_for(c, argv[optind]);
	return r ? r : edit(c, argv[optind], &s);
}
