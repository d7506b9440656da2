/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_FEED_H
#define NATSOBJ_OBJSTORE_FEED_H

/*
 * A consumer for the names of a bucket, and the events it brings.
 *
 * The library's threads queue events, one thread of the owner's takes them out in one go and works
 * without the lock. Flow control requests stand in the same queue, so the server is told to go on
 * only after what it sent was delivered; that bounds the queue.
 *
 * A consumer is good until its connection is lost, its sequence has a gap, it falls silent, or more
 * came than the queue holds. Then the owner makes another one.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/push.h"
#include "util/lock.h"

#define FEED_HEARTBEAT_MS 5000

struct bucket;

struct feed_event {
	struct list link;
	enum push_kind kind;
	natsMsg *msg;
	struct push_meta meta;
};

struct feed {
	/* set before sharing */
	struct bucket *bucket;
	struct mutex *lock;   /* the owner's */
	struct cond *changed; /* likewise; events, or the loss of the consumer */
	size_t max;	      /* events in the queue */
	bool is_large;	      /* there may be very many names: see feed_open.c */

	/* protected by *lock */
	struct list queue;
	size_t n_queued;
	bool is_overflown; /* too much to keep: all is to be listed anew */
	bool is_lost;	   /* the consumer is gone with its connection */

	/* the owner's thread's */
	struct push_consumer consumer;
	uint64_t received;   /* messages, which is also the consumer's sequence */
	unsigned int n_idle, /* heartbeats in a row that agree with it */
		n_behind;    /* … or do not */
	uint64_t heard_ns;   /* when anything came */
};

void feed_init(struct feed *f, struct bucket *b, struct mutex *lock, struct cond *changed,
	       size_t max);
/* Once the connection is closed. */
void feed_done(struct feed *f);

/* --- on the owner's thread --- */

/* Makes the consumer: events from start_seq on (1: all), or 0 for a listing of the newest of each
 * name.
 * *ret_total: how many there are at first, by the server's count; some may have come already.
 * -EAGAIN: nobody answered; or why not. Waits. */
int feed_open(struct feed *f, uint64_t start_seq, uint64_t *ret_total) MUST_CHECK;
/* Takes the consumer down and forgets what it brought. Harmless without one. */
void feed_close(struct feed *f);
/* Whether feed_take_locked has something to say. */
bool feed_is_ready_locked(const struct feed *f);
/* Appends to ret what came. -ENOTCONN: the consumer is lost, -EAGAIN: it has to be made anew. */
int feed_take_locked(struct feed *f, struct list *ret) MUST_CHECK;
/* Hands the events to fn, in order and checked; ends with the first error, fn's or -EAGAIN for a
 * gap. Frees all. fn may wait. */
int feed_deliver(struct feed *f, struct list *events,
		 int (*fn)(void *arg, const struct feed_event *e), void *arg) MUST_CHECK;

#endif
