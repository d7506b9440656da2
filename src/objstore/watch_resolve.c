/* SPDX-License-Identifier: Apache-2.0 */
/* Names that no event has brought are read at the leader, and delivered ahead of their events. */
#include <string.h>

#include "objstore/watch_internal.h"
#include "util/clock.h"

/* How often names that move on and on are followed at a time, with a pause before each. */
#define ROUNDS_MAX 32
#define PAUSE_MS 2

static void overflow(struct watch *w)
{
	LOCK_SCOPE(&w->lock);
	w->feed.is_overflown = true;
}

static void deliver_ahead(struct watch *w, const char *token, struct obj_info *info)
{
	if (!ahead_note(w, token, info->seq))
		overflow(w);
	watch_deliver(w, info);
}

/* A removal that was read, and waits until what was stored before it is shown. */
struct removal {
	struct list link;
	struct obj_info *info;
	char token[];
};

static void defer(struct watch *w, const char *token, struct obj_info *info, struct list *removals)
{
	struct removal *r = calloc(1, sizeof(*r) + strlen(token) + 1);

	if (!r) {
		overflow(w);
		obj_info_free(info);
		return;
	}
	strcpy(r->token, token);
	r->info = info;
	list_push_back(removals, &r->link);
}

void watch_deliver_removals(struct watch *w, struct resolved *names)
{
	bool is_lost = watch_is_lost(w);
	struct list *l;

	while ((l = list_pop_front(&names->removals))) {
		struct removal *r = list_entry(l, struct removal, link);

		if (!is_lost && names->has_moved_on)
			hints_put_back(w, r->token);
		else if (!is_lost && !ahead_has(w, r->token, r->info->seq))
			deliver_ahead(w, r->token, steal_ptr(r->info));
		obj_info_free(r->info);
		free(r);
	}
}

/* Delivers what was read of a name, or puts it off, and takes over info. Returns its sequence. */
static uint64_t take_read(struct watch *w, const char *token, struct obj_info *info,
			  uint64_t limit_seq, struct resolved *names)
{
	uint64_t seq = info->seq;

	if (info->is_deleted) {
		names->has_moved_on = names->has_moved_on || seq > limit_seq;
		defer(w, token, info, &names->removals);
	} else {
		deliver_ahead(w, token, info);
	}
	return seq;
}

void watch_read(struct watch *w, struct hint *const *hints, size_t n, uint64_t limit_seq,
		struct resolved *names)
{
	struct obj_info *infos[WATCH_RESOLVE_MAX] = {NULL};
	const char *tokens[WATCH_RESOLVE_MAX];
	int errs[WATCH_RESOLVE_MAX] = {0};
	bool has_removals = false, is_settled = true;
	int err = 0;

	for (size_t i = 0; i < n; i++)
		tokens[i] = hint_token(hints[i]);
	if (n > 0)
		err = meta_read_tokens(w->bucket, tokens, n, infos, errs);
	for (size_t i = 0; i < n; i++) {
		uint64_t seq = !err && errs[i] == -ENOENT ? 0 : UINT64_MAX;

		if (err < 0 || (errs[i] < 0 && errs[i] != -ENOENT && errs[i] != -EIO))
			overflow(w);
		has_removals = has_removals || (infos[i] && infos[i]->is_deleted);
		if (infos[i])
			seq = take_read(w, tokens[i], infos[i], limit_seq, names);
		is_settled = hints_settle(w, hints[i], seq) && is_settled;
	}
	/* What was not there yet may have been there when what is gone was removed. */
	names->has_moved_on = names->has_moved_on || (has_removals && !is_settled);
}

/* Lets announcements in, which in a cluster come another way than an answer. */
static void pause_a_moment(struct watch *w)
{
	uint64_t until = clock_deadline_ms(PAUSE_MS);

	LOCK_SCOPE(&w->lock);
	while (!w->is_stopping && cond_wait_until(&w->changed, &w->lock, until) != -ETIMEDOUT)
		;
}

void watch_read_on(struct watch *w, struct resolved *names)
{
	struct hint *hints[WATCH_RESOLVE_MAX];
	size_t n;

	for (int round = 0; names->has_moved_on && round < ROUNDS_MAX; round++) {
		names->has_moved_on = false;
		pause_a_moment(w);
		hints_begin_round(w);
		do {
			n = hints_take(w, true, hints);
			watch_read(w, hints, n, 0, names);
		} while (n == WATCH_RESOLVE_MAX);
	}
}
