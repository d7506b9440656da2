/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_LISTING_H
#define NATSOBJ_PROG_CMD_LISTING_H

/* All objects of a bucket at one moment, sorted by the bytes of their names. */

#include <stdbool.h>
#include <stddef.h>

#include "objstore/info.h"
#include "objstore/store.h"
#include "prog/cmd.h"
#include "util/cleanup.h"

struct object_list;

/* What to leave out; NULL or false: nothing. */
struct object_filter {
	const char *prefix;
	const char *glob;  /* of the whole name, where * also stands for slashes */
	bool with_deleted; /* show tombstones too */
};

/* Reads the bucket through the store's one watch. 0 or -errno. Waits. */
int object_list_new(struct store *s, struct object_list **ret) MUST_CHECK;
/* Opens a bucket for reading and lists it, or complains: an exit status. The caller closes and
 * frees both. Waits. */
int object_list_open(struct cmd *c, const char *bucket, struct store **ret_store,
		     struct object_list **ret) MUST_CHECK;
void object_list_free(struct object_list *l);
DEFINE_CLEANUP(struct object_list *, object_list_free)
#define _cleanup_object_list_ CLEANUP(object_list_free_p)

/* Objects that exist. */
size_t object_list_count(const struct object_list *l);
/* The next version that passes the filter, from *pos = 0 on; NULL after the last. Borrowed. */
const struct obj_info *object_list_next(const struct object_list *l, const struct object_filter *f,
					size_t *pos);
/* Whether a name and state pass. */
bool object_list_is_match(const struct object_filter *f, const struct obj_info *info);

#endif
