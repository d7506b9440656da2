/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inbox of an rpc and what happens when its connection comes and goes. Everything here runs on
 * the manager thread, except on_answer and on_inbox_complete (delivery thread of the inbox) and
 * rpc_link_denied (callback thread of the library).
 */
#include <stdio.h>
#include <string.h>

#include "objstore/cork.h"
#include "objstore/msg_free.h"
#include "objstore/natscompat.h"
#include "objstore/rpc_priv.h"
#include "util/log.h"

/* A refused subject of this length may be the beginning of a longer one: see conn_session.h. */
#define DENIED_PREFIX_MIN 180

/* Delivery thread of the inbox subscription. */
static void on_answer(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
	struct rpc *r = closure;
	const char *subject = natsMsg_GetSubject(msg);
	struct rpc_pending *p = NULL;

	(void)nc;
	(void)sub;
	mutex_lock(&r->lock);
	if (strlen(subject) > r->inbox_len)
		p = rpc_table_find(&r->table, subject + r->inbox_len + 1);
	if (p) {
		/* With every slot in use the sender waits for one. */
		if (r->table.n_free == 0)
			cond_signal(&r->wake);
		rpc_table_remove(&r->table, p);
		p->state = RPC_ENDED;
	}
	mutex_unlock(&r->lock);
	if (!p) {
		msg_free(msg);
		return;
	}
	if (natsMsg_IsNoResponders(msg)) {
		msg_free(msg);
		p->done(p->arg, NULL, -ENOENT, true);
	} else {
		p->done(p->arg, msg, 0, true);
	}
	rpc_pending_unref(p);
	mutex_lock(&r->lock);
	r->n_pending--;
	mutex_unlock(&r->lock);
}

/* Last words of the delivery thread. */
static void on_inbox_complete(void *closure)
{
	struct rpc *r = closure;

	LOCK_SCOPE(&r->lock);
	r->is_inbox_live = false;
	cond_broadcast(&r->idle);
}

static natsStatus subscribe_inbox(struct rpc *r, natsConnection *nc)
{
	char inbox[NATSCOMPAT_INBOX_MAX], wildcard[NATSCOMPAT_INBOX_MAX + 2];
	natsStatus s;

	s = natscompat_inbox(r->inbox_prefix, inbox);
	if (s != NATS_OK)
		return s;
	snprintf(wildcard, sizeof(wildcard), "%s.*", inbox);
	mutex_lock(&r->lock);
	free(r->inbox);
	r->inbox = strdup(inbox);
	r->inbox_len = r->inbox ? strlen(inbox) : 0;
	/* A refusal of the subscription may come at once. */
	r->is_inbox_denied = false;
	mutex_unlock(&r->lock);
	if (!r->inbox)
		return NATS_NO_MEMORY;
	s = natsConnection_Subscribe(&r->inbox_sub, nc, wildcard, on_answer, r);
	if (s == NATS_OK)
		s = natsSubscription_SetPendingLimits(r->inbox_sub, -1, -1);
	if (s == NATS_OK) {
		mutex_lock(&r->lock);
		r->is_inbox_live = true;
		mutex_unlock(&r->lock);
		s = natsSubscription_SetOnCompleteCB(r->inbox_sub, on_inbox_complete, r);
		if (s != NATS_OK) {
			/* Already closed and never used: on_answer cannot be running. */
			mutex_lock(&r->lock);
			r->is_inbox_live = false;
			mutex_unlock(&r->lock);
		}
	}
	return s;
}

void rpc_link_up(void *arg, natsConnection *nc)
{
	struct rpc *r = arg;
	natsStatus s;
	int socket;

	s = subscribe_inbox(r, nc);
	if (s != NATS_OK) {
		/* Back to the manager, which makes a new connection. */
		log_warn("cannot subscribe to answers: %s", natsStatus_GetText(s));
		natsConnection_Close(nc);
	}
	socket = cork_find(nc);
	mutex_lock(&r->lock);
	r->nc = nc;
	r->socket = socket;
	r->is_up = s == NATS_OK;
	cond_broadcast(&r->idle);
	mutex_unlock(&r->lock);
	if (s == NATS_OK && r->events.on_up)
		r->events.on_up(r->events.arg, nc);
}

void rpc_link_down(void *arg)
{
	struct rpc *r = arg;
	natsConnection *nc;
	bool was_up;

	mutex_lock(&r->lock);
	was_up = r->is_up;
	r->is_up = false;
	r->socket = -1;
	nc = r->nc;
	rpc_end_all_locked(r, -ENOTCONN);
	mutex_unlock(&r->lock);
	if (was_up && r->events.on_down)
		r->events.on_down(r->events.arg);
	mutex_lock(&r->lock);
	while (r->is_sending)
		cond_wait(&r->idle, &r->lock);
	r->nc = NULL;
	mutex_unlock(&r->lock);
	/* Ends the read loop, without which a subscription must not be destroyed (nats.c #637), and
	 * the delivery thread. */
	natsConnection_Close(nc);
	mutex_lock(&r->lock);
	while (r->is_inbox_live)
		cond_wait(&r->idle, &r->lock);
	mutex_unlock(&r->lock);
	natsSubscription_Destroy(r->inbox_sub);
	r->inbox_sub = NULL;
}

/* denied is what the server named; possibly cut off. */
static bool is_denied(const char *subject, const char *denied)
{
	size_t len = strlen(denied);

	return len >= DENIED_PREFIX_MIN ? strncmp(subject, denied, len) == 0
					: strcmp(subject, denied) == 0;
}

void rpc_link_denied(void *arg, const char *denied)
{
	struct rpc *r = arg;

	LOCK_SCOPE(&r->lock);
	for (uint32_t i = 0; i < r->table.n_slots; i++) {
		struct rpc_pending *p = r->table.slots[i].p;

		if (p && is_denied(p->subject, denied))
			rpc_end_locked(r, p, -EACCES);
	}
	/* Without the inbox no request can ever end well. */
	if (r->inbox && strncmp(denied, r->inbox, r->inbox_len) == 0) {
		r->is_inbox_denied = true;
		rpc_end_all_locked(r, -EACCES);
	}
}
