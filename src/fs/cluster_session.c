/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Sessions: this mount's, which is renewed, and those of others, which are believed for a lease
 * after they changed and then, when somebody wants what they hold, ended.
 *
 * A session's key is replaced by compare-and-set only. So either its owner renews it or somebody
 * ends it, never both, and each learns of the other.
 */

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cluster_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

#define HEAD "natsobj-session 1 "
/* What another session may claim for itself. */
#define LEASE_MIN_MS 500
#define LEASE_MAX_MS (24 * 3600 * 1000)
#define RETRY_NS (NS_PER_SEC / 4)

static void session_key(const char *id, char ret[KV_KEY_MAX + 1])
{
	snprintf(ret, KV_KEY_MAX + 1, "%s%s", KEY_SESSION, id);
}

/* ---- this mount's ---- */

static void ask_session(struct cluster_locks *cl);

static void new_session(struct cluster_locks *cl)
{
	struct session *s = &cl->session;

	obj_nuid_new(s->id);
	s->seq = 0;
	s->next_ns = 0;
	atomic_store(&s->renewed_ns, 0);
	snprintf(s->value, sizeof(s->value), HEAD "%" PRIu64 " %s %ld\n",
		 cl->lease_ns / (uint64_t)NS_PER_MS, cl->host[0] ? cl->host : "-", (long)getpid());
}

void session_begin(struct cluster_locks *cl)
{
	new_session(cl);
}

bool session_is_good(struct cluster_locks *cl)
{
	uint64_t renewed = atomic_load(&cl->session.renewed_ns);

	return renewed > 0 && clock_now_ns() - renewed < cl->lease_ns / 3 * 2;
}

static void work_all(struct cluster_locks *cl)
{
	list_for_each_safe (it, &cl->records)
		record_work(cl, list_entry(it, struct record, link));
}

static struct peer *peer_get(struct cluster_locks *cl, const char *id);

/* What it left in records is a dead one's. */
void session_end(struct cluster_locks *cl)
{
	struct peer *old = peer_get(cl, cl->session.id);

	if (old)
		old->is_dead = true;
	new_session(cl);
	list_for_each_safe (it, &cl->records)
		record_lose(cl, list_entry(it, struct record, link));
}

/* Somebody ended the session, or the bucket forgot it, and then maybe those of others too. */
static void session_lost(struct cluster_locks *cl, bool is_forgotten)
{
	log_warn("%s: the session of this mount was ended: locks held until now are lost",
		 cl->kv->bucket);
	if (is_forgotten)
		cluster_pause(cl);
	session_end(cl);
}

static void on_renewed(struct cluster_locks *cl, struct call *c)
{
	struct session *s = &cl->session;
	uint64_t pause =
		(uint64_t)RETRY_NS < cl->lease_ns / 12 ? (uint64_t)RETRY_NS : cl->lease_ns / 12;
	bool was_good = session_is_good(cl);

	if (cl->is_leaving)
		return;
	switch (c->err) {
	case 0:
		s->seq = c->seq;
		atomic_store(&s->renewed_ns, s->sent_ns);
		s->next_ns = s->sent_ns + cl->lease_ns / 3;
		if (!was_good)
			work_all(cl);
		break;
	case -ESTALE:
		ask_session(cl);
		break;
	default:
		s->next_ns = clock_now_ns() + pause;
		break;
	}
}

/* Something else is there: our own, of which we had no answer, or nothing. */
static void on_asked(struct cluster_locks *cl, struct call *c)
{
	struct session *s = &cl->session;

	if (cl->is_leaving)
		return;
	s->next_ns = c->err ? clock_now_ns() + RETRY_NS : 0;
	if (c->err)
		return;
	if (c->len == strlen(s->value) && memcmp(c->value, s->value, c->len) == 0)
		s->seq = c->seq;
	else if (s->seq > 0 || c->seq > 0)
		session_lost(cl, c->seq == 0);
}

static void run_asked(struct cluster_locks *cl, struct call *c)
{
	on_asked(cl, c);
	free(c->value);
	c->value = NULL;
}

static void ask_session(struct cluster_locks *cl)
{
	char key[KV_KEY_MAX + 1];

	session_key(cl->session.id, key);
	cluster_call(cl, &cl->session.call, run_asked);
	cluster_started(&cl->session.call,
			kv_get(cl->kv, key, cl->call_ms, cluster_answered, &cl->session.call));
}

uint64_t session_tick(struct cluster_locks *cl, uint64_t now_ns)
{
	struct session *s = &cl->session;
	char key[KV_KEY_MAX + 1];

	if (s->call.is_busy || cl->is_missing)
		return UINT64_MAX;
	if (now_ns < s->next_ns)
		return s->next_ns;
	session_key(s->id, key);
	s->sent_ns = now_ns;
	cluster_call(cl, &s->call, on_renewed);
	cluster_started(&s->call, kv_put(cl->kv, key, s->value, strlen(s->value), s->seq,
					 cl->call_ms, cluster_answered, &s->call));
	return UINT64_MAX;
}

void session_leave(struct cluster_locks *cl)
{
	struct session *s = &cl->session;
	char key[KV_KEY_MAX + 1];

	if (s->seq == 0)
		return;
	session_key(s->id, key);
	cluster_call(cl, &s->call, on_renewed);
	cluster_started(&s->call, kv_put(cl->kv, key, NULL, 0, s->seq, cl->call_ms,
					 cluster_answered, &s->call));
}

/* ---- those of others ---- */

static struct peer *peer_get(struct cluster_locks *cl, const char *id)
{
	uint64_t h = hash_bytes(id, strlen(id));
	struct peer *p;

	hash_for_each (it, &cl->by_peer, h) {
		p = container_of(it, struct peer, by_id);
		if (it->hash == h && strcmp(p->id, id) == 0)
			return p;
	}
	p = calloc(1, sizeof(*p));
	if (!p || hash_insert(&cl->by_peer, &p->by_id, h) < 0) {
		free(p);
		return NULL;
	}
	snprintf(p->id, sizeof(p->id), "%s", id);
	list_push_back(&cl->peers, &p->link);
	return p;
}

void peer_free(struct cluster_locks *cl, struct peer *p)
{
	hash_remove(&cl->by_peer, &p->by_id);
	list_remove(&p->link);
	free(p);
}

void peers_forget(struct cluster_locks *cl)
{
	list_for_each (it, &cl->peers) {
		struct peer *p = list_entry(it, struct peer, link);

		p->seq = 0;
		p->retry_ns = 0;
	}
}

uint64_t peers_lease_ns(struct cluster_locks *cl)
{
	uint64_t now = clock_now_ns(), longest = cl->lease_ns;

	list_for_each (it, &cl->peers) {
		const struct peer *p = list_entry(it, struct peer, link);

		if (p->seq > 0 && !p->is_dead && now - p->seen_ns < p->lease_ns &&
		    p->lease_ns > longest)
			longest = p->lease_ns;
	}
	return longest;
}

static uint64_t parse_lease(const char *value, size_t len, uint64_t otherwise)
{
	char text[32] = "";
	uint64_t ms;

	if (len > strlen(HEAD) && memcmp(value, HEAD, strlen(HEAD)) == 0)
		for (size_t i = strlen(HEAD), n = 0;
		     i < len && value[i] != ' ' && n < sizeof(text) - 1; i++, n++)
			text[n] = value[i];
	return parse_u64(text, 10, LEASE_MIN_MS, LEASE_MAX_MS, &ms) < 0 ? otherwise
									: ms * (uint64_t)NS_PER_MS;
}

static void peer_update(struct cluster_locks *cl, struct peer *p, uint64_t seq, const char *value,
			size_t len)
{
	if (len == 0) {
		p->is_dead = true;
	} else if (seq > p->seq) {
		p->seen_ns = clock_now_ns();
		p->lease_ns = parse_lease(value, len, cl->lease_ns);
	}
	p->seq = seq;
}

void session_changed(struct cluster_locks *cl, const struct entry *e)
{
	const char *id = e->key + strlen(KEY_SESSION);
	struct peer *p;
	bool was_dead;

	if (strlen(id) != OBJ_NUID_LEN)
		return;
	if (strcmp(id, cl->session.id) == 0) {
		/* Ended while it lives: the next renewal finds out what that means. */
		if (e->len == 0 && !cl->session.call.is_busy)
			cl->session.next_ns = 0;
		return;
	}
	p = peer_get(cl, id);
	if (!p || e->seq <= p->seq)
		return;
	was_dead = p->is_dead;
	peer_update(cl, p, e->seq, e->value, e->len);
	if (p->is_dead && !was_dead)
		work_all(cl);
}

bool peer_is_dead(struct cluster_locks *cl, const char *id)
{
	const struct peer *p;

	if (strcmp(id, cl->session.id) == 0)
		return false;
	p = peer_get(cl, id);
	return p && p->is_dead;
}

static void run_peer_asked(struct cluster_locks *cl, struct call *c)
{
	struct peer *p = container_of(c, struct peer, call);

	if (c->err)
		p->retry_ns = clock_now_ns() + RETRY_NS;
	else
		peer_update(cl, p, c->seq, c->value, c->len);
	free(c->value);
	c->value = NULL;
	if (!cl->is_leaving)
		work_all(cl);
}

static void ask_peer(struct cluster_locks *cl, struct peer *p)
{
	char key[KV_KEY_MAX + 1];

	session_key(p->id, key);
	cluster_call(cl, &p->call, run_peer_asked);
	cluster_started(&p->call, kv_get(cl->kv, key, cl->call_ms, cluster_answered, &p->call));
}

static void run_peer_ended(struct cluster_locks *cl, struct call *c)
{
	struct peer *p = container_of(c, struct peer, call);

	if (cl->is_leaving)
		return;
	if (c->err == 0) {
		log_warn("%s: session %s did not renew its lease: its locks are free",
			 cl->kv->bucket, p->id);
		p->is_dead = true;
		p->seq = c->seq;
		work_all(cl);
	} else if (c->err == -ESTALE) {
		ask_peer(cl, p);
	} else {
		p->retry_ns = clock_now_ns() + RETRY_NS;
	}
}

bool peer_is_doubtful(struct cluster_locks *cl, const char *id, uint64_t now_ns,
		      uint64_t *ret_due_ns)
{
	char key[KV_KEY_MAX + 1];
	struct peer *p;
	uint64_t end_ns;

	if (strcmp(id, cl->session.id) == 0)
		return false;
	p = peer_get(cl, id);
	if (!p || p->is_dead || p->call.is_busy)
		return p && p->call.is_busy;
	end_ns = p->seen_ns + p->lease_ns;
	if (p->seq > 0 && now_ns < end_ns) {
		*ret_due_ns = end_ns < *ret_due_ns ? end_ns : *ret_due_ns;
		return false;
	}
	if (now_ns < p->retry_ns) {
		*ret_due_ns = p->retry_ns < *ret_due_ns ? p->retry_ns : *ret_due_ns;
		return true;
	}
	if (p->seq == 0) {
		ask_peer(cl, p);
		return true;
	}
	session_key(p->id, key);
	cluster_call(cl, &p->call, run_peer_ended);
	cluster_started(&p->call, kv_put(cl->kv, key, NULL, 0, p->seq, cl->call_ms,
					 cluster_answered, &p->call));
	return true;
}
