/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/lock_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void lock_table_done(struct lock_table *t)
{
	free(t->held);
	free(t->waiting);
	*t = (struct lock_table){0};
}

int lock_table_copy(const struct lock_table *t, struct lock_table *ret)
{
	*ret = (struct lock_table){0};
	ret->held = calloc(t->n_held + 1, sizeof(*ret->held));
	ret->waiting = calloc(t->n_waiting + 1, sizeof(*ret->waiting));
	if (!ret->held || !ret->waiting) {
		lock_table_done(ret);
		return -ENOMEM;
	}
	if (t->n_held > 0)
		memcpy(ret->held, t->held, t->n_held * sizeof(*t->held));
	if (t->n_waiting > 0)
		memcpy(ret->waiting, t->waiting, t->n_waiting * sizeof(*t->waiting));
	ret->n_held = t->n_held;
	ret->n_waiting = t->n_waiting;
	return 0;
}

bool lock_owner_equal(const struct lock_owner *a, const struct lock_owner *b)
{
	return a->id == b->id && strcmp(a->session, b->session) == 0;
}

static bool is_same_owner(const struct lock_entry *a, const struct lock_entry *b)
{
	return a->kind == b->kind && lock_owner_equal(&a->owner, &b->owner);
}

static bool is_same_entry(const struct lock_entry *a, const struct lock_entry *b)
{
	return is_same_owner(a, b) && a->mode == b->mode && a->start == b->start &&
	       a->end == b->end;
}

bool lock_table_equal(const struct lock_table *a, const struct lock_table *b)
{
	if (a->n_held != b->n_held || a->n_waiting != b->n_waiting)
		return false;
	for (size_t i = 0; i < a->n_held; i++)
		if (!is_same_entry(&a->held[i], &b->held[i]))
			return false;
	for (size_t i = 0; i < a->n_waiting; i++)
		if (a->waiting[i].request != b->waiting[i].request ||
		    !is_same_entry(&a->waiting[i].want, &b->waiting[i].want))
			return false;
	return true;
}

bool lock_conflicts(const struct lock_entry *a, const struct lock_entry *b)
{
	return a->kind == b->kind && !lock_owner_equal(&a->owner, &b->owner) &&
	       (a->mode == LOCK_EXCLUSIVE || b->mode == LOCK_EXCLUSIVE) && a->start <= b->end &&
	       b->start <= a->end;
}

const struct lock_entry *lock_table_conflict(const struct lock_table *t,
					     const struct lock_entry *want)
{
	if (want->mode == LOCK_OFF)
		return NULL;
	for (size_t i = 0; i < t->n_held; i++)
		if (lock_conflicts(&t->held[i], want))
			return &t->held[i];
	return NULL;
}

static int compare(const void *x, const void *y)
{
	const struct lock_entry *a = x, *b = y;
	int session;

	if (a->kind != b->kind)
		return a->kind < b->kind ? -1 : 1;
	session = strcmp(a->owner.session, b->owner.session);
	if (session)
		return session;
	if (a->owner.id != b->owner.id)
		return a->owner.id < b->owner.id ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

/* Sorts, and joins neighbours. */
static size_t tidy(struct lock_entry *e, size_t n)
{
	size_t kept = 0;

	if (n == 0)
		return 0;
	qsort(e, n, sizeof(*e), compare);
	for (size_t i = 1; i < n; i++) {
		struct lock_entry *last = &e[kept];

		if (is_same_owner(last, &e[i]) && last->mode == e[i].mode &&
		    last->via == e[i].via && last->end < LOCK_RANGE_END &&
		    last->end + 1 == e[i].start)
			last->end = e[i].end;
		else
			e[++kept] = e[i];
	}
	return kept + 1;
}

/* What is left of old outside of cut's bytes: up to two entries. */
static size_t subtract(const struct lock_entry *old, const struct lock_entry *cut,
		       struct lock_entry *ret)
{
	size_t n = 0;

	if (!is_same_owner(old, cut) || old->end < cut->start || old->start > cut->end) {
		ret[0] = *old;
		return 1;
	}
	if (old->start < cut->start) {
		ret[n] = *old;
		ret[n++].end = cut->start - 1;
	}
	if (old->end > cut->end) {
		ret[n] = *old;
		ret[n++].start = cut->end + 1;
	}
	return n;
}

int lock_table_set(struct lock_table *t, const struct lock_entry *e)
{
	/* Only one old entry can fall into two. */
	struct lock_entry *held = calloc(t->n_held + 2, sizeof(*held));
	size_t n = 0;

	if (!held)
		return -ENOMEM;
	for (size_t i = 0; i < t->n_held; i++)
		n += subtract(&t->held[i], e, held + n);
	if (e->mode != LOCK_OFF)
		held[n++] = *e;
	n = tidy(held, n);
	/* Giving back never fails for lack of room, even if it splits an entry. */
	if (e->mode != LOCK_OFF && n + t->n_waiting > LOCK_TABLE_MAX && n > t->n_held) {
		free(held);
		return -ENOLCK;
	}
	free(t->held);
	t->held = held;
	t->n_held = n;
	return 0;
}

bool lock_table_covers(const struct lock_table *t, const struct lock_entry *want)
{
	uint64_t pos = want->start;

	for (size_t i = 0; i < t->n_held; i++) {
		const struct lock_entry *e = &t->held[i];

		if (!is_same_owner(e, want) || e->end < pos)
			continue;
		if (e->start > pos || e->mode < want->mode)
			return false;
		if (e->end >= want->end)
			return true;
		pos = e->end + 1;
	}
	return false;
}

int lock_table_wait(struct lock_table *t, const struct lock_waiter *w)
{
	struct lock_waiter *waiting;

	if (t->n_held + t->n_waiting >= LOCK_TABLE_MAX)
		return -ENOLCK;
	waiting = reallocarray(t->waiting, t->n_waiting + 1, sizeof(*waiting));
	if (!waiting)
		return -ENOMEM;
	t->waiting = waiting;
	waiting[t->n_waiting] = *w;
	waiting[t->n_waiting++].want.via = 0;
	return 0;
}

const struct lock_waiter *lock_table_find_waiter(const struct lock_table *t, const char *session,
						 uint64_t request)
{
	for (size_t i = 0; i < t->n_waiting; i++)
		if (t->waiting[i].request == request &&
		    strcmp(t->waiting[i].want.owner.session, session) == 0)
			return &t->waiting[i];
	return NULL;
}

void lock_table_unwait(struct lock_table *t, size_t i)
{
	memmove(t->waiting + i, t->waiting + i + 1, (t->n_waiting - i - 1) * sizeof(*t->waiting));
	t->n_waiting--;
}

int lock_table_grant(struct lock_table *t)
{
	size_t i = 0;

	while (i < t->n_waiting) {
		const struct lock_entry want = t->waiting[i].want;
		int err;

		if (lock_table_conflict(t, &want)) {
			i++;
			continue;
		}
		/* First out of the queue, so that there is room for what it becomes. */
		lock_table_unwait(t, i);
		err = lock_table_set(t, &want);
		if (err)
			return err;
	}
	return 0;
}

void lock_table_drop_held(struct lock_table *t, const char *session)
{
	size_t n = 0;

	for (size_t i = 0; i < t->n_held; i++)
		if (strcmp(t->held[i].owner.session, session) != 0)
			t->held[n++] = t->held[i];
	t->n_held = n;
}

void lock_table_drop_session(struct lock_table *t, const char *session)
{
	lock_table_drop_held(t, session);
	for (size_t i = t->n_waiting; i-- > 0;)
		if (strcmp(t->waiting[i].want.owner.session, session) == 0)
			lock_table_unwait(t, i);
}
