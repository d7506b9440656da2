/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_APPLY_H
#define NATSOBJ_FS_APPLY_H

/* What the bucket says, shown in the tree. Not for other layers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct buf;
struct dentry;
struct fs;
struct node;
struct obj_info;

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
/* The same for a file whose name another client removed at time_ns (0: that is no change of the
 * directory), by the message seq (0: not known). Tree lock held. */
void fs_remove_foreign(struct fs *fs, struct dentry *d, int64_t time_ns, uint64_t seq);
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

#endif
