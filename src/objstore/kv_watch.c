/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The changes of a key-value bucket: one consumer that begins with the last value of every key. It
 * is made anew after a lost connection, a gap in its sequence, silence, or an overflow; then all
 * values come again, which the listener does not mind.
 *
 * A consumer is gone with its bucket, without a word. So before one is made, and when a request met
 * what it did not expect, the bucket is looked at.
 */

#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/kv_internal.h"
#include "util/clock.h"
#include "util/log.h"

#define SILENCE_MAX_NS (16 * NS_PER_SEC)
#define RETRY_MS 200
/* Who lost a race to store meets the unexpected as well. */
#define LOOK_NS (NS_PER_SEC / 2)
/* Until it is tried again to make a bucket that cannot be made. */
#define MISSING_MS 2000
#define QUEUE_MAX 65536

static int handle_event(void *arg, const struct feed_event *e)
{
	struct kv_bucket *kv = arg;
	const char *key;

	if (e->kind != PUSH_MESSAGE)
		return 0;
	key = meta_token_in(kv->bucket, natsMsg_GetSubject(e->msg));
	if (key)
		kv->listener.on_entry(kv->listener.arg, key, natsMsg_GetData(e->msg),
				      (size_t)natsMsg_GetDataLength(e->msg), e->meta.stream_seq);
	kv_note_seq(kv, e->meta.stream_seq);
	return 0;
}

/* Waits for events at most a heartbeat: 0, -ESHUTDOWN, or the consumer has to be made anew. */
static int wait_events(struct kv_bucket *kv, struct list *ret)
{
	uint64_t until_ns = clock_deadline_ms(FEED_HEARTBEAT_MS);
	int err = 0;

	LOCK_SCOPE(&kv->lock);
	while (!err && !feed_is_ready_locked(&kv->feed) && !kv->is_stopping) {
		if (kv->is_doubted && kv->look_ns < until_ns)
			until_ns = kv->look_ns;
		err = cond_wait_until(&kv->changed, &kv->lock, until_ns);
	}
	return kv->is_stopping ? -ESHUTDOWN : feed_take_locked(&kv->feed, ret);
}

/* -EAGAIN: it is another bucket. */
static int look_if_doubted(struct kv_bucket *kv)
{
	uint64_t now = clock_now_ns();
	bool is_due, is_other;
	int err;

	mutex_lock(&kv->lock);
	is_due = kv->is_doubted && now >= kv->look_ns;
	kv->is_doubted = kv->is_doubted && !is_due;
	mutex_unlock(&kv->lock);
	if (!is_due)
		return 0;
	err = kv_look(kv, &is_other);
	kv->look_ns = clock_now_ns() + LOOK_NS;
	return !err && is_other ? -EAGAIN : err;
}

static int follow(struct kv_bucket *kv)
{
	struct list events = LIST_INITIALIZER(events);
	uint64_t total;
	bool is_other;
	int err = bucket_wait_up(kv->bucket, kv->bucket->control.rpc, UINT64_MAX);

	if (!err)
		err = kv_look(kv, &is_other);
	if (!err)
		err = feed_open(&kv->feed, 0, &total);
	while (!err) {
		err = wait_events(kv, &events);
		if (!err)
			err = feed_deliver(&kv->feed, &events, handle_event, kv);
		if (!err)
			err = look_if_doubted(kv);
		if (!err && clock_now_ns() - kv->feed.heard_ns > (uint64_t)SILENCE_MAX_NS)
			err = -EAGAIN;
	}
	feed_close(&kv->feed);
	return err;
}

static void *watch_main(void *arg)
{
	struct kv_bucket *kv = arg;
	int err;

	do {
		err = follow(kv);
		if (err != -ESHUTDOWN && err != -EAGAIN)
			log_debug("%s: cannot watch: %s", kv->bucket->stream, strerror(-err));
		if (err != -ESHUTDOWN)
			err = bucket_pause(kv->bucket, kv->is_missing ? MISSING_MS : RETRY_MS,
					   UINT64_MAX);
	} while (err != -ESHUTDOWN);
	nats_ReleaseThreadMemory();
	return NULL;
}

void kv_watch_init(struct kv_bucket *kv)
{
	mutex_init(&kv->lock, LOCK_RANK_STORE);
	cond_init(&kv->changed);
	feed_init(&kv->feed, kv->bucket, &kv->lock, &kv->changed, QUEUE_MAX);
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

void kv_watch_doubt(struct kv_bucket *kv)
{
	LOCK_SCOPE(&kv->lock);
	kv->is_doubted = true;
	cond_signal(&kv->changed);
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
	feed_done(&kv->feed);
	cond_done(&kv->changed);
	mutex_done(&kv->lock);
}
