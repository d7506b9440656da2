/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_RENAME_H
#define NATSOBJ_FS_RENAME_H

/* What the kinds of rename share: of a file, of a directory, and the exchange of two. */

#include "fs/internal.h"

/* Everything a rename is about; nodes are pinned. */
struct move {
	struct node *old_dir, *new_dir;
	struct node *n;
	struct node *target; /* what has the new name, or NULL */
	const char *old_name, *new_name;
	bool is_exclusive;
};

/* The entry that is moved; NULL when it is gone. Tree lock held. */
struct dentry *move_entry(struct fs *fs, const struct move *m);
/* What has the new name at present, or NULL. Tree lock held. */
struct dentry *move_target(struct fs *fs, const struct move *m);
/* The names of both objects; a directory's end in a slash. */
int move_names(struct fs *fs, const struct move *m, struct buf *from, struct buf *to) MUST_CHECK;
/* Names as move_names, and holds both. -EIO: they kept changing. */
int move_take_names(struct fs *fs, const struct move *m, struct buf *from, struct buf *to)
	MUST_CHECK;
void move_release_names(struct fs *fs, const struct buf *from, const struct buf *to);
/* The entry gets its new place; what was there goes. Tree lock held. */
int move_in_tree(struct fs *fs, const struct move *m) MUST_CHECK;

/* A copy of info under another name, not stored yet, saying where it comes from; its times stay,
 * those of a directory as the tree shows them. Takes the tree lock. */
int moved_info(struct fs *fs, const struct obj_info *info, const char *to, size_t len,
	       struct obj_info **ret) MUST_CHECK;
/* The same for what is itself renamed, now. */
int renamed_info(struct fs *fs, const struct obj_info *info, const char *to, size_t len,
		 struct obj_info **ret) MUST_CHECK;

/* rename_file.c, dir_rename.c, exchange.c. All wait. */
int move_file(struct fs *fs, const struct move *m) MUST_CHECK;
int move_dir(struct fs *fs, const struct move *m) MUST_CHECK;
int move_exchange(struct fs *fs, const struct move *m) MUST_CHECK;

#endif
