/* SPDX-License-Identifier: Apache-2.0 */

/* Operations on ranges of open files: fallocate, lseek, copy_file_range. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file.h"
#include "fs/internal.h"
#include "fs/publish.h"

/* Growth that is not worth asking the server about. */
#define ROOM_UNASKED (UINT64_C(64) << 20)
/* One request copies no more, so that its caller can be interrupted in between. */
#define COPY_MAX (UINT64_C(64) << 20)
#define COPY_STEP (UINT64_C(1) << 20)

int file_check_room(struct fs *fs, struct file *f, uint64_t size)
{
	uint64_t have = f->state == FILE_CLEAN ? file_stored_size(fs, f) : f->size;
	struct store_status st;
	int err;

	mutex_assert_held(&f->lock);
	if (size <= have || size - have <= ROOM_UNASKED)
		return 0;
	err = store_status(fs->store, &st);
	if (err || st.free_bytes == UINT64_MAX)
		return err;
	/* The old version stays until the new one is stored, so all of this needs room. */
	return size > st.free_bytes ? -ENOSPC : 0;
}

static int allocate_locked(struct fs *fs, const struct fs_ctx *ctx, struct file *f, int mode,
			   uint64_t off, uint64_t len)
{
	uint64_t size = f->state == FILE_CLEAN ? file_stored_size(fs, f) : f->size;
	uint64_t end = off + len;
	int err = 0;

	if (!(mode & FALLOC_FL_PUNCH_HOLE) && end > size)
		err = file_check_room(fs, f, end);
	if (!err && mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE) && off < size)
		err = writer_zero(fs, f, off, end < size ? end : size);
	/* Room cannot be reserved; what can be said now is whether there is any. */
	if (!err && !(mode & FALLOC_FL_KEEP_SIZE) && end > size)
		err = writer_truncate(fs, f, end);
	if (!err && f->state != FILE_CLEAN) {
		file_touch(fs, f, true);
		fs_drop_privileges(fs, ctx, f->node);
	}
	return err;
}

int fs_fallocate(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, int mode,
		 uint64_t off, uint64_t len)
{
	const int known = FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE;
	struct file *f = h->file;
	bool is_unchanged;
	int err = fs_may_change(fs);

	if (err)
		return err;
	if (mode & ~known || (mode & FALLOC_FL_PUNCH_HOLE && !(mode & FALLOC_FL_KEEP_SIZE)))
		return -EOPNOTSUPP;
	if (len == 0)
		return -EINVAL;
	if (off > fs->cfg.max_file_size || len > fs->cfg.max_file_size - off)
		return -EFBIG;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	mutex_lock(&f->lock);
	if (f->state == FILE_FAILED)
		err = f->error;
	else if (f->state == FILE_CLEAN)
		err = file_load_base(fs, f, false);
	if (!err)
		err = allocate_locked(fs, ctx, f, mode, off, len);
	is_unchanged = f->state == FILE_CLEAN;
	mutex_unlock(&f->lock);
	return !err && is_unchanged ? fs_touch(fs, ctx, f->node) : err;
}

int fs_lseek(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, uint64_t off, int whence,
	     uint64_t *ret)
{
	struct file *f = h->file;
	uint64_t size;
	int err;

	if (h->text || (whence != SEEK_DATA && whence != SEEK_HOLE))
		return -EINVAL;
	err = file_lock(f, ctx);
	if (err)
		return err;
	size = f->state == FILE_CLEAN ? file_stored_size(fs, f) : f->size;
	if (f->state == FILE_FAILED)
		err = f->error;
	else if (off >= size)
		err = -ENXIO;
	else if (f->state == FILE_STAGED && whence == SEEK_DATA)
		*ret = draft_next_data(f->draft, off, size);
	else if (f->state == FILE_STAGED)
		*ret = draft_next_hole(f->draft, off, size);
	else
		*ret = whence == SEEK_DATA ? off : size;
	mutex_unlock(&f->lock);
	return !err && whence == SEEK_DATA && *ret == size ? -ENXIO : err;
}

static int copy_piece(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *from,
		      uint64_t from_off, struct fs_handle *to, uint64_t to_off, size_t len,
		      size_t *ret_done)
{
	struct fs_data d;
	int err = fs_read(fs, ctx, from, from_off, len, &d);

	*ret_done = 0;
	if (err)
		return err;
	for (int i = 0; i < d.n && !err; i++) {
		err = fs_write(fs, ctx, to, to_off + *ret_done, d.iov[i].iov_base,
			       d.iov[i].iov_len);
		if (!err)
			*ret_done += d.iov[i].iov_len;
	}
	fs_data_done(&d);
	fs_read_behind(fs, from);
	return err;
}

int fs_copy_range(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *from,
		  uint64_t from_off, struct fs_handle *to, uint64_t to_off, uint64_t len,
		  uint64_t *ret_done)
{
	uint64_t done = 0;
	int err = 0;

	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	if (len > COPY_MAX)
		len = COPY_MAX;
	while (!err && done < len) {
		size_t step = len - done < COPY_STEP ? (size_t)(len - done) : COPY_STEP, n;

		err = copy_piece(fs, ctx, from, from_off + done, to, to_off + done, step, &n);
		done += n;
		if (n == 0)
			break;
	}
	*ret_done = done;
	return done > 0 ? 0 : err;
}
