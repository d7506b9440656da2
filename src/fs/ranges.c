/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ranges.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

void ranges_done(struct ranges *r)
{
	free(r->v);
	*r = (struct ranges){0};
}

int ranges_reserve(struct ranges *r)
{
	size_t cap = r->cap ? 2 * r->cap : 8;
	struct range *v;

	if (r->n < r->cap)
		return 0;
	if (r->n >= RANGES_MAX)
		return -ENOSPC;
	v = realloc(r->v, cap * sizeof(*v));
	if (!v)
		return -ENOMEM;
	r->v = v;
	r->cap = cap;
	return 0;
}

/* Index of the first range that ends behind off. */
static size_t find(const struct ranges *r, uint64_t off)
{
	size_t low = 0, high = r->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (r->v[mid].to <= off)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Puts with in the place of the n_old ranges from at on. */
static void splice(struct ranges *r, size_t at, size_t n_old, const struct range *with, size_t n)
{
	assert(r->n - n_old + n <= r->cap);
	if (n != n_old)
		memmove(r->v + at + n, r->v + at + n_old, (r->n - at - n_old) * sizeof(*r->v));
	for (size_t i = 0; i < n; i++)
		r->v[at + i] = with[i];
	r->n = r->n - n_old + n;
}

void ranges_add(struct ranges *r, uint64_t from, uint64_t to)
{
	struct range whole = {from, to};
	size_t first, last;

	if (from >= to)
		return;
	/* A range that only touches is joined as well. */
	first = from ? find(r, from - 1) : 0;
	for (last = first; last < r->n && r->v[last].from <= to; last++) {
		if (r->v[last].from < whole.from)
			whole.from = r->v[last].from;
		if (r->v[last].to > whole.to)
			whole.to = r->v[last].to;
	}
	splice(r, first, last - first, &whole, 1);
}

void ranges_remove(struct ranges *r, uint64_t from, uint64_t to)
{
	size_t first = find(r, from), last;
	struct range rest[2];
	size_t n = 0;

	if (from >= to)
		return;
	for (last = first; last < r->n && r->v[last].from < to; last++) {
		if (r->v[last].from < from)
			rest[n++] = (struct range){r->v[last].from, from};
		if (r->v[last].to > to)
			rest[n++] = (struct range){to, r->v[last].to};
	}
	if (last > first)
		splice(r, first, last - first, rest, n);
}

uint64_t ranges_run(const struct ranges *r, uint64_t from, uint64_t to, bool *ret_is_in)
{
	size_t i = find(r, from);
	uint64_t end = to;

	*ret_is_in = i < r->n && r->v[i].from <= from;
	if (i < r->n)
		end = *ret_is_in ? r->v[i].to : r->v[i].from;
	return end < to ? end : to;
}

uint64_t ranges_count(const struct ranges *r, uint64_t from, uint64_t to)
{
	uint64_t count = 0;

	while (from < to) {
		bool is_in;
		uint64_t end = ranges_run(r, from, to, &is_in);

		if (is_in)
			count += end - from;
		from = end;
	}
	return count;
}
