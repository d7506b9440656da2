/* SPDX-License-Identifier: Apache-2.0 */

/* What operations on names share: finding, holding and describing them. */

#include "fs/name_ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/acl.h"
#include "fs/apply.h"
#include "fs/name.h"
#include "fs/plain.h"
#include "fs/publish.h"
#include "fs/sibling.h"
#include "fs/virtual.h"
#include "util/clock.h"

/* How often a name is looked up whose files lose it at once. */
#define LOOKS_MAX 16
#define RETRIES 16

int fs_child_name(struct fs *fs, struct node *dir, const char *name, struct buf *out)
{
	char component[NAME_COMPONENT_MAX + 1];
	bool is_shadowed;
	size_t len;
	int err;

	if (dir->virtual_kind)
		return -EPERM;
	if (dir != fs->tree.root && !dir->dentry)
		return -ENOENT;
	err = name_decode(name, strlen(name), component, &len, &is_shadowed);
	if (err)
		return err;
	if (dir == fs->tree.root)
		buf_append(out, fs->prefix, fs->prefix_len);
	else
		fs_path(fs, dir->dentry, out);
	buf_append(out, component, len);
	return buf_error(out);
}

int fs_find_child(struct fs *fs, struct node *dir, const char *name, struct fs_entry *ret)
{
	struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	if (!dir->dir)
		return -ENOTDIR;
	d = tree_lookup(&fs->tree, dir, name, strlen(name));
	return d ? fs_make_entry(fs, d->node, ret) : -ENOENT;
}

int fs_find_child_again(struct fs *fs, const struct fs_ctx *ctx, struct node *dir, const char *name,
			struct fs_entry *ret)
{
	int err = fs_find_child(fs, dir, name, ret), r;

	for (int i = 0; !err && i < LOOKS_MAX; i++) {
		r = fs_look_again(fs, ctx, ret->st.st_ino);
		if (r == 0)
			break;
		fs_forget(fs, ret->nodeid, 1);
		err = r < 0 ? r : fs_find_child(fs, dir, name, ret);
	}
	return err;
}

/* A directory's default list becomes the access list of what is made in it, and the default list
 * of a directory made in it; the umask then says nothing (umask(2)). */
static int inherit_acl(const struct node *dir, struct node *n, bool *ret_has_default)
{
	struct buf acl CLEANUP(buf_done) = {0};
	struct node_extra *x;
	mode_t mode = n->mode;
	int err;

	buf_init(&acl, XATTR_VALUE_LEN_MAX);
	err = xattrs_get(&dir->x->xattrs, XATTR_ACL_DEFAULT, &acl);
	*ret_has_default = !err && acl_is_valid((const uint8_t *)acl.data, acl.len);
	if (!*ret_has_default)
		return err == -ENOMEM ? err : 0;
	x = node_extra(n);
	err = x ? 0 : -ENOMEM;
	if (!err && S_ISDIR(n->mode))
		err = xattrs_set(&x->xattrs, XATTR_ACL_DEFAULT, acl.data, acl.len);
	if (!err && !acl_inherit((uint8_t *)acl.data, acl.len, &mode))
		err = xattrs_set(&x->xattrs, XATTR_ACL_ACCESS, acl.data, acl.len);
	n->mode = (uint16_t)mode;
	return err;
}

int fs_inherit(const struct fs *fs, const struct fs_ctx *ctx, const struct node *dir,
	       struct node *n)
{
	bool has_default = false;
	int err = 0;

	if (fs_is_plain(fs)) {
		plain_inherit(fs, n);
		return 0;
	}
	n->uid = ctx->uid;
	n->gid = ctx->gid;
	if (dir->mode & S_ISGID) {
		n->gid = dir->gid;
		if (S_ISDIR(n->mode))
			n->mode |= S_ISGID;
	}
	n->atime_ns = n->mtime_ns = n->ctime_ns = n->btime_ns = clock_wall_ns();
	if (S_ISLNK(n->mode))
		return 0;
	if (fs->cfg.has_acl)
		err = inherit_acl(dir, n, &has_default);
	if (!has_default)
		n->mode &= ~ctx->umask;
	return err;
}

int fs_why_absent(struct fs *fs, const struct node *dir, const char *name)
{
	mutex_assert_held(&fs->tree.lock);
	return dir->virtual_kind || virtual_find(fs, dir, name) ? -EPERM : -ENOENT;
}

int fs_pin_child(struct fs *fs, uint64_t parent, const char *name, struct node **ret_dir,
		 struct node **ret)
{
	struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	*ret_dir = tree_node(&fs->tree, parent);
	if (!*ret_dir)
		return -ESTALE;
	if (!(*ret_dir)->dir)
		return -ENOTDIR;
	d = tree_lookup(&fs->tree, *ret_dir, name, strlen(name));
	if (!d)
		return fs_why_absent(fs, *ret_dir, name);
	*ret = d->node;
	tree_pin(*ret_dir);
	tree_pin(*ret);
	return 0;
}

void new_name_done(struct fs *fs, struct new_name *nn, bool is_held)
{
	if (is_held)
		fs_release_name(fs, nn->full.data, nn->full.len);
	buf_done(&nn->full);
	fs_unpin(fs, nn->dir);
}

int new_name_begin(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
		   const char *suffix, struct new_name *nn)
{
	int err = fs_begin_change(fs, ctx);

	if (err)
		return err;
	if (strlen(name) > NAME_COMPONENT_MAX)
		return -ENAMETOOLONG;
	*nn = (struct new_name){.dir = fs_pin(fs, parent), .name = name};
	buf_init(&nn->full, OBJ_META_MAX);
	if (!nn->dir)
		return -ESTALE;
	mutex_lock(&fs->tree.lock);
	err = fs_child_name(fs, nn->dir, name, &nn->full);
	if (nn->dir == fs->tree.root && strcmp(name, HIDDEN_DIR) == 0)
		err = -EPERM;
	mutex_unlock(&fs->tree.lock);
	buf_append_str(&nn->full, suffix);
	if (!err)
		err = buf_error(&nn->full);
	if (!err && nn->full.len > fs->store->name_max)
		err = -ENAMETOOLONG;
	if (!err && ctx->may_wait)
		err = fs_take_name(fs, nn->full.data, nn->full.len);
	else if (!err)
		err = fs_try_name(fs, nn->full.data, nn->full.len);
	if (err)
		new_name_done(fs, nn, false);
	return err == -EAGAIN ? -FS_WOULD_WAIT : err;
}

bool new_name_exists(struct fs *fs, const struct new_name *nn)
{
	LOCK_SCOPE(&fs->tree.lock);
	return tree_lookup(&fs->tree, nn->dir, nn->name, strlen(nn->name)) != NULL;
}

bool new_name_is_current(struct fs *fs, const struct new_name *nn)
{
	struct buf now CLEANUP(buf_done) = {0};

	mutex_assert_held(&fs->tree.lock);
	buf_init(&now, OBJ_META_MAX);
	/* The name may have the suffix of a directory besides. */
	return fs_child_name(fs, nn->dir, nn->name, &now) == 0 && now.len <= nn->full.len &&
	       nn->full.len - now.len <= 1 && memcmp(now.data, nn->full.data, now.len) == 0;
}

/* What the tree shows. -EAGAIN: the directory has another name; -EEXIST: it is of the other kind.
 */
static int find_made(struct fs *fs, const struct new_name *nn, bool is_moved, struct fs_entry *ret)
{
	bool is_dir = nn->full.data[nn->full.len - 1] == '/';
	const struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	if (!is_moved && !new_name_is_current(fs, nn))
		return -EAGAIN;
	d = nn->dir->dentry || nn->dir == fs->tree.root
		    ? tree_lookup(&fs->tree, nn->dir, nn->name, strlen(nn->name))
		    : NULL;
	if (!d)
		return -ENOENT;
	return (d->node->dir != NULL) == is_dir ? fs_make_entry(fs, d->node, ret) : -EEXIST;
}

int new_name_show(struct fs *fs, const struct new_name *nn, const struct obj_info *info,
		  struct fs_entry *ret)
{
	int err;

	fs_apply_own(fs, info, nn->dir, nn->name);
	err = find_made(fs, nn, false, ret);
	/* What the tree shows although this has won is about to go. */
	for (int i = 0; err == -EEXIST && i < RETRIES; i++) {
		err = sibling_contest(fs, info);
		if (!err)
			err = find_made(fs, nn, false, ret);
		else
			break;
	}
	/* Whoever has renamed the directory may have seen it, and moved it along. */
	if (err && !fs_take_back(fs, info) && err == -EAGAIN)
		err = find_made(fs, nn, true, ret);
	return err;
}

int new_name_describe(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn,
		      mode_t mode, dev_t rdev, const char *target, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(nn->full.data, nn->full.len);
	struct node n = {.x = &node_no_extra, .mode = (uint16_t)mode};
	int err;

	if (!info)
		return -ENOMEM;
	err = node_set_rdev(&n, rdev);
	if (!err && target) {
		char *copy = strdup(target);

		err = copy ? node_set_target(&n, copy) : -ENOMEM;
	}
	mutex_lock(&fs->tree.lock);
	if (!err)
		err = fs_inherit(fs, ctx, nn->dir, &n);
	mutex_unlock(&fs->tree.lock);
	if (!err)
		err = attr_to_info(&n, info);
	node_done(&n);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

int fs_upload_text(struct fs *fs, const char *text, struct obj_info *info)
{
	struct store_put *put;
	struct put_result r;
	size_t len = text ? strlen(text) : 0, off = 0;
	int err = store_put_open(fs->store, &put);

	if (err)
		return err;
	while (!err && off < len) {
		struct chunk *chunk = chunk_new(fs->store->chunk_size);

		if (!chunk) {
			err = -ENOMEM;
			break;
		}
		chunk->len = len - off < chunk->cap ? len - off : chunk->cap;
		memcpy(chunk->data, text + off, chunk->len);
		off += chunk->len;
		err = store_put_add(put, chunk);
	}
	if (!err)
		err = store_put_finish(put, &r);
	if (!err)
		put_result_describe(&r, info);
	store_put_close(put, !err);
	return err;
}
