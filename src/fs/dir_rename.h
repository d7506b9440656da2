/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_DIR_RENAME_H
#define NATSOBJ_FS_DIR_RENAME_H

#include "fs/internal.h"

/* A directory that is being renamed, or a file that changes places with one: the tree shows it at
 * its new place already, objects with sequences up to seq follow one after the other. In
 * fs->dir_moves, protected by tree.lock. */
struct dir_move {
	struct list link;
	struct buf from, to; /* with the slash where a directory is meant */
	uint64_t seq;
	bool is_file; /* one object, not all that begin so */
};

void dir_move_init(struct dir_move *mv);
void dir_move_done(struct dir_move *mv);

/* The name at start of out is that of d by its place in the tree: becomes the old one while the
 * object has not followed yet. Tree lock held. */
void dir_rename_resolve(const struct fs *fs, const struct dentry *d, struct buf *out, size_t start);

/* An event about an old name that tells of what has been moved already. Tree lock held. */
bool dir_rename_is_stale(struct fs *fs, const struct obj_info *info);

/* The object of a name, where the tree has it, has followed, or will not. Tree lock held. */
void dir_rename_arrived(struct fs *fs, const struct buf *name);

/* --- dir_names.c --- */

/* Object names below a directory, relative to it ("" its marker), one behind the other. */
struct dir_names {
	struct buf bytes;
	size_t count, max_len;
	uint64_t max_seq;
};

void dir_names_init(struct dir_names *l);
void dir_names_done(struct dir_names *l);
int dir_names_add(struct dir_names *l, const char *name, size_t len, uint64_t seq) MUST_CHECK;
/* The name at *at, which goes on to the next. False at the end. */
bool dir_names_next(const struct dir_names *l, size_t *at, const char **ret, size_t *ret_len);
/* All objects below dir up to a sequence, markers included, with skip bytes of their names left
 * out. With UINT64_MAX, everything, their entries are behind from now on. Tree lock held. */
int dir_names_collect(struct fs *fs, const struct node *dir, size_t skip, uint64_t max_seq,
		      struct dir_names *l) MUST_CHECK;
/* No entry below dir is behind any more. Tree lock held. */
void dir_names_uncollect(struct fs *fs, const struct node *dir);
/* The opposite of what was collected: those objects that have moved are behind now, and are listed;
 * the others are not. For a directory that goes back. Tree lock held. */
int dir_names_invert(struct fs *fs, const struct node *dir, size_t skip, struct dir_names *l)
	MUST_CHECK;
/* The names that are in one of two lists only, and those in both. */
int dir_names_split(const struct dir_names *a, const struct dir_names *b, struct dir_names *only_a,
		    struct dir_names *only_b, struct dir_names *both) MUST_CHECK;

/* Bytes that moving the names takes in the bucket, about. */
uint64_t dir_names_need(const struct dir_move *mv, const struct dir_names *names);
/* -ENOSPC when the bucket has no room for so much, as far as is known. Waits. */
int dir_names_check_room(struct fs *fs, uint64_t need) MUST_CHECK;

/* --- dir_objects.c --- */

/* So many objects are moved at once. */
#define DIR_BATCH 128

/* Moves all the names from one prefix to the other, many at a time. The intent is stored again now
 * and then. *ret_at: on an error the place in names from which on not all have moved. What others
 * stored after the rename, under either name, stays. -ECANCELED: another mount has taken over.
 * Waits. */
int dir_objects_move(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		     struct obj_info *intent, size_t *ret_at) MUST_CHECK;
/* After an error: the tree learns which names have which objects. Waits. */
void dir_objects_resync(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
			size_t at);

#endif
