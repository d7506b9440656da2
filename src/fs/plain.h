/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_PLAIN_H
#define NATSOBJ_FS_PLAIN_H

/*
 * What is different in a bucket whose objects are content and nothing else (objstore/store.h,
 * is_plain). Attributes are those of the mount's options; a chmod or chown that changes nothing
 * succeeds, any other is EPERM. Times can be set, and this mount shows them until the file is
 * stored anew. A directory is there because of what is in it, or because it was made or emptied
 * here: then this mount keeps it. Other kinds, second names and extended attributes do not exist.
 */

#include "fs/internal.h"

struct move;

/* The bits of set that change n, once -EPERM has been said of those that cannot. */
int plain_check_attr(struct fs *fs, const struct node *n, const struct stat *attr, unsigned *set)
	MUST_CHECK;
/* Owner, permission bits and times of something new. Tree lock held. */
void plain_inherit(const struct fs *fs, struct node *n);
/* A directory that exists in this mount. */
int plain_mkdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
		struct fs_entry *ret) MUST_CHECK;
/* Renames a directory without files in it; -EXDEV when it has any, which is how mv(1) learns to
 * move them one by one. */
int plain_move_dir(struct fs *fs, const struct move *m) MUST_CHECK;

#endif
