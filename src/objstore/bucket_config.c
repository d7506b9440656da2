/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <string.h>

#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"
#include "util/explain.h"

int config_check_version(const struct bucket *b, bool has_compression, bool has_metadata,
			 char **ret_why)
{
	if ((!has_compression && !has_metadata) || b->version >= SERVER_VERSION(2, 10, 0))
		return 0;
	return explain(-EOPNOTSUPP, ret_why,
		       "%s of a bucket needs nats-server 2.10; %s has %u.%u.%u",
		       has_compression ? "compression" : "metadata", b->where, b->version >> 16,
		       b->version >> 8 & 0xff, b->version & 0xff);
}

static void append_placement(const struct bucket_options *opts, struct buf *out)
{
	if (!opts->cluster && opts->n_tags == 0)
		return;
	buf_append_str(out, ",\"placement\":{\"cluster\":");
	api_append_string(out, opts->cluster ? opts->cluster : "");
	buf_append_str(out, ",\"tags\":[");
	for (size_t i = 0; i < opts->n_tags; i++) {
		buf_append_str(out, i > 0 ? "," : "");
		api_append_string(out, opts->tags[i]);
	}
	buf_append_str(out, "]}");
}

static void append_metadata(const struct obj_pairs *metadata, struct buf *out)
{
	if (!metadata)
		return;
	buf_append_str(out, ",\"metadata\":{");
	for (size_t i = 0; i < metadata->count; i++) {
		buf_append_str(out, i > 0 ? "," : "");
		api_append_string(out, metadata->items[i].key);
		buf_append_char(out, ':');
		api_append_string(out, metadata->items[i].value);
	}
	buf_append_char(out, '}');
}

static void append_limit(struct buf *out, const char *key, uint64_t value)
{
	if (value > 0 && value <= INT64_MAX)
		buf_printf(out, ",\"%s\":%" PRIu64, key, value);
	else
		buf_printf(out, ",\"%s\":-1", key);
}

void config_format_create(const struct bucket *b, const struct bucket_options *opts,
			  struct buf *out)
{
	const char *name = b->store.bucket;

	buf_append_str(out, "{\"name\":");
	api_append_string(out, b->stream);
	if (opts->description && *opts->description) {
		buf_append_str(out, ",\"description\":");
		api_append_string(out, opts->description);
	}
	buf_printf(out, ",\"subjects\":[\"$O.%s.C.>\",\"$O.%s.M.>\"]", name, name);
	buf_append_str(out, ",\"retention\":\"limits\",\"max_consumers\":-1,\"max_msgs\":-1"
			    ",\"max_msgs_per_subject\":-1,\"max_msg_size\":-1");
	append_limit(out, "max_bytes", opts->max_bytes);
	buf_printf(out, ",\"max_age\":%" PRIu64,
		   opts->ttl_ns <= INT64_MAX ? opts->ttl_ns : (uint64_t)INT64_MAX);
	buf_printf(out, ",\"storage\":\"%s\"", opts->memory_storage ? "memory" : "file");
	buf_printf(out, ",\"discard\":\"new\",\"num_replicas\":%u",
		   (unsigned int)(opts->replicas ? opts->replicas : 1));
	append_placement(opts, out);
	append_metadata(opts->metadata, out);
	if (opts->want_compression)
		buf_append_str(out, ",\"compression\":\"s2\"");
	buf_append_str(out, ",\"allow_rollup_hdrs\":true,\"allow_direct\":true}");
}
