/* SPDX-License-Identifier: Apache-2.0 */

/* Locks of open files: which record a file's locks are in, and what they mean for its content. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file.h"
#include "fs/internal.h"
#include "fs/locks.h"

void fs_use_locks(struct fs *fs, struct cluster_locks *cl)
{
	fs->locks = cl;
}

/* The name that stands for the file: its object's, or that of the hidden one its names share. */
static void lock_name(struct fs *fs, const struct file *f, struct buf *out)
{
	const struct node *n = f->node;

	LOCK_SCOPE(&fs->tree.lock);
	if (n->x->link_id)
		buf_printf(out, HIDDEN_INODES "%s", n->x->link_id);
	else if (n->dentry)
		fs_content_name(fs, n, out);
	else if (f->name[0])
		buf_append_str(out, f->name);
	else
		/* Known to nobody else any more. */
		buf_printf(out, "//%s/%ju", fs->claim_id, (uintmax_t)n->ino);
}

/* The key of f's locks; once used it stays, whatever the file is called later. name may be NULL. */
static int lock_key(struct fs *fs, struct file *f, char ret[LOCK_KEY_LEN + 1], struct buf *name)
{
	struct buf own CLEANUP(buf_done);
	int err;

	buf_init(&own, OBJ_META_MAX);
	if (!name)
		name = &own;
	lock_name(fs, f, name);
	err = buf_error(name);
	if (err)
		return err;
	mutex_lock(&fs->tree.lock);
	memcpy(ret, f->lock_key, sizeof(f->lock_key));
	mutex_unlock(&fs->tree.lock);
	if (ret[0])
		return 0;
	err = cluster_lock_key(name->data, name->len, ret);
	if (err)
		return err;
	LOCK_SCOPE(&fs->tree.lock);
	memcpy(f->lock_key, ret, sizeof(f->lock_key));
	return 0;
}

/* Others here, who try for a lock in vain and close the file, do not have it stored. */
static bool is_held(struct fs *fs, struct file *f, const struct lock_entry *by)
{
	char key[LOCK_KEY_LEN + 1];

	return fs->locks && cluster_lock_is_used(fs->locks) &&
	       (lock_key(fs, f, key, NULL) < 0 || cluster_lock_is_held(fs->locks, key, by));
}

int fs_lock_prepare(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h,
		    const struct lock_entry *by)
{
	struct file *f = h->file;
	bool is_dirty;

	if (!f)
		return 0;
	mutex_lock(&fs->tree.lock);
	is_dirty = f->node->is_dirty;
	mutex_unlock(&fs->tree.lock);
	if (!is_dirty || !is_held(fs, f, by))
		return 0;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	LOCK_SCOPE(&f->lock);
	return file_commit(fs, f);
}

int fs_lock_op(struct fs *fs, struct fs_handle *h, enum lock_op_kind kind,
	       const struct lock_entry *want, lock_done_fn done, void *arg, struct lock_op **ret)
{
	struct buf name CLEANUP(buf_done);
	struct lock_entry e = *want;
	char key[LOCK_KEY_LEN + 1];
	int err;

	if (!fs->locks)
		return -ENOSYS;
	/* A virtual file is nobody's to lock. */
	if (!h->file)
		return -EINVAL;
	buf_init(&name, OBJ_META_MAX);
	err = lock_key(fs, h->file, key, &name);
	if (err)
		return err;
	e.via = (uintptr_t)h;
	*ret = cluster_lock_op(fs->locks, kind, key, name.data, &e, done, arg);
	return *ret ? 0 : -ENOMEM;
}

void fs_lock_submit(struct fs *fs, struct lock_op *op)
{
	cluster_lock_submit(fs->locks, op);
}

void fs_lock_cancel(struct fs *fs, uint64_t id)
{
	if (fs->locks)
		cluster_lock_cancel(fs->locks, id);
}

bool fs_lock_is_locked(struct fs *fs, struct fs_handle *h)
{
	char key[LOCK_KEY_LEN + 1];

	if (!h->file || !fs->locks || !cluster_lock_is_used(fs->locks))
		return false;
	return lock_key(fs, h->file, key, NULL) < 0 || cluster_lock_is_locked(fs->locks, key);
}

int fs_lock_check(struct fs *fs, struct file *f)
{
	char key[LOCK_KEY_LEN + 1];
	int err;

	if (!fs->locks || !cluster_lock_is_used(fs->locks))
		return 0;
	err = lock_key(fs, f, key, NULL);
	return err ? err : cluster_lock_check(fs->locks, key);
}

void fs_lock_release(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h)
{
	const struct lock_entry all = {.end = LOCK_RANGE_END, .via = (uintptr_t)h};
	struct lock_op *op;

	if (!fs_lock_is_locked(fs, h))
		return;
	/* Written through other descriptors. */
	(void)!fs_lock_prepare(fs, ctx, h, &all);
	/* Without memory the locks stay until the session ends. */
	if (fs_lock_op(fs, h, LOCK_OP_DROP_VIA, &all, NULL, NULL, &op) == 0)
		fs_lock_submit(fs, op);
}

void fs_locks_shutdown(struct fs *fs)
{
	cluster_locks_shutdown(fs->locks);
}
