/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The changes of a key-value bucket: one consumer that begins with the last value of every key. It
 * is made anew after a lost connection, a gap in its sequence, silence, or an overflow; then all
 * values come again, which the listener does not mind.
 *
 * The library's threads queue events, the watch thread delivers them. Flow control requests stand
 * in the same queue, so the server goes on only after what it sent was delivered.
 */

#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/kv_internal.h"
#include "util/clock.h"
#include "util/log.h"

#define HEARTBEAT_MS 5000
#define SILENCE_MAX_NS (16 * NS_PER_SEC)
#define CREATE_MS 60000
#define RETRY_MS 200
#define QUEUE_MAX 65536

struct event {
	struct list link;
	enum push_kind kind;
	natsMsg *msg;
	struct push_meta meta;
};

static void on_event(void *arg, enum push_kind kind, natsMsg *msg, const struct push_meta *meta)
{
	struct kv_bucket *kv = arg;
	struct event *e = malloc(sizeof(*e));

	LOCK_SCOPE(&kv->lock);
	if (!e || kv->n_queued >= QUEUE_MAX) {
		free(e);
		msg_free(msg);
		kv->is_overflown = true;
	} else {
		*e = (struct event){.kind = kind, .msg = msg, .meta = *meta};
		list_push_back(&kv->queue, &e->link);
		kv->n_queued++;
	}
	cond_signal(&kv->changed);
}

static void on_lost(void *arg)
{
	struct kv_bucket *kv = arg;

	LOCK_SCOPE(&kv->lock);
	kv->is_lost = true;
	cond_signal(&kv->changed);
}

static void free_events(struct list *events)
{
	struct list *l;

	while ((l = list_pop_front(events))) {
		struct event *e = list_entry(l, struct event, link);

		msg_free(e->msg);
		free(e);
	}
}

static void drop_consumer(struct kv_bucket *kv)
{
	struct list events = LIST_INITIALIZER(events);

	push_remove(kv->bucket->control.push, kv->bucket->control.rpc, &kv->consumer);
	mutex_lock(&kv->lock);
	list_splice_back(&events, &kv->queue);
	kv->n_queued = 0;
	kv->is_lost = kv->is_overflown = false;
	mutex_unlock(&kv->lock);
	free_events(&events);
}

static int create_consumer(struct kv_bucket *kv)
{
	_cleanup_free_ char *filter = NULL, *subject = NULL, *body = NULL;
	struct push_spec spec = {.deliver_policy = "last_per_subject",
				 .heartbeat_ms = HEARTBEAT_MS};
	struct rpc_request req = {.deadline_ns = clock_deadline_ms(CREATE_MS)};
	_cleanup_msg_ natsMsg *msg = NULL;
	struct bucket *b = kv->bucket;
	bool was_sent;
	int err;

	drop_consumer(kv);
	err = bucket_wait_up(b, b->control.rpc, UINT64_MAX);
	if (err < 0)
		return err;
	if (asprintf(&filter, "%s>", kv->bucket->meta_prefix) < 0) {
		filter = NULL;
		return -ENOMEM;
	}
	spec.filter = filter;
	kv->consumer_seq = 0;
	kv->n_behind = 0;
	err = push_add(b->control.push, &kv->consumer, &spec, &subject, &body);
	if (err < 0)
		return err;
	req.subject = subject;
	req.data = body;
	req.len = strlen(body);
	err = rpc_call(b->control.rpc, &req, &msg, &was_sent);
	if (!err)
		err = api_parse(msg, NULL, NULL);
	kv->heard_ns = clock_now_ns();
	return err;
}

static int handle_message(struct kv_bucket *kv, natsMsg *msg, const struct push_meta *meta)
{
	const char *subject = natsMsg_GetSubject(msg);
	size_t prefix_len = strlen(kv->bucket->meta_prefix);
	size_t len = (size_t)natsMsg_GetDataLength(msg);

	if (meta->consumer_seq != kv->consumer_seq + 1)
		return -EAGAIN;
	kv->consumer_seq++;
	kv->n_behind = 0;
	if (strncmp(subject, kv->bucket->meta_prefix, prefix_len) == 0)
		kv->listener.on_entry(kv->listener.arg, subject + prefix_len, natsMsg_GetData(msg),
				      len, meta->stream_seq);
	return 0;
}

static int handle_event(struct kv_bucket *kv, const struct event *e)
{
	switch (e->kind) {
	case PUSH_MESSAGE:
		return handle_message(kv, e->msg, &e->meta);
	case PUSH_HEARTBEAT:
		push_reply(kv->bucket->control.rpc, e->msg);
		/* The first may still speak of the consumer that had this slot before. */
		if (e->meta.consumer_seq != kv->consumer_seq)
			return ++kv->n_behind >= 2 ? -EAGAIN : 0;
		kv->n_behind = 0;
		return 0;
	case PUSH_FLOW:
		push_reply(kv->bucket->control.rpc, e->msg);
		return 0;
	}
	return 0;
}

/* Waits for events at most a heartbeat: 0, -ESHUTDOWN, or -EAGAIN to make a new consumer. */
static int wait_events(struct kv_bucket *kv, struct list *ret)
{
	uint64_t until_ns = clock_deadline_ms(HEARTBEAT_MS);
	int err = 0;

	LOCK_SCOPE(&kv->lock);
	while (!err && list_is_empty(&kv->queue) && !kv->is_lost && !kv->is_overflown &&
	       !kv->is_stopping)
		err = cond_wait_until(&kv->changed, &kv->lock, until_ns);
	if (kv->is_stopping)
		return -ESHUTDOWN;
	if (kv->is_lost || kv->is_overflown)
		return -EAGAIN;
	if (!list_is_empty(&kv->queue))
		kv->heard_ns = clock_now_ns();
	list_splice_back(ret, &kv->queue);
	kv->n_queued = 0;
	return 0;
}

static int follow(struct kv_bucket *kv)
{
	struct list events = LIST_INITIALIZER(events);
	struct list *l;
	int err = 0;

	while (!err) {
		err = wait_events(kv, &events);
		while (!err && (l = list_pop_front(&events))) {
			struct event *e = list_entry(l, struct event, link);

			err = handle_event(kv, e);
			msg_free(e->msg);
			free(e);
		}
		free_events(&events);
		if (!err && clock_now_ns() - kv->heard_ns > (uint64_t)SILENCE_MAX_NS)
			err = -EAGAIN;
	}
	return err;
}

static void *watch_main(void *arg)
{
	struct kv_bucket *kv = arg;
	int err;

	do {
		err = create_consumer(kv);
		if (!err)
			err = follow(kv);
		if (err != -ESHUTDOWN && err != -EAGAIN)
			log_debug("%s: cannot watch: %s", kv->bucket->stream, strerror(-err));
		if (err != -ESHUTDOWN)
			err = bucket_pause(kv->bucket, RETRY_MS, UINT64_MAX);
	} while (err != -ESHUTDOWN);
	drop_consumer(kv);
	nats_ReleaseThreadMemory();
	return NULL;
}

void kv_watch_init(struct kv_bucket *kv)
{
	mutex_init(&kv->lock, LOCK_RANK_STORE);
	cond_init(&kv->changed);
	list_init(&kv->queue);
	list_init(&kv->consumer.link);
	kv->consumer.handler = (struct push_handler){kv, on_event, on_lost};
}

int kv_watch_start(struct kv *base, const struct kv_listener *l)
{
	struct kv_bucket *kv = kv_bucket_of(base);
	int err;

	kv->listener = *l;
	err = thread_start(&kv->thread, "kv-watch", watch_main, kv);
	kv->has_thread = err == 0;
	return err;
}

void kv_watch_stop(struct kv_bucket *kv)
{
	if (!kv->has_thread)
		return;
	mutex_lock(&kv->lock);
	kv->is_stopping = true;
	cond_broadcast(&kv->changed);
	mutex_unlock(&kv->lock);
	/* Waits for the server end as well. */
	store_shutdown(&kv->bucket->store);
	pthread_join(kv->thread, NULL);
	kv->has_thread = false;
}

void kv_watch_done(struct kv_bucket *kv)
{
	free_events(&kv->queue);
	cond_done(&kv->changed);
	mutex_done(&kv->lock);
}
