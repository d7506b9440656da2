/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets as the server describes them: the answers to STREAM.INFO and STREAM.LIST. */
#include <string.h>

#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"
#include "objstore/subject.h"

#define STREAM_PREFIX "OBJ_"
/* Pages are 256 streams; a server that never ends is not believed. */
#define BUCKETS_MAX 1000000
#define TAGS_MAX 1024

void bucket_desc_free(struct bucket_desc *d)
{
	if (!d)
		return;
	free(d->name);
	free(d->description);
	free(d->storage);
	free(d->compression);
	free(d->cluster);
	for (size_t i = 0; i < d->n_tags; i++)
		free(d->tags[i]);
	free(d->tags);
	obj_pairs_done(&d->metadata);
	free(d);
}

static char *copy_member(const cJSON *object, const char *key)
{
	const char *s = api_string(object, key);

	return strdup(s ? s : "");
}

static int read_tags(const cJSON *tags, struct bucket_desc *d)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, tags)
	{
		char **grown;

		if (!cJSON_IsString(item) || d->n_tags == TAGS_MAX)
			continue;
		grown = reallocarray(d->tags, d->n_tags + 1, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		d->tags = grown;
		d->tags[d->n_tags] = strdup(item->valuestring);
		if (!d->tags[d->n_tags])
			return -ENOMEM;
		d->n_tags++;
	}
	return 0;
}

static int read_metadata(const cJSON *metadata, struct bucket_desc *d)
{
	const cJSON *item;

	cJSON_ArrayForEach(item, metadata)
	{
		int err;

		if (!cJSON_IsString(item) || !item->string ||
		    strncmp(item->string, "_nats.", strlen("_nats.")) == 0)
			continue;
		err = obj_pairs_add(&d->metadata, item->string, item->valuestring);
		if (err)
			return err;
	}
	return 0;
}

static int read_config(const cJSON *config, struct bucket_desc *d)
{
	const cJSON *placement = cJSON_GetObjectItemCaseSensitive(config, "placement");
	int err;

	d->description = copy_member(config, "description");
	d->storage = copy_member(config, "storage");
	d->compression = copy_member(config, "compression");
	d->cluster = copy_member(placement, "cluster");
	if (!d->description || !d->storage || !d->compression || !d->cluster)
		return -ENOMEM;
	if (strcmp(d->compression, "none") == 0)
		*d->compression = '\0';
	d->max_bytes = api_u64(config, "max_bytes");
	d->ttl_ns = api_u64(config, "max_age");
	d->replicas = (uint32_t)api_u64(config, "num_replicas");
	d->is_sealed = api_bool(config, "sealed");
	d->is_mirror = cJSON_IsObject(cJSON_GetObjectItemCaseSensitive(config, "mirror"));
	d->why_read_only = stream_why_read_only(d->name, config);
	err = read_tags(cJSON_GetObjectItemCaseSensitive(placement, "tags"), d);
	return err ? err : read_metadata(cJSON_GetObjectItemCaseSensitive(config, "metadata"), d);
}

/* -ENOENT: a stream that is no bucket. */
static int parse(const cJSON *json, struct bucket_desc **ret)
{
	const cJSON *config = cJSON_GetObjectItemCaseSensitive(json, "config");
	const cJSON *state = cJSON_GetObjectItemCaseSensitive(json, "state");
	const char *stream = api_string(config, "name"), *created = api_string(json, "created");
	_cleanup_bucket_desc_ struct bucket_desc *d = NULL;
	int err;

	if (!stream || !cJSON_IsObject(state) || !created)
		return -EIO;
	if (strncmp(stream, STREAM_PREFIX, strlen(STREAM_PREFIX)) != 0 ||
	    !obj_bucket_is_valid(stream + strlen(STREAM_PREFIX)))
		return -ENOENT;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->name = strdup(stream + strlen(STREAM_PREFIX));
	if (!d->name)
		return -ENOMEM;
	if (obj_time_parse(created, &d->created_ns) < 0)
		return -EIO;
	d->bytes = api_u64(state, "bytes");
	d->messages = api_u64(state, "messages");
	d->last_seq = api_u64(state, "last_seq");
	err = read_config(config, d);
	if (!err)
		*ret = steal_ptr(d);
	return err;
}

int bucket_describe(const struct conn_config *cfg, const char *bucket, struct bucket_desc **ret,
		    char **ret_why)
{
	_cleanup_json_ cJSON *json = NULL;
	struct api_error error = {0};
	struct bucket *b;
	int err;

	*ret_why = NULL;
	*ret = NULL;
	err = admin_open(cfg, bucket, &b, ret_why);
	if (err < 0)
		return err;
	err = api_call(b, b->control.rpc, "STREAM.INFO", NULL, 0, &json, &error);
	if (!err)
		err = parse(json, ret);
	if (err < 0)
		err = admin_explain_api(b, err, &error, "look at", ret_why);
	bucket_free(b);
	return err;
}

struct descs {
	struct bucket_desc **items;
	size_t count;
};

static void descs_done(struct descs *l)
{
	for (size_t i = 0; i < l->count; i++)
		bucket_desc_free(l->items[i]);
	free(l->items);
}

static int descs_add(struct descs *l, const cJSON *json)
{
	struct bucket_desc **grown, *d = NULL;
	int err = parse(json, &d);

	if (err)
		return err == -ENOENT ? 0 : err;
	grown = reallocarray(l->items, l->count + 1, sizeof(struct bucket_desc *));
	if (!grown) {
		bucket_desc_free(d);
		return -ENOMEM;
	}
	l->items = grown;
	l->items[l->count++] = d;
	return 0;
}

/* One page; *ret_n is the number of streams on it, buckets or not. */
static int read_page(struct bucket *b, size_t offset, struct descs *l, size_t *ret_n,
		     struct api_error *ret_error)
{
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_buf_ struct buf body;
	const cJSON *item;
	int err;

	buf_init(&body, 256);
	buf_printf(&body, "{\"subject\":\"$O.*.C.>\",\"offset\":%zu}", offset);
	err = api_call(b, b->control.rpc, "STREAM.LIST", &body, 0, &json, ret_error);
	*ret_n = 0;
	if (err < 0)
		return err;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "streams"))
	{
		(*ret_n)++;
		err = descs_add(l, item);
		if (err < 0)
			return err;
	}
	/* Without streams on this page the listing is over, whatever the total says. */
	if (offset + *ret_n >= api_u64(json, "total"))
		*ret_n = 0;
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp((*(struct bucket_desc *const *)a)->name,
		      (*(struct bucket_desc *const *)b)->name);
}

int admin_describe_all(struct bucket *b, struct bucket_desc ***ret, size_t *ret_count,
		       struct api_error *ret_error)
{
	struct descs l = {0};
	size_t offset = 0, n;
	int err;

	do {
		err = read_page(b, offset, &l, &n, ret_error);
		offset += n;
	} while (!err && n > 0 && offset < BUCKETS_MAX);
	if (err < 0) {
		descs_done(&l);
		return err;
	}
	if (l.count > 0)
		qsort(l.items, l.count, sizeof(struct bucket_desc *), compare);
	*ret = l.items;
	*ret_count = l.count;
	return 0;
}

int bucket_describe_all(const struct conn_config *cfg, struct bucket_desc ***ret, size_t *ret_count,
			char **ret_why)
{
	struct api_error error = {0};
	struct bucket *b;
	int err;

	*ret_why = NULL;
	err = admin_open(cfg, "", &b, ret_why);
	if (err < 0)
		return err;
	err = admin_describe_all(b, ret, ret_count, &error);
	if (err < 0)
		err = admin_explain_api(b, err, &error, "list", ret_why);
	bucket_free(b);
	return err;
}
