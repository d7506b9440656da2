/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_DIR_RENAME_H
#define NATSOBJ_FS_DIR_RENAME_H

#include "fs/internal.h"

/* A directory that is being renamed: the tree shows it at its new place already, objects with
 * sequences up to seq follow one after the other. In fs->dir_moves, protected by tree.lock. */
struct dir_move {
	struct list link;
	struct buf from, to; /* with the slash */
	uint64_t seq;
};

/* The name at start of out is that of d by its place in the tree: becomes the old one while the
 * object has not followed yet. Tree lock held. */
void dir_rename_resolve(const struct fs *fs, const struct dentry *d, struct buf *out, size_t start);

/* An event about an old name that tells of what has been moved already. Tree lock held. */
bool dir_rename_is_stale(const struct fs *fs, const struct obj_info *info);

/* Object names below a directory, relative to it ("" its marker), one behind the other. */
struct dir_names {
	struct buf bytes;
	size_t count, max_len;
	uint64_t max_seq;
};

/* Moves all the names from one prefix to the other, many at a time. The intent is stored again now
 * and then. *ret_at: on an error the place in names from which on not all have moved. -ECANCELED:
 * another mount has taken over. Waits. */
int dir_objects_move(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		     struct obj_info *intent, size_t *ret_at) MUST_CHECK;
/* After an error: the tree learns which names have which objects. Waits. */
void dir_objects_resync(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
			size_t at);

#endif
