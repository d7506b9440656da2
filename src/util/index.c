/* SPDX-License-Identifier: Apache-2.0 */
#include "util/index.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define INITIAL_BUCKETS 64
/* Members for each bucket before the table grows: a longer chain costs a lookup some cache misses,
 * a shorter one each member some bytes. */
#define LOAD_MAX 4

/* Of a table that large nearly every access misses the processor's table of pages, unless the pages
 * are large as well. */
#define HUGE_PAGE ((size_t)1 << 21)

void index_init(struct index *x, index_hash_fn hash_of)
{
	*x = (struct index){.hash_of = hash_of};
}

void index_done(struct index *x)
{
	free(x->buckets);
	free(x->filters);
	index_init(x, x->hash_of);
}

static struct index_link **bucket_of(const struct index *x, uint64_t hv)
{
	return &x->buckets[hv & (x->n_buckets - 1)];
}

/* By bits that do not choose the bucket. */
static uint16_t filter_bit(uint64_t hv)
{
	return (uint16_t)(1U << (hv >> 60));
}

static void put(struct index *x, struct index_link *l, uint64_t hv)
{
	struct index_link **b = bucket_of(x, hv);

	l->next = *b;
	*b = l;
	x->filters[b - x->buckets] |= filter_bit(hv);
}

static struct index_link **alloc_buckets(size_t n)
{
	size_t size = n * sizeof(struct index_link *);
	struct index_link **buckets;

	if (size < HUGE_PAGE)
		return calloc(n, sizeof(struct index_link *));
	buckets = aligned_alloc(HUGE_PAGE, size);
	if (!buckets)
		return NULL;
	(void)madvise(buckets, size, MADV_HUGEPAGE);
	return memset(buckets, 0, size);
}

static int resize(struct index *x, size_t n_buckets)
{
	struct index larger = {.n_buckets = n_buckets, .count = x->count, .hash_of = x->hash_of};

	larger.buckets = alloc_buckets(n_buckets);
	larger.filters = calloc(n_buckets, sizeof(*larger.filters));
	if (!larger.buckets || !larger.filters) {
		free(larger.buckets);
		free(larger.filters);
		return -ENOMEM;
	}
	for (size_t i = 0; i < x->n_buckets; i++) {
		struct index_link *l = x->buckets[i], *next;

		for (; l; l = next) {
			next = l->next;
			put(&larger, l, x->hash_of(l));
		}
	}
	index_done(x);
	*x = larger;
	return 0;
}

void index_reserve(struct index *x, size_t n)
{
	size_t n_buckets = INITIAL_BUCKETS;

	while (n_buckets < n / LOAD_MAX && n_buckets <= SIZE_MAX / 4)
		n_buckets *= 2;
	if (n_buckets > x->n_buckets)
		(void)resize(x, n_buckets);
}

int index_insert(struct index *x, struct index_link *l, uint64_t hv)
{
	if (x->count >= x->n_buckets * LOAD_MAX &&
	    resize(x, x->n_buckets ? x->n_buckets * 2 : INITIAL_BUCKETS) < 0 && x->n_buckets == 0)
		return -ENOMEM;
	put(x, l, hv);
	x->count++;
	return 0;
}

static void insert_queued(struct index_queue *q, size_t i)
{
	if (q->items[i].l && index_insert(q->items[i].x, q->items[i].l, q->items[i].hv) < 0)
		assert(!"the table has room");
	q->items[i].l = NULL;
}

void index_queue_add(struct index_queue *q, struct index *x, struct index_link *l, uint64_t hv)
{
	size_t i = q->at++ % INDEX_QUEUE;

	insert_queued(q, i);
	q->items[i].x = x;
	q->items[i].l = l;
	q->items[i].hv = hv;
	__builtin_prefetch(bucket_of(x, hv), 1);
}

void index_queue_flush(struct index_queue *q)
{
	for (size_t i = 0; i < INDEX_QUEUE; i++)
		insert_queued(q, i);
}

void index_remove(struct index *x, struct index_link *l)
{
	struct index_link **b = bucket_of(x, x->hash_of(l)), **p = b;
	uint16_t filter = 0;

	while (*p != l) {
		assert(*p);
		p = &(*p)->next;
	}
	*p = l->next;
	l->next = NULL;
	x->count--;
	for (struct index_link *other = *b; other; other = other->next)
		filter |= filter_bit(x->hash_of(other));
	x->filters[b - x->buckets] = filter;
}

struct index_link *index_first(const struct index *x, uint64_t hv)
{
	struct index_link **b;

	if (!x->n_buckets)
		return NULL;
	b = bucket_of(x, hv);
	return x->filters[b - x->buckets] & filter_bit(hv) ? *b : NULL;
}
