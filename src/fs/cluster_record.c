/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The records of locked files: found, brought up to date by what the bucket says, given requests,
 * and let go. What happens in between is a round: see cluster_round.c.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cluster_internal.h"
#include "util/clock.h"
#include "util/log.h"

struct record *record_get(struct cluster_locks *cl, const char *key)
{
	uint64_t h = hash_bytes(key, strlen(key));
	struct record *r;

	hash_for_each (it, &cl->by_key, h) {
		r = container_of(it, struct record, by_key);
		if (it->hash == h && strcmp(r->key, key) == 0)
			return r;
	}
	r = calloc(1, sizeof(*r));
	if (!r || hash_insert(&cl->by_key, &r->by_key, h) < 0) {
		free(r);
		return NULL;
	}
	snprintf(r->key, sizeof(r->key), "%s", key);
	list_init(&r->ops);
	list_push_back(&cl->records, &r->link);
	return r;
}

void record_free(struct cluster_locks *cl, struct record *r)
{
	hash_remove(&cl->by_key, &r->by_key);
	list_remove(&r->link);
	lock_table_done(&r->table);
	lock_table_done(&r->held);
	lock_table_done(&r->lost);
	lock_table_done(&r->offered);
	cluster_show(cl, r);
	free(r->call.value);
	free(r->name);
	free(r);
}

static void free_if_idle(struct cluster_locks *cl, struct record *r)
{
	if (!r->call.is_busy && list_is_empty(&r->ops) && r->held.n_held == 0 &&
	    r->lost.n_held == 0 && lock_table_is_empty(&r->table) && !r->is_unreadable &&
	    !r->must_read)
		record_free(cl, r);
}

void record_update(struct cluster_locks *cl, struct record *r, uint64_t seq, const void *value,
		   size_t len, bool is_answer)
{
	struct lock_table t = {0};
	int err = 0;

	/* An answer may be of before the change that came meanwhile. */
	if (seq <= r->seq && !(is_answer && r->seq == r->asked_seq))
		return;
	if (len > 0)
		err = lock_table_parse(value, len, &t);
	if (err == -ENOMEM)
		return;
	if (err && !r->is_unreadable)
		log_error("%s: the locks of %s cannot be understood", cl->kv->bucket,
			  r->name ? r->name : r->key);
	r->is_unreadable = err < 0;
	lock_table_done(&r->table);
	r->table = t;
	r->seq = seq;
	r->stored_ns = clock_now_ns();
	cl->has_changed = cl->has_changed || t.n_waiting > 0;
}

void record_lose_one(struct cluster_locks *cl, struct record *r, const struct lock_entry *e)
{
	struct lock_entry off = *e;

	log_error("%s: a lock on %s is lost; changes are refused until it is given back",
		  cl->kv->bucket, r->name ? r->name : r->key);
	(void)!lock_table_set(&r->lost, e);
	off.mode = LOCK_OFF;
	(void)!lock_table_set(&r->held, &off);
}

static void lose_all(struct cluster_locks *cl, struct record *r)
{
	while (r->held.n_held > 0) {
		const struct lock_entry e = r->held.held[0];

		record_lose_one(cl, r, &e);
		/* Without memory to note it. */
		if (r->held.n_held > 0 && r->held.held[0].start == e.start)
			lock_table_drop_held(&r->held, e.owner.session);
	}
	cluster_show(cl, r);
}

void record_forget(struct record *r)
{
	lock_table_done(&r->table);
	r->table = (struct lock_table){0};
	r->seq = 0;
	r->is_unreadable = r->is_fresh = r->must_read = r->must_write = false;
	r->retry_ns = 0;
}

void record_lose(struct cluster_locks *cl, struct record *r)
{
	lose_all(cl, r);
	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op))
		op->is_queued = false;
	record_work(cl, r);
}

/* There is no table, or nobody can tell what it says: nothing is taken and nothing stored. */
static void refuse_all(struct cluster_locks *cl, struct record *r, int err)
{
	lose_all(cl, r);
	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op))
		if (op_gives_back(op))
			(void)!record_give_back(op, &r->lost, NULL);
	/* Others must know what is lost no more before its owner goes on. */
	cluster_show(cl, r);
	for (struct lock_op *op = op_next(r, NULL), *next; op; op = next) {
		next = op_next(r, op);
		cluster_finish(cl, op, op_gives_back(op) ? 0 : err);
	}
}

static bool mentions(const struct lock_table *t, const char *session)
{
	for (size_t i = 0; i < t->n_held; i++)
		if (strcmp(t->held[i].owner.session, session) == 0)
			return true;
	for (size_t i = 0; i < t->n_waiting; i++)
		if (strcmp(t->waiting[i].want.owner.session, session) == 0)
			return true;
	return false;
}

void record_work(struct cluster_locks *cl, struct record *r)
{
	if (r->call.is_busy || cl->is_leaving || clock_now_ns() < r->retry_ns)
		return;
	r->retry_ns = 0;
	if (cl->is_missing)
		refuse_all(cl, r, -ENOLCK);
	else if (r->must_read)
		record_read(cl, r);
	else if (r->is_unreadable)
		refuse_all(cl, r, -EIO);
	else if (!list_is_empty(&r->ops) || r->held.n_held > 0 ||
		 mentions(&r->table, cl->session.id))
		while (record_round(cl, r))
			;
	free_if_idle(cl, r);
}

void record_add(struct cluster_locks *cl, struct lock_op *op)
{
	struct record *r;

	if (atomic_load(&op->is_cancelled)) {
		cluster_finish(cl, op, -EINTR);
		return;
	}
	r = record_get(cl, op->key);
	if (!r) {
		cluster_finish(cl, op, -ENOMEM);
		return;
	}
	if (!r->name)
		r->name = steal_ptr(op->name);
	list_push_back(&r->ops, &op->link);
	record_work(cl, r);
}

void record_cancel(struct cluster_locks *cl, struct lock_op *op)
{
	struct record *r;

	/* Not there yet: record_add will see it. What is given back is not cancelled. */
	if (list_is_empty(&op->link) || op_gives_back(op))
		return;
	r = record_get(cl, op->key);
	cluster_finish(cl, op, -EINTR);
	if (r)
		record_work(cl, r);
}

uint64_t record_tick(struct cluster_locks *cl, struct record *r, uint64_t now_ns)
{
	uint64_t due = UINT64_MAX, age;

	for (struct lock_op *op = op_next(r, NULL), *next; op; op = next) {
		next = op_next(r, op);
		if (!op->is_queued && now_ns >= op->deadline_ns) {
			cluster_finish(cl, op, -ETIMEDOUT);
			continue;
		}
		due = !op->is_queued && op->deadline_ns < due ? op->deadline_ns : due;
		if (op_gives_back(op))
			continue;
		for (size_t i = 0; i < r->table.n_held; i++)
			if (lock_conflicts(&r->table.held[i], &op->want))
				(void)peer_is_doubtful(cl, r->table.held[i].owner.session, now_ns,
						       &due);
	}
	age = r->held.n_held > 0 && cl->kv->max_age_ns ? cl->kv->max_age_ns / 3 : 0;
	if (age && now_ns - r->stored_ns >= age)
		r->must_write = true;
	else if (age)
		due = r->stored_ns + age < due ? r->stored_ns + age : due;
	if (r->retry_ns > now_ns)
		return r->retry_ns < due ? r->retry_ns : due;
	if (r->retry_ns || r->must_write)
		record_work(cl, r);
	else
		free_if_idle(cl, r);
	return due;
}

void records_break_circles(struct cluster_locks *cl)
{
	cl->has_changed = false;
	list_for_each_safe (it, &cl->records) {
		struct record *r = list_entry(it, struct record, link);
		bool is_broken = false;

		for (struct lock_op *op = op_next(r, NULL), *next; op; op = next) {
			const struct lock_waiter *w;

			next = op_next(r, op);
			w = op->is_queued && op->want.kind == LOCK_POSIX
				    ? lock_table_find_waiter(&r->table, cl->session.id, op->id)
				    : NULL;
			if (!w || !record_is_circle(cl, r, &r->table, w))
				continue;
			cluster_finish(cl, op, -EDEADLK);
			is_broken = true;
		}
		if (is_broken)
			record_work(cl, r);
	}
}
