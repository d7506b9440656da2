/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_MOUNT_H
#define NATSOBJ_FUSE_MOUNT_H

/* What the handlers of one mount share, and the jobs they are made of. */

#include <stdatomic.h>
#include <stdbool.h>

#include "fuse/compat.h"

#include "fs/fs.h"
#include "fs/locks.h"
#include "fuse/killed.h"
#include "fuse/loop.h"
#include "fuse/notify.h"
#include "fuse/pool.h"
#include "fuse/share.h"
#include "util/list.h"
#include "util/lock.h"

struct replay;

struct mount {
	struct share root;     /* the bucket, or the directory of buckets */
	struct shares *shares; /* NULL: a mount of one bucket */
	struct fs_listener up; /* of both */
	struct loop *loop;
	struct pool *pool;
	struct notify *notify;
	struct killed *killed;
	struct fuse_session *session;
	struct replay *replay; /* NULL: changes of others make no events */
	const char *dir;
	_Atomic dev_t dev; /* 0 before it is known */
	bool has_acl;
	bool has_locks;	      /* they are the file system's, not the kernel's */
	bool has_passthrough; /* the kernel may read cached files by itself, if it can */
	void (*on_ready)(void *arg);
	void *on_ready_arg;
	struct mutex lock; /* leaf; protects open_files */
	struct list open_files;
};

/* An open file as the kernel knows it. A read still at work after its reply keeps it from release.
 */
struct open_file {
	atomic_uint refs;
	struct list link; /* in mount.open_files */
	struct mount *m;
	struct share *share; /* held */
	struct fs_handle *h;
	struct pool_work work; /* for the release on a thread that may wait */
};

/* What a request does in a directory of buckets, and to the directory of one that is not open. */
enum job_way {
	WAY_ENTER, /* opens the bucket */
	WAY_LOOK,  /* does not */
	WAY_MAKE,  /* opens it; beside buckets there can be nothing (EPERM) */
	WAY_MOVE,  /* likewise; buckets stay where they are (EXDEV) */
};

/* Where a node identifier of the kernel's leads. */
struct route {
	struct share *share; /* held */
	uint64_t ino;	     /* there */
	bool is_closed;	     /* it is the directory of a bucket that is not open */
};

/*
 * One request. It runs on the stack of a loop thread first; when it would have to wait it is copied
 * and runs again, on the same thread if that may wait, or in the pool. Whoever claims it replies,
 * once.
 */
struct job {
	struct pool_work work;
	struct mount *m;
	fuse_req_t req;
	/* 0 after a reply; -FS_WOULD_WAIT before anything was done. */
	int (*run)(struct job *j);
	struct fs_ctx ctx;
	bool is_queued;		 /* it is the copy, which may wait */
	bool is_borrowing;	 /* the pointers below are the loop thread's, also when queued */
	atomic_int claim;	 /* who replies; job.c */
	atomic_int registration; /* of its interrupt function; job.c */
	atomic_uint refs; /* of a queued job: the pool's, and the watch's while there is one */
	struct killed_watch watch;

	uint64_t nodeid, nodeid2; /* the kernel's */
	enum job_way way;
	/* while it runs: where they lead */
	struct route route;
	struct fs *fs;
	uint64_t ino, ino2;
	const char *name, *name2; /* owned when queued */
	struct open_file *of, *of2;
	int flags; /* or the mode of fallocate, or lseek's whence */
	unsigned set;
	mode_t mode;
	dev_t rdev;
	uint64_t off, off2;
	size_t size;
	const void *data; /* owned when queued */
	struct stat attr;
	struct fuse_file_info fi;
	bool is_plus;
	struct lock_entry lock;
	enum lock_op_kind lock_op;
};

struct mount *mount_of(fuse_req_t req);
/* For each file system that is open. */
void mount_each(struct mount *m, void (*fn)(void *arg, struct share *s), void *arg);
/* Stores every unsaved file; what takes longer is given up. Requests under way end first. The
 * number of files that could not be stored. */
int mount_drain(struct mount *m, uint64_t timeout_ms);
/* Fills in the caller and runs the job, on the spot or in the pool. */
void job_start(struct job *j, fuse_req_t req, int (*run)(struct job *j));
/* The same on a thread of the pool, from any thread. Does not wait. */
void job_start_queued(struct job *j, fuse_req_t req, int (*run)(struct job *j));
/* True for the one who shall reply. */
bool job_claim(struct job *j);
/* Replies with an error, 0 included, unless somebody has replied. Always returns 0. */
int job_reply_err(struct job *j, int err);

/* Holds what nodeid leads to, until route_end. Errors as of shares_enter. */
int route_begin(struct mount *m, uint64_t nodeid, enum job_way way, bool may_wait,
		struct route *ret) MUST_CHECK;
void route_end(struct route *r);
/* The part of an identifier that its file system knows. */
uint64_t route_local(const struct mount *m, uint64_t nodeid);
/* Whether two lead to one file system. */
bool route_is_same(const struct mount *m, uint64_t a, uint64_t b);
/* Takes lookups back, of whatever file system. Never waits. */
void route_forget(struct mount *m, uint64_t nodeid, uint64_t n);
/* Whether it is the directory of buckets. */
static inline bool route_is_directory(const struct mount *m, const struct route *r)
{
	return m->shares && r->share == &m->root;
}
/* What is known of the directory of a bucket, of which the directory of buckets told st. */
void route_show(struct mount *m, uint64_t nodeid, struct stat *st, double *timeout);

struct open_file *open_file_new(struct mount *m, struct share *s, struct fs_handle *h);
void open_file_put(struct open_file *of);
/* Releases what the kernel never will, because the mount is gone. */
void open_files_release(struct mount *m);
static inline struct open_file *open_file_of(const struct fuse_file_info *fi)
{
	return fi ? (struct open_file *)(uintptr_t)fi->fh : NULL;
}

extern const struct fuse_lowlevel_ops mount_ops;

/* ops_name.c */
void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t rdev);
void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode);
void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name);
void op_link(fuse_req_t req, fuse_ino_t ino, fuse_ino_t parent, const char *name);
void op_unlink(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rmdir(fuse_req_t req, fuse_ino_t parent, const char *name);
void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
	       const char *new_name, unsigned flags);
void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
	       struct fuse_file_info *fi);

/* ops_bucket.c: in the directory of buckets */
int bucket_rmdir(struct job *j) MUST_CHECK;
int bucket_mkdir(struct job *j, struct fs_entry *ret) MUST_CHECK;

/* ops_node.c */
void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup);
void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);
void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_setattr(fuse_req_t req, fuse_ino_t ino, struct stat *attr, int to_set,
		struct fuse_file_info *fi);
void op_readlink(fuse_req_t req, fuse_ino_t ino);
void op_statfs(fuse_req_t req, fuse_ino_t ino);
void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsyncdir(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off,
		    struct fuse_file_info *fi);

/* ops_io.c */
void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t off, struct fuse_file_info *fi);
void op_write(fuse_req_t req, fuse_ino_t ino, const char *data, size_t size, off_t off,
	      struct fuse_file_info *fi);
void op_flush(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);
void op_fsync(fuse_req_t req, fuse_ino_t ino, int datasync, struct fuse_file_info *fi);
void op_fallocate(fuse_req_t req, fuse_ino_t ino, int mode, off_t off, off_t len,
		  struct fuse_file_info *fi);
void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t off, int whence, struct fuse_file_info *fi);
void op_copy_file_range(fuse_req_t req, fuse_ino_t ino_in, off_t off_in,
			struct fuse_file_info *fi_in, fuse_ino_t ino_out, off_t off_out,
			struct fuse_file_info *fi_out, size_t len, int flags);
void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi);

/* ops_xattr.c */
void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size);
void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size);
void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags);
void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name);

/* ops_lock.c */
void op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock);
void op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock,
	      int sleep);
void op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op);
/* job_reply_err for the end of a flush, once the locks that end with it are given back. */
int job_reply_flush(struct job *j, int err);

/* Entry parameters for a reply about what was found by way of r. */
struct fuse_entry_param entry_param(const struct route *r, const struct fs_entry *e);

#endif
