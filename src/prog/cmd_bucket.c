/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_bucket.h"

#include <inttypes.h>
#include <stdio.h>

#include "prog/cmd_listing.h"
#include "prog/cmd_print.h"
#include "util/clock.h"

/* Objects that exist; needs a listing, since names of deleted ones stay in the stream. */
static int count_objects(struct cmd *c, const char *bucket, size_t *ret)
{
	_cleanup_object_list_ struct object_list *l = NULL;
	_cleanup_store_ struct store *s = NULL;
	int r = object_list_open(c, bucket, &s, &l);

	if (r == CMD_OK)
		*ret = object_list_count(l);
	return r;
}

static void print_bucket(const struct bucket_desc *d, size_t count)
{
	char text[CMD_TIME_LEN];

	cmd_print_row("Bucket", d->name);
	if (*d->description)
		cmd_print_row("Description", d->description);
	cmd_format_time(d->created_ns, text);
	cmd_print_row("Created", text);
	cmd_print_number("Objects", count);
	cmd_print_bytes("Bytes", d->bytes);
	if (d->max_bytes > 0)
		cmd_print_bytes("Limit", d->max_bytes);
	cmd_print_number("Messages", d->messages);
	cmd_print_row("Storage", d->storage);
	cmd_print_row("Backing", "JetStream");
	cmd_print_number("Replicas", d->replicas);
	if (*d->compression)
		cmd_print_row("Compression", d->compression);
	if (*d->cluster)
		cmd_print_row("Cluster", d->cluster);
	for (size_t i = 0; i < d->n_tags; i++)
		cmd_print_row("Tag", d->tags[i]);
	if (d->ttl_ns > 0) {
		cmd_format_seconds(d->ttl_ns / (uint64_t)NS_PER_SEC, text);
		(void)printf("%12s: %" PRIu64 " s (%s)\n", "Expiry",
			     d->ttl_ns / (uint64_t)NS_PER_SEC, text);
	}
	cmd_print_pairs("Metadata", &d->metadata);
	cmd_print_row("Sealed", d->is_sealed ? "yes" : "no");
	cmd_print_row("Read-only", d->why_read_only ? "yes" : "no");
}

static int print_json(const struct bucket_desc *d, const size_t *count)
{
	_cleanup_buf_ struct buf out = {0};
	struct json_writer w;

	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	json_begin_object(&w, NULL);
	cmd_json_bucket(&w, d);
	if (count)
		json_u64(&w, "objects", *count);
	json_end_object(&w);
	return cmd_print_buf(&out);
}

static int describe(struct cmd *c, const char *bucket, struct bucket_desc **ret)
{
	_cleanup_free_ char *why = NULL;
	int err = bucket_describe(&c->connect.config, bucket, ret, &why);

	return cmd_report(err, why);
}

int bucket_show(struct cmd *c, const char *bucket)
{
	_cleanup_bucket_desc_ struct bucket_desc *d = NULL;
	size_t count = 0;
	int r = describe(c, bucket, &d);

	if (!r)
		r = count_objects(c, bucket, &count);
	if (r)
		return r;
	if (c->is_json)
		return print_json(d, &count);
	print_bucket(d, count);
	return cmd_flush();
}

int bucket_show_json(struct cmd *c, const char *bucket)
{
	_cleanup_bucket_desc_ struct bucket_desc *d = NULL;
	int r;

	if (!c->is_json)
		return CMD_OK;
	r = describe(c, bucket, &d);
	return r ? r : print_json(d, NULL);
}
