/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request moves QUEUED -> SENT -> ENDED, or from QUEUED to ENDED at once. Whoever takes it out of
 * the table under r->lock has the right and the duty to see to its end: the delivery thread runs
 * done itself for an answer; everyone else puts the request on r->ended, from where the sender
 * thread runs done. So done never runs in the caller of rpc_send, and never under a lock.
 *
 * Invariants whenever r->lock is free:
 *  - a request is in the table's heap exactly while QUEUED or SENT and it has a done function;
 *  - it has a slot exactly while SENT;
 *  - r->queue holds exactly the QUEUED ones; r->ended those whose done has yet to run.
 *
 * rpc_close order: the sender ends everything and is joined, then the connection is closed, which
 * ends the delivery thread. Answers that come in between find no request.
 */
#include "objstore/rpc.h"

#include <limits.h>
#include <string.h>

#include "objstore/cork.h"
#include "objstore/rpc_priv.h"

/* max_control_line of the server, with room for "HPUB", blanks, CRLF and two lengths. */
#define CONTROL_LINE_MAX 4096
#define CONTROL_LINE_EXTRA 64
/* Requests waiting or on the wire; callers bound their windows far below. */
#define PENDING_MAX (1U << 18)
/* A thread that waits for its answer sends itself: no more than this, none of it large, so that it
 * does not wait for the socket instead. */
#define SEND_HERE_MAX 8
#define SEND_HERE_LEN (64 * 1024)

static void rpc_free(struct rpc *r)
{
	if (!r)
		return;
	rpc_table_done(&r->table);
	free(r->inbox);
	free(r->inbox_prefix);
	cond_done(&r->idle);
	cond_done(&r->wake);
	mutex_done(&r->lock);
	free(r);
}

/* One whose sender runs, without a connection. */
static int rpc_new(const char *inbox_prefix, struct rpc **ret)
{
	struct rpc *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	if (inbox_prefix && !(r->inbox_prefix = strdup(inbox_prefix))) {
		free(r);
		return -ENOMEM;
	}
	mutex_init(&r->lock, LOCK_RANK_RPC);
	cond_init(&r->wake);
	cond_init(&r->idle);
	rpc_table_init(&r->table);
	list_init(&r->queue);
	r->socket = -1;
	list_init(&r->ended);
	err = rpc_sender_start(r);
	if (err < 0) {
		rpc_free(r);
		return err;
	}
	*ret = r;
	return 0;
}

static struct conn_events link_events(struct rpc *r)
{
	return (struct conn_events){.arg = r,
				    .on_up = rpc_link_up,
				    .on_down = rpc_link_down,
				    .on_denied = rpc_link_denied};
}

/* After opening the connection ended with err. */
static int opened(struct rpc **r, int err)
{
	if (err < 0) {
		rpc_sender_stop(*r);
		rpc_free(*r);
		*r = NULL;
	}
	return err;
}

int rpc_open(const struct conn_config *cfg, enum conn_kind kind, const struct rpc_events *events,
	     struct rpc **ret, char **ret_why)
{
	struct conn_events conn_events;
	int err;

	*ret = NULL;
	*ret_why = NULL;
	/* on_up of the events may run before this function returns and use it. */
	err = rpc_new(cfg->inbox_prefix, ret);
	if (err < 0)
		return err;
	if (events)
		(*ret)->events = *events;
	conn_events = link_events(*ret);
	return opened(ret, conn_open(cfg, kind, &conn_events, &(*ret)->conn, ret_why));
}

int rpc_open_beside(const struct rpc *other, enum conn_kind kind, struct rpc **ret, char **ret_why)
{
	struct conn_events conn_events;
	int err;

	*ret = NULL;
	*ret_why = NULL;
	err = rpc_new(other->inbox_prefix, ret);
	if (err < 0)
		return err;
	conn_events = link_events(*ret);
	return opened(ret,
		      conn_open_beside(other->conn, kind, &conn_events, &(*ret)->conn, ret_why));
}

void rpc_close(struct rpc *r)
{
	if (!r)
		return;
	rpc_sender_stop(r);
	conn_close(r->conn);
	mutex_lock(&r->lock);
	while (r->n_waiters > 0)
		cond_wait(&r->idle, &r->lock);
	mutex_unlock(&r->lock);
	rpc_free(r);
}

void rpc_abandon(struct rpc *r)
{
	if (!r)
		return;
	LOCK_SCOPE(&r->lock);
	list_for_each_safe (it, &r->queue) {
		struct rpc_pending *p = list_entry(it, struct rpc_pending, link);

		if (p->is_waited_for)
			rpc_end_locked(r, p, -ESHUTDOWN);
	}
	for (uint32_t i = 0; i < r->table.n_slots; i++) {
		struct rpc_pending *p = r->table.slots[i].p;

		if (p && p->is_waited_for)
			rpc_end_locked(r, p, -ESHUTDOWN);
	}
}

struct conn *rpc_conn(struct rpc *r)
{
	return r->conn;
}

bool rpc_is_up(struct rpc *r)
{
	LOCK_SCOPE(&r->lock);
	return r->is_up;
}

int rpc_wait_up(struct rpc *r, uint64_t deadline_ns)
{
	int err = 0;

	LOCK_SCOPE(&r->lock);
	r->n_waiters++;
	while (!r->is_up && !r->is_closing && err == 0)
		err = cond_wait_until(&r->idle, &r->lock, deadline_ns);
	r->n_waiters--;
	if (r->is_closing) {
		cond_broadcast(&r->idle);
		return -ESHUTDOWN;
	}
	return r->is_up ? 0 : err;
}

/* A blank or control character in a subject would let it speak the protocol itself. */
static bool subject_is_sane(const char *s)
{
	if (!*s)
		return false;
	for (; *s; s++)
		if ((unsigned char)*s <= ' ' || *s == 0x7f)
			return false;
	return true;
}

/* Errors that are known before anything is sent; they end the request as any other. */
static int check_size(const struct rpc *r, const struct rpc_pending *p)
{
	size_t reply_len = p->done ? r->inbox_len + 1 + RPC_TOKEN_LEN : 0;

	if (strlen(p->subject) + reply_len + CONTROL_LINE_EXTRA > CONTROL_LINE_MAX)
		return -ENAMETOOLONG;
	if (p->len > INT_MAX)
		return -EFBIG;
	return 0;
}

/*
 * The calling thread is going to wait for an answer anyway, so it sends what is queued itself: that
 * saves waking the sender thread, which matters most when everything else takes a tenth of a
 * millisecond. What it cannot finish soon is the sender's.
 */
static void send_here_locked(struct rpc *r)
{
	bool is_several = r->queue.next != r->queue.prev && !r->is_sending;
	int socket = is_several ? r->socket : -1;

	r->n_waiters++;
	cork_set(socket, true);
	for (int i = 0; i < SEND_HERE_MAX && rpc_send_next_locked(r); i++)
		;
	cork_set(socket, false);
	if (--r->n_waiters == 0 && r->is_closing)
		cond_broadcast(&r->idle);
}

/* Whether the sender thread has to wake now: to send, to run the end of something, to be in time.
 */
static bool needs_sender_locked(const struct rpc *r)
{
	const struct rpc_pending *next = rpc_table_earliest(&r->table);

	return (!list_is_empty(&r->queue) && !r->is_sending) || !list_is_empty(&r->ended) ||
	       r->is_closing || (next && next->deadline_ns < r->alarm_ns);
}

static int make_pending(const struct rpc_request *req, struct rpc_pending **ret)
{
	if (!subject_is_sane(req->subject))
		return -EINVAL;
	for (size_t i = 0; i < req->n_headers; i++)
		if (!req->headers[i].value[0])
			return -EINVAL;
	*ret = rpc_pending_new(req);
	return *ret ? 0 : -ENOMEM;
}

static int add_locked(struct rpc *r, struct rpc_pending *p)
{
	int err = r->is_closing ? -ESHUTDOWN : r->n_pending >= PENDING_MAX ? -ENOMEM : 0;

	if (err == 0 && p->done)
		err = rpc_table_add(&r->table, p);
	if (err < 0)
		return err;
	r->n_pending++;
	list_push_back(&r->queue, &p->link);
	err = check_size(r, p);
	if (err < 0)
		rpc_end_locked(r, p, err);
	return 0;
}

static int enqueue(struct rpc *r, const struct rpc_request *req)
{
	struct rpc_pending *p;
	int err = make_pending(req, &p);

	if (err < 0)
		return err;
	mutex_lock(&r->lock);
	err = add_locked(r, p);
	if (err == 0 && req->is_waited_for && !req->is_helped && req->len <= SEND_HERE_LEN)
		send_here_locked(r);
	if (err == 0 && !req->is_helped && needs_sender_locked(r))
		cond_signal(&r->wake);
	mutex_unlock(&r->lock);
	if (err < 0)
		rpc_pending_unref(p);
	return err;
}

int rpc_send_pair(struct rpc *r, const struct rpc_request *first, const struct rpc_request *second)
{
	struct rpc_pending *p = NULL, *q = NULL;
	int err = make_pending(first, &p);

	if (!err)
		err = make_pending(second, &q);
	mutex_lock(&r->lock);
	if (!err)
		err = add_locked(r, p);
	if (!err) {
		p = NULL;
		first = NULL;
		err = add_locked(r, q);
		if (!err)
			q = NULL;
		send_here_locked(r);
		if (needs_sender_locked(r))
			cond_signal(&r->wake);
	}
	mutex_unlock(&r->lock);
	if (first)
		first->done(first->arg, NULL, err, false);
	if (p)
		rpc_pending_unref(p);
	if (q)
		rpc_pending_unref(q);
	return err;
}

void rpc_help(struct rpc *r)
{
	LOCK_SCOPE(&r->lock);
	send_here_locked(r);
	if (needs_sender_locked(r))
		cond_signal(&r->wake);
}

int rpc_send(struct rpc *r, const struct rpc_request *req)
{
	return enqueue(r, req);
}

int rpc_publish(struct rpc *r, const char *subject, const void *data, size_t len)
{
	const struct rpc_request req = {
		.subject = subject, .data = data, .len = len, .deadline_ns = UINT64_MAX};

	if (!rpc_is_up(r))
		return -ENOTCONN;
	return enqueue(r, &req);
}

const char *rpc_msg_header(natsMsg *msg, const char *key)
{
	const char *value = NULL;

	/* An unparseable block counts as one without headers (nats.c before 3.11 makes them). */
	return natsMsgHeader_Get(msg, key, &value) == NATS_OK ? value : NULL;
}

int rpc_msg_status(natsMsg *msg)
{
	const char *status = rpc_msg_header(msg, "Status");
	int code = 0;

	if (!status)
		return 0;
	for (int i = 0; i < 3; i++) {
		if (status[i] < '0' || status[i] > '9')
			return 0;
		code = code * 10 + (status[i] - '0');
	}
	return status[3] == '\0' || status[3] == ' ' ? code : 0;
}
