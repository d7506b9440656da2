/* SPDX-License-Identifier: Apache-2.0 */
/* Single messages as the server stores them: reading and understanding them. */
#include <inttypes.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "util/base64url.h"

/* Before a busy server is asked again. */
#define BUSY_MS 50

static int decode(const char *text, uint8_t **ret, size_t *ret_len)
{
	size_t len = strlen(text), cap = len / 4 * 3 + 3;
	_cleanup_free_ uint8_t *data = malloc(cap);

	*ret_len = 0;
	if (!data)
		return -ENOMEM;
	if (base64_decode(text, len, data, cap, ret_len) < 0)
		return -EIO;
	*ret = steal_ptr(data);
	return 0;
}

static bool is_kv_removal(const char *operation)
{
	return strcmp(operation, "DEL") == 0 || strcmp(operation, "PURGE") == 0;
}

bool api_is_removal(natsMsg *msg)
{
	const char *operation = rpc_msg_header(msg, HEADER_KV_OPERATION);

	return (operation && is_kv_removal(operation)) ||
	       (natsMsg_GetDataLength(msg) == 0 && rpc_msg_header(msg, HEADER_MARKER));
}

/* The value of a header in a block of them, or NULL; the caller frees. */
static char *find_header(const char *block, const char *key)
{
	size_t len = strlen(key);

	for (const char *line = strchr(block, '\n'); line; line = strchr(line, '\n')) {
		line++;
		if (strncmp(line, key, len) != 0 || line[len] != ':')
			continue;
		line += len + 1;
		line += strspn(line, " ");
		return strndup(line, strcspn(line, "\r\n"));
	}
	return NULL;
}

/* A block with a NUL in it says nothing. */
static int read_headers(const char *text, struct stored *ret)
{
	_cleanup_free_ char *operation = NULL;
	_cleanup_free_ char *marker = NULL;
	_cleanup_free_ uint8_t *raw = NULL;
	size_t len;
	int err;

	if (!text)
		return 0;
	err = decode(text, &raw, &len);
	if (err < 0)
		return err == -ENOMEM ? err : 0;
	ret->headers = strndup((const char *)raw, len);
	if (!ret->headers)
		return -ENOMEM;
	operation = find_header(ret->headers, HEADER_KV_OPERATION);
	marker = find_header(ret->headers, HEADER_MARKER);
	ret->is_removal = (operation && is_kv_removal(operation)) || (marker && ret->len == 0);
	return 0;
}

int stored_parse(natsMsg *msg, struct stored *ret)
{
	_cleanup_json_ cJSON *json = NULL;
	const cJSON *message;
	const char *time, *data;
	int err;

	*ret = (struct stored){0};
	err = api_parse(msg, &json, NULL);
	if (err < 0)
		return err;
	message = cJSON_GetObjectItemCaseSensitive(json, "message");
	ret->subject = api_string(message, "subject");
	ret->seq = api_u64(message, "seq");
	time = api_string(message, "time");
	if (!ret->subject || ret->seq == 0 || !time || obj_time_parse(time, &ret->time_ns) < 0)
		return -EIO;
	data = api_string(message, "data");
	if (data && *data) {
		err = decode(data, &ret->data, &ret->len);
		if (err < 0)
			return err;
	}
	err = read_headers(api_string(message, "hdrs"), ret);
	if (err < 0) {
		stored_done(ret);
		return err;
	}
	ret->owner = steal_ptr(json);
	return 0;
}

void stored_done(struct stored *s)
{
	free(s->data);
	free(s->headers);
	s->data = NULL;
	s->headers = NULL;
	cJSON_Delete(s->owner);
	s->owner = NULL;
}

int stored_ask(struct bucket *b, const struct buf *body, struct stored *ret)
{
	_cleanup_free_ char *subject = api_subject(b, "STREAM.MSG.GET");
	struct rpc_request req = {.subject = subject};
	_cleanup_msg_ natsMsg *msg = NULL;
	int err;

	*ret = (struct stored){0};
	if (!subject || buf_error(body) < 0)
		return -ENOMEM;
	req.data = body->data;
	req.len = body->len;
	err = bucket_call(b, b->control.rpc, &req, 0, &msg);
	return err < 0 ? err : stored_parse(msg, ret);
}

int stored_read(struct bucket *b, const struct buf *body, struct stored *ret)
{
	uint64_t deadline_ns = bucket_deadline(b);
	int err;

	do {
		err = stored_ask(b, body, ret);
	} while (err == -EAGAIN && bucket_pause(b, BUSY_MS, deadline_ns) == 0);
	return err == -EAGAIN ? -EIO : err;
}

int stored_read_seq(struct bucket *b, uint64_t seq, struct stored *ret)
{
	_cleanup_buf_ struct buf body;

	buf_init(&body, 64);
	buf_printf(&body, "{\"seq\":%" PRIu64 "}", seq);
	return stored_read(b, &body, ret);
}

void stored_format_last(const char *subject, struct buf *out)
{
	buf_append_str(out, "{\"last_by_subj\":");
	api_append_string(out, subject);
	buf_append_char(out, '}');
}
