/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_JSON_ROWS_H
#define NATSOBJ_OBJSTORE_JSON_ROWS_H

#include <stddef.h>

#include "util/cleanup.h"

/* One value of a JSON text: path is the keys and indices that lead to it, with dots between. Both
 * are borrowed. A negative result ends the walk with it. */
typedef int (*json_row_fn)(void *arg, const char *path, const char *value);

/* Calls fn for each string, number, boolean and null of a JSON text of untrusted origin, in its
 * order. -EINVAL when it is no JSON. Does not wait. */
int json_rows(const char *text, size_t len, json_row_fn fn, void *arg) MUST_CHECK;

#endif
