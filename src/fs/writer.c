/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unsaved content of an open inode.
 *
 * STREAMING: bytes [0, published) went to put as full chunks and cannot change; [published, size)
 * are in tail. A write at or behind the published boundary is taken there, with zeros for a gap.
 * Anything below the boundary, or a gap too large to be worth uploading now, moves everything to a
 * staging file first: published chunks are read back from the server, and the upload is given up.
 *
 * STAGED: everything is in the staging file.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/internal.h"

#define GAP_MAX (UINT64_C(1) << 20)
#define COPY_STEP (UINT64_C(1) << 20)

void writer_reset(struct file *f)
{
	store_put_close(steal_ptr(f->put), false);
	chunk_unref(steal_ptr(f->tail));
	staging_free(steal_ptr(f->staging));
	f->published = 0;
	f->size = 0;
	f->state = FILE_CLEAN;
	f->error = 0;
}

void writer_start(struct file *f)
{
	writer_reset(f);
	f->state = FILE_STREAMING;
	f->is_rewrite = true;
}

static int publish_tail(struct fs *fs, struct file *f)
{
	int err;

	if (!f->put) {
		err = store_put_open(fs->store, &f->put);
		if (err)
			return err;
	}
	f->published += f->tail->len;
	err = store_put_add(f->put, steal_ptr(f->tail));
	return err ? err : store_put_wait_room(f->put);
}

/* Appends data, or zeros when data is NULL, behind size. A full chunk stays the tail until more
 * comes, so that it can still be rewritten. */
static int append(struct fs *fs, struct file *f, const uint8_t *data, uint64_t len)
{
	while (len > 0) {
		size_t n;

		if (f->tail && f->tail->len == f->tail->cap) {
			int err = publish_tail(fs, f);

			if (err)
				return err;
		}
		if (!f->tail) {
			f->tail = chunk_new(fs->store->chunk_size);
			if (!f->tail)
				return -ENOMEM;
		}
		n = f->tail->cap - f->tail->len;
		if (n > len)
			n = (size_t)len;
		if (data) {
			memcpy(f->tail->data + f->tail->len, data, n);
			data += n;
		} else {
			memset(f->tail->data + f->tail->len, 0, n);
		}
		f->tail->len += n;
		f->size += n;
		len -= n;
	}
	return 0;
}

static int write_streaming(struct fs *fs, struct file *f, uint64_t off, const uint8_t *data,
			   size_t len)
{
	int err;

	if (off > f->size) {
		err = append(fs, f, NULL, off - f->size);
		if (err)
			return err;
	}
	if (off < f->size) {
		size_t at = (size_t)(off - f->published);
		size_t n = len < f->size - off ? len : (size_t)(f->size - off);

		memcpy(f->tail->data + at, data, n);
		data += n;
		len -= n;
	}
	return append(fs, f, data, len);
}

bool writer_is_ready(const struct file *f, uint64_t off, size_t len)
{
	if (f->state == FILE_STAGED || f->state == FILE_FAILED)
		return f->state == FILE_FAILED;
	if (f->state != FILE_STREAMING || off < f->published || off > f->size + GAP_MAX)
		return false;
	/* Within the tail no room is needed. */
	if (off + len <= f->published + (f->tail ? f->tail->cap : 0))
		return true;
	return !f->put || store_put_has_room(f->put);
}

static int copy_to_staging(struct content *c, uint64_t from, uint64_t to, struct staging *s)
{
	while (from < to) {
		struct fs_data d;
		uint64_t len = to - from < COPY_STEP ? to - from : COPY_STEP;
		int err = content_read(c, from, (size_t)len, true, &d);

		if (err)
			return err;
		len = d.len;
		for (int i = 0; i < d.n && !err; i++) {
			err = staging_write(s, from, d.iov[i].iov_base, d.iov[i].iov_len);
			from += d.iov[i].iov_len;
		}
		fs_data_done(&d);
		if (err)
			return err;
		if (len == 0)
			return -EIO;
		content_prefetch(c, from, from + 8 * COPY_STEP);
		content_check_behind(c);
	}
	return 0;
}

/* What was published is read back from the server before the upload is given up. */
static int stage_streaming(struct fs *fs, struct file *f, struct staging *s)
{
	_cleanup_content_ struct content *c = NULL;
	struct put_result r;
	int err;

	if (f->published > 0) {
		err = store_put_finish(f->put, &r);
		if (err)
			return err;
		err = content_new(fs->store, &fs->cache, r.nuid, r.size, r.chunks, r.max_chunk_size,
				  r.digest, &c);
		if (!err)
			err = copy_to_staging(c, 0, f->published, s);
		if (err)
			return err;
	}
	return f->tail ? staging_write(s, f->published, f->tail->data, f->tail->len) : 0;
}

int writer_stage(struct fs *fs, struct file *f)
{
	_cleanup_content_ struct content *c = NULL;
	struct staging *s = NULL;
	uint64_t size = f->size;
	int err;

	mutex_assert_held(&f->lock);
	if (f->state == FILE_STAGED)
		return 0;
	err = staging_new(&fs->staging, &s);
	if (!err && f->state == FILE_STREAMING)
		err = stage_streaming(fs, f, s);
	if (!err && f->state == FILE_CLEAN) {
		err = file_content(fs, f, &c);
		size = err ? 0 : c->size;
		if (!err)
			err = copy_to_staging(c, 0, size, s);
		if (err && c)
			err = file_read_error(fs, f, c, err);
	}
	if (err) {
		staging_free(s);
		return err;
	}
	writer_reset(f);
	f->state = FILE_STAGED;
	f->staging = s;
	f->size = size;
	return 0;
}

static int write_staged(struct file *f, uint64_t off, const void *data, size_t len)
{
	int err = staging_write(f->staging, off, data, len);

	if (!err && off + len > f->size)
		f->size = off + len;
	return err;
}

int writer_write(struct fs *fs, struct file *f, uint64_t off, const void *data, size_t len)
{
	int err = 0;

	mutex_assert_held(&f->lock);
	if (f->state == FILE_CLEAN && file_stored_size(fs, f) == 0)
		writer_start(f);
	if (f->state == FILE_CLEAN ||
	    (f->state == FILE_STREAMING && (off < f->published || off > f->size + GAP_MAX)))
		err = writer_stage(fs, f);
	if (err)
		return err;
	if (f->state == FILE_STREAMING)
		return write_streaming(fs, f, off, data, len);
	return write_staged(f, off, data, len);
}

static int truncate_streaming(struct fs *fs, struct file *f, uint64_t size)
{
	if (size > f->size)
		return append(fs, f, NULL, size - f->size);
	if (f->tail)
		f->tail->len = (size_t)(size - f->published);
	f->size = size;
	return 0;
}

int writer_truncate(struct fs *fs, struct file *f, uint64_t size)
{
	int err;

	mutex_assert_held(&f->lock);
	if (size == 0) {
		writer_start(f);
		return 0;
	}
	if (f->state == FILE_CLEAN && file_stored_size(fs, f) == 0)
		writer_start(f);
	if (f->state == FILE_STREAMING && size >= f->published && size <= f->size + GAP_MAX)
		return truncate_streaming(fs, f, size);
	err = writer_stage(fs, f);
	if (!err)
		err = staging_truncate(f->staging, size);
	if (!err)
		f->size = size;
	return err;
}

static int read_staged(struct file *f, uint64_t off, size_t len, struct fs_data *d)
{
	ssize_t n;

	d->copy = malloc(len);
	if (!d->copy)
		return -ENOMEM;
	n = staging_read(f->staging, off, d->copy, len);
	if (n < 0) {
		free(steal_ptr(d->copy));
		return (int)n;
	}
	d->n = 1;
	d->iov[0] = (struct iovec){d->copy, (size_t)n};
	d->len = (size_t)n;
	return 0;
}

int writer_read(struct fs *fs, struct file *f, uint64_t off, size_t len, bool may_wait,
		struct fs_data *ret)
{
	int err;

	*ret = (struct fs_data){0};
	if (off >= f->size || len == 0)
		return 0;
	if (len > f->size - off)
		len = (size_t)(f->size - off);
	if (f->state == FILE_STREAMING && off >= f->published) {
		ret->copy = malloc(len);
		if (!ret->copy)
			return -ENOMEM;
		memcpy(ret->copy, f->tail->data + (off - f->published), len);
		ret->n = 1;
		ret->iov[0] = (struct iovec){ret->copy, len};
		ret->len = len;
		return 0;
	}
	if (!may_wait)
		return -FS_WOULD_WAIT;
	err = writer_stage(fs, f);
	return err ? err : read_staged(f, off, len, ret);
}

static int upload_staged(struct fs *fs, struct file *f, struct store_put *put)
{
	uint64_t off = 0;
	int err = 0;

	while (!err && off < f->size) {
		struct chunk *chunk = chunk_new(fs->store->chunk_size);
		uint64_t want = f->size - off;
		ssize_t n;

		if (!chunk)
			return -ENOMEM;
		if (want > chunk->cap)
			want = chunk->cap;
		n = staging_read(f->staging, off, chunk->data, (size_t)want);
		if (n != (ssize_t)want) {
			chunk_unref(chunk);
			return n < 0 ? (int)n : -EIO;
		}
		chunk->len = (size_t)n;
		off += (uint64_t)n;
		err = store_put_add(put, chunk);
		if (!err)
			err = store_put_wait_room(put);
	}
	return err;
}

int writer_finish(struct fs *fs, struct file *f, struct store_put **ret_put, struct put_result *ret)
{
	int err = 0;

	mutex_assert_held(&f->lock);
	*ret_put = NULL;
	if (f->state == FILE_STREAMING) {
		if (f->tail && f->tail->len > 0)
			err = publish_tail(fs, f);
		else if (!f->put)
			err = store_put_open(fs->store, &f->put);
		return err ? err : store_put_finish(f->put, ret);
	}
	err = store_put_open(fs->store, ret_put);
	if (!err)
		err = upload_staged(fs, f, *ret_put);
	if (!err)
		err = store_put_finish(*ret_put, ret);
	if (err)
		store_put_close(steal_ptr(*ret_put), false);
	return err;
}
