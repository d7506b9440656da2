/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

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
		    "  natsobj add backup --max-bucket-size 10G --ttl 720h --replicas 3\n",
	.short_options = "",
	.options = options,
};

static bool has_tags(const struct bucket_desc *d, const struct settings *s)
{
	if (d->n_tags != s->n_tags)
		return false;
	for (size_t i = 0; i < d->n_tags; i++)
		if (strcmp(d->tags[i], s->tags[i]) != 0)
			return false;
	return true;
}

static bool has_pair(const struct obj_pairs *pairs, const struct obj_pair *wanted)
{
	for (size_t i = 0; i < pairs->count; i++)
		if (strcmp(pairs->items[i].key, wanted->key) == 0)
			return strcmp(pairs->items[i].value, wanted->value) == 0;
	return false;
}

/* What opening does not compare, in a bucket that was there before. */
static const char *find_difference(const struct bucket_desc *d, const struct settings *s)
{
	if (s->has_storage && (strcmp(d->storage, "memory") == 0) != s->is_memory)
		return "storage";
	if (s->want_compression && !*d->compression)
		return "compression";
	if (s->cluster && strcmp(d->cluster, s->cluster) != 0)
		return "cluster";
	if (s->n_tags > 0 && !has_tags(d, s))
		return "tags";
	for (size_t i = 0; i < s->metadata.count; i++)
		if (!has_pair(&d->metadata, &s->metadata.items[i]))
			return "metadata";
	return NULL;
}

static int check_settings(struct cmd *c, const char *bucket, const struct settings *s)
{
	_cleanup_bucket_desc_ struct bucket_desc *d = NULL;
	_cleanup_free_ char *why = NULL;
	const char *difference;
	int err;

	if (!s->has_storage && !s->want_compression && !s->cluster && s->n_tags == 0 &&
	    s->metadata.count == 0)
		return CMD_OK;
	err = bucket_describe(&c->connect.config, bucket, &d, &why);
	if (err)
		return cmd_report(err, why);
	difference = find_difference(d, s);
	return difference ? cmd_fail("bucket \"%s\" exists with other %s", bucket, difference)
			  : CMD_OK;
}

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
	if (!r)
		r = check_settings(c, argv[optind], &s);
	return r ? r : bucket_show_json(c, argv[optind]);
}
