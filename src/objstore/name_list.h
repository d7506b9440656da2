/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_NAME_LIST_H
#define NATSOBJ_OBJSTORE_NAME_LIST_H

/* Names of buckets or keys, in an array that grows. Not locked; nothing waits. */

#include <stddef.h>

#include "util/cleanup.h"

/* All zero: none. */
struct name_list {
	char **items;
	size_t n, cap;
};

void name_list_done(struct name_list *l);
/* Adds a copy, or the name itself, which belongs to the list then even after an error: 0 or
 * -ENOMEM, as for a name NULL. */
int name_list_add(struct name_list *l, const char *name) MUST_CHECK;
int name_list_take(struct name_list *l, char *name) MUST_CHECK;
/* In byte order; names may be NULL when n is 0. */
void names_sort(char **names, size_t n);
/* The same, and each name once. */
void name_list_settle(struct name_list *l);
/* Index of the first name that is not before text. The list is in byte order. */
size_t name_list_find(const struct name_list *l, const char *text);
/* Index of the first name behind the one at i that has other first len bytes. */
size_t name_list_find_behind(const struct name_list *l, size_t i, size_t len);

#endif
