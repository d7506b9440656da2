/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_WATCH_INTERNAL_H
#define NATSOBJ_OBJSTORE_WATCH_INTERNAL_H

/* What watch.c and watch_hints.c share. Nobody else includes it. */

#include "objstore/bucket_internal.h"

/* Fingerprints of the newest consumer events. */
#define RECENT_EVENTS 1024

/* Metadata subjects that were seen published and have to be met by a consumer event. */
struct hints {
	/* protected by watch.lock */
	struct hash table;
	struct list due; /* the earliest first */
	uint64_t delay_ns;
	uint64_t recent[RECENT_EVENTS];
};

struct watch_event {
	struct list link;
	enum push_kind kind;
	natsMsg *msg;
	struct push_meta meta;
};

struct watch {
	struct bucket *bucket;
	struct watch_listener listener;
	pthread_t thread;
	bool has_thread;

	struct mutex lock;
	struct cond changed;
	/* protected by lock */
	struct list queue; /* of events */
	size_t n_queued;
	bool is_overflown; /* too many events or hints: the listing is read anew */
	bool is_lost;	   /* the consumer is gone with its connection */
	bool is_stopping;
	bool is_loaded; /* once: the first listing was delivered, or failed */
	int first_err;
	struct hints hints;

	/* the watch thread's */
	struct push_consumer consumer;
	uint64_t consumer_seq; /* of the newest event */
	uint64_t received;
	unsigned int n_idle,
		n_behind; /* heartbeats in a row that agree with consumer_seq, or not */
	uint64_t heard_ns;
	uint64_t asked_ns; /* when the stream was last looked at for lack of heartbeats */
	int64_t created_ns;
	uint64_t max_seq;  /* ever delivered */
	bool is_connected; /* as the listener knows */
	/* Names read at the leader ahead of their events, by token: older events are not news. */
	struct hash ahead;
	uint64_t ahead_max_seq;
};

/* ---- watch_hints.c ---- */

void hints_init(struct hints *h);
void hints_clear_locked(struct watch *w);
/* A plain message was seen: notes it, unless its event has come already. */
void hints_add(struct watch *w, natsMsg *msg);
/* An event was received: it meets its hint. */
void hints_meet(struct watch *w, natsMsg *msg);
/* When the next hint is due; UINT64_MAX: none. */
uint64_t hints_due_locked(const struct watch *w);
/* Reads at the leader what is due (or everything) and delivers it. Watch thread; waits. */
void hints_resolve(struct watch *w, bool is_all);
/* True when an event is older than what was read ahead. Watch thread. */
bool hints_is_old(struct watch *w, const char *token, uint64_t seq);
void hints_forget_ahead(struct watch *w);

/* ---- watch.c ---- */
/* Gives info to the listener. Watch thread. */
void watch_deliver(struct watch *w, struct obj_info *info);

#endif
