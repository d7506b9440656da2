/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch: one thread that lists all metadata, delivers what changes, and begins anew whenever
 * something may have been missed.
 *
 *	load:   STREAM.INFO, a consumer of all names (feed_open.c), its events until all pending
 *		ones came
 *	resume: the same at first, where possible, from a start sequence (watch_resume.c)
 *	follow: further events, overdue hints (watch_hints.c), heartbeats
 *
 * load is repeated after a lost connection, a gap in the consumer's sequence, silence, an overflow
 * of the queue, and when the stream was made anew.
 */
#include "objstore/watch_internal.h"

#include <string.h>

#include "objstore/api.h"
#include "util/clock.h"
#include "util/log.h"

/* Longer than one heartbeat: is the stream still there? Longer than three: begin anew. */
#define SILENCE_ASK_NS (7 * NS_PER_SEC)
#define SILENCE_MAX_NS (16 * NS_PER_SEC)
/* How often the stream is looked at without a reason. */
#define LOOK_NS (30 * NS_PER_SEC)
#define RETRY_MS 200
#define LOST_MS 10
#define GONE_POLL_MS 1000

bool watch_is_lost(struct watch *w)
{
	LOCK_SCOPE(&w->lock);
	return w->feed.is_lost;
}

void watch_deliver(struct watch *w, struct obj_info *info)
{
	if (info->seq > w->max_seq)
		w->max_seq = info->seq;
	meta_note_token(w->bucket, info);
	w->listener.on_info(w->listener.arg, info);
}

static void set_connected(struct watch *w, enum watch_state state)
{
	bool is_connected = state == WATCH_CONNECTED;

	if (w->is_connected == is_connected && state != WATCH_GONE)
		return;
	w->is_connected = is_connected;
	w->listener.on_state(w->listener.arg, state);
}

static bool take_told(struct watch *w)
{
	bool is_told;

	LOCK_SCOPE(&w->lock);
	is_told = w->is_told;
	w->is_told = false;
	return is_told;
}

/* Looks at the stream from time to time, when the server tells that it was changed or deleted, and
 * when no heartbeat came for a while. */
static int check_stream(struct watch *w)
{
	uint64_t now = clock_now_ns(), silent_ns = now - w->feed.heard_ns;
	bool is_silent = silent_ns >= (uint64_t)SILENCE_ASK_NS, is_told = take_told(w);
	uint64_t pause_ns =
		is_silent ? (uint64_t)FEED_HEARTBEAT_MS * (uint64_t)NS_PER_MS : (uint64_t)LOOK_NS;
	struct stream_info info;
	int err;

	if (silent_ns > (uint64_t)SILENCE_MAX_NS)
		return -EAGAIN;
	if (!is_told && now - w->asked_ns < pause_ns &&
	    (w->look_again_ns == 0 || now < w->look_again_ns))
		return 0;
	w->look_again_ns = 0;
	/* The answer may take long as well. */
	if (is_silent)
		set_connected(w, WATCH_DISCONNECTED);
	w->asked_ns = now;
	err = stream_info_read(w->bucket, &info);
	if (!err && (info.created_ns != w->created_ns || info.last_seq < w->max_seq))
		return -EAGAIN;
	return err ? err : audit_check(w, &info);
}

/* Reads everything that was announced and not delivered yet, for those who wait for it. */
static void serve_catch_up(struct watch *w, bool is_following)
{
	uint64_t n_asked;

	mutex_lock(&w->lock);
	n_asked = w->n_asked;
	mutex_unlock(&w->lock);
	if (n_asked == w->n_caught_up)
		return;
	hints_resolve(w, true);
	LOCK_SCOPE(&w->lock);
	/* After the loss of a connection, or where something could not be read, only a listing
	 * tells all. */
	if (w->feed.is_lost || w->feed.is_overflown)
		return;
	w->n_caught_up = n_asked;
	watch_set_mark_locked(w, is_following);
	cond_broadcast(&w->changed);
}

/* Until the first listing of a new consumer has come in full. */
static int receive_listing(struct watch *w, uint64_t total)
{
	bool is_idle = false;
	uint64_t left = total;
	int err;

	while (total > 0 && w->feed.received < total && left > 0 && !is_idle) {
		struct list events = LIST_INITIALIZER(events);

		err = watch_wait_events(w, clock_deadline_ms(1000), &events);
		if (!err)
			err = watch_handle_events(w, &events, &is_idle, &left);
		if (!err) {
			serve_catch_up(w, false);
			err = check_stream(w);
		}
		if (err < 0)
			return err;
	}
	return 0;
}

/*
 * Sequences begin anew in a stream that was made again, and go back in one that was restored.
 * Nothing that is known is worth anything then.
 */
static int look_at_history(struct watch *w, const struct stream_info *info, bool *ret_is_other)
{
	bool is_remade = w->created_ns != 0 && w->created_ns != info->created_ns;
	int err = 0;

	*ret_is_other = is_remade || info->last_seq < w->max_seq;
	if (!*ret_is_other)
		err = witness_check(w, ret_is_other);
	if (err < 0)
		return err;
	w->created_ns = info->created_ns;
	if (!*ret_is_other)
		return 0;
	log_warn("bucket %s %s: all that was known of it is forgotten", w->bucket->store.bucket,
		 is_remade ? "was deleted and made again" : "was restored to an older state");
	w->max_seq = 0;
	witness_forget(w);
	return 0;
}

/* All that came since the mark. -ESTALE: that cannot be had, or not surely. */
static int resume(struct watch *w)
{
	struct stream_info info;
	uint64_t total = 0;
	int err = watch_resume(w, &info, &total);

	if (!err)
		err = receive_listing(w, total);
	if (!err)
		err = watch_resume_end(w, &info);
	if (err < 0)
		return err;
	hints_resolve(w, true);
	/* What had gone by then is found by the listing that is planned. */
	audit_begin(w, &info);
	audit_listed(w);
	w->from.seq = 0;
	return 0;
}

static int list_all(struct watch *w)
{
	struct bucket *b = w->bucket;
	struct stream_info info;
	uint64_t total = 0;
	bool is_other;
	int err = stream_info_read(b, &info);

	if (!err)
		err = look_at_history(w, &info, &is_other);
	if (err < 0)
		return err;
	w->handled = (struct watch_mark){0};
	w->listener.on_reload_begin(w->listener.arg, is_other || w->is_from_refused);
	audit_begin(w, &info);
	meta_forget_tokens(b);
	err = feed_open(&w->feed, 0, &total);
	if (err < 0)
		return err;
	w->listed_seq = info.last_seq;
	if (w->listener.on_reload_size)
		w->listener.on_reload_size(w->listener.arg, total);
	conn_library_keep_memory(false);
	err = receive_listing(w, total);
	conn_library_keep_memory(true);
	if (err < 0)
		return err;
	/* Replaced while it was listed, so perhaps not listed at all. */
	hints_resolve(w, true);
	if (watch_is_lost(w))
		return -ENOTCONN;
	w->listener.on_reload_end(w->listener.arg, info.last_seq);
	audit_listed(w);
	w->is_from_refused = false;
	return 0;
}

static void refuse_mark(struct watch *w)
{
	log_info("%s: what was known of the bucket is not taken", w->bucket->store.bucket);
	watch_drop_consumer(w);
	w->from.seq = w->max_seq = 0;
	w->is_from_refused = true;
}

static int load(struct watch *w)
{
	int err;

	watch_drop_consumer(w);
	w->relist_ns = 0;
	err = bucket_wait_up(w->bucket, w->bucket->control.rpc, UINT64_MAX);
	if (!err && w->from.seq > 0) {
		err = resume(w);
		if (err != -ESTALE)
			return err;
		refuse_mark(w);
		err = 0;
	}
	return err ? err : list_all(w);
}

static int follow(struct watch *w)
{
	int err = 0;

	while (!err && (!w->relist_ns || clock_now_ns() < w->relist_ns)) {
		struct list events = LIST_INITIALIZER(events);
		bool is_idle = false;
		uint64_t pending = 0;

		err = watch_wait_events(w, clock_deadline_ms(1000), &events);
		if (!err)
			err = watch_handle_events(w, &events, &is_idle, &pending);
		if (!err) {
			if (clock_now_ns() - w->feed.heard_ns < (uint64_t)SILENCE_ASK_NS)
				set_connected(w, WATCH_CONNECTED);
			serve_catch_up(w, true);
			hints_resolve(w, false);
			audit_deliver(w);
			err = check_stream(w);
		}
	}
	return err;
}

/* The first listing decides over watch_start; later ones do not. True: go on. */
static bool report_first(struct watch *w, int err)
{
	bool is_passing = err == -ENOTCONN || err == -ETIMEDOUT || err == -EAGAIN;

	LOCK_SCOPE(&w->lock);
	if (w->is_loaded)
		return true;
	/* Without hard a few tries are enough; a gap is nobody's fault. */
	if (err < 0 && is_passing && (w->bucket->is_hard || err == -EAGAIN))
		return true;
	w->is_loaded = true;
	w->first_err = err == -ENOENT ? -ENODEV : err;
	cond_broadcast(&w->changed);
	return err == 0;
}

/* After load or follow ended with err. */
static void rest(struct watch *w, int err)
{
	struct bucket *b = w->bucket;
	uint64_t ms = err == -ENOTCONN ? LOST_MS : RETRY_MS;

	if (err == -ENOENT || err == -ENODEV) {
		set_connected(w, WATCH_GONE);
		ms = GONE_POLL_MS;
	} else {
		set_connected(w, WATCH_DISCONNECTED);
	}
	(void)!bucket_pause(b, ms, UINT64_MAX);
}

void *watch_main(void *arg)
{
	struct watch *w = arg;
	int err;

	do {
		err = load(w);
		if (!report_first(w, err))
			break;
		if (!err) {
			set_connected(w, WATCH_CONNECTED);
			err = follow(w);
		}
		if (err < 0 && err != -ESHUTDOWN)
			rest(w, err);
	} while (err != -ESHUTDOWN && !bucket_is_closing(w->bucket));
	watch_drop_consumer(w);
	nats_ReleaseThreadMemory();
	return NULL;
}
