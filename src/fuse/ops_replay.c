/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Handlers before the ordinary ones on mounts with inotify: they answer the calls of the helper
 * that plays the changes of others, and pass on everything else.
 *
 * What the helper removes or moves may be gone from the tree. For it the name is there, with a
 * node identifier that nothing else uses and that stays unknown to the tree.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>

#include "fuse/mount.h"
#include "fuse/replay.h"

/* Identifiers in the tree count up from 1. */
#define GHOST_BASE (UINT64_C(1) << 62)
#define GHOST_TIMEOUT 60.0

static bool is_helper(fuse_req_t req)
{
	return replay_is_helper(mount_of(req)->replay, req);
}

static void reply_ghost(fuse_req_t req, mode_t mode)
{
	static atomic_uint_fast64_t last;
	struct fuse_entry_param p = {.ino = GHOST_BASE + atomic_fetch_add(&last, 1),
				     .attr_timeout = GHOST_TIMEOUT};

	p.attr = (struct stat){.st_ino = p.ino,
			       .st_mode = mode,
			       .st_nlink = S_ISDIR(mode) ? 2 : 1,
			       .st_uid = fuse_req_ctx(req)->uid,
			       .st_gid = fuse_req_ctx(req)->gid};
	fuse_reply_entry(req, &p);
}

static enum replay_role role_of(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t *mode)
{
	return replay_role(mount_of(req)->replay, parent, name, mode);
}

static void on_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	enum replay_role role = REPLAY_NONE;
	mode_t mode = 0;

	if (is_helper(req))
		role = role_of(req, parent, name, &mode);
	switch (role) {
	case REPLAY_NONE:
		op_lookup(req, parent, name);
		break;
	case REPLAY_NEW:
		fuse_reply_err(req, ENOENT);
		break;
	case REPLAY_OLD:
		reply_ghost(req, mode);
		break;
	}
}

/* What is there under the name that the helper makes: counted, or -errno. The way to it is held. */
static int find_made(fuse_req_t req, fuse_ino_t parent, const char *name, struct route *route,
		     struct fs_entry *ret)
{
	const struct fs_ctx ctx = {.uid = fuse_req_ctx(req)->uid, .gid = fuse_req_ctx(req)->gid};
	struct fs *fs;
	mode_t mode;
	int err;

	*route = (struct route){0};
	if (role_of(req, parent, name, &mode) != REPLAY_NEW)
		return -EPERM;
	err = route_begin(mount_of(req), parent, WAY_ENTER, false, route);
	if (err)
		return err == -FS_WOULD_WAIT ? -ENOENT : err;
	fs = route->share->fs;
	err = fs_lookup(fs, &ctx, route->ino, name, ret);
	if (!err && !ret->nodeid)
		err = -ENOENT;
	if (!err && (ret->st.st_mode & S_IFMT) != (mode & S_IFMT)) {
		fs_forget(fs, ret->nodeid, 1);
		err = -ESTALE;
	}
	/* It is gone again, or what it is is not known in memory. */
	return err == -FS_WOULD_WAIT ? -ENOENT : err;
}

/* Entry parameters of what the helper makes. */
static struct fuse_entry_param param_of(fuse_req_t req, const struct route *r,
					const struct fs_entry *e)
{
	struct fuse_entry_param p = entry_param(r, e);

	if (route_is_directory(mount_of(req), r))
		route_show(mount_of(req), p.ino, &p.attr, &p.attr_timeout);
	return p;
}

static void reply_made(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param p;
	struct fs_entry e;
	struct route r;
	int err = find_made(req, parent, name, &r, &e);

	if (err) {
		fuse_reply_err(req, -err);
	} else {
		p = param_of(req, &r, &e);
		if (fuse_reply_entry(req, &p) != 0)
			fs_forget(r.share->fs, e.nodeid, 1);
	}
	route_end(&r);
}

static void on_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	struct fuse_entry_param p;
	struct fs_entry e;
	struct route r;
	int err;

	if (!is_helper(req)) {
		op_create(req, parent, name, mode, fi);
		return;
	}
	err = find_made(req, parent, name, &r, &e);
	if (err) {
		fuse_reply_err(req, -err);
	} else {
		p = param_of(req, &r, &e);
		fi->fh = 0;
		fi->keep_cache = 1;
		if (fuse_reply_create(req, &p, fi) != 0)
			fs_forget(r.share->fs, e.nodeid, 1);
	}
	route_end(&r);
}

static void on_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	if (is_helper(req))
		reply_made(req, parent, name);
	else
		op_mkdir(req, parent, name, mode);
}

static void on_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev)
{
	if (is_helper(req))
		reply_made(req, parent, name);
	else
		op_mknod(req, parent, name, mode, rdev);
}

static void on_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	if (is_helper(req))
		reply_made(req, parent, name);
	else
		op_symlink(req, target, parent, name);
}

static void reply_removed(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	mode_t mode;

	fuse_reply_err(req, role_of(req, parent, name, &mode) == REPLAY_OLD ? 0 : EPERM);
}

static void on_unlink(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (is_helper(req))
		reply_removed(req, parent, name);
	else
		op_unlink(req, parent, name);
}

static void on_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	if (is_helper(req))
		reply_removed(req, parent, name);
	else
		op_rmdir(req, parent, name);
}

static void on_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned flags)
{
	mode_t mode;

	if (!is_helper(req))
		op_rename(req, parent, name, new_parent, new_name, flags);
	else
		fuse_reply_err(req, role_of(req, parent, name, &mode) == REPLAY_OLD &&
						    role_of(req, new_parent, new_name, &mode) ==
							    REPLAY_NEW
					    ? 0
					    : EPERM);
}

static void on_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (!is_helper(req)) {
		op_open(req, ino, fi);
		return;
	}
	fi->fh = 0;
	fi->keep_cache = 1;
	fuse_reply_open(req, fi);
}

static void on_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	/* The attributes are those that the change has set. */
	if (is_helper(req))
		op_getattr(req, ino, NULL);
	else
		op_setattr(req, ino, attr, to_set, fi);
}

/* Only the helper's descriptors have no open file behind them. */
static void on_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (open_file_of(fi))
		op_flush(req, ino, fi);
	else
		fuse_reply_err(req, 0);
}

static void on_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	if (open_file_of(fi))
		op_release(req, ino, fi);
	else
		fuse_reply_err(req, 0);
}

void replay_wrap(struct fuse_lowlevel_ops *ops)
{
	ops->lookup = on_lookup;
	ops->create = on_create;
	ops->mkdir = on_mkdir;
	ops->mknod = on_mknod;
	ops->symlink = on_symlink;
	ops->unlink = on_unlink;
	ops->rmdir = on_rmdir;
	ops->rename = on_rename;
	ops->open = on_open;
	ops->setattr = on_setattr;
	ops->flush = on_flush;
	ops->release = on_release;
}
