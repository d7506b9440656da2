/* SPDX-License-Identifier: Apache-2.0 */

/* Operations on open files. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/internal.h"
#include "util/clock.h"
#include "util/log.h"

/* How long an open waits for an operation on the same name. */
#define HELD_MS 2000

/* Opened such that there may be something to store when it is closed: a file made to be read, too.
 */
static bool wants_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT));
}

/* Takes over the reference to f on success. File lock held. */
int file_new_handle(struct file *f, const struct fs_ctx *ctx, int flags, struct fs_handle **ret)
{
	struct fs_handle *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->file = f;
	h->flags = flags;
	h->opener = wants_write(flags) ? procfd_tgid(ctx->pid) : 0;
	mutex_init(&h->lock, LOCK_RANK_LEAF);
	if (wants_write(flags))
		f->n_writers++;
	*ret = h;
	return 0;
}

/* The newest metadata of the file's name when it is still this content; -ESTALE when it is not. A
 * name that is gone may have been moved, and where that cannot be shown first a reader (is_patient)
 * gets -ENOENT, and the name stays until the watch takes it. */
static int newest(struct fs *fs, struct file *f, bool is_patient, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_obj_info_ struct obj_info *copy = NULL;
	struct buf name CLEANUP(buf_done) = {0};
	struct node *n = f->node;
	uint64_t seq;
	bool is_same;
	int err;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (n->dentry)
		fs_full_name(fs, n->dentry, &name);
	seq = n->seq;
	mutex_unlock(&fs->tree.lock);
	if (name.len == 0)
		return buf_error(&name) ? buf_error(&name) : -ESTALE;
	err = store_get_info(fs->store, name.data, name.len, &info);
	if ((err == -ENOENT || (!err && !fs_info_is_live(info))) && !fs_catch_up(fs) && is_patient)
		return -ENOENT;
	if (err == -ENOENT) {
		fs_apply_absent(fs, name.data, name.len, seq);
		return -ESTALE;
	}
	if (err)
		return err;
	copy = obj_info_dup(info);
	if (!copy)
		return -ENOMEM;
	mutex_lock(&fs->tree.lock);
	is_same = fs_info_is_live(info) &&
		  (n->is_malformed ? n->seq == info->seq
				   : strcmp(n->nuid ? n->nuid : "", info->nuid) == 0);
	mutex_unlock(&fs->tree.lock);
	fs_apply(fs, steal_ptr(copy));
	/* An operation on the name here may keep the tree from showing it yet. */
	if (!is_same && !namelock_wait(&fs->names, name.data, name.len, clock_deadline_ms(HELD_MS)))
		log_debug("%s is being changed for long", name.data);
	if (!is_same)
		return -ESTALE;
	*ret = steal_ptr(info);
	return 0;
}

/* What has the name now, for an append through a descriptor of an older version. */
static int newest_of_name(struct fs *fs, struct file *f, struct obj_info **ret)
{
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (f->node->dentry)
		fs_full_name(fs, f->node->dentry, &name);
	else
		buf_append_str(&name, f->name);
	mutex_unlock(&fs->tree.lock);
	err = name.len ? buf_error(&name) : -ESTALE;
	if (!err)
		err = store_get_info(fs->store, name.data, name.len, ret);
	return err == -ENOENT ? 0 : err;
}

int file_load_base(struct fs *fs, struct file *f, bool is_append)
{
	struct obj_info *info = NULL;
	bool is_nameless;
	int err;

	mutex_assert_held(&f->lock);
	mutex_lock(&fs->tree.lock);
	is_nameless = !f->node->dentry && !f->node->is_superseded;
	mutex_unlock(&fs->tree.lock);
	if (f->base || is_nameless)
		return 0;
	err = newest(fs, f, false, &info);
	if (err == -ESTALE && is_append)
		err = newest_of_name(fs, f, &info);
	if (err)
		return err;
	f->base = info;
	f->base_seq = info ? info->seq : 0;
	return 0;
}

/* Takes over info. What a malformed version says is not carried on. */
static void set_base(struct file *f, struct obj_info *info)
{
	obj_info_free(f->base);
	f->base_seq = info->seq;
	f->base = info->is_malformed ? NULL : info;
	if (info->is_malformed)
		obj_info_free(info);
}

/* With trust_watch what the watch has told is enough for a reader, as long as it tells. */
static bool may_trust(const struct fs *fs, int flags)
{
	return fs->cfg.trust_watch && !wants_write(flags) && atomic_load(&fs->is_connected);
}

/* What open does beyond finding the file: the newest version, truncation. is_back: any version will
 * do that was the newest a moment ago. File lock held. */
static int open_locked(struct fs *fs, struct file *f, int flags, bool is_back)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	bool is_unsaved, is_nameless;
	int err = 0;

	mutex_lock(&fs->tree.lock);
	is_unsaved = f->node->is_dirty || f->state != FILE_CLEAN;
	is_nameless = !f->node->dentry && !f->node->is_superseded && !f->node->is_removed;
	mutex_unlock(&fs->tree.lock);
	if (f->state == FILE_FAILED && !(flags & O_TRUNC))
		return f->error;
	/* While this host has unsaved changes, its own opens see those. */
	if (!is_unsaved && !is_nameless && !may_trust(fs, flags))
		err = newest(fs, f, !wants_write(flags), &info);
	if (err == -ESTALE && is_back)
		err = 0;
	if (err)
		return err;
	if (info && wants_write(flags))
		set_base(f, steal_ptr(info));
	if (flags & O_TRUNC) {
		writer_start(f, true);
		file_drop_content(f);
		file_touch(fs, f, true);
	}
	return 0;
}

static void warm(struct fs *fs, struct file *f)
{
	_cleanup_content_ struct content *c = NULL;

	if (f->state == FILE_CLEAN && file_content(fs, f, &c) == 0)
		content_warm(c);
}

/* The name is another node's or nobody's; without a name a file can only be opened again by way of
 * a descriptor. */
static bool is_outdated(const struct node *n, bool is_back)
{
	return (n->is_superseded && !is_back) || n->is_removed ||
	       (!n->dentry && !n->dir && !n->file);
}

/* Whether the pages that the kernel holds are those an open shows: of the stored version, checked
 * as far as they can be, and not hidden by what is unsaved. */
static bool may_keep_cache(struct fs *fs, struct node *n, int flags)
{
	bool may_keep;

	LOCK_SCOPE(&fs->tree.lock);
	may_keep = !n->is_tail_unverified && !n->is_bad && !n->is_dirty && !(flags & O_TRUNC);
	n->is_tail_unverified = false;
	return may_keep;
}

int fs_open(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, int flags,
	    struct fs_handle **ret, bool *ret_keep_cache)
{
	struct file *f = NULL;
	struct node *n;
	bool is_back = false;
	uint64_t ino = 0;
	int err = wants_write(flags) ? fs_may_change(fs) : 0;

	if (err)
		return err;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	mutex_lock(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (n) {
		ino = n->ino;
		is_back = reopen_take(&fs->reopen, ctx->pid, ino, n->seq);
	}
	err = !n || is_outdated(n, is_back) ? -ESTALE : n->dir ? -EISDIR : 0;
	if (!err && n->is_malformed && !(flags & O_TRUNC))
		err = -EIO;
	if (!err) {
		f = file_get_locked(fs, n);
		err = f ? 0 : -ENOMEM;
	}
	if (err == -ESTALE && n)
		reopen_note(&fs->reopen, ctx->pid, ino, tree_ino_seq(&fs->tree, ino));
	mutex_unlock(&fs->tree.lock);
	if (err)
		return err;
	if (flags & O_TRUNC)
		atomic_fetch_add(&f->n_impatient, 1);
	mutex_lock(&f->lock);
	if (flags & O_TRUNC)
		atomic_fetch_sub(&f->n_impatient, 1);
	/* The first chunks are asked for while the metadata is. */
	if (!(flags & O_TRUNC) && (flags & O_ACCMODE) != O_WRONLY)
		warm(fs, f);
	err = open_locked(fs, f, flags, is_back);
	if (!err && (flags & O_TRUNC))
		fs_drop_privileges(fs, ctx, n);
	if (!err)
		err = file_new_handle(f, ctx, flags, ret);
	if (!err)
		*ret_keep_cache = may_keep_cache(fs, n, flags);
	mutex_unlock(&f->lock);
	if (err)
		file_put(fs, f);
	if (err == -ESTALE) {
		LOCK_SCOPE(&fs->tree.lock);
		reopen_note(&fs->reopen, ctx->pid, ino, tree_ino_seq(&fs->tree, ino));
	}
	return err;
}

/* Chunks are gone. That is -ESTALE as well when the version is still the newest, but the tree
 * learns of it first if it is not. */
static int check_lost(struct fs *fs, const struct fs_ctx *ctx, struct file *f)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	err = newest(fs, f, true, &info);
	return err ? err : -ESTALE;
}

static int read_clean(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h,
		      struct content *c, uint64_t off, size_t len, struct fs_data *ret)
{
	uint64_t from, to, step = 2 * (uint64_t)OBJ_DEFAULT_CHUNK_SIZE;
	int err;

	err = content_read(c, off, len, ctx->may_wait, ret);
	/* Noted once for each read: by the attempt that may wait, or the one that did not have to.
	 */
	if (err == -FS_WOULD_WAIT && !ctx->may_wait)
		return err;
	mutex_lock(&h->lock);
	prefetch_note(&h->prefetch, off, len, step, fs->cfg.readahead, &from, &to);
	mutex_unlock(&h->lock);
	if (!err)
		content_prefetch(c, from, to);
	if (err == -ESTALE)
		err = check_lost(fs, ctx, h->file);
	if (err && err != -FS_WOULD_WAIT)
		err = file_read_error(fs, h->file, c, err);
	return err;
}

int fs_read(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, uint64_t off, size_t len,
	    struct fs_data *ret)
{
	_cleanup_content_ struct content *c = NULL;
	struct file *f = h->file;
	int err;

	*ret = (struct fs_data){0};
	err = file_lock(f, ctx);
	if (err)
		return err;
	if (f->state == FILE_FAILED)
		err = f->error;
	else if (f->state != FILE_CLEAN)
		err = writer_read(fs, f, off, &len, ctx->may_wait, ret, &c);
	else
		err = file_content(fs, f, &c);
	mutex_unlock(&f->lock);
	if (!err && c)
		err = read_clean(fs, ctx, h, c, off, len, ret);
	return err;
}

void fs_read_behind(struct fs *fs, struct fs_handle *h)
{
	_cleanup_content_ struct content *c = NULL;

	(void)fs;
	if (!mutex_trylock(&h->file->lock))
		return;
	c = content_ref(h->file->content);
	mutex_unlock(&h->file->lock);
	if (c)
		content_check_behind(c);
}

static bool appends(const struct fs_handle *h, const struct fs_ctx *ctx)
{
	return (h->flags & O_APPEND) && !ctx->is_page;
}

/* Where a write goes, and whether it may go there. */
static int place_write(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, size_t len,
		       uint64_t *off)
{
	struct file *f = h->file;

	/* The kernel's idea of the end may be behind what others on this host have appended. */
	if (appends(h, ctx))
		*off = f->state == FILE_CLEAN ? file_stored_size(fs, f) : f->size;
	if (*off > fs->cfg.max_file_size || len > fs->cfg.max_file_size - *off)
		return -EFBIG;
	return f->state == FILE_FAILED ? f->error : fs_lock_check(fs, f);
}

static int write_locked(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, uint64_t off,
			const void *data, size_t len)
{
	bool is_append = appends(h, ctx);
	struct file *f = h->file;
	int err = 0;

	if (f->state == FILE_CLEAN)
		err = file_load_base(fs, f, is_append);
	if (!err)
		err = file_check_room(fs, f, off + len);
	if (err)
		return err;
	err = writer_write(fs, f, off, data, len, is_append);
	/* An upload that failed cannot go on; a full staging disk leaves what is there. */
	if (err && f->state == FILE_STREAMING)
		file_give_up(fs, f, err);
	if (err)
		return err;
	file_touch(fs, f, true);
	/* Whoever stored through a mapping is not the one who asks. */
	if (!ctx->is_page)
		fs_drop_privileges(fs, ctx, f->node);
	return h->flags & O_DSYNC ? file_commit(fs, f) : 0;
}

int fs_write(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, uint64_t off,
	     const void *data, size_t len)
{
	struct file *f = h->file;
	uint64_t at = off;
	int err = fs_may_change(fs);

	if (err)
		return err;
	err = file_lock(f, ctx);
	if (err)
		return err;
	err = place_write(fs, ctx, h, len, &at);
	if (!err && !ctx->may_wait &&
	    (h->flags & O_DSYNC || !writer_is_ready(f, at, len, appends(h, ctx))))
		err = -FS_WOULD_WAIT;
	if (!err)
		err = write_locked(fs, ctx, h, at, data, len);
	if (!err && at != off) {
		/* The kernel has put the bytes where it thought the end was. */
		LOCK_SCOPE(&fs->tree.lock);
		fs_inval_inode(fs, f->node, 0, 0);
	}
	mutex_unlock(&f->lock);
	return err;
}

/* Whether a close of one descriptor leaves another that will commit later: the process has a second
 * one, as shells have while they redirect, or the one that opened the file still has its own. */
static bool is_still_open(struct fs *fs, struct fs_handle *h, const struct fs_ctx *ctx)
{
	uint64_t ino = h->file->node->ino;
	dev_t dev = atomic_load(&fs->dev);
	pid_t tgid = procfd_tgid(ctx->pid);

	if (tgid && procfd_has_writer(tgid, dev, ino))
		return true;
	return h->opener && tgid != h->opener && procfd_has_writer(h->opener, dev, ino);
}

int fs_flush(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h)
{
	struct file *f = h->file;
	int err;

	/* A reader does not wait for others' uploads. */
	if (!wants_write(h->flags))
		return 0;
	err = file_lock(f, ctx);
	if (err)
		return err;
	if (f->state == FILE_FAILED) {
		err = f->error;
	} else if (f->is_dirty) {
		if (!ctx->may_wait)
			err = -FS_WOULD_WAIT;
		else if (file_is_kept_when_killed(fs, f, ctx))
			err = file_keep_old(fs, f);
		else if (!is_still_open(fs, h, ctx))
			err = file_commit(fs, f);
	}
	mutex_unlock(&f->lock);
	return err;
}

int fs_fsync(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h)
{
	struct file *f = h->file;
	int err = file_lock(f, ctx);

	if (err)
		return err;
	if (f->state == FILE_FAILED)
		err = f->error;
	else if (f->is_dirty)
		err = ctx->may_wait ? file_commit(fs, f) : -FS_WOULD_WAIT;
	mutex_unlock(&f->lock);
	return err;
}

int fs_release(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h)
{
	struct file *f = h->file;
	int err = 0;

	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	if (wants_write(h->flags)) {
		mutex_lock(&f->lock);
		/* Stores through a mapping can come after the last flush. */
		if (--f->n_writers == 0)
			err = file_commit(fs, f);
		if (err && f->is_dirty)
			file_give_up(fs, f, err);
		mutex_unlock(&f->lock);
	}
	fs_lock_release(fs, h);
	mutex_done(&h->lock);
	free(h);
	file_put(fs, f);
	return err;
}
