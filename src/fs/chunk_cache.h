/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_CHUNK_CACHE_H
#define NATSOBJ_FS_CHUNK_CACHE_H

/*
 * Received chunks of all contents, in memory up to a limit, and the requests for those under way:
 * one request per chunk however many wait for it. The least recently used chunk goes first; chunks
 * being requested count with their expected size and cannot go.
 */

#include <stdbool.h>
#include <stdint.h>

#include "objstore/store.h"
#include "util/hash.h"
#include "util/list.h"
#include "util/lock.h"

struct chunk_cache {
	struct mutex lock; /* protects everything here and in the slots; leaf */
	struct hash slots;
	struct list lru;   /* ready slots, oldest first */
	struct list spent; /* ready slots that a scan has passed, oldest first */
	unsigned n_spent;
	uint64_t bytes, max_bytes;
	uint64_t fetching_bytes; /* of bytes: what is under way */
	uint64_t kept_bytes;	 /* of bytes: what never goes by itself */
	uint64_t next_source;
};

/* One content as the cache sees it. Embedded in the content; its get outlives all requests. */
struct chunk_source {
	struct chunk_cache *cache;
	struct store_get *get;
	uint64_t id;
	uint64_t chunk_bytes; /* what a chunk being requested counts */
	struct list slots;    /* protected by cache->lock */
	unsigned n_fetching;  /* protected by cache->lock */
	struct cond idle;     /* signalled when n_fetching becomes 0 */
};

void chunk_cache_init(struct chunk_cache *c, uint64_t max_bytes);
void chunk_cache_done(struct chunk_cache *c);

void chunk_source_init(struct chunk_source *s, struct chunk_cache *c, struct store_get *get,
		       uint64_t chunk_bytes);
/* Drops all chunks, closes the get and waits for the requests under way to be answered. */
void chunk_source_done(struct chunk_source *s);

/*
 * A reference to chunk idx, requesting it if necessary. -EINPROGRESS when it is not there yet and
 * may_wait is false. Else waits; errors are those of store_get_chunk and are not remembered.
 */
int chunk_source_get(struct chunk_source *s, uint32_t idx, bool may_wait, struct chunk **ret)
	MUST_CHECK;
/* Requests chunk idx if necessary and keeps it as long as the source lives. -ENOMEM: a quarter of
 * the memory is kept already; -EAGAIN: it went at once. Waits. */
int chunk_source_keep(struct chunk_source *s, uint32_t idx) MUST_CHECK;
/* A scan has passed chunk idx: the kernel keeps its pages, so it goes soon. That keeps a long scan
 * in little memory, which the processor's caches then hold. */
void chunk_source_spent(struct chunk_source *s, uint32_t idx);
/* Requests chunk idx if it is neither there nor under way and the limits allow it: false when not.
 */
bool chunk_source_prefetch(struct chunk_source *s, uint32_t idx);
/* The same for what a read needs, all of which is asked for before it waits; it finds room beside
 * what is asked for ahead. may_wait: it is going to wait, and sends the request itself. */
bool chunk_source_need(struct chunk_source *s, uint32_t idx, bool may_wait);
/* Whether the chunks first … last are there. Requests nothing. */
bool chunk_source_has(struct chunk_source *s, uint32_t first, uint32_t last);

#endif
