/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The janitor cleans up after aborted uploads and removes replaced metadata (replaced.c): a thread,
 * which rests after each removal for as long as that took. Where a chunk's fate is unknown it may
 * still arrive, so such an identifier is purged again after REPEAT_MS.
 */
#include <string.h>

#include "objstore/bucket_internal.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/log.h"

#define REPEAT_MS 30000
#define RETRY_MS 2000
/* Then it is left to a check of the whole bucket. */
#define TRIES_MAX 10
#define QUEUE_MAX 65536

struct job {
	struct list link;
	uint64_t not_before_ns;
	unsigned int n_failed;
	bool is_unsure;
	char nuid[OBJ_NUID_MAX + 1];
};

void janitor_init(struct janitor *j)
{
	mutex_init(&j->lock, LOCK_RANK_STORE);
	cond_init(&j->changed);
	list_init(&j->queue);
	replaced_init(&j->replaced);
	regain_init(&j->regain);
}

void janitor_done(struct janitor *j)
{
	struct list *l;

	while ((l = list_pop_front(&j->queue)))
		free(list_entry(l, struct job, link));
	replaced_done(&j->replaced);
	regain_done(&j->regain);
	cond_done(&j->changed);
	mutex_done(&j->lock);
}

void janitor_add(struct bucket *b, const char *nuid, bool is_unsure)
{
	struct janitor *j = &b->janitor;
	struct job *job = calloc(1, sizeof(*job));
	size_t n = 0;

	if (!job) {
		log_warn("%s: chunks of %s are left behind: no memory", b->store.bucket, nuid);
		return;
	}
	strncpy(job->nuid, nuid, OBJ_NUID_MAX);
	job->is_unsure = is_unsure;
	LOCK_SCOPE(&j->lock);
	list_for_each (it, &j->queue)
		n++;
	if (n >= QUEUE_MAX) {
		free(job);
		return;
	}
	list_push_back(&j->queue, &job->link);
	cond_broadcast(&j->changed);
}

/* The first job that is due; else when the next one will be. */
static struct job *next_job_locked(struct janitor *j, bool is_hurried, uint64_t *ret_due_ns)
{
	uint64_t now = clock_now_ns();

	/* Those that wait for a repetition stay, hurry or not. */
	mutex_assert_held(&j->lock);
	*ret_due_ns = UINT64_MAX;
	list_for_each (it, &j->queue) {
		struct job *job = list_entry(it, struct job, link);

		if (job->not_before_ns <= now || (is_hurried && job->not_before_ns == 0)) {
			list_remove(&job->link);
			return job;
		}
		if (job->not_before_ns < *ret_due_ns)
			*ret_due_ns = job->not_before_ns;
	}
	return NULL;
}

/* After the purge: done, or to be repeated. */
static void settle(struct bucket *b, struct job *job, int err)
{
	/* Another try would be answered alike. */
	bool is_refused = err == -EACCES || err == -EROFS;
	struct janitor *j = &b->janitor;

	if (err < 0 && !is_refused && ++job->n_failed < TRIES_MAX) {
		job->not_before_ns = clock_deadline_ms(RETRY_MS);
	} else if (err < 0) {
		log_warn("%s: chunks of %s are left behind: %s", b->store.bucket, job->nuid,
			 strerrordesc_np(-err));
		free(job);
		return;
	} else if (job->is_unsure) {
		job->is_unsure = false;
		job->n_failed = 0;
		job->not_before_ns = clock_deadline_ms(REPEAT_MS);
	} else {
		free(job);
		return;
	}
	LOCK_SCOPE(&j->lock);
	list_push_back(&j->queue, &job->link);
}

static void rest(struct bucket *b, uint64_t took_ns)
{
	struct janitor *j = &b->janitor;
	uint64_t until_ns = clock_now_ns() + took_ns;

	LOCK_SCOPE(&j->lock);
	while (!j->is_stopping && j->n_hurried == 0 &&
	       cond_wait_until(&j->changed, &j->lock, until_ns) != -ETIMEDOUT)
		;
}

/* What there is to do next: one of these. */
struct task {
	struct kept *kept;
	struct job *job;
	struct replaced_name *replaced;
};

static bool next_task_locked(struct janitor *j, bool is_hurried, struct task *ret,
			     uint64_t *ret_due_ns)
{
	uint64_t due_ns;

	*ret = (struct task){.kept = regain_take_locked(&j->regain, false, &due_ns)};
	if (ret->kept)
		return true;
	/* Chunks are what room is made of. */
	ret->job = next_job_locked(j, is_hurried, ret_due_ns);
	if (ret->job)
		return true;
	if (due_ns < *ret_due_ns)
		*ret_due_ns = due_ns;
	ret->replaced = replaced_take_locked(&j->replaced,
					     is_hurried ? REPLACED_HURRIED : REPLACED_DUE, &due_ns);
	if (due_ns < *ret_due_ns)
		*ret_due_ns = due_ns;
	if (ret->replaced)
		regain_removing_locked(&j->regain, replaced_subject(ret->replaced));
	return ret->replaced != NULL;
}

static void run_task(struct bucket *b, const struct task *task)
{
	if (task->kept)
		regain_check(b, task->kept);
	else if (task->replaced)
		replaced_remove(b, task->replaced);
	else
		settle(b, task->job, purge_nuid(b, task->job->nuid));
}

static void *janitor_main(void *arg)
{
	struct bucket *b = arg;
	struct janitor *j = &b->janitor;

	mutex_lock(&j->lock);
	while (!j->is_stopping) {
		uint64_t due_ns, start_ns;
		struct task task;

		if (!next_task_locked(j, false, &task, &due_ns)) {
			(void)cond_wait_until(&j->changed, &j->lock, due_ns);
			continue;
		}
		mutex_unlock(&j->lock);
		start_ns = clock_now_ns();
		run_task(b, &task);
		rest(b, clock_now_ns() - start_ns);
		mutex_lock(&j->lock);
	}
	mutex_unlock(&j->lock);
	nats_ReleaseThreadMemory();
	return NULL;
}

int janitor_start(struct bucket *b)
{
	int err = thread_start(&b->janitor.thread, "store-janitor", janitor_main, b);

	b->janitor.has_thread = err == 0;
	return err;
}

bool janitor_hurry(struct bucket *b)
{
	struct janitor *j = &b->janitor;
	bool has_done = false, is_over = false;
	struct task task;
	uint64_t due_ns;

	mutex_lock(&j->lock);
	j->n_hurried++;
	cond_broadcast(&j->changed);
	while (!is_over && next_task_locked(j, true, &task, &due_ns)) {
		mutex_unlock(&j->lock);
		run_task(b, &task);
		has_done = true;
		/* What fails from now on is left to the end. */
		is_over = bucket_is_closing(b);
		mutex_lock(&j->lock);
	}
	/* The thread may be at work on the one that matters. */
	while (j->is_busy) {
		has_done = true;
		cond_wait(&j->changed, &j->lock);
	}
	j->n_hurried--;
	mutex_unlock(&j->lock);
	return has_done;
}

bool bucket_make_room(struct bucket *b)
{
	bool has_done = janitor_hurry(b), has_more = watch_make_room(b);

	if (has_done || has_more)
		space_forget(b);
	return has_done || has_more;
}

static void remove_jobs(struct bucket *b, uint64_t deadline_ns)
{
	struct janitor *j = &b->janitor;
	struct list *l;

	while (clock_now_ns() < deadline_ns && (l = list_pop_front(&j->queue))) {
		struct job *job = list_entry(l, struct job, link);
		_cleanup_free_ char *subject = obj_chunk_subject(b->store.bucket, job->nuid);

		if (purge_last(b, subject, 0, deadline_ns) < 0)
			log_warn("%s: chunks of %s are left behind", b->store.bucket, job->nuid);
		free(job);
	}
}

/* What others store at the very moment has its rest as well. */
static void remove_replaced(struct bucket *b, uint64_t deadline_ns)
{
	struct janitor *j = &b->janitor;
	uint64_t due_ns;

	while (clock_now_ns() < deadline_ns) {
		struct replaced_name *name;

		mutex_lock(&j->lock);
		name = replaced_take_locked(&j->replaced, REPLACED_LAST, &due_ns);
		if (name)
			regain_removing_locked(&j->regain, replaced_subject(name));
		mutex_unlock(&j->lock);
		if (name) {
			if (!replaced_is_doubtful(b, name))
				(void)!purge_last(b, replaced_subject(name), replaced_below(name),
						  deadline_ns);
			free(name);
		} else if (due_ns < deadline_ns) {
			nats_Sleep((int64_t)clock_left_ms(due_ns) + 1);
		} else {
			return;
		}
	}
}

void janitor_stop(struct bucket *b, uint64_t deadline_ns)
{
	struct janitor *j = &b->janitor;

	if (!j->has_thread)
		return;
	mutex_lock(&j->lock);
	j->is_stopping = true;
	cond_broadcast(&j->changed);
	mutex_unlock(&j->lock);
	pthread_join(j->thread, NULL);
	j->has_thread = false;
	/* Nobody else is left who could add to either. */
	remove_jobs(b, deadline_ns);
	remove_replaced(b, deadline_ns);
	regain_last(b, deadline_ns);
}
