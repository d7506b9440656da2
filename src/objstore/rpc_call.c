/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The blocking form of a request. Caller and done share a small object, because the caller may
 * leave first: when the sender thread itself is held up by the socket, a deadline passes unnoticed
 * there.
 */
#include "objstore/rpc.h"

#include "objstore/msg_free.h"
#include "util/clock.h"
#include "util/lock.h"

/* The sender thread gets this long after the deadline before the caller leaves by itself. */
#define GRACE_MS 500

struct call {
	struct mutex lock;
	struct cond cond;
	/* protected by lock */
	bool is_done;
	bool is_left; /* the caller is gone: done frees */
	natsMsg *msg;
	int err;
	bool was_sent;
};

static void call_free(struct call *c)
{
	msg_free(c->msg);
	cond_done(&c->cond);
	mutex_done(&c->lock);
	free(c);
}

static void on_done(void *arg, natsMsg *msg, int err, bool was_sent)
{
	struct call *c = arg;
	bool is_left;

	mutex_lock(&c->lock);
	c->is_done = true;
	c->msg = msg;
	c->err = err;
	c->was_sent = was_sent;
	is_left = c->is_left;
	cond_signal(&c->cond);
	mutex_unlock(&c->lock);
	if (is_left)
		call_free(c);
}

/* Waits for the end; false when the caller has to go without it, and c belongs to on_done. */
static bool wait_done(struct call *c, uint64_t deadline_ns)
{
	uint64_t guard_ns = deadline_ns;

	if (guard_ns < UINT64_MAX - GRACE_MS * NS_PER_MS)
		guard_ns += GRACE_MS * NS_PER_MS;
	LOCK_SCOPE(&c->lock);
	while (!c->is_done && cond_wait_until(&c->cond, &c->lock, guard_ns) != -ETIMEDOUT)
		;
	c->is_left = !c->is_done;
	return c->is_done;
}

int rpc_call_behind(struct rpc *r, const struct rpc_request *first, const struct rpc_request *req,
		    natsMsg **ret_msg, bool *ret_was_sent)
{
	struct rpc_request mine = *req;
	struct call *c;
	int err;

	*ret_msg = NULL;
	*ret_was_sent = false;
	c = calloc(1, sizeof(*c));
	if (!c) {
		if (first)
			first->done(first->arg, NULL, -ENOMEM, false);
		return -ENOMEM;
	}
	mutex_init(&c->lock, LOCK_RANK_LEAF);
	cond_init(&c->cond);
	mine.done = on_done;
	mine.is_waited_for = true;
	mine.arg = c;
	err = first ? rpc_send_pair(r, first, &mine) : rpc_send(r, &mine);
	if (err < 0) {
		call_free(c);
		return err;
	}
	if (!wait_done(c, req->deadline_ns)) {
		*ret_was_sent = true;
		return -ETIMEDOUT;
	}
	*ret_was_sent = c->was_sent;
	*ret_msg = steal_ptr(c->msg);
	err = c->err;
	call_free(c);
	return err;
}

int rpc_call(struct rpc *r, const struct rpc_request *req, natsMsg **ret_msg, bool *ret_was_sent)
{
	return rpc_call_behind(r, NULL, req, ret_msg, ret_was_sent);
}
