/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Uploads. A chunk goes put_add -> queue -> flight (published, not acknowledged) -> gone. It leaves
 * flight only from the front, so what is acknowledged is always a prefix, and everything behind the
 * prefix is still in memory.
 *
 * States of a put, by its fields:
 *   running    trouble == 0 and err == 0; pump moves chunks from queue to flight
 *   settling   trouble != 0, n_flying > 0; nothing more is sent until every answer is in
 *   disturbed  in u->disturbed, for the resume thread (put_resume.c)
 *   failed     err != 0, for good
 * After put_close a put lives until n_flying == 0 and the resume thread is not at it.
 *
 * The window counts published bytes without an answer, of all uploads together. Uploads take turns:
 * pump moves a put to the end of the list with each chunk it sends, and put_has_room grants each
 * its share. The window shrinks while acknowledgements take long, because what is queued at the
 * server delays everybody's metadata.
 *
 * The digest is computed by the thread that sends the chunk, right before it reads the bytes for
 * the socket: the caller, which is often answering a write(2), goes on meanwhile. A chunk whose
 * turn has not come when it is sent (one before it ended unsent) is added when it leaves flight.
 *
 * Locks: u->lock protects all puts of a bucket, p->hash_lock inside it the digest of one.
 */
#include <string.h>

#include "objstore/api.h"
#include "objstore/put_internal.h"
#include "util/clock.h"
#include "util/log.h"

/* Acknowledgements that take longer than both of these shrink the window. */
#define LATENCY_NS (30 * NS_PER_MS)
#define LATENCY_FACTOR 3
/* The window never shrinks below one part in this many. */
#define WINDOW_PARTS 8

void uploads_init(struct uploads *u, uint64_t window)
{
	mutex_init(&u->lock, LOCK_RANK_STORE);
	cond_init(&u->changed);
	list_init(&u->puts);
	list_init(&u->disturbed);
	list_init(&u->waiting);
	u->window = u->window_max = window;
}

void uploads_done(struct uploads *u)
{
	cond_done(&u->changed);
	mutex_done(&u->lock);
}

void put_chunk_free(struct put_chunk *c)
{
	if (!c)
		return;
	chunk_unref(c->chunk);
	free(c);
}

void put_free_chunks(struct list *chunks)
{
	struct list *l;

	while ((l = list_pop_front(chunks)))
		put_chunk_free(list_entry(l, struct put_chunk, link));
}

bool put_is_passing(const struct bucket *b, int err)
{
	switch (err) {
	case -ENOTCONN:
	case -ENOENT: /* nobody there to answer: a leader is elected */
	case -EAGAIN:
		return true;
	case -ETIMEDOUT:
		return b->is_hard;
	default:
		return false;
	}
}

static void fail_locked(struct put *p, int err)
{
	mutex_assert_held(&p->bucket->uploads.lock);
	if (p->err == 0)
		p->err = err;
}

/* A chunk was not stored, or nobody knows. */
static void note_failure_locked(struct put *p, int err, bool was_sent)
{
	if (was_sent && (err == -ENOTCONN || err == -ETIMEDOUT))
		p->is_unsure = true;
	if (p->err)
		return;
	if (err == -ENOSPC && !p->has_hurried) {
		/* Perhaps the janitor can make room. */
		p->has_hurried = true;
		p->trouble = err;
	} else if (put_is_passing(p->bucket, err)) {
		if (!p->trouble)
			p->trouble = err;
	} else {
		fail_locked(p, err);
	}
}

void put_chunk_hash(struct put_chunk *c)
{
	struct put *p = c->put;

	LOCK_SCOPE(&p->hash_lock);
	if (c->idx != p->n_hashed)
		return;
	digest_add(p->digest, c->chunk->data, c->chunk->len);
	p->n_hashed++;
}

static void on_sending(void *arg)
{
	put_chunk_hash(arg);
}

/* Takes what is acknowledged from the front; the chunks go to done, to be freed without locks. */
static void advance_locked(struct put *p, struct list *done)
{
	while (!list_is_empty(&p->flight)) {
		struct put_chunk *c = list_entry(p->flight.next, struct put_chunk, link);
		int err;

		if (c->seq == 0)
			return;
		err = seq_runs_add(&p->acked, c->seq);
		if (err == -ERANGE) {
			/* Stored in another order than sent: to be sent again. */
			p->trouble = p->trouble ? p->trouble : -EAGAIN;
			return;
		}
		if (err < 0) {
			fail_locked(p, err);
			return;
		}
		put_chunk_hash(c);
		p->acked_bytes += c->chunk->len;
		p->trouble_ns = 0;
		list_remove(&c->link);
		list_push_back(done, &c->link);
	}
}

static void adapt_window_locked(struct uploads *u, uint64_t latency_ns, size_t len)
{
	uint64_t floor = u->window_max / WINDOW_PARTS;

	mutex_assert_held(&u->lock);
	if (u->latency_min_ns == 0 || latency_ns < u->latency_min_ns)
		u->latency_min_ns = latency_ns;
	else
		u->latency_min_ns += (latency_ns - u->latency_min_ns) / 4096;
	if (latency_ns > (uint64_t)LATENCY_NS && latency_ns > LATENCY_FACTOR * u->latency_min_ns)
		u->window = u->window > floor + len / 2 ? u->window - len / 2 : floor;
	else
		u->window =
			u->window_max - u->window > len / 4 ? u->window + len / 4 : u->window_max;
}

static bool can_send_locked(const struct put *p)
{
	return !p->err && !p->trouble && !p->is_holding && !p->is_held && !list_is_empty(&p->queue);
}

static void on_ack(void *arg, natsMsg *msg, int err, bool was_sent);

/* Metadata's connection answers at once; the other gathers for a moment before it sends. */
static bool is_small(const struct put *p, const struct put_chunk *c)
{
	return p->acked.count == 0 && list_is_empty(&p->flight) &&
	       c->chunk->len < p->bucket->store.chunk_size;
}

static struct rpc_request request_for(struct put_chunk *c)
{
	struct put *p = c->put;

	c->sent_ns = clock_now_ns();
	return (struct rpc_request){.subject = p->subject,
				    .chunk = c->chunk,
				    .deadline_ns =
					    clock_deadline_ms((int64_t)p->bucket->timeout_ms),
				    .done = on_ack,
				    .sending = on_sending,
				    .arg = c};
}

/* Its answer may come any moment, but is not handled before the lock is free. */
static void note_flying_locked(struct put *p, struct put_chunk *c, bool is_first)
{
	p->is_holding = is_first;
	p->is_sent = true;
	list_remove(&c->link);
	list_push_back(&p->flight, &c->link);
	p->n_flying++;
	p->own_bytes += c->chunk->len;
	p->bucket->uploads.in_flight += c->chunk->len;
}

static int send_locked(struct put *p)
{
	struct put_chunk *c = list_entry(p->queue.next, struct put_chunk, link);
	struct bucket *b = p->bucket;
	struct rpc_request req = request_for(c);
	bool is_first = is_small(p, c);
	int err;

	req.is_helped = is_first && p->is_helped;
	err = rpc_send(is_first ? b->control.rpc : b->write.rpc, &req);
	if (err < 0)
		return err;
	note_flying_locked(p, c, is_first);
	return 0;
}

bool put_take_held(struct put *p, struct rpc_request *ret)
{
	struct uploads *u = &p->bucket->uploads;
	struct put_chunk *c;

	LOCK_SCOPE(&u->lock);
	if (!p->is_held || p->err || u->is_stopping)
		return false;
	c = list_entry(p->queue.next, struct put_chunk, link);
	if ((u->in_flight > 0 && u->in_flight + c->chunk->len > u->window) ||
	    space_take_chunk(p->bucket, c->chunk->len, strlen(p->subject)) != SPACE_OK)
		return false;
	p->is_held = false;
	p->is_paired = true;
	*ret = request_for(c);
	note_flying_locked(p, c, true);
	return true;
}

/* The put whose turn it is. */
static struct put *next_put_locked(struct uploads *u)
{
	list_for_each (it, &u->puts) {
		struct put *p = list_entry(it, struct put, link);

		if (can_send_locked(p))
			return p;
	}
	return NULL;
}

/* 1: not before others are acknowledged, or more is known of the room there is. */
static int try_send_locked(struct bucket *b, struct put *p)
{
	const struct put_chunk *c = list_entry(p->queue.next, struct put_chunk, link);
	const struct uploads *u = &b->uploads;
	size_t len = c->chunk->len;

	if (bucket_check_writable(b) < 0)
		return -EROFS;
	if (u->in_flight > 0 && u->in_flight + len > u->window)
		return 1;
	switch (space_take_chunk(b, len, strlen(p->subject))) {
	case SPACE_OK:
		return send_locked(p);
	case SPACE_FULL:
		return -ENOSPC;
	case SPACE_UNKNOWN:
		break;
	}
	return 1;
}

void uploads_pump_locked(struct bucket *b)
{
	struct uploads *u = &b->uploads;
	struct put *p;

	mutex_assert_held(&u->lock);
	while (!u->is_stopping && (p = next_put_locked(u))) {
		int err = try_send_locked(b, p);

		if (err > 0)
			return;
		if (err < 0)
			note_failure_locked(p, err, false);
		list_remove(&p->link);
		list_push_back(&u->puts, &p->link);
	}
}

bool put_settle_locked(struct put *p)
{
	struct bucket *b = p->bucket;
	struct uploads *u = &b->uploads;

	mutex_assert_held(&u->lock);
	if (p->n_flying > 0 || p->is_resuming)
		return false;
	if (p->is_closed) {
		list_remove(&p->link);
		return true;
	}
	if (p->trouble && !p->err && !p->is_disturbed) {
		int err = resume_start_locked(b);

		if (p->trouble_ns == 0)
			p->trouble_ns = clock_now_ns();

		if (err < 0) {
			fail_locked(p, err);
			return false;
		}
		list_remove(&p->link);
		list_push_back(&u->disturbed, &p->link);
		p->is_disturbed = true;
		/* The thread may be waiting already, and nothing is under way that would wake it.
		 */
		cond_broadcast(&u->changed);
	}
	return false;
}

/* Puts whose trouble began outside an answer. */
static void settle_idle_locked(struct uploads *u)
{
	list_for_each_safe (it, &u->puts) {
		struct put *p = list_entry(it, struct put, link);

		if (p->trouble && p->n_flying == 0 && !p->is_closed)
			(void)put_settle_locked(p);
	}
}

void uploads_pump(struct bucket *b)
{
	struct uploads *u = &b->uploads;

	LOCK_SCOPE(&u->lock);
	uploads_pump_locked(b);
	settle_idle_locked(u);
	uploads_tell_locked(u);
}

static void on_ack(void *arg, natsMsg *msg, int err, bool was_sent)
{
	struct put_chunk *c = arg;
	struct put *p = c->put;
	struct bucket *b = p->bucket;
	struct uploads *u = &b->uploads;
	struct list done = LIST_INITIALIZER(done);
	uint64_t seq = 0, latency_ns = clock_now_ns() - c->sent_ns;
	bool is_end;

	if (!err)
		err = api_parse_ack(b, msg, &seq, NULL);
	msg_free(msg);
	mutex_lock(&u->lock);
	p->n_flying--;
	p->own_bytes -= c->chunk->len;
	u->in_flight -= c->chunk->len;
	p->is_holding = false;
	if (err < 0) {
		note_failure_locked(p, err, was_sent);
	} else {
		c->seq = seq;
		adapt_window_locked(u, latency_ns, c->chunk->len);
		advance_locked(p, &done);
	}
	uploads_pump_locked(b);
	is_end = put_settle_locked(p);
	settle_idle_locked(u);
	uploads_tell_locked(u);
	mutex_unlock(&u->lock);
	put_free_chunks(&done);
	if (is_end)
		put_end(p);
}

void uploads_shutdown(struct bucket *b)
{
	struct uploads *u = &b->uploads;

	LOCK_SCOPE(&u->lock);
	u->is_shut = true;
	uploads_tell_locked(u);
}

void uploads_stop(struct bucket *b, uint64_t deadline_ns)
{
	struct uploads *u = &b->uploads;

	mutex_lock(&u->lock);
	u->is_stopping = u->is_shut = true;
	uploads_tell_locked(u);
	cond_broadcast(&u->changed);
	mutex_unlock(&u->lock);
	if (u->has_thread)
		pthread_join(u->thread, NULL);
	u->has_thread = false;
	mutex_lock(&u->lock);
	while (u->n_puts > 0 && cond_wait_until(&u->changed, &u->lock, deadline_ns) != -ETIMEDOUT)
		;
	if (u->n_puts > 0)
		log_debug("%s: %zu uploads do not settle", b->store.bucket, u->n_puts);
	mutex_unlock(&u->lock);
}
