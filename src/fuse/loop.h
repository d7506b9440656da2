/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_LOOP_H
#define NATSOBJ_FUSE_LOOP_H

/*
 * Threads that take the kernel's requests and handle them.
 *
 * A few of them may wait in a handler, for the server or a lock, which spares handing the request
 * to another thread; while they do others go on taking requests, so that FORGET and INTERRUPT are
 * always read. libfuse's own loop would do, but for its end: it joins all its threads, and one that
 * waits for a server may take for ever. Here the end of taking requests and that of the threads are
 * two things.
 */

#include <stdbool.h>
#include <stdint.h>

#include "fuse/compat.h"
#include "util/cleanup.h"

struct loop;

/* begun(arg) runs once, when the kernel has got the answer to its first request, which is INIT. */
int loop_new(struct fuse_session *se, void (*begun)(void *arg), void *arg, struct loop **ret)
	MUST_CHECK;
/* Takes requests until the file system is unmounted or a signal ends the session. Threads may wait
 * in their handlers still when it returns. */
void loop_run(struct loop *l);
/* For a thread of the loop: whether it may wait now. If so loop_wait_end must follow. */
bool loop_wait_begin(struct loop *l);
void loop_wait_end(struct loop *l);
/* After loop_run: waits until no thread is left, 0 or -ETIMEDOUT. */
int loop_wait_idle(struct loop *l, uint64_t deadline_ns) MUST_CHECK;
/* After loop_run. Joins all threads. NULL is harmless. */
void loop_free(struct loop *l);

#endif
