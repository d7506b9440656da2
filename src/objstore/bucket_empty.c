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
#include "util/clock.h"
#include "util/log.h"

/* Names read at a time, and listed. */
#define BATCH 256
#define NAMES_MAX 10000000
/* Before a server that was away or busy is asked again. */
#define PAUSE_MS 50
/* What a mount that ends waits for. */
#define LAST_MS 5000

static bool is_object(const struct obj_info *info)
{
	if (info->is_deleted)
		return obj_info_meta(info, ATTR_CLAIM) != NULL;
	return !name_is_hidden(info->name, info->name_len);
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
	const char *tokens[BATCH];
	size_t n = 0;
	const cJSON *item;
	int err = 0;

	cJSON_ArrayForEach(item, subjects)
	{
		tokens[n] = meta_token_in(b, item->string);
		n += tokens[n] != NULL;
		if (n < BATCH)
			continue;
		err = check_tokens(b, tokens, n);
		if (err)
			return err;
		n = 0;
	}
	return n > 0 ? check_tokens(b, tokens, n) : 0;
}

/* 0: it has no objects; -ENOTEMPTY. ret: the first answer. */
static int check_empty(struct bucket *b, cJSON **ret)
{
	uint64_t offset = 0, total;
	int n, err;

	do {
		_cleanup_json_ cJSON *json = NULL;
		const cJSON *subjects;

		err = stream_subjects_page(b, offset, &json, &subjects, &total);
		if (err)
			return err;
		n = cJSON_GetArraySize(subjects);
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

/* STREAM.INFO of the stream that before is of. -ESTALE: it is gone; another may have its name. */
static int look(struct bucket *b, const cJSON *before, cJSON **ret)
{
	const char *then = api_string(before, "created"), *now;
	struct api_error error;
	int err = api_call(b, b->control.rpc, "STREAM.INFO", NULL, 0, ret, &error);

	if (err)
		return error.err_code == API_NO_STREAM ? -ESTALE : err;
	now = api_string(*ret, "created");
	return then && now && strcmp(then, now) == 0 ? 0 : -ESTALE;
}

/* What came before the bucket refused everything. */
static int check_again(struct bucket *b, const cJSON *before)
{
	_cleanup_json_ cJSON *now = NULL, *rest = NULL;
	int err = look(b, before, &now);

	return err || last_seq(now) == last_seq(before) ? err : check_empty(b, &rest);
}

static int ask_to_delete(struct bucket *b)
{
	struct api_error error;
	int err = api_call_once(b, b->control.rpc, "STREAM.DELETE", NULL,
				clock_deadline_ms((int64_t)b->timeout_ms), &error);

	return err && error.err_code == API_NO_STREAM ? 0 : err;
}

/* A request to delete is not repeated before it is known that the bucket is still there: its name
 * may have gone to another meanwhile. -ESTALE: somebody else deleted it. */
static int delete_checked(struct bucket *b, const cJSON *before, bool *ret_was_asked)
{
	uint64_t deadline_ns = bucket_deadline(b);
	int err;

	*ret_was_asked = false;
	do {
		err = check_again(b, before);
		if (err)
			continue;
		*ret_was_asked = true;
		err = ask_to_delete(b);
	} while (api_is_passing(err) && bucket_pause(b, PAUSE_MS, deadline_ns) == 0);
	if (err == -ESTALE && *ret_was_asked)
		return 0;
	return err == -EAGAIN ? -EIO : err;
}

/* Lets the bucket take messages again: 0, -ESTALE when it is gone. */
static int put_back(struct bucket *b, const cJSON *before, cJSON *config)
{
	_cleanup_json_ cJSON *now = NULL;
	struct api_error error = {0};
	int err = look(b, before, &now);

	if (!err)
		err = config_send(b, config, &error);
	if (err == -ESHUTDOWN)
		err = config_send_once(b, config, clock_deadline_ms(LAST_MS), &error);
	return err && error.err_code == API_NO_STREAM ? -ESTALE : err;
}

/* Whether a request that failed was certainly not carried out. */
static bool is_refused(int err, const struct api_error *error)
{
	return err == -EACCES || err == -ENOMEM || err == -EFBIG ||
	       (error->err_code && error->code < 500);
}

static int delete_closed(struct bucket *b, const cJSON *before, cJSON *config)
{
	_cleanup_json_ cJSON *closed = cJSON_Duplicate(config, true);
	int err = closed ? config_set_limit(closed, "max_msg_size", 1) : -ENOMEM, undone;
	bool was_asked = false;
	struct api_error error;

	if (err)
		return err;
	err = config_send(b, closed, &error);
	if (err && is_refused(err, &error))
		return err;
	if (!err)
		err = delete_checked(b, before, &was_asked);
	if (!err)
		return 0;
	undone = put_back(b, before, config);
	if (undone == -ESTALE)
		return was_asked ? 0 : -ENODEV;
	if (undone)
		log_error("bucket %s: its max_msg_size may be 1 and could not be put back: %s",
			  b->store.bucket, strerror(-undone));
	return err;
}

int bucket_delete_empty(struct bucket *b)
{
	_cleanup_json_ cJSON *info = NULL;
	bool was_asked;
	cJSON *config;
	int err = check_empty(b, &info);

	if (err)
		return err;
	config = cJSON_GetObjectItemCaseSensitive(info, "config");
	if (!cJSON_IsObject(config))
		return -EIO;
	if (!api_bool(config, "sealed"))
		return delete_closed(b, info, config);
	err = delete_checked(b, info, &was_asked);
	return err == -ESTALE ? -ENODEV : err;
}
