/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_API_H
#define NATSOBJ_OBJSTORE_API_H

/*
 * Requests of a bucket that wait for their answer, with all that has to be repeated repeated, and
 * the JSON of the JetStream API (NATS ADR-1).
 */

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>
#include <nats/nats.h>

#include "objstore/msg_free.h"
#include "objstore/rpc.h"
#include "util/buf.h"
#include "util/cleanup.h"

struct bucket;

DEFINE_CLEANUP(cJSON *, cJSON_Delete)
#define _cleanup_json_ CLEANUP(cJSON_Delete_p)

#define API_ERROR_TEXT 160
#define API_NO_STREAM 10059
#define API_STREAM_EXISTS 10058

/* Whether asking again may help: nobody could be asked, or answered in time. */
static inline bool api_is_passing(int err)
{
	return err == -ENOTCONN || err == -ETIMEDOUT || err == -EAGAIN;
}

/* Whether an error tells nothing of what the server would do: it is passing, or there was no asking
 * to the end. */
static inline bool api_is_no_answer(int err)
{
	return api_is_passing(err) || err == -ENOMEM || err == -ESHUTDOWN || err == -ENODEV;
}

/* The error object of an answer; err_code 0 when there was none. */
struct api_error {
	int code;
	int err_code;
	char description[API_ERROR_TEXT];
};

/* When an operation that starts now has to end: UINT64_MAX with hard. */
uint64_t bucket_deadline(struct bucket *b);
/* Counts a caller in, so that closing waits for it: 0 or -ESHUTDOWN. */
int bucket_enter(struct bucket *b) MUST_CHECK;
void bucket_leave(struct bucket *b);
/* 0 when r is up, -ENOTCONN at the deadline, -ESHUTDOWN. */
int bucket_wait_up(struct bucket *b, struct rpc *r, uint64_t deadline_ns) MUST_CHECK;
/* A pause before the next try: 0, -ETIMEDOUT when the deadline comes first, -ESHUTDOWN. */
int bucket_pause(struct bucket *b, uint64_t ms, uint64_t deadline_ns) MUST_CHECK;

/*
 * Sends a request that may be repeated without harm until there is an answer or the operation's
 * time is over. limit_ms, if larger than the bucket's time-out, is granted to each attempt instead.
 * req's deadline, done and arg are ignored. Errors: -ENOTCONN, -ETIMEDOUT, -EACCES, -ENODEV (nobody
 * answers such requests), -ESHUTDOWN, -ENOMEM, -EFBIG, -ENAMETOOLONG. Waits.
 */
int bucket_call(struct bucket *b, struct rpc *r, const struct rpc_request *req, uint64_t limit_ms,
		natsMsg **ret) MUST_CHECK;

/* "$JS.API.<verb>.<stream>", or without a stream for a bucket without a name; the caller frees. */
char *api_subject(const struct bucket *b, const char *verb) MUST_CHECK;
/*
 * An API request that may be repeated. body NULL: empty. The answer's error object becomes -errno
 * and ret_error (may be NULL). A server that is busy is asked again. ret may be NULL. Waits.
 */
int api_call(struct bucket *b, struct rpc *r, const char *verb, const struct buf *body,
	     uint64_t limit_ms, cJSON **ret, struct api_error *ret_error) MUST_CHECK;
/* An API request that is sent once, also while the bucket is closing. body and ret_error may be
 * NULL. Errors as of rpc_call and api_parse; -ENOTCONN also when nobody answers such requests.
 * Waits until deadline_ns. */
int api_call_once(struct bucket *b, struct rpc *r, const char *verb, const struct buf *body,
		  uint64_t deadline_ns, struct api_error *ret_error) MUST_CHECK;
/* An answer's JSON; its error object as for api_call, where a missing stream is -ENODEV and -ENOENT
 * a missing message. -EIO when it is no JSON object. */
int api_parse(natsMsg *msg, cJSON **ret, struct api_error *ret_error) MUST_CHECK;
/*
 * The acknowledgement of a publish. It must name the bucket's stream and, if one is configured, its
 * domain: another account's or a leaf node's stream of the same subjects is not ours. -EAGAIN also
 * for a message that has an identifier of another one, which is not stored.
 */
int api_parse_ack(struct bucket *b, natsMsg *msg, uint64_t *ret_seq, struct api_error *ret_error)
	MUST_CHECK;

/* Appends a JSON string with its quotes. */
void api_append_string(struct buf *out, const char *s);
/* Members of an object with a default for absent or mistyped ones. */
uint64_t api_u64(const cJSON *object, const char *key);
bool api_bool(const cJSON *object, const char *key);
const char *api_string(const cJSON *object, const char *key);

/* A message as the server stores it. */
struct stored {
	const char *subject; /* belongs to owner */
	uint64_t seq;
	int64_t time_ns;
	uint8_t *data; /* NULL when empty */
	size_t len;
	char *headers;	 /* NULL when it has none */
	bool is_removal; /* as for api_is_removal */
	cJSON *owner;
};

/* Whether a message's headers say that it removes what was there: put there by the server in place
 * of something that expired, or by a client of a key-value bucket (NATS ADR-8). */
bool api_is_removal(natsMsg *msg);

/* The answer to STREAM.MSG.GET. */
int stored_parse(natsMsg *msg, struct stored *ret) MUST_CHECK;
/* STREAM.MSG.GET with that body, on the control connection; the caller calls stored_done. -ENOENT:
 * there is no such message. A server that is busy is -EAGAIN for stored_ask, and asked again by
 * stored_read. Other errors as of bucket_call and stored_parse. Wait. */
int stored_ask(struct bucket *b, const struct buf *body, struct stored *ret) MUST_CHECK;
int stored_read(struct bucket *b, const struct buf *body, struct stored *ret) MUST_CHECK;
/* The one with that sequence, and the newest under a subject. */
int stored_read_seq(struct bucket *b, uint64_t seq, struct stored *ret) MUST_CHECK;
void stored_format_last(const char *subject, struct buf *out);
void stored_done(struct stored *s);
#define _cleanup_stored_ CLEANUP(stored_done)

#endif
