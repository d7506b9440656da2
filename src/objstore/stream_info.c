/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"
#include "objstore/layout.h"
#include "util/clock.h"
#include "util/log.h"

static bool string_is(const cJSON *object, const char *key, const char *value)
{
	const char *s = api_string(object, key);

	return s && strcmp(s, value) == 0;
}

/* Both of the bucket's subjects, or what we publish is stored somewhere else or nowhere. */
static bool has_subjects(const char *bucket, const cJSON *config)
{
	const cJSON *subjects = cJSON_GetObjectItemCaseSensitive(config, "subjects"), *item;
	bool has_chunks = false, has_meta = false;
	char chunks[300], meta[300];

	snprintf(chunks, sizeof(chunks), "$O.%s.C.>", bucket);
	snprintf(meta, sizeof(meta), "$O.%s.M.>", bucket);
	cJSON_ArrayForEach(item, subjects)
	{
		if (!cJSON_IsString(item))
			continue;
		has_chunks = has_chunks || strcmp(item->valuestring, chunks) == 0;
		has_meta = has_meta || strcmp(item->valuestring, meta) == 0;
	}
	return has_chunks && has_meta;
}

const char *stream_why_not_written(const cJSON *config)
{
	if (api_bool(config, "sealed"))
		return "is sealed";
	if (cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(config, "mirror")))
		return "is a mirror of another one";
	if (api_bool(config, "no_ack"))
		return "does not acknowledge what it stores (no_ack)";
	if (cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(config, "subject_transform")))
		return "changes the subjects of messages (subject_transform)";
	return NULL;
}

/* Settings under which writing would lose data or leave garbage that nobody can remove. */
const char *stream_why_read_only(const char *bucket, const cJSON *config)
{
	const char *why = stream_why_not_written(config);

	if (why)
		return why;
	if (!string_is(config, "retention", "limits"))
		return "does not keep messages until they are removed (retention is not limits)";
	if (!string_is(config, "discard", "new"))
		return "drops its oldest messages when full (discard is not new)";
	if (api_u64(config, "max_msgs_per_subject") > 0)
		return "keeps a limited number of messages per subject only";
	if (!api_bool(config, "allow_rollup_hdrs"))
		return "does not allow metadata to be replaced (allow_rollup_hdrs)";
	if (api_bool(config, "deny_purge"))
		return "does not allow content to be removed (deny_purge)";
	if (!has_subjects(bucket, config))
		return "does not have the subjects of an object store";
	return NULL;
}

static void parse_config(struct bucket *b, const cJSON *config, struct stream_info *ret)
{
	const char *description = api_string(config, "description");

	ret->max_bytes = api_u64(config, "max_bytes");
	ret->max_msgs = api_u64(config, "max_msgs");
	ret->max_msg_size = api_u64(config, "max_msg_size");
	ret->max_age_ns = api_u64(config, "max_age");
	ret->replicas = (uint32_t)api_u64(config, "num_replicas");
	ret->is_memory = string_is(config, "storage", "memory");
	ret->allow_direct = api_bool(config, "allow_direct");
	snprintf(ret->description, sizeof(ret->description), "%s", description ? description : "");
	ret->why_read_only = b->layout->why_read_only(b->store.bucket, config);
}

static int parse(struct bucket *b, const cJSON *json, struct stream_info *ret)
{
	const cJSON *config = cJSON_GetObjectItemCaseSensitive(json, "config");
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(json, "state");
	const char *created = api_string(json, "created");

	*ret = (struct stream_info){0};
	if (!cJSON_IsObject(config) || !cJSON_IsObject(state) || !created ||
	    obj_time_parse(created, &ret->created_ns) < 0)
		return -EIO;
	parse_config(b, config, ret);
	ret->bytes = api_u64(state, "bytes");
	ret->messages = api_u64(state, "messages");
	ret->last_seq = api_u64(state, "last_seq");
	return 0;
}

/* What others set while the bucket is open counts as well as what they had set before. */
static void note_access(struct bucket *b, const char *why)
{
	const char *before = atomic_exchange(&b->store.why_read_only, why);
	bool is_news;

	mutex_lock(&b->lock);
	is_news = b->is_open && !b->is_read_only && before != why;
	mutex_unlock(&b->lock);
	if (is_news && why)
		log_warn("bucket %s %s now: it can only be read", b->store.bucket, why);
	else if (is_news)
		log_warn("bucket %s can be changed again", b->store.bucket);
}

/* Keeps it for store_status. */
static void remember(struct bucket *b, const struct stream_info *info)
{
	note_access(b, info->why_read_only);
	atomic_store(&b->max_age_ns, info->max_age_ns);
	LOCK_SCOPE(&b->lock);
	b->last_info = *info;
	b->last_info_ns = clock_now_ns();
	atomic_store(&b->store.is_tight,
		     info->max_bytes > 0 && space_free(b, info) < info->max_bytes / 10);
}

int stream_info_parse(struct bucket *b, natsMsg *msg, struct stream_info *ret)
{
	_cleanup_json_ cJSON *json = NULL;
	int err;

	err = api_parse(msg, &json, NULL);
	if (!err)
		err = parse(b, json, ret);
	if (!err)
		remember(b, ret);
	return err;
}

int stream_info_read(struct bucket *b, struct stream_info *ret)
{
	_cleanup_json_ cJSON *json = NULL;
	struct api_error error;
	int err;

	err = api_call(b, b->control.rpc, "STREAM.INFO", NULL, 0, &json, &error);
	if (err < 0)
		return error.err_code == API_NO_STREAM ? -ENOENT : err;
	err = parse(b, json, ret);
	if (!err)
		remember(b, ret);
	return err;
}

int stream_subjects_page(struct bucket *b, uint64_t offset, cJSON **ret, const cJSON **ret_subjects,
			 uint64_t *ret_total)
{
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_buf_ struct buf body;
	const cJSON *subjects;
	int err;

	buf_init(&body, 4096);
	buf_printf(&body, "{\"subjects_filter\":\"%s>\",\"offset\":%" PRIu64 "}", b->meta_prefix,
		   offset);
	err = api_call(b, b->control.rpc, "STREAM.INFO", &body, 0, &json, NULL);
	if (err)
		return err;
	/* A stream without messages has none. The members of an object have names. */
	subjects = cJSON_GetObjectItemCaseSensitive(cJSON_GetObjectItemCaseSensitive(json, "state"),
						    "subjects");
	if (subjects && !cJSON_IsNull(subjects) && !cJSON_IsObject(subjects))
		return -EIO;
	*ret_subjects = subjects;
	*ret_total = api_u64(json, "total");
	*ret = steal_ptr(json);
	return 0;
}

/* Servers that know no offset tell so many, and not that there are others. */
#define PAGE_MAX 100000
/* Pages overlap: what goes meanwhile moves what follows to places before it. */
#define PAGE_OVERLAP 1000

int stream_subjects_each(struct bucket *b, int (*fn)(void *arg, const char *subject), void *arg)
{
	uint64_t offset = 0, total, n;

	do {
		_cleanup_json_ cJSON *json = NULL;
		const cJSON *subjects, *item;
		int err;

		err = stream_subjects_page(b, offset, &json, &subjects, &total);
		if (err)
			return err;
		n = 0;
		cJSON_ArrayForEach(item, subjects)
		{
			if (!err)
				err = fn(arg, item->string);
			n++;
		}
		if (!err && total == 0 && n >= PAGE_MAX)
			err = -EOPNOTSUPP;
		if (err)
			return err;
		if (offset + n < total && n > PAGE_OVERLAP)
			n -= PAGE_OVERLAP;
		offset += n;
	} while (n > 0 && offset < total);
	return 0;
}
