/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_LINKS_H
#define NATSOBJ_PROG_CMD_LINKS_H

/*
 * Files with several names, as mount.natsobj stores them: each name is an object link to a hidden
 * object .natsobj/inode/ID, which has content and attributes and counts its names (posix.nlink).
 */

#include <stdbool.h>

#include "objstore/info.h"
#include "objstore/store.h"
#include "util/cleanup.h"

/* Name of the hidden object that info, a name's metadata, leads to; NULL: it is no such name. */
const char *hard_link_target(const struct store *s, const struct obj_info *info);
/* Whether the two are names of one file. NULL is none. */
bool hard_link_is_same(const struct store *s, const struct obj_info *a, const struct obj_info *b);
/* Counts one name less, after info is gone or stands for something else; the last one takes content
 * and hidden object with it. Harmless for what is no such name. A failure is a warning: the count
 * is then too high. Waits. */
void hard_link_drop(struct store *s, const struct obj_info *info);
/* The object that has the content and attributes of a name, by that name: *info, unless it is one
 * of several. 0 or -errno. Waits. */
int hard_link_look(struct store *s, struct obj_info **info) MUST_CHECK;

#endif
