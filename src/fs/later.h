/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_LATER_H
#define NATSOBJ_FS_LATER_H

/*
 * Work for later: one thread that runs jobs when their time has come, one after the other. Jobs may
 * wait for the server.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/list.h"
#include "util/lock.h"

/* is_last: the thread is stopping, this is the job's last chance; it must not queue itself again.
 */
typedef void (*later_fn)(void *arg, bool is_last);

struct later {
	struct mutex lock; /* protects all below; leaf */
	struct cond changed;
	struct list jobs; /* by deadline */
	uint64_t n_jobs;
	pthread_t thread;
	bool is_running;
	bool is_stopping;
};

void later_init(struct later *l);
int later_start(struct later *l) MUST_CHECK;
/* Runs fn(arg, false) after delay_ms. 0, -ENOMEM, or -ESHUTDOWN after later_stop began: arg is then
 * still the caller's. */
int later_run(struct later *l, uint64_t delay_ms, later_fn fn, void *arg) MUST_CHECK;
/* Runs all that is left at once with is_last set and joins the thread. May be called twice. */
void later_stop(struct later *l);
/* Jobs that wait for their time. */
uint64_t later_count(struct later *l);
void later_done(struct later *l);

#endif
