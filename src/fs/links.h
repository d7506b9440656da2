/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_LINKS_H
#define NATSOBJ_FS_LINKS_H

/*
 * Files with several names.
 *
 * Two names must never share a chunk identifier: a client that deletes one would destroy the
 * other's content. So the first link(2) moves content and attributes (metadata only) to a hidden
 * object .natsobj/inode/<id> at the root of the bucket, and every name becomes an object link to it
 * that says so in its metadata. Other clients read through the links and may delete them.
 *
 *	posix.inode   on a name: the id of the hidden object it leads to
 *	posix.nlink   on the hidden object: how many names there are, at least
 *	posix.fold    on the hidden object: its content goes back to this, its last name
 *
 * The hidden object serialises: it is counted up before a name is made and down after one is gone,
 * each by compare-and-set, so that a crash or another client leaves the count too high, never too
 * low. At zero it is deleted with its content. When one name is left, the content goes back to it a
 * moment later and the hidden object vanishes.
 *
 * In the tree such a file is a node with link_id, which exists as soon as a name or the hidden
 * object is known; it is malformed until the hidden object is.
 */

#include "fs/place.h"

#define LINKS_NAME_MAX (sizeof(HIDDEN_INODES) + OBJ_NUID_LEN)
#define LINKS_MAX 65000

/* Id of the hidden object that info, a name's metadata, leads to; NULL: it is no such name. */
const char *links_id(const struct fs *fs, const struct obj_info *info);
/* Id in the name of a hidden object; NULL: it is none. */
const char *links_id_of_hidden(const char *name, size_t len);
void links_hidden_name(const char *id, char ret[LINKS_NAME_MAX]);
/* Names that a hidden object counts. */
uint32_t links_count(const struct obj_info *info);
/* --- links_apply.c: what the bucket says → tree; tree lock held --- */

/* A version of a hidden object. */
int links_apply_hidden(struct fs *fs, const struct obj_info *info) MUST_CHECK;
/* The bucket has the hidden object no more. The node may be gone afterwards. */
void links_apply_absent(struct fs *fs, const char *id);
/* A name in dir that leads to a hidden object; d is its entry if there is one. */
int links_apply_name(struct fs *fs, struct node *dir, struct dentry *d, const struct component *c,
		     bool is_shadowed, const struct obj_info *info) MUST_CHECK;
/* What leads to the hidden object id leads to old from now on, which programs know and which has
 * the content, instead of the node that the tree has of it so far. */
int links_take_place(struct fs *fs, struct node *old, struct node *hidden, const char *id)
	MUST_CHECK;
/* Whether the removal with sequence seq concerns the entry, one name of several. */
bool links_may_remove(const struct fs *fs, const struct dentry *d, uint64_t seq);
/* A name that led to a hidden object is an ordinary object again. */
int links_apply_plain(struct fs *fs, struct dentry *d, const struct obj_info *info) MUST_CHECK;
/* What a name's metadata say of the last rename counts for the file n. */
void links_note_ctime(struct fs *fs, struct node *n, const struct obj_info *name);
/* After a complete listing: names and hidden objects that it did not report are gone. */
void links_reload_end(struct fs *fs, uint64_t last_seq);

/* --- links.c: the bucket's side; all wait --- */

/* To be called before an answer about a name is applied: where that leads to a hidden object whose
 * event is still on its way, the tree learns of the object first, so the file keeps its node. */
void links_learn(struct fs *fs, const struct obj_info *name);
/* Makes sure that a file's content is in a hidden object. -ENOENT: it has no name; -ESTALE: its
 * name has another node now. */
int links_convert(struct fs *fs, struct node *n, char ret_id[OBJ_NUID_LEN + 1]) MUST_CHECK;
/* Counts one name more. -EMLINK; -EAGAIN: the file is an ordinary one again, or becomes one. The
 * caller holds no hidden name. */
int links_count_up(struct fs *fs, const char *id) MUST_CHECK;
/* Counts one name less, after it is gone; deletes what has none. Errors are logged: the count is
 * then too high. The caller may hold names, but no hidden one. */
void links_count_down(struct fs *fs, const char *id);
/* Metadata of a name that leads to a hidden object. */
int links_describe(const struct fs *fs, const char *name, size_t len, const char *id,
		   struct obj_info **ret) MUST_CHECK;
/* The newest version of a hidden object; -EAGAIN when it is gone. The caller holds it. */
int links_get_hidden(struct fs *fs, const char *name, struct obj_info **ret) MUST_CHECK;
/* Removes a hidden object whose content has another name, or none. The caller holds it. */
int links_drop_hidden(struct fs *fs, struct obj_info *hidden) MUST_CHECK;

/* --- links_fold.c --- */

/* Gives the content back to the last name after a while. Does not wait. */
void links_fold_later(struct fs *fs, const char *id, uint64_t delay_ms);
/* The same now, if only one name is left. The caller holds no name. */
void links_fold(struct fs *fs, const char *id);

#endif
