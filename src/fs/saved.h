/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_SAVED_H
#define NATSOBJ_FS_SAVED_H

/*
 * The tree of a large bucket, kept in cache_dir/tree for the next mount, which then need not list
 * the bucket. The file says how far the watch had come (struct watch_mark) and has every entry with
 * its attributes, in the order of the directories.
 *
 * It is written while the tree is in use, a few thousand entries at a time: what changes meanwhile
 * is newer than the mark, so the next mount is told of it anyway. It replaces the older one at
 * once, has a checksum, and counts only for the same version of the format, bucket, prefix and
 * default attributes, and for a week, after which the removal of a name may be forgotten. In any
 * doubt it is not written, or not taken: then the bucket is listed as ever.
 */

#include <stdbool.h>

#include "objstore/store.h"

struct fs;

/* Fills the tree, which has nothing yet. False: there is nothing to go on from. *ret is then not a
 * mark, or, where the tree has got something nevertheless, one that no bucket has. */
bool saved_load(struct fs *fs, struct watch_mark *ret);
/* Saves the tree from time to time from now on. */
int saved_start(struct fs *fs) MUST_CHECK;
/* Saves the tree if it has changed. is_doubtful: names may be gone of which the tree does not know.
 * Waits. */
void saved_store(struct fs *fs, bool is_doubtful);

#endif
