/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_INDEX_H
#define NATSOBJ_UTIL_INDEX_H

/*
 * An intrusive chained hash table for a great many members: unlike util/hash.h it keeps nothing but
 * one pointer in each of them. The hash value is computed anew when the table grows and when a
 * member leaves, by the owner's function. What is not in the table is mostly told from bits that
 * stay in the processor's cache, without a look at the members of its bucket.
 *
 *	index_for_each (l, &table, h) {
 *		struct thing *t = container_of(l, struct thing, link);
 *		if (thing_is(t, key))
 *			return t;
 *	}
 *
 * Not locked: the owner's lock protects table and members.
 */

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct index_link {
	struct index_link *next;
};

typedef uint64_t (*index_hash_fn)(struct index_link *l);

struct index {
	struct index_link **buckets;
	uint16_t *filters; /* of each bucket: a bit for each hash value that may be in it */
	size_t n_buckets;  /* a power of two, or 0 before the first insert */
	size_t count;
	index_hash_fn hash_of;
};

/* Members on their way into tables: while they wait, the memory where they go is fetched. */
#define INDEX_QUEUE 24
struct index_queue {
	struct {
		struct index *x;
		struct index_link *l;
		uint64_t hv;
	} items[INDEX_QUEUE];
	size_t at;
};

void index_init(struct index *x, index_hash_fn hash_of);
/* Frees the table; the members belong to the owner. */
void index_done(struct index *x);
/* Makes room for n members at once. Best effort. */
void index_reserve(struct index *x, size_t n);
/* Adds l, whose hash value is hv. 0 or -ENOMEM, which is only possible on the first insert: growing
 * later is best effort. */
int index_insert(struct index *x, struct index_link *l, uint64_t hv) MUST_CHECK;
/* The same by way of a queue, which begins zeroed, for a table that has room: much faster for
 * millions. Members are in the table once index_queue_flush was called. */
void index_queue_add(struct index_queue *q, struct index *x, struct index_link *l, uint64_t hv);
void index_queue_flush(struct index_queue *q);
/* Removes l, which must be in the table. */
void index_remove(struct index *x, struct index_link *l);
struct index_link *index_first(const struct index *x, uint64_t hv);

/* All members of the bucket that hv falls into: compare the key. */
#define index_for_each(l, x, hv) for (struct index_link *l = index_first((x), (hv)); l; l = l->next)

/* All members, in no order. The body may not change the table. */
#define index_each(l, x)                                                                           \
	for (size_t l##_at = 0; l##_at < (x)->n_buckets; l##_at++)                                 \
		for (struct index_link *l = (x)->buckets[l##_at]; l; l = l->next)

#endif
