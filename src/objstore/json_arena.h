/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_JSON_ARENA_H
#define NATSOBJ_OBJSTORE_JSON_ARENA_H

/*
 * Small JSON texts that are read once. cJSON allocates each value and each string, some sixty for
 * the metadata of an object, which took a third of the time of listing a million. Here they lie
 * side by side in a block on the reader's stack; what does not fit is allocated as usual.
 */

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

struct json_arena {
	size_t used;
	bool is_full; /* something was allocated elsewhere */
	_Alignas(max_align_t) char block[8192];
};

/* The values of a text of len bytes, NULL when it is none. To be read only, and given to
 * json_arena_drop by the same thread before the arena goes. */
cJSON *json_arena_parse(struct json_arena *a, const char *json, size_t len);
void json_arena_drop(struct json_arena *a, cJSON *root);

#endif
