/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_PUSH_EVENT_H
#define NATSOBJ_OBJSTORE_PUSH_EVENT_H

/* What the server delivers for a push consumer, understood. */

#include <stddef.h>
#include <stdint.h>

#include <nats/nats.h>

#include "util/cleanup.h"

/* Tokens of the reply subject of a delivered message. */
struct push_meta {
	uint64_t stream_seq;
	uint64_t consumer_seq;
	int64_t time_ns;
	uint64_t pending;
};

enum push_kind {
	PUSH_MESSAGE,	/* meta is valid */
	PUSH_HEARTBEAT, /* meta.consumer_seq is the last one sent, stream_seq its sequence */
	PUSH_FLOW,	/* answer with push_reply once everything before was dealt with */
};

/* What msg is, and whose: ret_name, of size bytes, gets the consumer's name or its slot. -EINVAL:
 * nothing that a consumer gets. */
int push_classify(natsMsg *msg, enum push_kind *ret_kind, struct push_meta *ret, char *ret_name,
		  size_t size) MUST_CHECK;
/* For tests and fuzzing: understands a reply subject. */
int push_parse_reply(const char *reply, struct push_meta *ret) MUST_CHECK;

#endif
