/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_GUARD_H
#define NATSOBJ_FUSE_GUARD_H

/*
 * A process that outlives the daemon. When the daemon dies without a word, processes that wait for
 * it stay in uninterruptible sleep as long as one of its threads does (that thread waits in the
 * kernel for one of them), and the mount point answers ENOTCONN for ever. The guard then aborts the
 * connection, which wakes them all, and detaches the mount.
 *
 * It is forked before the daemon has a thread or /dev/fuse, so it holds nothing that would keep the
 * connection alive. The two share a socket: the daemon says what is mounted where, and at its end
 * that all is well; the end of the stream without that is the death of the daemon.
 */

#include <sys/types.h>

#include "util/cleanup.h"

struct guard {
	int fd;	   /* the daemon's end; -1 without a guard */
	pid_t pid; /* of the guard */
};

#define GUARD_NONE ((struct guard){.fd = -1})

/* Forks. Returns in the daemon only. 0 or -errno. */
int guard_start(struct guard *g) MUST_CHECK;
/* A mount with this device number is at dir, which is absolute. */
void guard_watch(struct guard *g, dev_t dev, const char *dir);
/* There is nothing to clean up: ends the guard and waits for it. Harmless without one. */
void guard_stop(struct guard *g);

#endif
