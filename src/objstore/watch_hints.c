/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Before 2.9.12 a consumer silently skips events when a rollup or a purge touches their subjects.
 * So a plain subscription runs beside it. Each message there is a hint: if the consumer does not
 * bring the same bytes under the same subject in time, the subject is read at the leader.
 *
 * What was read is newer than everything delivered so far. Events that the consumer brings later,
 * but that are older, are dropped; w->ahead knows the names for as long as that is possible.
 */
#include <string.h>

#include "objstore/watch_internal.h"
#include "util/clock.h"
#include "util/log.h"

#define DELAY_OLD_MS 250
#define DELAY_MS 1000
#define HINTS_MAX 65536
/* Read at the leader at a time. */
#define RESOLVE_MAX 128

struct hint {
	struct hash_node node;
	struct list link;
	uint64_t due_ns;
	uint64_t fingerprint;
	char token[];
};

struct ahead {
	struct hash_node node;
	uint64_t seq;
	char token[];
};

void hints_init(struct hints *h)
{
	hash_init(&h->table);
	list_init(&h->due);
}

static struct hint *find_locked(struct watch *w, const char *token, uint64_t hv)
{
	mutex_assert_held(&w->lock);
	hash_for_each (n, &w->hints.table, hv) {
		struct hint *h = container_of(n, struct hint, node);

		if (n->hash == hv && strcmp(h->token, token) == 0)
			return h;
	}
	return NULL;
}

static void drop_locked(struct watch *w, struct hint *h)
{
	hash_remove(&w->hints.table, &h->node);
	list_remove(&h->link);
	free(h);
}

void hints_clear_locked(struct watch *w)
{
	while (!list_is_empty(&w->hints.due))
		drop_locked(w, list_entry(w->hints.due.next, struct hint, link));
}

/* The part of a metadata subject after the prefix, or NULL. */
static const char *token_of(const struct watch *w, natsMsg *msg)
{
	const char *subject = natsMsg_GetSubject(msg);
	size_t len = strlen(w->bucket->meta_prefix);

	return strncmp(subject, w->bucket->meta_prefix, len) == 0 && subject[len] ? subject + len
										  : NULL;
}

/* Tells messages apart; 0 is no message's. */
static uint64_t fingerprint(natsMsg *msg, uint64_t token_hash)
{
	uint64_t hv = hash_bytes(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));

	return (hv ^ token_hash * 31) | 1;
}

static void insert_locked(struct watch *w, const char *token, uint64_t hv, uint64_t print)
{
	struct hint *h = find_locked(w, token, hv);

	if (!h && w->hints.table.count >= HINTS_MAX) {
		w->is_overflown = true;
		return;
	}
	if (!h) {
		h = calloc(1, sizeof(*h) + strlen(token) + 1);
		if (!h || hash_insert(&w->hints.table, &h->node, hv) < 0) {
			free(h);
			w->is_overflown = true;
			return;
		}
		strcpy(h->token, token);
		list_init(&h->link);
	}
	h->fingerprint = print;
	h->due_ns = clock_now_ns() + w->hints.delay_ns;
	list_remove(&h->link);
	list_push_back(&w->hints.due, &h->link);
}

void hints_add(struct watch *w, natsMsg *msg)
{
	const char *token = token_of(w, msg);
	uint64_t hv, print;

	if (!token)
		return;
	hv = hash_bytes(token, strlen(token));
	print = fingerprint(msg, hv);
	LOCK_SCOPE(&w->lock);
	if (w->hints.delay_ns == 0)
		w->hints.delay_ns =
			(w->bucket->version >= SERVER_VERSION(2, 9, 12) ? (uint64_t)DELAY_MS
									: (uint64_t)DELAY_OLD_MS) *
			(uint64_t)NS_PER_MS;
	/* The event may be the faster of the two. */
	if (w->hints.recent[print / 2 % RECENT_EVENTS] == print)
		return;
	insert_locked(w, token, hv, print);
	/* The thread sleeps until the first is due. */
	if (w->hints.table.count == 1)
		cond_signal(&w->changed);
}

void hints_meet(struct watch *w, natsMsg *msg)
{
	const char *token = token_of(w, msg);
	uint64_t hv, print;
	struct hint *h;

	if (!token)
		return;
	hv = hash_bytes(token, strlen(token));
	print = fingerprint(msg, hv);
	LOCK_SCOPE(&w->lock);
	w->hints.recent[print / 2 % RECENT_EVENTS] = print;
	h = find_locked(w, token, hv);
	if (h && h->fingerprint == print)
		drop_locked(w, h);
}

uint64_t hints_due_locked(const struct watch *w)
{
	mutex_assert_held(&w->lock);
	if (list_is_empty(&w->hints.due))
		return UINT64_MAX;
	return list_entry(w->hints.due.next, struct hint, link)->due_ns;
}

static struct ahead *find_ahead(struct watch *w, const char *token, uint64_t hv)
{
	hash_for_each (n, &w->ahead, hv) {
		struct ahead *a = container_of(n, struct ahead, node);

		if (n->hash == hv && strcmp(a->token, token) == 0)
			return a;
	}
	return NULL;
}

void hints_forget_ahead(struct watch *w)
{
	for (size_t i = 0; i < w->ahead.n_buckets; i++) {
		while (w->ahead.buckets[i]) {
			struct hash_node *n = w->ahead.buckets[i];

			hash_remove(&w->ahead, n);
			free(container_of(n, struct ahead, node));
		}
	}
	w->ahead_max_seq = 0;
}

/* False without memory: then only a new listing keeps the order. */
static bool note_ahead(struct watch *w, const char *token, uint64_t seq)
{
	uint64_t hv = hash_bytes(token, strlen(token));
	struct ahead *a = find_ahead(w, token, hv);

	if (!a) {
		a = calloc(1, sizeof(*a) + strlen(token) + 1);
		if (!a || hash_insert(&w->ahead, &a->node, hv) < 0) {
			free(a);
			return false;
		}
		strcpy(a->token, token);
	}
	a->seq = seq;
	if (seq > w->ahead_max_seq)
		w->ahead_max_seq = seq;
	return true;
}

bool hints_is_old(struct watch *w, const char *token, uint64_t seq)
{
	struct ahead *a;

	if (w->ahead_max_seq == 0)
		return false;
	a = find_ahead(w, token, hash_bytes(token, strlen(token)));
	if (a && seq < a->seq)
		return true;
	/* The consumer has caught up. */
	if (seq >= w->ahead_max_seq)
		hints_forget_ahead(w);
	return false;
}

/* Takes tokens of due hints from the table. */
static size_t take_due(struct watch *w, bool is_all, char *ret[RESOLVE_MAX])
{
	uint64_t now = clock_now_ns();
	size_t n = 0;

	LOCK_SCOPE(&w->lock);
	while (n < RESOLVE_MAX && !list_is_empty(&w->hints.due)) {
		struct hint *h = list_entry(w->hints.due.next, struct hint, link);

		if (!is_all && h->due_ns > now)
			break;
		ret[n] = strdup(h->token);
		if (!ret[n]) {
			w->is_overflown = true;
			break;
		}
		n++;
		drop_locked(w, h);
	}
	return n;
}

static void overflow(struct watch *w)
{
	LOCK_SCOPE(&w->lock);
	w->is_overflown = true;
}

static void resolve(struct watch *w, char *const *tokens, size_t n)
{
	struct obj_info *infos[RESOLVE_MAX] = {NULL};
	int errs[RESOLVE_MAX] = {0};
	int err;

	err = meta_read_tokens(w->bucket, (const char *const *)tokens, n, infos, errs);
	for (size_t i = 0; i < n; i++) {
		if (!err && errs[i] == 0) {
			if (!note_ahead(w, tokens[i], infos[i]->seq))
				overflow(w);
			watch_deliver(w, infos[i]);
		} else if (err < 0 || (errs[i] != -ENOENT && errs[i] != -EIO)) {
			overflow(w);
		}
	}
}

void hints_resolve(struct watch *w, bool is_all)
{
	char *tokens[RESOLVE_MAX];
	size_t n;

	do {
		n = take_due(w, is_all, tokens);
		if (n > 0)
			resolve(w, tokens, n);
		for (size_t i = 0; i < n; i++)
			free(tokens[i]);
	} while (n == RESOLVE_MAX);
}
