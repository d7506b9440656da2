/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/name_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void name_list_done(struct name_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->items[i]);
	free(l->items);
}

int name_list_take(struct name_list *l, char *name)
{
	_cleanup_free_ char *mine = name;

	if (!mine)
		return -ENOMEM;
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		char **items = reallocarray(l->items, cap, sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		l->cap = cap;
	}
	l->items[l->n++] = steal_ptr(mine);
	return 0;
}

int name_list_add(struct name_list *l, const char *name)
{
	return name_list_take(l, strdup(name));
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

void names_sort(char **names, size_t n)
{
	if (n > 0)
		qsort(names, n, sizeof(*names), compare);
}

void name_list_settle(struct name_list *l)
{
	size_t n = 0;

	names_sort(l->items, l->n);
	for (size_t i = 0; i < l->n; i++) {
		if (n > 0 && strcmp(l->items[n - 1], l->items[i]) == 0)
			free(l->items[i]);
		else
			l->items[n++] = l->items[i];
	}
	l->n = n;
}

size_t name_list_find(const struct name_list *l, const char *text)
{
	size_t low = 0, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(l->items[middle], text) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

size_t name_list_find_behind(const struct name_list *l, size_t i, size_t len)
{
	const char *text = l->items[i];
	size_t low = i, high = l->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strncmp(l->items[middle], text, len) <= 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}
