/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/meta_offer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/bucket_internal.h"
#include "objstore/kv_values.h"
#include "objstore/layout.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/log.h"

#define BUSY_MS 20
/* 10164 with the expected sequence still in place: another publish is in flight. */
#define IN_FLIGHT_TRIES 50

void attempt_init(struct attempt *a, struct offer *o)
{
	uint64_t deadline_ns = clock_deadline_ms((int64_t)o->b->timeout_ms);
	size_t n = 0;

	o->is_kept = replaced_begin(o->b);
	snprintf(a->expected, sizeof(a->expected), "%" PRIu64, o->expected_seq);
	a->headers[n++] = (struct rpc_header){HEADER_EXPECTED_SEQ, a->expected};
	a->headers[n++] = (struct rpc_header){HEADER_EXPECTED_STREAM, o->b->stream};
	a->headers[n++] = (struct rpc_header){HEADER_MSG_ID, o->id};
	/* Where nothing is there to roll up, the server looks for it all the same. */
	if (o->b->layout->is_rolled_up && o->expected_seq > 0 && !o->is_kept)
		a->headers[n++] = (struct rpc_header){HEADER_ROLLUP, "sub"};
	if (o->commit[0])
		a->headers[n++] = (struct rpc_header){HEADER_KV_COMMIT, o->commit};
	if (o->commit[0] && o->info->is_deleted)
		a->headers[n++] = (struct rpc_header){HEADER_KV_OPERATION, "DEL"};
	a->req = (struct rpc_request){
		.subject = o->subject,
		.headers = a->headers,
		.n_headers = n,
		.data = o->payload.data,
		.len = o->payload.len,
		.deadline_ns = deadline_ns < o->deadline_ns ? deadline_ns : o->deadline_ns,
	};
}

/* The newest message under the offer's subject: 0, -ENOENT, … A server that is busy is asked again
 * by run_offer, within the offer's time. */
static int read_newest(struct offer *o, struct stored *ret)
{
	_cleanup_buf_ struct buf body;

	buf_init(&body, 64 * 1024);
	stored_format_last(o->subject, &body);
	return stored_ask(o->b, &body, ret);
}

static bool is_ours(const struct offer *o, const struct stored *newest)
{
	if (o->commit[0])
		return newest->headers && strstr(newest->headers, o->commit);
	return newest->len == o->payload.len &&
	       (newest->len == 0 || memcmp(newest->data, o->payload.data, newest->len) == 0);
}

/*
 * Whether an earlier attempt was stored and replaced before by_seq: 0 and o->seq, 1 when it was
 * not, nor ever will be. Asked for by a chunk of nothing with its identifier, which goes again.
 */
static int ask_fate(struct offer *o, uint64_t by_seq)
{
	_cleanup_free_ char *subject = obj_chunk_subject(o->b->store.bucket, o->id);
	const struct rpc_header id = {HEADER_MSG_ID, o->id};
	const struct rpc_request req = {.subject = subject, .headers = &id, .n_headers = 1};
	_cleanup_msg_ natsMsg *msg = NULL;
	uint64_t seq = 0;
	int err = subject ? bucket_call(o->b, o->b->control.rpc, &req, 0, &msg) : -ENOMEM;

	if (err)
		return err;
	err = api_parse_ack(o->b, msg, &seq, NULL);
	if (!err && seq > o->expected_seq && seq < by_seq) {
		o->seq = seq;
		o->time_ns = clock_wall_ns();
		return 0;
	}
	if (!err)
		(void)!purge_once(o->b, subject, seq + 1);
	return 1;
}

int offer_resolve(struct offer *o)
{
	_cleanup_stored_ struct stored newest = {0};
	uint64_t seq;
	int err;

	err = read_newest(o, &newest);
	if (err < 0 && err != -ENOENT)
		return err;
	seq = err == -ENOENT ? 0 : newest.seq;
	if (!err)
		replaced_read(o->b, &newest);
	if (o->is_uncertain && seq > o->expected_seq) {
		if (is_ours(o, &newest)) {
			o->seq = seq;
			o->time_ns = newest.time_ns;
			return 0;
		}
		err = o->b->layout == &layout_objects ? ask_fate(o, seq) : 1;
		if (err <= 0)
			return err;
	}
	if (seq == o->expected_seq && ++o->n_busy <= IN_FLIGHT_TRIES)
		return -EAGAIN;
	return -ESTALE;
}

/* Nobody took the message. */
static int no_responders(struct offer *o)
{
	struct stream_info info;
	int err = stream_info_read(o->b, &info);

	if (err == -ENOENT)
		return -ENODEV;
	return err < 0 ? err : -EAGAIN;
}

/* The server's own words. */
static int judge_ack(struct offer *o, natsMsg *msg)
{
	struct api_error error;
	int err = api_parse_ack(o->b, msg, &o->seq, &error);

	if (!err)
		o->time_ns = clock_wall_ns();
	if (err == -ESTALE)
		err = offer_resolve(o);
	/* Some servers remember what they refused. */
	if (err == -EAGAIN || err == -ENOSPC)
		obj_nuid_new(o->id);
	if (err == -ENOSPC && !o->is_purged) {
		o->is_purged = true;
		if (bucket_make_room(o->b))
			return -EAGAIN;
	}
	return err;
}

int offer_judge(struct offer *o, natsMsg *msg, int err, bool was_sent)
{
	switch (err) {
	case 0:
		return judge_ack(o, msg);
	case -ENOTCONN:
		o->is_uncertain = o->is_uncertain || was_sent;
		err = bucket_wait_up(o->b, o->b->control.rpc, o->deadline_ns);
		return err == 0 ? -EAGAIN : err;
	case -ETIMEDOUT:
		o->is_uncertain = o->is_uncertain || was_sent;
		return clock_now_ns() < o->deadline_ns ? -EAGAIN : -ETIMEDOUT;
	case -ENOENT:
		return no_responders(o);
	default:
		return err;
	}
}

static int offer_once(struct offer *o)
{
	_cleanup_msg_ natsMsg *msg = NULL;
	struct attempt a = {0};
	bool was_sent;
	int err;

	attempt_init(&a, o);
	err = rpc_call(o->b->control.rpc, &a.req, &msg, &was_sent);
	return offer_judge(o, msg, err, was_sent);
}

int offer_run(struct offer *o)
{
	int err;

	do {
		if (bucket_is_closing(o->b))
			return -ESHUTDOWN;
		err = offer_once(o);
		if (err == -EAGAIN &&
		    bucket_pause(o->b, o->n_busy || !o->is_uncertain ? BUSY_MS : 1,
				 o->deadline_ns) < 0)
			return bucket_is_closing(o->b) ? -ESHUTDOWN : -ETIMEDOUT;
	} while (err == -EAGAIN);
	if (err == -ETIMEDOUT && o->is_uncertain)
		log_warn("%s: no answer to a metadata publish; it may have been stored",
			 o->subject);
	return err;
}

int offer_check_room(struct offer *o)
{
	struct bucket *b = o->b;

	if (space_take_meta(b, o->payload.len, strlen(o->subject)))
		return 0;
	o->is_purged = true;
	if (bucket_make_room(b) && space_take_meta(b, o->payload.len, strlen(o->subject)))
		return 0;
	return -ENOSPC;
}

int offer_init(struct offer *o, struct bucket *b, const struct obj_info *info,
	       uint64_t expected_seq)
{
	int err;

	*o = (struct offer){.b = b, .info = info, .expected_seq = expected_seq};
	buf_init(&o->payload, b->layout->has_content ? b->store.max_object_size : OBJ_META_MAX);
	o->deadline_ns = bucket_deadline(b);
	obj_nuid_new(o->id);
	if (b->layout->has_content)
		obj_nuid_new(o->commit);
	if (info->name_len == 0 || !obj_utf8_is_valid(info->name, info->name_len))
		return -EINVAL;
	if (info->name_len > b->store.name_max)
		return -ENAMETOOLONG;
	err = b->layout->format(b, info, &o->payload);
	if (!err)
		err = buf_error(&o->payload);
	return err < 0 ? err : meta_subject(b, info, &o->subject);
}

void offer_settle(struct offer *o, struct obj_info *info)
{
	info->seq = o->seq;
	info->time_ns = o->time_ns;
	if (o->is_kept && o->expected_seq > 0)
		replaced_note(o->b, o->subject, o->expected_seq, o->seq);
	if (o->is_kept)
		regain_stored(o->b, o->subject, o->payload.data, o->payload.len);
	if (o->b->layout->settle)
		o->b->layout->settle(o->b, info);
}

void offer_done(struct offer *o)
{
	free(o->subject);
	buf_done(&o->payload);
}
