/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What becomes of each request in a round: see cluster_round.c. Nothing here talks to the bucket,
 * and what is found out holds only once the round's table is stored.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cluster_internal.h"
#include "util/clock.h"

bool op_gives_back(const struct lock_op *op)
{
	return op->kind == LOCK_OP_UNLOCK || op->kind == LOCK_OP_DROP_OWNER ||
	       op->kind == LOCK_OP_DROP_VIA;
}

static bool is_meant(const struct lock_op *op, const struct lock_entry *e)
{
	if (op->kind == LOCK_OP_DROP_VIA)
		return e->via == op->want.via;
	return e->kind == op->want.kind && e->owner.id == op->want.owner.id;
}

/* Takes what the request gives back from mine, one of this mount's tables, and from t. */
int record_give_back(const struct lock_op *op, struct lock_table *mine, struct lock_table *t)
{
	struct lock_table old;
	int err = lock_table_copy(mine, &old);

	for (size_t i = 0; i < old.n_held && !err; i++) {
		struct lock_entry off = old.held[i];

		if (!is_meant(op, &off))
			continue;
		off.mode = LOCK_OFF;
		if (op->kind == LOCK_OP_UNLOCK) {
			off.start = op->want.start;
			off.end = op->want.end;
		}
		err = lock_table_set(mine, &off);
		if (!err && t)
			err = lock_table_set(t, &off);
	}
	lock_table_done(&old);
	return err;
}

static bool has_lost(const struct record *r, const struct lock_entry *want)
{
	for (size_t i = 0; i < r->lost.n_held; i++)
		if (r->lost.held[i].kind == want->kind &&
		    r->lost.held[i].owner.id == want->owner.id)
			return true;
	return false;
}

/* Whether what stands in want's way is there any more has to be found out first. */
static bool is_doubtful(struct cluster_locks *cl, const struct lock_table *t,
			const struct lock_entry *want)
{
	uint64_t now = clock_now_ns(), due;
	bool is = false;

	for (size_t i = 0; i < t->n_held; i++)
		if (lock_conflicts(&t->held[i], want) &&
		    peer_is_doubtful(cl, t->held[i].owner.session, now, &due))
			is = true;
	return is;
}

static void refuse(struct lock_op *op, int err)
{
	op->verdict = VERDICT_REFUSED;
	op->err = err;
}

bool record_is_circle(struct cluster_locks *cl, const struct record *r, const struct lock_table *t,
		      const struct lock_waiter *w)
{
	_cleanup_free_ const struct lock_table **tables = NULL;
	size_t n = 0;

	tables = calloc(cl->by_key.count + 1, sizeof(const struct lock_table *));
	if (!tables)
		return false;
	list_for_each (it, &cl->records) {
		const struct record *other = list_entry(it, struct record, link);

		tables[n++] = other == r ? t : &other->table;
	}
	return lock_graph_is_victim(tables, n, w);
}

/* Somebody is in the way of a request that may wait. */
static void judge_wait(struct cluster_locks *cl, struct record *r, struct lock_table *t,
		       struct lock_op *op)
{
	const struct lock_waiter w = {.want = op->want, .request = op->id, .ticket = r->seq + 1};
	int err = lock_table_wait(t, &w);

	if (err) {
		refuse(op, err);
	} else if (record_is_circle(cl, r, t, &w)) {
		lock_table_unwait(t, t->n_waiting - 1);
		refuse(op, -EDEADLK);
	} else {
		op->verdict = VERDICT_WAITS;
	}
}

/* flock(2) gives a lock back before it takes it in another mode, whatever comes of that. */
static int convert(struct record *r, struct lock_table *t, const struct lock_op *op)
{
	struct lock_entry off = op->want;
	int err;

	if (op->want.kind != LOCK_FLOCK || lock_table_covers(&r->held, &op->want))
		return 0;
	off.mode = LOCK_OFF;
	err = lock_table_set(&r->held, &off);
	if (!err)
		err = lock_table_set(t, &off);
	return err ? err : lock_table_grant(t);
}

static void judge_lock(struct cluster_locks *cl, struct record *r, struct lock_table *t,
		       struct lock_op *op)
{
	const struct lock_entry *conflict;
	struct lock_entry shared = op->want;
	int err = op->kind == LOCK_OP_TEST ? 0 : convert(r, t, op);

	if (has_lost(r, &op->want) && op->kind != LOCK_OP_TEST)
		err = -EIO;
	if (err) {
		refuse(op, err);
		return;
	}
	conflict = lock_table_conflict(t, &op->want);
	if (conflict && is_doubtful(cl, t, &op->want))
		return;
	op->has_conflict = conflict != NULL;
	if (conflict)
		op->conflict = *conflict;
	if (op->kind == LOCK_OP_TEST) {
		refuse(op, 0);
	} else if (!conflict) {
		shared.via = 0;
		err = lock_table_set(t, &shared);
		if (err)
			refuse(op, err);
		else
			op->verdict = VERDICT_GRANTED;
	} else if (op->kind == LOCK_OP_TRY) {
		refuse(op, -EAGAIN);
	} else {
		judge_wait(cl, r, t, op);
	}
}

static void judge_unlock(struct record *r, struct lock_table *t, struct lock_op *op)
{
	int err = record_give_back(op, &r->held, t);

	if (!err)
		err = record_give_back(op, &r->lost, NULL);
	if (!err)
		err = lock_table_grant(t);
	if (err) {
		refuse(op, err);
		return;
	}
	op->verdict = VERDICT_GIVEN_BACK;
	op->err = 0;
}

/* Whether a lock of op's owner is granted in this round already. */
static bool is_behind_grant(struct record *r, const struct lock_op *op)
{
	for (struct lock_op *o = op_next(r, NULL); o; o = op_next(r, o))
		if (o->verdict == VERDICT_GRANTED && is_meant(op, &o->want))
			return true;
	return false;
}

/* True when some of the requests have to wait for the next round. */
bool record_judge(struct cluster_locks *cl, struct record *r, struct lock_table *t)
{
	bool may_lock = cluster_may_give(cl);

	for (struct lock_op *op = op_next(r, NULL); op; op = op_next(r, op)) {
		if (op->verdict != VERDICT_NONE || op->is_queued)
			continue;
		snprintf(op->want.owner.session, sizeof(op->want.owner.session), "%s",
			 cl->session.id);
		if (op_gives_back(op)) {
			if (is_behind_grant(r, op))
				return true;
			judge_unlock(r, t, op);
			record_note_grants(r, t, cl->session.id);
		} else if (may_lock || op->kind == LOCK_OP_TEST) {
			judge_lock(cl, r, t, op);
		}
	}
	return false;
}
