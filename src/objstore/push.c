/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Delivery: the library runs on_delivery on one thread per subscription, and on the control
 * connection on one for all of them, so events of a consumer come in order. p->lock protects the
 * list of consumers; while a handler runs, p->n_running is above zero and push_remove waits for it,
 * so that a consumer can be freed once it is removed.
 *
 * Messages carry the stream's subject; which consumer they belong to is in their reply subject.
 * Status messages carry the deliver subject, <inbox>.<slot>. A slot is one consumer's at a time.
 */
#include "objstore/push.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/natscompat.h"
#include "util/clock.h"
#include "util/log.h"

/* Consumers of one connection at a time. Servers such as 2.9.10 deliver nothing where only a
 * wildcard subscription covers the deliver subject, so each has an exact one that is made in
 * advance. */
#define SLOTS 4
/* How long a forgotten deletion stays in the table of requests. */
#define DELETE_MS 10000

struct push {
	struct bucket *bucket;
	/* set before the first connection */
	char *hint_subjects[PUSH_HINTS];
	void (*on_hint)(void *arg, natsMsg *msg);
	void *hint_arg;

	struct mutex lock;
	struct cond idle;
	/* protected by lock */
	struct list consumers;
	unsigned int n_running; /* handlers */
	unsigned int n_live;	/* subscriptions that may still deliver */
	bool is_slot_used[SLOTS];
	int last_slot;
	char *inbox; /* NULL while the connection is down */

	/* the manager's */
	natsConnection *nc;
	natsSubscription *subs[SLOTS], *hint_subs[PUSH_HINTS];
};

struct push *push_new(struct bucket *b)
{
	struct push *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->bucket = b;
	mutex_init(&p->lock, LOCK_RANK_STORE);
	cond_init(&p->idle);
	list_init(&p->consumers);
	return p;
}

void push_free(struct push *p)
{
	if (!p)
		return;
	for (int i = 0; i < PUSH_HINTS; i++)
		free(p->hint_subjects[i]);
	free(p->inbox);
	cond_done(&p->idle);
	mutex_done(&p->lock);
	free(p);
}

int push_set_hints(struct push *p, const char *const subjects[PUSH_HINTS],
		   void (*on_hint)(void *arg, natsMsg *msg), void *arg)
{
	p->on_hint = on_hint;
	p->hint_arg = arg;
	for (int i = 0; i < PUSH_HINTS && subjects[i]; i++) {
		p->hint_subjects[i] = strdup(subjects[i]);
		if (!p->hint_subjects[i])
			return -ENOMEM;
	}
	return 0;
}

static struct push_consumer *find_locked(struct push *p, const char *name)
{
	list_for_each (it, &p->consumers) {
		struct push_consumer *c = list_entry(it, struct push_consumer, link);

		if (strcmp(c->name, name) == 0 || strcmp(c->slot, name) == 0)
			return c;
	}
	return NULL;
}

static void on_delivery(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
	struct push *p = closure;
	struct push_consumer *c;
	struct push_meta meta;
	enum push_kind kind;
	char name[OBJ_NUID_LEN + 1];

	(void)nc;
	(void)sub;
	if (push_classify(msg, &kind, &meta, name, sizeof(name)) < 0) {
		msg_free(msg);
		return;
	}
	mutex_lock(&p->lock);
	c = find_locked(p, name);
	if (c)
		p->n_running++;
	mutex_unlock(&p->lock);
	if (!c) {
		msg_free(msg);
		return;
	}
	c->handler.on_event(c->handler.arg, kind, msg, &meta);
	mutex_lock(&p->lock);
	p->n_running--;
	cond_broadcast(&p->idle);
	mutex_unlock(&p->lock);
}

static void on_hint(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *closure)
{
	struct push *p = closure;

	(void)nc;
	(void)sub;
	p->on_hint(p->hint_arg, msg);
}

/* Last words of a delivery thread. */
static void on_complete(void *closure)
{
	struct push *p = closure;

	LOCK_SCOPE(&p->lock);
	p->n_live--;
	cond_broadcast(&p->idle);
}

static natsStatus subscribe(struct push *p, const char *subject, natsMsgHandler handler,
			    natsSubscription **ret)
{
	natsStatus s = natsConnection_Subscribe(ret, p->nc, subject, handler, p);

	if (s == NATS_OK)
		s = natsSubscription_SetPendingLimits(*ret, -1, -1);
	if (s != NATS_OK)
		return s;
	mutex_lock(&p->lock);
	p->n_live++;
	mutex_unlock(&p->lock);
	s = natsSubscription_SetOnCompleteCB(*ret, on_complete, p);
	if (s != NATS_OK)
		on_complete(p);
	return s;
}

void push_up(struct push *p, natsConnection *nc)
{
	char inbox[NATSCOMPAT_INBOX_MAX], subject[NATSCOMPAT_INBOX_MAX + 16];
	natsStatus s;

	p->nc = nc;
	s = natscompat_inbox(p->bucket->inbox_prefix, inbox);
	for (int i = 0; i < SLOTS && s == NATS_OK; i++) {
		snprintf(subject, sizeof(subject), "%s.%d", inbox, i);
		s = subscribe(p, subject, on_delivery, &p->subs[i]);
	}
	for (int i = 0; i < PUSH_HINTS && s == NATS_OK && p->hint_subjects[i]; i++)
		s = subscribe(p, p->hint_subjects[i], on_hint, &p->hint_subs[i]);
	if (s == NATS_OK) {
		mutex_lock(&p->lock);
		p->inbox = strdup(inbox);
		mutex_unlock(&p->lock);
	} else {
		log_warn("%s: cannot subscribe: %s", p->bucket->store.bucket,
			 natsStatus_GetText(s));
		/* The manager makes a new connection. */
		natsConnection_Close(nc);
	}
}

static void free_slot_locked(struct push *p, struct push_consumer *c)
{
	if (c->slot[0])
		p->is_slot_used[atoi(c->slot)] = false;
	c->slot[0] = '\0';
}

/* Tells every consumer, one by one, as handlers may not run under the lock. */
static void lose_consumers(struct push *p)
{
	struct push_consumer *c;

	mutex_lock(&p->lock);
	while (!list_is_empty(&p->consumers)) {
		c = list_entry(p->consumers.next, struct push_consumer, link);
		list_remove(&c->link);
		free_slot_locked(p, c);
		p->n_running++;
		mutex_unlock(&p->lock);
		c->handler.on_lost(c->handler.arg);
		mutex_lock(&p->lock);
		p->n_running--;
		cond_broadcast(&p->idle);
	}
	mutex_unlock(&p->lock);
}

void push_down(struct push *p)
{
	mutex_lock(&p->lock);
	free(p->inbox);
	p->inbox = NULL;
	mutex_unlock(&p->lock);
	/* Ends the read loop, without which a subscription must not be destroyed (nats.c #637), and
	 * the delivery threads. */
	natsConnection_Close(p->nc);
	mutex_lock(&p->lock);
	while (p->n_live > 0)
		cond_wait(&p->idle, &p->lock);
	mutex_unlock(&p->lock);
	for (int i = 0; i < SLOTS; i++) {
		natsSubscription_Destroy(p->subs[i]);
		p->subs[i] = NULL;
	}
	for (int i = 0; i < PUSH_HINTS; i++) {
		natsSubscription_Destroy(p->hint_subs[i]);
		p->hint_subs[i] = NULL;
	}
	p->nc = NULL;
	lose_consumers(p);
}

static char *format_body(const struct bucket *b, const struct push_consumer *c,
			 const struct push_spec *spec, const char *inbox)
{
	_cleanup_buf_ struct buf body;

	buf_init(&body, 8192);
	buf_append_str(&body, "{\"stream_name\":");
	api_append_string(&body, b->stream);
	buf_append_str(&body, ",\"config\":{\"name\":");
	api_append_string(&body, c->name);
	buf_printf(&body, ",\"deliver_policy\":\"%s\"", spec->deliver_policy);
	if (spec->start_seq > 0)
		buf_printf(&body, ",\"opt_start_seq\":%" PRIu64, spec->start_seq);
	buf_append_str(&body, ",\"ack_policy\":\"none\",\"max_deliver\":1,\"filter_subject\":");
	api_append_string(&body, spec->filter);
	buf_printf(&body, ",\"deliver_subject\":\"%s.%s\"", inbox, c->slot);
	buf_printf(&body, ",\"flow_control\":true,\"idle_heartbeat\":%" PRIu64,
		   (uint64_t)spec->heartbeat_ms * (uint64_t)NS_PER_MS);
	if (spec->is_headers_only)
		buf_append_str(&body, ",\"headers_only\":true");
	buf_append_str(&body, ",\"num_replicas\":1,\"mem_storage\":true}}");
	return buf_steal(&body);
}

/* In turn, so that what is still on its way to a slot's last user arrives before the next one. */
static int take_slot_locked(struct push *p, struct push_consumer *c)
{
	mutex_assert_held(&p->lock);
	for (int i = 1; i <= SLOTS; i++) {
		int slot = (p->last_slot + i) % SLOTS;

		if (p->is_slot_used[slot])
			continue;
		p->is_slot_used[slot] = true;
		p->last_slot = slot;
		snprintf(c->slot, sizeof(c->slot), "%d", slot);
		return 0;
	}
	return -EBUSY;
}

/* A registered consumer without a request; undone by push_remove. */
static int join(struct push *p, struct push_consumer *c, char **ret_inbox)
{
	int err;

	obj_nuid_new(c->name);
	LOCK_SCOPE(&p->lock);
	if (!p->inbox)
		return -ENOTCONN;
	*ret_inbox = strdup(p->inbox);
	if (!*ret_inbox)
		return -ENOMEM;
	err = take_slot_locked(p, c);
	if (!err)
		list_push_back(&p->consumers, &c->link);
	return err;
}

static void leave(struct push *p, struct push_consumer *c)
{
	LOCK_SCOPE(&p->lock);
	list_remove(&c->link);
	free_slot_locked(p, c);
}

int push_add(struct push *p, struct push_consumer *c, const struct push_spec *spec,
	     char **ret_subject, char **ret_body)
{
	_cleanup_free_ char *inbox = NULL, *prefix = NULL, *subject = NULL, *body = NULL;
	int err = join(p, c, &inbox);

	if (err < 0)
		return err;
	prefix = api_subject(p->bucket, "CONSUMER.CREATE");
	if (prefix && asprintf(&subject, "%s.%s.%s", prefix, c->name, spec->filter) < 0)
		subject = NULL;
	body = format_body(p->bucket, c, spec, inbox);
	if (!subject || !body) {
		leave(p, c);
		return -ENOMEM;
	}
	*ret_subject = steal_ptr(subject);
	*ret_body = steal_ptr(body);
	return 0;
}

uint64_t push_total(const cJSON *created)
{
	const cJSON *delivered = cJSON_GetObjectItemCaseSensitive(created, "delivered");

	return api_u64(delivered, "consumer_seq") + api_u64(created, "num_pending");
}

static void discard(void *arg, natsMsg *msg, int err, bool was_sent)
{
	(void)arg;
	(void)err;
	(void)was_sent;
	msg_free(msg);
}

void push_remove(struct push *p, struct rpc *r, struct push_consumer *c)
{
	struct rpc_request req = {.deadline_ns = clock_deadline_ms(DELETE_MS), .done = discard};
	_cleanup_free_ char *prefix = api_subject(p->bucket, "CONSUMER.DELETE");
	_cleanup_free_ char *subject = NULL;
	bool is_known;

	mutex_lock(&p->lock);
	is_known = c->link.next && c->link.next != &c->link;
	if (is_known)
		list_remove(&c->link);
	free_slot_locked(p, c);
	while (p->n_running > 0)
		cond_wait(&p->idle, &p->lock);
	mutex_unlock(&p->lock);
	/* The deliver subject keeps its interest, so the server would keep the consumer. */
	if (!is_known || !prefix || asprintf(&subject, "%s.%s", prefix, c->name) < 0)
		return;
	req.subject = subject;
	(void)!rpc_send(r, &req);
}

void push_reply(struct rpc *r, natsMsg *msg)
{
	const char *subject = natsMsg_GetReply(msg);

	if (!subject || !*subject)
		subject = rpc_msg_header(msg, "Nats-Consumer-Stalled");
	if (subject)
		(void)!rpc_publish(r, subject, NULL, 0);
}
