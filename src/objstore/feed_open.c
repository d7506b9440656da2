/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making the consumer of a feed.
 *
 * To list a million names the server works for seconds, on a busy machine for minutes, before it
 * answers. Many versions do so in the read loop of the connection that asked, so that pings stay
 * unanswered there, and with them all that others ask. Such a request therefore gets a connection
 * of its own, which is patient. Events come over the control connection nevertheless, whose pings
 * say meanwhile whether the server lives.
 */
#include "objstore/feed.h"

#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "util/clock.h"
#include "util/log.h"

#define CREATE_MS 60000
/* The control connection tells of a server that died. */
#define LISTING_MS (10 * 60 * 1000)
#define CLOSING_POLL_MS 200

struct creation {
	struct feed *feed;
	/* protected by the feed's lock */
	bool is_done;
	natsMsg *msg;
	int err;
};

static void on_created(void *arg, natsMsg *msg, int err, bool was_sent)
{
	struct creation *c = arg;

	(void)was_sent;
	LOCK_SCOPE(c->feed->lock);
	c->msg = msg;
	c->err = err;
	c->is_done = true;
	cond_broadcast(c->feed->changed);
}

static bool is_over(const struct creation *c)
{
	uint64_t until_ns = clock_deadline_ms(CLOSING_POLL_MS);
	const struct feed *f = c->feed;
	int err = 0;

	LOCK_SCOPE(f->lock);
	while (!err && !c->is_done && !f->is_lost)
		err = cond_wait_until(f->changed, f->lock, until_ns);
	return c->is_done || f->is_lost;
}

static int ask_on_control(const struct feed *f, const struct rpc_request *req, natsMsg **ret)
{
	struct rpc_request mine = *req;
	bool was_sent;

	mine.deadline_ns = clock_deadline_ms(CREATE_MS);
	return rpc_call(f->bucket->control.rpc, &mine, ret, &was_sent);
}

static bool is_lost(const struct feed *f)
{
	LOCK_SCOPE(f->lock);
	return f->is_lost;
}

static int ask_beside(struct feed *f, const struct rpc_request *req, natsMsg **ret)
{
	struct creation c = {.feed = f};
	struct rpc_request mine = *req;
	_cleanup_free_ char *why = NULL;
	struct rpc *listing;
	int err = rpc_open_beside(f->bucket->control.rpc, CONN_LISTING, &listing, &why);

	/* Where connections are limited there may be none left. */
	if (err < 0) {
		log_debug("listing connection: %s", why ? why : strerrordesc_np(-err));
		return ask_on_control(f, req, ret);
	}
	mine.deadline_ns = clock_deadline_ms(LISTING_MS);
	mine.done = on_created;
	mine.arg = &c;
	err = rpc_send(listing, &mine);
	/* Until the answer is there or of no use any more. */
	while (!err && !is_over(&c) && !bucket_is_closing(f->bucket))
		;
	/* Whatever is pending ends with it. */
	rpc_close(listing);
	if (err < 0)
		return err;
	*ret = c.msg;
	return is_lost(f) ? -ENOTCONN : c.err;
}

static const char *policy(uint64_t start_seq)
{
	if (start_seq == 0)
		return "last_per_subject";
	return start_seq == 1 ? "all" : "by_start_sequence";
}

int feed_open(struct feed *f, uint64_t start_seq, uint64_t *ret_total)
{
	struct bucket *b = f->bucket;
	_cleanup_free_ char *filter = meta_token_subject(b, ">"), *subject = NULL, *body = NULL;
	struct push_spec spec = {.filter = filter,
				 .deliver_policy = policy(start_seq),
				 .start_seq = start_seq > 1 ? start_seq : 0,
				 .heartbeat_ms = FEED_HEARTBEAT_MS};
	struct rpc_request req = {0};
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_msg_ natsMsg *msg = NULL;
	int err;

	if (!filter)
		return -ENOMEM;
	f->received = 0;
	f->n_idle = f->n_behind = 0;
	err = push_add(b->control.push, &f->consumer, &spec, &subject, &body);
	if (err < 0)
		return err;
	req.subject = subject;
	req.data = body;
	req.len = strlen(body);
	err = f->is_large && start_seq <= 1 ? ask_beside(f, &req, &msg)
					    : ask_on_control(f, &req, &msg);
	if (err == -ENOENT)
		return -EAGAIN;
	if (!err)
		err = api_parse(msg, &json, NULL);
	if (!err)
		*ret_total = push_total(json);
	f->heard_ns = clock_now_ns();
	return err;
}
