/* SPDX-License-Identifier: Apache-2.0 */

/* chmod, chown, utimensat and truncate. */

#include <errno.h>
#include <string.h>

#include "fs/acl.h"
#include "fs/backing.h"
#include "fs/file.h"
#include "fs/plain.h"
#include "fs/procfd.h"
#include "fs/publish.h"
#include "util/clock.h"

/* What setattr asks for, times made absolute. */
struct attr_change {
	unsigned set;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	int64_t atime_ns, mtime_ns, now_ns;
	mode_t drop;	 /* what a change of the content takes away */
	bool drops_sgid; /* of a file that its group cannot run: the caller is not in that group */
};

/* Times outside of what 64 bits of nanoseconds hold become the nearest that is inside. */
static int64_t from_timespec(struct timespec ts)
{
	if (ts.tv_sec >= INT64_MAX / NS_PER_SEC)
		return INT64_MAX;
	if (ts.tv_sec <= INT64_MIN / NS_PER_SEC)
		return INT64_MIN;
	return (int64_t)ts.tv_sec * NS_PER_SEC + ts.tv_nsec;
}

static struct attr_change to_change(const struct stat *attr, unsigned set)
{
	int64_t now = clock_wall_ns();

	return (struct attr_change){
		.set = set,
		.mode = attr->st_mode & 07777,
		.uid = attr->st_uid,
		.gid = attr->st_gid,
		.atime_ns = set & FS_SET_ATIME_NOW ? now : from_timespec(attr->st_atim),
		.mtime_ns = set & FS_SET_MTIME_NOW ? now : from_timespec(attr->st_mtim),
		.now_ns = now};
}

/* The access list shows in the permission bits, and follows them. */
static int chmod_acl(struct node *n, mode_t mode)
{
	struct buf acl CLEANUP(buf_done) = {0};
	int err;

	buf_init(&acl, XATTR_VALUE_LEN_MAX);
	err = xattrs_get(&n->x->xattrs, XATTR_ACL_ACCESS, &acl);
	if (err)
		return err == -ENODATA ? 0 : err;
	/* Somebody else may have put there what is no list. */
	if (!acl_is_valid((const uint8_t *)acl.data, acl.len))
		return 0;
	acl_chmod((uint8_t *)acl.data, acl.len, mode);
	return node_set_xattr(n, XATTR_ACL_ACCESS, acl.data, acl.len);
}

/* chown(2) takes away what would give the new owner's rights to others. */
static void drop_for_chown(const struct attr_change *c, struct node *n)
{
	if (S_ISDIR(n->mode))
		return;
	n->mode &= ~(mode_t)S_ISUID;
	if ((n->mode & S_IXGRP) || c->drops_sgid)
		n->mode &= ~(mode_t)S_ISGID;
	(void)!node_set_xattr(n, XATTR_CAPABILITY, NULL, 0);
}

/* Everything but the size. Tree lock held, or n is nobody else's. */
static int apply_change(const void *arg, struct node *n)
{
	const struct attr_change *c = arg;
	int err = c->set & FS_SET_MODE ? chmod_acl(n, c->mode) : 0;

	if (err)
		return err;
	if (c->set & FS_SET_MODE)
		n->mode = (n->mode & S_IFMT) | c->mode;
	else if (c->set == 0 || (c->set & (FS_SET_UID | FS_SET_GID)))
		drop_for_chown(c, n);
	if (c->set & FS_SET_UID)
		n->uid = c->uid;
	if (c->set & FS_SET_GID)
		n->gid = c->gid;
	if (c->set & FS_SET_ATIME)
		n->atime_ns = c->atime_ns;
	if (c->set & FS_SET_MTIME) {
		n->mtime_ns = c->mtime_ns;
		n->is_mtime_set = true;
	}
	if (c->set & FS_SET_SIZE) {
		n->mode &= ~c->drop;
		(void)!node_set_xattr(n, XATTR_CAPABILITY, NULL, 0);
	}
	n->ctime_ns = c->now_ns;
	return 0;
}

/* What a file gives to those who run it, and who shares its group. */
struct privileges {
	mode_t mode;
	gid_t gid;
	bool has_capability;
};

static struct privileges privileges_of(struct fs *fs, const struct node *n)
{
	LOCK_SCOPE(&fs->tree.lock);
	return (struct privileges){
		.mode = n->mode,
		.gid = n->gid,
		.has_capability = xattrs_has(&n->x->xattrs, XATTR_CAPABILITY),
	};
}

/* Which bits of its mode a write of the caller takes away (inode(7), set-user-ID and set-group-ID).
 */
static mode_t bits_to_drop(const struct fs_ctx *ctx, const struct privileges *p)
{
	struct procfd_rights rights;
	mode_t drop = p->mode & S_ISUID;

	if (!S_ISREG(p->mode) || !(p->mode & (S_ISUID | S_ISGID)))
		return 0;
	rights = procfd_rights(ctx->pid, p->gid);
	if (rights.has_fsetid)
		return 0;
	if ((p->mode & S_IXGRP) || !rights.is_in_group)
		drop |= p->mode & S_ISGID;
	return drop;
}

bool fs_loses_sgid(struct fs *fs, const struct fs_ctx *ctx, const struct node *n)
{
	struct privileges p = privileges_of(fs, n);
	struct procfd_rights rights;

	if (!(p.mode & S_ISGID))
		return false;
	rights = procfd_rights(ctx->pid, p.gid);
	return !rights.is_in_group && !rights.has_fsetid;
}

void fs_drop_privileges(struct fs *fs, const struct fs_ctx *ctx, struct node *n)
{
	struct privileges p;
	mode_t drop;

	/* Pages written back have no writer. */
	if (ctx->pid == 0)
		return;
	p = privileges_of(fs, n);
	drop = bits_to_drop(ctx, &p);
	if (!drop && !p.has_capability)
		return;
	LOCK_SCOPE(&fs->tree.lock);
	n->mode &= ~drop;
	if (p.has_capability)
		(void)!node_set_xattr(n, XATTR_CAPABILITY, NULL, 0);
	fs_inval_inode(fs, n, -1, 0);
}

/* What a call that might have changed the content does although it leaves it as it is. */
static int change_nothing(struct fs *fs, const struct fs_ctx *ctx, struct node *n,
			  struct attr_change *c)
{
	struct privileges p = privileges_of(fs, n);

	c->drop = bits_to_drop(ctx, &p);
	if (!(c->set & FS_SET_MTIME))
		c->mtime_ns = c->now_ns;
	c->set |= FS_SET_SIZE | FS_SET_MTIME;
	return fs_change(fs, n, apply_change, c);
}

int fs_touch(struct fs *fs, const struct fs_ctx *ctx, struct node *n)
{
	struct attr_change c = {.now_ns = clock_wall_ns()};

	return change_nothing(fs, ctx, n, &c);
}

/* Changes the size of an open state, and with it, when that leaves something unsaved, the other
 * attributes: *ret_is_done. File lock held. */
static int resize(struct fs *fs, const struct fs_ctx *ctx, struct file *f, uint64_t size,
		  const struct attr_change *c, bool *ret_is_done)
{
	int err = f->state == FILE_FAILED && size > 0 ? f->error : 0;

	*ret_is_done = false;
	if (!err)
		err = fs_lock_check(fs, f);
	if (!err)
		err = backing_make_way(fs, f);
	if (!err && f->state == FILE_CLEAN)
		err = file_load_base(fs, f, false);
	if (!err)
		err = file_check_room(fs, f, size);
	if (!err && !(f->state == FILE_CLEAN && file_stored_size(fs, f) == size))
		err = writer_truncate(fs, f, size);
	if (err || f->state == FILE_CLEAN)
		return err;
	file_touch(fs, f, true);
	fs_drop_privileges(fs, ctx, f->node);
	*ret_is_done = true;
	LOCK_SCOPE(&fs->tree.lock);
	return apply_change(c, f->node);
}

static int set_size(struct fs *fs, const struct fs_ctx *ctx, struct node *n, struct fs_handle *h,
		    uint64_t size, const struct attr_change *c, bool *ret_is_done)
{
	struct file *f;
	int err;

	if (n->dir)
		return -EISDIR;
	if (size > fs->cfg.max_file_size)
		return -EFBIG;
	mutex_lock(&fs->tree.lock);
	f = file_get_locked(fs, n);
	mutex_unlock(&fs->tree.lock);
	if (!f)
		return -ENOMEM;
	if (size == 0)
		atomic_fetch_add(&f->n_impatient, 1);
	err = file_lock(f, ctx);
	if (size == 0)
		atomic_fetch_sub(&f->n_impatient, 1);
	if (!err) {
		err = resize(fs, ctx, f, size, c, ret_is_done);
		/* truncate(2) has no close that could commit, nor has a close that gave way. */
		if (!h && f->n_writers == 0) {
			int stored = file_commit_last(fs, f);

			err = err ? err : stored;
		}
		mutex_unlock(&f->lock);
	}
	file_put(fs, f);
	return err;
}

int fs_setattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, struct fs_handle *h,
	       const struct stat *attr, unsigned set, struct stat *ret, double *ret_timeout)
{
	struct attr_change c;
	bool is_done = false;
	struct node *n;
	int err = fs_begin_change(fs, ctx);

	if (err)
		return err;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	n = fs_pin(fs, nodeid);
	if (!n)
		return -ESTALE;
	if (n->virtual_kind)
		err = -EPERM;
	else if (fs_is_plain(fs))
		err = plain_check_attr(fs, n, attr, &set);
	c = to_change(attr, set);
	c.drops_sgid = fs_loses_sgid(fs, ctx, n);
	if (!err && (set & FS_SET_SIZE))
		err = set_size(fs, ctx, n, h, (uint64_t)attr->st_size, &c, &is_done);
	/* Without anything to set: chown(path, -1, -1) changes the ctime and drops privileges. */
	if (!err && !is_done)
		err = set & FS_SET_SIZE ? change_nothing(fs, ctx, n, &c)
					: fs_change(fs, n, apply_change, &c);
	if (!err) {
		LOCK_SCOPE(&fs->tree.lock);
		attr_stat(n, ret);
		*ret_timeout = fs_timeout(fs);
	}
	fs_unpin(fs, n);
	return err;
}
