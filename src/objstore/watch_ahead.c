/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names that were read at the leader ahead of their events. What was read is newer than everything
 * delivered so far; events that the consumer brings later, but that are not newer, are dropped. The
 * names are known for as long as that is possible: until the consumer has come to the newest.
 */
#include <string.h>

#include "objstore/watch_internal.h"

struct ahead {
	struct hash_node node;
	uint64_t seq;
	char token[];
};

static struct ahead *find(const struct watch *w, const char *token, uint64_t hv)
{
	hash_for_each (n, &w->ahead, hv) {
		struct ahead *a = container_of(n, struct ahead, node);

		if (n->hash == hv && strcmp(a->token, token) == 0)
			return a;
	}
	return NULL;
}

void ahead_forget(struct watch *w)
{
	for (size_t i = 0; i < w->ahead.n_buckets; i++) {
		while (w->ahead.buckets[i]) {
			struct hash_node *n = w->ahead.buckets[i];

			hash_remove(&w->ahead, n);
			free(container_of(n, struct ahead, node));
		}
	}
	w->ahead_max_seq = 0;
}

bool ahead_note(struct watch *w, const char *token, uint64_t seq)
{
	uint64_t hv = hash_bytes(token, strlen(token));
	struct ahead *a = find(w, token, hv);

	if (!a) {
		a = calloc(1, sizeof(*a) + strlen(token) + 1);
		if (!a || hash_insert(&w->ahead, &a->node, hv) < 0) {
			free(a);
			return false;
		}
		strcpy(a->token, token);
	}
	a->seq = seq;
	if (seq > w->ahead_max_seq)
		w->ahead_max_seq = seq;
	return true;
}

bool ahead_has(const struct watch *w, const char *token, uint64_t seq)
{
	const struct ahead *a = find(w, token, hash_bytes(token, strlen(token)));

	return a && seq <= a->seq;
}

void ahead_pass(struct watch *w, uint64_t seq)
{
	if (w->ahead_max_seq != 0 && seq > w->ahead_max_seq)
		ahead_forget(w);
}
