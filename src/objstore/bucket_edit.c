/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changing a bucket's settings: the configuration that the server has is sent back as a whole, with
 * only what was asked for changed, since a member left out would fall back to its default.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"

#define BODY_MAX (1024 * 1024)

static int put_item(cJSON *object, const char *key, cJSON *item)
{
	cJSON_DeleteItemFromObjectCaseSensitive(object, key);
	if (item && cJSON_AddItemToObject(object, key, item))
		return 0;
	cJSON_Delete(item);
	return -ENOMEM;
}

static int put_string(cJSON *object, const char *key, const char *value)
{
	return put_item(object, key, cJSON_CreateString(value));
}

static cJSON *whole_number(double value)
{
	char text[64];

	snprintf(text, sizeof(text), "%.0f", value);
	return cJSON_CreateRaw(text);
}

static int put_limit(cJSON *object, const char *key, uint64_t value, int64_t none)
{
	char text[32];

	if (value > 0 && value <= INT64_MAX)
		snprintf(text, sizeof(text), "%lld", (long long)value);
	else
		snprintf(text, sizeof(text), "%lld", (long long)none);
	return put_item(object, key, cJSON_CreateRaw(text));
}

/* Large whole numbers would be printed with an exponent, which the server does not take. */
static int spell_numbers(cJSON *object)
{
	cJSON *item, *next;

	for (item = object->child; item; item = next) {
		int err = 0;

		next = item->next;
		if (cJSON_IsObject(item) || cJSON_IsArray(item)) {
			err = spell_numbers(item);
		} else if (cJSON_IsNumber(item) && item->string &&
			   floor(item->valuedouble) == item->valuedouble) {
			cJSON *number = whole_number(item->valuedouble);

			if (!number ||
			    !cJSON_ReplaceItemInObjectCaseSensitive(object, item->string, number)) {
				cJSON_Delete(number);
				err = -ENOMEM;
			}
		}
		if (err)
			return err;
	}
	return 0;
}

static int change_placement(cJSON *config, const struct bucket_changes *c)
{
	cJSON *placement = cJSON_GetObjectItemCaseSensitive(config, "placement"), *tags;
	int err;

	if (!c->cluster && c->n_tags == 0)
		return 0;
	if (!cJSON_IsObject(placement)) {
		err = put_item(config, "placement", cJSON_CreateObject());
		if (err)
			return err;
		placement = cJSON_GetObjectItemCaseSensitive(config, "placement");
	}
	if (c->cluster) {
		err = put_string(placement, "cluster", c->cluster);
		if (err)
			return err;
	}
	if (c->n_tags == 0)
		return 0;
	tags = cJSON_CreateArray();
	for (size_t i = 0; tags && i < c->n_tags; i++)
		if (!cJSON_AddItemToArray(tags, cJSON_CreateString(c->tags[i])))
			break;
	return put_item(placement, "tags", tags);
}

static int change_metadata(cJSON *config, const struct obj_pairs *pairs)
{
	cJSON *metadata = cJSON_GetObjectItemCaseSensitive(config, "metadata");
	int err = 0;

	if (!pairs || pairs->count == 0)
		return 0;
	if (!cJSON_IsObject(metadata)) {
		err = put_item(config, "metadata", cJSON_CreateObject());
		metadata = cJSON_GetObjectItemCaseSensitive(config, "metadata");
	}
	for (size_t i = 0; !err && i < pairs->count; i++) {
		const struct obj_pair *p = &pairs->items[i];

		if (*p->value)
			err = put_string(metadata, p->key, p->value);
		else
			cJSON_DeleteItemFromObjectCaseSensitive(metadata, p->key);
	}
	return err;
}

static int apply(cJSON *config, const struct bucket_changes *c)
{
	int err = 0;

	if (c->description)
		err = put_string(config, "description", c->description);
	if (!err && c->has_ttl)
		err = put_limit(config, "max_age", c->ttl_ns, 0);
	if (!err && c->has_max_bytes)
		err = put_limit(config, "max_bytes", c->max_bytes, -1);
	if (!err && c->replicas > 0)
		err = put_limit(config, "num_replicas", c->replicas, 1);
	if (!err)
		err = change_placement(config, c);
	if (!err)
		err = change_metadata(config, c->metadata);
	if (!err && c->want_seal)
		err = put_item(config, "sealed", cJSON_CreateTrue());
	return err;
}

/* The time in which the server remembers message identifiers is not longer than messages live. */
static int shorten_duplicates(cJSON *config, uint64_t ttl_ns)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(config, "duplicate_window");

	if (ttl_ns == 0 || !cJSON_IsNumber(item) || item->valuedouble <= (double)ttl_ns)
		return 0;
	return put_limit(config, "duplicate_window", ttl_ns, 0);
}

int config_set_limit(cJSON *config, const char *key, uint64_t value)
{
	return put_limit(config, key, value, -1);
}

static int format_config(cJSON *config, struct buf *out)
{
	int err = spell_numbers(config);
	_cleanup_free_ char *text = err ? NULL : cJSON_PrintUnformatted(config);

	if (!text)
		return -ENOMEM;
	buf_append_str(out, text);
	return 0;
}

int config_send(struct bucket *b, cJSON *config, struct api_error *ret_error)
{
	_cleanup_buf_ struct buf body;
	int err;

	*ret_error = (struct api_error){0};
	buf_init(&body, BODY_MAX);
	err = format_config(config, &body);
	return err ? err : api_call(b, b->control.rpc, "STREAM.UPDATE", &body, 0, NULL, ret_error);
}

int config_send_once(struct bucket *b, cJSON *config, uint64_t deadline_ns,
		     struct api_error *ret_error)
{
	_cleanup_buf_ struct buf body;
	int err;

	*ret_error = (struct api_error){0};
	buf_init(&body, BODY_MAX);
	err = format_config(config, &body);
	return err ? err
		   : api_call_once(b, b->control.rpc, "STREAM.UPDATE", &body, deadline_ns,
				   ret_error);
}

static int edit(struct bucket *b, const struct bucket_changes *c, char **ret_why)
{
	_cleanup_json_ cJSON *json = NULL;
	struct api_error error = {0};
	cJSON *config;
	int err = config_check_version(b, false, c->metadata && c->metadata->count > 0, ret_why);

	if (err < 0)
		return err;
	err = api_call(b, b->control.rpc, "STREAM.INFO", NULL, 0, &json, &error);
	config = cJSON_GetObjectItemCaseSensitive(json, "config");
	if (!err && !cJSON_IsObject(config))
		err = -EIO;
	if (!err && c->has_ttl)
		err = shorten_duplicates(config, c->ttl_ns);
	if (!err)
		err = apply(config, c);
	if (!err)
		err = config_send(b, config, &error);
	return err < 0 ? admin_explain_api(b, err, &error, c->want_seal ? "seal" : "change",
					   ret_why)
		       : 0;
}

int bucket_edit(const struct conn_config *cfg, const char *bucket,
		const struct bucket_changes *changes, char **ret_why)
{
	struct bucket *b;
	int err;

	*ret_why = NULL;
	err = admin_open(cfg, bucket, &b, ret_why);
	if (err < 0)
		return err;
	b->version = conn_server_version(rpc_conn(b->control.rpc));
	err = edit(b, changes, ret_why);
	bucket_free(b);
	return err;
}
