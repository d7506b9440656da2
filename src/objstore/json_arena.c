/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/json_arena.h"

#include <stdint.h>
#include <stdlib.h>

/* Where this thread's values go at the moment. */
static _Thread_local struct json_arena *current;

static void *json_malloc(size_t size)
{
	struct json_arena *a = current;
	size_t room = (size + _Alignof(max_align_t) - 1) & ~(_Alignof(max_align_t) - 1);
	char *p;

	if (!a)
		return malloc(size);
	if (size > sizeof(a->block) || room > sizeof(a->block) - a->used) {
		a->is_full = true;
		return malloc(size);
	}
	p = a->block + a->used;
	a->used += room;
	return p;
}

static void json_free(void *p)
{
	const struct json_arena *a = current;

	if (!a || (uintptr_t)p - (uintptr_t)a->block >= sizeof(a->block))
		free(p);
}

/* Before there are threads, as cJSON wants it. Whatever one of the pairs of functions allocates the
 * other may free. */
__attribute__((constructor)) static void set_hooks(void)
{
	cJSON_InitHooks(&(cJSON_Hooks){json_malloc, json_free});
}

cJSON *json_arena_parse(struct json_arena *a, const char *json, size_t len)
{
	cJSON *root;

	a->used = 0;
	a->is_full = false;
	current = a;
	root = cJSON_ParseWithLength(json, len);
	current = NULL;
	return root;
}

void json_arena_drop(struct json_arena *a, cJSON *root)
{
	if (!a->is_full)
		return;
	current = a;
	cJSON_Delete(root);
	current = NULL;
}
