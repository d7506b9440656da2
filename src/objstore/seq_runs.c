/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/seq_runs.h"

#include <assert.h>

int seq_runs_add(struct seq_runs *r, uint64_t seq)
{
	if (seq <= r->last)
		return -ERANGE;
	if (r->count == 0 || seq != r->last + 1) {
		if (r->n_items == r->cap) {
			size_t cap = r->cap ? r->cap * 2 : 4;
			struct seq_run *items = reallocarray(r->items, cap, sizeof(*items));

			if (!items)
				return -ENOMEM;
			r->items = items;
			r->cap = cap;
		}
		r->items[r->n_items++] = (struct seq_run){.idx = r->count, .seq = seq};
	}
	r->last = seq;
	r->count++;
	return 0;
}

uint64_t seq_runs_get(const struct seq_runs *r, uint32_t idx)
{
	size_t low = 0, high = r->n_items;

	assert(idx < r->count);
	while (high - low > 1) {
		size_t mid = low + (high - low) / 2;

		if (r->items[mid].idx <= idx)
			low = mid;
		else
			high = mid;
	}
	return r->items[low].seq + (idx - r->items[low].idx);
}

void seq_runs_done(struct seq_runs *r)
{
	free(r->items);
	*r = (struct seq_runs){0};
}
