/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/plain.h"

#include <errno.h>
#include <string.h>

#include "fs/name_ops.h"
#include "fs/place.h"
#include "fs/publish.h"
#include "fs/rename.h"
#include "util/clock.h"

int plain_check_attr(struct fs *fs, const struct node *n, const struct stat *attr, unsigned *set)
{
	LOCK_SCOPE(&fs->tree.lock);
	if ((*set & FS_SET_MODE) && (attr->st_mode & 07777) != (n->mode & 07777))
		return -EPERM;
	if ((*set & FS_SET_UID) && attr->st_uid != n->uid)
		return -EPERM;
	if ((*set & FS_SET_GID) && attr->st_gid != n->gid)
		return -EPERM;
	*set &= ~(unsigned)(FS_SET_MODE | FS_SET_UID | FS_SET_GID);
	return 0;
}

void plain_inherit(const struct fs *fs, struct node *n)
{
	n->mode = (n->mode & S_IFMT) | (S_ISDIR(n->mode) ? fs->cfg.dmode : fs->cfg.fmode);
	n->uid = fs->cfg.uid;
	n->gid = fs->cfg.gid;
	n->atime_ns = n->mtime_ns = n->ctime_ns = n->btime_ns = clock_wall_ns();
}

/* Tree lock held. */
static int make_locked(struct fs *fs, const struct new_name *nn, struct fs_entry *ret)
{
	struct node *n;

	mutex_assert_held(&fs->tree.lock);
	if (nn->dir != fs->tree.root && !nn->dir->dentry)
		return -ENOENT;
	if (tree_lookup(&fs->tree, nn->dir, nn->name, strlen(nn->name)))
		return -EEXIST;
	n = tree_node_new(&fs->tree, S_IFDIR, nn->full.data, nn->full.len, 0);
	if (!n)
		return -ENOMEM;
	plain_inherit(fs, n);
	n->dir->has_marker = true;
	if (tree_link(&fs->tree, nn->dir, nn->name, NULL, 0, false, n) < 0) {
		tree_drop(&fs->tree, n);
		return -ENOMEM;
	}
	place_set_touched(nn->dir, n->ctime_ns);
	return fs_make_entry(fs, n, ret);
}

int plain_mkdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
		struct fs_entry *ret)
{
	struct new_name nn;
	int err = new_name_begin(fs, ctx, parent, name, "/", &nn);

	if (err)
		return err;
	mutex_lock(&fs->tree.lock);
	err = make_locked(fs, &nn, ret);
	mutex_unlock(&fs->tree.lock);
	new_name_done(fs, &nn, true);
	return err;
}

/* Whether there is a file below dir. Tree lock held. */
static bool has_files(const struct node *dir)
{
	uint64_t cookie = 0;
	struct dentry *d;

	while ((d = tree_next(dir, cookie))) {
		if (!d->node->dir || has_files(d->node))
			return true;
		cookie = d->cookie;
	}
	return false;
}

int plain_move_dir(struct fs *fs, const struct move *m)
{
	struct buf from CLEANUP(buf_done) = {0};
	struct buf to CLEANUP(buf_done) = {0};
	int err = fs_keep_directory(fs, m->old_dir);

	buf_init(&from, OBJ_META_MAX);
	buf_init(&to, OBJ_META_MAX);
	/* Whether the new name can be. */
	if (!err)
		err = move_names(fs, m, &from, &to);
	if (err)
		return err;
	LOCK_SCOPE(&fs->tree.lock);
	return has_files(m->n) ? -EXDEV : move_in_tree(fs, m);
}
