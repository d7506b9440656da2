/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/chunk_cache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

/*
 * A slot is FETCHING from its insertion until the store's answer, then READY until it is evicted,
 * or FAILED. A failed slot leaves the table at once and lives on only for those that wait for it,
 * so that the next reader asks again.
 */
enum slot_state { SLOT_FETCHING, SLOT_READY, SLOT_FAILED };

struct slot {
	struct hash_node by_key;
	struct list in_lru; /* or in spent */
	bool is_spent;
	bool is_kept; /* in neither list */
	struct list in_source;
	struct chunk_source *source;
	uint32_t idx;
	uint64_t bytes; /* as it is counted: the source's chunk_bytes until the answer came */
	enum slot_state state;
	struct chunk *chunk;
	int err;
	unsigned waiters;
	struct cond answered;
};

/* What is asked for ahead of need, of all contents together, is no more than this and a quarter of
 * the limit. It is what the server has to send before it turns to anything else, and a server cuts
 * off whoever has 64 MiB outstanding. */
#define FETCHING_MAX (UINT64_C(16) << 20)

static uint64_t slot_hash(uint64_t source, uint32_t idx)
{
	return (source * UINT64_C(0x9E3779B97F4A7C15)) ^
	       ((uint64_t)idx * UINT64_C(0xC2B2AE3D27D4EB4F));
}

void chunk_cache_init(struct chunk_cache *c, uint64_t max_bytes)
{
	*c = (struct chunk_cache){.max_bytes = max_bytes, .next_source = 1};
	mutex_init(&c->lock, LOCK_RANK_LEAF);
	hash_init(&c->slots);
	list_init(&c->lru);
	list_init(&c->spent);
}

void chunk_cache_done(struct chunk_cache *c)
{
	assert(c->slots.count == 0);
	hash_done(&c->slots);
	mutex_done(&c->lock);
}

void chunk_source_init(struct chunk_source *s, struct chunk_cache *c, struct store_get *get,
		       uint64_t chunk_bytes)
{
	*s = (struct chunk_source){.cache = c, .get = get, .chunk_bytes = chunk_bytes};
	list_init(&s->slots);
	cond_init(&s->idle);
	LOCK_SCOPE(&c->lock);
	s->id = c->next_source++;
}

static struct slot *find_locked(struct chunk_source *s, uint32_t idx)
{
	uint64_t h = slot_hash(s->id, idx);

	hash_for_each (it, &s->cache->slots, h) {
		struct slot *slot = container_of(it, struct slot, by_key);

		if (it->hash == h && slot->source == s && slot->idx == idx)
			return slot;
	}
	return NULL;
}

static void free_slot(struct slot *slot)
{
	cond_done(&slot->answered);
	free(slot);
}

/* Takes a slot out of table and lists; returns its chunk, to be released without the lock. */
static struct chunk *remove_locked(struct slot *slot)
{
	struct chunk_source *s = slot->source;
	struct chunk *chunk = steal_ptr(slot->chunk);

	hash_remove(&s->cache->slots, &slot->by_key);
	list_remove(&slot->in_lru);
	s->cache->n_spent -= slot->is_spent;
	s->cache->kept_bytes -= slot->is_kept ? slot->bytes : 0;
	list_remove(&slot->in_source);
	s->cache->bytes -= slot->bytes;
	if (slot->waiters == 0)
		free_slot(slot);
	return chunk;
}

/* Evicts until need more bytes fit; false when only requests under way are left. The chunks that
 * went are released by the caller through freed, a small batch at a time. */
#define EVICT_BATCH 8

static bool make_room_locked(struct chunk_cache *c, uint64_t need, struct chunk **freed, int *n)
{
	while (c->bytes + need > c->max_bytes && *n < EVICT_BATCH) {
		struct list *from = list_is_empty(&c->spent) ? &c->lru : &c->spent;

		if (list_is_empty(from))
			return false;
		freed[(*n)++] = remove_locked(list_entry(from->next, struct slot, in_lru));
	}
	return c->bytes + need <= c->max_bytes;
}

static void on_chunk(void *arg, uint32_t idx, struct chunk *chunk, int err)
{
	struct slot *slot = arg;
	struct chunk_source *s = slot->source;
	struct chunk_cache *c = s->cache;

	(void)idx;
	LOCK_SCOPE(&c->lock);
	c->fetching_bytes -= slot->bytes;
	if (!chunk) {
		slot->state = SLOT_FAILED;
		slot->err = err;
	} else {
		slot->state = SLOT_READY;
		slot->chunk = chunk;
		/* Whatever the metadata said. */
		c->bytes = c->bytes - slot->bytes + chunk->len;
		slot->bytes = chunk->len;
	}
	if (slot->waiters > 0)
		cond_broadcast(&slot->answered);
	if (!chunk)
		(void)remove_locked(slot);
	else
		list_push_back(&c->lru, &slot->in_lru);
	if (--s->n_fetching == 0)
		cond_broadcast(&s->idle);
}

/* A new slot in state FETCHING; the caller sends the request after it has released the lock. */
static struct slot *add_locked(struct chunk_source *s, uint32_t idx)
{
	struct slot *slot = calloc(1, sizeof(*slot));

	if (!slot)
		return NULL;
	slot->source = s;
	slot->idx = idx;
	list_init(&slot->in_lru);
	list_init(&slot->in_source);
	cond_init(&slot->answered);
	if (hash_insert(&s->cache->slots, &slot->by_key, slot_hash(s->id, idx)) < 0) {
		free_slot(slot);
		return NULL;
	}
	list_push_back(&s->slots, &slot->in_source);
	slot->bytes = s->chunk_bytes;
	s->cache->bytes += slot->bytes;
	s->cache->fetching_bytes += slot->bytes;
	s->n_fetching++;
	return slot;
}

static void request(struct chunk_source *s, struct slot *slot, bool may_wait)
{
	int err = may_wait ? store_get_chunk_here(s->get, slot->idx, on_chunk, slot)
			   : store_get_chunk(s->get, slot->idx, on_chunk, slot);

	if (err)
		on_chunk(slot, slot->idx, NULL, err);
}

static void release_all(struct chunk **chunks, int n)
{
	for (int i = 0; i < n; i++)
		chunk_unref(chunks[i]);
}

static bool may_fetch_more_locked(const struct chunk_cache *c, uint64_t bytes, bool is_needed)
{
	uint64_t max = c->max_bytes / 4 < FETCHING_MAX ? c->max_bytes / 4 : FETCHING_MAX;

	if (is_needed)
		max *= 2;
	return c->fetching_bytes == 0 || c->fetching_bytes + bytes <= max;
}

static bool ask(struct chunk_source *s, uint32_t idx, bool is_needed, bool may_wait)
{
	struct chunk_cache *c = s->cache;
	struct chunk *freed[EVICT_BATCH];
	struct slot *slot = NULL;
	bool has_room = true;
	int n = 0;

	mutex_lock(&c->lock);
	if (!find_locked(s, idx)) {
		has_room = may_fetch_more_locked(c, s->chunk_bytes, is_needed) &&
			   make_room_locked(c, s->chunk_bytes, freed, &n);
		if (has_room)
			slot = add_locked(s, idx);
	}
	mutex_unlock(&c->lock);
	release_all(freed, n);
	if (slot)
		request(s, slot, may_wait);
	return has_room;
}

bool chunk_source_prefetch(struct chunk_source *s, uint32_t idx)
{
	return ask(s, idx, false, false);
}

bool chunk_source_need(struct chunk_source *s, uint32_t idx, bool may_wait)
{
	return ask(s, idx, true, may_wait);
}

bool chunk_source_has(struct chunk_source *s, uint32_t first, uint32_t last)
{
	LOCK_SCOPE(&s->cache->lock);
	for (uint32_t i = first; i <= last; i++) {
		const struct slot *slot = find_locked(s, i);

		if (!slot || slot->state != SLOT_READY)
			return false;
	}
	return true;
}

/* Chunks that a scan has passed and that other reads of it may still want: twice the kernel's
 * read-ahead of 1 MiB, and again as much for a second reader close behind. */
#define SPENT_MAX 32

void chunk_source_spent(struct chunk_source *s, uint32_t idx)
{
	struct chunk_cache *c = s->cache;
	struct chunk *oldest = NULL;
	struct slot *slot;

	mutex_lock(&c->lock);
	slot = find_locked(s, idx);
	if (slot && slot->state == SLOT_READY && !slot->is_spent && !slot->is_kept) {
		slot->is_spent = true;
		list_remove(&slot->in_lru);
		list_push_back(&c->spent, &slot->in_lru);
		if (++c->n_spent > SPENT_MAX)
			oldest = remove_locked(list_entry(c->spent.next, struct slot, in_lru));
	}
	mutex_unlock(&c->lock);
	chunk_unref(oldest);
}

static int wait_locked(struct chunk_cache *c, struct slot *slot, struct chunk **ret)
{
	int err = 0;

	slot->waiters++;
	while (slot->state == SLOT_FETCHING)
		cond_wait(&slot->answered, &c->lock);
	slot->waiters--;
	if (slot->state == SLOT_FAILED) {
		err = slot->err;
		if (slot->waiters == 0)
			free_slot(slot);
	} else if (slot->chunk) {
		*ret = chunk_ref(slot->chunk);
	} else {
		/* Evicted between answer and wake-up; the caller asks again. */
		err = -EAGAIN;
		if (slot->waiters == 0)
			free_slot(slot);
	}
	return err;
}

/* One attempt; -EAGAIN when the chunk came and went. */
static int try_get(struct chunk_source *s, uint32_t idx, bool may_wait, struct chunk **ret)
{
	struct chunk_cache *c = s->cache;
	struct chunk *freed[EVICT_BATCH];
	struct slot *slot;
	bool is_new;
	int n = 0, err = 0;

	mutex_lock(&c->lock);
	slot = find_locked(s, idx);
	if (slot && slot->state == SLOT_READY) {
		*ret = chunk_ref(slot->chunk);
		if (!slot->is_kept) {
			list_remove(&slot->in_lru);
			list_push_back(slot->is_spent ? &c->spent : &c->lru, &slot->in_lru);
		}
		mutex_unlock(&c->lock);
		return 0;
	}
	is_new = !slot;
	if (is_new) {
		/* What a reader needs now is requested even above the limit, which is exceeded by
		 * no more than one chunk for each thread. */
		(void)make_room_locked(c, s->chunk_bytes, freed, &n);
		slot = add_locked(s, idx);
		if (slot)
			slot->waiters++; /* keeps it while the lock is free */
	}
	mutex_unlock(&c->lock);
	release_all(freed, n);
	if (!slot)
		return -ENOMEM;
	if (is_new)
		request(s, slot, may_wait);
	mutex_lock(&c->lock);
	if (is_new)
		slot->waiters--;
	else
		slot = find_locked(s, idx);
	if (!slot)
		err = -EAGAIN;
	else if (may_wait || slot->state != SLOT_FETCHING)
		err = wait_locked(c, slot, ret);
	else
		err = -EINPROGRESS;
	mutex_unlock(&c->lock);
	return err;
}

int chunk_source_get(struct chunk_source *s, uint32_t idx, bool may_wait, struct chunk **ret)
{
	int err;

	do
		err = try_get(s, idx, may_wait, ret);
	while (err == -EAGAIN);
	return err;
}

int chunk_source_keep(struct chunk_source *s, uint32_t idx)
{
	struct chunk_cache *c = s->cache;
	_cleanup_chunk_ struct chunk *chunk = NULL;
	struct slot *slot;
	int err = chunk_source_get(s, idx, true, &chunk);

	if (err)
		return err;
	LOCK_SCOPE(&c->lock);
	slot = find_locked(s, idx);
	if (!slot || slot->state != SLOT_READY)
		return -EAGAIN;
	if (c->kept_bytes + slot->bytes > c->max_bytes / 4)
		return -ENOMEM;
	if (slot->is_kept)
		return 0;
	list_remove(&slot->in_lru);
	c->n_spent -= slot->is_spent;
	slot->is_spent = false;
	slot->is_kept = true;
	c->kept_bytes += slot->bytes;
	return 0;
}

void chunk_source_done(struct chunk_source *s)
{
	struct chunk_cache *c = s->cache;
	struct chunk *chunk;

	/* Answers the requests under way with ECANCELED. */
	store_get_close(s->get);
	mutex_lock(&c->lock);
	while (s->n_fetching > 0)
		cond_wait(&s->idle, &c->lock);
	while (!list_is_empty(&s->slots)) {
		chunk = remove_locked(list_entry(s->slots.next, struct slot, in_source));
		mutex_unlock(&c->lock);
		chunk_unref(chunk);
		mutex_lock(&c->lock);
	}
	mutex_unlock(&c->lock);
	cond_done(&s->idle);
}
