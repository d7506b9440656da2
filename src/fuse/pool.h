/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_POOL_H
#define NATSOBJ_FUSE_POOL_H

/*
 * Threads for requests that have to wait. The pool grows while work is queued and nobody is idle,
 * up to a cap; work beyond that waits in the queue, whose length the kernel bounds by the requests
 * it has open. Idle threads end after a while.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/list.h"

struct pool;

/* A piece of work; embedded in its owner's struct. run takes over the owner's memory. */
struct pool_work {
	struct list link;
	void (*run)(struct pool_work *w);
};

struct pool *pool_new(unsigned max_threads) MUST_CHECK;
/* Queues work; never waits. Without memory for a first thread it runs in place. */
void pool_submit(struct pool *p, struct pool_work *w);
/* Waits until nothing is queued or running: 0 or -ETIMEDOUT. */
int pool_wait_idle(struct pool *p, uint64_t deadline_ns) MUST_CHECK;
/* Runs what is queued, joins all threads and frees. NULL is harmless. */
void pool_free(struct pool *p);

#endif
