/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The loss of the bucket, or of what it had. Everybody begins anew then: a session of its own, no
 * locks. But not everybody hears of it at the same time, and who has not may go on under a lock for
 * two thirds of his lease, because so old may his last renewal be. So nobody is given a lock before
 * that is over, lest two have the same.
 */

#include "fs/cluster_internal.h"
#include "util/clock.h"
#include "util/log.h"

void cluster_on_lost(void *arg, int err)
{
	struct cluster_locks *cl = arg;

	LOCK_SCOPE(&cl->lock);
	while (cl->loss.is_told && !cl->is_stopping)
		cond_wait(&cl->room, &cl->lock);
	if (cl->is_stopping)
		return;
	cl->loss.message.kind = MESSAGE_LOSS;
	cl->loss.is_told = true;
	cl->loss.err = err;
	cluster_post_locked(cl, &cl->loss.message);
}

/* Frees the message for the next loss. */
static int take_error(struct cluster_locks *cl, struct loss *l)
{
	LOCK_SCOPE(&cl->lock);
	l->is_told = false;
	cond_signal(&cl->room);
	return l->err;
}

void cluster_pause(struct cluster_locks *cl)
{
	cl->give_ns = clock_now_ns() + peers_lease_ns(cl) / 3 * 2;
}

void cluster_lost(struct cluster_locks *cl, struct loss *l)
{
	int err = take_error(cl, l);

	if (err)
		log_error("lock bucket \"%s\" is gone: locks held until now are lost, and none "
			  "can be had before it is made again",
			  cl->kv->bucket);
	else if (cl->is_missing)
		log_info("lock bucket \"%s\" is there again", cl->kv->bucket);
	else
		log_warn("lock bucket \"%s\" was lost and is made anew: locks held until now "
			 "are lost",
			 cl->kv->bucket);
	cl->is_missing = err < 0;
	cl->n_losses++;
	cluster_pause(cl);
	peers_forget(cl);
	list_for_each (it, &cl->records)
		record_forget(list_entry(it, struct record, link));
	session_end(cl);
}

bool cluster_may_give(struct cluster_locks *cl)
{
	return cl->give_ns == 0 && session_is_good(cl);
}

uint64_t cluster_pause_tick(struct cluster_locks *cl, uint64_t now_ns)
{
	if (cl->give_ns == 0)
		return UINT64_MAX;
	if (now_ns < cl->give_ns)
		return cl->give_ns;
	cl->give_ns = 0;
	list_for_each_safe (it, &cl->records)
		record_work(cl, list_entry(it, struct record, link));
	return UINT64_MAX;
}
