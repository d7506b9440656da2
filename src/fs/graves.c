/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/graves.h"

#include <stdlib.h>
#include <string.h>

#include "util/cleanup.h"
#include "util/clock.h"

#define KEEP_NS (60 * NS_PER_SEC)
#define GRAVES_MAX (1U << 18)

struct grave {
	struct hash_node node;
	struct list link;
	uint64_t seq;
	uint64_t since_ns;
	size_t len;
	char name[];
};

void graves_init(struct graves *g)
{
	hash_init(&g->names);
	list_init(&g->by_age);
}

static struct grave *find(const struct graves *g, const char *name, size_t len)
{
	uint64_t hv = hash_bytes(name, len);

	hash_for_each (it, &g->names, hv) {
		struct grave *grave = container_of(it, struct grave, node);

		if (it->hash == hv && grave->len == len && memcmp(grave->name, name, len) == 0)
			return grave;
	}
	return NULL;
}

static void drop(struct graves *g, struct grave *grave)
{
	hash_remove(&g->names, &grave->node);
	list_remove(&grave->link);
	free(grave);
}

void graves_clear(struct graves *g)
{
	while (!list_is_empty(&g->by_age))
		drop(g, list_entry(g->by_age.next, struct grave, link));
}

void graves_done(struct graves *g)
{
	graves_clear(g);
	hash_done(&g->names);
}

static void drop_old(struct graves *g, uint64_t now)
{
	while (!list_is_empty(&g->by_age)) {
		struct grave *oldest = list_entry(g->by_age.next, struct grave, link);

		if (now - oldest->since_ns < (uint64_t)KEEP_NS && g->names.count <= GRAVES_MAX)
			return;
		drop(g, oldest);
	}
}

static struct grave *add(struct graves *g, const char *name, size_t len)
{
	struct grave *grave = calloc(1, sizeof(*grave) + len + 1);

	if (!grave)
		return NULL;
	grave->len = len;
	memcpy(grave->name, name, len);
	if (hash_insert(&g->names, &grave->node, hash_bytes(name, len)) < 0) {
		free(grave);
		return NULL;
	}
	list_init(&grave->link);
	return grave;
}

void graves_note(struct graves *g, const char *name, size_t len, uint64_t seq)
{
	struct grave *grave = find(g, name, len);

	if (!grave)
		grave = add(g, name, len);
	if (!grave)
		return;
	if (seq > grave->seq)
		grave->seq = seq;
	grave->since_ns = clock_now_ns();
	list_remove(&grave->link);
	list_push_back(&g->by_age, &grave->link);
	drop_old(g, grave->since_ns);
}

uint64_t graves_seq(const struct graves *g, const char *name, size_t len)
{
	const struct grave *grave = find(g, name, len);

	return grave ? grave->seq : 0;
}

void graves_drop(struct graves *g, const char *name, size_t len)
{
	struct grave *grave = find(g, name, len);

	if (grave)
		drop(g, grave);
}
