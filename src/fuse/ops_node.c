/* SPDX-License-Identifier: Apache-2.0 */

/* Handlers for requests about inodes and directories. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/mount.h"
#include "util/buf.h"

void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	route_forget(mount_of(req), ino, nlookup);
	fuse_reply_none(req);
}

void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		route_forget(mount_of(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}

static int reply_attr(struct job *j, uint64_t mark, int err, const struct stat *st, double timeout)
{
	if (err)
		return job_reply_err(j, err);
	if (job_claim(j) && fuse_reply_attr(j->req, st, timeout) == 0)
		notify_recheck(j->m->notify, mark, j->nodeid, 0, NULL);
	return 0;
}

static int run_getattr(struct job *j)
{
	uint64_t mark = notify_mark(j->m->notify);
	struct stat st;
	double timeout;
	int err = fs_getattr(j->fs, &j->ctx, j->ino, &st, &timeout);

	if (!err && j->route.is_closed)
		route_show(j->m, j->nodeid, &st, &timeout);
	return reply_attr(j, mark, err, &st, timeout);
}

void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino, .way = WAY_LOOK};

	(void)fi;
	job_start(&j, req, run_getattr);
}

static unsigned to_fs_set(int to_set)
{
	static const struct {
		int fuse;
		unsigned fs;
	} map[] = {
		{FUSE_SET_ATTR_MODE, FS_SET_MODE},
		{FUSE_SET_ATTR_UID, FS_SET_UID},
		{FUSE_SET_ATTR_GID, FS_SET_GID},
		{FUSE_SET_ATTR_SIZE, FS_SET_SIZE},
		{FUSE_SET_ATTR_ATIME, FS_SET_ATIME},
		{FUSE_SET_ATTR_MTIME, FS_SET_MTIME},
		{FUSE_SET_ATTR_ATIME_NOW, FS_SET_ATIME | FS_SET_ATIME_NOW},
		{FUSE_SET_ATTR_MTIME_NOW, FS_SET_MTIME | FS_SET_MTIME_NOW},
	};
	unsigned set = 0;

	for (size_t i = 0; i < ARRAY_LEN(map); i++)
		if (to_set & map[i].fuse)
			set |= map[i].fs;
	return set;
}

static int run_setattr(struct job *j)
{
	uint64_t mark = notify_mark(j->m->notify);
	struct stat st;
	double timeout;
	int err = fs_setattr(j->fs, &j->ctx, j->ino, j->of ? j->of->h : NULL, &j->attr, j->set, &st,
			     &timeout);

	return reply_attr(j, mark, err, &st, timeout);
}

void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino,
			.way = WAY_MAKE,
			.attr = *attr,
			.set = to_fs_set(to_set),
			.of = open_file_of(fi)};

	job_start(&j, req, run_setattr);
}

static int run_readlink(struct job *j)
{
	_cleanup_free_ char *target = NULL;
	int err = fs_readlink(j->fs, &j->ctx, j->ino, &target);

	if (err)
		return job_reply_err(j, err);
	if (job_claim(j))
		fuse_reply_readlink(j->req, target);
	return 0;
}

void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct job j = {.nodeid = ino};

	job_start(&j, req, run_readlink);
}

static int run_statfs(struct job *j)
{
	struct statvfs st;
	int err = fs_statfs(j->fs, &j->ctx, &st);

	if (err)
		return job_reply_err(j, err);
	if (job_claim(j))
		fuse_reply_statfs(j->req, &st);
	return 0;
}

void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	struct job j = {.nodeid = ino};

	job_start(&j, req, run_statfs);
}

/* A bucket stays open while one of its directories is. */
static int run_opendir(struct job *j)
{
	int err = fs_opendir(j->fs, j->ino);

	if (err)
		return job_reply_err(j, err);
	share_hold(j->route.share);
	j->fi.fh = (uintptr_t)j->route.share;
	/* Listings are not cached by the kernel: they come from memory here, and a cached one that
	 * was read while an entry came or went would stay wrong. */
	if (!job_claim(j) || fuse_reply_open(j->req, &j->fi) != 0)
		share_leave(j->route.share);
	return 0;
}

void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct job j = {.nodeid = ino, .fi = *fi};

	job_start(&j, req, run_opendir);
}

void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	share_leave((struct share *)(uintptr_t)fi->fh);
	fuse_reply_err(req, 0);
}

void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi)
{
	(void)ino;
	(void)datasync;
	(void)fi;
	/* Every change of a name was acknowledged before its call returned. */
	fuse_reply_err(req, 0);
}

/* A reply to readdir being filled, and the lookups it counts. */
struct listing {
	fuse_req_t req;
	const struct route *route;
	bool is_directory; /* of buckets */
	char *buf;
	size_t size, len;
	bool is_plus;
	uint64_t *counted;
	size_t n_counted, cap_counted;
	struct buf names; /* of the counted, each with its NUL */
};

static int note_counted(struct listing *l, uint64_t nodeid)
{
	if (l->n_counted == l->cap_counted) {
		size_t cap = l->cap_counted ? l->cap_counted * 2 : 64;
		uint64_t *counted = reallocarray(l->counted, cap, sizeof(*counted));

		if (!counted)
			return -ENOMEM;
		l->counted = counted;
		l->cap_counted = cap;
	}
	l->counted[l->n_counted++] = nodeid;
	return 0;
}

static int fill(void *arg, const char *name, const struct fs_entry *e, uint64_t next)
{
	struct listing *l = arg;
	size_t need;

	if (l->is_plus) {
		struct fuse_entry_param p = entry_param(l->route, e);

		/* See route_show, which cannot be asked here. */
		if (l->is_directory)
			p.attr_timeout = 0;
		need = fuse_add_direntry_plus(l->req, l->buf + l->len, l->size - l->len, name, &p,
					      (off_t)next);
	} else {
		need = fuse_add_direntry(l->req, l->buf + l->len, l->size - l->len, name, &e->st,
					 (off_t)next);
	}
	if (need > l->size - l->len)
		return 1;
	if (e->nodeid) {
		buf_append(&l->names, name, strlen(name) + 1);
		if (buf_error(&l->names) || note_counted(l, e->nodeid) < 0)
			return 1;
	}
	l->len += need;
	return 0;
}

static int run_readdir(struct job *j)
{
	struct listing l = {.req = j->req,
			    .route = &j->route,
			    .is_directory = route_is_directory(j->m, &j->route),
			    .size = j->size,
			    .is_plus = j->is_plus};
	uint64_t mark = notify_mark(j->m->notify);
	const char *name;
	int err, r = 0;

	l.buf = malloc(l.size);
	if (!l.buf)
		return job_reply_err(j, -ENOMEM);
	buf_init(&l.names, l.size);
	err = fs_readdir(j->fs, &j->ctx, j->ino, j->off, j->is_plus, fill, &l);
	if (err) {
		r = job_reply_err(j, err);
	} else if (!job_claim(j) || fuse_reply_buf(j->req, l.buf, l.len) != 0) {
		err = -EINTR;
	}
	name = l.names.data;
	for (size_t i = 0; i < l.n_counted; i++) {
		if (err)
			fs_forget(j->fs, l.counted[i], 1);
		else
			notify_recheck(j->m->notify, mark,
				       share_nodeid(j->route.share, l.counted[i]), j->nodeid, name);
		name += strlen(name) + 1;
	}
	buf_done(&l.names);
	free(l.counted);
	free(l.buf);
	return r;
}

static void start_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, bool is_plus)
{
	struct job j = {.nodeid = ino, .size = size, .off = (uint64_t)off, .is_plus = is_plus};

	job_start(&j, req, run_readdir);
}

void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi)
{
	(void)fi;
	start_readdir(req, ino, size, off, false);
}

void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi)
{
	(void)fi;
	start_readdir(req, ino, size, off, true);
}
