/* SPDX-License-Identifier: Apache-2.0 */
#include "util/lock.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "util/clock.h"

/* The mutexes a thread holds, in the order it took them. Eight is twice the longest chain of ranks.
 */
#define HELD_MAX 8

static _Thread_local const struct mutex *held[HELD_MAX];
static _Thread_local unsigned n_held;

static _Noreturn void die(const char *what, const struct mutex *m, const struct mutex *other)
{
	(void)fprintf(stderr, "natsobj: %s: mutex of rank %d, last held rank %d\n", what,
		      (int)m->rank, other ? (int)other->rank : 0);
	abort();
}

static void check_order(const struct mutex *m)
{
	if (n_held == HELD_MAX)
		die("too many mutexes held", m, held[n_held - 1]);
	for (unsigned i = 0; i < n_held; i++)
		if (held[i]->rank >= m->rank)
			die("lock order violated", m, held[i]);
}

static void note_locked(const struct mutex *m)
{
	held[n_held++] = m;
}

static void note_unlocked(const struct mutex *m)
{
	for (unsigned i = n_held; i > 0; i--) {
		if (held[i - 1] != m)
			continue;
		for (; i < n_held; i++)
			held[i - 1] = held[i];
		n_held--;
		return;
	}
	die("unlock of a mutex that is not held", m, n_held ? held[n_held - 1] : NULL);
}

void mutex_init(struct mutex *m, enum lock_rank rank)
{
	pthread_mutex_init(&m->m, NULL);
	m->rank = rank;
}

void mutex_done(struct mutex *m)
{
	pthread_mutex_destroy(&m->m);
}

void mutex_lock(struct mutex *m)
{
	check_order(m);
	pthread_mutex_lock(&m->m);
	note_locked(m);
}

bool mutex_trylock(struct mutex *m)
{
	check_order(m);
	if (pthread_mutex_trylock(&m->m) != 0)
		return false;
	note_locked(m);
	return true;
}

void mutex_unlock(struct mutex *m)
{
	note_unlocked(m);
	pthread_mutex_unlock(&m->m);
}

void mutex_assert_held(const struct mutex *m)
{
	for (unsigned i = 0; i < n_held; i++)
		if (held[i] == m)
			return;
	die("mutex should be held", m, n_held ? held[n_held - 1] : NULL);
}

void cond_init(struct cond *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&c->c, &attr);
	pthread_condattr_destroy(&attr);
}

void cond_done(struct cond *c)
{
	pthread_cond_destroy(&c->c);
}

void cond_signal(struct cond *c)
{
	pthread_cond_signal(&c->c);
}

void cond_broadcast(struct cond *c)
{
	pthread_cond_broadcast(&c->c);
}

void cond_wait(struct cond *c, struct mutex *m)
{
	mutex_assert_held(m);
	pthread_cond_wait(&c->c, &m->m);
}

int cond_wait_until(struct cond *c, struct mutex *m, uint64_t deadline_ns)
{
	struct timespec ts = {.tv_sec = (time_t)(deadline_ns / (uint64_t)NS_PER_SEC),
			      .tv_nsec = (long)(deadline_ns % (uint64_t)NS_PER_SEC)};

	mutex_assert_held(m);
	if (deadline_ns == UINT64_MAX) {
		pthread_cond_wait(&c->c, &m->m);
		return 0;
	}
	return pthread_cond_timedwait(&c->c, &m->m, &ts) == ETIMEDOUT ? -ETIMEDOUT : 0;
}

int thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg)
{
	sigset_t all, before;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = pthread_create(ret_thread, NULL, fn, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return -err;
	(void)pthread_setname_np(*ret_thread, name);
	return 0;
}
