/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_VIRTUAL_H
#define NATSOBJ_FS_VIRTUAL_H

/*
 * The directory .natsobj in the root: files about the mount itself, made up when they are opened.
 * It is reached by name and not listed, and has no object. Its nodes have no entry in the tree.
 */

#include "fs/file.h"
#include "fs/internal.h"

int virtual_init(struct fs *fs) MUST_CHECK;
void virtual_done(struct fs *fs);
/* The virtual node of a name in dir, or NULL. Tree lock held. */
struct node *virtual_find(struct fs *fs, const struct node *dir, const char *name);
/* Lists the directory from behind cookie: see fs_readdir. Tree lock held. */
int virtual_readdir(struct fs *fs, uint64_t cookie, bool with_lookup, fs_fill_fn fill, void *arg)
	MUST_CHECK;
/* A handle with the text of the moment; -EACCES for writers. May ask the server. */
int virtual_open(struct fs *fs, enum virtual_kind kind, int flags, struct fs_handle **ret)
	MUST_CHECK;
/* A handle with that text, which is taken over, also on error. */
int virtual_new_handle(char *text, size_t len, int flags, struct fs_handle **ret) MUST_CHECK;
int virtual_read(const struct fs_handle *h, uint64_t off, size_t len, struct fs_data *ret)
	MUST_CHECK;
void virtual_close(struct fs_handle *h);

/* --- status.c --- */

/* What the files say. */
void status_json(struct fs *fs, struct buf *out);
void status_metrics(struct fs *fs, struct buf *out);
void status_pending(struct fs *fs, struct buf *out);

#endif
