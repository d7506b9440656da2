/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The thread of the cluster's locks, its beginning and its end.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cluster_internal.h"
#include "util/clock.h"

/* Changes that may stand in the inbox before the watch has to wait. */
#define ENTRIES_MAX 4096
/* Requests may come after the thread was told that there are to be none. */
#define SHUT_MS 50

/* ---- the bucket's side ---- */

static void on_entry(void *arg, const char *key, const void *value, size_t len, uint64_t seq)
{
	struct cluster_locks *cl = arg;
	struct entry *e;

	if (strlen(key) > KV_KEY_MAX)
		return;
	e = calloc(1, sizeof(*e) + len + 1);
	/* Without memory a change is missed; whoever depends on it asks when the lease is over. */
	if (!e)
		return;
	e->message.kind = MESSAGE_ENTRY;
	strcpy(e->key, key);
	e->seq = seq;
	e->len = len;
	if (len > 0)
		memcpy(e->value, value, len);
	LOCK_SCOPE(&cl->lock);
	while (cl->n_entries >= ENTRIES_MAX && !cl->is_stopping)
		cond_wait(&cl->room, &cl->lock);
	if (cl->is_stopping) {
		free(e);
		return;
	}
	cl->n_entries++;
	cluster_post_locked(cl, &e->message);
}

void cluster_answered(void *arg, int err, uint64_t seq, const void *value, size_t len)
{
	struct call *c = arg;

	c->err = err;
	c->seq = seq;
	c->len = 0;
	c->value = NULL;
	if (!err && len > 0) {
		c->value = malloc(len);
		if (c->value)
			memcpy(c->value, value, len);
		else
			c->err = -ENOMEM;
		c->len = len;
	}
	LOCK_SCOPE(&c->cl->lock);
	cluster_post_locked(c->cl, &c->message);
}

void cluster_call(struct cluster_locks *cl, struct call *c,
		  void (*run)(struct cluster_locks *cl, struct call *c))
{
	c->message.kind = MESSAGE_ANSWER;
	c->cl = cl;
	c->run = run;
	c->n_losses = cl->n_losses;
	c->is_busy = true;
}

void cluster_started(struct call *c, int err)
{
	if (err)
		cluster_answered(c, err, 0, NULL, 0);
}

/* ---- the thread ---- */

static void handle_entry(struct cluster_locks *cl, struct entry *e)
{
	if (strncmp(e->key, KEY_SESSION, strlen(KEY_SESSION)) == 0) {
		session_changed(cl, e);
	} else if (strncmp(e->key, KEY_FILE, strlen(KEY_FILE)) == 0 &&
		   strlen(e->key) == strlen(KEY_FILE) + LOCK_KEY_LEN) {
		struct record *r = record_get(cl, e->key + strlen(KEY_FILE));

		if (r) {
			record_update(cl, r, e->seq, e->value, e->len, false);
			record_work(cl, r);
		}
	}
	free(e);
}

/* What may have been said by a bucket that was lost is no answer. */
static void handle_answer(struct cluster_locks *cl, struct call *c)
{
	c->is_busy = false;
	if (call_is_void(cl, c)) {
		free(c->value);
		c->value = NULL;
		c->len = 0;
		c->err = -ETIMEDOUT;
	}
	c->run(cl, c);
}

static void handle(struct cluster_locks *cl, struct message *m)
{
	switch (m->kind) {
	case MESSAGE_OP:
		record_add(cl, container_of(m, struct lock_op, message));
		break;
	case MESSAGE_CANCEL:
		record_cancel(cl, container_of(m, struct lock_op, cancellation));
		break;
	case MESSAGE_ANSWER:
		handle_answer(cl, container_of(m, struct call, message));
		break;
	case MESSAGE_ENTRY:
		handle_entry(cl, container_of(m, struct entry, message));
		break;
	case MESSAGE_LOSS:
		cluster_lost(cl, container_of(m, struct loss, message));
		break;
	}
}

static struct message *take_locked(struct cluster_locks *cl)
{
	struct list *l = list_pop_front(&cl->inbox);
	struct message *m = l ? list_entry(l, struct message, link) : NULL;

	if (m && m->kind == MESSAGE_ENTRY) {
		cl->n_entries--;
		cond_signal(&cl->room);
	}
	return m;
}

/* The next message, or NULL at until_ns or when the thread shall end. */
static struct message *next_message(struct cluster_locks *cl, uint64_t until_ns)
{
	int err = 0;

	LOCK_SCOPE(&cl->lock);
	while (!err && list_is_empty(&cl->inbox) && !cl->is_stopping &&
	       !(cl->is_shut && cl->ops.count > 0))
		err = cond_wait_until(&cl->wake, &cl->lock, until_ns);
	return take_locked(cl);
}

static void end_requests(struct cluster_locks *cl)
{
	list_for_each (it, &cl->records) {
		struct record *r = list_entry(it, struct record, link);

		while (!list_is_empty(&r->ops))
			cluster_finish(cl, list_entry(r->ops.next, struct lock_op, link),
				       -ESHUTDOWN);
	}
}

/* All that depends on time; returns when to do it again. */
static uint64_t tick(struct cluster_locks *cl)
{
	uint64_t now = clock_now_ns(), due = session_tick(cl, now),
		 give = cluster_pause_tick(cl, now);
	bool is_shut;

	due = give < due ? give : due;

	mutex_lock(&cl->lock);
	is_shut = cl->is_shut;
	mutex_unlock(&cl->lock);
	if (is_shut)
		end_requests(cl);
	if (cl->has_changed)
		records_break_circles(cl);
	list_for_each_safe (it, &cl->records) {
		uint64_t at = record_tick(cl, list_entry(it, struct record, link), now);

		due = at < due ? at : due;
	}
	return due;
}

static bool is_stopping(struct cluster_locks *cl)
{
	LOCK_SCOPE(&cl->lock);
	return cl->is_stopping;
}

static bool is_any_busy(const struct cluster_locks *cl)
{
	if (cl->session.call.is_busy)
		return true;
	list_for_each (it, &cl->records)
		if (list_entry(it, struct record, link)->call.is_busy)
			return true;
	list_for_each (it, &cl->peers)
		if (list_entry(it, struct peer, link)->call.is_busy)
			return true;
	return false;
}

/* Until no call is under way; each has a deadline. */
static void settle_calls(struct cluster_locks *cl)
{
	while (is_any_busy(cl)) {
		struct message *m;

		mutex_lock(&cl->lock);
		while (list_is_empty(&cl->inbox))
			cond_wait(&cl->wake, &cl->lock);
		m = take_locked(cl);
		mutex_unlock(&cl->lock);
		handle(cl, m);
	}
}

static void *run(void *arg)
{
	struct cluster_locks *cl = arg;

	session_begin(cl);
	while (!is_stopping(cl)) {
		struct message *m = next_message(cl, tick(cl));

		for (; m; m = next_message(cl, 0))
			handle(cl, m);
	}
	cl->is_leaving = true;
	end_requests(cl);
	settle_calls(cl);
	session_leave(cl);
	settle_calls(cl);
	end_requests(cl);
	return NULL;
}

int cluster_locks_new(struct kv *kv, const struct cluster_locks_config *cfg,
		      struct cluster_locks **ret)
{
	const struct kv_listener listener = {.on_entry = on_entry, .on_lost = cluster_on_lost};
	struct kv_listener l = listener;
	struct cluster_locks *cl = calloc(1, sizeof(*cl));
	int err;

	if (!cl)
		return -ENOMEM;
	cl->kv = kv;
	cl->lease_ns = cfg->lease_ms * (uint64_t)NS_PER_MS;
	cl->timeout_ns = cfg->timeout_ms * (uint64_t)NS_PER_MS;
	/* An answer that takes longer is of no use to a renewal. */
	cl->call_ms = cfg->lease_ms / 6;
	strncpy(cl->host, cfg->host ? cfg->host : "", sizeof(cl->host) - 1);
	mutex_init(&cl->lock, LOCK_RANK_LEAF);
	cond_init(&cl->wake);
	cond_init(&cl->room);
	cond_init(&cl->idle);
	list_init(&cl->inbox);
	list_init(&cl->records);
	list_init(&cl->peers);
	hash_init(&cl->ops);
	hash_init(&cl->views);
	hash_init(&cl->by_key);
	hash_init(&cl->by_peer);
	err = thread_start(&cl->thread, "natsobj-locks", run, cl);
	cl->has_thread = err == 0;
	l.arg = cl;
	if (!err)
		err = kv_watch(kv, &l);
	if (err) {
		cluster_locks_free(cl);
		return err;
	}
	*ret = cl;
	return 0;
}

void cluster_locks_shutdown(struct cluster_locks *cl)
{
	if (!cl)
		return;
	LOCK_SCOPE(&cl->lock);
	cl->is_shut = true;
	while (cl->ops.count > 0 && !cl->is_stopping) {
		cond_signal(&cl->wake);
		(void)!cond_wait_until(&cl->idle, &cl->lock, clock_deadline_ms(SHUT_MS));
	}
}

void cluster_locks_stop(struct cluster_locks *cl)
{
	if (!cl || !cl->has_thread)
		return;
	mutex_lock(&cl->lock);
	cl->is_shut = cl->is_stopping = true;
	cond_broadcast(&cl->wake);
	cond_broadcast(&cl->room);
	mutex_unlock(&cl->lock);
	pthread_join(cl->thread, NULL);
	cl->has_thread = false;
}

static void free_inbox(struct cluster_locks *cl)
{
	struct list *l;

	while ((l = list_pop_front(&cl->inbox))) {
		struct message *m = list_entry(l, struct message, link);

		if (m->kind == MESSAGE_ENTRY)
			free(container_of(m, struct entry, message));
		else if (m->kind == MESSAGE_OP)
			cluster_finish(cl, container_of(m, struct lock_op, message), -ESHUTDOWN);
	}
}

void cluster_locks_free(struct cluster_locks *cl)
{
	if (!cl)
		return;
	cluster_locks_stop(cl);
	free_inbox(cl);
	while (!list_is_empty(&cl->records))
		record_free(cl, list_entry(cl->records.next, struct record, link));
	while (!list_is_empty(&cl->peers))
		peer_free(cl, list_entry(cl->peers.next, struct peer, link));
	hash_done(&cl->ops);
	hash_done(&cl->views);
	hash_done(&cl->by_key);
	hash_done(&cl->by_peer);
	cond_done(&cl->wake);
	cond_done(&cl->room);
	cond_done(&cl->idle);
	mutex_done(&cl->lock);
	free(cl);
}
