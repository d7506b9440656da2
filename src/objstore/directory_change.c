/* SPDX-License-Identifier: Apache-2.0 */

/* Making and deleting the buckets of a directory, and asking for one. */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_empty.h"
#include "objstore/directory_internal.h"
#include "objstore/layout.h"
#include "objstore/subject.h"
#include "util/log.h"

/* What tells apart who made a bucket, where two do it in one moment with the same settings, which
 * the server takes for one request that came twice. */
#define KEY_MADE "natsobj.made"

/* A bucket by name on the directory's connection; to be freed with view_free. */
static struct bucket *view_new(struct directory *d, const char *name)
{
	struct bucket *b = bucket_new(d->cfg, name, &layout_objects);

	if (!b)
		return NULL;
	b->control.rpc = d->bucket->control.rpc;
	b->lender = d->bucket;
	b->version = d->bucket->version;
	return b;
}

static void view_free(struct bucket *b)
{
	b->control.rpc = NULL;
	bucket_free(b);
}

int directory_ask(struct directory *d, const char *name, bool *ret)
{
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_free_ char *stream = obj_stream_name(name);
	_cleanup_buf_ struct buf body;
	const cJSON *item;
	int err;

	if (!stream)
		return -ENOMEM;
	buf_init(&body, 1024);
	buf_printf(&body, "{\"subject\":\"$O.%s.C.>\"}", name);
	err = api_call(d->bucket, d->bucket->control.rpc, "STREAM.NAMES", &body, 0, &json, NULL);
	*ret = false;
	if (err)
		return err;
	cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(json, "streams")) *ret |=
		cJSON_IsString(item) && strcmp(item->valuestring, stream) == 0;
	return 0;
}

static int create(struct directory *d, struct bucket *view)
{
	struct obj_pairs metadata CLEANUP(obj_pairs_done) = {0};
	struct bucket_options opts = d->opts;
	char nuid[OBJ_NUID_LEN + 1];
	struct api_error error;
	_cleanup_buf_ struct buf body;
	int err;

	buf_init(&body, 64 * 1024);
	if (view->version >= SERVER_VERSION(2, 10, 0)) {
		obj_nuid_new(nuid);
		err = obj_pairs_add(&metadata, KEY_MADE, nuid);
		if (err)
			return err;
		opts.metadata = &metadata;
	}
	config_format_create(view, &opts, &body);
	err = api_call(view, d->bucket->control.rpc, "STREAM.CREATE", &body, 0, NULL, &error);
	if (err && error.err_code == API_STREAM_EXISTS)
		return -EEXIST;
	if (err)
		log_warn("cannot create bucket \"%s\": %s", view->store.bucket,
			 *error.description ? error.description : strerror(-err));
	return err;
}

int directory_make(struct directory *d, const char *name)
{
	struct bucket *view;
	bool is_there;
	int err = directory_ask(d, name, &is_there);

	if (err || is_there)
		return err ? err : -EEXIST;
	view = view_new(d, name);
	if (!view)
		return -ENOMEM;
	err = create(d, view);
	view_free(view);
	return err;
}

int directory_delete(struct directory *d, const char *name)
{
	struct bucket *view;
	bool is_there;
	int err = directory_ask(d, name, &is_there);

	if (err || !is_there)
		return err ? err : -ENOENT;
	/* Closing waits until a bucket that is kept takes messages again. */
	err = bucket_enter(d->bucket);
	if (err)
		return err;
	view = view_new(d, name);
	err = view ? bucket_delete_empty(view) : -ENOMEM;
	if (view)
		view_free(view);
	bucket_leave(d->bucket);
	return err;
}
