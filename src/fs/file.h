/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_FILE_H
#define NATSOBJ_FS_FILE_H

/* The open state of an inode and its unsaved content. Not for other layers. */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/content.h"
#include "fs/draft.h"
#include "fs/internal.h"
#include "fs/prefetch.h"

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
/* A change builds on info, the node's version, which is taken over. What a malformed version says
 * is not carried on. File lock held. */
void file_set_base(struct file *f, struct obj_info *info);
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

/* --- commit.c --- */

/* A new file into which nothing was written takes nothing away from whoever made it too. File lock
 * held. */
bool file_is_nothing(const struct file *f);
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
/* What is unsaved belongs to a file that another mount has renamed, as the tombstone of its name
 * says, which the caller holds: -EAGAIN, if the file has another name from now on. 0: it has not,
 * as far as can be told. File lock held. Waits. */
int file_follow_renamed(struct fs *fs, struct file *f, const struct obj_info *tombstone) MUST_CHECK;
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

#endif
