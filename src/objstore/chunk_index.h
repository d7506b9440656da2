/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CHUNK_INDEX_H
#define NATSOBJ_OBJSTORE_CHUNK_INDEX_H

/*
 * Where the chunks of one object are: offset, length and stream sequence of each. Chunks of unequal
 * length are common, because some clients write one per read() of their source; an offset is a
 * product only where two messages prove that all others have the same length. Not locked.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct chunk_place {
	uint64_t seq;
	uint64_t off;
};

struct chunk_index {
	/* What the metadata promises. */
	uint64_t size;
	uint32_t n_promised;
	/* The result. */
	uint32_t count;
	bool is_uniform;
	uint64_t first_seq;	    /* uniform: sequences are neighbours */
	uint64_t uniform_len;	    /* of all but the last */
	struct chunk_place *places; /* otherwise */
	/* While places are added. */
	size_t n_places, cap;
	uint64_t sum;
};

/* What one message at the end of the content shows. */
struct chunk_end {
	uint64_t seq;
	uint64_t len;
};

void chunk_index_init(struct chunk_index *x, uint64_t size, uint32_t n_promised);
void chunk_index_done(struct chunk_index *x);

/*
 * Concludes from the first and the last message: no writer exceeds max_chunk_size, so if the number
 * of chunks and the length of the last one fit, the others are all of exactly that length, and a
 * span of sequences equal to the number leaves no room for others. Knows the empty message that
 * NATS.Net adds to a content of whole chunks. True and complete, or false and unchanged.
 */
bool chunk_index_prove(struct chunk_index *x, const struct chunk_end *first,
		       const struct chunk_end *last, uint32_t max_chunk_size);

/* Adds the messages of a listing, in order. 0, -ENOMEM, or -EIO when there is more than the
 * metadata promises. */
int chunk_index_add(struct chunk_index *x, uint64_t seq, uint64_t len) MUST_CHECK;
/* 0; -ESTALE there is nothing; -EIO something is missing. */
int chunk_index_finish(struct chunk_index *x) MUST_CHECK;
/* Drops what was added. */
void chunk_index_restart(struct chunk_index *x);

/* off is below the size. */
void chunk_index_locate(const struct chunk_index *x, uint64_t off, uint32_t *ret_idx,
			uint64_t *ret_off);
/* idx is below count. */
uint64_t chunk_index_seq(const struct chunk_index *x, uint32_t idx);
uint64_t chunk_index_len(const struct chunk_index *x, uint32_t idx);

#endif
