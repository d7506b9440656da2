/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_MOUNT_PARTS_H
#define NATSOBJ_PROG_MOUNT_PARTS_H

/* The file system of a bucket as the options want it, with all that it stands on. */

#include "fuse/share.h"
#include "prog/options.h"
#include "util/cleanup.h"

/* ino: as fs_config.ino_base. On failure *ret_why, freed by the caller, is a sentence for people.
 * With all signals blocked, which the threads inherit. Waits. */
int mount_parts_open(const struct mount_options *o, const char *bucket, uint64_t ino,
		     struct share_parts *ret, char **ret_why) MUST_CHECK;
/* The directory of all buckets. */
int mount_parts_open_directory(const struct mount_options *o, struct share_parts *ret,
			       char **ret_why) MUST_CHECK;
/* Waits. */
void mount_parts_close(struct share_parts *p);

/* The same as a struct share_source, whose arg are the options. */
int mount_parts_open_share(void *arg, const char *bucket, uint64_t ino, struct share_parts *ret);
void mount_parts_close_share(void *arg, struct share_parts *p);

#endif
