/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Programs open a file, lock it, and then read what the last holder has written. An open file keeps
 * its version, so when a lock is granted the leader is asked for the newest one, and the node that
 * is open becomes it: its identifier, which the kernel has for the descriptor, stays. The entry
 * leads to that node again, and whatever node has stood there meanwhile is superseded.
 */

#include <errno.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/links.h"
#include "fs/locks.h"

/* The file may be stored here and elsewhere between a question and its answer. */
#define TRIES 8

/* The node that has the file's name now; NULL: none has, or it is another file's. Tree lock held.
 */
static struct node *shown_of(struct fs *fs, struct node *n)
{
	struct node *shown = n->dentry		? n
			     : n->is_superseded ? tree_find_ino(&fs->tree, n->ino)
						: NULL;

	return shown && shown->dentry && !shown->dir ? shown : NULL;
}

/* What the leader has under the file's name, which the tree shows then as far as it can. *ret is
 * NULL when there is nothing to follow. File lock held. */
static int ask(struct fs *fs, struct node *n, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct obj_info *copy;
	const struct node *shown;
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	*ret = NULL;
	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	shown = shown_of(fs, n);
	if (shown)
		fs_content_name(fs, shown, &name);
	mutex_unlock(&fs->tree.lock);
	if (name.len == 0)
		return buf_error(&name);
	err = store_get_info(fs->store, name.data, name.len, &info);
	/* Who unlinks a file takes nothing from those who have it open. */
	if (err == -ENOENT || (!err && info->is_deleted))
		return 0;
	if (err)
		return err;
	copy = obj_info_dup(info);
	if (!copy)
		return -ENOMEM;
	fs_apply(fs, copy);
	fs_wait_released(fs, name.data, name.len);
	*ret = steal_ptr(info);
	return 0;
}

/* n becomes the version info and takes the place of shown, which is that. Tree lock held. */
static int take_place(struct fs *fs, struct node *n, struct node *shown,
		      const struct obj_info *info)
{
	struct dentry *d = shown->dentry;
	int err = fs_set_version(fs, n, info);

	if (!err)
		err = tree_take_ino(&fs->tree, n, shown);
	if (err)
		return err;
	n->is_superseded = false;
	shown->is_superseded = true;
	if (shown->x->file)
		file_rescue_later(fs, shown->x->file);
	fs_inval_entry(fs, d->parent, d->name);
	/* Also after replies that were on their way when the kernel was told. */
	fs_inval_inode(fs, n, 0, 0);
	if (shown->x->link_id)
		return links_take_place(fs, n, shown,
					links_id_of_hidden(info->name, info->name_len));
	tree_replace(&fs->tree, d, n);
	return 0;
}

/* -EAGAIN: the tree has another version than info; -EBUSY: what shows it has unsaved changes. 1: n
 * has become it, 0: it was that, or has lost its name. */
static int take_version(struct fs *fs, struct node *n, const struct obj_info *info)
{
	struct node *shown;
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	shown = shown_of(fs, n);
	if (!shown)
		return 0;
	if (shown == n)
		return n->seq < info->seq ? -EAGAIN : 0;
	if (shown->is_dirty)
		return -EBUSY;
	if (shown->seq != info->seq)
		return -EAGAIN;
	err = take_place(fs, n, shown, info);
	return err ? err : 1;
}

/* A new file without content is what info says if somebody else has made it too: -EAGAIN, now that
 * it can follow. */
static int give_way(struct fs *fs, struct file *f, const struct obj_info *info, bool *ret_is_new)
{
	int err;

	if (f->state == FILE_FAILED || info->seq == f->base_seq)
		return 0;
	err = file_commit(fs, f);
	*ret_is_new |= !err;
	return err ? err : -EAGAIN;
}

static int follow_locked(struct fs *fs, struct file *f, bool *ret_is_new)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	/* What is unsaved is stored as if there were no locks. */
	if ((f->state != FILE_CLEAN || f->is_dirty) && !file_is_nothing(f))
		return 0;
	err = ask(fs, f->node, &info);
	if (err || !info)
		return err;
	if (f->state != FILE_CLEAN || f->is_dirty)
		return give_way(fs, f, info, ret_is_new);
	err = take_version(fs, f->node, info);
	if (err != 1)
		return err;
	file_drop_content(f);
	file_set_base(f, steal_ptr(info));
	atomic_store(&f->is_outdated, false);
	return 1;
}

/* Other descriptors of this mount have the file as another node. */
static void commit_shown(struct fs *fs, struct node *n)
{
	struct file *f = NULL;
	struct node *shown;

	mutex_lock(&fs->tree.lock);
	shown = shown_of(fs, n);
	if (shown && shown != n && shown->x->file) {
		f = shown->x->file;
		f->refs++;
	}
	mutex_unlock(&fs->tree.lock);
	if (!f)
		return;
	mutex_lock(&f->lock);
	(void)!file_commit(fs, f);
	mutex_unlock(&f->lock);
	file_put(fs, f);
}

int fs_lock_follow(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, bool *ret_is_new)
{
	struct file *f = h->file;
	int err = -EAGAIN;

	*ret_is_new = false;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	for (int i = 0; (err == -EAGAIN || err == -EBUSY) && i < TRIES; i++) {
		if (err == -EBUSY)
			commit_shown(fs, f->node);
		mutex_lock(&f->lock);
		err = follow_locked(fs, f, ret_is_new);
		mutex_unlock(&f->lock);
	}
	*ret_is_new |= err == 1;
	if (err == -EAGAIN)
		return -EIO;
	/* Somebody here goes on writing whatever is locked. */
	return err == 1 || err == -EBUSY ? 0 : err;
}
