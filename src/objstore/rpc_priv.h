/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_RPC_PRIV_H
#define NATSOBJ_OBJSTORE_RPC_PRIV_H

/* What rpc.c, rpc_link.c (connection and answers) and rpc_sender.c share. Nobody else includes it.
 */

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "objstore/rpc.h"
#include "objstore/rpc_table.h"
#include "util/list.h"
#include "util/lock.h"

struct rpc {
	/* set before sharing */
	struct rpc_events events;
	struct conn *conn;
	char *inbox_prefix; /* NULL: the usual one */
	pthread_t sender;

	struct mutex lock;
	struct cond wake; /* for the sender: something to do */
	struct cond idle; /* for everyone else: state has changed */
	/* protected by lock */
	struct rpc_table table;
	struct list queue, ended;
	size_t n_pending;
	bool is_up, is_closing, is_sending, is_inbox_denied;
	bool is_inbox_live;	/* the delivery thread may still run on_answer */
	unsigned int n_waiters; /* threads inside rpc_wait_up or rpc_send_here */
	uint64_t alarm_ns;	/* the sender wakes by itself no later than this */

	/* the manager's to write, under lock; the sender reads them while is_sending */
	natsConnection *nc;
	natsSubscription *inbox_sub;
	int socket;  /* of nc, for cork_set */
	char *inbox; /* without the dot */
	/* of inbox; read by the delivery thread without lock, as it changes only without one */
	size_t inbox_len;
};

/* Takes p, QUEUED or SENT, out of table and queue and hands it to the sender thread to run done. */
void rpc_end_locked(struct rpc *r, struct rpc_pending *p, int err);
/* The same for every request there is. */
void rpc_end_all_locked(struct rpc *r, int err);

/* Sends the first of the queue, if that is possible now: false when there is nothing to do. Unlocks
 * meanwhile. Only one thread at a time, which is_sending tells. */
bool rpc_send_next_locked(struct rpc *r);

/* The sender thread. Start: 0 or -errno. Stop sets is_closing, ends everything pending, joins. */
int rpc_sender_start(struct rpc *r) MUST_CHECK;
void rpc_sender_stop(struct rpc *r);

/* Event handlers for conn_open; arg is the rpc. */
void rpc_link_up(void *arg, natsConnection *nc);
void rpc_link_down(void *arg);
void rpc_link_denied(void *arg, const char *denied);

#endif
