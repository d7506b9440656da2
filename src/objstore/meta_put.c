/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storing metadata: every publish names the sequence it replaces. Without that, a publish that was
 * held up in a frozen server would land later, over a newer version.
 *
 * An attempt whose answer is lost leaves the outcome open. The same bytes are then offered with the
 * same expected sequence until the server says that it stored them or that something else is there;
 * in the second case the newest message decides whether "something else" is the first attempt.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/group.h"
#include "objstore/kv_values.h"
#include "objstore/layout.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/log.h"

#define BUSY_MS 20
/* Publishes on the wire at once for one call. */
#define BATCH_MAX 128
/* 10164 with the expected sequence still in place: another publish is in flight. */
#define IN_FLIGHT_TRIES 50

struct offer {
	struct bucket *b;
	const struct obj_info *info;
	char *subject;
	struct buf payload;
	char commit[OBJ_NUID_LEN + 1]; /* tells values apart; empty where the payload does */
	uint64_t expected_seq;
	uint64_t deadline_ns;
	bool is_uncertain; /* an earlier attempt may have been stored */
	bool is_purged;	   /* room was already made */
	bool is_kept;	   /* what is replaced is not removed by the server: see replaced.c */
	unsigned int n_busy;
	uint64_t seq; /* result */
	int64_t time_ns;
};

/* One attempt as a request; its parts live as long as the caller's block. */
struct attempt {
	char expected[32];
	struct rpc_header headers[4];
	struct rpc_request req;
};

static void attempt_init(struct attempt *a, struct offer *o)
{
	uint64_t deadline_ns = clock_deadline_ms((int64_t)o->b->timeout_ms);
	size_t n = 0;

	o->is_kept = replaced_begin(o->b, o->subject);
	snprintf(a->expected, sizeof(a->expected), "%" PRIu64, o->expected_seq);
	a->headers[n++] = (struct rpc_header){"Nats-Expected-Last-Subject-Sequence", a->expected};
	a->headers[n++] = (struct rpc_header){"Nats-Expected-Stream", o->b->stream};
	/* Where nothing is there to roll up, the server looks for it all the same. */
	if (o->b->layout->is_rolled_up && o->expected_seq > 0 && !o->is_kept)
		a->headers[n++] = (struct rpc_header){"Nats-Rollup", "sub"};
	if (o->commit[0])
		a->headers[n++] = (struct rpc_header){KV_COMMIT, o->commit};
	if (o->commit[0] && o->info->is_deleted)
		a->headers[n++] = (struct rpc_header){KV_OPERATION, "DEL"};
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
	buf_append_str(&body, "{\"last_by_subj\":");
	api_append_string(&body, o->subject);
	buf_append_char(&body, '}');
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
 * Another sequence is there. 0: it is our own message. -EAGAIN: it is not, really; offer again.
 */
static int resolve_conflict(struct offer *o)
{
	_cleanup_stored_ struct stored newest = {0};
	uint64_t seq;
	int err;

	err = read_newest(o, &newest);
	if (err < 0 && err != -ENOENT)
		return err;
	seq = err == -ENOENT ? 0 : newest.seq;
	if (o->is_uncertain && seq > o->expected_seq && is_ours(o, &newest)) {
		o->seq = seq;
		o->time_ns = newest.time_ns;
		return 0;
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
		return resolve_conflict(o);
	if (err == -ENOSPC && !o->is_purged) {
		o->is_purged = true;
		if (bucket_make_room(o->b))
			return -EAGAIN;
	}
	return err;
}

/* What follows from the end of an attempt. -EAGAIN: another one is needed. */
static int judge(struct offer *o, natsMsg *msg, int err, bool was_sent)
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
	return judge(o, msg, err, was_sent);
}

static int run_offer(struct offer *o)
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

static int check_room(struct offer *o)
{
	struct bucket *b = o->b;

	if (space_take_meta(b, o->payload.len, strlen(o->subject)))
		return 0;
	o->is_purged = true;
	if (bucket_make_room(b) && space_take_meta(b, o->payload.len, strlen(o->subject)))
		return 0;
	return -ENOSPC;
}

static int offer_init(struct offer *o, struct bucket *b, const struct obj_info *info,
		      uint64_t expected_seq)
{
	int err;

	*o = (struct offer){.b = b, .info = info, .expected_seq = expected_seq};
	buf_init(&o->payload, b->values ? b->store.max_object_size : OBJ_META_MAX);
	o->deadline_ns = bucket_deadline(b);
	if (b->values)
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

/* Metadata that was stored. */
static void offer_settle(struct offer *o, struct obj_info *info)
{
	info->seq = o->seq;
	info->time_ns = o->time_ns;
	if (o->is_kept && o->expected_seq > 0)
		replaced_note(o->b, o->subject, o->expected_seq, o->seq);
	if (o->b->layout->settle)
		o->b->layout->settle(o->b, info);
}

static void offer_done(struct offer *o)
{
	free(o->subject);
	buf_done(&o->payload);
}

int meta_put_one(struct bucket *b, struct obj_info *info, uint64_t expected_seq)
{
	struct offer o CLEANUP(offer_done) = {0};
	int err;

	err = offer_init(&o, b, info, expected_seq);
	if (!err)
		err = check_room(&o);
	if (!err)
		err = run_offer(&o);
	if (!err)
		offer_settle(&o, info);
	return err;
}

/* Content that stays is as old as it was, whatever the age of its metadata. info->time_ns is 0 for
 * new content. */
static int keep_age(struct bucket *b, struct obj_info *info)
{
	char text[24];

	if (b->at_open.max_age_ns == 0 || info->is_deleted)
		return 0;
	if (info->time_ns == 0 || info->chunks == 0)
		return obj_info_set_meta(info, OBJ_META_BORN, NULL);
	if (obj_info_meta(info, OBJ_META_BORN))
		return 0;
	snprintf(text, sizeof(text), "%" PRId64, info->time_ns);
	return obj_info_set_meta(info, OBJ_META_BORN, text);
}

int meta_put_info(struct store *s, struct obj_info *info, uint64_t expected_seq)
{
	struct bucket *b = bucket_of(s);
	int err = bucket_check_writable(b);

	if (!err)
		err = keep_age(b, info);
	if (!err)
		err = bucket_enter(b);
	if (err < 0)
		return err;
	err = meta_put_one(b, info, expected_seq);
	bucket_leave(b);
	return err;
}

/* The first attempt of all goes out together; whatever needs another is offered alone. */
static void put_batch(struct bucket *b, struct obj_info *const *infos,
		      const uint64_t *expected_seqs, size_t n, int *ret_errs)
{
	_cleanup_free_ struct offer *offers = calloc(n, sizeof(*offers));
	_cleanup_group_ struct group *g = group_new(n);

	for (size_t i = 0; i < n; i++) {
		struct attempt a = {0};

		ret_errs[i] = -ENOMEM;
		if (!offers || !g)
			continue;
		ret_errs[i] = offer_init(&offers[i], b, infos[i], expected_seqs[i]);
		if (!ret_errs[i])
			ret_errs[i] = check_room(&offers[i]);
		if (ret_errs[i])
			continue;
		attempt_init(&a, &offers[i]);
		ret_errs[i] = group_send(g, i, b->control.rpc, &a.req);
	}
	if (!offers || !g)
		return;
	group_wait(g);
	for (size_t i = 0; i < n; i++) {
		struct group_item *item = group_item(g, i);

		if (!ret_errs[i])
			ret_errs[i] = judge(&offers[i], item->msg, item->err, item->was_sent);
		if (ret_errs[i] == -EAGAIN)
			ret_errs[i] = run_offer(&offers[i]);
		if (!ret_errs[i])
			offer_settle(&offers[i], infos[i]);
		offer_done(&offers[i]);
	}
}

int meta_put_infos(struct store *s, struct obj_info *const *infos, const uint64_t *expected_seqs,
		   size_t n, int *ret_errs)
{
	struct bucket *b = bucket_of(s);
	int err = bucket_check_writable(b);

	if (!err)
		err = bucket_enter(b);
	if (err < 0)
		return err;
	for (size_t i = 0; i < n; i += BATCH_MAX) {
		size_t k = n - i < BATCH_MAX ? n - i : BATCH_MAX;

		put_batch(b, infos + i, expected_seqs + i, k, ret_errs + i);
	}
	bucket_leave(b);
	return 0;
}
