/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_META_OFFER_H
#define NATSOBJ_OBJSTORE_META_OFFER_H

/*
 * Storing metadata: every publish names the sequence it replaces. Without that, a publish that was
 * held up in a frozen server would land later, over a newer version.
 *
 * An attempt whose answer is lost leaves the outcome open. The same bytes are then offered with the
 * same expected sequence and message identifier. If something else is there, the newest message
 * decides whether that is the first attempt; if it is not, somebody may have replaced it since. The
 * server remembers identifiers for some minutes: some say at once that they have stored the message
 * before, others when they are offered something else with its identifier.
 */

#include <stdbool.h>
#include <stdint.h>

#include "objstore/api.h"
#include "objstore/bucket.h"
#include "objstore/rpc.h"
#include "util/buf.h"
#include "util/cleanup.h"

struct offer {
	struct bucket *b;
	const struct obj_info *info;
	char *subject;
	struct buf payload;
	char commit[OBJ_NUID_LEN + 1]; /* tells values apart; empty where the payload does */
	char id[OBJ_NUID_LEN + 1];     /* of the message; another one after a refusal */
	uint64_t expected_seq;
	uint64_t deadline_ns;
	bool is_uncertain; /* an earlier attempt may have been stored */
	bool is_purged;	   /* room was already made */
	bool is_kept;	   /* what is replaced is not removed by the server: see replaced.c */
	unsigned int n_busy;
	uint64_t seq; /* result */
	int64_t time_ns;
};

/* One attempt as a request, whose parts are in here and in the offer. */
struct attempt {
	char expected[32];
	struct rpc_header headers[6];
	struct rpc_request req;
};

/* For a zeroed offer. offer_done is due also after an error. */
int offer_init(struct offer *o, struct bucket *b, const struct obj_info *info,
	       uint64_t expected_seq) MUST_CHECK;
void offer_done(struct offer *o);
/* Whether there is room in the bucket, after some was made: 0 or -ENOSPC. Waits. */
int offer_check_room(struct offer *o) MUST_CHECK;
void attempt_init(struct attempt *a, struct offer *o);
/* What follows from the end of an attempt. -EAGAIN: another one is needed. May wait. */
int offer_judge(struct offer *o, natsMsg *msg, int err, bool was_sent) MUST_CHECK;
/* Another sequence is said to be there. 0: it is our own message, or replaced that; -EAGAIN: it is
 * not, really, so another attempt is needed; -ESTALE: it is somebody else's. Waits. */
int offer_resolve(struct offer *o) MUST_CHECK;
/* Attempts until the outcome is certain. Waits. */
int offer_run(struct offer *o) MUST_CHECK;
/* It was stored: notes that in info. */
void offer_settle(struct offer *o, struct obj_info *info);

#endif
