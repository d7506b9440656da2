/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_MOUNTINFO_H
#define NATSOBJ_FUSE_MOUNTINFO_H

/* What is mounted where, as the kernel tells without asking the mount (proc(5), mountinfo). */

#include <stdbool.h>
#include <sys/types.h>

struct mountinfo {
	dev_t dev;
	uid_t owner; /* who mounted it; 0 for what is no FUSE mount */
	char type[64];
};

/* What is on top at dir, which is absolute; false when nothing is found. */
bool mountinfo_find(const char *dir, struct mountinfo *ret);
/* Where this program's mount of source is, the newest one; NULL when there is none. The caller
 * frees.
 */
char *mountinfo_find_source(const char *source, struct mountinfo *ret);
/* Device number of what is on top at dir; 0 when nothing is found. */
dev_t mountinfo_device(const char *dir);
/* Whether it is of this program's type. */
bool mountinfo_is_natsobj(const struct mountinfo *m);

/* A file that ends the connection of the mount with this device number when something is written to
 * it (Documentation/filesystems/fuse.rst): whoever waits for the daemon gets an error. Opened while
 * the connection is there, it stays this connection's, whoever gets the number later. -1 when there
 * is none. */
int mountinfo_open_abort(dev_t dev);
/* Likewise the file with the number of its requests, which is empty once it is unmounted. */
int mountinfo_open_waiting(dev_t dev);
/* True when what was opened so is unmounted, false when it is not or that is unknown (-1). */
bool mountinfo_is_gone(int waiting_fd);

#endif
