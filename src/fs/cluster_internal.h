/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_CLUSTER_INTERNAL_H
#define NATSOBJ_FS_CLUSTER_INTERNAL_H

/*
 * What the files cluster_*.c share. Nobody else includes it.
 *
 * One thread owns records, sessions and requests, and everything it has to know comes to it as a
 * message in the inbox: requests, cancellations, answers of the bucket, changes of others. So only
 * the inbox and what other threads may ask (the views) are locked.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "fs/cluster_lock.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/lock.h"

#define KEY_FILE "l."
#define KEY_SESSION "s."

enum message_kind { MESSAGE_OP, MESSAGE_CANCEL, MESSAGE_ANSWER, MESSAGE_ENTRY, MESSAGE_LOSS };

/* Embedded in what it is about. */
struct message {
	struct list link;
	enum message_kind kind;
};

/* One request to the bucket and its answer. */
struct call {
	struct message message;
	struct cluster_locks *cl;
	void (*run)(struct cluster_locks *cl, struct call *c); /* with the answer, on our thread */
	int err;
	uint64_t seq;
	char *value; /* owned */
	size_t len;
	bool is_busy;
	unsigned int n_losses; /* cl's, when it began */
};

/* A change that was pushed. */
struct entry {
	struct message message;
	char key[KV_KEY_MAX + 1];
	uint64_t seq;
	size_t len;
	char value[];
};

/* The bucket was lost. */
struct loss {
	struct message message;
	bool is_told; /* stands in the inbox; under cl->lock, as err */
	int err;      /* as of kv_listener.on_lost */
};

/* What the present round has found out about a request; it holds once the round's table is stored.
 */
enum verdict { VERDICT_NONE, VERDICT_GRANTED, VERDICT_WAITS, VERDICT_GIVEN_BACK, VERDICT_REFUSED };

struct lock_op {
	struct list link; /* in the record's ops */
	struct message message, cancellation;
	struct hash_node by_id; /* under cl->lock */
	uint64_t id;
	enum lock_op_kind kind;
	char key[LOCK_KEY_LEN + 1];
	char *name;
	struct lock_entry want;
	lock_done_fn done;
	void *arg;
	uint64_t deadline_ns;
	atomic_bool is_cancelled;
	bool is_queued; /* stands in the record among those who wait */
	enum verdict verdict;
	int err; /* of VERDICT_REFUSED */
	struct lock_entry conflict;
	bool has_conflict;
};

/* One file. */
struct record {
	struct list link; /* in cl->records */
	struct hash_node by_key;
	char key[LOCK_KEY_LEN + 1];
	char *name;
	/* The newest known. */
	uint64_t seq;
	struct lock_table table;
	bool is_unreadable;
	bool is_fresh;	 /* known from the leader, not just from the watch */
	bool must_read;	 /* what is known is known to be old */
	bool must_write; /* so that it does not expire */
	uint64_t stored_ns;
	/* This mount's part, as its programs believe it, and what of it was lost. */
	struct lock_table held, lost;
	struct list ops; /* in the order they came */
	struct call call;
	uint64_t asked_seq;	   /* seq when the call began */
	struct lock_table offered; /* what the call stores */
	uint64_t retry_ns;	   /* nothing before that */
};

/* Another mount's session. */
struct peer {
	struct hash_node by_id;
	struct list link; /* in cl->peers */
	char id[OBJ_NUID_LEN + 1];
	uint64_t seq; /* 0: never seen */
	uint64_t lease_ns;
	uint64_t seen_ns; /* when it changed last, by our clock */
	uint64_t retry_ns;
	bool is_dead;
	struct call call;
};

/* This mount's session. */
struct session {
	char id[OBJ_NUID_LEN + 1];
	uint64_t seq; /* 0: not stored yet */
	uint64_t sent_ns, next_ns;
	atomic_uint_fast64_t renewed_ns; /* 0: not stored yet; when the last success was sent */
	struct call call;
	char value[256];
};

struct cluster_locks {
	/* set before sharing */
	struct kv *kv;
	uint64_t lease_ns, timeout_ns, call_ms;
	char host[65];
	pthread_t thread;
	bool has_thread;

	struct mutex lock; /* leaf */
	struct cond wake;
	/* protected by lock */
	struct list inbox;
	size_t n_entries; /* changes in the inbox */
	struct loss loss;
	struct cond room;  /* for more of both */
	struct hash ops;   /* by id */
	struct cond idle;  /* there are none */
	struct hash views; /* files with locks of this mount */
	bool is_shut, is_stopping;
	atomic_size_t n_views;

	/* the thread's */
	struct list records, peers;
	struct hash by_key, by_peer;
	struct session session;
	bool has_changed; /* somebody new waits: look for circles */
	bool is_leaving;
	unsigned int n_losses; /* of the bucket: what is of before is void */
	bool is_missing;       /* there is no bucket */
	uint64_t give_ns;      /* no lock is given before that; 0: it is over */
};

/* ---- cluster_request.c ---- */

void cluster_post_locked(struct cluster_locks *cl, struct message *m);
/* Ends a request and frees it. */
void cluster_finish(struct cluster_locks *cl, struct lock_op *op, int err);
/* Tells the other threads what this mount has on a file. */
void cluster_show(struct cluster_locks *cl, const struct record *r);

/* ---- cluster_lock.c ---- */

/* Prepares a call for kv_get or kv_put, whose result goes to cluster_started. */
void cluster_call(struct cluster_locks *cl, struct call *c,
		  void (*run)(struct cluster_locks *cl, struct call *c));
/* For both; arg is the call. */
void cluster_answered(void *arg, int err, uint64_t seq, const void *value, size_t len);
/* A call that could not be started is answered with err. */
void cluster_started(struct call *c, int err);

/* ---- cluster_record.c ---- */

struct record *record_get(struct cluster_locks *cl, const char *key);
/* Takes a version of the record; older ones are ignored unless is_answer. */
void record_update(struct cluster_locks *cl, struct record *r, uint64_t seq, const void *value,
		   size_t len, bool is_answer);
/* Does what can be done for the record now; it may be gone afterwards. */
void record_work(struct cluster_locks *cl, struct record *r);
void record_add(struct cluster_locks *cl, struct lock_op *op);
void record_cancel(struct cluster_locks *cl, struct lock_op *op);
/* What depends on time; returns when to come again. */
uint64_t record_tick(struct cluster_locks *cl, struct record *r, uint64_t now_ns);
/* Nothing is known of what the bucket has. */
void record_forget(struct record *r);
/* This mount's session is over. */
void record_lose(struct cluster_locks *cl, struct record *r);
void record_free(struct cluster_locks *cl, struct record *r);
/* Ends waits that are circular. */
void records_break_circles(struct cluster_locks *cl);
/* A lock of this mount is lost: e moves from held to lost. */
void record_lose_one(struct cluster_locks *cl, struct record *r, const struct lock_entry *e);
/* The next request of the record, or the first; NULL at the end. */
static inline struct lock_op *op_next(struct record *r, struct lock_op *op)
{
	struct list *l = op ? op->link.next : r->ops.next;

	return l == &r->ops ? NULL : list_entry(l, struct lock_op, link);
}

/* ---- cluster_round.c ---- */

/* One round; true when another can follow at once. */
bool record_round(struct cluster_locks *cl, struct record *r);
/* Asks the leader; the answer makes the record work again. */
void record_read(struct cluster_locks *cl, struct record *r);
/* Finds the requests that wait and have, in t, what they wait for. */
void record_note_grants(struct record *r, const struct lock_table *t, const char *session);

/* ---- cluster_judge.c ---- */

bool op_gives_back(const struct lock_op *op);
/* Takes what the request gives back from mine, one of this mount's tables, and, unless that is
 * NULL, from t. */
int record_give_back(const struct lock_op *op, struct lock_table *mine, struct lock_table *t)
	MUST_CHECK;
/* Whether w, with t in the place of r's table, is the one of a circle that has to give up. */
bool record_is_circle(struct cluster_locks *cl, const struct record *r, const struct lock_table *t,
		      const struct lock_waiter *w);
/* Gives every request that has none a verdict, and makes t what comes of them. True when some have
 * to wait for the next round. */
bool record_judge(struct cluster_locks *cl, struct record *r, struct lock_table *t);

/* ---- cluster_session.c ---- */

void session_begin(struct cluster_locks *cl);
uint64_t session_tick(struct cluster_locks *cl, uint64_t now_ns);
/* A change of a session's key. */
void session_changed(struct cluster_locks *cl, const struct entry *e);
/* Deletes the session, so that nobody has to wait for its end. */
void session_leave(struct cluster_locks *cl);
/* This mount's begins anew, without the locks it had. */
void session_end(struct cluster_locks *cl);
/* Forgets what was seen of others. */
void peers_forget(struct cluster_locks *cl);
/* The longest lease that somebody who still renews it has. */
uint64_t peers_lease_ns(struct cluster_locks *cl);
/* Whether what is held may be used. */
bool session_is_good(struct cluster_locks *cl);
bool peer_is_dead(struct cluster_locks *cl, const char *id);
/* Whether a session other than ours should be looked at before it is believed; starts to do so. A
 * session that is well is due later: *ret_due_ns is lowered to that. */
bool peer_is_doubtful(struct cluster_locks *cl, const char *id, uint64_t now_ns,
		      uint64_t *ret_due_ns);
void peer_free(struct cluster_locks *cl, struct peer *p);

/* ---- cluster_loss.c ---- */

/* Tells the thread; of kv_listener. */
void cluster_on_lost(void *arg, int err);
void cluster_lost(struct cluster_locks *cl, struct loss *l);
/* No lock is given until others, who may believe to hold one, must know that it is lost. */
void cluster_pause(struct cluster_locks *cl);
/* Whether locks may be taken. */
bool cluster_may_give(struct cluster_locks *cl);
uint64_t cluster_pause_tick(struct cluster_locks *cl, uint64_t now_ns);
/* Whether an answer may be of the bucket that was lost. */
static inline bool call_is_void(const struct cluster_locks *cl, const struct call *c)
{
	return c->n_losses != cl->n_losses;
}

#endif
