/* SPDX-License-Identifier: Apache-2.0 */

/* Which object an entry or a node stands for. */

#include <errno.h>

#include "fs/apply.h"
#include "fs/dir_rename.h"
#include "fs/internal.h"
#include "fs/links.h"

void fs_path(const struct fs *fs, const struct dentry *d, struct buf *out)
{
	buf_append(out, fs->prefix, fs->prefix_len);
	tree_object_name(d, out);
	if (d->node->dir)
		buf_append_char(out, '/');
}

void fs_full_name(const struct fs *fs, const struct dentry *d, struct buf *out)
{
	size_t start = out->len;

	fs_path(fs, d, out);
	if (!list_is_empty(&fs->dir_moves))
		dir_rename_resolve(fs, d, out, start);
}

void fs_content_name(const struct fs *fs, const struct node *n, struct buf *out)
{
	char hidden[LINKS_NAME_MAX];

	if (!n->x->link_id) {
		if (n->dentry)
			fs_full_name(fs, n->dentry, out);
		return;
	}
	links_hidden_name(n->x->link_id, hidden);
	buf_append_str(out, hidden);
}

int fs_take_content_name(struct fs *fs, const struct node *n, struct buf *ret)
{
	struct buf again CLEANUP(buf_done) = {0};
	int err;

	buf_init(&again, OBJ_META_MAX);
	for (;;) {
		buf_reset(ret);
		mutex_lock(&fs->tree.lock);
		if (n->dentry)
			fs_content_name(fs, n, ret);
		mutex_unlock(&fs->tree.lock);
		err = ret->len == 0 && !buf_error(ret) ? -ENOENT : buf_error(ret);
		if (!err)
			err = fs_take_name(fs, ret->data, ret->len);
		if (err)
			return err;
		buf_reset(&again);
		mutex_lock(&fs->tree.lock);
		if (n->dentry)
			fs_content_name(fs, n, &again);
		mutex_unlock(&fs->tree.lock);
		if (buf_equal(ret, &again))
			return 0;
		fs_release_name(fs, ret->data, ret->len);
	}
}
