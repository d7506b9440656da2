/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/prefetch.h"

#include <stdbool.h>

static bool follows(const struct prefetch *p, uint64_t off)
{
	uint64_t from = p->next > PREFETCH_SLACK ? p->next - PREFETCH_SLACK : 0;

	return off >= from && off - from <= 2 * PREFETCH_SLACK;
}

void prefetch_note(struct prefetch *p, uint64_t off, uint64_t len, uint64_t step, uint64_t max,
		   uint64_t *ret_from, uint64_t *ret_to)
{
	uint64_t end = off + len;

	*ret_from = *ret_to = end;
	/* The first read of a file at its start is taken for the beginning of a scan. */
	if (!follows(p, off) || (p->next == 0 && off != 0)) {
		p->next = end;
		p->window = 0;
		p->ahead = end;
		return;
	}
	if (end > p->next) {
		p->next = end;
		p->window = p->window == 0 ? step : p->window * 2;
		if (p->window > max)
			p->window = max;
	}
	if (p->ahead < p->next)
		p->ahead = p->next;
	/* Requested in strides of half a window rather than chunk by chunk. */
	if (p->next + p->window < p->ahead + p->window / 2)
		return;
	*ret_from = p->ahead;
	*ret_to = p->next + p->window;
	if (*ret_to < *ret_from)
		*ret_to = *ret_from;
	p->ahead = *ret_to;
}

void prefetch_stopped(struct prefetch *p, uint64_t to, uint64_t reached)
{
	/* Unless another read has gone on from there. */
	if (p->ahead == to && reached < to)
		p->ahead = reached;
}
