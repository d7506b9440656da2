/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Disturbed uploads. Where every refusal was definite and nothing behind the acknowledged prefix
 * was stored, the refused chunks simply go back to the queue. Otherwise a chunk of unknown fate may
 * still arrive, at a place where it would corrupt the object, so everything is sent again under a
 * new identifier: the acknowledged prefix is read back by its sequences, what follows is still in
 * memory. The old identifier is purged afterwards, unless metadata went out with the chunk.
 *
 * While is_resuming, the fields of the put that describe its identifier and its flight belong to
 * this thread; put_add may add to the queue meanwhile.
 */
#include <inttypes.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/chunk_msg.h"
#include "objstore/group.h"
#include "objstore/put_internal.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/log.h"

/* Chunks read back and sent again at a time. */
#define BATCH 16
#define PAUSE_MIN_MS 50
#define PAUSE_MAX_MS 2000

/* The upload under its new identifier, as far as it has come. */
struct copy {
	struct put *put;
	char nuid[OBJ_NUID_LEN + 1];
	char *subject;
	struct seq_runs acked;
	uint64_t bytes;
	bool is_sent;
};

static void copy_done(struct copy *c)
{
	free(c->subject);
	seq_runs_done(&c->acked);
}

static bool is_abandoned(struct put *p)
{
	struct uploads *u = &p->bucket->uploads;

	LOCK_SCOPE(&u->lock);
	return p->is_closed || u->is_shut;
}

static void count_bytes(struct bucket *b, uint64_t add, uint64_t sub)
{
	LOCK_SCOPE(&b->uploads.lock);
	b->uploads.in_flight += add;
	b->uploads.in_flight -= sub;
}

/* Reads n chunks of the old identifier, from index idx on. */
static int read_back(struct put *p, uint32_t idx, size_t n, bool is_leader, struct chunk **ret)
{
	struct bucket *b = p->bucket;
	_cleanup_free_ char *api = api_subject(b, is_leader ? "STREAM.MSG.GET" : "DIRECT.GET");
	_cleanup_group_ struct group *g = group_new(n);
	int err = 0;

	if (!api || !g)
		return -ENOMEM;
	for (size_t i = 0; !err && i < n; i++) {
		_cleanup_buf_ struct buf body;
		struct rpc_request req = {.subject = api,
					  .deadline_ns = clock_deadline_ms((int64_t)b->timeout_ms)};

		buf_init(&body, 4096);
		chunk_msg_format(CHUNK_BY_SEQ, p->subject,
				 seq_runs_get(&p->acked, idx + (uint32_t)i), &body);
		req.data = body.data;
		req.len = body.len;
		err = buf_error(&body) < 0 ? -ENOMEM : group_send(g, i, b->read.rpc, &req);
	}
	group_wait(g);
	for (size_t i = 0; i < n && !err; i++) {
		struct group_item *item = group_item(g, i);
		uint64_t seq;

		/* Nobody answering is not the same as a message that is gone. */
		err = item->err == -ENOENT ? -EAGAIN : item->err;
		if (!err)
			err = chunk_msg_decode(is_leader, steal_ptr(item->msg), p->subject, &seq,
					       &ret[i]);
	}
	return err;
}

/* Sends n chunks in order and waits for all acknowledgements. */
static int send_batch(struct copy *c, struct chunk **chunks, size_t n)
{
	struct bucket *b = c->put->bucket;
	_cleanup_group_ struct group *g = group_new(n);
	uint64_t bytes = 0;
	int err = 0;

	if (!g)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++)
		bytes += chunks[i]->len;
	count_bytes(b, bytes, 0);
	c->is_sent = true;
	for (size_t i = 0; !err && i < n; i++) {
		struct rpc_request req = {.subject = c->subject,
					  .chunk = chunks[i],
					  .deadline_ns = clock_deadline_ms((int64_t)b->timeout_ms)};

		if (space_take_chunk(b, chunks[i]->len, strlen(c->subject)) == SPACE_FULL)
			err = -ENOSPC;
		else
			err = group_send(g, i, b->write.rpc, &req);
	}
	group_wait(g);
	count_bytes(b, 0, bytes);
	for (size_t i = 0; i < n && !err; i++) {
		struct group_item *item = group_item(g, i);
		uint64_t seq;

		err = item->err;
		if (!err)
			err = api_parse_ack(b, item->msg, &seq, NULL);
		if (!err)
			err = seq_runs_add(&c->acked, seq);
		/* Stored in another order than sent. */
		if (err == -ERANGE)
			err = -EAGAIN;
	}
	if (!err)
		c->bytes += bytes;
	return err;
}

static int send_prefix(struct copy *c)
{
	struct put *p = c->put;
	uint32_t count = p->acked.count;
	int err = 0;

	for (uint32_t idx = 0; !err && idx < count; idx += BATCH) {
		struct chunk *chunks[BATCH] = {NULL};
		size_t n = count - idx < BATCH ? count - idx : BATCH;

		if (is_abandoned(p))
			return -ECANCELED;
		err = read_back(p, idx, n, !p->bucket->allow_direct, chunks);
		if (err == -ENOENT && p->bucket->allow_direct) {
			for (size_t i = 0; i < n; i++)
				chunk_unref(steal_ptr(chunks[i]));
			err = read_back(p, idx, n, true, chunks);
		}
		if (err == -ENOENT) {
			log_error("%s: acknowledged chunks of an upload are gone",
				  p->bucket->store.bucket);
			err = -EIO;
		}
		if (!err)
			err = send_batch(c, chunks, n);
		for (size_t i = 0; i < n; i++)
			chunk_unref(chunks[i]);
	}
	if (!err && c->bytes != p->acked_bytes)
		err = -EIO;
	return err;
}

/* What is still in memory. The list does not change while is_resuming. */
static int send_flight(struct copy *c)
{
	struct list *it = c->put->flight.next;
	int err = 0;

	while (!err && it != &c->put->flight) {
		struct chunk *chunks[BATCH];
		size_t n = 0;

		if (is_abandoned(c->put))
			return -ECANCELED;
		for (; n < BATCH && it != &c->put->flight; it = it->next)
			chunks[n++] = list_entry(it, struct put_chunk, link)->chunk;
		err = send_batch(c, chunks, n);
	}
	return err;
}

static int send_again(struct copy *c)
{
	int err;

	obj_nuid_new(c->nuid);
	c->subject = obj_chunk_subject(c->put->bucket->store.bucket, c->nuid);
	if (!c->subject)
		return -ENOMEM;
	err = send_prefix(c);
	return err < 0 ? err : send_flight(c);
}

/* The copy becomes the upload. */
static void adopt(struct put *p, struct copy *c)
{
	struct bucket *b = p->bucket;
	struct list *l;

	/* What may be named already is left to whoever offers the name. */
	if (!p->is_paired)
		janitor_add(b, p->nuid, true);
	while ((l = list_pop_front(&p->flight))) {
		struct put_chunk *chunk = list_entry(l, struct put_chunk, link);

		put_chunk_hash(chunk);
		put_chunk_free(chunk);
	}
	LOCK_SCOPE(&b->uploads.lock);
	memcpy(p->nuid, c->nuid, sizeof(p->nuid));
	free(p->subject);
	p->subject = steal_ptr(c->subject);
	seq_runs_done(&p->acked);
	p->acked = c->acked;
	c->acked = (struct seq_runs){0};
	p->acked_bytes = c->bytes;
	p->is_unsure = false;
	p->trouble_ns = 0;
}

/* Nothing behind the prefix is stored or may be. */
static bool is_clean(const struct put *p)
{
	if (p->is_unsure)
		return false;
	list_for_each (it, &p->flight)
		if (list_entry(it, struct put_chunk, link)->seq > 0)
			return false;
	return true;
}

static void put_back(struct put *p)
{
	LOCK_SCOPE(&p->bucket->uploads.lock);
	list_splice_back(&p->flight, &p->queue);
	list_splice_back(&p->queue, &p->flight);
}

/* No longer than the time-out without progress, unless hard. */
static uint64_t deadline(const struct put *p)
{
	return p->bucket->is_hard ? UINT64_MAX
				  : p->trouble_ns + p->bucket->timeout_ms * (uint64_t)NS_PER_MS;
}

/* A stream that nobody answers for: gone, or between two leaders? */
static int check_stream(struct bucket *b)
{
	struct stream_info info;
	int err = stream_info_read(b, &info);

	return err == -ENOENT ? -ENODEV : err;
}

/* One try. -EAGAIN and other passing errors: to be repeated. */
static int try_resume(struct put *p, uint64_t deadline_ns)
{
	struct bucket *b = p->bucket;
	struct copy copy CLEANUP(copy_done) = {.put = p};
	int err;

	err = bucket_wait_up(b, b->write.rpc, deadline_ns);
	if (!err)
		err = bucket_wait_up(b, b->read.rpc, deadline_ns);
	if (!err)
		err = bucket_wait_up(b, b->control.rpc, deadline_ns);
	/* A server that does not answer a question does not take chunks either. */
	if (!err && (p->trouble == -ENOENT || p->is_unsure))
		err = check_stream(b);
	if (!err)
		err = bucket_check_writable(b);
	if (err < 0)
		return err;
	if (is_clean(p)) {
		put_back(p);
		return 0;
	}
	if (p->trouble == -ENOSPC)
		return -ENOSPC;
	log_info("%s: sending an interrupted upload again, %" PRIu64 " KiB were acknowledged",
		 b->store.bucket, p->acked_bytes / 1024);
	err = send_again(&copy);
	if (!err)
		adopt(p, &copy);
	else if (copy.is_sent)
		janitor_add(b, copy.nuid, true);
	return err;
}

static int resume(struct put *p)
{
	uint64_t deadline_ns = deadline(p), pause_ms = PAUSE_MIN_MS;
	int err;

	if (p->trouble == -ENOSPC && !bucket_make_room(p->bucket))
		return -ENOSPC;
	/* Busy, not lost: asking again at once makes it worse. */
	if (p->trouble == -EAGAIN || p->trouble == -ENOENT) {
		err = bucket_pause(p->bucket, PAUSE_MIN_MS, deadline_ns);
		if (err < 0)
			return err == -ETIMEDOUT ? -EIO : err;
	}
	while (!is_abandoned(p)) {
		err = try_resume(p, deadline_ns);
		if (!put_is_passing(p->bucket, err) || clock_now_ns() >= deadline_ns)
			return err;
		err = bucket_pause(p->bucket, pause_ms, deadline_ns);
		if (err < 0)
			return err;
		pause_ms = pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : pause_ms * 2;
	}
	return -ECANCELED;
}

/* Back to the running ones, or to its end. */
static void settle(struct put *p, int err)
{
	struct bucket *b = p->bucket;
	struct uploads *u = &b->uploads;
	bool is_end;

	mutex_lock(&u->lock);
	p->is_resuming = false;
	p->trouble = 0;
	if (err < 0 && p->err == 0)
		p->err = err == -EAGAIN || err == -ENOENT ? -EIO : err;
	is_end = p->is_closed;
	if (!is_end)
		list_push_back(&u->puts, &p->link);
	uploads_tell_locked(u);
	mutex_unlock(&u->lock);
	if (is_end)
		put_end(p);
	else
		uploads_pump(b);
}

static void *resume_main(void *arg)
{
	struct bucket *b = arg;
	struct uploads *u = &b->uploads;

	mutex_lock(&u->lock);
	while (!u->is_stopping) {
		struct list *l = list_pop_front(&u->disturbed);
		struct put *p;

		if (!l) {
			cond_wait(&u->changed, &u->lock);
			continue;
		}
		p = list_entry(l, struct put, link);
		p->is_disturbed = false;
		p->is_resuming = true;
		mutex_unlock(&u->lock);
		settle(p, resume(p));
		mutex_lock(&u->lock);
	}
	mutex_unlock(&u->lock);
	nats_ReleaseThreadMemory();
	return NULL;
}

int resume_start_locked(struct bucket *b)
{
	struct uploads *u = &b->uploads;
	int err;

	mutex_assert_held(&u->lock);
	if (u->has_thread)
		return 0;
	err = thread_start(&u->thread, "store-resume", resume_main, b);
	u->has_thread = err == 0;
	return err;
}
