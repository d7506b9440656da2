/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch's consumer and what it brings.
 *
 * The library's threads put events into w->queue under w->lock, the watch thread takes them out in
 * one go and works without the lock. Flow control requests stand in the same queue, so the server
 * is told to go on only after what it sent was delivered; that bounds the queue.
 */
#include <string.h>

#include "objstore/api.h"
#include "objstore/watch_internal.h"
#include "util/clock.h"
#include "util/log.h"

#define CREATE_MS 60000
#define QUEUE_MAX (1U << 20)

static void on_event(void *arg, enum push_kind kind, natsMsg *msg, const struct push_meta *meta)
{
	struct watch *w = arg;
	struct watch_event *e = malloc(sizeof(*e));

	bool was_empty;

	LOCK_SCOPE(&w->lock);
	was_empty = list_is_empty(&w->queue);
	if (!e || w->n_queued >= QUEUE_MAX) {
		free(e);
		msg_free(msg);
		w->is_overflown = true;
	} else {
		*e = (struct watch_event){.kind = kind, .msg = msg, .meta = *meta};
		list_push_back(&w->queue, &e->link);
		w->n_queued++;
	}
	/* During a listing events come faster than the thread could wake up for each. */
	if (was_empty || w->is_overflown)
		cond_broadcast(&w->changed);
}

static void on_lost(void *arg)
{
	struct watch *w = arg;

	LOCK_SCOPE(&w->lock);
	w->is_lost = true;
	cond_broadcast(&w->changed);
}

void watch_consumer_init(struct watch *w)
{
	list_init(&w->consumer.link);
	w->consumer.handler = (struct push_handler){w, on_event, on_lost};
}

void watch_free_events(struct list *events)
{
	struct list *l;

	while ((l = list_pop_front(events))) {
		struct watch_event *e = list_entry(l, struct watch_event, link);

		msg_free(e->msg);
		free(e);
	}
}

void watch_drop_consumer(struct watch *w)
{
	struct bucket *b = w->bucket;
	struct list events = LIST_INITIALIZER(events);

	push_remove(b->control.push, b->control.rpc, &w->consumer);
	ahead_forget(w);
	mutex_lock(&w->lock);
	list_splice_back(&events, &w->queue);
	w->n_queued = 0;
	w->is_lost = w->is_overflown = false;
	mutex_unlock(&w->lock);
	watch_free_events(&events);
}

int watch_create_consumer(struct watch *w, uint64_t start_seq, uint64_t *ret_pending)
{
	_cleanup_free_ char *filter = NULL, *subject = NULL, *body = NULL;
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_msg_ natsMsg *msg = NULL;
	struct bucket *b = w->bucket;
	struct push_spec spec = {.deliver_policy =
					 start_seq > 0 ? "by_start_sequence" : "last_per_subject",
				 .start_seq = start_seq,
				 .heartbeat_ms = WATCH_HEARTBEAT_MS};
	struct rpc_request req = {.deadline_ns = clock_deadline_ms(CREATE_MS)};
	bool was_sent;
	int err;

	if (asprintf(&filter, "%s>", b->meta_prefix) < 0) {
		filter = NULL;
		return -ENOMEM;
	}
	spec.filter = filter;
	w->consumer_seq = w->received = 0;
	w->n_idle = w->n_behind = 0;
	err = push_add(b->control.push, &w->consumer, &spec, &subject, &body);
	if (err < 0)
		return err;
	req.subject = subject;
	req.data = body;
	req.len = strlen(body);
	err = rpc_call(b->control.rpc, &req, &msg, &was_sent);
	if (err == -ENOENT)
		return -EAGAIN;
	if (!err)
		err = api_parse(msg, &json, NULL);
	if (!err)
		*ret_pending = api_u64(json, "num_pending");
	w->heard_ns = clock_now_ns();
	return err;
}

/* One event of the consumer. -EAGAIN: something was missed. */
static int handle_message(struct watch *w, natsMsg *msg, const struct push_meta *meta)
{
	struct bucket *b = w->bucket;
	const char *subject = natsMsg_GetSubject(msg);
	size_t prefix_len = strlen(b->meta_prefix);
	struct resolved names = RESOLVED_INITIALIZER(names);
	struct obj_info *info;
	bool is_old;
	int err;

	if (meta->consumer_seq != w->consumer_seq + 1) {
		log_info("%s: missed events, listing anew", b->store.bucket);
		return -EAGAIN;
	}
	w->consumer_seq++;
	w->received++;
	w->n_idle = w->n_behind = 0;
	if (strncmp(subject, b->meta_prefix, prefix_len) != 0)
		return 0;
	err = meta_decode(b, subject, natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg),
			  api_is_removal(msg), meta->stream_seq, meta->time_ns, &info);
	if (err == -ENOMEM)
		return -EAGAIN;
	if (err < 0) {
		log_debug("%s: metadata that cannot be named", subject);
		hints_meet(w, msg, meta->stream_seq, false, &names);
		watch_deliver_removals(w, &names);
		return 0;
	}
	ahead_pass(w, meta->stream_seq);
	witness_note(w, subject + prefix_len, meta->stream_seq, meta->time_ns);
	is_old = ahead_has(w, subject + prefix_len, meta->stream_seq);
	hints_meet(w, msg, meta->stream_seq, info->is_deleted && !is_old, &names);
	/* What was moved on while there was no connection is gone from where it was announced. */
	if (watch_is_lost(w)) {
		obj_info_free(info);
		watch_deliver_removals(w, &names);
		return -ENOTCONN;
	}
	/* It may have been read just now. */
	if (is_old || ahead_has(w, subject + prefix_len, meta->stream_seq))
		obj_info_free(info);
	else
		watch_deliver(w, info);
	watch_deliver_removals(w, &names);
	return 0;
}

static int take_message(struct watch *w, natsMsg *msg, const struct push_meta *meta)
{
	int err = handle_message(w, msg, meta);

	if (!err)
		watch_note_handled(w, msg, meta);
	return err;
}

/* ret_idle: a heartbeat said that all was sent; ret_pending: the server's count after a message. */
static int handle_event(struct watch *w, const struct watch_event *e, bool *ret_idle,
			uint64_t *ret_pending)
{
	switch (e->kind) {
	case PUSH_MESSAGE:
		*ret_pending = e->meta.pending;
		return take_message(w, e->msg, &e->meta);
	case PUSH_HEARTBEAT:
		push_reply(w->bucket->control.rpc, e->msg);
		/* The first may still speak of the consumer that had this slot before. */
		if (e->meta.consumer_seq != w->consumer_seq) {
			w->n_idle = 0;
			return ++w->n_behind >= 2 ? -EAGAIN : 0;
		}
		w->n_behind = 0;
		*ret_idle = ++w->n_idle >= 2;
		return 0;
	case PUSH_FLOW:
		push_reply(w->bucket->control.rpc, e->msg);
		return 0;
	}
	return 0;
}

int watch_handle_events(struct watch *w, struct list *events, bool *ret_idle, uint64_t *ret_pending)
{
	struct list *l;
	int err = 0;

	while (!err && (l = list_pop_front(events))) {
		struct watch_event *e = list_entry(l, struct watch_event, link);

		err = handle_event(w, e, ret_idle, ret_pending);
		msg_free(e->msg);
		free(e);
	}
	watch_free_events(events);
	return err;
}

int watch_wait_events(struct watch *w, uint64_t until_ns, struct list *ret)
{
	int err = 0;

	LOCK_SCOPE(&w->lock);
	while (!err && list_is_empty(&w->queue) && !w->is_lost && !w->is_overflown &&
	       !w->is_stopping && !w->is_told && w->n_purged == 0 && w->n_asked == w->n_caught_up) {
		uint64_t now_ns = clock_now_ns(), due_ns = hints_due_locked(w);

		if (due_ns <= now_ns)
			break;
		if (until_ns < due_ns)
			due_ns = until_ns;
		/* An alarm that is set stays: it serves the next hint, which need not wake us. */
		if (due_ns < w->alarm_ns || w->alarm_ns <= now_ns)
			w->alarm_ns = due_ns;
		err = cond_wait_until(&w->changed, &w->lock, w->alarm_ns);
	}
	if (w->is_stopping)
		return -ESHUTDOWN;
	if (w->is_lost)
		return -ENOTCONN;
	if (w->is_overflown)
		return -EAGAIN;
	if (!list_is_empty(&w->queue))
		w->heard_ns = clock_now_ns();
	list_splice_back(ret, &w->queue);
	w->n_queued = 0;
	return 0;
}
