/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_FAREWELL_H
#define NATSOBJ_FUSE_FAREWELL_H

/*
 * How an unmount learns what became of the data. umount(2) returns while the daemon still stores
 * what is pending, so whoever unmounts connects to the daemon before, and hears its last words
 * after: an exit status and a sentence. The daemon listens on an abstract socket named by the
 * mount's device number and answers nobody before its end, so it needs no thread for it.
 */

#include <sys/types.h>

#include "util/cleanup.h"

struct farewell {
	int status; /* as of the daemon's exit */
	char text[256];
};

/* The daemon's end. 0 or -errno. */
int farewell_listen(dev_t dev, int *ret_fd) MUST_CHECK;
/* Tells all that wait, and closes. Harmless with -1. */
void farewell_say(int *fd, int status, const char *text);

/* The other end; owner: who may have mounted this besides root and the caller. -ECONNREFUSED when
 * no daemon of theirs listens. */
int farewell_connect(dev_t dev, uid_t owner, int *ret_fd) MUST_CHECK;
/* Waits for the last words; -EPIPE when the daemon ended without any. Closes fd. */
int farewell_hear(int fd, struct farewell *ret) MUST_CHECK;

#endif
