/* SPDX-License-Identifier: Apache-2.0 */

/* Where a file is that another mount renamed while it was being written here. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/links.h"
#include "util/clock.h"
#include "util/log.h"

/* So many renames are followed. */
#define STEPS 16

/* Whether info describes the file that is being written: its content, or made at the same moment. A
 * new one has but a claim. */
static bool is_it(const struct fs *fs, const struct file *f, const struct obj_info *info)
{
	const char *claim = obj_info_meta(info, ATTR_CLAIM);

	if (info->is_deleted)
		return f->is_claimed && claim && strcmp(claim, fs->claim_id) == 0;
	return f->base && obj_info_is_same_file(f->base, info);
}

/* NULL: nothing says that it has been moved. */
static const char *next_name(const struct obj_info *tombstone)
{
	const char *to = obj_info_meta(tombstone, ATTR_TO);

	return to ? to : obj_info_meta(tombstone, ATTR_MOVED);
}

/* The name that the last of the renames has given; NULL: it cannot be told. */
static int find(struct fs *fs, const struct file *f, const struct obj_info *tombstone,
		struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *at = NULL;
	const char *to = next_name(tombstone);
	int err = 0;

	for (int i = 0; !err && to && i < STEPS; i++) {
		struct obj_info *next = NULL;

		if (strncmp(to, fs->prefix, fs->prefix_len) != 0 || name_is_hidden(to, strlen(to)))
			return 0;
		err = store_get_info(fs->store, to, strlen(to), &next);
		obj_info_free(at);
		at = next;
		to = at && at->is_deleted ? next_name(at) : NULL;
	}
	if (!err && at && !to && is_it(fs, f, at))
		*ret = steal_ptr(at);
	return err == -ENOENT ? 0 : err;
}

/* The entry is another file's, or none: whoever comes by it looks again. */
static void leave_entry(struct fs *fs, const struct node *n)
{
	LOCK_SCOPE(&fs->tree.lock);
	if (n->dentry)
		fs_remove_foreign(fs, n->dentry, clock_wall_ns(), 0);
}

int file_follow_renamed(struct fs *fs, struct file *f, const struct obj_info *tombstone)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;
	char *name;
	int err;

	mutex_assert_held(&f->lock);
	if (f->is_fresh || links_id_of_hidden(tombstone->name, tombstone->name_len))
		return 0;
	err = find(fs, f, tombstone, &now);
	if (err || !now)
		return err;
	name = strdup(now->name);
	if (!name)
		return -ENOMEM;
	free(f->name);
	f->name = name;
	leave_entry(fs, f->node);
	/* What was stored since may be another entry's. */
	fs_apply_held(fs, tombstone);
	log_debug("bucket %s: %s is %s by now", fs->store->bucket, tombstone->name, name);
	return -EAGAIN;
}
