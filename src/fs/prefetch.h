/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_PREFETCH_H
#define NATSOBJ_FS_PREFETCH_H

/*
 * Read-ahead as a pure function of the reads seen so far. Reads that follow each other double the
 * window; one elsewhere closes it. The kernel sends reads of one stream in parallel and they may
 * arrive out of order, so whatever lies near the expected place still counts as following.
 */

#include <stdint.h>

#define PREFETCH_SLACK (UINT64_C(2) << 20)

struct prefetch {
	uint64_t next;	 /* where a sequential reader goes on */
	uint64_t window; /* bytes to request ahead */
	uint64_t ahead;	 /* end of what was requested already */
};

/*
 * Takes note of a read of len bytes at off, and returns in [*ret_from, *ret_to) what to request
 * ahead of need, behind the read itself: empty when from equals to. max is the widest window, step
 * the smallest that is worth opening (a chunk or two).
 */
void prefetch_note(struct prefetch *p, uint64_t off, uint64_t len, uint64_t step, uint64_t max,
		   uint64_t *ret_from, uint64_t *ret_to);
/* Of what was to be requested up to to, only what is before reached was. */
void prefetch_stopped(struct prefetch *p, uint64_t to, uint64_t reached);

#endif
