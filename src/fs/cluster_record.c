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

/* ---- what this mount has ---- */

static void lose(struct cluster_locks *cl, struct record *r, const struct lock_entry *e)
{
	struct lock_entry off = *e;

	log_error("%s: a lock on %s is lost; changes are refused until it is given back",
		  cl->kv->bucket, r->name ? r->name : r->key);
	(void)!lock_table_set(&r->lost, e);
	off.mode = LOCK_OFF;
	(void)!lock_table_set(&r->held, &off);
}

void record_lose(struct cluster_locks *cl, struct record *r)
{
	while (r->held.n_held > 0) {
		const struct lock_entry e = r->held.held[0];

		lose(cl, r, &e);
		/* Without memory to note it. */
		if (r->held.n_held > 0 && r->held.held[0].start == e.start)
			lock_table_drop_held(&r->held, e.owner.session);
	}
	list_for_each (it, &r->ops)
		list_entry(it, struct lock_op, link)->is_queued = false;
	cluster_show(cl, r);
	record_work(cl, r);
}

static bool is_meant(const struct lock_op *op, const struct lock_entry *e)
{
	if (op->kind == LOCK_OP_DROP_VIA)
		return e->via == op->want.via;
	return e->kind == op->want.kind && e->owner.id == op->want.owner.id;
}

/* Takes what the request gives back from mine, one of this mount's tables, and from t. */
static int give_back(const struct lock_op *op, struct lock_table *mine, struct lock_table *t)
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

/* ---- rounds ---- */

static struct lock_op *next_op(struct record *r, struct lock_op *op)
{
	struct list *l = op ? op->link.next : r->ops.next;

	return l == &r->ops ? NULL : list_entry(l, struct lock_op, link);
}

static struct lock_op *find_request(struct record *r, uint64_t id)
{
	for (struct lock_op *op = next_op(r, NULL); op; op = next_op(r, op))
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
static void note_grants(struct record *r, const struct lock_table *t, const char *session)
{
	for (struct lock_op *op = next_op(r, NULL); op; op = next_op(r, op))
		if (op->is_queued && op->verdict == VERDICT_NONE &&
		    !lock_table_find_waiter(t, session, op->id) && lock_table_covers(t, &op->want))
			op->verdict = VERDICT_GRANTED;
}

/* Makes the round's verdicts come true. */
static void settle(struct cluster_locks *cl, struct record *r)
{
	for (struct lock_op *op = next_op(r, NULL); op; op = next_op(r, op))
		if (op->verdict == VERDICT_GRANTED) {
			op->err = lock_table_set(&r->held, &op->want);
		} else if (op->verdict == VERDICT_WAITS) {
			op->is_queued = true;
			op->verdict = VERDICT_NONE;
		}
	/* Others must know what is held before its owner goes on. */
	cluster_show(cl, r);
	for (struct lock_op *op = next_op(r, NULL), *next; op; op = next) {
		next = next_op(r, op);
		if (op->verdict != VERDICT_NONE)
			cluster_finish(cl, op, op->err);
	}
}

static void forget_verdicts(struct record *r)
{
	for (struct lock_op *op = next_op(r, NULL); op; op = next_op(r, op))
		op->verdict = VERDICT_NONE;
}

/* Requests that the table does not know (any more) ask again. */
static void requeue(struct cluster_locks *cl, struct record *r, const struct lock_table *t)
{
	for (struct lock_op *op = next_op(r, NULL); op; op = next_op(r, op))
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
			lose(cl, r, &e);
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

static bool is_circle(struct cluster_locks *cl, const struct record *r, const struct lock_table *t,
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
	} else if (is_circle(cl, r, t, &w)) {
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
	int err = give_back(op, &r->held, t);

	if (!err)
		err = give_back(op, &r->lost, NULL);
	if (!err)
		err = lock_table_grant(t);
	if (err) {
		refuse(op, err);
		return;
	}
	op->verdict = VERDICT_GIVEN_BACK;
	op->err = 0;
}

static bool is_giving_back(const struct lock_op *op)
{
	return op->kind == LOCK_OP_UNLOCK || op->kind == LOCK_OP_DROP_OWNER ||
	       op->kind == LOCK_OP_DROP_VIA;
}

/* Whether a lock of op's owner is granted in this round already. */
static bool is_behind_grant(struct record *r, const struct lock_op *op)
{
	for (struct lock_op *o = next_op(r, NULL); o; o = next_op(r, o))
		if (o->verdict == VERDICT_GRANTED && is_meant(op, &o->want))
			return true;
	return false;
}

/* True when some of the requests have to wait for the next round. */
static bool judge_all(struct cluster_locks *cl, struct record *r, struct lock_table *t)
{
	bool may_lock = session_is_good(cl);

	for (struct lock_op *op = next_op(r, NULL); op; op = next_op(r, op)) {
		if (op->verdict != VERDICT_NONE || op->is_queued)
			continue;
		snprintf(op->want.owner.session, sizeof(op->want.owner.session), "%s",
			 cl->session.id);
		if (is_giving_back(op)) {
			if (is_behind_grant(r, op))
				return true;
			judge_unlock(r, t, op);
			note_grants(r, t, cl->session.id);
		} else if (may_lock || op->kind == LOCK_OP_TEST) {
			judge_lock(cl, r, t, op);
		}
	}
	return false;
}

/* ---- exchanges with the bucket ---- */

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

static void read_record(struct cluster_locks *cl, struct record *r)
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

	for (struct lock_op *op = next_op(r, NULL), *next; op; op = next) {
		bool is_given = op->verdict == VERDICT_GIVEN_BACK;

		next = next_op(r, op);
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
	for (struct lock_op *op = next_op(r, NULL); op; op = next_op(r, op))
		if (op->verdict == VERDICT_REFUSED)
			return true;
	return false;
}

static bool has_verdict(struct record *r)
{
	for (struct lock_op *op = next_op(r, NULL); op; op = next_op(r, op))
		if (op->verdict != VERDICT_NONE)
			return true;
	return false;
}

/* One round; true when another can follow at once. */
static bool do_round(struct cluster_locks *cl, struct record *r)
{
	struct lock_table t CLEANUP(lock_table_done) = {0};
	bool is_fresh = r->is_fresh, is_cut = false;
	int err;

	r->is_fresh = false;
	note_grants(r, &r->table, cl->session.id);
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
	note_grants(r, &t, cl->session.id);
	is_cut = judge_all(cl, r, &t);
	note_grants(r, &t, cl->session.id);
	if (!lock_table_equal(&t, &r->table) || r->must_write) {
		store_table(cl, r, &t);
		return false;
	}
	if (has_refusal(r) && !is_fresh) {
		forget_verdicts(r);
		read_record(cl, r);
		return false;
	}
	if (has_verdict(r))
		settle(cl, r);
	return is_cut;
}

/* Nobody can tell what the table says, so nothing is taken and nothing stored. */
static void refuse_all(struct cluster_locks *cl, struct record *r)
{
	lock_table_done(&r->held);
	for (struct lock_op *op = next_op(r, NULL), *next; op; op = next) {
		next = next_op(r, op);
		if (is_giving_back(op))
			(void)!give_back(op, &r->lost, NULL);
		cluster_finish(cl, op, is_giving_back(op) ? 0 : -EIO);
	}
	cluster_show(cl, r);
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
	if (r->must_read)
		read_record(cl, r);
	else if (r->is_unreadable)
		refuse_all(cl, r);
	else if (!list_is_empty(&r->ops) || r->held.n_held > 0 ||
		 mentions(&r->table, cl->session.id))
		while (do_round(cl, r))
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
	if (list_is_empty(&op->link) || is_giving_back(op))
		return;
	r = record_get(cl, op->key);
	cluster_finish(cl, op, -EINTR);
	if (r)
		record_work(cl, r);
}

uint64_t record_tick(struct cluster_locks *cl, struct record *r, uint64_t now_ns)
{
	uint64_t due = UINT64_MAX, age;

	for (struct lock_op *op = next_op(r, NULL), *next; op; op = next) {
		next = next_op(r, op);
		if (!op->is_queued && now_ns >= op->deadline_ns) {
			cluster_finish(cl, op, -ETIMEDOUT);
			continue;
		}
		due = !op->is_queued && op->deadline_ns < due ? op->deadline_ns : due;
		if (is_giving_back(op))
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

		for (struct lock_op *op = next_op(r, NULL), *next; op; op = next) {
			const struct lock_waiter *w;

			next = next_op(r, op);
			w = op->is_queued && op->want.kind == LOCK_POSIX
				    ? lock_table_find_waiter(&r->table, cl->session.id, op->id)
				    : NULL;
			if (!w || !is_circle(cl, r, &r->table, w))
				continue;
			cluster_finish(cl, op, -EDEADLK);
			is_broken = true;
		}
		if (is_broken)
			record_work(cl, r);
	}
}
