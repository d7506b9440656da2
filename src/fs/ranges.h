/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_RANGES_H
#define NATSOBJ_FS_RANGES_H

/* A set of byte offsets, kept as sorted ranges that neither overlap nor touch. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

/* Ranges one set holds at most: 16 MiB of memory. */
#define RANGES_MAX ((size_t)1 << 20)
/* The end of a range without one. */
#define RANGES_END UINT64_MAX

struct ranges {
	struct range {
		uint64_t from, to; /* [from, to) */
	} * v;
	size_t n, cap;
};

/* A set of all zeros is empty and valid. */
void ranges_done(struct ranges *r);

/* Makes room, so that the next ranges_add or ranges_remove cannot fail. -ENOMEM, or -ENOSPC when
 * the set would become too large. */
int ranges_reserve(struct ranges *r) MUST_CHECK;
/* Both need room reserved before; an empty range changes nothing. */
void ranges_add(struct ranges *r, uint64_t from, uint64_t to);
void ranges_remove(struct ranges *r, uint64_t from, uint64_t to);

/* How far the offsets from from on are alike, to at most, and whether they are in the set. */
uint64_t ranges_run(const struct ranges *r, uint64_t from, uint64_t to, bool *ret_is_in);
/* How many of [from, to) are in the set. */
uint64_t ranges_count(const struct ranges *r, uint64_t from, uint64_t to);

#endif
