/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_PLACE_H
#define NATSOBJ_FS_PLACE_H

/*
 * Where an object's name lives in the tree: its components, the directories above it, and the entry
 * itself, which stands aside for a directory of the same name. Everything needs the tree's lock.
 */

#include "fs/internal.h"
#include "fs/name.h"

/* A component cut from an object's name, and the file name it has in its directory. */
struct component {
	const char *raw;
	size_t raw_len;
	bool is_raw_needed;
	char name[NAME_COMPONENT_MAX + 1];
};

/* Cuts the next component off [*p, end); true when it was followed by a slash. */
bool place_cut(const char **p, const char *end, struct component *c);
/* Puts n into dir as that component. */
int place_link(struct fs *fs, struct node *dir, const struct component *c, bool is_shadowed,
	       struct node *n) MUST_CHECK;
/* The directory of a component in parent, made when it is missing, because of the message seq; full
 * is the object name up to its slash. NULL without memory. */
struct node *place_make_dir(struct fs *fs, struct node *parent, const struct component *c,
			    const char *full, size_t full_len, int64_t time_ns, uint64_t seq);
/* The entry that an object name has in the tree, NULL if none. For a marker *ret_dir is its
 * directory, NULL if there is none or the name is no marker's. */
struct dentry *place_find(struct fs *fs, const char *name, size_t len, struct node **ret_dir);
/* The directory called so has left dir: a file that it had hidden gets its plain name back. */
void place_unshadow(struct fs *fs, struct node *dir, const char *name, size_t len);
/* An entry came or went at time_ns, by the message seq (0: not known). That is nothing new if the
 * directory's own metadata were stored later. */
void place_touch_dir(struct fs *fs, struct node *dir, int64_t time_ns, uint64_t seq);
/* A call made here changed the entries of dir just now. */
void place_set_touched(struct node *dir, int64_t time_ns);
/* As fs_remove_own, and leaves the times of the directory. */
void place_unlink(struct fs *fs, struct dentry *d);

#endif
