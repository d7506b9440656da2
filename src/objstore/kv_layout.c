/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The layout of a key-value bucket (NATS ADR-8), and the store it makes: a name is a key, its
 * content the value of the newest message, a removal a message without a value that says so. There
 * is no place for anything else, so what an info has besides is not stored.
 */
#include "objstore/layout.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"
#include "objstore/kv_key.h"
#include "objstore/kv_values.h"

/* What a publish carries beside the value; the server counts it in the size of a message. */
#define HEADERS                                                                                    \
	"NATS/1.0\r\n" HEADER_EXPECTED_SEQ ": 18446744073709551615\r\n" HEADER_EXPECTED_STREAM     \
	": \r\n" HEADER_MSG_ID ": \r\n" HEADER_KV_COMMIT ": \r\n\r\n"

static const char *why_read_only(const char *bucket, const cJSON *config)
{
	const cJSON *subjects = cJSON_GetObjectItemCaseSensitive(config, "subjects");
	const cJSON *first = cJSON_GetArrayItem(subjects, 0);
	const char *why = stream_why_not_written(config);
	char wanted[300];

	if (why)
		return why;
	snprintf(wanted, sizeof(wanted), "$KV.%s.>", bucket);
	if (!cJSON_IsString(first) || strcmp(first->valuestring, wanted) != 0)
		return "does not have the subjects of a key-value bucket";
	return NULL;
}

/* As other clients make them. */
static void format_create(const struct bucket *b, const struct bucket_options *opts,
			  struct buf *out)
{
	buf_printf(out, "{\"name\":\"%s\",\"subjects\":[\"$KV.%s.>\"]", b->stream, b->store.bucket);
	buf_append_str(out, ",\"retention\":\"limits\",\"max_consumers\":-1,\"max_msgs\":-1"
			    ",\"max_msg_size\":-1,\"max_age\":0");
	buf_printf(out, ",\"max_msgs_per_subject\":%u", opts->kv_history ? opts->kv_history : 1);
	if (opts->max_bytes > 0 && opts->max_bytes <= INT64_MAX)
		buf_printf(out, ",\"max_bytes\":%" PRIu64, opts->max_bytes);
	else
		buf_append_str(out, ",\"max_bytes\":-1");
	buf_append_str(out, ",\"storage\":\"file\",\"discard\":\"new\",\"num_replicas\":1"
			    ",\"allow_rollup_hdrs\":true,\"deny_delete\":true"
			    ",\"allow_direct\":true}");
}

static void choose_sizes(struct bucket *b, const struct bucket_options *opts)
{
	uint64_t max = conn_max_payload(rpc_conn(b->control.rpc)), size = opts->chunk_size;
	size_t headers = strlen(HEADERS) + strlen(b->stream) + (size_t)2 * OBJ_NUID_LEN;

	if (b->at_open.max_msg_size > 0 && (max == 0 || max > b->at_open.max_msg_size))
		max = b->at_open.max_msg_size;
	b->store.max_object_size = max > headers ? max - headers : 1;
	b->store.chunk_size = (uint32_t)(size ? size : OBJ_DEFAULT_CHUNK_SIZE);
	b->store.name_max = KV_KEY_LEN_MAX;
	b->store.meta_max = 0;
	b->store.is_plain = true;
	b->store.has_history = true;
	b->separator = opts->kv_separator;
}

/* Values come and go with the messages that describe them, on the connection for those. */
static int open_content(struct bucket *b, const struct conn_config *cfg, char **ret_why)
{
	(void)cfg;
	(void)ret_why;
	b->values = values_new();
	return b->values ? values_start(b) : -ENOMEM;
}

static int token(const struct bucket *b, const char *name, size_t len, char **ret)
{
	_cleanup_buf_ struct buf key;
	int err;

	buf_init(&key, 4 * KV_KEY_LEN_MAX);
	err = kv_key_from_name(b->separator, name, len, &key);
	if (err)
		return err == -E2BIG ? -ENAMETOOLONG : err;
	*ret = buf_steal(&key);
	return *ret ? 0 : -ENOMEM;
}

static int decode(struct bucket *b, const char *tok, const void *data, size_t len, bool is_removal,
		  uint64_t seq, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_buf_ struct buf name;
	bool is_canonical;
	int err;

	(void)data;
	buf_init(&name, 16 * KV_KEY_LEN_MAX);
	err = kv_name_from_key(b->separator, tok, &name, &is_canonical);
	if (err)
		return err == -ENOMEM ? err : -EINVAL;
	info = obj_info_new(name.data, name.len);
	if (!info)
		return -ENOMEM;
	if (!is_canonical && obj_info_set_token(info, tok) < 0)
		return -ENOMEM;
	values_nuid(b, seq, info->nuid);
	info->is_deleted = is_removal;
	info->size = is_removal ? 0 : len;
	info->chunks = info->size > 0;
	info->max_chunk_size = (uint32_t)info->size;
	*ret = steal_ptr(info);
	return 0;
}

static void note(struct bucket *b, const struct obj_info *info, struct stored *stored)
{
	if (b->values && !info->is_deleted)
		values_note(b->values, info->nuid, &stored->data, stored->len);
}

static int format(struct bucket *b, const struct obj_info *info, struct buf *out)
{
	return info->is_deleted ? 0 : values_append(b, info->nuid, info->size, out);
}

static bool keeps_nothing(const char *key)
{
	(void)key;
	return false;
}

/* An acknowledgement says no time, and there is no other than that of the message. The value, which
 * comes with it, goes on under the identifier it has in the bucket. */
static void settle(struct bucket *b, struct obj_info *info)
{
	_cleanup_stored_ struct stored stored = {0};

	values_nuid(b, info->seq, info->nuid);
	if (!info->is_deleted && stored_read_seq(b, info->seq, &stored) == 0) {
		info->time_ns = stored.time_ns;
		note(b, info, &stored);
	}
	info->chunks = info->size > 0;
	info->max_chunk_size = (uint32_t)info->size;
	info->has_digest = false;
	info->mtime_ns = 0;
	obj_pairs_filter(&info->metadata, keeps_nothing);
	obj_pairs_filter(&info->headers, keeps_nothing);
	/* Taking away needs no memory. */
	(void)!obj_info_set_description(info, NULL);
	(void)!obj_info_set_link(info, NULL, NULL);
}

static const struct store_ops kv_store_ops = {
	.close = bucket_close_op,
	.shutdown = bucket_shutdown_op,
	.status = bucket_status_op,
	.get_info = meta_get_info,
	.get_infos = meta_get_infos,
	.put_info = meta_put_info,
	.put_infos = meta_put_infos,
	.remove_info = meta_remove_info,
	.purge_all = kv_purge_all,
	.watch = watch_start,
	.watch_mark = watch_get_mark,
	.catch_up = watch_catch_up,
	.put_open = kv_put_open,
	.put_add = kv_put_add,
	.put_has_room = kv_put_has_room,
	.put_wait_room = kv_put_wait_room,
	.put_finish = kv_put_finish,
	.put_close = kv_put_close,
	.get_open = kv_get_open,
	.get_close = kv_get_close,
	.get_index = kv_get_index,
	.get_locate = kv_get_locate,
	.get_chunk = kv_get_chunk,
	.history = kv_history,
	.history_names = kv_history_names,
};

const struct layout layout_keys = {
	.noun = "key-value bucket",
	.stream_prefix = "KV_",
	.meta_head = "$KV.",
	.meta_tail = ".",
	.has_content = true,
	.ops = &kv_store_ops,
	.why_read_only = why_read_only,
	.format_create = format_create,
	.choose_sizes = choose_sizes,
	.open_content = open_content,
	.token = token,
	.decode = decode,
	.note = note,
	.format = format,
	.settle = settle,
};
