/* SPDX-License-Identifier: Apache-2.0 */

/* Operations that make something whole at once: mknod, mkdir, symlink. */

#include "fs/apply.h"
#include "fs/name_ops.h"

#include <errno.h>
#include <string.h>

#include "fs/plain.h"
#include "fs/publish.h"
#include "fs/symlink.h"
#include "objstore/subject.h"

#define RETRIES 16

/* Whether the tree has a file under an object name that other clients can read: no link. */
static bool is_plain_object(struct fs *fs, const struct buf *name)
{
	const struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	d = fs_find_entry(fs, name->data, name->len);
	return d && !d->node->x->link_id && S_ISREG(d->node->mode) && node_has_nuid(d->node);
}

/* The content of something new. A symbolic link to an object has none of its own. */
static int set_content(struct fs *fs, const char *target, struct obj_info *info)
{
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	buf_init(&name, OBJ_META_MAX);
	if (!target || !symlink_resolve(info->name, info->name_len, target, &name) ||
	    !is_plain_object(fs, &name))
		return fs_upload_text(fs, target, info);
	err = fs_upload_text(fs, NULL, info);
	return err ? err : obj_info_set_link(info, fs->store->bucket, name.data);
}

/* -EAGAIN: the directory was renamed meanwhile. */
static int make_once(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
		     mode_t mode, dev_t rdev, const char *target, struct fs_entry *ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct new_name nn;
	int err = new_name_begin(fs, ctx, parent, name, S_ISDIR(mode) ? "/" : "", &nn);

	if (err)
		return err;
	if (new_name_exists(fs, &nn))
		err = -EEXIST;
	if (!err)
		err = new_name_describe(fs, ctx, &nn, mode, rdev, target, &info);
	if (!err)
		err = set_content(fs, target, info);
	if (!err) {
		err = fs_publish_exclusive(fs, info);
		if (!err)
			err = new_name_show(fs, &nn, info, ret);
		if (err && info->size > 0)
			fs_purge_later(fs, info->nuid, info->name, info->name_len);
	}
	new_name_done(fs, &nn, true);
	return err;
}

/* Makes an object that is whole at once: marker, special file, symbolic link, empty file. */
static int make_object(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
		       mode_t mode, dev_t rdev, const char *target, struct fs_entry *ret)
{
	int err = fs_begin_change(fs, ctx);

	if (!err && !ctx->may_wait)
		err = -FS_WOULD_WAIT;
	if (!err)
		err = -EAGAIN;
	for (int i = 0; err == -EAGAIN && i < RETRIES; i++)
		err = make_once(fs, ctx, parent, name, mode, rdev, target, ret);
	return err == -EAGAIN ? -EBUSY : err;
}

int fs_mknod(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	     mode_t mode, dev_t rdev, struct fs_entry *ret)
{
	if ((mode & S_IFMT) == 0)
		mode |= S_IFREG;
	if (S_ISDIR(mode) || S_ISLNK(mode))
		return -EINVAL;
	if (fs_is_plain(fs) && !S_ISREG(mode))
		return -EPERM;
	return make_object(fs, ctx, parent, name, mode, rdev, NULL, ret);
}

int fs_mkdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	     mode_t mode, struct fs_entry *ret)
{
	if (fs_is_plain(fs))
		return plain_mkdir(fs, ctx, parent, name, ret);
	mode = S_IFDIR | (mode & 07777);
	return make_object(fs, ctx, parent, name, mode, 0, NULL, ret);
}

int fs_symlink(struct fs *fs, const struct fs_ctx *ctx, const char *target, uint64_t parent,
	       const char *name, struct fs_entry *ret)
{
	if (target[0] == '\0')
		return -ENOENT;
	if (fs_is_plain(fs))
		return -EPERM;
	if (!obj_utf8_is_valid(target, strlen(target)))
		return -EILSEQ;
	return make_object(fs, ctx, parent, name, S_IFLNK | 0777, 0, target, ret);
}
