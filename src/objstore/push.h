/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_PUSH_H
#define NATSOBJ_OBJSTORE_PUSH_H

/*
 * Push consumers made by hand on one connection. A few subscriptions <inbox>.<slot>, made with the
 * connection, receive what the server delivers to them. Besides, plain subscriptions may listen
 * to subjects of the caller's choice.
 *
 * The library's ordered consumer is not used: at its pending limit it loses messages without
 * noticing (nats.go #2107 describes the same defect). Here nothing is dropped, sequences are
 * checked by the users, and flow control is answered only after what came before it was taken.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <nats/nats.h>

#include "objstore/info.h"
#include "objstore/push_event.h"
#include "objstore/rpc.h"
#include "util/cleanup.h"
#include "util/list.h"

struct bucket;
struct push;

struct push_handler {
	void *arg;
	/* Delivery thread of the library, in order: must not wait. msg is the callee's. */
	void (*on_event)(void *arg, enum push_kind kind, natsMsg *msg,
			 const struct push_meta *meta);
	/* The connection is gone, and the consumer with it. Manager thread; must not wait. */
	void (*on_lost)(void *arg);
};

/* One consumer; embedded by its user. */
struct push_consumer {
	struct list link;
	struct push_handler handler;
	char name[OBJ_NUID_LEN + 1];
	char slot[12]; /* last token of the deliver subject; empty while there is none */
};

/* What the server is asked for. */
struct push_spec {
	const char *filter;
	const char *deliver_policy;
	uint64_t start_seq; /* of "by_start_sequence", else 0 */
	bool is_headers_only;
	uint32_t heartbeat_ms;
};

struct push *push_new(struct bucket *b) MUST_CHECK;
void push_free(struct push *p);

#define PUSH_HINTS 3

/* Plain subscriptions beside the consumers, made at every connect. Before the first. A
 * subject of NULL ends the list. on_hint runs on one delivery thread for each; the message is the
 * callee's. */
int push_set_hints(struct push *p, const char *const subjects[PUSH_HINTS],
		   void (*on_hint)(void *arg, natsMsg *msg), void *arg) MUST_CHECK;

/* For the events of the rpc it belongs to. on_down closes the connection. */
void push_up(struct push *p, natsConnection *nc);
void push_down(struct push *p);

/*
 * Registers a consumer under a fresh name and writes the subject and body of the request that
 * creates it, to be sent on the same connection. Events may come before the answer to it. -ENOTCONN
 * while the connection is down, -EBUSY when there are too many.
 */
int push_add(struct push *p, struct push_consumer *c, const struct push_spec *spec,
	     char **ret_subject, char **ret_body) MUST_CHECK;
/*
 * How many messages there were for a consumer when it was made, by the answer to that request. What
 * the server has delivered before it wrote the answer is not pending in it any more: of a short
 * listing, or on a busy machine, all.
 */
uint64_t push_total(const cJSON *created);
/* Ends delivery to c, waits for an event or loss under way, and asks the server to delete the
 * consumer without waiting for that. Harmless for one that is not registered. Not from its own
 * handler. */
void push_remove(struct push *p, struct rpc *r, struct push_consumer *c);
/* Answers a flow control request or a stalled heartbeat. */
void push_reply(struct rpc *r, natsMsg *msg);

#endif
