/* SPDX-License-Identifier: Apache-2.0 */
/* Names that no event has brought are read at the leader, and delivered ahead of their events. */
#include <string.h>

#include "objstore/watch_internal.h"
#include "util/clock.h"

/* How often names that move on and on are followed at a time, with a pause before each. */
#define ROUNDS_MAX 8
#define PAUSE_MS 2

static void overflow(struct watch *w)
{
	LOCK_SCOPE(&w->lock);
	w->is_overflown = true;
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

static void deliver_removals(struct watch *w, struct list *removals)
{
	struct list *l;

	while ((l = list_pop_front(removals))) {
		struct removal *r = list_entry(l, struct removal, link);

		deliver_ahead(w, r->token, r->info);
		free(r);
	}
}

/* Reads names, delivers those that exist and defers the others. True when one of these was removed
 * after limit_seq. */
static bool read_names(struct watch *w, char *const *tokens, size_t n, uint64_t limit_seq,
		       struct list *removals)
{
	struct obj_info *infos[WATCH_RESOLVE_MAX] = {NULL};
	int errs[WATCH_RESOLVE_MAX] = {0};
	bool is_later = false;
	int err;

	err = meta_read_tokens(w->bucket, (const char *const *)tokens, n, infos, errs);
	for (size_t i = 0; i < n; i++) {
		if (err < 0 || (errs[i] < 0 && errs[i] != -ENOENT && errs[i] != -EIO))
			overflow(w);
		if (!infos[i])
			continue;
		if (!infos[i]->is_deleted) {
			deliver_ahead(w, tokens[i], infos[i]);
			continue;
		}
		is_later = is_later || infos[i]->seq > limit_seq;
		defer(w, tokens[i], infos[i], removals);
	}
	return is_later;
}

static void free_tokens(char **tokens, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(tokens[i]);
}

/* Lets the announcements in that were received before an answer, but by another thread. */
static void pause_a_moment(struct watch *w)
{
	uint64_t until = clock_deadline_ms(PAUSE_MS);

	LOCK_SCOPE(&w->lock);
	while (!w->is_stopping && cond_wait_until(&w->changed, &w->lock, until) != -ETIMEDOUT)
		;
}

void watch_resolve(struct watch *w, char **tokens, size_t n, uint64_t limit_seq)
{
	struct list removals = LIST_INITIALIZER(removals);

	for (int round = 0; n > 0; round++) {
		bool is_later = read_names(w, tokens, n, limit_seq, &removals);

		free_tokens(tokens, n);
		if (!is_later || round == ROUNDS_MAX)
			break;
		pause_a_moment(w);
		n = hints_take(w, true, tokens);
	}
	deliver_removals(w, &removals);
}
