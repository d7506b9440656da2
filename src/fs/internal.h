/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_INTERNAL_H
#define NATSOBJ_FS_INTERNAL_H

/*
 * What the files of this layer share: the mount itself, open inodes, and the helpers between them.
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
#include "fs/content.h"
#include "fs/draft.h"
#include "fs/fs.h"
#include "fs/graves.h"
#include "fs/later.h"
#include "fs/namelock.h"
#include "fs/prefetch.h"
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
	_Atomic int64_t max_age_ns;	  /* after which objects are gone; 0: never */
	struct server_clock server_clock; /* protected by tree.lock */
	bool is_listing;		  /* likewise: the bucket is being listed */
	bool is_other_history; /* likewise: … and nothing from before the listing counts */
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

/*
 * The open state of one inode, shared by its handles.
 *
 * CLEAN: the content is that of the node. STREAMING: written in order from the start; full chunks
 * are with put, the last one is tail and may still change. STAGED: a draft over the version the
 * change began with. FAILED: a commit failed; what was written is lost to the server and every
 * later operation says so, until the last close or a truncation to nothing.
 */
enum file_state { FILE_CLEAN, FILE_STREAMING, FILE_STAGED, FILE_FAILED };

struct file {
	struct list link;		 /* in fs->files, tree.lock */
	struct node *node;		 /* pinned */
	unsigned refs;			 /* tree.lock */
	char lock_key[LOCK_KEY_LEN + 1]; /* of its locks, empty before the first; tree.lock */

	/* Handles that the kernel reads through its pages, and from the backing file with this
	 * identifier; one of the two is 0; tree.lock. */
	unsigned n_paged, n_backed;
	int backing_id;

	struct mutex lock; /* LOCK_RANK_FILE, protects what follows */
	enum file_state state;
	int error;	       /* of FILE_FAILED, negative */
	unsigned n_writers;    /* handles open for writing */
	bool is_dirty;	       /* there is something to commit */
	bool is_rewrite;       /* the change does not build on the old content */
	bool is_append_only;   /* all of the change is at the end, wherever that is */
	bool is_rebased;       /* the change was moved to a newer version's end */
	bool is_claimed;       /* seq is that of our claim */
	bool is_fresh;	       /* it takes nothing over from what it replaces */
	char *name;	       /* object name when last known: for a node that lost its own */
	struct obj_info *base; /* metadata the change builds on; NULL when new */
	uint64_t base_seq;     /* expected sequence of the commit */
	struct store_put *put;
	uint64_t published;   /* bytes given to put */
	uint64_t size;	      /* while not CLEAN */
	uint64_t node_size;   /* of the version the change began with */
	uint64_t append_from; /* where the bytes of an append-only change begin */
	struct chunk *tail;
	struct content *sent; /* the published part of a stream, for reading it back */
	struct draft *draft;
	struct store_put *base_put; /* keeps the chunks of a draft that began as a stream */
	struct content *content;    /* of the node's version; made when first read */
	/* Callers that wait for the lock to give the unsaved content up: no use in storing it, */
	atomic_uint n_impatient;
	bool gives_way;	    /* … unless it was promised to be stored */
	bool keeps_unsaved; /* nobody asked for the commit under way */
	/* Somebody else has replaced what the draft builds on. */
	atomic_bool is_outdated;
	struct journal *journal; /* of its fsyncs, see journal.h */
	bool is_rescuing;	 /* tree.lock; the rest of the draft's base is to be fetched */
};

/* Stored content that is fetched whole as soon as it is changed, because all of it is needed soon.
 */
#define FILE_SMALL (UINT64_C(256) << 10)

struct fs_handle {
	struct file *file;
	int flags;
	pid_t opener;	   /* thread group of the process that opened, 0 unknown */
	int backing_id;	   /* of what the kernel reads by itself; 0: it asks */
	struct mutex lock; /* leaf; protects prefetch */
	struct prefetch prefetch;
	char *text; /* of a virtual file, which has no file; else NULL */
	size_t text_len;
};

/* --- fs.c --- */

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
/* Finds and pins a node; NULL when the kernel does not know it (any more). */
struct node *fs_pin(struct fs *fs, uint64_t nodeid);
void fs_unpin(struct fs *fs, struct node *n);
/* Fills an entry and counts a lookup. Tree lock held. */
int fs_make_entry(struct fs *fs, struct node *n, struct fs_entry *ret) MUST_CHECK;
double fs_timeout(const struct fs *fs);
/* EROFS, ENODEV or ESHUTDOWN when nothing can be changed. */
int fs_may_change(const struct fs *fs) MUST_CHECK;
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
/* Sets owner, group and times as for something made in dir by the caller (inode(7): set-group-ID),
 * and takes from its mode what the umask or the directory's default access list says. Tree lock
 * held. */
int fs_inherit(const struct fs *fs, const struct fs_ctx *ctx, const struct node *dir,
	       struct node *n) MUST_CHECK;

/* --- apply.c: what the bucket says → tree --- */

/* Takes over info. Events about names that are being changed here are put aside. */
void fs_apply(struct fs *fs, struct obj_info *info);
/* The same for a name the caller holds; info stays the caller's. */
void fs_apply_held(struct fs *fs, const struct obj_info *info);
/* The same for what a call has stored, whose reply tells the kernel of the name in dir. */
void fs_apply_own(struct fs *fs, const struct obj_info *info, const struct node *dir,
		  const char *name);
/* Exists for us: not a tombstone, or a tombstone that claims a name being created. */
bool fs_info_is_live(const struct obj_info *info);
/* The entry of an object that is not a directory's marker; NULL: the tree has none. Tree lock held.
 */
struct dentry *fs_find_entry(struct fs *fs, const char *name, size_t len);
/* The same, but for a marker the entry of its directory. */
struct dentry *fs_find_any(struct fs *fs, const char *name, size_t len) MUST_CHECK;
/* The directory that a marker's name stands for, or NULL. Tree lock held. */
struct node *fs_find_dir(struct fs *fs, const char *name, size_t len);
/* The bucket has no message for a name, although it had one with sequence seq. Newer ones stay. */
void fs_apply_absent(struct fs *fs, const char *name, size_t len, uint64_t seq);
/* Releases a name after what came meanwhile was applied. */
void fs_release_name(struct fs *fs, const char *name, size_t len);
/* After fs_apply: waits for an operation on the name that keeps the tree from showing it yet, for
 * some seconds at most. */
void fs_wait_released(struct fs *fs, const char *name, size_t len);
/* A name has just been removed by the message seq, or was moved when it had that sequence: what is
 * not newer cannot bring it back. */
void fs_note_gone(struct fs *fs, const char *name, size_t len, uint64_t seq);
/* The same for a version of info's name that was removed. Was it not the one known here, then
 * whoever comes by what the tree has is sent to look again. */
void fs_note_buried(struct fs *fs, const struct obj_info *info, uint64_t known_seq,
		    uint64_t tombstone_seq);
/* Takes a directory's marker away, and the directory if nothing else keeps it. Tree lock held. */
void fs_remove_marker(struct fs *fs, struct node *dir);
/* Removes d and the directories that exist only because of it. Tree lock held. */
void fs_remove_entry(struct fs *fs, struct dentry *d);
/* The same for the entry that the kernel asked to remove. Tree lock held. */
void fs_remove_own(struct fs *fs, struct dentry *d);
/* The same for a file whose name another client removed. Tree lock held. */
void fs_remove_foreign(struct fs *fs, struct dentry *d);
/* Removes a directory that exists only because of what was in it, if that is gone, and those above
 * it likewise. Tree lock held. */
void fs_prune(struct fs *fs, struct node *dir);
/* Whether info only changes what is around the same content: its attributes. Tree lock held. */
bool fs_is_same_content(const struct fs *fs, const struct node *n, const struct obj_info *info);
/* Gives the entry another node with the same inode number and content, which info describes, as if
 * somebody else had replaced it. *ret: the new one. Tree lock held. */
int fs_renew(struct fs *fs, struct dentry *d, const struct obj_info *info, struct node **ret)
	MUST_CHECK;
/* Sets a node's attributes and content from info. Tree lock held. */
int fs_set_version(struct fs *fs, struct node *n, const struct obj_info *info) MUST_CHECK;
/* The same from what was stored here, which may not tell times that were set. Tree lock held. */
int fs_set_own_version(struct fs *fs, struct node *n, const struct obj_info *info) MUST_CHECK;

/* --- reconcile.c --- */

/* The bucket is listed from now on. In another history sequences from before mean nothing. */
void fs_reload_begin(struct fs *fs, bool is_other_history);
/* About so many names come; room for them is made at once. */
void fs_reload_size(struct fs *fs, uint64_t n_names);
void fs_reload_end(struct fs *fs, uint64_t last_seq);
/* If the bucket is being listed: info, which cannot be applied yet, has been. */
void fs_note_listed(struct fs *fs, const struct obj_info *info);
/*
 * To be called between an answer that says a name is gone and applying it: the name may have been
 * moved, and what was stored before its removal is shown first. False when that is not possible
 * now. Waits a moment, at most.
 */
bool fs_catch_up(struct fs *fs);
/* Asks the server for a name and applies the answer, which has *ret_seq; -ENOENT when it has no
 * message, -EAGAIN when it is gone and the watch is behind: nothing was applied then. Waits. */
int fs_refresh(struct fs *fs, const char *name, size_t len, uint64_t *ret_seq) MUST_CHECK;
/* Whether the watch told of the entry's name and an operation holds it. Tree lock held. */
bool fs_is_put_aside(struct fs *fs, const struct dentry *d);
/* The sequence a name has in the tree, 0 when it is not there. */
uint64_t fs_known_seq(struct fs *fs, const char *name, size_t len);

/* --- second_name.c --- */

/* Somebody removed the messages of name below a sequence (0: all). The event of one may yet come.
 */
void fs_note_purged(struct fs *fs, const char *name, size_t len, uint64_t below_seq);
/* Asks for name at the server after a while, because another name has its content now; unless the
 * tree has it no more by then (seq 0: in any case). */
void fs_recheck_later(struct fs *fs, const char *name, size_t len, uint64_t seq);
/* n has just come as info, by a rename perhaps: older names of its content are asked for. Tree
 * locked. */
void fs_note_second_name(struct fs *fs, struct node *n, const struct obj_info *info);

/* --- reopen.c --- */

/* The caller's thread found the inode by its name. If an open of it was sent back, the tree now
 * shows what the leader has: 1. 0 if it was not; -FS_WOULD_WAIT. Waits. */
int fs_look_again(struct fs *fs, const struct fs_ctx *ctx, uint64_t ino) MUST_CHECK;

/* --- file.c --- */

/* The open state of a node, made when it has none. Tree lock held. NULL without memory. */
struct file *file_get_locked(struct fs *fs, struct node *n);
/* The open state if there is one. Takes the tree lock. */
struct file *file_find(struct fs *fs, struct node *n);
void file_put(struct fs *fs, struct file *f);
/* Size of the stored version. */
uint64_t file_stored_size(struct fs *fs, struct file *f);
/* Content of the present version; file lock held, state CLEAN. */
int file_content(struct fs *fs, struct file *f, struct content **ret) MUST_CHECK;
/* What a failed read of the stored content means for those who asked: chunks that are gone although
 * the version is the present one are a loss (-EIO), not a replacement (-ESTALE). A content found
 * bad is remembered by the node, and the kernel drops its pages. */
int file_read_error(struct fs *fs, struct file *f, struct content *c, int err) MUST_CHECK;
/* Locks the file: -FS_WOULD_WAIT when it is busy and the context may not wait. */
int file_lock(struct file *f, const struct fs_ctx *ctx) MUST_CHECK;
/* Tells the tree about size and time after a change of the content. */
void file_touch(struct fs *fs, struct file *f, bool is_content);
/* The metadata a change will build on, from the server unless it is known. -ESTALE: another version
 * is there, which an append does not mind. File lock held, state CLEAN. */
int file_load_base(struct fs *fs, struct file *f, bool is_append) MUST_CHECK;
/* The version that is open was replaced: what a draft lacks of it is fetched while it exists, and a
 * small file is kept for its readers. Tree lock held. */
void file_rescue_later(struct fs *fs, struct file *f);
/* -ENOSPC when the bucket has no room for a file of this size, as far as is known. Asks the server
 * only about much more than what the file has. File lock held. Waits. */
int file_check_room(struct fs *fs, struct file *f, uint64_t size) MUST_CHECK;
/* The newest metadata of the file's name when it is still this content; -ESTALE when it is not. A
 * name that is gone may have been moved, and where that cannot be shown first a reader (is_patient)
 * gets -ENOENT, and the name stays until the watch takes it. */
int file_newest(struct fs *fs, struct file *f, bool is_patient, struct obj_info **ret) MUST_CHECK;
/* Whether a descriptor opened so may leave something to store when it is closed: a file made to be
 * read, too. */
bool file_wants_write(int flags);
/* A handle on f, whose reference it takes over on success. File lock held. */
int file_new_handle(struct fs *fs, struct file *f, const struct fs_ctx *ctx, int flags,
		    struct fs_handle **ret) MUST_CHECK;
/* Forgets the content read so far: a new version exists. File lock held. */
void file_drop_content(struct file *f);

/* --- writer.c and rebase.c: all with file lock held --- */

void writer_reset(struct file *f);
/* Begins an empty content; what is unsaved is given up. is_rewrite: the stored content does not
 * matter any more, whoever changed it. */
void writer_start(struct file *f, bool is_rewrite);
/* is_append: off is the end of the file because the writer wants the end, wherever it is. */
int writer_write(struct fs *fs, struct file *f, uint64_t off, const void *data, size_t len,
		 bool is_append) MUST_CHECK;
int writer_truncate(struct fs *fs, struct file *f, uint64_t size) MUST_CHECK;
/* [from, to), inside the file, becomes a hole. */
int writer_zero(struct fs *fs, struct file *f, uint64_t from, uint64_t to) MUST_CHECK;
/* Whether a write could be taken without waiting. */
bool writer_is_ready(struct file *f, uint64_t off, size_t len, bool is_append);
/* Bytes of unsaved content, cut at its end, *len with them. Where they are those of the stored
 * version only, *ret_stored is that (a reference for the caller, who reads it without the lock) and
 * ret is empty; else NULL. */
int writer_read(struct fs *fs, struct file *f, uint64_t off, size_t *len, bool may_wait,
		struct fs_data *ret, struct content **ret_stored) MUST_CHECK;
/* Makes any unsaved content a draft. */
int writer_stage(struct fs *fs, struct file *f) MUST_CHECK;
/* Whether the unsaved content builds on the content of base (NULL: on nothing). */
bool writer_is_on(const struct file *f, const struct obj_info *base);
/* Moves what an append-only change added behind the end of base (NULL or a tombstone: nothing). */
int writer_rebase(struct fs *fs, struct file *f, const struct obj_info *base) MUST_CHECK;
/* Uploads everything; the chunks belong to f->put. -ECANCELED: somebody wants the file who will
 * give the content up; it is unsaved as before. */
int writer_finish(struct fs *fs, struct file *f, struct put_result *ret) MUST_CHECK;
/* The same, but what is left may be sent by store_put_commit only. */
int writer_foretell(struct fs *fs, struct file *f, struct put_result *ret) MUST_CHECK;

/* --- publish.c --- */

/* Whether the server has just said that a name does not exist, and the sequence of its tombstone or
 * 0. True once. */
bool fs_is_known_absent(struct fs *fs, const char *name, size_t len, uint64_t *ret_seq);
/* Stores info under a name that must not exist (a tombstone may): -EEXIST. The caller holds the
 * name. */
int fs_publish_new(struct fs *fs, struct obj_info *info) MUST_CHECK;
/* The same for something that one of several creators makes: neither may a directory have the name
 * where it is a file's, nor the other way round. Of two that are made at the same time the older
 * stays. */
int fs_publish_exclusive(struct fs *fs, struct obj_info *info) MUST_CHECK;
/* Gives info what stands for a file that is being created, until it is stored. May wait. */
int fs_claim_content(struct fs *fs, struct obj_info *info) MUST_CHECK;
/* Gives info another name, under that name's canonical subject. */
int fs_set_info_name(struct obj_info *info, const char *name, size_t len) MUST_CHECK;
/* Stores a marker for a directory that would vanish with its last entry. */
int fs_keep_directory(struct fs *fs, struct node *dir) MUST_CHECK;
/* What info, which may be NULL, described has lost its name to what a rename stored there: its
 * chunks go, or one name of a hidden object. The first half of that very rename, which somebody who
 * crashed left, has lost nothing. */
void fs_drop_replaced(struct fs *fs, const struct obj_info *info, const struct obj_info *by);
/* Deletes the object of a version, whatever other version took its place meanwhile: the node's
 * metadata sequence is where to start, 0 when it has none. -ENOENT when it is gone. *ret_is_other:
 * it was another version, whose content is gone with it; else that is up to the caller, who holds
 * the name. */
int fs_remove_object(struct fs *fs, const char *name, size_t len, uint64_t seq, bool *ret_is_other)
	MUST_CHECK;

/* Deletes the marker of an empty directory. -ENOTEMPTY: something is in it after all, perhaps known
 * only to the server so far; the marker is then there again. The caller holds the name. */
int fs_bury_marker(struct fs *fs, struct node *dir, const struct buf *name, uint64_t seq)
	MUST_CHECK;

/* --- commit.c --- */

/* Stores what is unsaved; 0 when nothing is. File lock held. */
int file_commit(struct fs *fs, struct file *f) MUST_CHECK;
/* Stores what is unsaved of a node, open or not, before it gets another name. Takes the file's
 * lock. Waits. */
int file_commit_of(struct fs *fs, struct node *n) MUST_CHECK;
/* The same when a descriptor is closed: 0 also when it gave way to somebody who waits to empty or
 * unlink the file, and who stores what is unsaved if that fails. */
int file_commit_at_close(struct fs *fs, struct file *f) MUST_CHECK;
/* The same when nobody is left who could try again: what cannot be stored is given up. */
int file_commit_last(struct fs *fs, struct file *f) MUST_CHECK;
/* Takes the lock of the file's present object name, which it returns. */
int file_take_name(struct fs *fs, struct file *f, struct buf *ret_name) MUST_CHECK;
/* The metadata of the new version: what the old one carried, with our content and attributes. */
int file_describe(struct fs *fs, struct file *f, const struct buf *name, const struct put_result *r,
		  struct obj_info **ret) MUST_CHECK;
/* --- give_up.c --- */

/* Forgets what is unsaved: the tree shows what the bucket has under name, which is held. */
void file_show_stored(struct fs *fs, struct file *f, const struct buf *name);
/* The same when commit_interval has passed: what could not be stored, for another reason than a
 * conflict, stays unsaved. */
int file_commit_by_clock(struct fs *fs, struct file *f) MUST_CHECK;
/* Gives up what is unsaved because of error, which every later operation gets. File lock held. */
void file_give_up(struct fs *fs, struct file *f, int error);
/* The same for whoever holds the name. */
void file_give_up_held(struct fs *fs, struct file *f, int error, const struct buf *name);

/* --- change.c, setattr.c --- */

/* Changes attributes of n; 0, or -errno with nothing changed. May be called more than once. */
typedef int (*fs_change_fn)(const void *arg, struct node *n);
/* Makes a change and stores it, unless n has unsaved content or no name. Takes the name lock.
 * Waits. */
int fs_change(struct fs *fs, struct node *n, fs_change_fn change, const void *arg) MUST_CHECK;
/* Modification time and privileges after a change of the content that left it as it was. Waits. */
int fs_touch(struct fs *fs, const struct fs_ctx *ctx, struct node *n) MUST_CHECK;
/* Whether the caller may not keep n's set-group-ID bit, being no member of its group. */
bool fs_loses_sgid(struct fs *fs, const struct fs_ctx *ctx, const struct node *n);
/* What a write or truncation of the caller takes away: set-user-ID, set-group-ID, capabilities.
 * n is unsaved. Takes the tree lock. */
void fs_drop_privileges(struct fs *fs, const struct fs_ctx *ctx, struct node *n);

/* --- aside.c: with file lock held --- */

/* Stores info, uploaded content that lost a conflict, as the mount's policy says: -ESTALE, or why
 * not even that was possible. The name is held. */
int file_store_conflict(struct fs *fs, struct file *f, struct obj_info *info) MUST_CHECK;
/* Stores info, a version of ours that somebody replaced without knowing of it, beside its name, in
 * a moment; at the end of the mount fs_restore_left does. Takes over info and the tree lock. Stores
 * nothing itself, because whoever makes room in a full bucket calls it. */
void fs_restore_later(struct fs *fs, struct obj_info *info);
/* Stores what came when fs->later took nothing any more. Not below purges_hurry. Waits. */
void fs_restore_left(struct fs *fs);
/* Gives up what came even later. */
void fs_restore_none(struct fs *fs);
/* Stores info, a version of which nobody may have the description any more, beside its name, unless
 * some name has its content or the chunks are gone. 0: nothing is left to do. Waits. */
int fs_store_unnamed(struct fs *fs, const struct obj_info *info) MUST_CHECK;
/* Whether the old version is kept because this writer, the last, is being killed while it replaces
 * it. Reads /proc. */
bool file_is_kept_when_killed(struct fs *fs, struct file *f, const struct fs_ctx *ctx);
/* Stores what was written beside the file, which gets its old content back. */
int file_keep_old(struct fs *fs, struct file *f) MUST_CHECK;

/* --- lock_ops.c --- */

/* -EIO when f may not be changed, because a lock on it that counts on every host was lost. */
int fs_lock_check(struct fs *fs, struct file *f) MUST_CHECK;
/* Gives back what h holds. Does not wait. */
void fs_lock_release(struct fs *fs, struct fs_handle *h);

/* --- procfd.c --- */

/* Thread group of a thread, 0 when unknown. */
pid_t procfd_tgid(pid_t tid);
/* Whether a process has a descriptor open for writing on an inode of the mount whose device number
 * is dev. false when /proc cannot tell.
 */
bool procfd_has_writer(pid_t tgid, dev_t dev, uint64_t ino);
/* Whether any process has. Walks all of /proc. */
bool procfd_is_written_by_any(dev_t dev, uint64_t ino);
/* What a thread may do about set-group-ID bits of group gid; nothing when /proc cannot tell. */
struct procfd_rights {
	bool is_in_group;
	bool has_fsetid; /* CAP_FSETID */
};
struct procfd_rights procfd_rights(pid_t tid, gid_t gid);

#endif
