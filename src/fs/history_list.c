/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/history_list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"

static int add(struct history_list *l, const char *name, struct obj_info *info, char *component)
{
	struct history_item *items = l->items;

	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;

		items = reallocarray(l->items, cap, sizeof(*items));
		if (!items)
			return -ENOMEM;
		l->items = items;
		l->cap = cap;
	}
	items[l->n] = (struct history_item){strdup(name), info, component};
	return items[l->n].name ? (l->n++, 0) : -ENOMEM;
}

void history_list_free(struct history_list *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->n; i++) {
		free(l->items[i].name);
		free(l->items[i].component);
		obj_info_free(l->items[i].info);
	}
	free(l->items);
	free(l);
}

static int add_versions(struct store *s, const char *name, struct history_list *l)
{
	struct obj_info **infos;
	char text[40];
	size_t n = 0;
	int err = store_history(s, name, strlen(name), &infos, &n);

	if (err)
		return err == -ENOENT ? 0 : err;
	for (size_t i = 0; i < n; i++) {
		(void)snprintf(text, sizeof(text), "%llu%s", (unsigned long long)infos[i]->seq,
			       infos[i]->is_deleted ? ".deleted" : "");
		if (!err)
			err = add(l, text, infos[i], NULL);
		if (err)
			obj_info_free(infos[i]);
	}
	free(infos);
	return err;
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Makes of each name, which begins with prefix, its next component. Those without one go. How many
 * are left. */
static size_t cut_names(char **names, size_t n, const char *prefix)
{
	size_t prefix_len = strlen(prefix), n_left = 0;

	for (size_t i = 0; i < n; i++) {
		char *name = names[i];

		if (!name[prefix_len]) {
			free(name);
			continue;
		}
		memmove(name, name + prefix_len, strlen(name + prefix_len) + 1);
		name[strcspn(name, "/")] = '\0';
		names[n_left++] = name;
	}
	return n_left;
}

/* Each component once; it is the list's then. */
static int add_components(char **components, size_t n, struct history_list *l)
{
	const char *last = NULL;

	for (size_t i = 0; i < n; i++) {
		char name[NAME_COMPONENT_MAX + 1];
		int err;

		/* One whose text its file name cannot tell has no way back. */
		if ((last && strcmp(last, components[i]) == 0) ||
		    name_encode(components[i], strlen(components[i]), name))
			continue;
		err = add(l, name, NULL, components[i]);
		if (err)
			return err;
		last = steal_ptr(components[i]);
	}
	return 0;
}

static int add_directories(struct store *s, const char *prefix, struct history_list *l)
{
	char **names;
	size_t n = 0;
	int err = store_history_names(s, prefix, &names, &n);

	if (err)
		return err;
	n = cut_names(names, n, prefix);
	if (n > 0)
		qsort(names, n, sizeof(*names), compare_names);
	err = add_components(names, n, l);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return err;
}

int history_list_versions(struct store *s, const char *name, struct history_list **ret)
{
	struct history_list *l CLEANUP(history_list_free_p) = calloc(1, sizeof(*l));
	int err = l ? add_versions(s, name, l) : -ENOMEM;

	if (!err)
		*ret = steal_ptr(l);
	return err;
}

int history_list_read(struct store *s, const char *name, const char *prefix,
		      struct history_list **ret)
{
	struct history_list *l CLEANUP(history_list_free_p) = calloc(1, sizeof(*l));
	_cleanup_free_ char *below = NULL;
	int err = 0;

	if (!l || asprintf(&below, "%s%s", *name ? name : prefix, *name ? "/" : "") < 0)
		return -ENOMEM;
	if (*name)
		err = add_versions(s, name, l);
	if (!err)
		err = add_directories(s, below, l);
	if (!err)
		*ret = steal_ptr(l);
	return err;
}

int history_list_exists(struct store *s, const char *name)
{
	size_t len = strlen(name), n = 0;
	bool exists = false;
	char **names;
	int err = store_history_names(s, name, &names, &n);

	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		exists |= names[i][len] == '\0' || names[i][len] == '/';
		free(names[i]);
	}
	free(names);
	return exists ? 0 : -ENOENT;
}

const struct history_item *history_list_find(const struct history_list *l, const char *name)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->items[i].name, name) == 0)
			return &l->items[i];
	return NULL;
}
