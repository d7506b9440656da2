/* SPDX-License-Identifier: Apache-2.0 */

/* Operations that look: lookup, getattr, readlink, readdir; and setattr. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/name.h"
#include "util/clock.h"

/* A name the tree does not have: asked for once at the server, as a file and as a directory. */
static int ask_server(struct fs *fs, struct node *dir, const char *name)
{
	struct obj_info *infos[2] = {NULL, NULL};
	struct buf file CLEANUP(buf_done) = {0};
	struct buf marker CLEANUP(buf_done) = {0};
	const char *names[2];
	size_t lens[2];
	int errs[2], err;

	buf_init(&file, OBJ_META_MAX);
	buf_init(&marker, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	err = fs_child_name(fs, dir, name, &file);
	mutex_unlock(&fs->tree.lock);
	if (err)
		return -ENOENT;
	if (file.len + 1 > fs->store->name_max)
		return -ENAMETOOLONG;
	buf_append(&marker, file.data, file.len);
	buf_append_char(&marker, '/');
	if (buf_error(&marker))
		return buf_error(&marker);
	names[0] = file.data;
	lens[0] = file.len;
	names[1] = marker.data;
	lens[1] = marker.len;
	err = store_get_infos(fs->store, names, lens, 2, infos, errs);
	if (err)
		return err;
	for (int i = 0; i < 2; i++) {
		if (infos[i])
			fs_apply(fs, infos[i]);
		else if (errs[i] != -ENOENT)
			err = errs[i];
	}
	return err;
}

int fs_lookup(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	      struct fs_entry *ret)
{
	struct node *dir;
	int err;

	if (strlen(name) > NAME_COMPONENT_MAX)
		return -ENAMETOOLONG;
	dir = fs_pin(fs, parent);
	if (!dir)
		return -ESTALE;
	err = fs_find_child(fs, dir, name, ret);
	if (err == -ENOENT && !ctx->may_wait) {
		err = -FS_WOULD_WAIT;
	} else if (err == -ENOENT) {
		err = ask_server(fs, dir, name);
		if (!err)
			err = fs_find_child(fs, dir, name, ret);
		if (err == -ENOENT && fs->cfg.negative_timeout_ms > 0) {
			*ret = (struct fs_entry){
				.entry_timeout = (double)fs->cfg.negative_timeout_ms / 1000.0};
			err = 0;
		}
	}
	fs_unpin(fs, dir);
	return err;
}

void fs_forget(struct fs *fs, uint64_t nodeid, uint64_t n)
{
	LOCK_SCOPE(&fs->tree.lock);
	tree_forget(&fs->tree, nodeid, n);
}

int fs_getattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, struct stat *ret,
	       double *ret_timeout)
{
	const struct node *n;

	(void)ctx;
	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (!n)
		return -ESTALE;
	attr_stat(n, ret);
	*ret_timeout = fs_timeout(fs);
	return 0;
}

int fs_readlink(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, char **ret)
{
	const struct node *n;

	(void)ctx;
	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (!n)
		return -ESTALE;
	if (!S_ISLNK(n->mode) || !n->target)
		return -EINVAL;
	*ret = strdup(n->target);
	return *ret ? 0 : -ENOMEM;
}

static int fill_dot(const struct node *n, const char *name, uint64_t next, fs_fill_fn fill,
		    void *arg)
{
	struct fs_entry e = {0};

	attr_stat(n, &e.st);
	return fill(arg, name, &e, next);
}

static int fill_child(struct fs *fs, struct dentry *d, bool with_lookup, fs_fill_fn fill, void *arg)
{
	struct fs_entry e = {.entry_timeout = fs_timeout(fs), .attr_timeout = fs_timeout(fs)};
	int full;

	attr_stat(d->node, &e.st);
	if (with_lookup) {
		e.nodeid = tree_ref_lookup(&fs->tree, d->node);
		if (!e.nodeid)
			return -ENOMEM;
	}
	full = fill(arg, d->name, &e, d->cookie);
	if (full && with_lookup)
		tree_forget(&fs->tree, e.nodeid, 1);
	return full ? 1 : 0;
}

int fs_readdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, uint64_t cookie,
	       bool with_lookup, fs_fill_fn fill, void *arg)
{
	struct node *n, *parent;
	struct dentry *d;
	int r = 0;

	(void)ctx;
	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (!n)
		return -ESTALE;
	if (!n->dir)
		return -ENOTDIR;
	parent = n->dentry ? n->dentry->parent : n;
	if (cookie < 1)
		r = fill_dot(n, ".", 1, fill, arg);
	if (!r && cookie < 2)
		r = fill_dot(parent, "..", 2, fill, arg);
	if (cookie < 2)
		cookie = 2;
	while (!r && (d = tree_next(n, cookie))) {
		cookie = d->cookie;
		r = fill_child(fs, d, with_lookup, fill, arg);
	}
	return r < 0 ? r : 0;
}

static int64_t from_timespec(struct timespec ts)
{
	return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

/* Takes over everything but the size. Tree lock held. */
static void change_attributes(struct node *n, const struct stat *attr, unsigned set)
{
	int64_t now = clock_wall_ns();

	if (set & FS_SET_MODE)
		n->mode = (n->mode & S_IFMT) | (attr->st_mode & 07777);
	if (set & FS_SET_UID)
		n->uid = attr->st_uid;
	if (set & FS_SET_GID)
		n->gid = attr->st_gid;
	if (set & FS_SET_ATIME)
		n->atime_ns = set & FS_SET_ATIME_NOW ? now : from_timespec(attr->st_atim);
	if (set & FS_SET_MTIME)
		n->mtime_ns = set & FS_SET_MTIME_NOW ? now : from_timespec(attr->st_mtim);
	n->ctime_ns = now;
}

/* The access time alone is kept in memory only. */
#define SET_STORED (FS_SET_MODE | FS_SET_UID | FS_SET_GID | FS_SET_MTIME)

struct saved_attributes {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t atime_ns, mtime_ns, ctime_ns;
};

static struct saved_attributes save_attributes(const struct node *n)
{
	return (struct saved_attributes){n->mode,     n->uid,	   n->gid,
					 n->atime_ns, n->mtime_ns, n->ctime_ns};
}

static void restore_attributes(struct node *n, const struct saved_attributes *s)
{
	n->mode = s->mode;
	n->uid = s->uid;
	n->gid = s->gid;
	n->atime_ns = s->atime_ns;
	n->mtime_ns = s->mtime_ns;
	n->ctime_ns = s->ctime_ns;
}

static int set_attributes(struct fs *fs, struct node *n, const struct stat *attr, unsigned set)
{
	struct saved_attributes before;
	int64_t atime;
	bool is_stored;
	int err;

	mutex_lock(&fs->tree.lock);
	before = save_attributes(n);
	change_attributes(n, attr, set);
	atime = n->atime_ns;
	/* Unsaved content takes its attributes along when it is committed. */
	is_stored = (set & SET_STORED) && !n->is_dirty && (n->dentry || n == fs->tree.root);
	mutex_unlock(&fs->tree.lock);
	if (!is_stored)
		return 0;
	err = fs_store_attributes(fs, n);
	LOCK_SCOPE(&fs->tree.lock);
	if (err)
		restore_attributes(n, &before);
	else
		n->atime_ns = atime;
	return err;
}

static int set_size(struct fs *fs, const struct fs_ctx *ctx, struct node *n, struct fs_handle *h,
		    uint64_t size)
{
	struct file *f;
	int err;

	if (n->dir)
		return -EISDIR;
	if (size > fs->cfg.max_file_size)
		return -EFBIG;
	mutex_lock(&fs->tree.lock);
	f = file_get_locked(fs, n);
	mutex_unlock(&fs->tree.lock);
	if (!f)
		return -ENOMEM;
	if (size == 0)
		atomic_fetch_add(&f->n_impatient, 1);
	err = file_lock(f, ctx);
	if (size == 0)
		atomic_fetch_sub(&f->n_impatient, 1);
	if (err)
		goto out;
	if (f->state == FILE_FAILED && size > 0)
		err = f->error;
	if (!err && f->state == FILE_CLEAN)
		err = file_load_base(fs, f, false);
	if (!err)
		err = file_check_room(fs, f, size);
	if (!err && !(f->state == FILE_CLEAN && file_stored_size(fs, f) == size))
		err = writer_truncate(fs, f, size);
	if (!err && f->state != FILE_CLEAN)
		file_touch(fs, f, true);
	/* truncate(2) has no close that could commit. */
	if (!err && !h && f->n_writers == 0)
		err = file_commit(fs, f);
	mutex_unlock(&f->lock);
out:
	file_put(fs, f);
	return err;
}

int fs_setattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, struct fs_handle *h,
	       const struct stat *attr, unsigned set, struct stat *ret, double *ret_timeout)
{
	struct node *n;
	int err = fs_may_change(fs);

	if (err)
		return err;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	n = fs_pin(fs, nodeid);
	if (!n)
		return -ESTALE;
	if (set & FS_SET_SIZE)
		err = set_size(fs, ctx, n, h, (uint64_t)attr->st_size);
	if (!err && (set & ~(unsigned)FS_SET_SIZE))
		err = set_attributes(fs, n, attr, set);
	if (!err) {
		LOCK_SCOPE(&fs->tree.lock);
		attr_stat(n, ret);
		*ret_timeout = fs_timeout(fs);
	}
	fs_unpin(fs, n);
	return err;
}
