/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever sends, the sender thread or a thread that waits for the answer, publishes without
 * r->lock, because a publish may wait for the socket as long as the write deadline. r->is_sending
 * says so; rpc_link_down waits for it to go, after which nobody touches the connection. The
 * reference taken meanwhile keeps a request's bytes alive should it end.
 */
#include <stdio.h>

#include "objstore/errmap.h"
#include "objstore/msg_free.h"
#include "objstore/rpc_priv.h"
#include "util/clock.h"
#include "util/log.h"

void rpc_end_locked(struct rpc *r, struct rpc_pending *p, int err)
{
	mutex_assert_held(&r->lock);
	p->was_sent = p->state == RPC_SENT;
	p->err = err;
	p->state = RPC_ENDED;
	rpc_table_remove(&r->table, p);
	list_remove(&p->link);
	list_push_back(&r->ended, &p->link);
	cond_signal(&r->wake);
}

static void end_queued_locked(struct rpc *r, int err)
{
	while (!list_is_empty(&r->queue))
		rpc_end_locked(r, list_entry(r->queue.next, struct rpc_pending, link), err);
}

void rpc_end_all_locked(struct rpc *r, int err)
{
	end_queued_locked(r, err);
	for (uint32_t i = 0; i < r->table.n_slots; i++)
		if (r->table.slots[i].p)
			rpc_end_locked(r, r->table.slots[i].p, err);
}

/* True when the end of some request is due. */
static bool expire_locked(struct rpc *r)
{
	uint64_t now = clock_now_ns();
	struct rpc_pending *p;

	while ((p = rpc_table_earliest(&r->table)) && p->deadline_ns <= now)
		rpc_end_locked(r, p, -ETIMEDOUT);
	return !list_is_empty(&r->ended);
}

/* Runs done of everything on the ended list; the lock is free meanwhile. */
static void run_ended_locked(struct rpc *r)
{
	struct list *l;

	while ((l = list_pop_front(&r->ended))) {
		struct rpc_pending *p = list_entry(l, struct rpc_pending, link);

		mutex_unlock(&r->lock);
		if (p->done)
			p->done(p->arg, NULL, p->err, p->was_sent);
		rpc_pending_unref(p);
		mutex_lock(&r->lock);
		r->n_pending--;
	}
}

/* The sender's call into the library. reply is NULL for a plain publish. */
static natsStatus publish(natsConnection *nc, const struct rpc_pending *p, const char *reply)
{
	natsMsg *msg = NULL;
	natsStatus s;

	if (p->n_headers == 0 && reply)
		return natsConnection_PublishRequest(nc, p->subject, reply, p->data, (int)p->len);
	if (p->n_headers == 0)
		return natsConnection_Publish(nc, p->subject, p->data, (int)p->len);
	s = natsMsg_Create(&msg, p->subject, reply, p->data, (int)p->len);
	for (size_t i = 0; s == NATS_OK && i < p->n_headers; i++)
		s = natsMsgHeader_Add(msg, p->headers[i].key, p->headers[i].value);
	if (s == NATS_OK)
		s = natsConnection_PublishMsg(nc, msg);
	msg_free(msg);
	return s;
}

/* What a failed publish means for its request. */
static int publish_errno(natsStatus s, bool *ret_was_sent)
{
	int err = errmap_status(s);

	switch (err) {
	case -EFBIG:
	case -EINVAL:
	case -EOPNOTSUPP:
	case -ENOMEM:
		/* Refused before the first byte. Out of memory may also strike in the middle, but
		 * then the connection is of no more use and ends by itself. */
		*ret_was_sent = err == -ENOMEM;
		return err;
	default:
		*ret_was_sent = s != NATS_CONNECTION_CLOSED && s != NATS_DRAINING;
		return -ENOTCONN;
	}
}

/* Publishes the first of the queue, without the lock. */
static void send_one_locked(struct rpc *r, struct rpc_pending *p)
{
	_cleanup_free_ char *reply = NULL;
	char token[RPC_TOKEN_LEN + 1];
	natsStatus s;

	list_remove(&p->link);
	if (p->done) {
		rpc_table_token(&r->table, p, token);
		if (asprintf(&reply, "%s.%s", r->inbox, token) < 0) {
			reply = NULL;
			rpc_end_locked(r, p, -ENOMEM);
			p->was_sent = false;
			return;
		}
	}
	rpc_pending_ref(p);
	r->is_sending = true;
	mutex_unlock(&r->lock);
	if (p->sending)
		p->sending(p->arg);
	s = publish(r->nc, p, reply);
	mutex_lock(&r->lock);
	r->is_sending = false;
	cond_broadcast(&r->idle);
	if (!p->done) {
		if (s != NATS_OK)
			log_debug("publish to %s: %s", p->subject, natsStatus_GetText(s));
		rpc_end_locked(r, p, 0);
	} else if (s != NATS_OK && p->state != RPC_ENDED) {
		bool was_sent;
		int err = publish_errno(s, &was_sent);

		rpc_end_locked(r, p, err);
		p->was_sent = was_sent;
	}
	/* Releasing a chunk may take locks of its owner. */
	mutex_unlock(&r->lock);
	rpc_pending_unref(p);
	mutex_lock(&r->lock);
}

bool rpc_send_next_locked(struct rpc *r)
{
	struct rpc_pending *p;
	int err = 0;

	/* Whoever is at it goes on with the rest. */
	if (list_is_empty(&r->queue) || r->is_sending)
		return false;
	if (!r->is_up || r->is_inbox_denied) {
		end_queued_locked(r, r->is_up ? -EACCES : -ENOTCONN);
		return true;
	}
	p = list_entry(r->queue.next, struct rpc_pending, link);
	if (p->done)
		err = rpc_table_assign(&r->table, p);
	/* All slots are on the wire: their answers and deadlines will wake us. */
	if (err == -EAGAIN)
		return false;
	if (err < 0)
		rpc_end_locked(r, p, err);
	else
		send_one_locked(r, p);
	return true;
}

/*
 * When to wake without being told. An alarm stays set although what it was set for has ended:
 * requests come one after the other, and the next one is due later than the alarm, so that it need
 * not wake this thread to be expired in time.
 */
static uint64_t set_alarm_locked(struct rpc *r)
{
	const struct rpc_pending *next = rpc_table_earliest(&r->table);
	uint64_t due_ns = next ? next->deadline_ns : UINT64_MAX;

	if (due_ns < r->alarm_ns || r->alarm_ns <= clock_now_ns())
		r->alarm_ns = due_ns;
	return r->alarm_ns;
}

static void *sender_main(void *arg)
{
	struct rpc *r = arg;

	mutex_lock(&r->lock);
	for (;;) {
		if (r->is_closing)
			rpc_end_all_locked(r, -ESHUTDOWN);
		if (expire_locked(r)) {
			run_ended_locked(r);
			continue;
		}
		if (r->is_closing)
			break;
		if (rpc_send_next_locked(r))
			continue;
		(void)cond_wait_until(&r->wake, &r->lock, set_alarm_locked(r));
	}
	mutex_unlock(&r->lock);
	nats_ReleaseThreadMemory();
	return NULL;
}

int rpc_sender_start(struct rpc *r)
{
	return thread_start(&r->sender, "nats-sender", sender_main, r);
}

void rpc_sender_stop(struct rpc *r)
{
	mutex_lock(&r->lock);
	r->is_closing = true;
	cond_signal(&r->wake);
	cond_broadcast(&r->idle);
	mutex_unlock(&r->lock);
	pthread_join(r->sender, NULL);
}
