/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A key-value bucket on a real server: a stream KV_<bucket> with one message for each key. The
 * machinery of an object bucket does the work; only one of its connections is used.
 *
 * Values that nobody renews vanish after MAX_AGE. So nothing has to be purged, which consumers of
 * servers before 2.9.12 do not survive unharmed.
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

#define MAX_AGE_NS (24 * 3600 * NS_PER_SEC)
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

static void on_put(void *arg, natsMsg *msg, int err, bool was_sent)
{
	_cleanup_free_ struct kv_call *c = arg;
	_cleanup_msg_ natsMsg *owned = msg;
	uint64_t seq = 0;

	(void)was_sent;
	err = err ? map_rpc(err) : api_parse_ack(c->kv->bucket, msg, &seq, NULL);
	c->done(c->arg, err, seq, NULL, 0);
}

static void on_get(void *arg, natsMsg *msg, int err, bool was_sent)
{
	_cleanup_stored_ struct stored stored = {0};
	_cleanup_free_ struct kv_call *c = arg;
	_cleanup_msg_ natsMsg *owned = msg;

	(void)was_sent;
	err = err ? map_rpc(err) : stored_parse(msg, &stored);
	if (err == -ENOENT)
		err = 0;
	c->done(c->arg, err, stored.seq, stored.data, stored.len);
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

static int create_stream(struct bucket *b, uint32_t replicas)
{
	_cleanup_buf_ struct buf body;
	struct api_error error;
	int err;

	buf_init(&body, 4096);
	buf_printf(
		&body,
		"{\"name\":\"%s\",\"description\":\"locks of natsobj\",\"subjects\":[\"$KV.%s.>\"]"
		",\"retention\":\"limits\",\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1"
		",\"max_msgs_per_subject\":1,\"max_msg_size\":-1,\"max_age\":%" PRId64
		",\"storage\":\"file\",\"discard\":\"new\",\"num_replicas\":%" PRIu32
		",\"allow_rollup_hdrs\":true,\"deny_delete\":true,\"allow_direct\":true}",
		b->stream, b->store.bucket, MAX_AGE_NS, replicas ? replicas : 1);
	err = api_call(b, b->control.rpc, "STREAM.CREATE", &body, 0, NULL, &error);
	return error.err_code == API_STREAM_EXISTS ? 0 : err;
}

/* Why the stream cannot serve, as a clause; NULL when it can. */
static const char *why_unfit(const struct bucket *b, const cJSON *config)
{
	const char *problem = layout_keys.why_read_only(b->store.bucket, config);

	if (problem)
		return problem;
	if (api_u64(config, "num_replicas") > 1 && b->version < SERVER_VERSION(2, 9, 21))
		return "is replicated, and compare-and-set is not reliable then before "
		       "nats-server 2.9.21";
	return NULL;
}

static int read_config(struct kv_bucket *kv, char **ret_why)
{
	struct bucket *b = kv->bucket;
	_cleanup_json_ cJSON *json = NULL;
	const cJSON *config;
	const char *problem;
	int err = api_call(b, b->control.rpc, "STREAM.INFO", NULL, 0, &json, NULL);

	if (err < 0)
		return err;
	config = cJSON_GetObjectItemCaseSensitive(json, "config");
	problem = why_unfit(b, config);
	if (problem)
		return explain(-EOPNOTSUPP, ret_why, "lock bucket \"%s\" on %s %s", b->store.bucket,
			       b->where, problem);
	kv->base.max_age_ns = api_u64(config, "max_age");
	kv->base.max_value = VALUE_MAX;
	if (conn_max_payload(rpc_conn(b->control.rpc)) < VALUE_MAX)
		kv->base.max_value = conn_max_payload(rpc_conn(b->control.rpc)) / 2;
	return 0;
}

static int find_or_create(struct kv_bucket *kv, uint32_t replicas, char **ret_why)
{
	struct bucket *b = kv->bucket;
	int err;

	b->version = conn_server_version(rpc_conn(b->control.rpc));
	if (b->version < SERVER_VERSION(2, 9, 21))
		replicas = 1;
	err = read_config(kv, ret_why);
	if (err == -ENODEV) {
		err = create_stream(b, replicas);
		if (!err)
			err = read_config(kv, ret_why);
	}
	if (err < 0 && !*ret_why)
		return explain(err, ret_why, "cannot open lock bucket \"%s\" on %s: %s",
			       b->store.bucket, b->where, strerrordesc_np(-err));
	return err;
}

static struct kv_bucket *kv_new(const struct conn_config *cfg, const char *bucket)
{
	struct kv_bucket *kv = calloc(1, sizeof(*kv));

	if (!kv)
		return NULL;
	kv->base.ops = &ops;
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
	struct kv_bucket *kv;
	int err;

	*ret = NULL;
	*ret_why = NULL;
	if (!obj_bucket_is_valid(bucket))
		return explain(-EINVAL, ret_why, "\"%s\" cannot be the name of a bucket", bucket);
	kv = kv_new(cfg, bucket);
	if (!kv)
		return -ENOMEM;
	err = bucket_connect(kv->bucket, cfg, CONN_CONTROL, &kv->bucket->control, &why);
	if (err < 0)
		explain(err, ret_why, "cannot connect to %s", why ? why : kv->bucket->where);
	else
		err = find_or_create(kv, replicas, ret_why);
	if (err < 0) {
		close_op(&kv->base);
		return err;
	}
	*ret = &kv->base;
	return 0;
}
