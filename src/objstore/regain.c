/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages that the server lost to a roll-up of another client and a removal of natsobj.
 *
 * A roll-up before 2.12 counts the messages of a subject, and removes so many less one from the
 * oldest on (replaced.c). What natsobj removes between the two is one that the server then takes
 * from the other end: the newest message goes, which was acknowledged, and the subject is empty.
 * Removals keep away from names that others were seen to roll up, but a roll-up may meet one that
 * is under way. So the message that came with it is kept for a while, where natsobj removed
 * something a moment ago; if the leader then has nothing at all under the subject, it is stored
 * again, on condition that still nobody else has stored anything.
 *
 * Of several messages the last one counts that is known to be stored: another client's that expects
 * nothing, or our own that was acknowledged. Who purges a subject wants it to be empty, which
 * watch_audit.c hears.
 */
#include <string.h>
#include <strings.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/keys.h"
#include "util/clock.h"
#include "util/log.h"

/* How late the announcement of a roll-up may come after the removal it met. */
#define REACH_NS (30000 * (uint64_t)NS_PER_MS)
/* From the announcement to the looks at the leader: the roll-up is mostly over when it is
 * announced, but in a large bucket on a busy machine. */
#define FIRST_MS 50
#define AGAIN_MS 2000
/* If a subject was purged, word of that may be so much later than its effect. */
#define WORD_MS 100
/* At the end of a mount, so long for announcements of what met the last removals. */
#define LISTEN_MS 20
#define KEPT_MAX 1024
#define BYTES_MAX (4U << 20)
#define TRIES_MAX 3
#define CALL_MS 5000
#define HEADERS_MAX 24

struct kept {
	struct list link;
	natsMsg *msg;
	size_t size;
	uint64_t due_ns;
	uint64_t since_ns;
	unsigned int n_failed;
	bool is_again;
	bool is_forgotten; /* while it was looked at */
};

void regain_init(struct regain *g)
{
	list_init(&g->fresh);
	list_init(&g->again);
	list_init(&g->busy);
}

static void kept_free(struct kept *k)
{
	msg_free(k->msg);
	free(k);
}

static void drop(struct regain *g, struct kept *k)
{
	list_remove(&k->link);
	g->n--;
	g->bytes -= k->size;
	kept_free(k);
}

void regain_done(struct regain *g)
{
	while (!list_is_empty(&g->fresh))
		drop(g, list_entry(g->fresh.next, struct kept, link));
	while (!list_is_empty(&g->again))
		drop(g, list_entry(g->again.next, struct kept, link));
}

static uint64_t *slot(struct regain *g, const char *subject)
{
	return &g->removed_ns[hash_bytes(subject, strlen(subject)) % ARRAY_LEN(g->removed_ns)];
}

void regain_removing_locked(struct regain *g, const char *subject)
{
	g->last_ns = clock_now_ns();
	*slot(g, subject) = g->last_ns;
}

void regain_removing(struct bucket *b, const char *subject)
{
	LOCK_SCOPE(&b->janitor.lock);
	if (b->janitor.replaced.is_used && meta_token_in(b, subject))
		regain_removing_locked(&b->janitor.regain, subject);
}

static struct kept *find_in(struct list *queue, const char *subject)
{
	list_for_each (it, queue) {
		struct kept *k = list_entry(it, struct kept, link);

		if (strcmp(natsMsg_GetSubject(k->msg), subject) == 0)
			return k;
	}
	return NULL;
}

static struct kept *find(struct regain *g, const char *subject)
{
	struct kept *k = find_in(&g->fresh, subject);

	return k ? k : find_in(&g->again, subject);
}

/* The queues are in the order of due_ns, as each has a delay of its own. */
static void enqueue(struct regain *g, struct kept *k)
{
	k->due_ns = clock_deadline_ms(k->is_again ? AGAIN_MS : FIRST_MS);
	list_push_back(k->is_again ? &g->again : &g->fresh, &k->link);
	g->n++;
	g->bytes += k->size;
}

static bool keep(struct regain *g, natsMsg *msg)
{
	const char *subject = natsMsg_GetSubject(msg);
	size_t size = sizeof(struct kept) + strlen(subject) + (size_t)natsMsg_GetDataLength(msg);
	struct kept *k = find(g, subject);

	if (k)
		drop(g, k);
	if (g->n >= KEPT_MAX || g->bytes + size > BYTES_MAX)
		return false;
	k = malloc(sizeof(*k));
	if (!k)
		return false;
	*k = (struct kept){.msg = msg, .size = size, .since_ns = clock_now_ns()};
	enqueue(g, k);
	return true;
}

bool regain_saw_locked(struct regain *g, natsMsg *msg)
{
	uint64_t removed_ns = *slot(g, natsMsg_GetSubject(msg));

	if (removed_ns == 0 || clock_now_ns() - removed_ns > REACH_NS)
		return false;
	/* It may have been refused. */
	if (rpc_msg_header(msg, HEADER_EXPECTED_SEQ))
		return false;
	return keep(g, msg);
}

void regain_stored(struct bucket *b, const char *subject, const void *data, size_t len)
{
	struct janitor *j = &b->janitor;
	natsMsg *msg = NULL;

	LOCK_SCOPE(&j->lock);
	if (j->regain.n == 0 || !find(&j->regain, subject))
		return;
	if (natsMsg_Create(&msg, subject, NULL, data, (int)len) == NATS_OK &&
	    !keep(&j->regain, msg))
		msg_free(msg);
}

void regain_forget(struct bucket *b, const char *subject)
{
	struct janitor *j = &b->janitor;
	struct kept *k;

	LOCK_SCOPE(&j->lock);
	list_for_each (it, &j->regain.busy) {
		k = list_entry(it, struct kept, link);
		if (!subject || strcmp(natsMsg_GetSubject(k->msg), subject) == 0)
			k->is_forgotten = true;
	}
	if (!subject)
		regain_done(&j->regain);
	else if ((k = find(&j->regain, subject)))
		drop(&j->regain, k);
}

/* Out of its queue, for regain_check. */
static void set_busy(struct regain *g, struct kept *k)
{
	list_remove(&k->link);
	g->n--;
	g->bytes -= k->size;
	list_push_back(&g->busy, &k->link);
}

static struct kept *take_first(struct regain *g, struct list *queue, uint64_t until_ns,
			       uint64_t *ret_due_ns)
{
	struct kept *k;

	if (list_is_empty(queue))
		return NULL;
	k = list_entry(queue->next, struct kept, link);
	if (k->due_ns > until_ns) {
		*ret_due_ns = k->due_ns < *ret_due_ns ? k->due_ns : *ret_due_ns;
		return NULL;
	}
	set_busy(g, k);
	return k;
}

struct kept *regain_take_locked(struct regain *g, bool is_last, uint64_t *ret_due_ns)
{
	uint64_t now = clock_now_ns();
	struct kept *k;

	*ret_due_ns = UINT64_MAX;
	k = take_first(g, &g->fresh, now, ret_due_ns);
	return k ? k : take_first(g, &g->again, is_last ? UINT64_MAX : now, ret_due_ns);
}

/* Whether the leader has anything under the subject: 0 or -ENOENT, … */
static int look(struct bucket *b, const char *subject)
{
	_cleanup_buf_ struct buf body;

	buf_init(&body, 64 * 1024);
	stored_format_last(subject, &body);
	return api_call_once(b, b->janitor_link.rpc, "STREAM.MSG.GET", &body,
			     clock_deadline_ms(CALL_MS), NULL);
}

/* Those that are about its first way into the stream. */
static bool is_for_the_server(const char *key)
{
	return strcasecmp(key, HEADER_ROLLUP) == 0 || strcasecmp(key, HEADER_MSG_ID) == 0 ||
	       strncasecmp(key, "Nats-Expected-", 14) == 0;
}

/* Adds those of the message, which go on to belong to it. */
static int add_headers(natsMsg *msg, struct rpc_header *headers, size_t *n)
{
	_cleanup_free_ const char **keys = NULL;
	int n_keys = 0, err = 0;

	/* A block that cannot be understood counts as none. */
	if (natsMsgHeader_Keys(msg, &keys, &n_keys) != NATS_OK)
		return 0;
	for (int i = 0; !err && i < n_keys; i++) {
		_cleanup_free_ const char **values = NULL;
		int n_values = 0;

		if (is_for_the_server(keys[i]) ||
		    natsMsgHeader_Values(msg, keys[i], &values, &n_values) != NATS_OK)
			continue;
		for (int v = 0; !err && v < n_values; v++) {
			if (*n == HEADERS_MAX)
				err = -E2BIG;
			else if (values[v] && *values[v])
				headers[(*n)++] = (struct rpc_header){keys[i], values[v]};
		}
	}
	return err;
}

/* 0, or -ESTALE when somebody else has stored something. */
static int store_again(struct bucket *b, natsMsg *msg)
{
	struct rpc_header headers[HEADERS_MAX] = {
		{HEADER_EXPECTED_SEQ, "0"},
		{HEADER_EXPECTED_STREAM, b->stream},
	};
	struct rpc_request req = {
		.subject = natsMsg_GetSubject(msg),
		.headers = headers,
		.n_headers = 2,
		.data = natsMsg_GetData(msg),
		.len = (size_t)natsMsg_GetDataLength(msg),
		.deadline_ns = clock_deadline_ms(CALL_MS),
	};
	_cleanup_msg_ natsMsg *ack = NULL;
	bool was_sent;
	uint64_t seq;
	int err = add_headers(msg, headers, &req.n_headers);

	if (!err)
		err = rpc_call(b->janitor_link.rpc, &req, &ack, &was_sent);
	return err ? err : api_parse_ack(b, ack, &seq, NULL);
}

static void tell(struct bucket *b, natsMsg *msg, int err)
{
	const char *subject = natsMsg_GetSubject(msg);
	_cleanup_obj_info_ struct obj_info *info = NULL;
	const char *name = subject;

	if (meta_decode(b, subject, natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg), false,
			0, 0, &info) == 0)
		name = info->name;
	if (err)
		log_error("%s: %s was lost at the server, which had acknowledged it, and could not "
			  "be stored again: %s",
			  b->store.bucket, name, strerrordesc_np(-err));
	else
		log_warn("%s: %s was lost at the server, which had acknowledged it; stored again",
			 b->store.bucket, name);
}

/* Keeps it for another look or, if there is something newer, frees it. */
static void settle(struct bucket *b, struct kept *k, bool has_another)
{
	struct janitor *j = &b->janitor;

	LOCK_SCOPE(&j->lock);
	list_remove(&k->link);
	if (has_another && !find(&j->regain, natsMsg_GetSubject(k->msg))) {
		k->is_again = true;
		enqueue(&j->regain, k);
	} else {
		kept_free(k);
	}
	cond_broadcast(&j->changed);
}

/* Whether the subject may be empty because somebody wants it so; what others do while the
 * connection is lost is not known. */
static bool is_doubtful(struct bucket *b, const struct kept *k)
{
	bool is_up = rpc_is_up(b->control.rpc);

	/* Where nothing is to be stored, old messages may have made room for newer ones. */
	if (bucket_check_writable(b) < 0)
		return true;
	LOCK_SCOPE(&b->janitor.lock);
	return !is_up || k->is_forgotten || b->janitor.replaced.up_ns >= k->since_ns;
}

void regain_check(struct bucket *b, struct kept *k)
{
	int err = is_doubtful(b, k) ? -ESTALE : look(b, natsMsg_GetSubject(k->msg));
	bool is_lost = err == -ENOENT, has_another;

	if (is_lost)
		nats_Sleep(WORD_MS);
	if (is_lost)
		err = is_doubtful(b, k) ? -ESTALE : store_again(b, k->msg);
	if (err == -ESTALE || err == -ENODEV)
		has_another = false;
	else if (err)
		has_another = ++k->n_failed < TRIES_MAX;
	else
		has_another = !is_lost && !k->is_again;
	if (is_lost && err != -ESTALE && !has_another)
		tell(b, k->msg, err);
	settle(b, k, has_another);
}

bool regain_now(struct bucket *b, const char *subject)
{
	struct janitor *j = &b->janitor;
	bool is_known = false;
	struct kept *k;

	mutex_lock(&j->lock);
	k = find(&j->regain, subject);
	if (k)
		set_busy(&j->regain, k);
	while (!k && find_in(&j->regain.busy, subject)) {
		is_known = true;
		cond_wait(&j->changed, &j->lock);
	}
	mutex_unlock(&j->lock);
	if (k)
		regain_check(b, k);
	return k || is_known;
}

void regain_last(struct bucket *b, uint64_t deadline_ns)
{
	struct janitor *j = &b->janitor;

	for (;;) {
		uint64_t now = clock_now_ns(), due_ns, listen_ns;
		struct kept *k;

		mutex_lock(&j->lock);
		k = regain_take_locked(&j->regain, true, &due_ns);
		listen_ns =
			j->regain.last_ns ? j->regain.last_ns + LISTEN_MS * (uint64_t)NS_PER_MS : 0;
		mutex_unlock(&j->lock);
		if (listen_ns > now && listen_ns < due_ns)
			due_ns = listen_ns;
		if (k)
			regain_check(b, k);
		else if (due_ns < deadline_ns)
			nats_Sleep((int64_t)clock_left_ms(due_ns) + 1);
		else
			return;
		if (clock_now_ns() >= deadline_ns)
			return;
	}
}
