/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Announcements: what a plain subscription to the metadata subjects sees beside the consumer.
 *
 * A consumer does not bring every message. Before 2.9.12 it silently skips some when a rollup or a
 * purge touches their subjects, and on every version a message that was replaced before its turn is
 * never delivered. The second is not only a matter of time: after a rename, the message of the new
 * name may be replaced while the removal of the old one is still to come, and whoever follows the
 * consumer alone sees neither name.
 *
 * The plain subscription and the consumer have the same order. So an event whose announcement is
 * not the oldest one outstanding tells of names that were skipped, and these are read at the
 * leader: all of them before a removal is delivered, otherwise those that no later event will
 * bring. What no event ever follows is read when it is due.
 *
 * The server announces a message before it stores it. So what is read may be older than what was
 * announced, and such a name is read again before removals, until its message is there or time is
 * over: whoever removes the old name after a rename does so when the new one was stored, and then
 * it is found.
 */
#include <string.h>

#include "objstore/watch_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

#define DELAY_OLD_MS 250
#define DELAY_MS 1000
#define HINTS_MAX 65536
/* How long a removal waits for its announcement, which in a cluster comes another way than the
 * event; and after how many that never came there is no waiting any more. */
#define AWAIT_MS 1000
#define UNANNOUNCED_MAX 3
/* How long a message may take from its announcement to its place in the stream, and how many of
 * such names are read again and again. */
#define UNSETTLED_MS 5000
#define UNSETTLED_MAX 256
/* The publish expects nothing. */
#define ANYTHING UINT64_MAX

struct hint {
	struct hash_node node;
	struct list link;
	uint64_t order;	     /* of the first announcement it stands for */
	uint64_t last_order; /* of the last one, which has the fingerprint */
	uint64_t due_ns;
	uint64_t fingerprint;
	uint64_t expected_seq; /* what is to be replaced; the newest, of several */
	uint64_t until_ns;     /* then it is stored, or never will be */
	uint64_t round;	       /* in which it was read last */
	bool is_unsettled;
	char token[];
};

void hints_init(struct hints *h)
{
	hash_init(&h->table);
	list_init(&h->pending);
	list_init(&h->unsettled);
}

static bool is_of(struct hash_node *n, const char *token, uint64_t hv)
{
	return n->hash == hv && strcmp(container_of(n, struct hint, node)->token, token) == 0;
}

/* The hint of this message or else, if the name has others, its oldest. */
static struct hint *find_locked(struct watch *w, const char *token, uint64_t hv, uint64_t print)
{
	struct hint *oldest = NULL;

	mutex_assert_held(&w->lock);
	hash_for_each (n, &w->hints.table, hv) {
		struct hint *h = container_of(n, struct hint, node);

		if (!is_of(n, token, hv))
			continue;
		if (h->fingerprint == print)
			return h;
		if (!oldest || h->order < oldest->order)
			oldest = h;
	}
	return oldest;
}

/* The newest hint of a name, and how many there are. */
static struct hint *newest_locked(struct watch *w, const char *token, uint64_t hv,
				  unsigned int *ret_n)
{
	struct hint *newest = NULL;

	*ret_n = 0;
	hash_for_each (n, &w->hints.table, hv) {
		struct hint *h = container_of(n, struct hint, node);

		if (!is_of(n, token, hv))
			continue;
		++*ret_n;
		if (!newest || h->order > newest->order)
			newest = h;
	}
	return newest;
}

static void take_locked(struct watch *w, struct hint *h)
{
	hash_remove(&w->hints.table, &h->node);
	list_remove(&h->link);
	w->hints.n_unsettled -= h->is_unsettled;
}

static void drop_locked(struct watch *w, struct hint *h)
{
	take_locked(w, h);
	free(h);
}

void hints_clear_locked(struct watch *w)
{
	while (!list_is_empty(&w->hints.pending))
		drop_locked(w, list_entry(w->hints.pending.next, struct hint, link));
	while (!list_is_empty(&w->hints.unsettled))
		drop_locked(w, list_entry(w->hints.unsettled.next, struct hint, link));
}

/* The part of a metadata subject after the prefix, or NULL. */
static const char *token_of(const struct watch *w, natsMsg *msg)
{
	const char *token = meta_token_in(w->bucket, natsMsg_GetSubject(msg));

	return token && *token ? token : NULL;
}

/* Tells messages apart; 0 is no message's. */
static uint64_t fingerprint(natsMsg *msg, uint64_t token_hash)
{
	uint64_t hv = hash_bytes(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));

	return (hv ^ token_hash * 31) | 1;
}

static void insert_locked(struct watch *w, const char *token, uint64_t hv, uint64_t print,
			  uint64_t expected_seq)
{
	unsigned int n;
	struct hint *h = newest_locked(w, token, hv, &n);

	/* The first and the last place count, and the last content: what is between need not be
	 * known. */
	if (n >= 2) {
		h->fingerprint = print;
		h->last_order = ++w->hints.n_announced;
		if (h->expected_seq == ANYTHING ||
		    (expected_seq != ANYTHING && expected_seq > h->expected_seq))
			h->expected_seq = expected_seq;
		h->until_ns = clock_deadline_ms(UNSETTLED_MS);
		return;
	}
	h = NULL;
	if (w->hints.table.count < HINTS_MAX)
		h = calloc(1, sizeof(*h) + strlen(token) + 1);
	if (!h || hash_insert(&w->hints.table, &h->node, hv) < 0) {
		free(h);
		w->feed.is_overflown = true;
		return;
	}
	strcpy(h->token, token);
	h->fingerprint = print;
	h->order = h->last_order = ++w->hints.n_announced;
	h->due_ns = clock_now_ns() + w->hints.delay_ns;
	h->expected_seq = expected_seq;
	h->until_ns = clock_deadline_ms(UNSETTLED_MS);
	list_push_back(&w->hints.pending, &h->link);
}

static uint64_t expected_seq(natsMsg *msg)
{
	const char *text = rpc_msg_header(msg, HEADER_EXPECTED_SEQ);
	uint64_t seq;

	return text && parse_u64(text, 10, 0, UINT64_MAX - 1, &seq) == 0 ? seq : ANYTHING;
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
	insert_locked(w, token, hv, print, expected_seq(msg));
	/* The thread may sleep for longer than until the first is due, or wait for this one. */
	if (hints_due_locked(w) < w->alarm_ns || w->hints.awaited == print)
		cond_broadcast(&w->changed);
}

void hints_put_back(struct watch *w, const char *token)
{
	LOCK_SCOPE(&w->lock);
	insert_locked(w, token, hash_bytes(token, strlen(token)), 0, ANYTHING);
}

uint64_t hints_due_locked(const struct watch *w)
{
	uint64_t due_ns = UINT64_MAX;

	mutex_assert_held(&w->lock);
	if (!list_is_empty(&w->hints.pending))
		due_ns = list_entry(w->hints.pending.next, struct hint, link)->due_ns;
	if (!list_is_empty(&w->hints.unsettled)) {
		const struct hint *h = list_entry(w->hints.unsettled.next, struct hint, link);

		due_ns = h->until_ns < due_ns ? h->until_ns : due_ns;
	}
	return due_ns;
}

void hints_begin_round(struct watch *w)
{
	LOCK_SCOPE(&w->lock);
	w->hints.round++;
}

/* Takes those unsettled hints that were announced before order and not read in this round, or, if
 * is_due, those whose time is over. */
static size_t take_unsettled_locked(struct watch *w, uint64_t order, bool is_due,
				    struct hint *ret[WATCH_RESOLVE_MAX], size_t n)
{
	uint64_t now = clock_now_ns();

	list_for_each_safe (it, &w->hints.unsettled) {
		struct hint *h = list_entry(it, struct hint, link);

		if (n == WATCH_RESOLVE_MAX)
			break;
		if (h->order >= order || h->round == w->hints.round ||
		    (is_due && h->until_ns > now))
			continue;
		take_locked(w, h);
		ret[n++] = h;
	}
	return n;
}

size_t hints_take(struct watch *w, bool is_all, struct hint *ret[WATCH_RESOLVE_MAX])
{
	uint64_t now = clock_now_ns();
	size_t n = 0;

	LOCK_SCOPE(&w->lock);
	while (n < WATCH_RESOLVE_MAX && !list_is_empty(&w->hints.pending)) {
		struct hint *h = list_entry(w->hints.pending.next, struct hint, link);

		if (!is_all && h->due_ns > now)
			break;
		take_locked(w, h);
		ret[n++] = h;
	}
	return take_unsettled_locked(w, UINT64_MAX, !is_all, ret, n);
}

const char *hint_token(const struct hint *h)
{
	return h->token;
}

/* Whether a name whose newest message is seq may yet get the one that was announced. */
static bool may_come(const struct hint *h, uint64_t seq)
{
	return h->expected_seq == ANYTHING ? seq == 0 : seq <= h->expected_seq;
}

bool hints_settle(struct watch *w, struct hint *h, uint64_t seq)
{
	LOCK_SCOPE(&w->lock);
	h->round = w->hints.round;
	h->is_unsettled = may_come(h, seq) && clock_now_ns() < h->until_ns &&
			  w->hints.n_unsettled < UNSETTLED_MAX &&
			  hash_insert(&w->hints.table, &h->node, h->node.hash) == 0;
	if (!h->is_unsettled) {
		free(h);
		return true;
	}
	w->hints.n_unsettled++;
	list_push_back(&w->hints.unsettled, &h->link);
	return false;
}

void hints_resolve(struct watch *w, bool is_all)
{
	struct resolved names = RESOLVED_INITIALIZER(names);
	struct hint *hints[WATCH_RESOLVE_MAX];
	size_t n;

	hints_begin_round(w);
	do {
		n = hints_take(w, is_all, hints);
		watch_read(w, hints, n, 0, &names);
	} while (n == WATCH_RESOLVE_MAX);
	watch_read_on(w, &names);
	watch_deliver_removals(w, &names);
}

/* Takes hints before order: all, or those that have no later one. */
static size_t take_skipped_locked(struct watch *w, uint64_t order, bool is_all,
				  struct hint *ret[WATCH_RESOLVE_MAX])
{
	size_t n = 0, n_seen = 0;

	list_for_each_safe (it, &w->hints.pending) {
		struct hint *h = list_entry(it, struct hint, link);
		unsigned int n_hints;

		if (h->order >= order || n == WATCH_RESOLVE_MAX ||
		    (!is_all && n_seen++ == WATCH_RESOLVE_MAX))
			break;
		(void)newest_locked(w, h->token, h->node.hash, &n_hints);
		if (!is_all && n_hints > 1)
			continue;
		take_locked(w, h);
		ret[n++] = h;
	}
	return is_all ? take_unsettled_locked(w, order, false, ret, n) : n;
}

/* Waits a moment for the announcement of an event that has come. */
static struct hint *await_locked(struct watch *w, const char *token, uint64_t hv, uint64_t print)
{
	uint64_t deadline = clock_deadline_ms(AWAIT_MS);
	struct hint *h = NULL;
	int err = 0;

	if (w->hints.n_unannounced >= UNANNOUNCED_MAX)
		return NULL;
	w->hints.awaited = print;
	while (!err && !w->is_stopping && !(h = find_locked(w, token, hv, print)))
		err = cond_wait_until(&w->changed, &w->lock, deadline);
	w->hints.awaited = 0;
	w->hints.n_unannounced = h ? 0 : w->hints.n_unannounced + 1;
	return h;
}

/* Drops the hints of one name up to order. */
static void drop_until_locked(struct watch *w, const char *token, uint64_t hv, uint64_t order)
{
	struct hint *h;

	while ((h = find_locked(w, token, hv, 0)) && h->order <= order)
		drop_locked(w, h);
}

/* The place of an event among the announcements, 0 when it has none; its name's hints up to there
 * are met. */
static uint64_t meet_locked(struct watch *w, const char *token, uint64_t hv, uint64_t print,
			    bool is_removal)
{
	struct hint *h = find_locked(w, token, hv, print);
	uint64_t order;

	if (h)
		w->hints.n_unannounced = 0;
	else if (is_removal)
		h = await_locked(w, token, hv, print);
	if (!h) {
		w->hints.recent[print / 2 % RECENT_EVENTS] = print;
		return 0;
	}
	/* Another message's: that of this event was read ahead of it, or replaced by a later one's.
	 */
	if (h->fingerprint != print)
		return h->order;
	order = h->last_order;
	drop_until_locked(w, token, hv, h->order);
	return order;
}

/* During a listing of millions nothing is announced that the events at hand would have to meet. */
static bool has_none(struct watch *w, uint64_t seq)
{
	LOCK_SCOPE(&w->lock);
	return seq <= w->listed_seq && w->hints.table.count == 0;
}

void hints_meet(struct watch *w, natsMsg *msg, uint64_t seq, bool is_removal,
		struct resolved *names)
{
	const char *token = token_of(w, msg);
	struct hint *hints[WATCH_RESOLVE_MAX];
	uint64_t hv, order;
	size_t n;

	if (!token || has_none(w, seq))
		return;
	hv = hash_bytes(token, strlen(token));
	mutex_lock(&w->lock);
	order = meet_locked(w, token, hv, fingerprint(msg, hv), is_removal && seq > w->listed_seq);
	w->hints.round++;
	mutex_unlock(&w->lock);
	do {
		mutex_lock(&w->lock);
		n = take_skipped_locked(w, order, is_removal, hints);
		mutex_unlock(&w->lock);
		/* Before another event not all that was announced is read. */
		watch_read(w, hints, n, is_removal ? seq : 0, names);
	} while (n == WATCH_RESOLVE_MAX);
	watch_read_on(w, names);
}
