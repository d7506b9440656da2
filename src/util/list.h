/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_LIST_H
#define NATSOBJ_UTIL_LIST_H

/* Intrusive circular doubly linked list. A head and an unlinked member both point to themselves. */

#include <stdbool.h>

#include "util/cleanup.h"

struct list {
	struct list *next;
	struct list *prev;
};

#define LIST_INITIALIZER(name)                                                                     \
	{                                                                                          \
		&(name), &(name)                                                                   \
	}

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

static inline bool list_is_empty(const struct list *l)
{
	return l->next == l;
}

static inline void list_insert_between(struct list *l, struct list *prev, struct list *next)
{
	l->prev = prev;
	l->next = next;
	prev->next = l;
	next->prev = l;
}

static inline void list_push_back(struct list *head, struct list *l)
{
	list_insert_between(l, head->prev, head);
}

static inline void list_push_front(struct list *head, struct list *l)
{
	list_insert_between(l, head, head->next);
}

/* Unlinks l; harmless when it is not linked. */
static inline void list_remove(struct list *l)
{
	l->prev->next = l->next;
	l->next->prev = l->prev;
	list_init(l);
}

/* First member, unlinked; NULL when the list is empty. */
static inline struct list *list_pop_front(struct list *head)
{
	struct list *l = head->next;

	if (l == head)
		return NULL;
	list_remove(l);
	return l;
}

/* Moves all members of from to the end of to. */
static inline void list_splice_back(struct list *to, struct list *from)
{
	if (list_is_empty(from))
		return;
	from->next->prev = to->prev;
	to->prev->next = from->next;
	from->prev->next = to;
	to->prev = from->prev;
	list_init(from);
}

#define list_entry(l, type, member) container_of(l, type, member)
#define list_for_each(it, head) for (struct list *it = (head)->next; it != (head); it = it->next)
#define list_for_each_safe(it, head)                                                               \
	for (struct list *it = (head)->next, *it##_next = it->next; it != (head);                  \
	     it = it##_next, it##_next = it->next)

#endif
