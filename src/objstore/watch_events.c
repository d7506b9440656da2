/* SPDX-License-Identifier: Apache-2.0 */
/* What the watch's consumer brings. */
#include <string.h>

#include "objstore/api.h"
#include "objstore/watch_internal.h"
#include "util/clock.h"
#include "util/log.h"

void watch_drop_consumer(struct watch *w)
{
	feed_close(&w->feed);
	ahead_forget(w);
}

/* One event of the consumer. */
static int handle_message(struct watch *w, natsMsg *msg, const struct push_meta *meta)
{
	struct bucket *b = w->bucket;
	const char *subject = natsMsg_GetSubject(msg);
	const char *token = meta_token_in(b, subject);
	struct resolved names = RESOLVED_INITIALIZER(names);
	struct obj_info *info;
	bool is_old;
	int err;

	if (!token)
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
	witness_note(w, token, meta->stream_seq, meta->time_ns);
	is_old = ahead_has(w, token, meta->stream_seq);
	hints_meet(w, msg, meta->stream_seq, info->is_deleted && !is_old, &names);
	/* What was moved on while there was no connection is gone from where it was announced. */
	if (watch_is_lost(w)) {
		obj_info_free(info);
		watch_deliver_removals(w, &names);
		return -ENOTCONN;
	}
	/* It may have been read just now. */
	if (is_old || ahead_has(w, token, meta->stream_seq))
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

struct handling {
	struct watch *watch;
	bool *ret_idle;
	uint64_t *ret_pending;
};

static int handle_event(void *arg, const struct feed_event *e)
{
	struct handling *h = arg;

	switch (e->kind) {
	case PUSH_MESSAGE:
		*h->ret_pending = e->meta.pending;
		return take_message(h->watch, e->msg, &e->meta);
	case PUSH_HEARTBEAT:
		*h->ret_idle = h->watch->feed.n_idle >= 2;
		return 0;
	case PUSH_FLOW:
		return 0;
	}
	return 0;
}

int watch_handle_events(struct watch *w, struct list *events, bool *ret_idle, uint64_t *ret_pending)
{
	struct handling h = {w, ret_idle, ret_pending};

	return feed_deliver(&w->feed, events, handle_event, &h);
}

int watch_wait_events(struct watch *w, uint64_t until_ns, struct list *ret)
{
	int err = 0;

	LOCK_SCOPE(&w->lock);
	while (!err && !feed_is_ready_locked(&w->feed) && !w->is_stopping && !w->is_told &&
	       w->n_purged == 0 && w->n_asked == w->n_caught_up) {
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
	return w->is_stopping ? -ESHUTDOWN : feed_take_locked(&w->feed, ret);
}
