/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/loop.h"

#include <errno.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "util/clock.h"
#include "util/lock.h"

/* Each has a buffer for the largest write. */
#define THREADS_MAX 24
/* So at least as many take requests. */
#define WAITING_MAX 16
/* A signal that comes between a look at the session and the wait is noticed after this. */
#define LOOK_S 1

struct loop {
	struct fuse_session *session;
	void (*begun)(void *arg);
	void *arg;
	atomic_bool has_begun;
	/* Posted when a thread finds that the session has ended; a signal interrupts the wait. */
	sem_t end;

	struct mutex lock; /* leaf; protects all below */
	struct cond changed;
	pthread_t threads[THREADS_MAX];
	unsigned n_threads; /* ever started */
	unsigned n_live, n_reading, n_waiting;
	bool is_ending;
};

static void *loop_main(void *arg);

/* Without memory for another thread those that are there have to do. */
static void start_thread_locked(struct loop *l)
{
	mutex_assert_held(&l->lock);
	if (l->n_threads == THREADS_MAX ||
	    thread_start(&l->threads[l->n_threads], "natsobj-fuse", loop_main, l) < 0)
		return;
	l->n_threads++;
	l->n_live++;
}

struct reader {
	struct loop *loop;
	struct fuse_buf buf;
};

/* The end of a thread, which may be cancelled while it reads. */
static void leave(void *arg)
{
	struct reader *r = arg;
	struct loop *l = r->loop;

	free(r->buf.mem);
	mutex_lock(&l->lock);
	l->n_reading--;
	l->n_live--;
	cond_broadcast(&l->changed);
	mutex_unlock(&l->lock);
}

/* One request; false when the session has ended. The thread counts as reading before and behind. */
static bool serve_one(struct reader *r)
{
	struct loop *l = r->loop;
	int n;

	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, NULL);
	n = fuse_session_receive_buf(l->session, &r->buf);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	if (n == -EINTR || n == -EAGAIN)
		return true;
	if (n <= 0)
		return false;
	mutex_lock(&l->lock);
	if (--l->n_reading == 0 && !l->is_ending)
		start_thread_locked(l);
	mutex_unlock(&l->lock);
	fuse_session_process_buf(l->session, &r->buf);
	if (!atomic_exchange(&l->has_begun, true))
		l->begun(l->arg);
	mutex_lock(&l->lock);
	l->n_reading++;
	mutex_unlock(&l->lock);
	return true;
}

static void *loop_main(void *arg)
{
	struct reader r = {.loop = arg};
	struct loop *l = arg;

	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	mutex_lock(&l->lock);
	l->n_reading++;
	mutex_unlock(&l->lock);
	pthread_cleanup_push(leave, &r);
	while (!fuse_session_exited(l->session) && serve_one(&r))
		;
	fuse_session_exit(l->session);
	sem_post(&l->end);
	pthread_cleanup_pop(1);
	return NULL;
}

int loop_new(struct fuse_session *se, void (*begun)(void *arg), void *arg, struct loop **ret)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->session = se;
	l->begun = begun;
	l->arg = arg;
	sem_init(&l->end, 0, 0);
	mutex_init(&l->lock, LOCK_RANK_LEAF);
	cond_init(&l->changed);
	*ret = l;
	return 0;
}

/* Signals are handled on this thread: the others block them. */
static void wait_end(struct loop *l)
{
	struct timespec ts;

	while (!fuse_session_exited(l->session)) {
		clock_gettime(CLOCK_REALTIME, &ts);
		ts.tv_sec += LOOK_S;
		(void)sem_timedwait(&l->end, &ts);
	}
}

void loop_run(struct loop *l)
{
	mutex_lock(&l->lock);
	for (int i = 0; i < THREADS_MAX - WAITING_MAX; i++)
		start_thread_locked(l);
	mutex_unlock(&l->lock);
	wait_end(l);
	mutex_lock(&l->lock);
	l->is_ending = true;
	/* Takes effect in a read only. */
	for (unsigned i = 0; i < l->n_threads; i++)
		pthread_cancel(l->threads[i]);
	while (l->n_reading > 0)
		cond_wait(&l->changed, &l->lock);
	mutex_unlock(&l->lock);
}

bool loop_wait_begin(struct loop *l)
{
	LOCK_SCOPE(&l->lock);
	if (l->n_waiting == WAITING_MAX || l->is_ending)
		return false;
	l->n_waiting++;
	return true;
}

void loop_wait_end(struct loop *l)
{
	LOCK_SCOPE(&l->lock);
	l->n_waiting--;
}

int loop_wait_idle(struct loop *l, uint64_t deadline_ns)
{
	LOCK_SCOPE(&l->lock);
	while (l->n_live > 0)
		if (cond_wait_until(&l->changed, &l->lock, deadline_ns) == -ETIMEDOUT)
			return -ETIMEDOUT;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	for (unsigned i = 0; i < l->n_threads; i++)
		pthread_join(l->threads[i], NULL);
	sem_destroy(&l->end);
	cond_done(&l->changed);
	mutex_done(&l->lock);
	free(l);
}
