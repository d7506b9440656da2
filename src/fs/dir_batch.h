/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_DIR_BATCH_H
#define NATSOBJ_FS_DIR_BATCH_H

/* Some of a renamed directory's objects, which move together. */

#include "fs/dir_rename.h"
#include "fs/name_set.h"

struct dir_item {
	struct buf from, to;
	struct obj_info *old; /* NULL: there is nothing to move (any more) */
	struct obj_info *info;
	struct obj_info *replaced;
	struct obj_info *tombstone;
	int err;
};

struct dir_batch {
	struct dir_item items[DIR_BATCH];
	size_t n;
	struct name_set held;
};

/* NULL is harmless. */
void dir_batch_free(struct dir_batch *b);
DEFINE_CLEANUP(struct dir_batch *, dir_batch_free)
/* Takes the next names of the list; *at is the place in it. */
int dir_batch_fill(struct dir_batch *b, const struct dir_move *mv, const struct dir_names *names,
		   size_t *at) MUST_CHECK;
/* it->info: what the new name gets of it->old. Times below the directory do not change. */
int dir_item_describe(struct fs *fs, const struct dir_move *mv, struct dir_item *it) MUST_CHECK;
/* What the old name gets; it says where the object went, to who was changing it. NULL without
 * memory. */
struct obj_info *dir_item_tombstone(const struct dir_item *it);

/* --- dir_late.c --- */

/* Whether it->old goes along: it is no newer than the rename, or a change of what was there then.
 * What was changed after an exchange stays: under the other name is what should come from there,
 * and would be lost. Takes the tree lock. */
bool dir_item_is_to_move(struct fs *fs, const struct dir_move *mv, const struct dir_item *it);
/* Others stored something else under the new name after the rename, or exchanged it for this very
 * object: that stays, and so does what was to be moved there. Of two markers there is no need for
 * the other. */
bool dir_item_is_taken(const struct dir_move *mv, const struct dir_item *it);
/* Whoever began the rename had come so far: what has been done with the new name since stays. */
bool dir_item_has_come(const struct dir_move *mv, const struct dir_item *it);
/* The old name was changed since it was read: a change of the file goes along, and the new name is
 * given up if the file went elsewhere. Waits. */
void dir_item_meet_newer(struct fs *fs, const struct dir_move *mv, struct dir_item *it);

/* --- dir_resync.c --- */

/* Objects that did not move, and claims, which never do, are shown where they are; all, if is_all.
 * Waits. */
int dir_batch_resync(struct fs *fs, const struct dir_move *mv, struct dir_batch *b, bool is_all)
	MUST_CHECK;

#endif
