/* SPDX-License-Identifier: Apache-2.0 */

/* Handlers for requests about names. */

#include <errno.h>

#include "fuse/mount.h"
#include "fuse/passthrough.h"

struct fuse_entry_param entry_param(const struct route *r, const struct fs_entry *e)
{
	return (struct fuse_entry_param){
		.ino = e->nodeid ? share_nodeid(r->share, e->nodeid) : 0,
		.generation = 0,
		.attr = e->st,
		.attr_timeout = e->attr_timeout,
		.entry_timeout = e->entry_timeout,
	};
}

/* Replies with an entry that counts a lookup; undoes the count when nobody hears it. */
static int reply_entry(struct job *j, uint64_t mark, int err, const struct fs_entry *e)
{
	struct fuse_entry_param p;

	if (err)
		return job_reply_err(j, err);
	p = entry_param(&j->route, e);
	if (route_is_directory(j->m, &j->route))
		route_show(j->m, p.ino, &p.attr, &p.attr_timeout);
	if (!job_claim(j) || fuse_reply_entry(j->req, &p) != 0) {
		if (e->nodeid)
			fs_forget(j->fs, e->nodeid, 1);
		return 0;
	}
	notify_recheck(j->m->notify, mark, p.ino, j->nodeid, j->name);
	return 0;
}

static int run_lookup(struct job *j)
{
	uint64_t mark = notify_mark(j->m->notify);
	struct fs_entry e;
	int err = fs_lookup(j->fs, &j->ctx, j->ino, j->name, &e);

	return reply_entry(j, mark, err, &e);
}

void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct job j = {.nodeid = parent, .name = name};

	job_start(&j, req, run_lookup);
}

static int run_mknod(struct job *j)
{
	uint64_t mark = notify_mark(j->m->notify);
	struct fs_entry e;
	int err = fs_mknod(j->fs, &j->ctx, j->ino, j->name, j->mode, j->rdev, &e);

	return reply_entry(j, mark, err, &e);
}

void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	struct job j = {
		.nodeid = parent, .way = WAY_MAKE, .name = name, .mode = mode, .rdev = rdev};

	job_start(&j, req, run_mknod);
}

static int run_mkdir(struct job *j)
{
	uint64_t mark = notify_mark(j->m->notify);
	struct fs_entry e;
	int err = route_is_directory(j->m, &j->route)
			  ? bucket_mkdir(j, &e)
			  : fs_mkdir(j->fs, &j->ctx, j->ino, j->name, j->mode, &e);

	return reply_entry(j, mark, err, &e);
}

void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	struct job j = {.nodeid = parent, .name = name, .mode = mode};

	job_start(&j, req, run_mkdir);
}

static int run_symlink(struct job *j)
{
	uint64_t mark = notify_mark(j->m->notify);
	struct fs_entry e;
	int err = fs_symlink(j->fs, &j->ctx, j->name2, j->ino, j->name, &e);

	return reply_entry(j, mark, err, &e);
}

void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	struct job j = {.nodeid = parent, .way = WAY_MAKE, .name = name, .name2 = target};

	job_start(&j, req, run_symlink);
}

static int run_link(struct job *j)
{
	uint64_t mark = notify_mark(j->m->notify);
	struct fs_entry e;
	int err = fs_link(j->fs, &j->ctx, j->ino2, j->ino, j->name, &e);

	return reply_entry(j, mark, err, &e);
}

void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name)
{
	struct job j = {.nodeid = parent, .nodeid2 = ino, .way = WAY_MAKE, .name = name};

	job_start(&j, req, run_link);
}

static int run_unlink(struct job *j)
{
	return job_reply_err(j, fs_unlink(j->fs, &j->ctx, j->ino, j->name));
}

void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct job j = {.nodeid = parent, .name = name};

	job_start(&j, req, run_unlink);
}

static int run_rmdir(struct job *j)
{
	if (route_is_directory(j->m, &j->route))
		return job_reply_err(j, bucket_rmdir(j));
	return job_reply_err(j, fs_rmdir(j->fs, &j->ctx, j->ino, j->name));
}

void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct job j = {.nodeid = parent, .name = name};

	job_start(&j, req, run_rmdir);
}

static int run_rename(struct job *j)
{
	return job_reply_err(j, fs_rename(j->fs, &j->ctx, j->ino, j->name, j->ino2, j->name2,
					  (unsigned)j->flags));
}

void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags)
{
	struct job j = {.nodeid = parent,
			.way = WAY_MOVE,
			.name = name,
			.nodeid2 = new_parent,
			.name2 = new_name,
			.flags = (int)flags};

	job_start(&j, req, run_rename);
}

static int run_create(struct job *j)
{
	uint64_t mark = notify_mark(j->m->notify);
	struct mount *m = j->m;
	struct fuse_entry_param p;
	struct fs_handle *h;
	struct open_file *of;
	struct fs_entry e;
	bool keep_cache;
	int err;

	err = fs_create(j->fs, &j->ctx, j->ino, j->name, j->mode, j->fi.flags, &e, &h, &keep_cache);
	if (err)
		return job_reply_err(j, err);
	of = open_file_new(m, j->route.share, h);
	if (!of) {
		(void)fs_release(j->fs, &j->ctx, h);
		fs_forget(j->fs, e.nodeid, 1);
		return job_reply_err(j, -ENOMEM);
	}
	p = entry_param(&j->route, &e);
	j->fi.fh = (uintptr_t)of;
	passthrough_fill(&j->fi, h, keep_cache);
	if (!job_claim(j) || fuse_reply_create(j->req, &p, &j->fi) != 0) {
		open_file_put(of);
		fs_forget(j->fs, e.nodeid, 1);
		return 0;
	}
	notify_recheck(m->notify, mark, p.ino, j->nodeid, j->name);
	return 0;
}

void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi)
{
	struct job j = {.nodeid = parent, .way = WAY_MAKE, .name = name, .mode = mode, .fi = *fi};

	job_start(&j, req, run_create);
}
