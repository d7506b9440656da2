/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_INTERNAL_H
#define NATSOBJ_FS_INTERNAL_H

/*
 * What the files of this layer share: the mount itself, names and entries. Open inodes are in
 * fs/file.h, what the bucket says in fs/apply.h, what is stored there in fs/publish.h.
 *
 * Lock order: file->lock, namelock, tree.lock, leaves. file->lock may be held while the server or
 * a disk is waited for, tree.lock never.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/absent.h"
#include "fs/attr.h"
#include "fs/chunk_cache.h"
#include "fs/cluster_lock.h"
#include "fs/early.h"
#include "fs/fs.h"
#include "fs/graves.h"
#include "fs/later.h"
#include "fs/namelock.h"
#include "fs/purge.h"
#include "fs/reopen.h"
#include "fs/staging.h"
#include "fs/tree.h"
#include "objstore/store.h"
#include "util/list.h"
#include "util/lock.h"

/* Renames seen half done: see halves.h. Protected by tree.lock. */
struct halves {
	struct list all;
	struct hash names;
	bool is_sweeping;
};

/* How far the time since our start (clock_boot_ns) is ahead of the server's wall clock, at most:
 * see expiry.c. */
struct server_clock {
	int64_t lead_ns;
	int64_t window_lead_ns, window_end_ns;
	bool is_known;
};

struct history_list;

struct fs {
	struct store *store;
	struct fs_config cfg;
	char *prefix;
	size_t prefix_len;
	char claim_id[OBJ_NUID_LEN + 1];
	struct tree tree;
	struct absent absent; /* protected by tree.lock */
	struct reopen reopen; /* protected by tree.lock */
	struct graves graves; /* protected by tree.lock */
	bool is_foreign;      /* what changes the tree now was done by somebody else; tree.lock */
	/* The entry that the reply to the call under way tells the kernel of; tree.lock. */
	const struct node *told_dir;
	const char *told_name;
	_Atomic int64_t max_age_ns; /* after which objects are gone; 0: never */
	uint64_t expiry_due_ns;	    /* when to look for them next; 0: not planned; tree.lock */
	struct server_clock server_clock; /* protected by tree.lock */
	bool is_listing;		  /* likewise: the bucket is being listed */
	bool is_other_history; /* likewise: … and nothing from before the listing counts */
	struct early early;
	struct namelock names;
	struct chunk_cache cache;
	struct disk_cache *disk; /* NULL: there is none */
	struct staging_area staging;
	/* A change of several names failed half way: the tree is not saved any more. */
	atomic_bool is_half_done;
	struct later saver;	      /* see saved.h */
	struct watch_mark saved_mark; /* of what was saved last; the saver's, then the drain's */
	struct later later;
	struct {
		struct later renewals, commits;
		atomic_int n_active;	/* journals in the bucket that this mount sees to */
		atomic_bool is_refused; /* nothing may be stored below .natsobj */
	} journals;
	struct purges purges;
	struct node *virtual_nodes[VIRTUAL_N]; /* pinned; set before sharing */
	uint64_t n_virtual;		       /* of them, and of those in history; tree.lock */
	struct {
		struct hash nodes;  /* by path; tree.lock */
		struct list recent; /* the same, those used last behind; tree.lock */
		struct mutex lock;  /* rank of what lies inside a file's lock; protects the rest */
		struct history_list *list; /* of the node nodeid, or NULL */
		uint64_t nodeid;
	} history;
	struct {
		uint64_t last_seq, events, listings, since_ns;
	} counts; /* protected by tree.lock */
	struct halves halves;
	struct list
		intents; /* that may have to be finished, see intent.c; protected by tree.lock */
	struct list dir_moves;	 /* struct dir_move; protected by tree.lock */
	atomic_int n_dir_moves;	 /* of them; written with tree.lock */
	struct cond dir_moved;	 /* with tree.lock: objects or a whole directory have followed */
	unsigned n_errands;	 /* of this mount, behind calls that returned; tree.lock */
	struct later mover;	 /* moves objects after their directories, and finishes intents */
	struct list restores;	 /* that later did not take, see aside.c; by tree.lock */
	struct mutex dir_rename; /* rank of a file's lock: one directory's objects move at a time */
	struct list files;	 /* struct file; protected by tree.lock */
	struct fs_listener listener; /* protected by tree.lock */
	/* protected by tree.lock: see fs_set_status */
	void (*add_status)(void *arg, struct json_writer *w);
	void *add_status_arg;
	/* See backing.h; all but is_refused protected by tree.lock. */
	struct {
		struct fs_backing kernel;
		uint64_t n_opens;
		uint64_t last_way_ns;	/* when a writer was sent to another node, last */
		atomic_bool is_refused; /* the kernel takes no files */
	} backing;
	struct cluster_locks *locks; /* NULL: locks are the kernel's business */
	_Atomic dev_t dev;	     /* of the kernel's mount; 0 before it is known */
	atomic_bool is_connected;
	atomic_bool is_gone;
	atomic_bool is_draining;
	atomic_bool is_closing; /* nothing more is begun that another mount can do */
	atomic_int n_unstored;	/* see fs_unstored */
};

/* Objects are content and nothing else: see plain.h. */
static inline bool fs_is_plain(const struct fs *fs)
{
	return fs->store->is_plain;
}

/* --- object_name.c, dir_wait.c --- */

/* Name of the entry's object, prefix included; a directory's is that of its marker and ends in a
 * slash. Where the object has yet to follow a renamed directory, that is not its place in the tree.
 * Tree lock held. */
void fs_full_name(const struct fs *fs, const struct dentry *d, struct buf *out);
/* Where an entry is in the tree, as an object name. Tree lock held. */
void fs_path(const struct fs *fs, const struct dentry *d, struct buf *out);
/* Name of the object that holds a node's content and attributes: the entry's, or the hidden one of
 * a file with several names. Nothing for a node without a name. Tree lock held. */
void fs_content_name(const struct fs *fs, const struct node *n, struct buf *out);
/* Takes the lock of fs_content_name's answer, which is in ret and is still right then. Releases no
 * lock; -ENOENT: the node has no name. */
int fs_take_content_name(struct fs *fs, const struct node *n, struct buf *ret) MUST_CHECK;
/* Whether that is another name than before. Takes the tree lock. */
bool fs_has_other_name(struct fs *fs, const struct node *n, const struct buf *name);
/* Takes one name or two for a change (fs/namelock.h). An object that has yet to follow a renamed
 * directory moves first: -EBUSY, if nothing moves for too long. -EAGAIN: both were one name, which
 * the object of the other has yet to leave; something moved, they have to be told anew. Wait. */
int fs_take_name(struct fs *fs, const char *name, size_t len) MUST_CHECK;
int fs_take_names(struct fs *fs, const struct buf *a, const struct buf *b) MUST_CHECK;
/* The same without waiting: -EAGAIN. */
int fs_try_name(struct fs *fs, const char *name, size_t len) MUST_CHECK;

/* --- fs.c --- */

/* Finds and pins a node; NULL when the kernel does not know it (any more). */
struct node *fs_pin(struct fs *fs, uint64_t nodeid);
void fs_unpin(struct fs *fs, struct node *n);
/* Fills an entry and counts a lookup. Tree lock held. */
int fs_make_entry(struct fs *fs, struct node *n, struct fs_entry *ret) MUST_CHECK;
double fs_timeout(const struct fs *fs);
/* What stat(2) says of a node. Tree lock held. */
void fs_stat(const struct fs *fs, const struct node *n, struct stat *ret);
/* EROFS, ENODEV or ESHUTDOWN when nothing can be changed. */
int fs_may_change(const struct fs *fs) MUST_CHECK;
/* The same at the beginning of every call that changes something or opens to do so: it waits until
 * the first listing is complete, or returns -FS_WOULD_WAIT. */
int fs_begin_change(struct fs *fs, const struct fs_ctx *ctx) MUST_CHECK;
void fs_inval_inode(struct fs *fs, const struct node *n, int64_t off, int64_t len);
/* The kernel forgets an entry. It takes the name of a directory from the processes that are in it,
 * so this is not for what the kernel learns, or has learned, from the reply to its own call. */
void fs_inval_entry(struct fs *fs, const struct node *dir, const char *name);

/* --- tell.c: changes of others, for the listener; tree lock held --- */

/* n has, or had until now, the name in dir. Says nothing of changes made here. */
void fs_tell(struct fs *fs, enum fs_change_kind kind, const struct node *dir, const char *name,
	     const struct node *n);
/* The entry d is about to become name in dir. Tree lock held. */
void fs_tell_moved(struct fs *fs, const struct node *dir, const char *name, const struct dentry *d);
/* A new entry that info describes: created, or moved there from a name the tree has. */
void fs_tell_new(struct fs *fs, const struct node *dir, const char *name, const struct node *n,
		 const struct obj_info *info);

/* --- name_ops.c --- */

/* Full object name of a name in a directory, "a/b". -ENOENT when the directory has no name any
 * more, -EINVAL and -EILSEQ as name_decode. Tree lock held. */
int fs_child_name(struct fs *fs, struct node *dir, const char *name, struct buf *out) MUST_CHECK;
/* The entry of a name in a directory, found and its lookup counted. */
int fs_find_child(struct fs *fs, struct node *dir, const char *name, struct fs_entry *ret)
	MUST_CHECK;
/* The same for a call after which an open follows: if one by the same thread was sent back before,
 * what the leader has. What is found may be gone before that is asked, so it may be looked for a
 * few times. -FS_WOULD_WAIT. Waits. */
int fs_find_child_again(struct fs *fs, const struct fs_ctx *ctx, struct node *dir, const char *name,
			struct fs_entry *ret) MUST_CHECK;
/* Sets owner, group and times as for something made in dir by the caller (inode(7): set-group-ID),
 * and takes from its mode what the umask or the directory's default access list says. Tree lock
 * held. */
int fs_inherit(const struct fs *fs, const struct fs_ctx *ctx, const struct node *dir,
	       struct node *n) MUST_CHECK;

/* --- reopen.c --- */

/* The caller's thread found the inode by its name. If an open by it was sent back before, the tree
 * now shows what the leader has, or the inode has lost the name: 1, and the name has to be looked
 * up again. 0: it was not, or knows; -FS_WOULD_WAIT. Waits. */
int fs_look_again(struct fs *fs, const struct fs_ctx *ctx, uint64_t ino) MUST_CHECK;

/* --- lock_ops.c --- */

/* -EIO when f may not be changed, because a lock on it that counts on every host was lost. */
int fs_lock_check(struct fs *fs, struct file *f) MUST_CHECK;
/* Gives back what h holds. Does not wait. */
void fs_lock_release(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h);

#endif
