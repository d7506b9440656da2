/* SPDX-License-Identifier: Apache-2.0 */

/* Operations that make and remove names: create, mknod, mkdir, symlink, unlink, rmdir. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/name.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/log.h"

int fs_child_name(struct fs *fs, struct node *dir, const char *name, struct buf *out)
{
	char component[NAME_COMPONENT_MAX + 1];
	bool is_shadowed;
	size_t len;
	int err;

	if (dir != fs->tree.root && !dir->dentry)
		return -ENOENT;
	err = name_decode(name, strlen(name), component, &len, &is_shadowed);
	if (err)
		return err;
	if (dir == fs->tree.root)
		buf_append(out, fs->prefix, fs->prefix_len);
	else
		fs_full_name(fs, dir->dentry, out);
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

void fs_inherit(const struct fs_ctx *ctx, const struct node *dir, struct node *n)
{
	n->uid = ctx->uid;
	n->gid = ctx->gid;
	if (dir->mode & S_ISGID) {
		n->gid = dir->gid;
		if (S_ISDIR(n->mode))
			n->mode |= S_ISGID;
	}
	n->atime_ns = n->mtime_ns = n->ctime_ns = n->btime_ns = clock_wall_ns();
}

/* A new name: the directory, pinned, and the object name, held. */
struct new_name {
	struct node *dir;
	struct buf full;
	const char *name;
};

static void done_name(struct fs *fs, struct new_name *nn, bool is_held)
{
	if (is_held)
		fs_release_name(fs, nn->full.data, nn->full.len);
	buf_done(&nn->full);
	fs_unpin(fs, nn->dir);
}

/* Checks and holds a name that shall be made; suffix is "/" for a directory. */
static int begin_name(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
		      const char *suffix, struct new_name *nn)
{
	int err = fs_may_change(fs);

	if (err)
		return err;
	if (strlen(name) > NAME_COMPONENT_MAX)
		return -ENAMETOOLONG;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	*nn = (struct new_name){.dir = fs_pin(fs, parent), .name = name};
	buf_init(&nn->full, OBJ_META_MAX);
	if (!nn->dir)
		return -ESTALE;
	mutex_lock(&fs->tree.lock);
	err = fs_child_name(fs, nn->dir, name, &nn->full);
	if (nn->dir == fs->tree.root && strcmp(name, ".natsobj") == 0)
		err = -EPERM;
	mutex_unlock(&fs->tree.lock);
	buf_append_str(&nn->full, suffix);
	if (!err)
		err = buf_error(&nn->full);
	if (!err && nn->full.len > fs->store->name_max)
		err = -ENAMETOOLONG;
	if (!err)
		err = namelock_take(&fs->names, nn->full.data, nn->full.len);
	if (err)
		done_name(fs, nn, false);
	return err;
}

static bool child_exists(struct fs *fs, const struct new_name *nn)
{
	LOCK_SCOPE(&fs->tree.lock);
	return tree_lookup(&fs->tree, nn->dir, nn->name, strlen(nn->name)) != NULL;
}

/* Metadata of something new with the attributes a new node would have. target only for links. */
static int describe_new(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn,
			mode_t mode, dev_t rdev, const char *target, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(nn->full.data, nn->full.len);
	struct node n = {.mode = mode, .rdev = rdev};
	int err;

	if (!info)
		return -ENOMEM;
	if (target) {
		n.target = strdup(target);
		if (!n.target)
			return -ENOMEM;
	}
	mutex_lock(&fs->tree.lock);
	fs_inherit(ctx, nn->dir, &n);
	mutex_unlock(&fs->tree.lock);
	err = attr_to_info(&n, info);
	free(n.target);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

/* Uploads text as the content of info. On success the chunks stay. */
static int upload_text(struct fs *fs, const char *text, struct obj_info *info)
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
		err = fs_set_content(info, &r);
	store_put_close(put, !err);
	return err;
}

/* Makes an object that is whole at once: marker, special file, symbolic link, empty file. */
static int make_object(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
		       mode_t mode, dev_t rdev, const char *target, struct fs_entry *ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct new_name nn;
	int err = begin_name(fs, ctx, parent, name, S_ISDIR(mode) ? "/" : "", &nn);

	if (err)
		return err;
	if (child_exists(fs, &nn))
		err = -EEXIST;
	if (!err)
		err = describe_new(fs, ctx, &nn, mode, rdev, target, &info);
	if (!err)
		err = upload_text(fs, target, info);
	if (!err) {
		err = fs_publish_new(fs, info);
		if (err && info->size > 0)
			fs_purge_later(fs, info->nuid, info->name, info->name_len);
	}
	if (!err) {
		fs_apply_held(fs, info);
		err = fs_find_child(fs, nn.dir, name, ret);
	}
	done_name(fs, &nn, true);
	return err;
}

int fs_mknod(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	     mode_t mode, dev_t rdev, struct fs_entry *ret)
{
	if ((mode & S_IFMT) == 0)
		mode |= S_IFREG;
	if (S_ISDIR(mode) || S_ISLNK(mode))
		return -EINVAL;
	return make_object(fs, ctx, parent, name, mode & ~ctx->umask, rdev, NULL, ret);
}

int fs_mkdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	     mode_t mode, struct fs_entry *ret)
{
	mode = S_IFDIR | (mode & 07777 & ~ctx->umask);
	return make_object(fs, ctx, parent, name, mode, 0, NULL, ret);
}

int fs_symlink(struct fs *fs, const struct fs_ctx *ctx, const char *target, uint64_t parent,
	       const char *name, struct fs_entry *ret)
{
	if (target[0] == '\0')
		return -ENOENT;
	if (!obj_utf8_is_valid(target, strlen(target)))
		return -EILSEQ;
	return make_object(fs, ctx, parent, name, S_IFLNK | 0777, 0, target, ret);
}

/*
 * What the bucket says of a name that is to be created: 0 with the sequence the first version has
 * to replace, or -EEXIST after the tree was told of it. O_EXCL puts up a claim, which decides at
 * once who creates the name; *ret_claim_seq is then its sequence.
 */
static int reserve(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn, mode_t mode,
		   bool is_exclusive, uint64_t *ret_seq)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	if (!is_exclusive) {
		err = store_get_info(fs->store, nn->full.data, nn->full.len, &info);
		*ret_seq = err ? 0 : info->seq;
		if (err)
			return err == -ENOENT ? 0 : err;
		if (!fs_info_is_live(info))
			return 0;
		fs_apply_held(fs, info);
		return -EEXIST;
	}
	err = describe_new(fs, ctx, nn, mode, 0, NULL, &info);
	if (err)
		return err;
	obj_nuid_new(info->nuid);
	info->is_deleted = true;
	err = obj_info_set_meta(info, ATTR_CLAIM, fs->claim_id);
	if (!err)
		err = fs_publish_new(fs, info);
	*ret_seq = info->seq;
	return err;
}

/* The node and open state of a file that exists only here so far. */
static int add_unsaved(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn,
		       mode_t mode, uint64_t seq, struct fs_entry *ret_entry, struct file **ret)
{
	struct node *n;
	int err = -ENOMEM;

	LOCK_SCOPE(&fs->tree.lock);
	if (nn->dir != fs->tree.root && !nn->dir->dentry)
		return -ENOENT;
	if (tree_lookup(&fs->tree, nn->dir, nn->name, strlen(nn->name)))
		return -EEXIST;
	n = tree_node_new(&fs->tree, mode, nn->full.data, nn->full.len, 0);
	if (!n)
		return -ENOMEM;
	fs_inherit(ctx, nn->dir, n);
	n->seq = seq;
	n->is_dirty = true;
	err = tree_link(&fs->tree, nn->dir, nn->name, NULL, 0, false, n);
	if (err) {
		tree_drop(&fs->tree, n);
		return err;
	}
	nn->dir->mtime_ns = nn->dir->ctime_ns = n->ctime_ns;
	*ret = file_get_locked(fs, n);
	err = *ret ? fs_make_entry(fs, n, ret_entry) : -ENOMEM;
	if (err) {
		if (*ret)
			(*ret)->refs++; /* put by the caller without the lock */
		tree_unlink(&fs->tree, n->dentry);
	}
	return err;
}

static int create_new(struct fs *fs, const struct fs_ctx *ctx, const struct new_name *nn,
		      mode_t mode, int flags, struct fs_entry *ret_entry, struct fs_handle **ret)
{
	struct file *f = NULL;
	uint64_t seq;
	int err;

	err = reserve(fs, ctx, nn, mode, flags & O_EXCL, &seq);
	if (err)
		return err;
	err = add_unsaved(fs, ctx, nn, mode, seq, ret_entry, &f);
	if (err) {
		file_put(fs, f);
		return err;
	}
	mutex_lock(&f->lock);
	f->base_seq = seq;
	f->is_claimed = flags & O_EXCL;
	f->is_dirty = true;
	writer_start(f);
	err = file_new_handle(f, ctx, flags, ret);
	mutex_unlock(&f->lock);
	if (err) {
		fs_forget(fs, ret_entry->nodeid, 1);
		file_put(fs, f);
	}
	return err;
}

int fs_create(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	      mode_t mode, int flags, struct fs_entry *ret_entry, struct fs_handle **ret,
	      bool *ret_keep_cache)
{
	struct new_name nn;
	int err = begin_name(fs, ctx, parent, name, "", &nn);

	if (err)
		return err;
	*ret_keep_cache = false;
	mode = S_IFREG | (mode & 07777 & ~ctx->umask);
	if (child_exists(fs, &nn))
		err = -EEXIST;
	else
		err = create_new(fs, ctx, &nn, mode, flags, ret_entry, ret);
	fs_release_name(fs, nn.full.data, nn.full.len);
	if (err == -EEXIST && !(flags & O_EXCL)) {
		err = fs_find_child(fs, nn.dir, name, ret_entry);
		if (!err)
			err = fs_open(fs, ctx, ret_entry->nodeid, flags, ret, ret_keep_cache);
		if (err && err != -ENOENT)
			fs_forget(fs, ret_entry->nodeid, 1);
	}
	done_name(fs, &nn, false);
	return err;
}

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
	if (f)
		mutex_lock(&f->lock);
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
	if (f)
		mutex_unlock(&f->lock);
	file_put(fs, f);
	return err;
}

/* The directory and its child, both pinned. */
static int pin_child(struct fs *fs, uint64_t parent, const char *name, struct node **ret_dir,
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
		return -ENOENT;
	*ret = d->node;
	tree_pin(*ret_dir);
	tree_pin(*ret);
	return 0;
}

int fs_unlink(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name)
{
	struct node *dir, *n;
	int err = fs_may_change(fs);

	if (err)
		return err;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	err = pin_child(fs, parent, name, &dir, &n);
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
	err = pin_child(fs, parent, name, &dir, &n);
	if (err)
		return err;
	err = n->dir ? rmdir_node(fs, n) : -ENOTDIR;
	fs_unpin(fs, n);
	fs_unpin(fs, dir);
	return err;
}
