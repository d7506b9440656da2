/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_KILLED_H
#define NATSOBJ_FUSE_KILLED_H

/*
 * Lets callers go that are being killed while their request waits for a server.
 *
 * The kernel reports the first signal of a caller and no other, and a caller may handle that one,
 * so a job that was reported once is looked at until it is over. Signals that are handled are no
 * reason to let go: a program with a timer would not expect its write to fail.
 *
 * One thread looks, ten times a second, while there is something to look at; it has nothing else to
 * do, because the workers may all be waiting for the server.
 */

#include <stdbool.h>
#include <sys/types.h>

#include "util/cleanup.h"
#include "util/list.h"

struct killed;

/* Embedded in a job. */
struct killed_watch {
	struct list link; /* protected by the watcher; initialised by the owner */
	pid_t tid;	  /* of the caller; set before it is watched */
	/* The caller is being killed: called once, with no lock held, unless it was removed first.
	 */
	void (*fn)(struct killed_watch *w);
};

/* dies: whether the thread with this id is being killed; NULL for what /proc says. */
int killed_new(bool (*dies)(pid_t tid), struct killed **ret) MUST_CHECK;
/* Joins the thread; nothing may be watched any more. NULL is harmless. */
void killed_free(struct killed *k);

/* False when it is watched already. */
bool killed_add(struct killed *k, struct killed_watch *w);
/* True when it was still watched: fn will not be called. False: it never was, or fn has been or is
 * being called. */
bool killed_remove(struct killed *k, struct killed_watch *w);

/* A signal that will end it is pending for the thread, or it is gone. */
bool killed_dies(pid_t tid);

#endif
