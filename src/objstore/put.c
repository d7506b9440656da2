/* SPDX-License-Identifier: Apache-2.0 */
/* One upload as its owner sees it; uploads.c moves its chunks. */
#include <string.h>

#include "objstore/api.h"
#include "objstore/put_internal.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/log.h"

/* Such a chunk fits the socket's buffer, more or less. */
#define HELD_LEN (64 * 1024)

static struct put *put_of(struct store_put *sp)
{
	return container_of(sp, struct put, pub);
}

static void put_free(struct put *p)
{
	if (!p)
		return;
	put_free_chunks(&p->queue);
	put_free_chunks(&p->flight);
	digest_free(p->digest);
	mutex_done(&p->hash_lock);
	cond_done(&p->turn);
	seq_runs_done(&p->acked);
	free(p->subject);
	free(p);
}

void put_end(struct put *p)
{
	struct uploads *u = &p->bucket->uploads;

	if (p->is_sent && !p->is_kept)
		janitor_add(p->bucket, p->nuid, p->is_unsure);
	put_free(p);
	LOCK_SCOPE(&u->lock);
	u->n_puts--;
	cond_broadcast(&u->changed);
}

int put_open(struct store *s, struct store_put **ret)
{
	struct bucket *b = bucket_of(s);
	struct put *p;
	int err = bucket_check_writable(b);

	*ret = NULL;
	if (err < 0)
		return err;
	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->pub.ops = &bucket_ops;
	p->bucket = b;
	list_init(&p->link);
	list_init(&p->queue);
	list_init(&p->flight);
	mutex_init(&p->hash_lock, LOCK_RANK_LEAF);
	list_init(&p->in_waiting);
	cond_init(&p->turn);
	obj_nuid_new(p->nuid);
	p->subject = obj_chunk_subject(s->bucket, p->nuid);
	p->digest = digest_new();
	if (!p->subject || !p->digest) {
		put_free(p);
		return -ENOMEM;
	}
	mutex_lock(&b->uploads.lock);
	b->uploads.n_puts++;
	list_push_back(&b->uploads.puts, &p->link);
	mutex_unlock(&b->uploads.lock);
	*ret = &p->pub;
	return 0;
}

static int enqueue(struct put *p, struct put_chunk *c, bool is_small)
{
	struct uploads *u = &p->bucket->uploads;

	LOCK_SCOPE(&u->lock);
	if (p->err)
		return p->err;
	if (p->n_added == UINT32_MAX)
		return -EFBIG;
	if (p->n_added == 0)
		p->first_ns = clock_now_ns();
	p->is_held = is_small && p->n_added == 0;
	c->idx = p->n_added++;
	p->size += c->chunk->len;
	list_push_back(&p->queue, &c->link);
	uploads_pump_locked(p->bucket);
	(void)put_settle_locked(p);
	return 0;
}

/* A small first chunk is mostly the whole content: it is held until its owner says what is next,
 * and goes out at once then. */
int put_add(struct store_put *sp, struct chunk *chunk)
{
	struct put *p = put_of(sp);
	struct put_chunk *c;
	bool is_small;
	int err;

	if (chunk->len == 0 || chunk->len > p->bucket->store.chunk_size) {
		chunk_unref(chunk);
		return -EINVAL;
	}
	c = calloc(1, sizeof(*c));
	if (!c) {
		chunk_unref(chunk);
		return -ENOMEM;
	}
	list_init(&c->link);
	c->put = p;
	c->chunk = chunk_ref(chunk);
	is_small = chunk->len <= HELD_LEN && chunk->len < p->bucket->store.chunk_size;
	err = enqueue(p, c, is_small);
	if (err < 0)
		put_chunk_free(c);
	chunk_unref(chunk);
	return err;
}

/* What is held goes out by itself. */
static void send_held(struct put *p)
{
	struct uploads *u = &p->bucket->uploads;
	bool was_held;

	mutex_lock(&u->lock);
	was_held = p->is_held;
	p->is_held = false;
	p->is_helped = was_held;
	if (was_held)
		uploads_pump_locked(p->bucket);
	p->is_helped = false;
	/* It may have failed without being sent. */
	(void)put_settle_locked(p);
	mutex_unlock(&u->lock);
	if (was_held)
		rpc_help(p->bucket->control.rpc);
}

bool put_has_room(struct store_put *sp)
{
	struct put *p = put_of(sp);

	LOCK_SCOPE(&p->bucket->uploads.lock);
	return put_has_room_locked(p);
}

int put_wait_room(struct store_put *sp)
{
	struct put *p = put_of(sp);

	LOCK_SCOPE(&p->bucket->uploads.lock);
	return put_wait_locked(p, PUT_WAITS_ROOM);
}

/* Content whose first chunk is about to expire would be gone as soon as it has a name. */
static bool is_too_old(const struct put *p)
{
	uint64_t max_ns = atomic_load(&p->bucket->max_age_ns);

	return max_ns > 0 && p->n_added > 0 && clock_now_ns() - p->first_ns > max_ns - max_ns / 10;
}

static int fill_result(struct put *p, struct put_result *ret)
{
	struct digest *sum;

	mutex_lock(&p->bucket->uploads.lock);
	memcpy(ret->nuid, p->nuid, sizeof(ret->nuid));
	ret->size = p->size;
	ret->chunks = p->n_added;
	ret->max_chunk_size = p->bucket->store.chunk_size;
	mutex_unlock(&p->bucket->uploads.lock);
	mutex_lock(&p->hash_lock);
	sum = digest_dup(p->digest);
	mutex_unlock(&p->hash_lock);
	if (!sum)
		return -ENOMEM;
	digest_finish(sum, ret->digest);
	digest_free(sum);
	return 0;
}

int put_wait_end(struct put *p)
{
	struct uploads *u = &p->bucket->uploads;
	int err;

	send_held(p);
	mutex_lock(&u->lock);
	err = put_wait_locked(p, PUT_WAITS_END);
	mutex_unlock(&u->lock);
	if (err < 0)
		return err;
	if (is_too_old(p)) {
		log_error("%s: an upload took nearly as long as the bucket keeps anything",
			  p->bucket->store.bucket);
		return -EIO;
	}
	return 0;
}

void put_end_pair(struct put *p, char ret_nuid[OBJ_NUID_LEN + 1])
{
	LOCK_SCOPE(&p->bucket->uploads.lock);
	p->is_paired = false;
	memcpy(ret_nuid, p->nuid, sizeof(p->nuid));
}

int put_finish(struct store_put *sp, struct put_result *ret)
{
	struct put *p = put_of(sp);
	int err = put_wait_end(p);

	return err < 0 ? err : fill_result(p, ret);
}

/* The chunk that is held, if there is one and it may go out with the metadata. */
static struct put_chunk *held_chunk(struct put *p)
{
	struct uploads *u = &p->bucket->uploads;

	if (p->bucket->at_open.replicas != 1)
		return NULL;
	LOCK_SCOPE(&u->lock);
	return p->is_held ? list_entry(p->queue.next, struct put_chunk, link) : NULL;
}

int put_foretell(struct store_put *sp, struct put_result *ret)
{
	struct put *p = put_of(sp);
	struct put_chunk *c = held_chunk(p);

	if (!c)
		return put_finish(sp, ret);
	put_chunk_hash(c);
	return fill_result(p, ret);
}

void put_close(struct store_put *sp, bool keep)
{
	struct put *p = put_of(sp);
	struct uploads *u = &p->bucket->uploads;
	struct list dropped = LIST_INITIALIZER(dropped);
	bool is_end;

	mutex_lock(&u->lock);
	p->is_closed = true;
	p->is_kept = keep;
	list_splice_back(&dropped, &p->queue);
	is_end = put_settle_locked(p);
	uploads_tell_locked(u);
	mutex_unlock(&u->lock);
	put_free_chunks(&dropped);
	if (is_end)
		put_end(p);
}
