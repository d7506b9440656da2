/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/killed.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/lock.h"

#define STEP_MS 100
/* Looks in vain before the thread sleeps until it is called: a call costs more than a look. */
#define IDLE_STEPS 20

struct killed {
	bool (*dies)(pid_t tid);
	pthread_t thread;
	struct mutex lock; /* leaf; protects all below */
	struct cond changed;
	struct list watched;
	bool is_asleep, is_stopping;
};

/* Signals that end a process which neither handles nor ignores them (signal(7)). */
static uint64_t fatal_signals(void)
{
	static const int ends[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGILL,  SIGTRAP,	  SIGABRT, SIGBUS,
				   SIGFPE,  SIGKILL, SIGUSR1, SIGSEGV, SIGUSR2,	  SIGPIPE, SIGALRM,
				   SIGTERM, SIGXCPU, SIGXFSZ, SIGSYS,  SIGVTALRM, SIGPROF};
	uint64_t set = 0;

	for (size_t i = 0; i < ARRAY_LEN(ends); i++)
		set |= UINT64_C(1) << (ends[i] - 1);
	return set;
}

/* A signal that ends the caller at once is pending as SIGKILL (kernel/signal.c, complete_signal);
 * one that also dumps core is pending as itself. */
static bool has_fatal_pending(FILE *status)
{
	uint64_t pending = 0, held = 0, bits;
	char line[256];

	while (fgets(line, sizeof(line), status)) {
		if (sscanf(line, "SigPnd: %" SCNx64, &bits) == 1 ||
		    sscanf(line, "ShdPnd: %" SCNx64, &bits) == 1)
			pending |= bits;
		else if (sscanf(line, "SigBlk: %" SCNx64, &bits) == 1 ||
			 sscanf(line, "SigIgn: %" SCNx64, &bits) == 1 ||
			 sscanf(line, "SigCgt: %" SCNx64, &bits) == 1)
			held |= bits;
	}
	held &= ~(UINT64_C(1) << (SIGKILL - 1));
	return (pending & ~held & fatal_signals()) != 0;
}

bool killed_dies(pid_t tid)
{
	char path[64];
	FILE *f;
	bool dies;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)tid);
	f = fopen(path, "re");
	if (!f)
		return true;
	dies = has_fatal_pending(f);
	(void)fclose(f);
	return dies;
}

/* Takes those whose callers die off the list, and calls them without the lock. */
static void look(struct killed *k)
{
	struct list dying, *l;

	list_init(&dying);
	mutex_lock(&k->lock);
	list_for_each_safe (it, &k->watched) {
		if (!k->dies(list_entry(it, struct killed_watch, link)->tid))
			continue;
		list_remove(it);
		list_push_back(&dying, it);
	}
	while ((l = list_pop_front(&dying))) {
		struct killed_watch *w = list_entry(l, struct killed_watch, link);

		mutex_unlock(&k->lock);
		w->fn(w);
		mutex_lock(&k->lock);
	}
	mutex_unlock(&k->lock);
}

/* Until the next look is due; false at the end. */
static bool pause_between(struct killed *k, unsigned *n_idle)
{
	uint64_t until = clock_deadline_ms(STEP_MS);

	LOCK_SCOPE(&k->lock);
	*n_idle = list_is_empty(&k->watched) ? *n_idle + 1 : 0;
	while (!k->is_stopping && *n_idle > IDLE_STEPS && list_is_empty(&k->watched)) {
		k->is_asleep = true;
		cond_wait(&k->changed, &k->lock);
		k->is_asleep = false;
		until = clock_deadline_ms(STEP_MS);
	}
	while (!k->is_stopping && cond_wait_until(&k->changed, &k->lock, until) == 0)
		;
	return !k->is_stopping;
}

static void *killed_main(void *arg)
{
	struct killed *k = arg;
	unsigned n_idle = 0;

	while (pause_between(k, &n_idle))
		look(k);
	return NULL;
}

int killed_new(bool (*dies)(pid_t tid), struct killed **ret)
{
	struct killed *k = calloc(1, sizeof(*k));
	int err;

	if (!k)
		return -ENOMEM;
	k->dies = dies ? dies : killed_dies;
	mutex_init(&k->lock, LOCK_RANK_LEAF);
	cond_init(&k->changed);
	list_init(&k->watched);
	err = thread_start(&k->thread, "natsobj-killed", killed_main, k);
	if (err) {
		cond_done(&k->changed);
		mutex_done(&k->lock);
		free(k);
		return err;
	}
	*ret = k;
	return 0;
}

void killed_free(struct killed *k)
{
	if (!k)
		return;
	mutex_lock(&k->lock);
	k->is_stopping = true;
	cond_signal(&k->changed);
	mutex_unlock(&k->lock);
	pthread_join(k->thread, NULL);
	assert(list_is_empty(&k->watched));
	cond_done(&k->changed);
	mutex_done(&k->lock);
	free(k);
}

bool killed_add(struct killed *k, struct killed_watch *w)
{
	LOCK_SCOPE(&k->lock);
	if (!list_is_empty(&w->link))
		return false;
	list_push_back(&k->watched, &w->link);
	if (k->is_asleep)
		cond_signal(&k->changed);
	return true;
}

bool killed_remove(struct killed *k, struct killed_watch *w)
{
	LOCK_SCOPE(&k->lock);
	if (list_is_empty(&w->link))
		return false;
	list_remove(&w->link);
	return true;
}
