/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unsaved content of an open inode.
 *
 * STREAMING: bytes [0, published) went to put as full chunks and cannot change; [published, size)
 * are in tail. A write at or behind the published boundary is taken there, with zeros for a gap.
 * What was published is read back from the server.
 *
 * STAGED: a draft over the version the change builds on. A stream becomes one when something below
 * its boundary changes, or by a gap too large to be worth uploading now: what it has published is
 * then the base, and the chunks stay in the bucket until the commit is through.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file.h"
#include "fs/internal.h"

#define GAP_MAX (UINT64_C(1) << 20)
#define UPLOAD_AHEAD (UINT64_C(8) << 20)

void writer_reset(struct file *f)
{
	content_unref(steal_ptr(f->sent));
	draft_free(steal_ptr(f->draft));
	store_put_close(steal_ptr(f->put), false);
	store_put_close(steal_ptr(f->base_put), false);
	chunk_unref(steal_ptr(f->tail));
	f->published = 0;
	f->size = 0;
	f->state = FILE_CLEAN;
	f->error = 0;
	f->is_append_only = false;
	f->is_rebased = false;
	atomic_store(&f->is_outdated, false);
}

void writer_start(struct file *f, bool is_rewrite)
{
	writer_reset(f);
	f->state = FILE_STREAMING;
	f->is_rewrite = is_rewrite;
	f->append_from = 0;
}

/* Notes what kind of change begins or goes on. */
static void note_change(struct fs *fs, struct file *f, bool is_append)
{
	if (f->state == FILE_CLEAN) {
		f->node_size = file_stored_size(fs, f);
		if (f->node_size == 0)
			writer_start(f, false);
		f->append_from = f->node_size;
		f->is_append_only = is_append;
	} else if (!is_append) {
		f->is_append_only = false;
	}
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

bool writer_is_ready(struct file *f, uint64_t off, size_t len, bool is_append)
{
	switch (f->state) {
	case FILE_FAILED:
		return true;
	case FILE_CLEAN:
		return is_append && f->base && off + len <= STAGING_MEMORY;
	case FILE_STAGED:
		return !draft_may_wait(f->draft, off + len);
	case FILE_STREAMING:
		break;
	}
	if (off < f->published || off > f->size + GAP_MAX)
		return false;
	/* Within the tail no room is needed. */
	if (off + len <= f->published + (f->tail ? f->tail->cap : 0))
		return true;
	return !f->put || store_put_has_room(f->put);
}

/* What was published up to end at least, as a content to read. */
static int sent_content(struct fs *fs, struct file *f, uint64_t end)
{
	struct obj_info info = {0};
	struct put_result r;
	int err;

	if (f->sent && f->sent->size >= end)
		return 0;
	err = store_put_finish(f->put, &r);
	if (err)
		return err;
	content_unref(steal_ptr(f->sent));
	put_result_describe(&r, &info);
	return content_new(fs->store, &fs->cache, NULL, &info, &f->sent);
}

static int stage_streaming(struct fs *fs, struct file *f, struct draft **ret)
{
	_cleanup_draft_ struct draft *d = NULL;
	int err = f->published > 0 ? sent_content(fs, f, f->published) : 0;

	if (!err)
		err = draft_new(&fs->staging, f->published > 0 ? f->sent : NULL, f->published, &d);
	if (!err && f->tail)
		err = draft_write(d, f->published, f->tail->data, f->tail->len);
	if (err)
		return err;
	content_unref(steal_ptr(f->sent));
	chunk_unref(steal_ptr(f->tail));
	f->base_put = steal_ptr(f->put);
	f->published = 0;
	*ret = steal_ptr(d);
	return 0;
}

static int stage_clean(struct fs *fs, struct file *f, struct draft **ret)
{
	_cleanup_content_ struct content *c = NULL;
	int err = file_content(fs, f, &c);

	if (!err)
		err = draft_new(&fs->staging, c, c->size, ret);
	if (!err)
		f->size = c->size;
	return err;
}

int writer_stage(struct fs *fs, struct file *f)
{
	int err;

	mutex_assert_held(&f->lock);
	if (f->state == FILE_STAGED)
		return 0;
	if (f->state == FILE_STREAMING)
		err = stage_streaming(fs, f, &f->draft);
	else
		err = stage_clean(fs, f, &f->draft);
	if (!err)
		f->state = FILE_STAGED;
	return err;
}

/* A stored version that is small is fetched with the first change: it would be needed soon anyway,
 * and other clients purge at once what they replace. Without it the change is still one; whether it
 * can be stored, shows then. */
static void secure_small_base(struct file *f)
{
	const struct content *base = f->draft->base;

	if (base && base->size <= FILE_SMALL && !f->base_put && !f->is_append_only)
		(void)!draft_fetch(f->draft, f->size, FILE_SMALL);
}

int writer_write(struct fs *fs, struct file *f, uint64_t off, const void *data, size_t len,
		 bool is_append)
{
	int err = 0;

	mutex_assert_held(&f->lock);
	note_change(fs, f, is_append);
	if (f->state == FILE_STREAMING && off >= f->published && off <= f->size + GAP_MAX)
		return write_streaming(fs, f, off, data, len);
	err = writer_stage(fs, f);
	if (!err)
		err = draft_write(f->draft, off, data, len);
	if (err)
		return err;
	if (off + len > f->size)
		f->size = off + len;
	secure_small_base(f);
	return 0;
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
		writer_start(f, true);
		return 0;
	}
	note_change(fs, f, false);
	if (f->state == FILE_STREAMING && size >= f->published && size <= f->size + GAP_MAX)
		return truncate_streaming(fs, f, size);
	err = writer_stage(fs, f);
	if (!err && size < f->size)
		err = draft_zero(f->draft, size, RANGES_END);
	if (err)
		return err;
	f->size = size;
	secure_small_base(f);
	return 0;
}

int writer_zero(struct fs *fs, struct file *f, uint64_t from, uint64_t to)
{
	int err;

	mutex_assert_held(&f->lock);
	note_change(fs, f, false);
	err = writer_stage(fs, f);
	if (!err)
		err = draft_zero(f->draft, from, to);
	if (!err)
		secure_small_base(f);
	return err;
}

static int read_streaming(struct fs *fs, struct file *f, uint64_t off, uint8_t *buf, size_t len,
			  bool may_wait)
{
	if (off < f->published) {
		size_t n = len < f->published - off ? len : (size_t)(f->published - off);
		int err;

		if (!may_wait)
			return -FS_WOULD_WAIT;
		err = sent_content(fs, f, off + n);
		if (!err)
			err = content_copy(f->sent, off, buf, n, true);
		if (err)
			return err;
		buf += n;
		off += n;
		len -= n;
	}
	if (len > 0)
		memcpy(buf, f->tail->data + (off - f->published), len);
	return 0;
}

int writer_read(struct fs *fs, struct file *f, uint64_t off, size_t *ret_len, bool may_wait,
		struct fs_data *ret, struct content **ret_stored)
{
	size_t len = *ret_len;
	int err;

	*ret = (struct fs_data){0};
	*ret_stored = NULL;
	if (off >= f->size || len == 0)
		return 0;
	if (len > f->size - off)
		*ret_len = len = (size_t)(f->size - off);
	if (f->state == FILE_STAGED && !f->base_put && draft_is_base(f->draft, off, len)) {
		*ret_stored = content_ref(f->draft->base);
		return 0;
	}
	ret->copy = malloc(len);
	if (!ret->copy)
		return -ENOMEM;
	if (f->state == FILE_STAGED)
		err = draft_read(f->draft, off, ret->copy, len, may_wait);
	else
		err = read_streaming(fs, f, off, ret->copy, len, may_wait);
	if (err) {
		free(steal_ptr(ret->copy));
		return err;
	}
	ret->n = 1;
	ret->iov[0] = (struct iovec){ret->copy, len};
	ret->len = len;
	return 0;
}

static int upload_draft(struct fs *fs, struct file *f)
{
	uint64_t off = 0;
	int err = 0;

	while (!err && off < f->size) {
		struct chunk *chunk = chunk_new(fs->store->chunk_size);
		uint64_t want = f->size - off;

		if (!chunk)
			return -ENOMEM;
		chunk->len = want < chunk->cap ? (size_t)want : chunk->cap;
		err = draft_read(f->draft, off, chunk->data, chunk->len, true);
		if (err) {
			chunk_unref(chunk);
			break;
		}
		off += chunk->len;
		draft_prefetch(f->draft, off, off + UPLOAD_AHEAD);
		err = store_put_add(f->put, chunk);
		if (!err)
			err = store_put_wait_room(f->put);
		if (f->draft->base)
			content_check_behind(f->draft->base);
		if (!err && f->gives_way && atomic_load(&f->n_impatient) > 0)
			err = -ECANCELED;
	}
	return err ? err : draft_verify_base(f->draft);
}

int writer_foretell(struct fs *fs, struct file *f, struct put_result *ret)
{
	int err = 0;

	mutex_assert_held(&f->lock);
	if (f->state == FILE_STREAMING) {
		if (f->tail && f->tail->len > 0)
			err = publish_tail(fs, f);
		else if (!f->put)
			err = store_put_open(fs->store, &f->put);
		return err ? err : store_put_foretell(f->put, ret);
	}
	/* An earlier attempt to commit left its chunks. */
	store_put_close(steal_ptr(f->put), false);
	err = store_put_open(fs->store, &f->put);
	if (!err)
		err = upload_draft(fs, f);
	if (!err)
		err = store_put_foretell(f->put, ret);
	if (err)
		store_put_close(steal_ptr(f->put), false);
	return err;
}

int writer_finish(struct fs *fs, struct file *f, struct put_result *ret)
{
	int err = writer_foretell(fs, f, ret);

	return err ? err : store_put_finish(f->put, ret);
}
