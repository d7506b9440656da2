/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/chunk_index.h"

#include <assert.h>

void chunk_index_init(struct chunk_index *x, uint64_t size, uint32_t n_promised)
{
	*x = (struct chunk_index){.size = size, .n_promised = n_promised};
}

void chunk_index_done(struct chunk_index *x)
{
	free(x->places);
	x->places = NULL;
}

void chunk_index_restart(struct chunk_index *x)
{
	x->n_places = 0;
	x->sum = 0;
}

bool chunk_index_prove(struct chunk_index *x, const struct chunk_end *first,
		       const struct chunk_end *last, uint32_t max_chunk_size)
{
	uint64_t n = x->n_promised, max = max_chunk_size, before, span;

	if (n == 0 || last->seq < first->seq)
		return false;
	if (n == 1) {
		/* A single message needs no proof. */
		if (first->len != x->size)
			return false;
		max = x->size;
	} else {
		/* n and max are 32-bit numbers. */
		if (max == 0 || x->size == 0 || (x->size - 1) / max + 1 != n || first->len != max)
			return false;
		before = (n - 1) * max;
		span = last->seq - first->seq;
		if (!(last->len == x->size - before && span == n - 1) &&
		    !(last->len == 0 && x->size == n * max && span == n))
			return false;
	}
	x->is_uniform = true;
	x->count = x->n_promised;
	x->first_seq = first->seq;
	x->uniform_len = max;
	return true;
}

int chunk_index_add(struct chunk_index *x, uint64_t seq, uint64_t len)
{
	/* One more than promised may be NATS.Net's empty message. */
	if (x->n_places > x->n_promised || len > x->size - x->sum ||
	    (x->n_places == x->n_promised && len > 0))
		return -EIO;
	if (x->n_places == x->cap) {
		size_t cap = x->cap ? x->cap * 2 : 64;
		struct chunk_place *places = reallocarray(x->places, cap, sizeof(*places));

		if (!places)
			return -ENOMEM;
		x->places = places;
		x->cap = cap;
	}
	x->places[x->n_places++] = (struct chunk_place){.seq = seq, .off = x->sum};
	x->sum += len;
	return 0;
}

int chunk_index_finish(struct chunk_index *x)
{
	if (x->n_places == 0)
		return -ESTALE;
	if (x->n_places < x->n_promised || x->sum != x->size)
		return -EIO;
	x->count = x->n_promised;
	x->is_uniform = false;
	return 0;
}

void chunk_index_locate(const struct chunk_index *x, uint64_t off, uint32_t *ret_idx,
			uint64_t *ret_off)
{
	uint32_t low = 0, high = x->count;

	assert(off < x->size && x->count > 0);
	if (x->is_uniform) {
		*ret_idx = (uint32_t)(off / x->uniform_len);
		*ret_off = *ret_idx * x->uniform_len;
		return;
	}
	/* The last place that starts at or before off; empty chunks share theirs with the next. */
	while (high - low > 1) {
		uint32_t mid = low + (high - low) / 2;

		if (x->places[mid].off <= off)
			low = mid;
		else
			high = mid;
	}
	*ret_idx = low;
	*ret_off = x->places[low].off;
}

uint64_t chunk_index_seq(const struct chunk_index *x, uint32_t idx)
{
	assert(idx < x->count);
	return x->is_uniform ? x->first_seq + idx : x->places[idx].seq;
}

uint64_t chunk_index_len(const struct chunk_index *x, uint32_t idx)
{
	uint64_t start, end;

	assert(idx < x->count);
	start = x->is_uniform ? idx * x->uniform_len : x->places[idx].off;
	if (idx + 1 == x->count)
		end = x->size;
	else
		end = x->is_uniform ? (idx + UINT64_C(1)) * x->uniform_len : x->places[idx + 1].off;
	return end - start;
}
