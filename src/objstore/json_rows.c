/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/json_rows.h"

#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "util/buf.h"

#define PATH_LEN_MAX 4096

struct walk {
	json_row_fn fn;
	void *arg;
	struct buf path;
};

static int emit(struct walk *w, const cJSON *item)
{
	char number[64];
	const char *value = item->valuestring;

	if (cJSON_IsBool(item))
		value = cJSON_IsTrue(item) ? "true" : "false";
	else if (cJSON_IsNumber(item))
		value = number;
	else if (!cJSON_IsString(item))
		value = "null";
	if (cJSON_IsNumber(item))
		(void)snprintf(number, sizeof(number), "%.15g", item->valuedouble);
	if (buf_error(&w->path))
		return buf_error(&w->path);
	return w->fn(w->arg, w->path.data ? w->path.data : "", value);
}

static void truncate_path(struct buf *path, size_t len)
{
	if (!path->data)
		return;
	path->len = len;
	path->data[len] = '\0';
}

/* The depth of the recursion is that of cJSON's own parser, which limits it. */
static int walk_children(struct walk *w, const cJSON *parent)
{
	size_t len = w->path.len, i = 0;
	const cJSON *item;

	cJSON_ArrayForEach(item, parent)
	{
		int err;

		if (len > 0)
			buf_append_char(&w->path, '.');
		if (item->string)
			buf_append_str(&w->path, item->string);
		else
			buf_printf(&w->path, "%zu", i);
		i++;
		err = cJSON_IsObject(item) || cJSON_IsArray(item) ? walk_children(w, item)
								  : emit(w, item);
		truncate_path(&w->path, len);
		if (err)
			return err;
	}
	return 0;
}

int json_rows(const char *text, size_t len, json_row_fn fn, void *arg)
{
	struct walk w = {.fn = fn, .arg = arg};
	cJSON *json = cJSON_ParseWithLength(text, len);
	int err;

	if (!json)
		return -EINVAL;
	buf_init(&w.path, PATH_LEN_MAX);
	err = cJSON_IsObject(json) || cJSON_IsArray(json) ? walk_children(&w, json)
							  : emit(&w, json);
	buf_done(&w.path);
	cJSON_Delete(json);
	return err;
}
