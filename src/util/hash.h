/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_HASH_H
#define NATSOBJ_UTIL_HASH_H

/*
 * Intrusive chained hash table that grows by itself. The owner of the members keeps the key inside
 * them and compares it in a loop:
 *
 *	hash_for_each(n, &table, h) {
 *		struct thing *t = container_of(n, struct thing, link);
 *		if (n->hash == h && thing_is(t, key))
 *			return t;
 *	}
 *
 * Not locked: the owner's lock protects table and members.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct hash_node {
	struct hash_node *next;
	uint64_t hash;
};

struct hash {
	struct hash_node **buckets;
	size_t n_buckets; /* a power of two, or 0 before the first insert */
	size_t count;
};

/* 64-bit hash of len bytes, keyed at random once per process so that names from the network cannot
 * be chosen to collide. */
uint64_t hash_bytes(const void *data, size_t len);
/* The same for every process: for numbers that have to survive a restart (FNV-1a, finalised). */
uint64_t hash_bytes_stable(const void *data, size_t len);

/* Checksum of a file, against damage, not against people: the same for every process, and as fast
 * as memory is read. Begins with sum 0; all parts but the last have a length that 8 divides. */
uint64_t hash_sum(uint64_t sum, const void *data, size_t len);

void hash_init(struct hash *h);
/* Frees the table; the members belong to the owner. */
void hash_done(struct hash *h);
/* Adds n under hash value hv. 0 or -ENOMEM, which is only possible on the first insert: growing
 * later is best effort. */
int hash_insert(struct hash *h, struct hash_node *n, uint64_t hv) MUST_CHECK;
/* Removes n, which must be in the table. */
void hash_remove(struct hash *h, struct hash_node *n);
bool hash_contains(const struct hash *h, const struct hash_node *n);
struct hash_node *hash_first(const struct hash *h, uint64_t hv);

/* All members of the bucket that hv falls into: compare n->hash and the key. */
#define hash_for_each(n, h, hv) for (struct hash_node *n = hash_first((h), (hv)); n; n = n->next)

#endif
