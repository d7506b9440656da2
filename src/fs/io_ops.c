/* SPDX-License-Identifier: Apache-2.0 */

/* Reading, writing and storing open files. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file.h"
#include "fs/journal.h"
#include "fs/procfd.h"
#include "fs/publish.h"
#include "fs/virtual.h"
#include "util/log.h"

/* How often a read begins anew because the file got another content under it. */
#define CHANGES_MAX 8

/* A file that is emptied here, or was stored since, shows that instead. */
static bool has_other_content(struct file *f, const struct content *c)
{
	LOCK_SCOPE(&f->lock);
	return f->state != FILE_CLEAN || f->content != c;
}

/* Chunks are gone, all or some. That is -ESTALE as well when the version is still the newest, but
 * the tree learns of it first if it is not. -EAGAIN: the content is the file's no more. */
static int check_lost(struct fs *fs, const struct fs_ctx *ctx, struct file *f,
		      const struct content *c)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	if (has_other_content(f, c))
		return -EAGAIN;
	err = file_newest(fs, f, true, &info);
	return err ? err : -ESTALE;
}

/* What finds no room now is asked for with a later read. */
static void prefetch_ahead(struct fs_handle *h, struct content *c, uint64_t from, uint64_t to)
{
	uint64_t reached = content_prefetch(c, from, to);

	if (reached >= to)
		return;
	LOCK_SCOPE(&h->lock);
	prefetch_stopped(&h->prefetch, to, reached);
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
		prefetch_ahead(h, c, from, to);
	if (err == -ESTALE || (err == -EIO && !atomic_load(&c->is_bad)))
		err = check_lost(fs, ctx, h->file, c);
	if (err && err != -FS_WOULD_WAIT && err != -EAGAIN)
		err = file_read_error(fs, h->file, c, err);
	if (err == -EIO && !atomic_load(&c->is_bad) && !atomic_exchange(&c->is_reported, true))
		log_error("bucket %s: content %s cannot be read: its chunks are missing or not "
			  "what the metadata says",
			  fs->store->bucket, c->nuid);
	return err;
}

/* What the file has now. -EAGAIN: it had something else before that could be read. */
static int read_now(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, uint64_t off,
		    size_t len, struct fs_data *ret)
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

int fs_read(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, uint64_t off, size_t len,
	    struct fs_data *ret)
{
	int err = -EAGAIN;

	if (h->text)
		return virtual_read(h, off, len, ret);
	for (int i = 0; err == -EAGAIN && i < CHANGES_MAX; i++)
		err = read_now(fs, ctx, h, off, len, ret);
	return err == -EAGAIN ? -ESTALE : err;
}

bool fs_is_virtual(const struct fs_handle *h)
{
	return h->text != NULL;
}

void fs_read_behind(struct fs *fs, struct fs_handle *h)
{
	_cleanup_content_ struct content *c = NULL;

	(void)fs;
	if (h->text || !mutex_trylock(&h->file->lock))
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

/* Pages of a mapping are stored by msync(2), whichever descriptor they come through. */
static bool is_synchronous(const struct fs_handle *h, const struct fs_ctx *ctx)
{
	return (h->flags & O_DSYNC) && !ctx->is_page;
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
	return is_synchronous(h, ctx) ? file_sync(fs, f) : 0;
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
	    (is_synchronous(h, ctx) || !writer_is_ready(f, at, len, appends(h, ctx))))
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
	if (!file_wants_write(h->flags))
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
			err = file_commit_at_close(fs, f);
	}
	mutex_unlock(&f->lock);
	return err;
}

int fs_fsync(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h)
{
	struct file *f = h->file;
	int err = h->text ? 0 : file_lock(f, ctx);

	if (err || h->text)
		return err;
	if (f->state == FILE_FAILED)
		err = f->error;
	else if (f->is_dirty)
		err = ctx->may_wait ? file_sync(fs, f) : -FS_WOULD_WAIT;
	mutex_unlock(&f->lock);
	return err;
}
