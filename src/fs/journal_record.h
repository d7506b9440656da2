/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_JOURNAL_RECORD_H
#define NATSOBJ_FS_JOURNAL_RECORD_H

/*
 * The content of a journal's segment: what some ranges of a file have become.
 *
 *	"NOJ1"  n (4 bytes)  size of the file (8)
 *	n times: offset (8)  length (8), its highest bit set where bytes follow
 *	the bytes of those, in the same order
 *
 * Ranges without bytes are holes. Numbers are little-endian. The file is cut or grows to its size
 * first.
 */

#include "fs/draft.h"
#include "objstore/store.h"

/* More ranges than that in one segment are not worth it: -E2BIG. */
#define JOURNAL_RANGES_MAX 65536u

/* Uploads what the ranges of r, as far as they are below size, are in d. *ret_put has the chunks:
 * the caller closes it. Waits. */
int journal_record_store(struct store *s, struct draft *d, const struct ranges *r, uint64_t size,
			 struct store_put **ret_put, struct put_result *ret) MUST_CHECK;
/* Makes in d the changes of the segment c, and sets *size. -EIO: it is not one, or damaged; d is
 * then worth nothing. Waits. */
int journal_record_apply(struct content *c, struct draft *d, uint64_t max_size, uint64_t *size)
	MUST_CHECK;

#endif
