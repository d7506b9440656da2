/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_RPC_H
#define NATSOBJ_OBJSTORE_RPC_H

/*
 * Requests and answers over one connection. Everything natsobj asks of a server has the same form:
 * a publish with a reply subject <inbox>.<slot>, one message back. Chunk acknowledgements, direct
 * gets, API calls and metadata publishes all go through here, many at a time.
 *
 * One sender thread per rpc makes all calls into the library, except that threads that wait for an
 * answer anyway send themselves while it sleeps; all others only queue. One subscription
 * on <inbox>.* brings the answers; the slot in the subject says which request they belong to, and a
 * generation in it keeps a late answer from meeting a reused slot. A request ends exactly once: by
 * its answer, its deadline, a lost connection, a refusal by the server's permissions, or rpc_close.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/chunk.h"
#include "objstore/conn.h"
#include "util/cleanup.h"

struct rpc;

struct rpc_header {
	const char *key;
	const char *value; /* never empty: nats.c before 3.11 cannot parse it back */
};

/*
 * End of a request. err 0: msg is the answer and belongs to the callee (msg_free); a status
 * message such as 404 is an answer too. Else msg is NULL and err is -ETIMEDOUT (outcome unknown),
 * -ENOTCONN (connection lost or absent; was_sent tells whether the server may have seen the
 * request), -ENOENT (no responders), -EACCES (no permission), -ESHUTDOWN (rpc_close), -EFBIG (above
 * max_payload), -ENAMETOOLONG (control line too long). Library or sender thread: must not wait.
 */
typedef void (*rpc_done_fn)(void *arg, natsMsg *msg, int err, bool was_sent);

struct rpc_request {
	const char *subject; /* copied */
	const struct rpc_header *headers;
	size_t n_headers; /* copied */
	/* Payload: either data (copied) or chunk (a reference is taken, nothing copied). */
	const void *data;
	size_t len;
	struct chunk *chunk;
	uint64_t deadline_ns; /* clock_now_ns() scale */
	rpc_done_fn done;
	bool is_waited_for; /* a thread sleeps until its end: rpc_abandon ends it, and the calling
			     * thread may wait for the socket */
	bool is_helped;	    /* the caller is going to call rpc_help */
	/* Runs on the sender thread right before the publish, without locks; NULL: nothing. It may
	 * use processor time but must not wait. */
	void (*sending)(void *arg);
	void *arg;
};

struct rpc_events {
	void *arg;
	void (*on_up)(void *arg, natsConnection *nc); /* manager thread, after rpc is ready */
	void (*on_down)(void *arg); /* manager thread, before the connection goes */
};

/* Opens a connection and waits for it: see conn_open. events may be NULL. */
int rpc_open(const struct conn_config *cfg, enum conn_kind kind, const struct rpc_events *events,
	     struct rpc **ret, char **ret_why) MUST_CHECK;
/* The same with servers and credentials of another one, which is closed later. */
int rpc_open_beside(const struct rpc *other, enum conn_kind kind, struct rpc **ret, char **ret_why)
	MUST_CHECK;
/* Ends every pending request with -ESHUTDOWN, then the connection. NULL is harmless. */
void rpc_close(struct rpc *r);

/* Ends what threads wait for now with -ESHUTDOWN, so that they can leave; other requests, and what
 * is sent later, go their way. NULL is harmless. */
void rpc_abandon(struct rpc *r);

struct conn *rpc_conn(struct rpc *r);
bool rpc_is_up(struct rpc *r);
/* Waits until the connection is up: 0, -ETIMEDOUT at the deadline, -ESHUTDOWN. */
int rpc_wait_up(struct rpc *r, uint64_t deadline_ns) MUST_CHECK;

/* Queues a request. Does not wait. 0: done will be called exactly once, maybe before this returns;
 * else -ENOMEM or -ESHUTDOWN and it will not. While the connection is down a request ends at once
 * with -ENOTCONN. */
int rpc_send(struct rpc *r, const struct rpc_request *req) MUST_CHECK;

/* Sends what is queued on the calling thread, which may wait for the socket as long as the
 * connection's write deadline. Without locks. */
void rpc_help(struct rpc *r);

/* The same as a blocking call; for threads that may wait. ret_msg is the caller's. */
int rpc_call(struct rpc *r, const struct rpc_request *req, natsMsg **ret_msg, bool *ret_was_sent)
	MUST_CHECK;

/* Sends two requests with nothing of this rpc in between, on the calling thread where that does not
 * take long. The done of first is called exactly once in any case, maybe before this returns. 0:
 * that of second will be called as well; else it will not. Without locks. */
int rpc_send_pair(struct rpc *r, const struct rpc_request *first, const struct rpc_request *second)
	MUST_CHECK;

/* rpc_call for the second of a pair; first may be NULL. */
int rpc_call_behind(struct rpc *r, const struct rpc_request *first, const struct rpc_request *req,
		    natsMsg **ret_msg, bool *ret_was_sent) MUST_CHECK;

/* A publish without an answer from the sender thread (flow control replies, fences). */
int rpc_publish(struct rpc *r, const char *subject, const void *data, size_t len) MUST_CHECK;

/* Value of a header, or NULL; the text belongs to the message. Safe against unparseable blocks. */
const char *rpc_msg_header(natsMsg *msg, const char *key);
/* The status code of a status message (404, 503, …), 0 for an ordinary one. */
int rpc_msg_status(natsMsg *msg);

#endif
