/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_HISTORY_LIST_H
#define NATSOBJ_FS_HISTORY_LIST_H

/* What is in a directory of .natsobj/history: see history.h. */

#include <stddef.h>

#include "objstore/store.h"

/* 1 and 2 are "." and "..". */
#define HISTORY_FIRST_COOKIE 3

struct history_item {
	char *name;	       /* in the directory */
	struct obj_info *info; /* of a version; NULL: a directory */
	char *component;       /* of the name below, for a directory */
};

/* Versions by their sequence, then directories by name. */
struct history_list {
	struct history_item *items;
	size_t n, cap;
};

/*
 * The versions of name, if it is not empty, and the next components of the names below it: below
 * prefix, which is empty or ends in a slash, if name is empty. Empty lists are no error. Waits.
 */
int history_list_read(struct store *s, const char *name, const char *prefix,
		      struct history_list **ret) MUST_CHECK;
/* The versions only. */
int history_list_versions(struct store *s, const char *name, struct history_list **ret) MUST_CHECK;
/* Whether name has versions, or names below it do: 0, else -ENOENT. Waits. */
int history_list_exists(struct store *s, const char *name) MUST_CHECK;
void history_list_free(struct history_list *l);
DEFINE_CLEANUP(struct history_list *, history_list_free)
const struct history_item *history_list_find(const struct history_list *l, const char *name);

#endif
