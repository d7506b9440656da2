/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/mount_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/bucket.h"
#include "objstore/directory.h"
#include "prog/mount_locks.h"
#include "util/explain.h"
#include "util/log.h"

/* On top of ret->store. */
static int open_fs(const struct mount_options *o, uint64_t ino, struct share_parts *ret,
		   char **ret_why)
{
	struct fs_config cfg = o->fs;
	int err;

	cfg.ino_base = ino;
	cfg.is_among_buckets = !*o->bucket;
	err = fs_new(ret->store, &cfg, &ret->fs);
	if (err && !*ret_why)
		explain(err, ret_why, "cannot list bucket \"%s\": %s", ret->store->bucket,
			strerror(-err));
	return err;
}

int mount_parts_open(const struct mount_options *o, const char *bucket, uint64_t ino,
		     struct share_parts *ret, char **ret_why)
{
	struct mount_locks *locks = NULL;
	int err;

	*ret = (struct share_parts){0};
	err = bucket_open(&o->conn, bucket, &o->bucket_opts, &ret->store, ret_why);
	if (err)
		return err;
	err = open_fs(o, ino, ret, ret_why);
	if (!err)
		err = mount_locks_open(o, ret->store, ret->fs, &locks, ret_why);
	ret->more = locks;
	if (err && !*ret_why)
		explain(err, ret_why, "cannot open bucket \"%s\": %s", bucket, strerror(-err));
	if (err)
		mount_parts_close(ret);
	return err;
}

int mount_parts_open_directory(const struct mount_options *o, struct share_parts *ret,
			       char **ret_why)
{
	int err;

	*ret = (struct share_parts){0};
	err = directory_open(&o->conn, &o->bucket_opts, &ret->store, ret_why);
	if (err)
		return err;
	err = open_fs(o, 0, ret, ret_why);
	if (err)
		mount_parts_close(ret);
	return err;
}

void mount_parts_close(struct share_parts *p)
{
	mount_locks_close(p->more);
	fs_stop_listing(p->fs);
	store_shutdown(p->store);
	/* The watch may call into the tree until the store is closed. */
	store_close(p->store);
	fs_free(p->fs);
}

int mount_parts_open_share(void *arg, const char *bucket, uint64_t ino, struct share_parts *ret)
{
	struct mount_options o = *(const struct mount_options *)arg;
	_cleanup_free_ char *why = NULL;
	int err;

	/* What is not there is made by mkdir(2) only. */
	o.bucket_opts.want_create = false;
	err = mount_parts_open(&o, bucket, ino, ret, &why);
	/* A sealed one among others is there to be read. */
	if (err == -EROFS && !o.fs.is_read_only) {
		o.bucket_opts.want_read_only = o.fs.is_read_only = true;
		free(steal_ptr(why));
		err = mount_parts_open(&o, bucket, ino, ret, &why);
	}
	if (err)
		log_warn("%s", why ? why : strerror(-err));
	return err;
}

void mount_parts_close_share(void *arg, struct share_parts *p)
{
	(void)arg;
	mount_parts_close(p);
}
