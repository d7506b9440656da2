/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd.h"
#include "prog/cmd_bucket.h"
#include "prog/cmd_settings.h"

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	SETTINGS_OPTIONS,
	SETTINGS_NEW_OPTIONS,
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "add BUCKET [--description TEXT] [--ttl DURATION] [--max-bucket-size SIZE]"
		    " [--storage file|memory] [--replicas N] [--placement-cluster NAME]"
		    " [--tags TAG,…] [--metadata KEY=VALUE]… [--compress]",
	.help = "Creates a bucket. It is no error when the bucket exists, unless a setting that\n"
		"was asked for differs.\n\n"
		"  --description TEXT        what it is for\n"
		"  --ttl DURATION            objects expire after that time, such as 30m or 24h\n"
		"  --max-bucket-size SIZE    limit of its space at the server, such as 10G\n"
		"  --storage file|memory     where the server keeps it, default file\n"
		"  --replicas N              copies in a cluster, 1 to 5, default 1\n"
		"  --placement-cluster NAME  the cluster to keep it in\n"
		"  --tags TAG,…              tags of the servers to keep it on\n"
		"  --metadata KEY=VALUE      may be repeated; nats-server 2.10\n"
		"  --compress                compress what is stored; nats-server 2.10\n",
	.examples = "  natsobj add photos\n"
		    "  natsobj add backup --max-bucket-size 100G --ttl 720h --replicas 3\n",
	.short_options = "",
	.options = options,
};

int cmd_add(struct cmd *c, int argc, char **argv)
{
	_cleanup_settings_ struct settings s = {0};
	_cleanup_store_ struct store *store = NULL;
	struct bucket_options opts = {.want_create = true};
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		r = opt == '?' ? c->status : settings_take(&s, opt, optarg);
		if (r || opt == '?')
			return r;
	}
	r = cmd_check_args(argc - optind, 1, 1, &spec);
	if (r)
		return r;
	opts.description = s.description;
	opts.max_bytes = s.max_bytes;
	opts.ttl_ns = s.ttl_ns;
	opts.replicas = s.replicas;
	opts.memory_storage = s.is_memory;
	opts.cluster = s.cluster;
	opts.tags = (const char *const *)s.tags;
	opts.n_tags = s.n_tags;
	opts.metadata = s.metadata.count > 0 ? &s.metadata : NULL;
	opts.want_compression = s.want_compression;
	r = cmd_open(c, argv[optind], &opts, &store);
	return r ? r : bucket_show_json(c, argv[optind]);
}
