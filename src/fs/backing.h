/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_BACKING_H
#define NATSOBJ_FS_BACKING_H

/*
 * Files that the kernel reads by itself, from a file of the disk cache (FUSE passthrough).
 *
 * An open that gets such a backing file reads that content until it is closed, whatever anybody
 * does. That is what is promised of changes by others. But a reader has to see what is written on
 * its own host. So this is done where nothing can be written, or where it was asked for, and then a
 * change through this mount is made on another node of the same inode number, as one by somebody
 * else is: those who read go on reading what they opened.
 *
 * The kernel wants all descriptors of one node to have the same backing file, or none of them. So
 * it is the first open that decides, and files with several names, which cannot get another node so
 * easily, have none where something can be written.
 */

#include "fs/file.h"
#include "fs/internal.h"

/* Decides how the kernel reads h, which is being opened. File lock held. May wait for the disk. */
void backing_begin(struct fs *fs, struct fs_handle *h);
/* h is being released. */
void backing_end(struct fs *fs, struct fs_handle *h);
/* Whether the kernel reads a descriptor of the file by itself. Takes the tree lock. */
bool backing_is_used(struct fs *fs, const struct file *f);
/*
 * To be called before the content of a clean file changes. 0 when nobody reads it in that way; else
 * its name has got another node now: -ESTALE, and the caller looks up the name again. That one gets
 * no backing file until there was time to come back. -ETXTBSY: that is not possible, because the
 * file has no name or more than one. File lock held. Waits for the server.
 */
int backing_make_way(struct fs *fs, struct file *f) MUST_CHECK;
/* Whether n made way for a writer, so that nobody can write to it any more. Tree lock held. */
static inline bool backing_has_made_way(const struct node *n)
{
	return n->gives_way && n->is_superseded;
}

/* Opens that got a backing file, and whether others can. */
struct backing_stats {
	uint64_t opens;
	bool is_on;
};
void backing_stats(struct fs *fs, struct backing_stats *ret);

#endif
