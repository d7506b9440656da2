/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_HISTORY_H
#define NATSOBJ_FS_HISTORY_H

/*
 * The directory .natsobj/history, where a bucket keeps older versions (objstore/store.h,
 * has_history): a directory for each name, and in it a file for each version that is kept. Its name
 * is the sequence, with ".deleted" behind that of a removal. The server is asked whenever somebody
 * looks; nothing of it is in the tree.
 */

#include "fs/file.h"
#include "fs/internal.h"

void history_init(struct fs *fs);
void history_done(struct fs *fs);
/* Whether a node is one of these directories. Takes the tree lock. */
bool history_is_dir(struct fs *fs, uint64_t nodeid);
/* A name in one of them, pinned by the caller. Waits. */
int history_lookup(struct fs *fs, const struct fs_ctx *ctx, const struct node *dir,
		   const char *name, struct fs_entry *ret) MUST_CHECK;
/* See fs_readdir; entries come without lookups. Waits at the beginning of a listing. */
int history_readdir(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, uint64_t cookie,
		    fs_fill_fn fill, void *arg) MUST_CHECK;
/* A handle with the content of a version; -EACCES for writers. Waits. */
int history_open(struct fs *fs, uint64_t nodeid, int flags, struct fs_handle **ret) MUST_CHECK;

#endif
