/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_PUBLISH_H
#define NATSOBJ_FS_PUBLISH_H

/* The tree's changes, stored in the bucket. Not for other layers. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct buf;
struct fs;
struct fs_ctx;
struct node;
struct obj_info;

/* --- publish.c --- */

/* Whether the server has just said that a name does not exist, and the sequence of its tombstone or
 * 0. True once. */
bool fs_is_known_absent(struct fs *fs, const char *name, size_t len, uint64_t *ret_seq);
/* Stores info under a name that must not exist (a tombstone may): -EEXIST. The caller holds the
 * name. */
int fs_publish_new(struct fs *fs, struct obj_info *info) MUST_CHECK;
/* The same for something that one of several creators makes: neither may a directory have the name
 * where it is a file's, nor the other way round, see sibling.h. After an error nothing is left. */
int fs_publish_exclusive(struct fs *fs, struct obj_info *info) MUST_CHECK;
/* What was just made goes again. False: somebody has changed or moved it, and it stays. Waits. */
bool fs_take_back(struct fs *fs, const struct obj_info *info);
/* Gives info, for fs_publish_exclusive, what stands for a file that is being created, until it is
 * stored: a tombstone. May wait. */
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

#endif
