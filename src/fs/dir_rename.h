/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_DIR_RENAME_H
#define NATSOBJ_FS_DIR_RENAME_H

#include "fs/intent.h"
#include "fs/internal.h"
#include "fs/rename.h"

/* Object names below a directory, relative to it ("" its marker), one behind the other. */
struct dir_names {
	struct buf bytes;
	size_t count, max_len;
	uint64_t max_seq;
};

/* A directory that is being renamed, or a file that changes places with one: the tree shows it at
 * its new place already, objects with sequences up to seq follow one after the other. In
 * fs->dir_moves, protected by tree.lock. */
struct dir_move {
	struct list link;
	struct buf from, to; /* with the slash where a directory is meant */
	uint64_t seq;
	bool is_file;		/* one object, not all that begin so */
	bool is_exchange;	/* one of two ways */
	bool is_foreign;	/* another mount moves the objects: see dir_follow.c */
	bool is_barrier;	/* of a foreign one: not what the tree shows; see dir_plan.c */
	uint64_t plan;		/* the sequence of its plan */
	size_t n_behind;	/* of a foreign one: entries whose objects have to follow */
	struct dir_names taken; /* of these: others stored something else there */
	char intent[INTENT_NAME_MAX]; /* of a foreign one */
};

void dir_move_init(struct dir_move *mv);
/* What an intent to rename a directory says. -EINVAL: nothing that could be done; -EXDEV: this
 * mount does not know all of it. dir_move_done is due also after an error. */
int dir_move_parse(const struct fs *fs, const struct obj_info *intent, struct dir_move *ret)
	MUST_CHECK;
void dir_move_done(struct dir_move *mv);
/* Puts it into fs->dir_moves, and takes it out, which ends the waiting for it. Tree lock held. */
void dir_move_begin(struct fs *fs, struct dir_move *mv);
void dir_move_end(struct fs *fs, struct dir_move *mv);
/* The entry that an object below the old name has at its new place in the tree, of a directory if
 * the object is its marker; NULL: there is none, or the name is not below. Tree lock held. */
struct dentry *dir_move_entry(struct fs *fs, const struct dir_move *mv, const char *name,
			      size_t len);

/* The name at start of out is that of d by its place in the tree: becomes the old one while the
 * object has not followed yet. Tree lock held. */
void dir_rename_resolve(const struct fs *fs, const struct dentry *d, struct buf *out, size_t start);

/* An event about an old name that tells of what has been moved already. Tree lock held. */
bool dir_rename_is_stale(struct fs *fs, const struct obj_info *info);

/* The object of a name, where the tree has it, has followed, or will not. Tree lock held. */
void dir_rename_arrived(struct fs *fs, const char *name, size_t len);
/* Waits for the objects that this mount has to move, until deadline_ns; what is left then is left
 * to another mount. At the end of a mount. */
void dir_rename_drain(struct fs *fs, uint64_t deadline_ns);

/* --- dir_wait.c: what has to wait for objects that follow --- */

/* Whether the move is of one of two directories, or of something above or below. */
bool dir_move_touches(const struct dir_move *mv, const struct buf *a, const struct buf *b);
/* Whether one of two names of directories, or what is above or below them, cannot be moved now,
 * because something that was planned before this sequence moves there. Tree lock held. */
bool dir_move_is_barred(const struct fs *fs, const struct buf *a, const struct buf *b,
			uint64_t plan);
/* Waits until nothing moves there. -EBUSY: nothing moves at all for too long. Tree lock held,
 * released meanwhile. */
int dir_move_wait(struct fs *fs, const struct buf *a, const struct buf *b) MUST_CHECK;

/* --- dir_plan.c: which of several mounts may move a directory --- */

/* Both names of mv, when nothing is on its way above or below them. Waits. */
int dir_plan_wait(struct fs *fs, const struct move *m, struct dir_move *mv) MUST_CHECK;
/* Stores what mv says, first as a plan, then as the intent to return. Whoever comes first may.
 * -EAGAIN: another mount does, or what is above has moved: nothing is stored then, nor after any
 * error. Waits. */
int dir_plan(struct fs *fs, const struct move *m, struct dir_move *mv, struct obj_info **ret)
	MUST_CHECK;
/* Whether what was planned can be done as the tree is, which does not hold it up: else -EAGAIN, or
 * what speaks against it. Tree lock held. */
int dir_plan_check(struct fs *fs, const struct move *m, const struct dir_move *mv) MUST_CHECK;

/* --- dir_follow.c: renames by other mounts; tree lock held --- */

/* Another mount has stored this plan, intent or exchange: nothing else moves there until it is
 * gone. With the intent of a rename the tree shows the directory at its new place. */
void dir_follow_begin(struct fs *fs, const struct obj_info *intent);
/* That is gone. If something has not followed, dir_follow_end is due. */
void dir_follow_over(struct fs *fs, const char *intent);
/* What others have made in dir, where mv's directory n is to come, since its intent goes into n.
 * -ENOTEMPTY: there is something older; -EAGAIN: it has a name that n has, too. */
int dir_follow_adopt(struct fs *fs, const struct dir_move *mv, struct node *dir, struct node *n)
	MUST_CHECK;
/* The rename of an intent with this name, or NULL. */
struct dir_move *dir_follow_find(struct fs *fs, const char *intent);
/* The object of info has come to its new place, and perhaps gone, if that is what info tells. */
void dir_follow_note(struct fs *fs, const struct obj_info *info);
/* Whether a removal of the name is that of the empty directory which the one that is shown
 * replaces. */
bool dir_follow_is_awaited(struct fs *fs, const char *name, size_t len);
/* The intent is gone: what has not followed by now is where the bucket has it. An error: that is
 * not known, to be called again. Takes the tree lock itself, and waits. */
int dir_follow_end(struct fs *fs, const char *intent) MUST_CHECK;
/* At the end of a mount, and when nothing counts that was known. */
void dir_follow_forget_all(struct fs *fs);

/* --- dir_names.c --- */

void dir_names_init(struct dir_names *l);
void dir_names_done(struct dir_names *l);
int dir_names_add(struct dir_names *l, const char *name, size_t len, uint64_t seq) MUST_CHECK;
/* The name at *at, which goes on to the next. False at the end. */
bool dir_names_next(const struct dir_names *l, size_t *at, const char **ret, size_t *ret_len);
/* All objects below dir up to a sequence, markers included, with skip bytes of their names left
 * out. With UINT64_MAX, everything, their entries are behind from now on. Tree lock held. */
int dir_names_collect(struct fs *fs, const struct node *dir, size_t skip, uint64_t max_seq,
		      struct dir_names *l) MUST_CHECK;
/* Those whose entries are behind. Tree lock held. */
int dir_names_behind(struct fs *fs, const struct node *dir, size_t skip, struct dir_names *l)
	MUST_CHECK;
/* No entry below dir is behind any more. Tree lock held. */
void dir_names_uncollect(struct fs *fs, const struct node *dir);
/* The opposite of what was collected: those objects that have moved are behind now, and are listed;
 * the others are not. For a directory that goes back. Tree lock held. */
int dir_names_invert(struct fs *fs, const struct node *dir, size_t skip, struct dir_names *l)
	MUST_CHECK;
/* The names that are in one of two lists only, and those in both. */
int dir_names_split(const struct dir_names *a, const struct dir_names *b, struct dir_names *only_a,
		    struct dir_names *only_b, struct dir_names *both) MUST_CHECK;

/* Bytes that moving all below n, or the file n, takes in the bucket, about. Tree lock held. */
uint64_t dir_names_need(const struct fs *fs, const struct node *n, const struct dir_move *mv);
/* -ENOSPC when the bucket has no room for so much, as far as is known. *ret_is_ample (may be NULL):
 * there is so much more that it need not be watched. Waits. */
int dir_names_check_room(struct fs *fs, uint64_t need, bool *ret_is_ample) MUST_CHECK;

/* --- dir_objects.c --- */

/* So many objects are moved at once. */
#define DIR_BATCH 128

/* Moves all the names, from the place *at on, from one prefix to the other, many at a time. The
 * intent is stored again now and then. *at: on an error the place from which on not all have moved.
 * What others stored after the rename, under either name, stays. -ECANCELED: another mount has
 * taken over; -ESHUTDOWN: the mount ends. Waits. */
int dir_objects_move(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		     struct obj_info *intent, size_t *at) MUST_CHECK;
/* What was stored for a moved object, if it was (info may be NULL), is what its name has now; the
 * name is held. Takes the tree lock. */
void dir_objects_settle(struct fs *fs, const struct obj_info *info);
/* Whether the tree has this version under its new name already: this mount stored it. Takes the
 * tree lock. */
bool dir_objects_is_own(struct fs *fs, const struct obj_info *info, const struct buf *new_name);
/* Whatever the bucket has under a name is news from now on: the entry may have the sequence of
 * another name. Tree lock held. */
void dir_objects_doubt(struct fs *fs, const struct buf *name);
/* When not all has moved: the tree learns which names have which objects. Waits. */
int dir_objects_resync(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		       size_t at) MUST_CHECK;

#endif
