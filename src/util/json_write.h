/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_JSON_WRITE_H
#define NATSOBJ_UTIL_JSON_WRITE_H

/*
 * JSON text (RFC 8259) into a buffer, without a tree in between:
 *
 *	struct json_writer w;
 *
 *	json_init(&w, &out);
 *	json_begin_object(&w, NULL);
 *	json_string(&w, "name", name);
 *	json_end_object(&w);
 *
 * Inside an object every value has a key, elsewhere key is NULL. Commas come by themselves. Errors
 * are those of the buffer, see buf_error().
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/buf.h"

struct json_writer {
	struct buf *out;
	bool needs_comma;
};

/* Nothing is written yet; out stays the caller's. */
void json_init(struct json_writer *w, struct buf *out);

void json_begin_object(struct json_writer *w, const char *key);
void json_end_object(struct json_writer *w);
void json_begin_array(struct json_writer *w, const char *key);
void json_end_array(struct json_writer *w);

/* Bytes that are not valid UTF-8 become U+FFFD, one for each. s NULL is written as null. */
void json_string(struct json_writer *w, const char *key, const char *s);
void json_string_n(struct json_writer *w, const char *key, const char *s, size_t len);
void json_u64(struct json_writer *w, const char *key, uint64_t v);
void json_bool(struct json_writer *w, const char *key, bool v);

#endif
