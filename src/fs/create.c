/* SPDX-License-Identifier: Apache-2.0 */

/* open(2) with O_CREAT on a new name. */

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/halves.h"
#include "fs/name_ops.h"
#include "fs/place.h"
#include "fs/publish.h"
#include "fs/sibling.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#define RETRIES 16

/*
 * What the bucket says of a name that is to be created: 0 with the sequence the first version has
 * to replace, or -EEXIST after the tree was told of it. O_EXCL puts up a claim, which decides at
 * once who creates the name; *ret_claim is it, and NULL without O_EXCL.
 */
static int reserve(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn, mode_t mode,
		   bool is_exclusive, uint64_t *ret_seq, struct obj_info **ret_claim)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	if (!is_exclusive && fs_is_known_absent(fs, nn->full.data, nn->full.len, ret_seq))
		return 0;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	if (!is_exclusive) {
		err = store_get_info(fs->store, nn->full.data, nn->full.len, &info);
		*ret_seq = err ? 0 : info->seq;
		if (err)
			return err == -ENOENT ? 0 : err;
		if (!fs_info_is_live(info) || halves_is_old(fs, info))
			return 0;
		fs_apply_held(fs, info);
		return -EEXIST;
	}
	err = new_name_describe(fs, ctx, nn, mode, 0, NULL, &info);
	if (err)
		return err;
	err = fs_claim_content(fs, info);
	if (!err)
		err = fs_publish_exclusive(fs, info);
	if (err)
		return err;
	*ret_seq = info->seq;
	*ret_claim = steal_ptr(info);
	return 0;
}

/* The node and open state of a file that exists only here so far. -EAGAIN: its directory was
 * renamed since the name was taken. */
static int add_unsaved(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn,
		       mode_t mode, uint64_t seq, struct fs_entry *ret_entry, struct file **ret)
{
	struct node *n;
	int err = -ENOMEM;

	LOCK_SCOPE(&fs->tree.lock);
	if (nn->dir != fs->tree.root && !nn->dir->dentry)
		return -ENOENT;
	if (!new_name_is_current(fs, nn))
		return -EAGAIN;
	if (tree_lookup(&fs->tree, nn->dir, nn->name, strlen(nn->name)))
		return -EEXIST;
	n = tree_node_new(&fs->tree, mode, nn->full.data, nn->full.len, 0);
	if (!n)
		return -ENOMEM;
	n->seq = seq;
	n->is_dirty = true;
	err = fs_inherit(fs, ctx, nn->dir, n);
	if (!err)
		err = tree_link(&fs->tree, nn->dir, nn->name, NULL, 0, false, n);
	if (err) {
		tree_drop(&fs->tree, n);
		return err;
	}
	place_set_touched(nn->dir, n->ctime_ns);
	*ret = file_get_locked(fs, n);
	err = *ret ? fs_make_entry(fs, n, ret_entry) : -ENOMEM;
	if (err)
		tree_unlink(&fs->tree, n->dentry);
	return err;
}

/* The same for a name that is reserved. A directory that the tree shows under it although the claim
 * has won is about to go; without a file the claim goes. */
static int add_reserved(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn,
			mode_t mode, uint64_t seq, const struct obj_info *claim,
			struct fs_entry *ret_entry, struct file **ret)
{
	int err = add_unsaved(fs, ctx, nn, mode, seq, ret_entry, ret);

	for (int i = 0; claim && err == -EEXIST && i < RETRIES; i++) {
		err = sibling_contest(fs, claim);
		if (!err)
			err = add_unsaved(fs, ctx, nn, mode, seq, ret_entry, ret);
		else
			break;
	}
	if (err && claim)
		(void)fs_take_back(fs, claim);
	return err;
}

static int create_new(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn,
		      mode_t mode, int flags, struct fs_entry *ret_entry, struct fs_handle **ret)
{
	_cleanup_obj_info_ struct obj_info *claim = NULL;
	struct file *f = NULL;
	uint64_t seq;
	int err;

	err = reserve(fs, ctx, nn, mode, flags & O_EXCL, &seq, &claim);
	if (err)
		return err;
	err = add_reserved(fs, ctx, nn, mode, seq, claim, ret_entry, &f);
	if (err) {
		file_put(fs, f);
		return err;
	}
	mutex_lock(&f->lock);
	f->base_seq = seq;
	f->is_claimed = flags & O_EXCL;
	f->is_dirty = true;
	writer_start(f, flags & (O_TRUNC | O_EXCL));
	f->is_append_only = flags & O_APPEND;
	/* There is something to store also when nothing will be written. */
	err = file_new_handle(fs, f, ctx, flags | O_TRUNC, ret);
	mutex_unlock(&f->lock);
	if (err) {
		fs_forget(fs, ret_entry->nodeid, 1);
		file_put(fs, f);
	}
	return err;
}

static int open_found(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn, int flags,
		      struct fs_entry *ret_entry, struct fs_handle **ret, bool *ret_keep_cache)
{
	int err = fs_find_child_again(fs, ctx, nn->dir, nn->name, ret_entry);

	if (err)
		return err;
	err = fs_open(fs, ctx, ret_entry->nodeid, flags, ret, ret_keep_cache);
	if (err)
		fs_forget(fs, ret_entry->nodeid, 1);
	return err;
}

/* The kernel may not come back from here if it has been sent back already. */
static int open_existing(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn,
			 int flags, struct fs_entry *ret_entry, struct fs_handle **ret,
			 bool *ret_keep_cache)
{
	int err = open_found(fs, ctx, nn, flags, ret_entry, ret, ret_keep_cache);

	if (err == -ESTALE)
		err = open_found(fs, ctx, nn, flags, ret_entry, ret, ret_keep_cache);
	return err;
}

static int create_once(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
		       mode_t mode, int flags, struct fs_entry *ret_entry, struct fs_handle **ret,
		       bool *ret_keep_cache)
{
	struct new_name nn;
	int err = new_name_begin(fs, ctx, parent, name, "", &nn);

	if (err)
		return err;
	*ret_keep_cache = false;
	mode = S_IFREG | (mode & 07777);
	if (new_name_exists(fs, &nn))
		err = -EEXIST;
	else
		err = create_new(fs, ctx, &nn, mode, flags, ret_entry, ret);
	fs_release_name(fs, nn.full.data, nn.full.len);
	if (err == -EEXIST && !(flags & O_EXCL))
		err = open_existing(fs, ctx, &nn, flags, ret_entry, ret, ret_keep_cache);
	new_name_done(fs, &nn, false);
	return err;
}

int fs_create(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	      mode_t mode, int flags, struct fs_entry *ret_entry, struct fs_handle **ret,
	      bool *ret_keep_cache)
{
	int err = -EAGAIN;

	for (int i = 0; err == -EAGAIN && i < RETRIES; i++)
		err = create_once(fs, ctx, parent, name, mode, flags, ret_entry, ret,
				  ret_keep_cache);
	return err == -EAGAIN ? -EBUSY : err;
}
