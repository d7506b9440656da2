/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/chunk.h"

#include <stdlib.h>

struct chunk *chunk_new(size_t cap)
{
	struct chunk *c = malloc(sizeof(*c) + cap);

	if (!c)
		return NULL;
	*c = (struct chunk){.data = (uint8_t *)(c + 1), .cap = cap};
	atomic_init(&c->refs, 1);
	return c;
}

struct chunk *chunk_wrap(void *data, size_t len, void (*release)(void *owner), void *owner)
{
	struct chunk *c = malloc(sizeof(*c));

	if (!c)
		return NULL;
	*c = (struct chunk){.data = data, .len = len, .release = release, .owner = owner};
	atomic_init(&c->refs, 1);
	return c;
}

struct chunk *chunk_ref(struct chunk *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void chunk_unref(struct chunk *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (c->release)
		c->release(c->owner);
	free(c);
}
