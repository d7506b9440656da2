/* SPDX-License-Identifier: Apache-2.0 */

/* Handlers for requests about open files. */

#include <errno.h>

#include "fuse/mount.h"

static int run_open(struct job *j)
{
	struct fs_handle *h;
	struct open_file *of;
	bool keep_cache;
	int err = fs_open(j->m->fs, &j->ctx, j->nodeid, j->fi.flags, &h, &keep_cache);

	if (err)
		return job_reply_err(j, err);
	of = open_file_new(j->m, h);
	if (!of) {
		(void)fs_release(j->m->fs, &j->ctx, h);
		return job_reply_err(j, -ENOMEM);
	}
	j->fi.fh = (uintptr_t)of;
	j->fi.keep_cache = keep_cache;
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
	int err = fs_read(j->m->fs, &j->ctx, of->h, j->off, j->size, &d);

	if (err)
		return job_reply_err(j, err);
	/* After the reply a release may come; what follows still uses the file. */
	atomic_fetch_add(&of->refs, 1);
	if (job_claim(j))
		fuse_reply_iov(j->req, d.iov, d.n);
	fs_data_done(&d);
	fs_read_behind(j->m->fs, of->h);
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
	int err = fs_write(j->m->fs, &j->ctx, j->of->h, j->off, j->data, j->size);

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
			.of = open_file_of(fi)};

	job_start(&j, req, run_write);
}

static int run_flush(struct job *j)
{
	return job_reply_err(j, fs_flush(j->m->fs, &j->ctx, j->of->h));
}

void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino, .of = open_file_of(fi)};

	job_start(&j, req, run_flush);
}

static int run_fsync(struct job *j)
{
	return job_reply_err(j, fs_fsync(j->m->fs, &j->ctx, j->of->h));
}

void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino, .of = open_file_of(fi)};

	(void)datasync;
	job_start(&j, req, run_fsync);
}

void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	/* Nobody waits for this reply. */
	fuse_reply_err(req, 0);
	open_file_put(open_file_of(fi));
}
