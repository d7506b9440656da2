/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing all metadata.
 *
 * The usual consumer of the newest message of each name is the dearest: the server looks for them
 * in the whole stream before it sends the first one, 3 s for a million names and up to 8 s where it
 * has forgotten which are in which block, and nobody else's request is answered meanwhile. Where
 * what is replaced is removed ("quick"), nearly every message is the newest of its name, and those
 * that follow say what is: so a consumer of all messages lists as well.
 *
 * Before 2.9.12 a consumer skips messages when others are rolled up or purged meanwhile, and so may
 * one of all messages. There a quick listing counts only if as many came as were there when it
 * began, all of them older than that; the first sign of another change ends it. Then the usual
 * consumer lists, which skips nothing that it has found.
 */
#include "objstore/watch_internal.h"

#include "objstore/conn.h"
#include "objstore/layout.h"
#include "util/clock.h"
#include "util/log.h"

/* Something was stored during a quick listing that must not be disturbed. */
static bool is_disturbed(struct watch *w)
{
	if (!w->is_fragile)
		return false;
	LOCK_SCOPE(&w->lock);
	return w->hints.n_announced != w->n_announced_before;
}

int watch_receive(struct watch *w, uint64_t total, uint64_t *ret_left)
{
	bool is_idle = false;
	int err;

	*ret_left = total;
	while (total > 0 && w->feed.received<total && * ret_left> 0 && !is_idle) {
		struct list events = LIST_INITIALIZER(events);

		err = watch_wait_events(w, clock_deadline_ms(1000), &events);
		if (!err)
			err = watch_handle_events(w, &events, &is_idle, ret_left);
		if (!err) {
			watch_serve_catch_up(w, false);
			err = watch_check_stream(w);
		}
		if (!err && is_disturbed(w))
			err = -ECANCELED;
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

/* Opens the consumer that lists. */
static int open_listing(struct watch *w, bool is_quick, uint64_t *ret_total)
{
	w->is_fragile = is_quick && w->bucket->version < SERVER_VERSION(2, 9, 12);
	mutex_lock(&w->lock);
	w->n_announced_before = w->hints.n_announced;
	mutex_unlock(&w->lock);
	return feed_open(&w->feed, is_quick ? 1 : 0, ret_total);
}

/* As many as there were must have come, and nothing newer instead of one of them: else
 * -ECANCELED. */
static int receive_all(struct watch *w, uint64_t total, uint64_t last_seq)
{
	uint64_t left;
	int err;

	conn_library_keep_memory(false);
	err = watch_receive(w, total, &left);
	conn_library_keep_memory(true);
	if (!err && w->is_fragile &&
	    (w->feed.received < total || left > 0 || w->handled.seq > last_seq))
		err = -ECANCELED;
	w->is_fragile = false;
	return err;
}

static int list_by(struct watch *w, bool is_quick)
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
	watch_tell_max_age(w, &info);
	w->listener.on_reload_begin(w->listener.arg, is_other || w->is_from_refused);
	audit_begin(w, &info);
	meta_forget_tokens(b);
	err = open_listing(w, is_quick, &total);
	if (err < 0)
		return err;
	w->listed_seq = info.last_seq;
	if (w->listener.on_reload_size)
		w->listener.on_reload_size(w->listener.arg, total);
	err = receive_all(w, total, info.last_seq);
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

int watch_list(struct watch *w)
{
	int err = list_by(w, w->bucket->layout->is_rolled_up);

	if (err != -ECANCELED)
		return err;
	log_debug("%s: changed while it was listed", w->bucket->store.bucket);
	watch_drop_consumer(w);
	return list_by(w, false);
}
