/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests for chunk messages on the read connection.
 *
 * A fetch is either on the wire or parked, waiting for the connection or a moment of rest. One
 * thread per bucket looks after parked ones: it sends them again when their time has come and ends
 * them when their time is over or their get is closed. It also takes down listings, which must not
 * happen on the thread that delivers to them.
 *
 * A direct get that finds nothing may have asked a replica that lags, and one without an answer a
 * stream that no longer allows direct gets: both are repeated at the leader.
 */
#include <string.h>

#include "objstore/api.h"
#include "objstore/get_internal.h"
#include "util/clock.h"

#define BUSY_MS 100

void parked_init(struct parked *p)
{
	mutex_init(&p->lock, LOCK_RANK_STORE);
	cond_init(&p->changed);
	list_init(&p->fetches);
	list_init(&p->listings);
	list_init(&p->waiting);
}

void parked_done(struct parked *p)
{
	struct list *l;

	list_splice_back(&p->listings, &p->waiting);
	while ((l = list_pop_front(&p->listings)))
		listing_drop(list_entry(l, struct listing, link));
	cond_done(&p->changed);
	mutex_done(&p->lock);
}

struct fetch *fetch_new(struct get *g, enum chunk_which which,
			void (*done)(struct fetch *f, struct chunk *chunk, uint64_t seq, int err))
{
	struct fetch *f = calloc(1, sizeof(*f));

	if (!f)
		return NULL;
	list_init(&f->link);
	f->get = g;
	atomic_fetch_add(&g->refs, 1);
	f->which = which;
	f->is_leader = !g->bucket->allow_direct;
	f->deadline_ns = bucket_deadline(g->bucket);
	f->done = done;
	return f;
}

void fetch_free(struct fetch *f)
{
	get_unref(f->get);
	free(f);
}

/* Puts f aside until not_before_ns and until the connection is up. */
static void park(struct fetch *f)
{
	struct parked *p = &f->get->bucket->parked;
	bool is_stopping;

	mutex_lock(&p->lock);
	is_stopping = p->is_stopping;
	if (!is_stopping) {
		list_push_back(&p->fetches, &f->link);
		p->is_woken = true;
		cond_signal(&p->changed);
	}
	mutex_unlock(&p->lock);
	if (is_stopping)
		f->done(f, NULL, 0, -ESHUTDOWN);
}

static bool is_closed(struct get *g)
{
	LOCK_SCOPE(&g->lock);
	return g->is_closed;
}

static void fetch_send(struct fetch *f, bool may_wait);

/* Decides what an end of a request means for the fetch. */
static void conclude(struct fetch *f, int err, bool was_answered)
{
	if (is_closed(f->get)) {
		f->done(f, NULL, 0, -ECANCELED);
		return;
	}
	if (err == -ENOENT && was_answered && f->is_leader) {
		f->done(f, NULL, 0, -ESTALE);
		return;
	}
	if ((err == -ENOENT && was_answered) || err == -ETIMEDOUT) {
		f->is_leader = true;
		if (clock_now_ns() >= f->deadline_ns)
			f->done(f, NULL, 0, -ETIMEDOUT);
		else
			fetch_send(f, false);
		return;
	}
	if (err == -ENOTCONN || err == -EAGAIN || err == -ENOENT) {
		f->not_before_ns = err == -ENOTCONN ? 0 : clock_deadline_ms(BUSY_MS);
		park(f);
		return;
	}
	f->done(f, NULL, 0, err);
}

static void on_answer(void *arg, natsMsg *msg, int err, bool was_sent)
{
	struct fetch *f = arg;
	bool was_answered = err == 0;
	struct chunk *chunk = NULL;
	uint64_t seq = 0;

	(void)was_sent;
	if (!err)
		err = chunk_msg_decode(f->is_leader, msg, f->get->subject, &seq, &chunk);
	if (!err && f->which == CHUNK_BY_SEQ && seq != f->seq) {
		chunk_unref(chunk);
		err = -EIO;
	}
	if (!err)
		f->done(f, chunk, seq, 0);
	else
		conclude(f, err, was_answered);
}

static uint64_t attempt_deadline(const struct fetch *f)
{
	const struct bucket *b = f->get->bucket;
	/* Leaves time to ask once more. */
	uint64_t ms = b->is_hard ? b->timeout_ms : b->timeout_ms - b->timeout_ms / 3;
	uint64_t deadline_ns = clock_deadline_ms((int64_t)ms);

	return deadline_ns < f->deadline_ns ? deadline_ns : f->deadline_ns;
}

static void fetch_send(struct fetch *f, bool may_wait)
{
	struct bucket *b = f->get->bucket;
	_cleanup_free_ char *api = api_subject(b, f->is_leader ? "STREAM.MSG.GET" : "DIRECT.GET");
	_cleanup_buf_ struct buf body;
	struct rpc_request req = {.subject = api,
				  .deadline_ns = attempt_deadline(f),
				  .done = on_answer,
				  .is_waited_for = may_wait,
				  .arg = f};
	int err;

	buf_init(&body, 4096);
	chunk_msg_format(f->which, f->get->subject, f->seq, &body);
	req.data = body.data;
	req.len = body.len;
	err = !api || buf_error(&body) < 0 ? -ENOMEM : rpc_send(b->read.rpc, &req);
	if (err < 0)
		f->done(f, NULL, 0, err);
}

void fetch_start(struct fetch *f, bool may_wait)
{
	fetch_send(f, may_wait);
}

void parked_add_listing(struct bucket *b, struct listing *l)
{
	struct parked *p = &b->parked;

	LOCK_SCOPE(&p->lock);
	list_push_back(&p->listings, &l->link);
	p->is_woken = true;
	cond_signal(&p->changed);
}

void parked_add_waiting(struct bucket *b, struct listing *l)
{
	struct parked *p = &b->parked;

	LOCK_SCOPE(&p->lock);
	list_push_back(&p->waiting, &l->link);
	cond_signal(&p->changed);
}

void parked_forget(struct bucket *b)
{
	struct parked *p = &b->parked;

	LOCK_SCOPE(&p->lock);
	if (!p->is_busy && list_is_empty(&p->fetches) && list_is_empty(&p->waiting))
		return;
	p->is_woken = true;
	cond_signal(&p->changed);
}

void parked_wake(struct bucket *b)
{
	struct parked *p = &b->parked;

	LOCK_SCOPE(&p->lock);
	p->is_woken = true;
	cond_signal(&p->changed);
}

/* One parked fetch: sent, ended, or kept; then when to look again. */
static bool treat(struct fetch *f, bool is_up, bool is_stopping, uint64_t *ret_next_ns)
{
	uint64_t now = clock_now_ns();

	if (is_stopping) {
		f->done(f, NULL, 0, -ESHUTDOWN);
		return true;
	}
	if (is_closed(f->get)) {
		f->done(f, NULL, 0, -ECANCELED);
		return true;
	}
	if (now >= f->deadline_ns) {
		f->done(f, NULL, 0, is_up ? -EIO : -ENOTCONN);
		return true;
	}
	if (is_up && now >= f->not_before_ns) {
		fetch_send(f, false);
		return true;
	}
	if (is_up && f->not_before_ns < *ret_next_ns)
		*ret_next_ns = f->not_before_ns;
	if (f->deadline_ns < *ret_next_ns)
		*ret_next_ns = f->deadline_ns;
	return false;
}

/* Listings whose turn may have come. */
static void launch_all(struct list *waiting, bool is_stopping)
{
	struct list *l;

	while ((l = list_pop_front(waiting))) {
		struct listing *listing = list_entry(l, struct listing, link);

		if (is_stopping || is_closed(listing->get))
			listing_abort(listing, is_stopping ? -ESHUTDOWN : -ECANCELED);
		else
			listing_launch(listing);
	}
}

/* Everything that was parked when it was called, without the lock. */
static uint64_t treat_all(struct bucket *b, struct list *fetches, struct list *listings,
			  struct list *waiting, bool is_stopping)
{
	bool is_up = rpc_is_up(b->read.rpc);
	uint64_t next_ns = UINT64_MAX;
	struct list kept = LIST_INITIALIZER(kept), *l;

	while ((l = list_pop_front(listings)))
		listing_free(list_entry(l, struct listing, link));
	launch_all(waiting, is_stopping);
	while ((l = list_pop_front(fetches)))
		if (!treat(list_entry(l, struct fetch, link), is_up, is_stopping, &next_ns))
			list_push_back(&kept, l);
	list_splice_back(fetches, &kept);
	return next_ns;
}

/* A consumer may have become free just before a listing began to wait for it. */
static uint64_t next_look_locked(const struct parked *p, uint64_t next_ns)
{
	uint64_t soon_ns = clock_deadline_ms(BUSY_MS);

	return !list_is_empty(&p->waiting) && soon_ns < next_ns ? soon_ns : next_ns;
}

static void *parked_main(void *arg)
{
	struct bucket *b = arg;
	struct parked *p = &b->parked;
	uint64_t next_ns = UINT64_MAX;
	bool is_stopping = false;

	mutex_lock(&p->lock);
	while (!is_stopping || !list_is_empty(&p->fetches) || !list_is_empty(&p->listings) ||
	       !list_is_empty(&p->waiting)) {
		struct list fetches = LIST_INITIALIZER(fetches);
		struct list listings = LIST_INITIALIZER(listings);
		struct list waiting = LIST_INITIALIZER(waiting);

		while (!p->is_woken && !p->is_stopping &&
		       cond_wait_until(&p->changed, &p->lock, next_look_locked(p, next_ns)) !=
			       -ETIMEDOUT)
			;
		p->is_woken = false;
		is_stopping = p->is_stopping;
		list_splice_back(&fetches, &p->fetches);
		list_splice_back(&listings, &p->listings);
		list_splice_back(&waiting, &p->waiting);
		p->is_busy = true;
		mutex_unlock(&p->lock);
		next_ns = treat_all(b, &fetches, &listings, &waiting, is_stopping);
		mutex_lock(&p->lock);
		p->is_busy = false;
		list_splice_back(&p->fetches, &fetches);
	}
	mutex_unlock(&p->lock);
	nats_ReleaseThreadMemory();
	return NULL;
}

int parked_start(struct bucket *b)
{
	int err = thread_start(&b->parked.thread, "store-fetch", parked_main, b);

	b->parked.has_thread = err == 0;
	return err;
}

void parked_shutdown(struct bucket *b)
{
	struct parked *p = &b->parked;

	LOCK_SCOPE(&p->lock);
	p->is_stopping = true;
	cond_signal(&p->changed);
}

void parked_stop(struct bucket *b)
{
	struct parked *p = &b->parked;

	if (!p->has_thread)
		return;
	parked_shutdown(b);
	pthread_join(p->thread, NULL);
	p->has_thread = false;
}
