/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_SYMLINK_H
#define NATSOBJ_FS_SYMLINK_H

/*
 * Symbolic links as object links. The exact target is kept in posix.target. Where it is a plain
 * relative path to an object of the bucket, the link is also an object link, so that other clients
 * read what it leads to; everywhere else its content is the target.
 */

#include <stdbool.h>

#include "objstore/info.h"
#include "util/buf.h"

/* The object name that a target means, taken from the directory of the object link: no symbolic
 * link on the way is followed. False: it is absolute, leads out of the bucket, to a directory or to
 * a reserved name. */
bool symlink_resolve(const char *link, size_t len, const char *target, struct buf *out);
/* After info, a link of any kind, got another name: an object link made here follows its target's
 * text. */
int symlink_follow(struct obj_info *info) MUST_CHECK;

#endif
