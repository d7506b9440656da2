/* SPDX-License-Identifier: Apache-2.0 */
/* The layout of an object store. */
#include "objstore/layout.h"

#include <string.h>

#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"
#include "objstore/long_name.h"
#include "objstore/subject.h"

/* No chunk is larger, whatever the server allows. */
#define CHUNK_SIZE_MAX (UINT32_C(8) << 20)
/* The part of a description that its name may be. */
#define NAME_SHARE 8

static void choose_sizes(struct bucket *b, const struct bucket_options *opts)
{
	uint64_t size = opts->chunk_size ? opts->chunk_size : OBJ_DEFAULT_CHUNK_SIZE;
	uint64_t max_payload = conn_max_payload(rpc_conn(b->control.rpc));

	b->store.meta_max = OBJ_META_MAX;
	if (max_payload > 0 && b->store.meta_max > max_payload)
		b->store.meta_max = max_payload;
	if (b->at_open.max_msg_size > 0 && b->store.meta_max > b->at_open.max_msg_size)
		b->store.meta_max = b->at_open.max_msg_size;
	/* A rename says the old name too, and JSON escapes some letters. */
	b->store.name_max = b->store.meta_max / NAME_SHARE;
	if (b->store.name_max < OBJ_NAME_PLAIN_MAX)
		b->store.name_max = OBJ_NAME_PLAIN_MAX;
	if (b->store.name_max > OBJ_NAME_MAX)
		b->store.name_max = OBJ_NAME_MAX;
	if (size > CHUNK_SIZE_MAX)
		size = CHUNK_SIZE_MAX;
	if (max_payload > 0 && size > max_payload)
		size = max_payload;
	if (b->at_open.max_msg_size > 0 && size > b->at_open.max_msg_size)
		size = b->at_open.max_msg_size;
	b->store.chunk_size = (uint32_t)size;
	b->store.max_object_size = (uint64_t)UINT32_MAX * size;
}

static int token(const struct bucket *b, const char *name, size_t len, char **ret)
{
	(void)b;
	*ret = obj_meta_token(name, len);
	return *ret ? 0 : -ENOMEM;
}

static int decode(struct bucket *b, const char *tok, const void *data, size_t len, bool is_removal,
		  uint64_t seq, struct obj_info **ret)
{
	int err = obj_info_parse(data ? data : "", len, tok, strlen(tok), ret);

	(void)b;
	(void)seq;
	if (!err && is_removal) {
		(*ret)->is_deleted = true;
		(*ret)->is_malformed = false;
	}
	return err;
}

static int format(struct bucket *b, const struct obj_info *info, struct buf *out)
{
	return obj_info_format(info, b->store.bucket, out);
}

const struct layout layout_objects = {
	.noun = "bucket",
	.stream_prefix = "OBJ_",
	.meta_head = "$O.",
	.meta_tail = ".M.",
	.is_rolled_up = true,
	.is_base64 = true,
	.ops = &bucket_ops,
	.why_read_only = stream_why_read_only,
	.format_create = config_format_create,
	.choose_sizes = choose_sizes,
	.open_content = bucket_open_content,
	.token = token,
	.decode = decode,
	.format = format,
};
