/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_NAME_OPS_H
#define NATSOBJ_FS_NAME_OPS_H

/* What the operations that make names share. */

#include "fs/internal.h"

/* A name that shall be made: the directory, pinned, and the object name, held. */
struct new_name {
	struct node *dir;
	struct buf full;
	const char *name;
};

/* Checks and holds a name that shall be made; suffix is "/" for a directory. Waits for another
 * operation on the name, or says -FS_WOULD_WAIT. */
int new_name_begin(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
		   const char *suffix, struct new_name *nn) MUST_CHECK;
/* is_held: the name is released too. */
void new_name_done(struct fs *fs, struct new_name *nn, bool is_held);
bool new_name_exists(struct fs *fs, const struct new_name *nn);
/* Whether the directory still has the name that the object name begins with: it may be renamed
 * while the name is held. Tree lock held. */
bool new_name_is_current(struct fs *fs, const struct new_name *nn);
/* Shows what was stored under the name by fs_publish_exclusive. After an error it is taken back;
 * -EAGAIN: the directory was renamed. Waits. */
int new_name_show(struct fs *fs, const struct new_name *nn, const struct obj_info *info,
		  struct fs_entry *ret) MUST_CHECK;
/* Metadata of something new with the attributes a new node would have. target only for links. */
int new_name_describe(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn,
		      mode_t mode, dev_t rdev, const char *target, struct obj_info **ret)
	MUST_CHECK;

/* Uploads text (NULL: nothing) as the content of info. On success the chunks stay. Waits. */
int fs_upload_text(struct fs *fs, const char *text, struct obj_info *info) MUST_CHECK;

/* What a call says about a name in dir that the tree does not have: -ENOENT, or -EPERM when what is
 * there is no object. Tree lock held. */
int fs_why_absent(struct fs *fs, const struct node *dir, const char *name) MUST_CHECK;
/* A directory and what it has under a name, both pinned. -EPERM: what is there is no object. */
int fs_pin_child(struct fs *fs, uint64_t parent, const char *name, struct node **ret_dir,
		 struct node **ret) MUST_CHECK;

#endif
