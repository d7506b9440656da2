/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/pool.h"

#include <errno.h>
#include <stdlib.h>

#include "util/clock.h"
#include "util/lock.h"

#define IDLE_MS 30000

/*
 * Threads are detached and counted: n_threads includes the idle ones, and the pool may be freed
 * when it is 0. A submitted piece of work is either taken by an idle thread, or a new one is
 * started.
 */
struct pool {
	struct mutex lock;   /* leaf; protects all below */
	struct cond work;    /* something was queued, or the pool stops */
	struct cond changed; /* a thread became idle or ended */
	struct list queue;
	size_t n_queued;
	unsigned max_threads, n_threads, n_idle;
	bool is_stopping;
};

struct pool *pool_new(unsigned max_threads)
{
	struct pool *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	mutex_init(&p->lock, LOCK_RANK_LEAF);
	cond_init(&p->work);
	cond_init(&p->changed);
	list_init(&p->queue);
	p->max_threads = max_threads;
	return p;
}

/* The next piece of work; NULL when the thread shall end. */
static struct pool_work *next_locked(struct pool *p)
{
	uint64_t idle_until = clock_deadline_ms(IDLE_MS);
	struct list *l;

	while (!(l = list_pop_front(&p->queue))) {
		int err;

		if (p->is_stopping)
			return NULL;
		p->n_idle++;
		cond_broadcast(&p->changed);
		err = cond_wait_until(&p->work, &p->lock, idle_until);
		p->n_idle--;
		if (err == -ETIMEDOUT && list_is_empty(&p->queue))
			return NULL;
	}
	p->n_queued--;
	return list_entry(l, struct pool_work, link);
}

static void *pool_main(void *arg)
{
	struct pool *p = arg;
	struct pool_work *w;

	mutex_lock(&p->lock);
	while ((w = next_locked(p))) {
		mutex_unlock(&p->lock);
		w->run(w);
		mutex_lock(&p->lock);
	}
	p->n_threads--;
	cond_broadcast(&p->changed);
	mutex_unlock(&p->lock);
	return NULL;
}

static bool start_thread_locked(struct pool *p)
{
	pthread_t thread;

	if (thread_start(&thread, "natsobj-worker", pool_main, p) < 0)
		return false;
	pthread_detach(thread);
	p->n_threads++;
	return true;
}

void pool_submit(struct pool *p, struct pool_work *w)
{
	mutex_lock(&p->lock);
	list_push_back(&p->queue, &w->link);
	p->n_queued++;
	if (p->n_queued > p->n_idle && p->n_threads < p->max_threads && !start_thread_locked(p) &&
	    p->n_threads == 0) {
		list_remove(&w->link);
		p->n_queued--;
		mutex_unlock(&p->lock);
		w->run(w);
		return;
	}
	cond_signal(&p->work);
	mutex_unlock(&p->lock);
}

int pool_wait_idle(struct pool *p, uint64_t deadline_ns)
{
	LOCK_SCOPE(&p->lock);
	while (p->n_queued > 0 || p->n_idle < p->n_threads)
		if (cond_wait_until(&p->changed, &p->lock, deadline_ns) == -ETIMEDOUT)
			return -ETIMEDOUT;
	return 0;
}

void pool_free(struct pool *p)
{
	if (!p)
		return;
	mutex_lock(&p->lock);
	p->is_stopping = true;
	cond_broadcast(&p->work);
	while (p->n_threads > 0)
		cond_wait(&p->changed, &p->lock);
	mutex_unlock(&p->lock);
	cond_done(&p->work);
	cond_done(&p->changed);
	mutex_done(&p->lock);
	free(p);
}
