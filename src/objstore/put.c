/* SPDX-License-Identifier: Apache-2.0 */
/* One upload as its owner sees it; uploads.c moves its chunks. */
#include <string.h>

#include "objstore/api.h"
#include "objstore/put_internal.h"
#include "objstore/subject.h"
#include "util/clock.h"
#include "util/log.h"

/* Such a chunk fits the socket's buffer, more or less. */
#define HELP_LEN (64 * 1024)

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

static int enqueue(struct put *p, struct put_chunk *c, bool is_helped)
{
	struct uploads *u = &p->bucket->uploads;

	LOCK_SCOPE(&u->lock);
	if (p->err)
		return p->err;
	if (p->n_added == UINT32_MAX)
		return -EFBIG;
	if (p->n_added == 0)
		p->first_ns = clock_now_ns();
	c->idx = p->n_added++;
	p->size += c->chunk->len;
	list_push_back(&p->queue, &c->link);
	p->is_helped = is_helped;
	uploads_pump_locked(p->bucket);
	p->is_helped = false;
	(void)put_settle_locked(p);
	return 0;
}

int put_add(struct store_put *sp, struct chunk *chunk)
{
	struct put *p = put_of(sp);
	struct put_chunk *c;
	bool is_helped;
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
	/* The whole of a small content: whoever adds it waits for its end next. */
	is_helped = chunk->len <= HELP_LEN && chunk->len < p->bucket->store.chunk_size;
	err = enqueue(p, c, is_helped);
	if (err < 0)
		put_chunk_free(c);
	else if (is_helped)
		rpc_help(p->bucket->control.rpc);
	chunk_unref(chunk);
	return err;
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
	uint64_t max_ns = p->bucket->at_open.max_age_ns;

	return max_ns > 0 && p->n_added > 0 && clock_now_ns() - p->first_ns > max_ns - max_ns / 10;
}

int put_finish(struct store_put *sp, struct put_result *ret)
{
	struct put *p = put_of(sp);
	struct uploads *u = &p->bucket->uploads;
	struct digest *sum;
	int err;

	mutex_lock(&u->lock);
	err = put_wait_locked(p, PUT_WAITS_END);
	if (err < 0) {
		mutex_unlock(&u->lock);
		return err;
	}
	if (is_too_old(p)) {
		mutex_unlock(&u->lock);
		log_error("%s: an upload took nearly as long as the bucket keeps anything",
			  p->bucket->store.bucket);
		return -EIO;
	}
	memcpy(ret->nuid, p->nuid, sizeof(ret->nuid));
	ret->size = p->size;
	ret->chunks = p->n_added;
	ret->max_chunk_size = p->bucket->store.chunk_size;
	mutex_unlock(&u->lock);
	mutex_lock(&p->hash_lock);
	sum = digest_dup(p->digest);
	mutex_unlock(&p->hash_lock);
	if (!sum)
		return -ENOMEM;
	digest_finish(sum, ret->digest);
	digest_free(sum);
	return 0;
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
