/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "fs/lock_table.h"

struct graph {
	const struct lock_table *const *tables;
	size_t n;
};

/* Owners to look at, each once. Never more than there are entries held. */
struct owners {
	const struct lock_owner **items;
	size_t n;
};

static void add(struct owners *o, const struct lock_owner *owner)
{
	for (size_t i = 0; i < o->n; i++)
		if (lock_owner_equal(o->items[i], owner))
			return;
	o->items[o->n++] = owner;
}

/* All who hold something that owner waits for. */
static void add_blockers(const struct graph *g, const struct lock_owner *owner, struct owners *o)
{
	for (size_t i = 0; i < g->n; i++) {
		const struct lock_table *t = g->tables[i];

		for (size_t j = 0; j < t->n_waiting; j++) {
			const struct lock_entry *want = &t->waiting[j].want;

			if (want->kind != LOCK_POSIX || !lock_owner_equal(&want->owner, owner))
				continue;
			for (size_t k = 0; k < t->n_held; k++)
				if (lock_conflicts(&t->held[k], want))
					add(o, &t->held[k].owner);
		}
	}
}

/* Whether from waits, over however many others, for to. False without memory: then somebody waits
 * for longer than he would have to. */
static bool reaches(const struct graph *g, const struct lock_owner *from,
		    const struct lock_owner *to)
{
	_cleanup_free_ const struct lock_owner **items = NULL;
	struct owners o = {0};
	size_t n_held = 0;

	for (size_t i = 0; i < g->n; i++)
		n_held += g->tables[i]->n_held;
	items = calloc(n_held + 1, sizeof(const struct lock_owner *));
	if (!items)
		return false;
	o.items = items;
	add_blockers(g, from, &o);
	for (size_t i = 0; i < o.n; i++) {
		if (lock_owner_equal(o.items[i], to))
			return true;
		add_blockers(g, o.items[i], &o);
	}
	return false;
}

static bool is_later(const struct lock_waiter *a, const struct lock_waiter *b)
{
	int session = strcmp(a->want.owner.session, b->want.owner.session);

	if (a->ticket != b->ticket)
		return a->ticket > b->ticket;
	return session ? session > 0 : a->request > b->request;
}

bool lock_graph_is_victim(const struct lock_table *const *tables, size_t n,
			  const struct lock_waiter *w)
{
	const struct graph g = {tables, n};
	const struct lock_owner *me = &w->want.owner;

	if (w->want.kind != LOCK_POSIX || !reaches(&g, me, me))
		return false;
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < tables[i]->n_waiting; j++) {
			const struct lock_waiter *other = &tables[i]->waiting[j];

			if (other->want.kind == LOCK_POSIX && is_later(other, w) &&
			    reaches(&g, me, &other->want.owner) &&
			    reaches(&g, &other->want.owner, me))
				return false;
		}
	return true;
}
