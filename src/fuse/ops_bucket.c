/* SPDX-License-Identifier: Apache-2.0 */

/* What making and removing a directory mean beside buckets. */

#include <errno.h>
#include <string.h>

#include "fuse/mount.h"
#include "util/log.h"

#define TRIES 3

static const struct fs_ctx superuser = {.may_wait = true};

/* Files of this mount that are not stored yet are no objects, and still something. */
static int check_unsaved(struct job *j)
{
	struct fs_entry e;
	struct share *s;
	int err = fs_lookup(j->fs, &j->ctx, j->ino, j->name, &e);

	if (err)
		return err;
	s = e.nodeid ? shares_peek(j->m->shares, e.nodeid) : NULL;
	if (s && !fs_is_empty(s->fs))
		err = -ENOTEMPTY;
	if (s)
		share_leave(s);
	if (e.nodeid)
		fs_forget(j->fs, e.nodeid, 1);
	return err;
}

int bucket_rmdir(struct job *j)
{
	int err = check_unsaved(j);

	return err ? err : fs_rmdir(j->fs, &j->ctx, j->ino, j->name);
}

/* The caller's attributes, in the bucket, where others find them. */
static int store_attributes(struct job *j, const struct fs_entry *e)
{
	struct share *s;
	struct stat st;
	double timeout;
	int err = -ESTALE;

	/* It has none yet, and does not look as was shown of it. */
	for (int i = 0; i < TRIES && err == -ESTALE; i++)
		err = shares_enter(j->m->shares, e->nodeid, true, &s);
	if (err)
		return err;
	err = fs_setattr(s->fs, &superuser, FS_ROOT_ID, NULL, &e->st,
			 FS_SET_MODE | FS_SET_UID | FS_SET_GID, &st, &timeout);
	share_leave(s);
	return err;
}

static bool has_same_owner(const struct stat *a, const struct stat *b)
{
	return a->st_mode == b->st_mode && a->st_uid == b->st_uid && a->st_gid == b->st_gid;
}

int bucket_mkdir(struct job *j, struct fs_entry *ret)
{
	struct stat usual;
	double timeout;
	int err = fs_mkdir(j->fs, &j->ctx, j->ino, j->name, j->mode, ret);

	/* A bucket without attributes has those of the mount, as the directory of buckets has. */
	if (err || fs_getattr(j->fs, &j->ctx, FS_ROOT_ID, &usual, &timeout) != 0 ||
	    has_same_owner(&usual, &ret->st))
		return err;
	err = store_attributes(j, ret);
	if (err)
		log_warn("bucket %s: mode and owner of its directory are not stored: %s", j->name,
			 strerror(-err));
	return 0;
}
