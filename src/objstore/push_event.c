/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/push_event.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/rpc.h"
#include "util/cleanup.h"
#include "util/parse.h"

/* With domain, account hash and a last one at random. */
#define TOKENS_MAX 13

/* Splits at dots in place. Returns the number of tokens, 0 when there are too many. */
static size_t split(char *s, char *tokens[TOKENS_MAX])
{
	size_t n = 0;

	for (char *token = s; token; n++) {
		char *dot = strchr(token, '.');

		if (n == TOKENS_MAX)
			return 0;
		if (dot)
			*dot++ = '\0';
		tokens[n] = token;
		token = dot;
	}
	return n;
}

/* $JS.ACK.<stream>.<consumer>.<delivered>.<stream seq>.<consumer seq>.<time>.<pending>, or with
 * domain and account hash before the stream and possibly one token more. */
static int parse_reply(const char *reply, struct push_meta *ret, char *ret_name, size_t size)
{
	_cleanup_free_ char *copy = strdup(reply);
	char *t[TOKENS_MAX];
	size_t n, at;
	uint64_t time_ns;

	if (!copy)
		return -ENOMEM;
	n = split(copy, t);
	if (n < 9 || n == 10 || strcmp(t[0], "$JS") != 0 || strcmp(t[1], "ACK") != 0)
		return -EINVAL;
	at = n == 9 ? 3 : 5;
	if (parse_u64(t[at + 2], 10, 1, UINT64_MAX, &ret->stream_seq) < 0 ||
	    parse_u64(t[at + 3], 10, 1, UINT64_MAX, &ret->consumer_seq) < 0 ||
	    parse_u64(t[at + 4], 10, 0, INT64_MAX, &time_ns) < 0 ||
	    parse_u64(t[at + 5], 10, 0, UINT64_MAX, &ret->pending) < 0)
		return -EINVAL;
	ret->time_ns = (int64_t)time_ns;
	if (ret_name)
		snprintf(ret_name, size, "%s", t[at]);
	return 0;
}

int push_parse_reply(const char *reply, struct push_meta *ret)
{
	return parse_reply(reply, ret, NULL, 0);
}

/* A heartbeat's own account of what was sent. */
static void parse_heartbeat(natsMsg *msg, struct push_meta *ret)
{
	const char *consumer = rpc_msg_header(msg, "Nats-Last-Consumer");
	const char *stream = rpc_msg_header(msg, "Nats-Last-Stream");

	if (!consumer || parse_u64(consumer, 10, 0, UINT64_MAX, &ret->consumer_seq) < 0)
		ret->consumer_seq = 0;
	if (!stream || parse_u64(stream, 10, 0, UINT64_MAX, &ret->stream_seq) < 0)
		ret->stream_seq = 0;
}

static const char *last_token(const char *subject)
{
	const char *dot = strrchr(subject, '.');

	return dot ? dot + 1 : subject;
}

int push_classify(natsMsg *msg, enum push_kind *ret_kind, struct push_meta *ret, char *ret_name,
		  size_t size)
{
	const char *reply = natsMsg_GetReply(msg);

	*ret = (struct push_meta){0};
	if (rpc_msg_status(msg) == 100) {
		snprintf(ret_name, size, "%s", last_token(natsMsg_GetSubject(msg)));
		*ret_kind = reply && *reply ? PUSH_FLOW : PUSH_HEARTBEAT;
		if (*ret_kind == PUSH_HEARTBEAT)
			parse_heartbeat(msg, ret);
		return 0;
	}
	*ret_kind = PUSH_MESSAGE;
	return reply ? parse_reply(reply, ret, ret_name, size) : -EINVAL;
}
