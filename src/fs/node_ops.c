/* SPDX-License-Identifier: Apache-2.0 */

/* Operations that look: lookup, getattr, readlink, readdir. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/history.h"
#include "fs/links.h"
#include "fs/name.h"
#include "fs/virtual.h"

/* While the server is away what the tree does not have does not exist, if the user wants it so. */
static bool is_offline(const struct fs *fs)
{
	return fs->cfg.is_offline_allowed && !atomic_load(&fs->is_connected) &&
	       !atomic_load(&fs->is_gone);
}

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
	if (is_offline(fs))
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
		bool is_live = infos[i] && fs_info_is_live(infos[i]);

		if (!is_live && (infos[i] || errs[i] == -ENOENT)) {
			LOCK_SCOPE(&fs->tree.lock);
			absent_note(&fs->absent, names[i], lens[i], infos[i] ? infos[i]->seq : 0);
		}
		if (infos[i]) {
			links_learn(fs, infos[i]);
			fs_apply(fs, infos[i]);
		} else if (errs[i] != -ENOENT)
			err = errs[i];
		if (is_live)
			fs_wait_released(fs, names[i], lens[i]);
	}
	return err;
}

/* -ENOENT when there is no virtual entry of the name. */
static int find_virtual(struct fs *fs, const struct node *dir, const char *name,
			struct fs_entry *ret)
{
	struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = virtual_find(fs, dir, name);
	return n ? fs_make_entry(fs, n, ret) : -ENOENT;
}

/* What the lookup says when the name does not exist. */
static int say_absent(struct fs *fs, const struct fs_ctx *ctx, struct fs_entry *ret)
{
	mutex_lock(&fs->tree.lock);
	reopen_end(&fs->reopen, ctx->pid);
	mutex_unlock(&fs->tree.lock);
	if (fs->cfg.negative_timeout_ms == 0)
		return -ENOENT;
	*ret = (struct fs_entry){.entry_timeout = (double)fs->cfg.negative_timeout_ms / 1000.0};
	return 0;
}

/* The directory does not have the name: 0, or an error because it is gone itself. */
static int check_not_gone(struct fs *fs, const struct fs_ctx *ctx, const struct node *dir)
{
	LOCK_SCOPE(&fs->tree.lock);
	return dir->is_removed ? reopen_why_gone(&fs->reopen, ctx->pid, dir->ino) : 0;
}

/* The tree does not have the name, and may not know yet. */
static int find_absent(struct fs *fs, const struct fs_ctx *ctx, struct node *dir, const char *name,
		       struct fs_entry *ret)
{
	int err;

	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	err = ask_server(fs, dir, name);
	if (!err)
		err = fs_find_child(fs, dir, name, ret);
	return err == -ENOENT ? say_absent(fs, ctx, ret) : err;
}

static int find_object(struct fs *fs, const struct fs_ctx *ctx, struct node *dir, const char *name,
		       struct fs_entry *ret)
{
	int asked = early_look(fs, ctx, dir, name), err, gone;

	if (asked < 0)
		return asked;
	err = fs_find_child_again(fs, ctx, dir, name, ret);
	gone = err == -ENOENT ? check_not_gone(fs, ctx, dir) : 0;
	if (gone)
		return gone;
	/* What the leader has just said is not believed for longer. */
	return err == -ENOENT && !asked ? find_absent(fs, ctx, dir, name, ret) : err;
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
	if (history_is_dir(fs, parent)) {
		err = history_lookup(fs, ctx, dir, name, ret);
		fs_unpin(fs, dir);
		return err;
	}
	err = find_virtual(fs, dir, name, ret);
	if (err == -ENOENT)
		err = find_object(fs, ctx, dir, name, ret);
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
	fs_stat(fs, n, ret);
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
	if (!S_ISLNK(n->mode) || !n->x->target)
		return -EINVAL;
	*ret = strdup(n->x->target);
	return *ret ? 0 : -ENOMEM;
}

int fs_opendir(struct fs *fs, uint64_t nodeid)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	return !n || n->is_removed ? -ESTALE : n->dir ? 0 : -ENOTDIR;
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

	fs_stat(fs, d->node, &e.st);
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

	if (history_is_dir(fs, nodeid))
		return history_readdir(fs, ctx, nodeid, cookie, fill, arg);
	if (cookie == 0 && (r = early_list(fs, ctx, nodeid)) < 0)
		return r;
	r = 0;
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
	if (!r && n->virtual_kind)
		return virtual_readdir(fs, cookie, with_lookup, fill, arg);
	while (!r && (d = tree_next(n, cookie))) {
		cookie = d->cookie;
		r = fill_child(fs, d, with_lookup, fill, arg);
	}
	return r < 0 ? r : 0;
}
