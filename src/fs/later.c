/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/later.h"

#include <errno.h>
#include <stdlib.h>

#include "util/clock.h"

struct job {
	struct list link;
	uint64_t due_ns;
	later_fn fn;
	void *arg;
};

void later_init(struct later *l)
{
	mutex_init(&l->lock, LOCK_RANK_LEAF);
	cond_init(&l->changed);
	list_init(&l->jobs);
	l->n_jobs = 0;
	l->is_running = false;
	l->is_stopping = false;
}

/* The next job that is due, waiting for it; NULL when the thread shall end. */
static struct job *next_job(struct later *l, bool *ret_is_last)
{
	LOCK_SCOPE(&l->lock);
	for (;;) {
		struct job *job = NULL;

		if (!list_is_empty(&l->jobs))
			job = list_entry(l->jobs.next, struct job, link);
		*ret_is_last = l->is_stopping;
		if (!job && l->is_stopping)
			return NULL;
		if (job && (l->is_stopping || clock_now_ns() >= job->due_ns)) {
			list_remove(&job->link);
			l->n_jobs--;
			return job;
		}
		(void)cond_wait_until(&l->changed, &l->lock, job ? job->due_ns : UINT64_MAX);
	}
}

static void *later_main(void *arg)
{
	struct later *l = arg;
	struct job *job;
	bool is_last;

	while ((job = next_job(l, &is_last))) {
		job->fn(job->arg, is_last);
		free(job);
	}
	return NULL;
}

int later_start(struct later *l)
{
	int err = thread_start(&l->thread, "natsobj-later", later_main, l);

	l->is_running = err == 0;
	return err;
}

int later_run(struct later *l, uint64_t delay_ms, later_fn fn, void *arg)
{
	struct job *job = calloc(1, sizeof(*job));
	struct list *at;

	if (!job)
		return -ENOMEM;
	*job = (struct job){
		.due_ns = clock_now_ns() + delay_ms * (uint64_t)NS_PER_MS, .fn = fn, .arg = arg};
	LOCK_SCOPE(&l->lock);
	if (l->is_stopping) {
		free(job);
		return -ESHUTDOWN;
	}
	/* Most jobs have the same delay, so the place is found at the end. */
	for (at = l->jobs.prev; at != &l->jobs; at = at->prev)
		if (list_entry(at, struct job, link)->due_ns <= job->due_ns)
			break;
	list_push_front(at, &job->link);
	l->n_jobs++;
	cond_signal(&l->changed);
	return 0;
}

void later_stop(struct later *l)
{
	if (!l->is_running)
		return;
	mutex_lock(&l->lock);
	l->is_stopping = true;
	cond_signal(&l->changed);
	mutex_unlock(&l->lock);
	pthread_join(l->thread, NULL);
	l->is_running = false;
}

uint64_t later_count(struct later *l)
{
	LOCK_SCOPE(&l->lock);
	return l->n_jobs;
}

void later_done(struct later *l)
{
	cond_done(&l->changed);
	mutex_done(&l->lock);
}
