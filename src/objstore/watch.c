/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watch: one thread that lists all metadata, delivers what changes, and begins anew whenever
 * something may have been missed.
 *
 *	load:   STREAM.INFO, a consumer of all names (watch_list.c), its events until all pending
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

void watch_tell_max_age(struct watch *w, const struct stream_info *info)
{
	w->max_age_ns = info->max_age_ns;
	if (w->listener.on_max_age)
		w->listener.on_max_age(w->listener.arg, info->max_age_ns);
}

/* -EAGAIN: what was about to go stays, or goes at once, and only a listing tells of it. */
static int check_max_age(struct watch *w, const struct stream_info *info)
{
	if (info->max_age_ns == w->max_age_ns)
		return 0;
	log_info("%s: objects live for another time now, listing anew", w->bucket->store.bucket);
	return -EAGAIN;
}

int watch_check_stream(struct watch *w)
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
	if (!err)
		err = check_max_age(w, &info);
	return err ? err : audit_check(w, &info);
}

void watch_serve_catch_up(struct watch *w, bool is_following)
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

/* All that came since the mark. -ESTALE: that cannot be had, or not surely. */
static int resume(struct watch *w)
{
	struct stream_info info;
	uint64_t total = 0;
	int err = watch_resume(w, &info, &total);

	if (!err) {
		watch_tell_max_age(w, &info);
		err = watch_receive(w, total);
	}
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
	return err ? err : watch_list(w);
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
			watch_serve_catch_up(w, true);
			hints_resolve(w, false);
			audit_deliver(w);
			err = watch_check_stream(w);
		}
	}
	return err;
}

/* The first listing decides over watch_start; later ones do not. True: go on. */
static bool report_first(struct watch *w, int err)
{
	LOCK_SCOPE(&w->lock);
	if (w->is_loaded)
		return true;
	/* Without hard a few tries are enough; a gap is nobody's fault. */
	if (api_is_passing(err) && (w->bucket->is_hard || err == -EAGAIN))
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
