/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_LOCK_H
#define NATSOBJ_UTIL_LOCK_H

/*
 * Mutexes that know their place in the lock order, and condition variables on the monotonic clock.
 *
 * Each mutex has a rank. A thread may only take a mutex whose rank is higher than that of every
 * mutex it already holds; anything else is a programming error and aborts at once, in every build,
 * so that the tests find an inverted order long before it deadlocks. Leaf locks share the highest
 * rank: they are never nested.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

enum lock_rank {
	LOCK_RANK_FILE =
		1, /* one open inode: may be held while the server or a disk is waited for */
	LOCK_RANK_FILE_INNER, /* state beside a file's lock, such as its digest check */
	LOCK_RANK_TREE,	      /* names, inodes and lookup counts of a mount */
	LOCK_RANK_STORE,      /* one part of the object store layer (upload, chunk index, watch) */
	LOCK_RANK_RPC,	      /* request slots and the send queue of one connection */
	LOCK_RANK_LEAF,	      /* queues, caches, counters */
};

struct mutex {
	pthread_mutex_t m;
	enum lock_rank rank;
};

struct cond {
	pthread_cond_t c;
};

#define MUTEX_INITIALIZER(r)                                                                       \
	{                                                                                          \
		.m = PTHREAD_MUTEX_INITIALIZER, .rank = (r)                                        \
	}

void mutex_init(struct mutex *m, enum lock_rank rank);
void mutex_done(struct mutex *m);
void mutex_lock(struct mutex *m);
/* True when the mutex was free and is now held. The rank rule applies to it too. */
bool mutex_trylock(struct mutex *m) MUST_CHECK;
void mutex_unlock(struct mutex *m);
/* Aborts unless the calling thread holds m: the check of every *_locked function. */
void mutex_assert_held(const struct mutex *m);

void cond_init(struct cond *c);
void cond_done(struct cond *c);
void cond_signal(struct cond *c);
void cond_broadcast(struct cond *c);
/* Waits without an end; m is held, is the only mutex held of its rank or above, and is held again
 * on return. Wake-ups may be spurious: call it in a loop on a predicate. */
void cond_wait(struct cond *c, struct mutex *m);
/* Like cond_wait, until clock_now_ns() reaches deadline_ns: then -ETIMEDOUT. UINT64_MAX never. */
int cond_wait_until(struct cond *c, struct mutex *m, uint64_t deadline_ns);

static inline void mutex_unlock_p(struct mutex **m)
{
	if (*m)
		mutex_unlock(*m);
}

/* Holds m until the end of the enclosing block. */
#define LOCK_SCOPE(m) LOCK_SCOPE_NAMED(m, __LINE__)
#define LOCK_SCOPE_NAMED(m, line) LOCK_SCOPE_PASTE(m, line)
#define LOCK_SCOPE_PASTE(m, line)                                                                  \
	struct mutex *_scope_##line CLEANUP(mutex_unlock_p) = (m);                                 \
	mutex_lock(_scope_##line)

/* Starts a joinable thread with all signals blocked, so that only the main thread takes them.
 * name is at most 15 bytes and shows in ps and top. Returns 0 or -errno. */
int thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg)
	MUST_CHECK;

#endif
