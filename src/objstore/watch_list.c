/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listing all metadata.
 *
 * The usual consumer of the newest message of each name is the dearest: the server looks for them
 * in the whole stream before it sends the first one, 3 s for a million names and up to 8 s where it
 * has forgotten which are in which block, and nobody else's request is answered meanwhile. Where
 * what is replaced is removed with what replaces it, every message is the newest of its name, or
 * those that follow say what is: so a consumer of all messages lists as well. Before 2.12 natsobj
 * removes what it replaces itself, a while after (replaced.c), and before 2.9.12 such a consumer
 * skips messages when others are rolled up or purged.
 */
#include "objstore/watch_internal.h"

#include "objstore/conn.h"
#include "objstore/layout.h"
#include "util/clock.h"
#include "util/log.h"

int watch_receive(struct watch *w, uint64_t total)
{
	uint64_t left = total;
	bool is_idle = false;
	int err;

	while (total > 0 && w->feed.received < total && left > 0 && !is_idle) {
		struct list events = LIST_INITIALIZER(events);

		err = watch_wait_events(w, clock_deadline_ms(1000), &events);
		if (!err)
			err = watch_handle_events(w, &events, &is_idle, &left);
		if (!err) {
			watch_serve_catch_up(w, false);
			err = watch_check_stream(w);
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

/* The sequence from which a consumer lists; 0: by the newest message of each name. */
static uint64_t listing_start(const struct bucket *b)
{
	return b->layout->is_rolled_up && b->version >= SERVER_VERSION(2, 12, 0) ? 1 : 0;
}

int watch_list(struct watch *w)
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
	watch_tell_max_age(w, &info);
	w->handled = (struct watch_mark){0};
	w->listener.on_reload_begin(w->listener.arg, is_other || w->is_from_refused);
	audit_begin(w, &info);
	meta_forget_tokens(b);
	err = feed_open(&w->feed, listing_start(b), &total);
	if (err < 0)
		return err;
	w->listed_seq = info.last_seq;
	if (w->listener.on_reload_size)
		w->listener.on_reload_size(w->listener.arg, total);
	conn_library_keep_memory(false);
	err = watch_receive(w, total);
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
