/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_FS_H
#define NATSOBJ_FS_FS_H

/*
 * The file system on one bucket, without any knowledge of FUSE: one function per operation, 0 or
 * -errno.
 *
 * Waiting. Every operation may be called on a thread that has to stay responsive, with
 * ctx->may_wait false: it then does its work only if it can do so from memory, and returns
 * -FS_WOULD_WAIT, having changed nothing, when it would need the server, a disk or a busy file. The
 * caller repeats the call with may_wait set on a thread that may block. Operations that always need
 * the server return -FS_WOULD_WAIT at once.
 *
 * Node identifiers. A node identifier is one content version of one inode, FS_ROOT_ID the root.
 * Each identifier given out in a struct fs_entry counts one lookup; fs_forget takes them back. It
 * stays valid until its count is zero, whatever happens to the name. When another client replaces
 * the content, the name gets a new identifier with the same st_ino.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "objstore/chunk.h"
#include "util/cleanup.h"

struct buf;
struct fs;
struct fs_handle;
struct json_writer;
struct store;

#define FS_ROOT_ID UINT64_C(1)
#define FS_WOULD_WAIT EINPROGRESS

/* What becomes of a change whose base was replaced by somebody else. */
enum fs_conflict {
	FS_CONFLICT_COPY,      /* stored beside the other's content; the writer gets ESTALE */
	FS_CONFLICT_FAIL,      /* lost; the writer gets ESTALE */
	FS_CONFLICT_OVERWRITE, /* replaces the other's content */
};

/* Which files the kernel may read by itself, from the disk cache (fs/backing.h). */
enum fs_passthrough {
	FS_PASSTHROUGH_AUTO, /* those of a read-only file system */
	FS_PASSTHROUGH_ON,
	FS_PASSTHROUGH_OFF,
};

struct fs_config {
	const char *prefix; /* objects below this name only; "" or ends in '/'; copied */
	uid_t uid;	    /* owner of what carries no owner */
	gid_t gid;
	mode_t fmode; /* permission bits of files and directories without a mode */
	mode_t dmode;
	bool is_read_only;
	bool has_acl;		  /* POSIX access control lists */
	uint64_t memory;	  /* bytes of received content kept, and in flight */
	uint64_t readahead;	  /* bytes requested ahead of a sequential reader at most */
	const char *cache_dir;	  /* for staging files and the disk cache; copied */
	uint64_t disk_cache_size; /* bytes of received content kept on disk; 0: none */
	uint64_t disk_min_free;	  /* bytes of the disk that it leaves to others */
	enum fs_passthrough passthrough;
	uint64_t saved_min;	 /* nodes from which on the tree is kept in cache_dir; 0: never */
	uint64_t staging_max;	 /* bytes of all staging files together; 0: no limit */
	uint64_t staging_memory; /* bytes of unsaved changes kept in memory instead */
	uint64_t negative_timeout_ms; /* how long a confirmed absence may be believed */
	bool is_offline_allowed;      /* while the server is away, readers open what is known */
	bool trust_watch; /* readers open what the watch has told, without asking the server */
	/* After which a file is stored whole of which fsync has stored the changes; 0: it does so
	 * itself. */
	uint64_t commit_interval_ms;
	uint64_t purge_delay_ms; /* how long replaced content stays readable for others */
	uint64_t max_file_size;
	enum fs_conflict conflict;
	bool is_committed_when_killed; /* a writer's death by a signal is a close like others */
	/* Inode number of the root, where several file systems share a device: then no other number
	 * is likely to be another one's. 0: the only one. */
	uint64_t ino_base;
	bool is_among_buckets; /* the root's parent has the account's other buckets */
};

/* Who asks. */
struct fs_ctx {
	uid_t uid;
	gid_t gid;
	pid_t pid; /* thread id of the caller, 0 when it is the kernel itself */
	mode_t umask;
	bool may_wait;
	bool is_page;  /* the kernel writes back a page: its offset counts, with O_APPEND too */
	bool is_dying; /* of a flush: the caller is being ended by a signal, and may be gone */
};

struct fs_entry {
	uint64_t nodeid; /* 0: the name does not exist, and that may be cached */
	struct stat st;
	double entry_timeout; /* seconds the kernel may believe name and attributes */
	double attr_timeout;
};

enum fs_change_kind {
	FS_CREATED,
	FS_LINKED,  /* a file that is there got another name */
	FS_CHANGED, /* the content of a file was replaced */
	FS_ATTRIBUTES,
	FS_REMOVED,
	FS_MOVED,
};

/* A change of a name by somebody else. Paths are relative to the mount's root; that of the root
 * itself is "". All strings are the caller's. */
struct fs_change {
	enum fs_change_kind kind;
	uint64_t parent; /* node identifier of the directory */
	const char *dir; /* its path */
	const char *name;
	mode_t mode; /* type and permission bits of what has or had the name */
	uint64_t size;
	/* FS_MOVED: the name it had before. */
	uint64_t old_parent;
	const char *old_dir, *old_name;
};

/* What the kernel should forget. Called with the tree locked: only queue. */
struct fs_listener {
	void *arg;
	/* May be NULL. Only for directories that the kernel knows, because nobody can look at
	 * others. The tree shows the change already. */
	void (*changed)(void *changed_arg, const struct fs_change *c);
	void *changed_arg;
	/* Attributes of a node, and its pages from off on if off >= 0 (len 0: to the end). */
	void (*inval_inode)(void *arg, uint64_t nodeid, int64_t off, int64_t len);
	/* A directory entry, and with it the directory's cached listing. */
	void (*inval_entry)(void *arg, uint64_t parent, const char *name, size_t len);
};

/* Files that the kernel can be given to read from. Called with no lock but that of an open file; do
 * not wait. */
struct fs_backing {
	void *arg;
	/* An identifier above 0 of what fd is, or -errno. fd stays the caller's. */
	int (*open)(void *arg, int fd);
	void (*close)(void *arg, int id);
};

/*
 * Fills the tree from the store and follows its changes from then on. The store must stay open
 * until fs_free. Waits for the first listing, or, where that takes long, until readers can be
 * served without it; see fs/early.h.
 */
int fs_new(struct store *store, const struct fs_config *cfg, struct fs **ret) MUST_CHECK;
/* From now on changes of others are told to l, until it is set to NULL again. Copied. */
void fs_set_listener(struct fs *fs, const struct fs_listener *l);
/* Has the kernel read files by itself from now on, where cfg.passthrough allows it. Copied. */
void fs_set_backing(struct fs *fs, const struct fs_backing *b);
/* add writes members of the object that .natsobj/status is, behind those that are always there.
 * With no lock held. */
void fs_set_status(struct fs *fs, void (*add)(void *arg, struct json_writer *w), void *arg);
/* Device number of the kernel's mount (stat(2), st_dev), by which descriptors on it are recognised
 * in /proc. */
void fs_set_device(struct fs *fs, dev_t dev);
/* Ends a first listing that is still under way. Does nothing more to a mount that was listed. Those
 * who wait for it get -ESHUTDOWN, and the store is shut down. Before the store is closed, and
 * before whatever waits for requests under way. NULL is harmless. Waits a moment. */
void fs_stop_listing(struct fs *fs);
/* Stores every unsaved file. New writes are refused with ESHUTDOWN from now on. Waits at most
 * timeout_ms. */
void fs_drain(struct fs *fs, uint64_t timeout_ms);
/* Files that could not be stored at the mount's end, by fs_drain or because the store was shut down
 * under a request; each was logged. */
int fs_unstored(struct fs *fs);
/* Whether the kernel knows nothing of it but the root, and nobody has a file open. */
bool fs_is_forgotten(struct fs *fs);
/* Name of a directory in the root; the caller frees. -ENOTDIR: the node is another thing, -ESTALE:
 * it is not there any more. Never waits. */
int fs_entry_name(struct fs *fs, uint64_t nodeid, char **ret) MUST_CHECK;
/* Counts a lookup more, of a node that is known: so it keeps its identifier until fs_forget.
 * -ESTALE.
 */
int fs_hold(struct fs *fs, uint64_t nodeid) MUST_CHECK;
/* Whether the root has no entries, stored or not. */
bool fs_is_empty(struct fs *fs);
/* Ends the threads. All handles must be released. NULL is harmless. */
void fs_free(struct fs *fs);

int fs_lookup(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	      struct fs_entry *ret) MUST_CHECK;
/* Takes back n lookups. The node may be gone afterwards. Never waits. */
void fs_forget(struct fs *fs, uint64_t nodeid, uint64_t n);

/* timeout in seconds for the kernel. */
int fs_getattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, struct stat *ret,
	       double *ret_timeout) MUST_CHECK;

enum fs_set {
	FS_SET_MODE = 1 << 0,
	FS_SET_UID = 1 << 1,
	FS_SET_GID = 1 << 2,
	FS_SET_SIZE = 1 << 3,
	FS_SET_ATIME = 1 << 4,
	FS_SET_MTIME = 1 << 5,
	FS_SET_ATIME_NOW = 1 << 6,
	FS_SET_MTIME_NOW = 1 << 7,
};

/* h: the open file the change came through, or NULL. attr carries the fields named by set. */
int fs_setattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, struct fs_handle *h,
	       const struct stat *attr, unsigned set, struct stat *ret, double *ret_timeout)
	MUST_CHECK;

/*
 * Extended attributes (xattr(7); fs/xattr.h says where they are kept). Reading never waits: value
 * and names are appended to out, the names each with a NUL. -ENODATA no such attribute, -EOPNOTSUPP
 * no such namespace, -EPERM one that cannot be set.
 */
int fs_getxattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, const char *name,
		struct buf *out) MUST_CHECK;
int fs_listxattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, struct buf *out)
	MUST_CHECK;
/* flags: XATTR_CREATE (-EEXIST) or XATTR_REPLACE (-ENODATA) or 0. -E2BIG, -ENOSPC too much. */
int fs_setxattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, const char *name,
		const void *value, size_t len, int flags) MUST_CHECK;
int fs_removexattr(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, const char *name)
	MUST_CHECK;

/* Target of a symbolic link; the caller frees. */
int fs_readlink(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, char **ret) MUST_CHECK;

/* mode includes the type and the permission bits as the caller asked; ctx->umask is applied here.
 */
int fs_mknod(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	     mode_t mode, dev_t rdev, struct fs_entry *ret) MUST_CHECK;
int fs_mkdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	     mode_t mode, struct fs_entry *ret) MUST_CHECK;
int fs_symlink(struct fs *fs, const struct fs_ctx *ctx, const char *target, uint64_t parent,
	       const char *name, struct fs_entry *ret) MUST_CHECK;
/* Another name for a file, whose entry it fills in. -EPERM: a directory; -EMLINK; -EEXIST. */
int fs_link(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, uint64_t parent,
	    const char *name, struct fs_entry *ret) MUST_CHECK;
int fs_unlink(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name)
	MUST_CHECK;
int fs_rmdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name) MUST_CHECK;
/* flags: RENAME_NOREPLACE or 0; others -EINVAL (renameat2(2)). */
int fs_rename(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	      uint64_t new_parent, const char *new_name, unsigned flags) MUST_CHECK;

int fs_statfs(struct fs *fs, const struct fs_ctx *ctx, struct statvfs *ret) MUST_CHECK;

/* -ESTALE: another client removed the directory, and there may be a new one of its name; look it up
 * again. Never waits. */
int fs_opendir(struct fs *fs, uint64_t nodeid) MUST_CHECK;

/*
 * One entry of a directory, called with the tree locked: copy and return. next is the cookie to go
 * on behind this entry. "." and ".." come without a counted lookup (their nodeid is 0). Not zero:
 * the entry did not fit, stop; its lookup is then not counted.
 */
typedef int (*fs_fill_fn)(void *arg, const char *name, const struct fs_entry *entry, uint64_t next);

/* Lists from behind cookie (0: the start). with_lookup counts a lookup for each entry delivered, as
 * readdirplus needs. Cookies stay valid whatever is added or removed meanwhile. Waits in
 * .natsobj/history only. */
int fs_readdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, uint64_t cookie,
	       bool with_lookup, fs_fill_fn fill, void *arg) MUST_CHECK;

/*
 * Opens with open(2)'s flags (O_TRUNC included). -ESTALE: the content was replaced and nodeid is of
 * the old version; look the name up again. *ret_keep_cache: pages the kernel holds are of this
 * version.
 */
int fs_open(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, int flags,
	    struct fs_handle **ret, bool *ret_keep_cache) MUST_CHECK;
/* open(2) with O_CREAT on a name the kernel believes absent; without O_EXCL an existing object is
 * opened instead. */
int fs_create(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	      mode_t mode, int flags, struct fs_entry *ret_entry, struct fs_handle **ret,
	      bool *ret_keep_cache) MUST_CHECK;

#define FS_DATA_MAX_IOV 16

/* Bytes answering a read, without a copy where they lie in few chunks. */
struct fs_data {
	struct iovec iov[FS_DATA_MAX_IOV];
	int n;
	size_t len; /* of all together; less than asked for only at the end of the file */
	/* private */
	struct chunk *chunks[FS_DATA_MAX_IOV];
	void *copy;
};

int fs_read(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, uint64_t off, size_t len,
	    struct fs_data *ret) MUST_CHECK;
/* Releases the bytes after they were used. */
void fs_data_done(struct fs_data *d);
/* To be called after the reply to a read was sent and its data released: continues the digest check
 * of the content off the reply's path. h must still be open. */
void fs_read_behind(struct fs *fs, struct fs_handle *h);

/* The length of the file is not known before it was read: the kernel must not cache or trust it. */
bool fs_is_virtual(const struct fs_handle *h);

/* The identifier (fs_set_backing) of what the kernel is to read the open file from, or 0: it asks
 * for what is read. *ret_is_direct: it asks all the same, but for what is mapped. */
int fs_backing(const struct fs_handle *h, bool *ret_is_direct);

/* All len bytes are taken or none. */
int fs_write(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, uint64_t off,
	     const void *data, size_t len) MUST_CHECK;
/* fallocate(2). Space is not reserved: -ENOSPC tells that there is none for the file's new size.
 * -EOPNOTSUPP: ranges cannot be cut out or inserted. */
int fs_fallocate(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, int mode,
		 uint64_t off, uint64_t len) MUST_CHECK;
/* lseek(2) with SEEK_DATA and SEEK_HOLE. Stored content has no holes. */
int fs_lseek(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h, uint64_t off, int whence,
	     uint64_t *ret) MUST_CHECK;
/* copy_file_range(2); copies less than asked for at the end of the file, and of a long range. */
int fs_copy_range(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *from,
		  uint64_t from_off, struct fs_handle *to, uint64_t to_off, uint64_t len,
		  uint64_t *ret_done) MUST_CHECK;
/* close(2) of one descriptor: stores what is unsaved when this was the last that could. */
int fs_flush(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h) MUST_CHECK;
/* Whether a signal is ending the task with this thread id: there is nobody to hear its last flush's
 * error. Reads /proc. */
bool fs_is_dying(pid_t tid);
int fs_fsync(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h) MUST_CHECK;
/* The last reference to the open file is gone; h is freed, also on error. */
int fs_release(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h);

#endif
