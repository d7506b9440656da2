/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_DRAFT_H
#define NATSOBJ_FS_DRAFT_H

/*
 * Unsaved content over a stored version: each byte comes from what was written here, is a zero of
 * a hole, or still comes from the base. Nothing of the base is fetched before somebody reads it or
 * the draft is stored.
 *
 * All functions need the owner's lock (file->lock). Offsets behind the end of the file are holes;
 * the owner keeps the size.
 */

#include <stdbool.h>
#include <stdint.h>

#include "fs/content.h"
#include "fs/ranges.h"
#include "fs/staging.h"

struct draft {
	struct content *base; /* NULL: none of it is left, or there never was one */
	struct ranges own;    /* not the base's: written here or a hole */
	struct ranges data;   /* written here; a part of own */
	/* Changed here since the owner emptied it; unlike own it has nothing that was fetched. */
	struct ranges changed;
	struct staging *staging;
};

/* base: a reference that is copied, or NULL; bytes up to base_len are taken from it. */
int draft_new(struct staging_area *area, struct content *base, uint64_t base_len,
	      struct draft **ret) MUST_CHECK;
void draft_free(struct draft *d);
DEFINE_CLEANUP(struct draft *, draft_free)
#define _cleanup_draft_ CLEANUP(draft_free_p)

/* All or nothing. May wait for the staging disk, see draft_may_wait. */
int draft_write(struct draft *d, uint64_t off, const void *data, size_t len) MUST_CHECK;
/* [from, to) becomes a hole; to may be RANGES_END, which is how a file is cut. */
int draft_zero(struct draft *d, uint64_t from, uint64_t to) MUST_CHECK;
/* Whether reading own bytes or writing up to end may have to wait for the disk. */
bool draft_may_wait(const struct draft *d, uint64_t end);

/* Whether [off, off + len) comes from the base alone. */
bool draft_is_base(const struct draft *d, uint64_t off, size_t len);
/* Fills buf with [off, off + len). -FS_WOULD_WAIT unless may_wait. */
int draft_read(struct draft *d, uint64_t off, void *buf, size_t len, bool may_wait) MUST_CHECK;
/* Asks for what of [from, to) the base still has to give, ahead of need. */
void draft_prefetch(struct draft *d, uint64_t from, uint64_t to);
/* Copies missing bytes below size into the draft, max of them at most; 0 when none is left, 1 when
 * there may be more. Waits. */
int draft_fetch(struct draft *d, uint64_t size, uint64_t max) MUST_CHECK;
/* -EIO when the base, of which everything was read, contradicts its digest. Waits. */
int draft_verify_base(struct draft *d) MUST_CHECK;

/* The first offset at or behind off that may hold data, or lies in a hole; size when there is none.
 * off is below size. */
uint64_t draft_next_data(const struct draft *d, uint64_t off, uint64_t size);
uint64_t draft_next_hole(const struct draft *d, uint64_t off, uint64_t size);

#endif
