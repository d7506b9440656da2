/* SPDX-License-Identifier: Apache-2.0 */

/* Giving up what is unsaved: the file shows what the bucket has. */

#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/journal.h"
#include "fs/publish.h"
#include "util/log.h"

/* Whether info is the version that a node with a name shows. */
static bool is_of_node(const struct node *n, const struct obj_info *info)
{
	return n->dentry && info && !info->is_deleted && node_nuid_same(n, info->nuid);
}

void file_show_stored(struct fs *fs, struct file *f, const struct buf *name)
{
	struct node *n = f->node;
	_cleanup_obj_info_ struct obj_info *now = NULL;
	bool is_other;
	int err = 0;

	mutex_assert_held(&f->lock);
	journal_leave(f);
	if (f->is_claimed)
		(void)!fs_remove_object(fs, name->data, name->len, f->base_seq, &is_other);
	writer_reset(f);
	f->is_dirty = f->is_claimed = f->is_rewrite = false;
	mutex_lock(&fs->tree.lock);
	n->is_dirty = false;
	if (is_of_node(n, f->base))
		err = fs_set_version(fs, n, f->base);
	else if (n->is_superseded)
		n->size = f->node_size;
	fs_inval_inode(fs, n, 0, 0);
	if (n->dentry && (!f->base || f->base->is_deleted))
		fs_remove_entry(fs, n->dentry);
	mutex_unlock(&fs->tree.lock);
	if (err)
		log_error("no memory to restore %s", name->data);
	if (store_get_info(fs->store, name->data, name->len, &now) == 0)
		fs_apply_held(fs, now);
}

void file_give_up_held(struct fs *fs, struct file *f, int error, const struct buf *name)
{
	file_show_stored(fs, f, name);
	f->state = FILE_FAILED;
	f->error = error;
}

void file_give_up(struct fs *fs, struct file *f, int error)
{
	struct buf name CLEANUP(buf_done) = {0};

	buf_init(&name, OBJ_META_MAX);
	if (file_take_name(fs, f, &name) < 0) {
		journal_leave(f);
		writer_reset(f);
		f->state = FILE_FAILED;
		f->error = error;
		return;
	}
	file_give_up_held(fs, f, error, &name);
	fs_release_name(fs, name.data, name.len);
}
