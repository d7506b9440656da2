/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"
#include "objstore/layout.h"
#include "objstore/name_list.h"
#include "objstore/subject.h"
#include "util/explain.h"

#define STREAM_PREFIX "OBJ_"
/* Pages are 1024 names; a server that never ends is not believed. */
#define NAMES_MAX 1000000

/* One page; ret_n is the number of streams on it, buckets or not. */
static int read_page(struct bucket *b, size_t offset, struct name_list *names, size_t *ret_n,
		     size_t *ret_total)
{
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_buf_ struct buf body;
	const cJSON *streams, *item;
	int err;

	buf_init(&body, 256);
	buf_printf(&body, "{\"subject\":\"$O.*.C.>\",\"offset\":%zu}", offset);
	err = api_call(b, b->control.rpc, "STREAM.NAMES", &body, 0, &json, NULL);
	if (err < 0)
		return err;
	*ret_total = api_u64(json, "total");
	*ret_n = 0;
	streams = cJSON_GetObjectItemCaseSensitive(json, "streams");
	cJSON_ArrayForEach(item, streams)
	{
		const char *name = cJSON_IsString(item) ? item->valuestring : "";

		(*ret_n)++;
		if (strncmp(name, STREAM_PREFIX, strlen(STREAM_PREFIX)) != 0 ||
		    !obj_bucket_is_valid(name + strlen(STREAM_PREFIX)))
			continue;
		err = name_list_add(names, name + strlen(STREAM_PREFIX));
		if (err < 0)
			return err;
	}
	return 0;
}

static int read_names(struct bucket *b, struct name_list *names)
{
	size_t offset = 0, n, total;
	int err;

	do {
		err = read_page(b, offset, names, &n, &total);
		if (err < 0)
			return err;
		offset += n;
	} while (n > 0 && offset < total && offset < NAMES_MAX);
	return 0;
}

int admin_explain_api(const struct bucket *b, int err, const struct api_error *error,
		      const char *what, char **ret_why)
{
	const char *bucket = b->store.bucket;

	if (error->err_code == API_NO_STREAM)
		return explain(-ENOENT, ret_why, "no bucket \"%s\" on %s", bucket, b->where);
	if (err == -ENODEV)
		return explain(err, ret_why, "JetStream is not enabled on %s%s", b->where,
			       error->err_code ? " for this account" : "");
	return explain(err, ret_why, "cannot %s%s%s%s on %s: %s", what,
		       *bucket ? " bucket \"" : " the buckets", bucket, *bucket ? "\"" : "",
		       b->where, *error->description ? error->description : strerrordesc_np(-err));
}

int admin_open(const struct conn_config *cfg, const char *bucket, struct bucket **ret,
	       char **ret_why)
{
	_cleanup_free_ char *why = NULL;
	struct bucket *b;
	int err;

	if (*bucket && !obj_bucket_is_valid(bucket))
		return explain(-EINVAL, ret_why, "\"%s\" cannot be the name of a bucket", bucket);
	b = bucket_new(cfg, bucket, &layout_objects);
	if (!b)
		return -ENOMEM;
	err = bucket_connect(b, cfg, CONN_CONTROL, &b->control, &why);
	if (err < 0) {
		err = explain(err, ret_why, "cannot connect to %s", why ? why : b->where);
		bucket_free(b);
		return err;
	}
	*ret = b;
	return 0;
}

int admin_list(struct bucket *b, char ***ret_names, size_t *ret_count)
{
	struct name_list names = {0};
	int err = read_names(b, &names);

	if (err < 0) {
		name_list_done(&names);
		return err;
	}
	*ret_names = names.items;
	*ret_count = names.n;
	return 0;
}

int bucket_list(const struct conn_config *cfg, char ***ret_names, size_t *ret_count, char **ret_why)
{
	struct api_error none = {0};
	struct bucket *b;
	int err;

	*ret_why = NULL;
	*ret_names = NULL;
	*ret_count = 0;
	err = admin_open(cfg, "", &b, ret_why);
	if (err < 0)
		return err;
	err = admin_list(b, ret_names, ret_count);
	if (err < 0)
		err = admin_explain_api(b, err, &none, "list", ret_why);
	bucket_free(b);
	if (!err)
		names_sort(*ret_names, *ret_count);
	return err;
}

int bucket_delete(const struct conn_config *cfg, const char *bucket, char **ret_why)
{
	struct api_error error;
	struct bucket *b;
	int err;

	*ret_why = NULL;
	err = admin_open(cfg, bucket, &b, ret_why);
	if (err < 0)
		return err;
	err = api_call(b, b->control.rpc, "STREAM.DELETE", NULL, 0, NULL, &error);
	if (err < 0)
		err = admin_explain_api(b, err, &error, "delete", ret_why);
	bucket_free(b);
	return err;
}
