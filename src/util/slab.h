/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_SLAB_H
#define NATSOBJ_UTIL_SLAB_H

/*
 * Memory for millions of small things that live as long as their owner: no header on each, and
 * sizes are rounded up to 8 bytes only. What is freed is used again for things of about the same
 * size; the system gets memory back with slab_done. Under AddressSanitizer every piece comes from
 * malloc, so that it is watched.
 *
 * Not locked: the owner's lock protects it.
 */

#include <stddef.h>

#include "util/cleanup.h"

#define SLAB_SIZE_MAX 512 /* what is larger comes from malloc */
#define SLAB_CLASSES (SLAB_SIZE_MAX / 8)

struct slab {
	struct slab_free {
		struct slab_free *next;
	} * free[SLAB_CLASSES];
	struct slab_block {
		struct slab_block *next;
	} * blocks;
	char *at, *end; /* what is left of the newest block */
	size_t n_bytes; /* handed out and not freed */
};

void slab_init(struct slab *s);
/* Gives the blocks back. Pieces that came from malloc are the owner's to free before. */
void slab_done(struct slab *s);
/* size bytes, aligned to 8, all 0; NULL without memory. */
void *slab_alloc(struct slab *s, size_t size) MUST_CHECK;
/* size as it was asked for. NULL is harmless. */
void slab_free(struct slab *s, void *p, size_t size);

#endif
