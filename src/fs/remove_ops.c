/* SPDX-License-Identifier: Apache-2.0 */

/* Operations that remove names: unlink, rmdir. */

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/name_ops.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/journal.h"
#include "fs/links.h"
#include "fs/place.h"
#include "fs/publish.h"
#include "util/clock.h"

/* One name of a file, as it stood when its removal began. */
struct victim {
	struct node *dir, *n; /* pinned by the caller */
	const char *name;
	struct buf full;
	uint64_t seq;
	char nuid[OBJ_NUID_MAX + 1];
	char link_id[OBJ_NUID_LEN + 1]; /* empty: the object holds the content itself */
	bool is_last;
};

static struct dentry *find_victim(struct fs *fs, const struct victim *v)
{
	struct dentry *d = tree_lookup(&fs->tree, v->dir, v->name, strlen(v->name));

	return d && d->node == v->n ? d : NULL;
}

/* -ENOENT: the name is somebody else's by now. */
static int victim_load(struct fs *fs, struct victim *v)
{
	const struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	d = find_victim(fs, v);
	if (!d)
		return -ENOENT;
	buf_reset(&v->full);
	fs_full_name(fs, d, &v->full);
	v->seq = tree_entry_seq(d);
	strcpy(v->link_id, v->n->x->link_id ? v->n->x->link_id : "");
	v->is_last = node_has_one_name(v->n);
	node_nuid(v->n, v->nuid);
	return buf_error(&v->full);
}

static void victim_done(struct victim *v)
{
	buf_done(&v->full);
}

/* The name is gone in the bucket: it leaves the tree too. is_ours: by this call. */
static void drop_victim(struct fs *fs, const struct victim *v, struct file *f, bool is_ours)
{
	struct dentry *d;

	if (v->is_last && f) {
		f->is_dirty = false;
		journal_end(f);
	}
	LOCK_SCOPE(&fs->tree.lock);
	/* What is written from now on has no name to be stored under. */
	if (v->is_last)
		v->n->is_dirty = v->n->is_removed = false;
	v->n->ctime_ns = clock_wall_ns();
	d = find_victim(fs, v);
	if (d && is_ours)
		fs_remove_own(fs, d);
	else if (d)
		fs_remove_entry(fs, d);
}

/* The file's open state, if any, is locked. -EAGAIN: the object has another name by now. */
static int unlink_held(struct fs *fs, struct victim *v, struct file *f, const struct buf *held)
{
	int err = victim_load(fs, v);
	bool is_other = false;

	if (!err && !buf_equal(&v->full, held))
		return -EAGAIN;
	/* An unsaved file that was renamed to this name has not replaced what is stored there. */
	if (!err && (v->seq || (f && f->is_fresh)))
		err = fs_remove_object(fs, v->full.data, v->full.len, v->seq, &is_other);
	/* Nothing was: the file itself is only here so far. */
	if (err == -ENOENT && !v->seq && f && f->is_fresh)
		err = 0;
	if (err && err != -ENOENT)
		return err;
	drop_victim(fs, v, f, !err);
	if (err || is_other)
		return err;
	if (v->link_id[0])
		links_count_down(fs, v->link_id);
	else
		fs_purge_later(fs, v->nuid, v->full.data, v->full.len);
	/* What another client made while the file was unsaved here was not shown. */
	if (!v->seq)
		fs_recheck_later(fs, v->full.data, v->full.len, 0);
	return 0;
}

/* The file's open state, if any, is locked. */
static int unlink_locked(struct fs *fs, struct victim *v, struct file *f)
{
	int err = victim_load(fs, v);

	/* Before the name is taken: an object called "dir/" has the name of its directory's marker.
	 */
	if (!err)
		err = fs_keep_directory(fs, v->dir);
	while (!err) {
		struct buf held CLEANUP(buf_done) = {0};

		buf_init(&held, OBJ_META_MAX);
		buf_append(&held, v->full.data, v->full.len);
		err = buf_error(&held);
		if (!err)
			err = fs_take_name(fs, held.data, held.len);
		if (err)
			return err;
		err = unlink_held(fs, v, f, &held);
		fs_release_name(fs, held.data, held.len);
		if (err != -EAGAIN)
			return err;
		err = 0;
	}
	return err;
}

static int unlink_node(struct fs *fs, struct node *dir, struct node *n, const char *name)
{
	struct victim v CLEANUP(victim_done) = {.dir = dir, .n = n, .name = name};
	struct file *f = file_find(fs, n);
	int err;

	buf_init(&v.full, OBJ_META_MAX);
	if (f) {
		atomic_fetch_add(&f->n_impatient, 1);
		mutex_lock(&f->lock);
		atomic_fetch_sub(&f->n_impatient, 1);
	}
	err = unlink_locked(fs, &v, f);
	/* What its last close was storing when we came, if the file is still there. */
	if (f && f->n_writers == 0)
		(void)!file_commit_last(fs, f);
	if (f)
		mutex_unlock(&f->lock);
	file_put(fs, f);
	return err;
}

/* The marker's name is held. */
static int rmdir_held(struct fs *fs, struct node *dir, struct node *n, const char *name,
		      const struct buf *full)
{
	bool has_marker, is_empty;
	uint64_t seq;
	int err;

	mutex_lock(&fs->tree.lock);
	is_empty = n->dir->n_children == 0;
	has_marker = n->dir->has_marker;
	seq = n->seq;
	mutex_unlock(&fs->tree.lock);
	if (!is_empty)
		return -ENOTEMPTY;
	err = has_marker ? fs_bury_marker(fs, n, full, seq) : 0;
	if (err && err != -ENOENT)
		return err;
	LOCK_SCOPE(&fs->tree.lock);
	if (!n->dentry)
		return 0;
	n->dir->has_marker = false;
	n->seq = 0;
	if (n->dir->n_children > 0)
		return -ENOTEMPTY;
	fs_remove_own(fs, n->dentry);
	place_unshadow(fs, dir, name, strlen(name));
	return 0;
}

static int rmdir_node(struct fs *fs, struct node *dir, struct node *n, const char *name)
{
	struct buf full CLEANUP(buf_done) = {0};
	int err = 0;

	buf_init(&full, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (n->dir->n_children > 0)
		err = -ENOTEMPTY;
	mutex_unlock(&fs->tree.lock);
	if (!err)
		err = fs_keep_directory(fs, dir);
	if (!err)
		err = fs_take_content_name(fs, n, &full);
	if (err)
		return err;
	err = rmdir_held(fs, dir, n, name, &full);
	fs_release_name(fs, full.data, full.len);
	return err;
}

static int unlink_child(struct fs *fs, struct node *dir, struct node *n, const char *name)
{
	return n->dir ? -EISDIR : unlink_node(fs, dir, n, name);
}

static int rmdir_child(struct fs *fs, struct node *dir, struct node *n, const char *name)
{
	return n->dir ? rmdir_node(fs, dir, n, name) : -ENOTDIR;
}

static int remove_child(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
			int (*how)(struct fs *fs, struct node *dir, struct node *n,
				   const char *name))
{
	struct node *dir, *n;
	int err = fs_begin_change(fs, ctx);

	if (err)
		return err;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	err = fs_pin_child(fs, parent, name, &dir, &n);
	if (err)
		return err;
	err = how(fs, dir, n, name);
	fs_unpin(fs, n);
	fs_unpin(fs, dir);
	return err;
}

int fs_unlink(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name)
{
	return remove_child(fs, ctx, parent, name, unlink_child);
}

int fs_rmdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name)
{
	return remove_child(fs, ctx, parent, name, rmdir_child);
}
