/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A window over the chunks: slots [first, next) are requested, in a ring of n_slots. Answers come
 * in any order on threads of the store and fill their slot; the caller's thread takes them in order
 * and asks for more.
 *
 * Whenever the lock is free: n_pending is the number of requested slots without an answer; a slot's
 * chunk belongs to the slot. The ring outlives every request, because its end waits for n_pending
 * to become 0 after the get was closed.
 */
#include "prog/cmd_download.h"

#include <errno.h>
#include <string.h>

#include "objstore/digest.h"
#include "util/lock.h"

#define WINDOW_BYTES (UINT32_C(16) << 20)
#define SLOTS_MAX 128
/* Where the metadata does not say how large chunks are, or where they are very large. */
#define SLOTS_MIN 4

struct slot {
	struct ring *ring;
	struct chunk *chunk;
	int err;
	bool is_done;
};

struct ring {
	/* set before sharing */
	struct store_get *get;
	uint32_t n_chunks, n_slots;
	/* the caller's thread only */
	uint32_t first, next;
	struct mutex lock;
	struct cond changed;
	/* protected by lock */
	unsigned int n_pending;
	struct slot slots[SLOTS_MAX];
};

static void on_chunk(void *arg, uint32_t idx, struct chunk *chunk, int err)
{
	struct slot *slot = arg;
	struct ring *r = slot->ring;

	(void)idx;
	LOCK_SCOPE(&r->lock);
	slot->chunk = chunk;
	slot->err = chunk ? 0 : err < 0 ? err : -EIO;
	slot->is_done = true;
	r->n_pending--;
	cond_broadcast(&r->changed);
}

static uint32_t window_slots(const struct obj_info *info)
{
	uint32_t n;

	if (info->max_chunk_size == 0)
		return SLOTS_MIN;
	n = WINDOW_BYTES / info->max_chunk_size;
	return n < SLOTS_MIN ? SLOTS_MIN : n > SLOTS_MAX ? SLOTS_MAX : n;
}

static struct ring *ring_new(const struct obj_info *info)
{
	struct ring *r = calloc(1, sizeof(*r));

	if (!r)
		return NULL;
	mutex_init(&r->lock, LOCK_RANK_LEAF);
	cond_init(&r->changed);
	r->n_chunks = info->chunks;
	r->n_slots = window_slots(info);
	for (size_t i = 0; i < SLOTS_MAX; i++)
		r->slots[i].ring = r;
	return r;
}

static void ring_free(struct ring *r)
{
	if (!r)
		return;
	store_get_close(r->get);
	mutex_lock(&r->lock);
	while (r->n_pending > 0)
		cond_wait(&r->changed, &r->lock);
	mutex_unlock(&r->lock);
	for (size_t i = 0; i < SLOTS_MAX; i++)
		chunk_unref(r->slots[i].chunk);
	cond_done(&r->changed);
	mutex_done(&r->lock);
	free(r);
}
DEFINE_CLEANUP(struct ring *, ring_free)

static int request_one(struct ring *r)
{
	struct slot *slot = &r->slots[r->next % r->n_slots];
	int err;

	/* Counted before, since the answer may come at once. */
	mutex_lock(&r->lock);
	slot->is_done = false;
	r->n_pending++;
	mutex_unlock(&r->lock);
	err = store_get_chunk(r->get, r->next, on_chunk, slot);
	if (!err) {
		r->next++;
		return 0;
	}
	mutex_lock(&r->lock);
	r->n_pending--;
	mutex_unlock(&r->lock);
	return err;
}

static int fill_window(struct ring *r)
{
	while (r->next < r->n_chunks && r->next - r->first < r->n_slots) {
		int err = request_one(r);

		if (err)
			return err;
	}
	return 0;
}

static int take_first(struct ring *r, struct chunk **ret)
{
	struct slot *slot = &r->slots[r->first % r->n_slots];

	LOCK_SCOPE(&r->lock);
	while (!slot->is_done)
		cond_wait(&r->changed, &r->lock);
	if (slot->err)
		return slot->err;
	*ret = steal_ptr(slot->chunk);
	r->first++;
	return 0;
}

/* What fn gets of the chunks from r->first on: len bytes after the first skip. d may be NULL. */
static int deliver(struct ring *r, uint64_t skip, uint64_t len, struct digest *d, download_fn fn,
		   void *arg)
{
	while (r->first < r->n_chunks) {
		_cleanup_chunk_ struct chunk *c = NULL;
		const uint8_t *data;
		size_t n;
		int err = fill_window(r);

		if (!err)
			err = take_first(r, &c);
		if (err)
			return err;
		if (skip >= c->len && skip > 0)
			return -EBADMSG;
		data = c->data ? c->data + skip : NULL;
		n = c->len - skip;
		skip = 0;
		/* Only the last chunk of a part is longer than what is wanted of it. */
		if (d && n > len)
			return -EBADMSG;
		n = n < len ? n : len;
		len -= n;
		if (d)
			digest_add(d, data, n);
		err = n > 0 ? fn(arg, data, n) : 0;
		if (err)
			return err;
	}
	return len > 0 ? -EBADMSG : 0;
}

static int open_ring(struct store *s, const struct obj_info *info, struct ring **ret)
{
	struct ring *r CLEANUP(ring_free_p) = ring_new(info);
	int err = r ? 0 : -ENOMEM;

	if (!err && info->is_malformed)
		err = -EIO;
	if (!err && info->chunks > 0)
		err = store_get_open(s, info, &r->get);
	if (!err && info->chunks > 0)
		err = store_get_index(r->get, true);
	if (!err)
		*ret = steal_ptr(r);
	return err;
}

int download(struct store *s, const struct obj_info *info, download_fn fn, void *arg)
{
	struct ring *r CLEANUP(ring_free_p) = NULL;
	struct digest *d = digest_new();
	uint8_t digest[OBJ_DIGEST_LEN];
	int err = d ? open_ring(s, info, &r) : -ENOMEM;

	if (!err)
		err = deliver(r, 0, info->size, d, fn, arg);
	if (!err)
		digest_finish(d, digest);
	digest_free(d);
	if (!err && info->has_digest && memcmp(digest, info->digest, sizeof(digest)) != 0)
		err = -EBADMSG;
	return err;
}

int download_range(struct store *s, const struct obj_info *info, uint64_t off, uint64_t len,
		   download_fn fn, void *arg)
{
	struct ring *r CLEANUP(ring_free_p) = NULL;
	uint32_t first, last;
	uint64_t start, ignored;
	int err;

	if (off == 0 && len == info->size)
		return download(s, info, fn, arg);
	if (len == 0)
		return 0;
	if (off >= info->size || len > info->size - off)
		return -EINVAL;
	err = open_ring(s, info, &r);
	if (!err && !r->get)
		err = -EBADMSG;
	if (err)
		return err;
	store_get_locate(r->get, off, &first, &start);
	store_get_locate(r->get, off + len - 1, &last, &ignored);
	r->first = r->next = first;
	r->n_chunks = last + 1;
	return deliver(r, off - start, len, NULL, fn, arg);
}
