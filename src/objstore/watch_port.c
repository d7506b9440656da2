/* SPDX-License-Identifier: Apache-2.0 */
/* The watch as other threads see it: its beginning and end, what they tell it and ask of it. */
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/watch_internal.h"
#include "util/clock.h"

#define ADVISORY "$JS.EVENT.ADVISORY.STREAM.*."
#define AUDIT "$JS.EVENT.ADVISORY.API"
#define CATCH_UP_MS 1000
#define QUEUE_MAX (1U << 20)

static struct watch *watch_of(struct bucket *b)
{
	LOCK_SCOPE(&b->lock);
	return b->watch;
}

/* Delivery threads of the plain subscriptions: metadata, and what the server tells of streams. */
static void on_hint(void *arg, natsMsg *msg)
{
	struct bucket *b = arg;
	struct watch *w = watch_of(b);

	if (meta_token_in(b, natsMsg_GetSubject(msg))) {
		if (w)
			hints_add(w, msg);
		if (replaced_saw(b, msg))
			return;
	} else if (w && strcmp(natsMsg_GetSubject(msg), AUDIT) == 0) {
		audit_note(w, msg);
	} else if (w) {
		LOCK_SCOPE(&w->lock);
		w->is_told = true;
		cond_broadcast(&w->changed);
	}
	msg_free(msg);
}

int watch_prepare(struct bucket *b)
{
	_cleanup_free_ char *meta = NULL, *advisory = NULL;

	if (asprintf(&meta, "%s>", b->meta_prefix) < 0)
		return -ENOMEM;
	if (asprintf(&advisory, ADVISORY "%s", b->stream) < 0)
		return -ENOMEM;
	return push_set_hints(b->control.push, (const char *const[]){meta, advisory, AUDIT},
			      on_hint, b);
}

static struct watch *watch_new(struct bucket *b, const struct watch_listener *listener)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->bucket = b;
	w->listener = *listener;
	mutex_init(&w->lock, LOCK_RANK_STORE);
	cond_init(&w->changed);
	list_init(&w->purged);
	hints_init(&w->hints);
	hash_init(&w->ahead);
	feed_init(&w->feed, b, &w->lock, &w->changed, QUEUE_MAX);
	w->feed.is_large = true;
	return w;
}

static int wait_first(struct watch *w)
{
	LOCK_SCOPE(&w->lock);
	while (!w->is_loaded && !w->is_stopping)
		cond_wait(&w->changed, &w->lock);
	return w->is_loaded ? w->first_err : -ESHUTDOWN;
}

int watch_start(struct store *s, const struct watch_listener *listener,
		const struct watch_mark *from)
{
	struct bucket *b = bucket_of(s);
	struct watch *w = watch_new(b, listener);
	int err;

	if (!w)
		return -ENOMEM;
	if (from)
		w->from = *from;
	mutex_lock(&b->lock);
	err = b->watch ? -EBUSY : 0;
	if (!err)
		b->watch = w;
	mutex_unlock(&b->lock);
	if (err < 0) {
		free(w);
		return err;
	}
	err = thread_start(&w->thread, "watch", watch_main, w);
	w->has_thread = err == 0;
	return err < 0 ? err : wait_first(w);
}

bool watch_catch_up(struct store *s)
{
	struct watch *w = watch_of(bucket_of(s));
	uint64_t deadline = clock_deadline_ms(CATCH_UP_MS), ticket;
	int err = 0;

	if (!w)
		return false;
	LOCK_SCOPE(&w->lock);
	ticket = ++w->n_asked;
	cond_broadcast(&w->changed);
	while (!err && w->n_caught_up < ticket && !w->is_stopping)
		err = cond_wait_until(&w->changed, &w->lock, deadline);
	return w->n_caught_up >= ticket;
}

bool watch_is_running(struct bucket *b)
{
	struct watch *w = watch_of(b);

	if (!w)
		return false;
	LOCK_SCOPE(&w->lock);
	return w->is_loaded && w->first_err == 0;
}

bool watch_make_room(struct bucket *b)
{
	struct watch *w = watch_of(b);

	return w && w->listener.on_full && w->listener.on_full(w->listener.arg);
}

void watch_wake(struct bucket *b)
{
	struct watch *w = watch_of(b);

	if (!w)
		return;
	LOCK_SCOPE(&w->lock);
	cond_broadcast(&w->changed);
}

void watch_shutdown(struct bucket *b)
{
	struct watch *w = watch_of(b);

	if (!w)
		return;
	LOCK_SCOPE(&w->lock);
	w->is_stopping = true;
	cond_broadcast(&w->changed);
}

void watch_stop(struct bucket *b)
{
	struct watch *w = watch_of(b);

	if (!w || !w->has_thread)
		return;
	watch_shutdown(b);
	pthread_join(w->thread, NULL);
	w->has_thread = false;
}

void watch_done(struct bucket *b)
{
	struct watch *w = b->watch;

	if (!w)
		return;
	mutex_lock(&w->lock);
	hints_clear_locked(w);
	mutex_unlock(&w->lock);
	ahead_forget(w);
	audit_forget(w);
	witness_forget(w);
	hash_done(&w->hints.table);
	hash_done(&w->ahead);
	feed_done(&w->feed);
	cond_done(&w->changed);
	mutex_done(&w->lock);
	free(w);
	b->watch = NULL;
}
