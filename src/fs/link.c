/* SPDX-License-Identifier: Apache-2.0 */

/* link(2): another name for a file. See links.h for how such files are stored. */

#include <errno.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/links.h"
#include "fs/name.h"
#include "fs/name_ops.h"
#include "fs/publish.h"

#define RETRIES 16

/* Whether the name leads to the hidden object, or might. */
static bool leads_to(struct fs *fs, const struct new_name *nn, const char *id)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;
	int err = store_get_info(fs->store, nn->full.data, nn->full.len, &now);
	const char *now_id = err ? NULL : links_id(fs, now);

	if (err)
		return err != -ENOENT;
	return !now->is_deleted && now_id && strcmp(now_id, id) == 0;
}

/* The name is held, the hidden object counts it already. A count may be too high, never too low. */
static int publish_name(struct fs *fs, const struct new_name *nn, const char *id,
			struct fs_entry *ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = links_describe(fs, nn->full.data, nn->full.len, id, &info);

	if (!err)
		err = fs_publish_exclusive(fs, info);
	if (!err)
		err = new_name_show(fs, nn, info, ret);
	if (err && store_is_certain(err) && !leads_to(fs, nn, id))
		links_count_down(fs, id);
	return err;
}

/* -EAGAIN: the file became an ordinary one again meanwhile, or the directory was renamed. */
static int link_once(struct fs *fs, const struct fs_ctx *ctx, struct node *n, uint64_t parent,
		     const char *name, struct fs_entry *ret)
{
	char id[OBJ_NUID_LEN + 1];
	struct new_name nn;
	int err = file_commit_of(fs, n);

	if (!err)
		err = links_convert(fs, n, id);
	if (!err)
		err = new_name_begin(fs, ctx, parent, name, "", &nn);
	if (err)
		return err;
	err = new_name_exists(fs, &nn) ? -EEXIST : links_count_up(fs, id);
	if (!err)
		err = publish_name(fs, &nn, id, ret);
	new_name_done(fs, &nn, true);
	if (err == -EAGAIN)
		links_fold(fs, id);
	else if (err)
		links_fold_later(fs, id, 0);
	return err;
}

/* Refusals that need no change of the file. */
static int check(struct fs *fs, struct node *n, uint64_t parent, const char *name)
{
	const struct node *dir;

	LOCK_SCOPE(&fs->tree.lock);
	dir = tree_node(&fs->tree, parent);
	if (!dir)
		return -ESTALE;
	if (n->dir || n->virtual_kind || dir->virtual_kind)
		return -EPERM;
	if (!n->dentry)
		return n->is_superseded ? -ESTALE : -ENOENT;
	return tree_lookup(&fs->tree, dir, name, strlen(name)) ? -EEXIST : 0;
}

int fs_link(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, uint64_t parent,
	    const char *name, struct fs_entry *ret)
{
	struct node *n;
	int err = fs_begin_change(fs, ctx);

	if (err)
		return err;
	if (fs_is_plain(fs))
		return -EPERM;
	if (strlen(name) > NAME_COMPONENT_MAX)
		return -ENAMETOOLONG;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	n = fs_pin(fs, nodeid);
	if (!n)
		return -ESTALE;
	err = check(fs, n, parent, name);
	if (!err)
		err = -EAGAIN;
	for (int i = 0; err == -EAGAIN && i < RETRIES; i++)
		err = link_once(fs, ctx, n, parent, name, ret);
	fs_unpin(fs, n);
	return err == -EAGAIN ? -EIO : err;
}
