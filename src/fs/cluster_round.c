/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The locks of one file. Work goes in rounds: from the newest table known, what the requests ask
 * for and what must be put right, a new table is made and offered by compare-and-set. If it is
 * stored, the round's verdicts hold, because nobody changed the table meanwhile; if another one is
 * there, the round is done again on that. Requests that come during a round wait for the next, so
 * many of them cost one exchange.
 *
 * A refusal changes nothing, so nothing is stored that could prove it right: it holds only if the
 * table was just read at the leader.
 *
 * What this mount's programs believe to hold is kept apart (held). The table's part of this mount
 * is made to agree with it in every round, so whatever went wrong (an answer that was lost, a wait
 * that was cancelled while it was granted) is put right by the next one. Only what the table does
 * not have cannot be had back: it is lost, and its owner is told by errors.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cluster_internal.h"
#include "util/clock.h"
#include "util/log.h"

#define RETRY_NS (NS_PER_SEC / 4)

static void record_key(const struct record *r, char ret[KV_KEY_MAX + 1])
{
	snprintf(ret, KV_KEY_MAX + 1, "%s%s", KEY_FILE, r->key);
}

static struct lock_op *find_request(struct record *r, uint64_t id)
{
	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op))
		if (op->id == id && op->is_queued)
			return op;
	return NULL;
}

/* Sessions that ended have nothing any more. */
static void drop_dead(struct cluster_locks *cl, struct lock_table *t)
{
	for (size_t i = 0; i < t->n_held;) {
		const struct lock_owner owner = t->held[i].owner;

		if (peer_is_dead(cl, owner.session)) {
			lock_table_drop_session(t, owner.session);
			i = 0;
		} else {
			i++;
		}
	}
	for (size_t i = 0; i < t->n_waiting;) {
		const struct lock_owner owner = t->waiting[i].want.owner;

		if (peer_is_dead(cl, owner.session)) {
			lock_table_drop_session(t, owner.session);
			i = 0;
		} else {
			i++;
		}
	}
}

/* Finds the requests that wait and have, in t, what they wait for. */
void record_note_grants(struct record *r, const struct lock_table *t, const char *session)
{
	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op))
		if (op->is_queued && op->verdict == VERDICT_NONE &&
		    !lock_table_find_waiter(t, session, op->id) && lock_table_covers(t, &op->want))
			op->verdict = VERDICT_GRANTED;
}

/* Makes the round's verdicts come true. */
static void settle(struct cluster_locks *cl, struct record *r)
{
	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op))
		if (op->verdict == VERDICT_GRANTED) {
			op->err = lock_table_set(&r->held, &op->want);
		} else if (op->verdict == VERDICT_WAITS) {
			op->is_queued = true;
			op->verdict = VERDICT_NONE;
		}
	/* Others must know what is held before its owner goes on. */
	cluster_show(cl, r);
	for (struct lock_op *op = op_next(r, NULL), *next; op; op = next) {
		next = op_next(r, op);
		if (op->verdict != VERDICT_NONE)
			cluster_finish(cl, op, op->err);
	}
}

static void forget_verdicts(struct record *r)
{
	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op))
		op->verdict = VERDICT_NONE;
}

/* Requests that the table does not know (any more) ask again. */
static void requeue(struct cluster_locks *cl, struct record *r, const struct lock_table *t)
{
	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op))
		if (op->is_queued && op->verdict == VERDICT_NONE &&
		    !lock_table_find_waiter(t, cl->session.id, op->id))
			op->is_queued = false;
}

/* What the table has of this mount becomes what its programs hold and wait for. */
static int repair(struct cluster_locks *cl, struct record *r, struct lock_table *t)
{
	const char *me = cl->session.id;
	int err = 0;

	for (size_t i = r->held.n_held; i-- > 0;) {
		const struct lock_entry e = r->held.held[i];

		if (!lock_table_covers(t, &e)) {
			record_lose_one(cl, r, &e);
			cluster_show(cl, r);
		}
	}
	lock_table_drop_held(t, me);
	for (size_t i = 0; i < r->held.n_held && !err; i++) {
		struct lock_entry e = r->held.held[i];

		e.via = 0;
		err = lock_table_set(t, &e);
	}
	for (size_t i = t->n_waiting; i-- > 0;)
		if (strcmp(t->waiting[i].want.owner.session, me) == 0 &&
		    !find_request(r, t->waiting[i].request))
			lock_table_unwait(t, i);
	return err;
}

static void on_read(struct cluster_locks *cl, struct call *c)
{
	struct record *r = container_of(c, struct record, call);

	if (!c->err) {
		r->must_read = false;
		r->is_fresh = true;
		record_update(cl, r, c->seq, c->value, c->len, true);
	} else {
		r->must_read = true;
		r->retry_ns = clock_now_ns() + RETRY_NS;
	}
	free(c->value);
	c->value = NULL;
	record_work(cl, r);
}

void record_read(struct cluster_locks *cl, struct record *r)
{
	char key[KV_KEY_MAX + 1];

	record_key(r, key);
	r->asked_seq = r->seq;
	cluster_call(cl, &r->call, on_read);
	cluster_started(&r->call, kv_get(cl->kv, key, cl->call_ms, cluster_answered, &r->call));
}

/* No answer, or one that helps nobody. What is given back is: the next round will say so. */
static void on_failed(struct cluster_locks *cl, struct record *r, int err)
{
	bool is_final = err == -EACCES || err == -ENOSPC || err == -ENODEV;

	for (struct lock_op *op = op_next(r, NULL), *next; op; op = next) {
		bool is_given = op->verdict == VERDICT_GIVEN_BACK;

		next = op_next(r, op);
		if (is_given || (is_final && op->verdict != VERDICT_NONE))
			cluster_finish(cl, op, is_given ? 0 : err);
	}
	forget_verdicts(r);
	cluster_show(cl, r);
	r->must_read = true;
	r->retry_ns = clock_now_ns() + RETRY_NS;
}

static void on_stored(struct cluster_locks *cl, struct call *c)
{
	struct record *r = container_of(c, struct record, call);

	if (c->err == 0) {
		if (c->seq > r->seq) {
			lock_table_done(&r->table);
			r->table = r->offered;
			r->offered = (struct lock_table){0};
			r->seq = c->seq;
			r->stored_ns = clock_now_ns();
			cl->has_changed = cl->has_changed || r->table.n_waiting > 0;
		}
		settle(cl, r);
	} else if (c->err == -ESTALE) {
		forget_verdicts(r);
		r->must_read = true;
	} else {
		on_failed(cl, r, c->err);
	}
	lock_table_done(&r->offered);
	record_work(cl, r);
}

/* Offers t, which is taken over. */
static void store_table(struct cluster_locks *cl, struct record *r, struct lock_table *t)
{
	_cleanup_buf_ struct buf text;
	char key[KV_KEY_MAX + 1];
	int err = 0;

	buf_init(&text, cl->kv->max_value);
	if (!lock_table_is_empty(t))
		err = lock_table_format(t, r->name ? r->name : "", &text);
	r->offered = *t;
	*t = (struct lock_table){0};
	r->must_write = false;
	record_key(r, key);
	cluster_call(cl, &r->call, on_stored);
	/* A table that is too long is refused like one that finds no room. */
	cluster_started(&r->call, err ? (err == -E2BIG ? -ENOSPC : err)
				      : kv_put(cl->kv, key, text.data, text.len, r->seq,
					       cl->call_ms, cluster_answered, &r->call));
}

static bool has_refusal(struct record *r)
{
	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op))
		if (op->verdict == VERDICT_REFUSED)
			return true;
	return false;
}

static bool has_verdict(struct record *r)
{
	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op))
		if (op->verdict != VERDICT_NONE)
			return true;
	return false;
}

/* One round; true when another can follow at once. */
bool record_round(struct cluster_locks *cl, struct record *r)
{
	struct lock_table t CLEANUP(lock_table_done) = {0};
	bool is_fresh = r->is_fresh, is_cut = false;
	int err;

	r->is_fresh = false;
	record_note_grants(r, &r->table, cl->session.id);
	if (has_verdict(r))
		settle(cl, r);
	err = lock_table_copy(&r->table, &t);
	if (!err) {
		drop_dead(cl, &t);
		err = repair(cl, r, &t);
	}
	if (!err) {
		requeue(cl, r, &t);
		err = lock_table_grant(&t);
	}
	if (err) {
		r->retry_ns = clock_now_ns() + RETRY_NS;
		return false;
	}
	record_note_grants(r, &t, cl->session.id);
	is_cut = record_judge(cl, r, &t);
	record_note_grants(r, &t, cl->session.id);
	if (!lock_table_equal(&t, &r->table) || r->must_write) {
		store_table(cl, r, &t);
		return false;
	}
	if (has_refusal(r) && !is_fresh) {
		forget_verdicts(r);
		record_read(cl, r);
		return false;
	}
	if (has_verdict(r))
		settle(cl, r);
	return is_cut;
}
