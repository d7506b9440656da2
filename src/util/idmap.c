/* SPDX-License-Identifier: Apache-2.0 */
#include "util/idmap.h"

#include <assert.h>
#include <stdlib.h>

static uint64_t page_hash(uint64_t number)
{
	return number * UINT64_C(0x9E3779B97F4A7C15) >> 16;
}

static struct idmap_page *find_page(const struct idmap *m, uint64_t number)
{
	hash_for_each (it, &m->pages, page_hash(number)) {
		struct idmap_page *p = container_of(it, struct idmap_page, by_number);

		if (p->number == number)
			return p;
	}
	return NULL;
}

void idmap_init(struct idmap *m)
{
	*m = (struct idmap){0};
	hash_init(&m->pages);
}

void idmap_done(struct idmap *m)
{
	for (size_t i = 0; i < m->pages.n_buckets; i++)
		for (struct hash_node *it = m->pages.buckets[i], *next; it; it = next) {
			next = it->next;
			free(container_of(it, struct idmap_page, by_number));
		}
	hash_done(&m->pages);
	idmap_init(m);
}

static struct idmap_page *add_page(struct idmap *m, uint64_t number)
{
	struct idmap_page *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->number = number;
	if (hash_insert(&m->pages, &p->by_number, page_hash(number)) < 0) {
		free(p);
		return NULL;
	}
	return p;
}

uint64_t idmap_add(struct idmap *m, void *thing)
{
	uint64_t id = m->last + 1;
	struct idmap_page *p = find_page(m, id / IDMAP_PAGE);

	if (!p)
		p = add_page(m, id / IDMAP_PAGE);
	if (!p)
		return 0;
	p->things[id % IDMAP_PAGE] = thing;
	p->n_used++;
	m->count++;
	m->last = id;
	return id;
}

void *idmap_get(const struct idmap *m, uint64_t id)
{
	const struct idmap_page *p = find_page(m, id / IDMAP_PAGE);

	return p ? p->things[id % IDMAP_PAGE] : NULL;
}

void idmap_remove(struct idmap *m, uint64_t id)
{
	struct idmap_page *p = find_page(m, id / IDMAP_PAGE);

	assert(p && p->things[id % IDMAP_PAGE]);
	p->things[id % IDMAP_PAGE] = NULL;
	m->count--;
	if (--p->n_used > 0)
		return;
	hash_remove(&m->pages, &p->by_number);
	free(p);
}

void idmap_each(const struct idmap *m, void (*fn)(void *arg, void *thing), void *arg)
{
	for (size_t i = 0; i < m->pages.n_buckets; i++)
		for (struct hash_node *it = m->pages.buckets[i]; it; it = it->next) {
			struct idmap_page *p = container_of(it, struct idmap_page, by_number);

			for (size_t j = 0; j < IDMAP_PAGE; j++)
				if (p->things[j])
					fn(arg, p->things[j]);
		}
}
