/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A key-value bucket on a real server: a stream KV_<bucket> with one message for each key. The
 * machinery of an object bucket does the work; only one of its connections is used.
 */

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/kv_internal.h"
#include "objstore/layout.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/explain.h"

#define VALUE_MAX (512 * 1024)

struct kv_call {
	struct kv_bucket *kv;
	kv_done_fn done;
	void *arg;
};

/* What came instead of an answer. Nobody to answer is a matter of time, while a leader is elected.
 */
static int map_rpc(int err)
{
	return err == -ENOENT ? -ENOTCONN : err;
}

/* Such an end may mean that the bucket is another one or none. */
static void note_end(struct kv_bucket *kv, int err)
{
	if (err == -ENOENT || err == -ENODEV || err == -ESTALE)
		kv_watch_doubt(kv);
}

static void on_put(void *arg, natsMsg *msg, int err, bool was_sent)
{
	_cleanup_free_ struct kv_call *c = arg;
	_cleanup_msg_ natsMsg *owned = msg;
	uint64_t seq = 0;

	(void)was_sent;
	if (!err)
		err = api_parse_ack(c->kv->bucket, msg, &seq, NULL);
	note_end(c->kv, err);
	if (!err)
		kv_note_seq(c->kv, seq);
	c->done(c->arg, map_rpc(err), seq, NULL, 0);
}

static void on_get(void *arg, natsMsg *msg, int err, bool was_sent)
{
	_cleanup_stored_ struct stored stored = {0};
	_cleanup_free_ struct kv_call *c = arg;
	_cleanup_msg_ natsMsg *owned = msg;

	(void)was_sent;
	if (!err) {
		err = stored_parse(msg, &stored);
		/* Such a key was never stored. */
		err = err == -ENOENT ? 0 : err;
	}
	note_end(c->kv, err);
	c->done(c->arg, map_rpc(err), stored.seq, stored.data, stored.len);
}

/* Sends a request whose end calls done. */
static int send(struct kv_bucket *kv, struct rpc_request *req, uint64_t timeout_ms, kv_done_fn done,
		void *arg)
{
	struct kv_call *c = malloc(sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	*c = (struct kv_call){kv, done, arg};
	req->arg = c;
	req->deadline_ns = clock_deadline_ms((int64_t)timeout_ms);
	err = rpc_send(kv->bucket->control.rpc, req);
	if (err < 0)
		free(c);
	return err;
}

static int get_op(struct kv *base, const char *key, uint64_t timeout_ms, kv_done_fn done, void *arg)
{
	struct kv_bucket *kv = kv_bucket_of(base);
	_cleanup_free_ char *api = api_subject(kv->bucket, "STREAM.MSG.GET");
	_cleanup_free_ char *subject = meta_token_subject(kv->bucket, key);
	_cleanup_buf_ struct buf body;
	struct rpc_request req = {.subject = api, .done = on_get};

	buf_init(&body, 4096);
	if (!api || !subject)
		return -ENOMEM;
	stored_format_last(subject, &body);
	if (buf_error(&body) < 0)
		return -ENOMEM;
	req.data = body.data;
	req.len = body.len;
	return send(kv, &req, timeout_ms, done, arg);
}

static int put_op(struct kv *base, const char *key, const void *value, size_t len,
		  uint64_t expected_seq, uint64_t timeout_ms, kv_done_fn done, void *arg)
{
	struct kv_bucket *kv = kv_bucket_of(base);
	_cleanup_free_ char *subject = meta_token_subject(kv->bucket, key);
	char expected[32];
	const struct rpc_header headers[] = {
		{HEADER_EXPECTED_SEQ, expected},
		{HEADER_EXPECTED_STREAM, kv->bucket->stream},
		{HEADER_KV_OPERATION, "DEL"},
	};
	struct rpc_request req = {.subject = subject,
				  .headers = headers,
				  .n_headers = len > 0 ? 2 : 3,
				  .data = value,
				  .len = len,
				  .done = on_put};

	if (!subject)
		return -ENOMEM;
	snprintf(expected, sizeof(expected), "%" PRIu64, expected_seq);
	return send(kv, &req, timeout_ms, done, arg);
}

static void close_op(struct kv *base)
{
	struct kv_bucket *kv = kv_bucket_of(base);

	kv_watch_stop(kv);
	bucket_free(kv->bucket);
	kv_watch_done(kv);
	free(kv);
}

static const struct kv_ops ops = {
	.close = close_op, .watch = kv_watch_start, .get = get_op, .put = put_op};

static struct kv_bucket *kv_new(const struct conn_config *cfg, const char *bucket,
				uint32_t replicas)
{
	struct kv_bucket *kv = calloc(1, sizeof(*kv));

	if (!kv)
		return NULL;
	kv->base.ops = &ops;
	kv->replicas = replicas;
	snprintf(kv->base.bucket, sizeof(kv->base.bucket), "%s", bucket);
	kv->bucket = bucket_new(cfg, bucket, &layout_keys);
	kv_watch_init(kv);
	if (kv->bucket)
		kv->bucket->control.push = push_new(kv->bucket);
	if (!kv->bucket || !kv->bucket->control.push) {
		close_op(&kv->base);
		return NULL;
	}
	return kv;
}

int kv_open(const struct conn_config *cfg, const char *bucket, uint32_t replicas, struct kv **ret,
	    char **ret_why)
{
	_cleanup_free_ char *why = NULL;
	struct stream_info info;
	struct kv_bucket *kv;
	int err;

	*ret = NULL;
	*ret_why = NULL;
	if (!obj_bucket_is_valid(bucket))
		return explain(-EINVAL, ret_why, "\"%s\" cannot be the name of a bucket", bucket);
	kv = kv_new(cfg, bucket, replicas);
	if (!kv)
		return -ENOMEM;
	err = bucket_connect(kv->bucket, cfg, CONN_CONTROL, &kv->bucket->control, &why);
	if (err < 0)
		explain(err, ret_why, "cannot connect to %s", why ? why : kv->bucket->where);
	else
		err = kv_find_or_make(kv, &info, ret_why);
	if (err < 0) {
		close_op(&kv->base);
		return err;
	}
	kv->base.max_age_ns = info.max_age_ns;
	kv->base.max_value = VALUE_MAX;
	if (conn_max_payload(rpc_conn(kv->bucket->control.rpc)) < VALUE_MAX)
		kv->base.max_value = conn_max_payload(rpc_conn(kv->bucket->control.rpc)) / 2;
	*ret = &kv->base;
	return 0;
}
