/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/feed.h"

#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "util/clock.h"
#include "util/log.h"

static void on_event(void *arg, enum push_kind kind, natsMsg *msg, const struct push_meta *meta)
{
	struct feed *f = arg;
	struct feed_event *e = malloc(sizeof(*e));
	bool was_empty;

	LOCK_SCOPE(f->lock);
	was_empty = list_is_empty(&f->queue);
	if (!e || f->n_queued >= f->max) {
		free(e);
		msg_free(msg);
		f->is_overflown = true;
	} else {
		*e = (struct feed_event){.kind = kind, .msg = msg, .meta = *meta};
		list_push_back(&f->queue, &e->link);
		f->n_queued++;
	}
	/* During a listing events come faster than the thread could wake up for each. */
	if (was_empty || f->is_overflown)
		cond_broadcast(f->changed);
}

static void on_lost(void *arg)
{
	struct feed *f = arg;

	LOCK_SCOPE(f->lock);
	f->is_lost = true;
	cond_broadcast(f->changed);
}

void feed_init(struct feed *f, struct bucket *b, struct mutex *lock, struct cond *changed,
	       size_t max)
{
	*f = (struct feed){.bucket = b, .lock = lock, .changed = changed, .max = max};
	list_init(&f->queue);
	list_init(&f->consumer.link);
	f->consumer.handler = (struct push_handler){f, on_event, on_lost};
}

static void free_event(struct feed_event *e)
{
	msg_free(e->msg);
	free(e);
}

static void free_events(struct list *events)
{
	struct list *l;

	while ((l = list_pop_front(events)))
		free_event(list_entry(l, struct feed_event, link));
}

void feed_done(struct feed *f)
{
	free_events(&f->queue);
}

void feed_close(struct feed *f)
{
	struct list events = LIST_INITIALIZER(events);

	push_remove(f->bucket->control.push, f->bucket->control.rpc, &f->consumer);
	mutex_lock(f->lock);
	list_splice_back(&events, &f->queue);
	f->n_queued = 0;
	f->is_lost = f->is_overflown = false;
	mutex_unlock(f->lock);
	free_events(&events);
}

bool feed_is_ready_locked(const struct feed *f)
{
	mutex_assert_held(f->lock);
	return !list_is_empty(&f->queue) || f->is_lost || f->is_overflown;
}

int feed_take_locked(struct feed *f, struct list *ret)
{
	mutex_assert_held(f->lock);
	if (f->is_lost)
		return -ENOTCONN;
	if (f->is_overflown)
		return -EAGAIN;
	if (!list_is_empty(&f->queue))
		f->heard_ns = clock_now_ns();
	list_splice_back(ret, &f->queue);
	f->n_queued = 0;
	return 0;
}

/* Whether e is what comes next: 0 or -EAGAIN. */
static int follow(struct feed *f, const struct feed_event *e)
{
	switch (e->kind) {
	case PUSH_MESSAGE:
		if (e->meta.consumer_seq != f->received + 1) {
			log_info("%s: missed events, listing anew", f->bucket->store.bucket);
			return -EAGAIN;
		}
		f->received++;
		f->n_idle = f->n_behind = 0;
		return 0;
	case PUSH_HEARTBEAT:
		push_reply(f->bucket->control.rpc, e->msg);
		/* The first may still speak of the consumer that had this slot before. */
		if (e->meta.consumer_seq != f->received) {
			f->n_idle = 0;
			return ++f->n_behind >= 2 ? -EAGAIN : 0;
		}
		f->n_behind = 0;
		f->n_idle++;
		return 0;
	case PUSH_FLOW:
		push_reply(f->bucket->control.rpc, e->msg);
		return 0;
	}
	return 0;
}

int feed_deliver(struct feed *f, struct list *events,
		 int (*fn)(void *arg, const struct feed_event *e), void *arg)
{
	struct list *l;
	int err = 0;

	while (!err && (l = list_pop_front(events))) {
		struct feed_event *e = list_entry(l, struct feed_event, link);

		err = follow(f, e);
		if (!err)
			err = fn(arg, e);
		free_event(e);
	}
	free_events(events);
	return err;
}
