/* SPDX-License-Identifier: Apache-2.0 */

/* Changes of others become news for whoever asked for them (fs_listener.changed). */

#include <stdlib.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/place.h"
#include "fs/publish.h"

/* Path of a directory in file names. */
static int dir_path(const struct fs *fs, const struct node *dir, struct buf *out)
{
	if (dir == fs->tree.root || !dir->dentry)
		return 0;
	if (dir_path(fs, dir->dentry->parent, out) < 0)
		return buf_error(out);
	if (out->len > 0)
		buf_append_char(out, '/');
	buf_append(out, dir->dentry->name, dir->dentry->len);
	return buf_error(out);
}

static bool is_wanted(const struct fs *fs, const struct node *dir)
{
	return fs->is_foreign && fs->listener.changed && dir->id;
}

/* The first listing comes to what was there all the time. */
static bool is_no_news(const struct fs *fs, enum fs_change_kind kind, const struct node *n)
{
	return kind != FS_REMOVED && early_is_on(&fs->early) && n->seq <= fs->early.start_seq;
}

void fs_tell(struct fs *fs, enum fs_change_kind kind, const struct node *dir, const char *name,
	     const struct node *n)
{
	struct buf path CLEANUP(buf_done) = {0};
	struct fs_change c = {
		.kind = kind, .parent = dir->id, .name = name, .mode = n->mode, .size = n->size};

	mutex_assert_held(&fs->tree.lock);
	if (!is_wanted(fs, dir) || is_no_news(fs, kind, n))
		return;
	buf_init(&path, OBJ_META_MAX);
	if (dir_path(fs, dir, &path) < 0)
		return;
	c.dir = path.data ? path.data : "";
	fs->listener.changed(fs->listener.changed_arg, &c);
}

/* The entry that "name@seq" speaks of, if it is still there as it was then. */
static struct dentry *moved_from(struct fs *fs, const struct node *n, const char *from)
{
	const char *at = strrchr(from, '@');
	struct node *dir;
	struct dentry *d;

	if (!at || (size_t)(at - from) < fs->prefix_len ||
	    memcmp(from, fs->prefix, fs->prefix_len) != 0)
		return NULL;
	d = place_find(fs, from, (size_t)(at - from), &dir);
	if (!d || d->node == n || !node_nuid_equal(d->node, n))
		return NULL;
	return d;
}

void fs_tell_moved(struct fs *fs, const struct node *dir, const char *name, const struct dentry *d)
{
	struct buf path CLEANUP(buf_done) = {0}, old CLEANUP(buf_done) = {0};
	struct fs_change c = {
		.kind = FS_MOVED, .parent = dir->id, .name = name, .mode = d->node->mode};

	mutex_assert_held(&fs->tree.lock);
	if (!fs->is_foreign || !fs->listener.changed)
		return;
	if (!dir->id || !d->parent->id) {
		fs_tell(fs, FS_CREATED, dir, name, d->node);
		fs_tell(fs, FS_REMOVED, d->parent, d->name, d->node);
		return;
	}
	buf_init(&path, OBJ_META_MAX);
	buf_init(&old, OBJ_META_MAX);
	if (dir_path(fs, dir, &path) < 0 || dir_path(fs, d->parent, &old) < 0)
		return;
	c.dir = path.data ? path.data : "";
	c.old_dir = old.data ? old.data : "";
	c.old_parent = d->parent->id;
	c.old_name = d->name;
	fs->listener.changed(fs->listener.changed_arg, &c);
}

void fs_tell_new(struct fs *fs, const struct node *dir, const char *name, const struct node *n,
		 const struct obj_info *info)
{
	const char *from = obj_info_meta(info, ATTR_FROM);
	const struct dentry *d;

	mutex_assert_held(&fs->tree.lock);
	if (!fs->is_foreign || !fs->listener.changed)
		return;
	d = from ? moved_from(fs, n, from) : NULL;
	if (d && dir->id && d->parent->id)
		fs_tell_moved(fs, dir, name, d);
	else
		fs_tell(fs, FS_CREATED, dir, name, n);
}
