/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Learning where chunks are. The first and the last message are asked for together; in the common
 * case they prove the place of all others. If not, a consumer lists the headers of all messages.
 *
 *   NONE -> ASKED -> READY | LISTING | BAD
 *   LISTING -> READY | BAD;  ASKED, LISTING -> NONE when the connection failed
 */
#include <string.h>

#include "objstore/api.h"
#include "objstore/get_internal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

/* While nothing comes, the server says so this often; it also ends a listing that came short. */
#define HEARTBEAT_MS 1000
#define CREATE_MS 60000

/* Errors that say something about the content and not about the way to it. */
static bool is_final(int err)
{
	return err == -ESTALE || err == -EIO || err == -ENODEV;
}

static void fail_locked(struct get *g, int err)
{
	mutex_assert_held(&g->lock);
	g->index_err = err;
	g->state = is_final(err) ? INDEX_BAD : INDEX_NONE;
	if (g->state == INDEX_NONE)
		g->n_failures++;
	cond_broadcast(&g->changed);
}

static void fail(struct get *g, int err)
{
	LOCK_SCOPE(&g->lock);
	fail_locked(g, err);
}

void listing_drop(struct listing *l)
{
	get_unref(l->get);
	free(l);
}

void listing_free(struct listing *l)
{
	push_remove(l->get->bucket->read.push, l->get->bucket->read.rpc, &l->consumer);
	listing_drop(l);
}

/* Ends a listing; it is taken down by another thread. */
static void end_listing_locked(struct listing *l, int err)
{
	struct get *g = l->get;

	mutex_assert_held(&g->lock);
	l->is_over = true;
	if (!err)
		err = chunk_index_finish(&g->index);
	if (err < 0) {
		fail_locked(g, err);
		return;
	}
	g->state = INDEX_READY;
	cond_broadcast(&g->changed);
}

/* A message's share of the index. True when it was the last. */
static bool add_message_locked(struct listing *l, natsMsg *msg, const struct push_meta *meta,
			       int *ret_err)
{
	const char *text = rpc_msg_header(msg, "Nats-Msg-Size");
	uint64_t len;

	*ret_err = -EIO;
	if (strcmp(natsMsg_GetSubject(msg), l->get->subject) != 0 || !text ||
	    parse_u64(text, 10, 0, UINT32_MAX, &len) < 0)
		return true;
	/* A gap means that something was lost on the way: begin anew. */
	if (meta->consumer_seq != ++l->received) {
		*ret_err = -ENOTCONN;
		return true;
	}
	*ret_err = chunk_index_add(&l->get->index, meta->stream_seq, len);
	return *ret_err < 0 || meta->pending == 0;
}

static void on_event(void *arg, enum push_kind kind, natsMsg *msg, const struct push_meta *meta)
{
	struct listing *l = arg;
	struct get *g = l->get;
	struct bucket *b = g->bucket;
	bool is_end = false;
	int err = 0;

	mutex_lock(&g->lock);
	if (!l->is_over) {
		if (g->is_closed) {
			is_end = true;
			err = -ECANCELED;
		} else if (kind == PUSH_MESSAGE) {
			l->n_idle = 0;
			is_end = add_message_locked(l, msg, meta, &err);
		} else if (kind == PUSH_HEARTBEAT) {
			/* Purged meanwhile, or miscounted: nothing more will come. The first one
			 * may still speak of the slot's last user. */
			is_end = ++l->n_idle >= 2;
			err = meta->consumer_seq == l->received ? 0 : -ENOTCONN;
		}
		if (is_end)
			end_listing_locked(l, err);
	}
	mutex_unlock(&g->lock);
	if (kind == PUSH_FLOW)
		push_reply(b->read.rpc, msg);
	msg_free(msg);
	if (is_end)
		parked_add_listing(b, l);
}

/* Ends a listing for a reason of the connection, if it is not over. */
void listing_abort(struct listing *l, int err)
{
	struct get *g = l->get;
	struct bucket *b = g->bucket;
	bool is_mine;

	mutex_lock(&g->lock);
	is_mine = !l->is_over;
	if (is_mine)
		end_listing_locked(l, err);
	mutex_unlock(&g->lock);
	if (is_mine)
		parked_add_listing(b, l);
}

static void on_lost(void *arg)
{
	listing_abort(arg, -ENOTCONN);
}

/* The answer to the creation of a consumer; the listing may be over already, but it may not have
 * been freed, so the get is what is passed along. */
struct creation {
	struct get *get; /* a reference */
	struct listing *listing;
};

static void on_created(void *arg, natsMsg *msg, int err, bool was_sent)
{
	struct creation *c = arg;
	struct get *g = c->get;
	struct bucket *b = g->bucket;
	bool is_empty, is_mine;
	cJSON *json = NULL;

	(void)was_sent;
	if (!err)
		err = api_parse(msg, &json, NULL);
	/* Nobody to answer, or busy: as good as no connection. */
	if (err == -ENOENT || err == -EAGAIN || err == -EDQUOT)
		err = -ENOTCONN;
	is_empty = !err && push_total(json) == 0;
	cJSON_Delete(json);
	msg_free(msg);
	mutex_lock(&g->lock);
	/* Without a single message there will be no event. */
	if (is_empty && g->index.n_places == 0)
		err = -ESTALE;
	/* One that is not over is not freed either. */
	is_mine = err < 0 && g->state == INDEX_LISTING && g->listing == c->listing &&
		  !c->listing->is_over;
	if (is_mine)
		end_listing_locked(c->listing, err);
	mutex_unlock(&g->lock);
	if (is_mine)
		parked_add_listing(b, c->listing);
	get_unref(g);
	free(c);
}

/* Registers the consumer and asks for it. On error nothing is left of l. */
static int create_consumer(struct listing *l, struct creation *c)
{
	_cleanup_free_ char *subject = NULL, *body = NULL;
	struct bucket *b = l->get->bucket;
	const struct push_spec spec = {.filter = l->get->subject,
				       .deliver_policy = "all",
				       .is_headers_only = true,
				       .heartbeat_ms = HEARTBEAT_MS};
	struct rpc_request req = {
		.deadline_ns = clock_deadline_ms(CREATE_MS), .done = on_created, .arg = c};
	int err;

	err = push_add(b->read.push, &l->consumer, &spec, &subject, &body);
	if (err < 0)
		return err;
	req.subject = subject;
	req.data = body;
	req.len = strlen(body);
	return rpc_send(b->read.rpc, &req);
}

void listing_launch(struct listing *l)
{
	struct get *g = l->get;
	struct creation *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (c) {
		c->get = g;
		c->listing = l;
		atomic_fetch_add(&g->refs, 1);
		err = create_consumer(l, c);
		if (!err)
			return;
		free(c);
		get_unref(g);
	}
	if (err == -EBUSY)
		parked_add_waiting(g->bucket, l);
	else
		listing_abort(l, err);
}

static void start_listing(struct get *g)
{
	struct listing *l = calloc(1, sizeof(*l));

	if (!l) {
		fail(g, -ENOMEM);
		return;
	}
	list_init(&l->link);
	list_init(&l->consumer.link);
	l->consumer.handler = (struct push_handler){l, on_event, on_lost};
	l->get = g;
	atomic_fetch_add(&g->refs, 1);
	mutex_lock(&g->lock);
	g->listing = l;
	chunk_index_restart(&g->index);
	mutex_unlock(&g->lock);
	listing_launch(l);
}

/* Both ends are known. True when a listing is needed. */
static bool conclude_locked(struct get *g)
{
	struct chunk_end first, last;

	mutex_assert_held(&g->lock);
	first = (struct chunk_end){.seq = g->first_seq, .len = g->first ? g->first->len : 0};
	last = (struct chunk_end){.seq = g->last_seq, .len = g->last ? g->last->len : 0};
	if (g->index.n_promised == 1)
		last = first;
	if (chunk_index_prove(&g->index, &first, &last, g->max_chunk_size)) {
		/* NATS.Net's empty message is not the last chunk. */
		if (g->last && g->last->len == 0) {
			chunk_unref(g->last);
			g->last = NULL;
		}
		g->state = INDEX_READY;
		cond_broadcast(&g->changed);
		return false;
	}
	g->state = INDEX_LISTING;
	return true;
}

static void on_end(struct fetch *f, struct chunk *chunk, uint64_t seq, int err)
{
	struct get *g = f->get;
	bool is_listing = false;

	mutex_lock(&g->lock);
	if (!err && f->which == CHUNK_FIRST) {
		chunk_unref(g->first);
		g->first = chunk;
		g->first_seq = seq;
	} else if (!err) {
		chunk_unref(g->last);
		g->last = chunk;
		g->last_seq = seq;
	}
	if (err < 0 && (g->ask_err == 0 || is_final(err)))
		g->ask_err = err;
	if (--g->n_asked == 0) {
		if (g->ask_err < 0)
			fail_locked(g, g->ask_err);
		else
			is_listing = conclude_locked(g);
	}
	mutex_unlock(&g->lock);
	if (is_listing)
		start_listing(g);
	fetch_free(f);
}

void index_start(struct get *g)
{
	struct fetch *first = fetch_new(g, CHUNK_FIRST, on_end), *last = NULL;
	bool is_single;

	mutex_lock(&g->lock);
	is_single = g->index.n_promised == 1;
	mutex_unlock(&g->lock);
	if (first && !is_single)
		last = fetch_new(g, CHUNK_LAST, on_end);
	if (!first || (!is_single && !last)) {
		if (first)
			fetch_free(first);
		fail(g, -ENOMEM);
		return;
	}
	mutex_lock(&g->lock);
	g->n_asked = is_single ? 1 : 2;
	g->ask_err = 0;
	mutex_unlock(&g->lock);
	fetch_start(first, false);
	if (last)
		fetch_start(last, false);
}
