/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Removal of messages by subject, on a connection of its own. A filtered purge visits every block
 * of the stream and delays everyone, so whoever purges takes a turn ("busy"), with one removal or,
 * where there is a hurry, with some.
 */
#include <inttypes.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/group.h"
#include "objstore/subject.h"
#include "util/clock.h"

/* A purge in a large bucket takes its time. */
#define PURGE_MS 60000
#define IN_FLIGHT 32

static void take_turn(struct janitor *j)
{
	LOCK_SCOPE(&j->lock);
	while (j->is_busy)
		cond_wait(&j->changed, &j->lock);
	j->is_busy = true;
}

static void give_turn(struct janitor *j)
{
	LOCK_SCOPE(&j->lock);
	j->is_busy = false;
	cond_broadcast(&j->changed);
}

static void format_body(struct buf *out, const char *subject, uint64_t seq_end)
{
	buf_append_str(out, "{\"filter\":");
	api_append_string(out, subject);
	if (seq_end > 0)
		buf_printf(out, ",\"seq\":%" PRIu64, seq_end);
	buf_append_char(out, '}');
}

int purge_subject(struct bucket *b, const char *subject, uint64_t seq_end)
{
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_buf_ struct buf body;
	int err;

	/* Without a filter the server would take it for all. */
	if (!*subject || !b->janitor_link.rpc)
		return -EINVAL;
	buf_init(&body, 64 * 1024);
	format_body(&body, subject, seq_end);
	take_turn(&b->janitor);
	regain_removing(b, subject);
	err = api_call(b, b->janitor_link.rpc, "STREAM.PURGE", &body, PURGE_MS, &json, NULL);
	regain_removing(b, subject);
	give_turn(&b->janitor);
	if (!err && !api_bool(json, "success"))
		err = -EIO;
	return err;
}

int purge_nuid(struct bucket *b, const char *nuid)
{
	_cleanup_free_ char *subject = obj_chunk_subject(b->store.bucket, nuid);

	return subject ? purge_subject(b, subject, 0) : -ENOMEM;
}

/* A removal among others. */
static int send_purge(struct bucket *b, struct group *g, size_t i, const char *api,
		      const char *nuid)
{
	_cleanup_free_ char *subject = obj_chunk_subject(b->store.bucket, nuid);
	_cleanup_buf_ struct buf body;
	struct rpc_request req = {.subject = api,
				  .deadline_ns = clock_deadline_ms((int64_t)PURGE_MS)};

	buf_init(&body, 4096);
	if (!subject)
		return -ENOMEM;
	format_body(&body, subject, 0);
	if (buf_error(&body) < 0)
		return -ENOMEM;
	req.data = body.data;
	req.len = body.len;
	return group_send(g, i, b->janitor_link.rpc, &req);
}

/* Up to IN_FLIGHT at a time; what fails is asked for again alone, with patience. */
static void purge_some(struct bucket *b, const char *const *nuids, size_t n, int *ret_errs)
{
	_cleanup_free_ char *api = api_subject(b, "STREAM.PURGE");
	_cleanup_group_ struct group *g = group_new(n);

	if (!api || !g) {
		for (size_t i = 0; i < n; i++)
			ret_errs[i] = -ENOMEM;
		return;
	}
	take_turn(&b->janitor);
	for (size_t i = 0; i < n; i++)
		ret_errs[i] = obj_nuid_is_valid(nuids[i], strlen(nuids[i]))
				      ? send_purge(b, g, i, api, nuids[i])
				      : -EINVAL;
	group_wait(g);
	give_turn(&b->janitor);
	for (size_t i = 0; i < n; i++) {
		struct group_item *item = group_item(g, i);

		if (!ret_errs[i])
			ret_errs[i] = item->err < 0 ? item->err : api_parse(item->msg, NULL, NULL);
		if (api_is_passing(ret_errs[i]) || ret_errs[i] == -EIO)
			ret_errs[i] = purge_nuid(b, nuids[i]);
	}
}

void purge_all(struct store *s, const char *const *nuids, size_t n, int *ret_errs)
{
	struct bucket *b = bucket_of(s);
	int err = bucket_check_writable(b);

	if (!err)
		err = bucket_enter(b);
	for (size_t i = 0; i < n && err < 0; i++)
		ret_errs[i] = err;
	if (err < 0)
		return;
	for (size_t i = 0; i < n; i += IN_FLIGHT)
		purge_some(b, nuids + i, n - i < IN_FLIGHT ? n - i : IN_FLIGHT, ret_errs + i);
	bucket_leave(b);
}

int purge_last(struct bucket *b, const char *subject, uint64_t seq_end, uint64_t deadline_ns)
{
	_cleanup_buf_ struct buf body;
	int err;

	buf_init(&body, 4096);
	if (!subject)
		return -ENOMEM;
	format_body(&body, subject, seq_end);
	regain_removing(b, subject);
	err = api_call_once(b, b->janitor_link.rpc, "STREAM.PURGE", &body, deadline_ns, NULL);
	regain_removing(b, subject);
	return err;
}

int purge_once(struct bucket *b, const char *subject, uint64_t seq_end)
{
	int err;

	take_turn(&b->janitor);
	err = purge_last(b, subject, seq_end, clock_deadline_ms(PURGE_MS));
	give_turn(&b->janitor);
	return err;
}
