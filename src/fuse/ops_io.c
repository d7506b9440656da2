/* SPDX-License-Identifier: Apache-2.0 */

/* Handlers for requests about open files. */

#include <errno.h>
#include <fcntl.h>

#include "fuse/mount.h"
#include "fuse/passthrough.h"

static int run_open(struct job *j)
{
	struct fs_handle *h;
	struct open_file *of;
	bool keep_cache = false;
	int err = fs_open(j->fs, &j->ctx, j->ino, j->fi.flags, &h, &keep_cache);

	if (err)
		return job_reply_err(j, err);
	of = open_file_new(j->m, j->route.share, h);
	if (!of) {
		(void)fs_release(j->fs, &j->ctx, h);
		return job_reply_err(j, -ENOMEM);
	}
	j->fi.fh = (uintptr_t)of;
	passthrough_fill(&j->fi, h, keep_cache);
	/* The close of a reader stores nothing; but it gives back locks that are not the kernel's.
	 */
	j->fi.noflush =
		(j->fi.flags & (O_ACCMODE | O_TRUNC | O_CREAT)) == O_RDONLY && !j->m->has_locks;
	if (!job_claim(j) || fuse_reply_open(j->req, &j->fi) != 0)
		open_file_put(of);
	return 0;
}

void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino, .fi = *fi};

	job_start(&j, req, run_open);
}

static int run_read(struct job *j)
{
	struct open_file *of = j->of;
	struct fs_data d;
	int err = fs_read(j->fs, &j->ctx, of->h, j->off, j->size, &d);

	if (err)
		return job_reply_err(j, err);
	/* After the reply a release may come; what follows still uses the file. */
	atomic_fetch_add(&of->refs, 1);
	if (job_claim(j))
		fuse_reply_iov(j->req, d.iov, d.n);
	fs_data_done(&d);
	fs_read_behind(j->fs, of->h);
	open_file_put(of);
	return 0;
}

void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino, .size = size, .off = (uint64_t)off, .of = open_file_of(fi)};

	job_start(&j, req, run_read);
}

static int run_write(struct job *j)
{
	int err;

	j->ctx.is_page = j->fi.writepage;
	err = fs_write(j->fs, &j->ctx, j->of->h, j->off, j->data, j->size);

	if (err)
		return job_reply_err(j, err);
	if (job_claim(j))
		fuse_reply_write(j->req, j->size);
	return 0;
}

void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	      struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino,
			.size = size,
			.data = data,
			.off = (uint64_t)off,
			.of = open_file_of(fi),
			.fi = *fi};

	job_start(&j, req, run_write);
}

static int run_flush(struct job *j)
{
	/* A task that a signal ends cannot be interrupted any more, and hears no error: it must not
	 * wait for an upload. */
	j->ctx.is_dying = j->is_queued && fs_is_dying(j->ctx.pid);
	if (j->ctx.is_dying)
		job_reply_err(j, 0);
	return job_reply_flush(j, fs_flush(j->fs, &j->ctx, j->of->h));
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino, .of = open_file_of(fi), .fi = *fi};

	job_start(&j, req, run_flush);
}

static int run_fsync(struct job *j)
{
	return job_reply_err(j, fs_fsync(j->fs, &j->ctx, j->of->h));
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino, .of = open_file_of(fi)};

	(void)datasync;
	job_start(&j, req, run_fsync);
}

static int run_fallocate(struct job *j)
{
	return job_reply_err(j, fs_fallocate(j->fs, &j->ctx, j->of->h, j->flags, j->off, j->size));
}

void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino,
			.flags = mode,
			.off = (uint64_t)off,
			.size = (size_t)len,
			.of = open_file_of(fi)};

	job_start(&j, req, run_fallocate);
}

static int run_lseek(struct job *j)
{
	uint64_t at;
	int err = fs_lseek(j->fs, &j->ctx, j->of->h, j->off, j->flags, &at);

	if (err)
		return job_reply_err(j, err);
	if (job_claim(j))
		fuse_reply_lseek(j->req, (off_t)at);
	return 0;
}

void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi)
{
	struct job j = {
		.nodeid = ino, .flags = whence, .off = (uint64_t)off, .of = open_file_of(fi)};

	job_start(&j, req, run_lseek);
}

static int run_copy(struct job *j)
{
	uint64_t done;
	int err =
		fs_copy_range(j->fs, &j->ctx, j->of->h, j->off, j->of2->h, j->off2, j->size, &done);

	if (err)
		return job_reply_err(j, err);
	if (job_claim(j))
		fuse_reply_write(j->req, (size_t)done);
	return 0;
}

void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
			struct fuse_file_info *fi_out, size_t len, int flags)
{
	struct job j = {.nodeid = ino_in,
			.nodeid2 = ino_out,
			.off = (uint64_t)off_in,
			.off2 = (uint64_t)off_out,
			.size = len,
			.of = open_file_of(fi_in),
			.of2 = open_file_of(fi_out)};

	(void)flags;
	job_start(&j, req, run_copy);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	/* Nobody waits for this reply. */
	fuse_reply_err(req, 0);
	open_file_put(open_file_of(fi));
}
