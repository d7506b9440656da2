/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Marks: how far a watch has come, and how another one goes on from there.
 *
 * A mark is the newest metadata message that was delivered. If the bucket still has it, the two
 * histories are one up to there, and what came after it is newer. Where it was replaced meanwhile
 * nothing is known about what else is different, as after a restore from a backup.
 *
 * Servers before 2.9.12 let a consumer skip messages while others are replaced or purged. There,
 * what was received counts only if the stream did not change meanwhile.
 */
#include "objstore/watch_internal.h"

#include <string.h>

#include "objstore/layout.h"
#include "util/clock.h"
#include "util/log.h"

/* A listing because of names that may have gone without a message; not that of all mounts at once.
 */
#define RELIST_MIN_NS (2 * NS_PER_SEC)
#define RELIST_SPREAD_NS (UINT64_C(6) * NS_PER_SEC)

void watch_note_handled(struct watch *w, natsMsg *msg, const struct push_meta *meta)
{
	const char *subject = natsMsg_GetSubject(msg);

	w->handled.seq = meta->stream_seq;
	w->handled.time_ns = meta->time_ns;
	w->handled.subject_hash = hash_bytes_stable(subject, strlen(subject));
}

void watch_set_mark_locked(struct watch *w, bool is_complete)
{
	mutex_assert_held(&w->lock);
	w->mark = is_complete && w->hints.table.count == 0 ? w->handled : (struct watch_mark){0};
	w->mark.created_ns = w->created_ns;
}

int watch_get_mark(struct store *s, struct watch_mark *ret)
{
	struct bucket *b = bucket_of(s);
	struct stream_info info = {0};

	/* Of several messages for a name a purge takes the newest away without a mark. */
	if (!b->layout->is_rolled_up || meta_has_tokens(b))
		return -ENOTSUP;
	/* Not where the bucket cannot be asked: the next watch lists in the background then. */
	if (stream_info_read(b, &info) < 0)
		info.messages = 0;
	if (!watch_catch_up(s))
		return -EAGAIN;
	LOCK_SCOPE(&b->watch->lock);
	if (b->watch->mark.seq == 0)
		return -EAGAIN;
	*ret = b->watch->mark;
	ret->last_seq = info.last_seq > ret->seq ? info.last_seq : ret->seq;
	ret->messages = info.messages;
	return 0;
}

/* Whether names may have gone without a message: purged by somebody, or expired. */
static bool has_lost_messages(const struct watch_mark *from, const struct stream_info *now)
{
	return from->messages == 0 ||
	       now->last_seq - from->last_seq != now->messages - from->messages;
}

static void plan_listing(struct watch *w)
{
	uint64_t spread =
		hash_bytes(&w->feed.heard_ns, sizeof(w->feed.heard_ns)) % RELIST_SPREAD_NS;

	w->relist_ns = clock_now_ns() + (uint64_t)RELIST_MIN_NS + spread;
}

int watch_resume(struct watch *w, struct stream_info *ret_info, uint64_t *ret_total)
{
	const struct watch_mark *from = &w->from;
	int err = stream_info_read(w->bucket, ret_info);

	if (err < 0)
		return err;
	if (ret_info->created_ns != from->created_ns || ret_info->last_seq < from->last_seq)
		return -ESTALE;
	err = meta_check_mark(w->bucket, from);
	if (!err)
		err = feed_open(&w->feed, from->seq + 1, ret_total);
	if (err < 0)
		return err;
	w->created_ns = ret_info->created_ns;
	w->max_seq = from->seq;
	w->listed_seq = ret_info->last_seq;
	w->handled = *from;
	return 0;
}

int watch_resume_end(struct watch *w, const struct stream_info *before)
{
	struct stream_info now = *before;
	int err = 0;

	if (w->bucket->version < SERVER_VERSION(2, 9, 12) && w->feed.received > 0)
		err = stream_info_read(w->bucket, &now);
	if (!err && (now.last_seq != before->last_seq || now.messages != before->messages))
		err = -ESTALE;
	if (err < 0)
		return err;
	if (has_lost_messages(&w->from, before))
		plan_listing(w);
	log_info("%s: went on from message %llu%s", w->bucket->store.bucket,
		 (unsigned long long)w->from.seq,
		 w->relist_ns ? ", and will list, because something was removed since" : "");
	return 0;
}
