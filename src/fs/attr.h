/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_ATTR_H
#define NATSOBJ_FS_ATTR_H

/*
 * POSIX attributes in an object's metadata, and in struct stat.
 *
 *	posix.mode    octal, file type included
 *	posix.uid, posix.gid, posix.rdev          decimal
 *	posix.mtime, posix.ctime, posix.btime     nanoseconds since 1970, decimal
 *	posix.atime   likewise, when it is not the mtime
 *	posix.target  exact text of a symbolic link
 *	posix.claim   on a tombstone: by which mount a file is yet to be stored
 *	posix.made    by which mount the name was made with this version (sibling.h)
 *	posix.from    "<name>@<sequence>": where a rename came from
 *	posix.since   when a rename brought the object to its name, nanoseconds
 *	posix.journal  identifier of the journal that the version has taken in, see journal.h
 *	posix.exchange  identifier of the exchange that stored it
 *
 * Values that make no sense count as absent.
 */

#include <stdbool.h>
#include <sys/stat.h>

#include "fs/fs.h"
#include "fs/tree.h"
#include "objstore/info.h"

struct attr {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	int64_t atime_ns, mtime_ns, ctime_ns, btime_ns;
	uint64_t size;
};

/* is_dir: the info is a directory's marker. */
void attr_from_info(const struct fs_config *cfg, const struct obj_info *info, bool is_dir,
		    struct attr *ret);
/* Attributes and extended attributes. */
int attr_to_info(const struct node *n, struct obj_info *info) MUST_CHECK;
/* When the object came to its name, as far as anyone knows; later versions do not change it. */
int64_t attr_entry_time(const struct obj_info *info);
/* Attributes of a directory without a marker. */
void attr_implied_dir(const struct fs_config *cfg, int64_t time_ns, struct attr *ret);

/* Tree lock held, or n is nobody else's. */
int attr_to_node(const struct attr *a, struct node *n) MUST_CHECK;
/* Tree lock held. */
void attr_stat(const struct node *n, struct stat *ret);

/* Target of a symbolic link made by us or of another client's object link, relative to the link;
 * the caller frees. One into another bucket, or to the whole of it, leads to that where the buckets
 * are beside each other, else it is a text that says where. NULL: not a link, or no memory. */
char *attr_link_target(const struct fs_config *cfg, const struct obj_info *info,
		       const char *bucket);

#endif
