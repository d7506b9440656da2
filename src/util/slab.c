/* SPDX-License-Identifier: Apache-2.0 */
#include "util/slab.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_SIZE ((size_t)1 << 18)

#if defined(__SANITIZE_ADDRESS__)
#define IS_WATCHED true
#else
#define IS_WATCHED false
#endif

void slab_init(struct slab *s)
{
	*s = (struct slab){0};
}

void slab_done(struct slab *s)
{
	struct slab_block *next;

	for (struct slab_block *b = s->blocks; b; b = next) {
		next = b->next;
		free(b);
	}
	slab_init(s);
}

static size_t class_of(size_t size)
{
	return (size + 7) / 8 - 1;
}

static bool is_own(size_t size)
{
	return IS_WATCHED || size == 0 || size > SLAB_SIZE_MAX;
}

/* The end of the old block goes to the free list of its size. */
static bool add_block(struct slab *s)
{
	struct slab_block *b = malloc(BLOCK_SIZE);
	size_t left = (size_t)(s->end - s->at);

	if (!b)
		return false;
	if (left > 0) {
		struct slab_free *f = (void *)s->at;

		f->next = s->free[class_of(left)];
		s->free[class_of(left)] = f;
	}
	b->next = s->blocks;
	s->blocks = b;
	s->at = (char *)(b + 1);
	s->end = (char *)b + BLOCK_SIZE;
	return true;
}

void *slab_alloc(struct slab *s, size_t size)
{
	size_t class = class_of(size), rounded = (class + 1) * 8;
	void *p;

	if (is_own(size)) {
		p = calloc(1, size ? size : 1);
		s->n_bytes += p ? size : 0;
		return p;
	}
	if (s->free[class]) {
		p = s->free[class];
		s->free[class] = s->free[class]->next;
	} else {
		if ((size_t)(s->end - s->at) < rounded && !add_block(s))
			return NULL;
		p = s->at;
		s->at += rounded;
	}
	s->n_bytes += rounded;
	return memset(p, 0, rounded);
}

void slab_free(struct slab *s, void *p, size_t size)
{
	struct slab_free *f = p;
	size_t class = class_of(size);

	if (!p)
		return;
	if (is_own(size)) {
		s->n_bytes -= size;
		free(p);
		return;
	}
	s->n_bytes -= (class + 1) * 8;
	f->next = s->free[class];
	s->free[class] = f;
}
