/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A stream is deleted with all that is in it at that moment, and there is no condition to it. So it
 * is first made to refuse what others store: a message has to be larger than max_msg_size allows.
 * That setting touches nothing that is stored, and is put back if there was something after all.
 */

#include "objstore/bucket_empty.h"

#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"
#include "util/log.h"

/* Names read at a time, and listed. */
#define BATCH 256
#define NAMES_MAX 10000000
/* What belongs to mounts. */
#define HIDDEN ".natsobj/"
#define CLAIM "posix.claim"

static bool is_object(const struct obj_info *info)
{
	if (info->is_deleted)
		return obj_info_meta(info, CLAIM) != NULL;
	return strncmp(info->name, HIDDEN, strlen(HIDDEN)) != 0;
}

/* Whether one of the names has an object. */
static int check_tokens(struct bucket *b, const char *const *tokens, size_t n)
{
	struct obj_info *infos[BATCH] = {0};
	int errs[BATCH], err = meta_read_tokens(b, tokens, n, infos, errs);

	for (size_t i = 0; !err && i < n; i++) {
		if (errs[i] && errs[i] != -ENOENT)
			err = errs[i];
		else if (!errs[i] && is_object(infos[i]))
			err = -ENOTEMPTY;
	}
	for (size_t i = 0; i < n; i++)
		obj_info_free(infos[i]);
	return err;
}

static int check_subjects(struct bucket *b, const cJSON *subjects)
{
	size_t prefix_len = strlen(b->meta_prefix), n = 0;
	const char *tokens[BATCH];
	const cJSON *item;
	int err = 0;

	cJSON_ArrayForEach(item, subjects)
	{
		if (!item->string || strncmp(item->string, b->meta_prefix, prefix_len) != 0)
			continue;
		tokens[n++] = item->string + prefix_len;
		if (n < BATCH)
			continue;
		err = check_tokens(b, tokens, n);
		if (err)
			return err;
		n = 0;
	}
	return n > 0 ? check_tokens(b, tokens, n) : 0;
}

/* STREAM.INFO with the metadata subjects from offset on. */
static int read_info(struct bucket *b, uint64_t offset, cJSON **ret)
{
	_cleanup_buf_ struct buf body;

	buf_init(&body, 4096);
	buf_printf(&body, "{\"subjects_filter\":\"%s>\",\"offset\":%llu}", b->meta_prefix,
		   (unsigned long long)offset);
	return api_call(b, b->control.rpc, "STREAM.INFO", &body, 0, ret, NULL);
}

/* 0: it has no objects; -ENOTEMPTY. ret: the first answer. */
static int check_empty(struct bucket *b, cJSON **ret)
{
	uint64_t offset = 0, total;
	int n, err;

	do {
		_cleanup_json_ cJSON *json = NULL;
		const cJSON *subjects;

		err = read_info(b, offset, &json);
		if (err)
			return err;
		subjects = cJSON_GetObjectItemCaseSensitive(
			cJSON_GetObjectItemCaseSensitive(json, "state"), "subjects");
		n = cJSON_GetArraySize(subjects);
		total = api_u64(json, "total");
		offset += (uint64_t)n;
		err = check_subjects(b, subjects);
		if (!*ret)
			*ret = steal_ptr(json);
	} while (!err && n > 0 && offset < total && offset < NAMES_MAX);
	return err;
}

static uint64_t last_seq(const cJSON *info)
{
	return api_u64(cJSON_GetObjectItemCaseSensitive(info, "state"), "last_seq");
}

/* What came before the bucket refused everything. */
static int check_again(struct bucket *b, const cJSON *before)
{
	_cleanup_json_ cJSON *now = NULL, *rest = NULL;
	int err = api_call(b, b->control.rpc, "STREAM.INFO", NULL, 0, &now, NULL);

	return err || last_seq(now) == last_seq(before) ? err : check_empty(b, &rest);
}

static int delete (struct bucket *b)
{
	struct api_error error;
	int err = api_call(b, b->control.rpc, "STREAM.DELETE", NULL, 0, NULL, &error);

	if (err && error.err_code == API_NO_STREAM)
		return 0;
	return err;
}

static int delete_closed(struct bucket *b, const cJSON *before, cJSON *config)
{
	_cleanup_json_ cJSON *closed = cJSON_Duplicate(config, true);
	int err = closed ? config_set_limit(closed, "max_msg_size", 1) : -ENOMEM, undone;

	if (!err)
		err = config_send(b, closed, NULL);
	if (err)
		return err;
	err = check_again(b, before);
	if (!err)
		err = delete (b);
	if (!err)
		return 0;
	undone = config_send(b, config, NULL);
	if (undone && undone != -ENODEV)
		log_error("bucket %s: its max_msg_size is 1 and could not be put back: %s",
			  b->store.bucket, strerror(-undone));
	return err;
}

int bucket_delete_empty(struct bucket *b)
{
	_cleanup_json_ cJSON *info = NULL;
	cJSON *config;
	int err = check_empty(b, &info);

	if (err)
		return err;
	config = cJSON_GetObjectItemCaseSensitive(info, "config");
	if (!cJSON_IsObject(config))
		return -EIO;
	return api_bool(config, "sealed") ? delete (b) : delete_closed(b, info, config);
}
