/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_GET_INTERNAL_H
#define NATSOBJ_OBJSTORE_GET_INTERNAL_H

/* What get.c, get_index.c and fetch.c share. Nobody else includes it. */

#include "objstore/bucket_internal.h"
#include "objstore/chunk_index.h"
#include "objstore/chunk_msg.h"

enum index_state {
	INDEX_NONE,
	INDEX_ASKED,   /* first and last message are under way */
	INDEX_LISTING, /* all messages are listed */
	INDEX_READY,
	INDEX_BAD, /* for good: index_err */
};

struct get;

/* The headers of all messages of one content. */
struct listing {
	struct list link; /* in parked.listings or parked.waiting */
	struct push_consumer consumer;
	struct get *get;     /* a reference */
	bool is_over;	     /* protected by get->lock */
	uint64_t received;   /* messages; protected by get->lock */
	unsigned int n_idle; /* heartbeats since the last message; protected by get->lock */
};

struct get {
	struct store_get pub; /* first */
	struct bucket *bucket;
	atomic_uint refs;
	/* set before sharing */
	char *subject;
	uint32_t max_chunk_size;

	struct mutex lock;
	struct cond changed;
	/* protected by lock */
	enum index_state state;
	int index_err;		 /* of INDEX_BAD, or the last passing one */
	unsigned int n_failures; /* passing ones, for those who wait */
	struct chunk_index index;
	struct chunk *first, *last; /* not yet handed out */
	uint64_t first_seq, last_seq;
	struct listing *listing; /* the newest; only compared */
	unsigned int n_asked;	 /* of the two ends, not yet answered */
	int ask_err;
	bool is_closed;
};

/*
 * One request for a chunk message; it is repeated until there is an answer or its time is over, and
 * ends exactly once, on any thread but never in fetch_start. err 0: chunk is the callee's.
 */
struct fetch {
	struct list link; /* in parked.fetches */
	struct get *get;  /* a reference */
	enum chunk_which which;
	uint32_t idx;
	uint64_t seq;	      /* CHUNK_BY_SEQ: wanted */
	bool is_leader;	      /* MSG.GET instead of a direct get */
	uint64_t deadline_ns; /* of the whole operation */
	uint64_t not_before_ns;
	void (*done)(struct fetch *f, struct chunk *chunk, uint64_t seq, int err);
	get_chunk_fn fn;
	void *arg;
};

/* ---- get.c ---- */
void get_unref(struct get *g);

/* ---- fetch.c ---- */
/* A fetch with a reference to g; NULL without memory. done frees it with fetch_free. */
struct fetch *fetch_new(struct get *g, enum chunk_which which,
			void (*done)(struct fetch *f, struct chunk *chunk, uint64_t seq, int err))
	MUST_CHECK;
void fetch_free(struct fetch *f);
/* may_wait: on a thread that waits for the end and may wait for the socket too. */
void fetch_start(struct fetch *f, bool may_wait);
/* Hands a finished listing to the thread that takes it down. */
void parked_add_listing(struct bucket *b, struct listing *l);
/* Keeps one until another listing is taken down: then listing_launch again. */
void parked_add_waiting(struct bucket *b, struct listing *l);

/* ---- get_index.c ---- */
/* Starts to learn the index; g->state was set to INDEX_ASKED by the caller. */
void index_start(struct get *g);
/* Asks for the listing's consumer, or has it wait for its turn. */
void listing_launch(struct listing *l);
/* Gives up one that has not begun. */
void listing_abort(struct listing *l, int err);
/* Takes down and frees. Not on a delivery thread. */
void listing_free(struct listing *l);
/* Frees one whose connection is closed. */
void listing_drop(struct listing *l);

#endif
