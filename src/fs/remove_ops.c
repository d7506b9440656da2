/* SPDX-License-Identifier: Apache-2.0 */

/* Operations that remove names: unlink, rmdir. */

#include "fs/name_ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"

/* A file leaves the tree. Its open state, if any, is locked; its name is held. */
static int unlink_held(struct fs *fs, struct node *n, struct file *f, const struct buf *name)
{
	_cleanup_free_ char *nuid = NULL;
	struct node *dir = NULL;
	uint64_t seq;
	int err = 0;

	mutex_lock(&fs->tree.lock);
	if (n->dentry) {
		dir = n->dentry->parent;
		tree_pin(dir);
	}
	seq = n->seq;
	nuid = n->nuid ? strdup(n->nuid) : NULL;
	mutex_unlock(&fs->tree.lock);
	if (!dir)
		return -ENOENT;
	if (seq)
		err = fs_remove_object(fs, name->data, name->len, seq);
	if (!err || err == -ENOENT) {
		mutex_lock(&fs->tree.lock);
		n->is_dirty = false;
		n->ctime_ns = clock_wall_ns();
		if (n->dentry)
			fs_remove_entry(fs, n->dentry);
		mutex_unlock(&fs->tree.lock);
		if (f)
			f->is_dirty = false;
		if (!err)
			fs_purge_later(fs, nuid, name->data, name->len);
	}
	fs_unpin(fs, dir);
	return err;
}

static int unlink_node(struct fs *fs, struct node *dir, struct node *n, const char *name)
{
	struct file *f = file_find(fs, n);
	struct buf full CLEANUP(buf_done) = {0};
	int err;

	buf_init(&full, OBJ_META_MAX);
	if (f) {
		atomic_fetch_add(&f->n_impatient, 1);
		mutex_lock(&f->lock);
		atomic_fetch_sub(&f->n_impatient, 1);
	}
	mutex_lock(&fs->tree.lock);
	err = n->dentry && n->dentry->parent == dir && strcmp(n->dentry->name, name) == 0 ? 0
											  : -ENOENT;
	if (!err)
		fs_full_name(fs, n->dentry, &full);
	mutex_unlock(&fs->tree.lock);
	if (!err)
		err = buf_error(&full);
	/* Before the name is taken: an object called "dir/" has the name of its directory's marker.
	 */
	if (!err)
		err = fs_keep_directory(fs, dir);
	if (!err)
		err = namelock_take(&fs->names, full.data, full.len);
	if (!err) {
		err = unlink_held(fs, n, f, &full);
		fs_release_name(fs, full.data, full.len);
	}
	/* What its last close was storing when we came, if the file is still there. */
	if (f && f->n_writers == 0)
		(void)!file_commit(fs, f);
	if (f)
		mutex_unlock(&f->lock);
	file_put(fs, f);
	return err;
}

int fs_unlink(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name)
{
	struct node *dir, *n;
	int err = fs_may_change(fs);

	if (err)
		return err;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	err = fs_pin_child(fs, parent, name, &dir, &n);
	if (err)
		return err;
	err = n->dir ? -EISDIR : unlink_node(fs, dir, n, name);
	fs_unpin(fs, n);
	fs_unpin(fs, dir);
	return err;
}

static int rmdir_node(struct fs *fs, struct node *n)
{
	struct buf full CLEANUP(buf_done) = {0};
	struct node *parent = NULL;
	uint64_t seq;
	int err = 0;

	buf_init(&full, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (!n->dentry) {
		err = -ENOENT;
	} else if (n->dir->n_children > 0) {
		err = -ENOTEMPTY;
	} else {
		fs_full_name(fs, n->dentry, &full);
		err = buf_error(&full);
		parent = n->dentry->parent;
		tree_pin(parent);
	}
	seq = n->seq;
	mutex_unlock(&fs->tree.lock);
	if (!err)
		err = fs_keep_directory(fs, parent);
	if (!err)
		err = namelock_take(&fs->names, full.data, full.len);
	if (!err) {
		err = fs_remove_object(fs, full.data, full.len, seq);
		mutex_lock(&fs->tree.lock);
		/* A file may have come in while the marker went: the directory then stays for it.
		 */
		if ((!err || err == -ENOENT) && n->dentry) {
			n->dir->has_marker = false;
			n->seq = 0;
			if (n->dir->n_children == 0)
				fs_remove_entry(fs, n->dentry);
			else
				err = -ENOTEMPTY;
		}
		mutex_unlock(&fs->tree.lock);
		fs_release_name(fs, full.data, full.len);
	}
	fs_unpin(fs, parent);
	return err == -ENOENT ? 0 : err;
}

int fs_rmdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name)
{
	struct node *dir, *n;
	int err = fs_may_change(fs);

	if (err)
		return err;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	err = fs_pin_child(fs, parent, name, &dir, &n);
	if (err)
		return err;
	err = n->dir ? rmdir_node(fs, n) : -ENOTDIR;
	fs_unpin(fs, n);
	fs_unpin(fs, dir);
	return err;
}
