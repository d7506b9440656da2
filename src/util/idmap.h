/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_IDMAP_H
#define NATSOBJ_UTIL_IDMAP_H

/*
 * Numbers for things, from 1 upwards and never given twice, and the way back from number to thing:
 * for millions of them little more than one pointer each. What is removed gives its memory back
 * once its neighbours are gone too.
 *
 * Not locked: the owner's lock protects it.
 */

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"
#include "util/hash.h"

#define IDMAP_PAGE 64

struct idmap_page {
	struct hash_node by_number;
	uint64_t number;
	size_t n_used;
	void *things[IDMAP_PAGE];
};

struct idmap {
	struct hash pages;
	uint64_t last; /* number given */
	size_t count;
};

void idmap_init(struct idmap *m);
/* Forgets everything; the things belong to the owner. */
void idmap_done(struct idmap *m);
/* The number of a thing, which is not NULL; 0 without memory. */
uint64_t idmap_add(struct idmap *m, void *thing) MUST_CHECK;
/* NULL when the number is nothing's. */
void *idmap_get(const struct idmap *m, uint64_t id);
/* The number must be something's. */
void idmap_remove(struct idmap *m, uint64_t id);
/* Calls fn for each, in no order. It may not change the map. */
void idmap_each(const struct idmap *m, void (*fn)(void *arg, void *thing), void *arg);

#endif
