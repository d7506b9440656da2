/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/api.h"

#include <stdio.h>
#include <string.h>

#include "objstore/bucket_internal.h"
#include "objstore/errmap.h"
#include "util/clock.h"
#include "util/log.h"

/* Pauses before a busy or absent service is asked again. */
#define PAUSE_MIN_MS 20
#define PAUSE_MAX_MS 1000

/* What happens to a borrowed connection, and when all ends, its owner is told. */
static struct bucket *owner_of(struct bucket *b)
{
	return b->lender ? b->lender : b;
}

uint64_t bucket_deadline(struct bucket *b)
{
	b = owner_of(b);
	return b->is_hard ? UINT64_MAX : clock_deadline_ms((int64_t)b->timeout_ms);
}

int bucket_enter(struct bucket *b)
{
	LOCK_SCOPE(&b->lock);
	if (b->is_closing)
		return -ESHUTDOWN;
	b->n_calls++;
	return 0;
}

void bucket_leave(struct bucket *b)
{
	LOCK_SCOPE(&b->lock);
	if (--b->n_calls == 0)
		cond_broadcast(&b->changed);
}

int bucket_wait_up(struct bucket *b, struct rpc *r, uint64_t deadline_ns)
{
	int err = 0;

	b = owner_of(b);
	LOCK_SCOPE(&b->lock);
	while (!b->is_closing && !rpc_is_up(r) && err == 0)
		err = cond_wait_until(&b->changed, &b->lock, deadline_ns);
	if (b->is_closing)
		return -ESHUTDOWN;
	return rpc_is_up(r) ? 0 : -ENOTCONN;
}

int bucket_pause(struct bucket *b, uint64_t ms, uint64_t deadline_ns)
{
	uint64_t until_ns = clock_deadline_ms((int64_t)ms);

	if (until_ns >= deadline_ns)
		return -ETIMEDOUT;
	b = owner_of(b);
	LOCK_SCOPE(&b->lock);
	while (!b->is_closing && cond_wait_until(&b->changed, &b->lock, until_ns) != -ETIMEDOUT)
		;
	return b->is_closing ? -ESHUTDOWN : 0;
}

static uint64_t longer_pause(uint64_t ms)
{
	return ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : ms * 2;
}

static bool is_open(struct bucket *b)
{
	LOCK_SCOPE(&b->lock);
	return b->is_open;
}

/* One attempt may not use up all the time, or a request that was lost is never repeated. */
static uint64_t attempt_ms(const struct bucket *b, uint64_t limit_ms)
{
	if (limit_ms > b->timeout_ms)
		return limit_ms;
	return b->is_hard ? b->timeout_ms : b->timeout_ms - b->timeout_ms / 3;
}

/* After an attempt without an answer: 0 when there is to be another one. */
static int after_failure(struct bucket *b, struct rpc *r, int err, uint64_t *pause_ms,
			 uint64_t deadline_ns)
{
	switch (err) {
	case -ENOTCONN:
		return is_open(b) ? bucket_wait_up(b, r, deadline_ns) : -ENOTCONN;
	case -ETIMEDOUT:
		return clock_now_ns() < deadline_ns ? 0 : -ETIMEDOUT;
	case -ENOENT:
		/* Nobody answers while a leader is elected or the server has just begun. */
		err = is_open(b) ? bucket_pause(b, *pause_ms, deadline_ns) : -ENODEV;
		*pause_ms = longer_pause(*pause_ms);
		return err == -ETIMEDOUT ? -ENODEV : err;
	default:
		return err;
	}
}

int bucket_call(struct bucket *b, struct rpc *r, const struct rpc_request *req, uint64_t limit_ms,
		natsMsg **ret)
{
	uint64_t deadline_ns = bucket_deadline(b), pause_ms = PAUSE_MIN_MS;
	struct rpc_request mine = *req;
	bool was_sent;
	int err;

	*ret = NULL;
	b = owner_of(b);
	if (limit_ms > b->timeout_ms && deadline_ns != UINT64_MAX)
		deadline_ns = clock_deadline_ms((int64_t)limit_ms);
	do {
		mine.deadline_ns = clock_deadline_ms((int64_t)attempt_ms(b, limit_ms));
		if (mine.deadline_ns > deadline_ns)
			mine.deadline_ns = deadline_ns;
		if (bucket_is_closing(b))
			return -ESHUTDOWN;
		err = rpc_call(r, &mine, ret, &was_sent);
		if (err == 0)
			return 0;
		err = after_failure(b, r, err, &pause_ms, deadline_ns);
	} while (err == 0);
	return err;
}

char *api_subject(const struct bucket *b, const char *verb)
{
	char *subject;

	if (asprintf(&subject, "%s.%s%s%s", b->api, verb, b->stream ? "." : "",
		     b->stream ? b->stream : "") < 0)
		return NULL;
	return subject;
}

static void copy_error(const cJSON *error, struct api_error *ret)
{
	const char *text = api_string(error, "description");

	ret->code = (int)api_u64(error, "code");
	ret->err_code = (int)api_u64(error, "err_code");
	snprintf(ret->description, sizeof(ret->description), "%s", text ? text : "");
}

int api_parse(natsMsg *msg, cJSON **ret, struct api_error *ret_error)
{
	_cleanup_json_ cJSON *json = NULL;
	struct api_error mine;
	const cJSON *error;
	int err;

	if (!ret_error)
		ret_error = &mine;
	*ret_error = (struct api_error){0};
	if (ret)
		*ret = NULL;
	json = cJSON_ParseWithLength(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
	if (!cJSON_IsObject(json))
		return -EIO;
	error = cJSON_GetObjectItemCaseSensitive(json, "error");
	if (!cJSON_IsObject(error)) {
		if (ret)
			*ret = steal_ptr(json);
		return 0;
	}
	copy_error(error, ret_error);
	/* Whatever was looked for in it: without the stream there is no bucket. */
	if (ret_error->err_code == API_NO_STREAM)
		return -ENODEV;
	err = errmap_api(ret_error->code, ret_error->err_code, ret_error->description);
	return err < 0 ? err : -EIO;
}

int api_call_once(struct bucket *b, struct rpc *r, const char *verb, const struct buf *body,
		  uint64_t deadline_ns, struct api_error *ret_error)
{
	_cleanup_free_ char *subject = api_subject(b, verb);
	struct rpc_request req = {.subject = subject, .deadline_ns = deadline_ns};
	_cleanup_msg_ natsMsg *msg = NULL;
	bool was_sent;
	int err;

	if (ret_error)
		*ret_error = (struct api_error){0};
	if (!subject || (body && buf_error(body) < 0))
		return -ENOMEM;
	if (body) {
		req.data = body->data;
		req.len = body->len;
	}
	err = rpc_call(r, &req, &msg, &was_sent);
	if (err < 0)
		return err == -ENOENT ? -ENOTCONN : err;
	return api_parse(msg, NULL, ret_error);
}

int api_call(struct bucket *b, struct rpc *r, const char *verb, const struct buf *body,
	     uint64_t limit_ms, cJSON **ret, struct api_error *ret_error)
{
	_cleanup_free_ char *subject = api_subject(b, verb);
	uint64_t deadline_ns = bucket_deadline(b), pause_ms = PAUSE_MIN_MS;
	struct rpc_request req = {.subject = subject};
	int err;

	if (ret)
		*ret = NULL;
	if (ret_error)
		*ret_error = (struct api_error){0};
	if (!subject || (body && buf_error(body) < 0))
		return -ENOMEM;
	if (body) {
		req.data = body->data;
		req.len = body->len;
	}
	for (;;) {
		_cleanup_msg_ natsMsg *msg = NULL;

		err = bucket_call(b, r, &req, limit_ms, &msg);
		if (err < 0)
			return err;
		err = api_parse(msg, ret, ret_error);
		if (err != -EAGAIN)
			return err;
		err = bucket_pause(b, pause_ms, deadline_ns);
		if (err < 0)
			return err == -ETIMEDOUT ? -EIO : err;
		pause_ms = longer_pause(pause_ms);
	}
}

int api_parse_ack(struct bucket *b, natsMsg *msg, uint64_t *ret_seq, struct api_error *ret_error)
{
	_cleanup_json_ cJSON *json = NULL;
	const char *stream, *domain;
	int err;

	err = api_parse(msg, &json, ret_error);
	if (err < 0)
		return err;
	stream = api_string(json, "stream");
	domain = api_string(json, "domain");
	if (!stream || strcmp(stream, b->stream) != 0 ||
	    (b->domain && (!domain || strcmp(domain, b->domain) != 0))) {
		log_error("%s: a publish was stored by %s%s%s instead", b->stream,
			  stream ? stream : "nobody", domain ? " of domain " : "",
			  domain ? domain : "");
		return -EIO;
	}
	*ret_seq = api_u64(json, "seq");
	/* A message with this identifier was refused, or is on its way: nothing is known to be
	 * stored. */
	if (*ret_seq == 0 && cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(json, "duplicate")))
		return -EAGAIN;
	return *ret_seq > 0 ? 0 : -EIO;
}

void api_append_string(struct buf *out, const char *s)
{
	buf_append_char(out, '"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c < 0x20) {
			buf_printf(out, "\\u%04x", c);
			continue;
		}
		if (c == '"' || c == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, *s);
	}
	buf_append_char(out, '"');
}

uint64_t api_u64(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	/* Negative numbers are the server's way to say that there is no limit. */
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 1))
		return 0;
	return item->valuedouble < 0x1p63 ? (uint64_t)item->valuedouble : (uint64_t)INT64_MAX;
}

bool api_bool(const cJSON *object, const char *key)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(object, key));
}

const char *api_string(const cJSON *object, const char *key)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);

	return cJSON_IsString(item) ? item->valuestring : NULL;
}
