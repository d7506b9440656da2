/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_FAREWELL_H
#define NATSOBJ_FUSE_FAREWELL_H

/*
 * How an unmount learns what became of the data. umount(2) returns while the daemon still stores
 * what is pending, so whoever unmounts connects to the daemon before, and hears its last words
 * after: an exit status and a sentence. The daemon listens on an abstract socket named by the
 * mount's device number and answers nobody before its end, so it needs no thread for it.
 *
 * The kernel gives the number to the next mount while the daemon still stores. So it stops
 * listening as soon as nobody can unmount what it serves any more.
 */

#include <sys/types.h>

#include "util/cleanup.h"

struct farewell {
	int status; /* as of the daemon's exit */
	char text[256];
};

/* Those who wait at one time; more are told nothing. */
#define FAREWELL_GUESTS 64

/* The daemon's end. */
struct farewell_host {
	int fd; /* -1: does not listen */
	unsigned int n;
	int guests[FAREWELL_GUESTS];
};

#define FAREWELL_NONE                                                                              \
	(struct farewell_host)                                                                     \
	{                                                                                          \
		.fd = -1                                                                           \
	}

/* Begins to listen. 0 or -errno. Waits a moment for one that is about to stop. */
int farewell_listen(struct farewell_host *h, dev_t dev) MUST_CHECK;
/* It is unmounted: nobody comes any more. May be called again. */
void farewell_gather(struct farewell_host *h);
/* Tells all that wait. */
void farewell_say(struct farewell_host *h, int status, const char *text);

/* The other end; owner: who may have mounted this besides root and the caller. -ECONNREFUSED when
 * no daemon of theirs listens. */
int farewell_connect(dev_t dev, uid_t owner, int *ret_fd) MUST_CHECK;
/* Waits for the last words; -EPIPE when the daemon ended without any. Closes fd. */
int farewell_hear(int fd, struct farewell *ret) MUST_CHECK;

#endif
