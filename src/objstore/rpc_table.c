/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/rpc_table.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SLOTS_FIRST 256

struct rpc_pending *rpc_pending_new(const struct rpc_request *req)
{
	size_t subject_len = strlen(req->subject) + 1;
	size_t data_len = req->chunk ? 0 : req->len;
	size_t size = sizeof(struct rpc_pending) + req->n_headers * sizeof(struct rpc_header);
	struct rpc_pending *p;
	char *at;

	for (size_t i = 0; i < req->n_headers; i++)
		size += strlen(req->headers[i].key) + strlen(req->headers[i].value) + 2;
	if (data_len > SIZE_MAX / 2)
		return NULL;
	p = malloc(size + subject_len + data_len);
	if (!p)
		return NULL;
	*p = (struct rpc_pending){.state = RPC_QUEUED,
				  .slot = RPC_NO_SLOT,
				  .heap_idx = RPC_NO_HEAP,
				  .refs = 1,
				  .deadline_ns = req->deadline_ns,
				  .done = req->done,
				  .is_waited_for = req->is_waited_for,
				  .sending = req->sending,
				  .arg = req->arg,
				  .headers = (struct rpc_header *)(p + 1),
				  .n_headers = req->n_headers};
	list_init(&p->link);
	at = (char *)(p->headers + p->n_headers);
	for (size_t i = 0; i < p->n_headers; i++) {
		p->headers[i].key = at;
		at = stpcpy(at, req->headers[i].key) + 1;
		p->headers[i].value = at;
		at = stpcpy(at, req->headers[i].value) + 1;
	}
	p->subject = memcpy(at, req->subject, subject_len);
	at += subject_len;
	if (req->chunk) {
		p->chunk = chunk_ref(req->chunk);
		p->data = req->chunk->data;
		p->len = req->chunk->len;
	} else if (data_len > 0) {
		p->data = memcpy(at, req->data, data_len);
		p->len = data_len;
	}
	return p;
}

void rpc_pending_ref(struct rpc_pending *p)
{
	atomic_fetch_add(&p->refs, 1);
}

void rpc_pending_unref(struct rpc_pending *p)
{
	if (atomic_fetch_sub(&p->refs, 1) > 1)
		return;
	if (p->chunk)
		chunk_unref(p->chunk);
	free(p);
}

void rpc_table_init(struct rpc_table *t)
{
	*t = (struct rpc_table){0};
}

void rpc_table_done(struct rpc_table *t)
{
	free(t->slots);
	free(t->free_slots);
	free(t->heap);
}

static void heap_put(struct rpc_table *t, size_t idx, struct rpc_pending *p)
{
	t->heap[idx] = p;
	p->heap_idx = idx;
}

static void heap_up(struct rpc_table *t, size_t idx)
{
	struct rpc_pending *p = t->heap[idx];

	while (idx > 0) {
		size_t parent = (idx - 1) / 2;

		if (t->heap[parent]->deadline_ns <= p->deadline_ns)
			break;
		heap_put(t, idx, t->heap[parent]);
		idx = parent;
	}
	heap_put(t, idx, p);
}

static void heap_down(struct rpc_table *t, size_t idx)
{
	struct rpc_pending *p = t->heap[idx];

	for (;;) {
		size_t child = idx * 2 + 1;

		if (child >= t->n_heap)
			break;
		if (child + 1 < t->n_heap &&
		    t->heap[child + 1]->deadline_ns < t->heap[child]->deadline_ns)
			child++;
		if (t->heap[child]->deadline_ns >= p->deadline_ns)
			break;
		heap_put(t, idx, t->heap[child]);
		idx = child;
	}
	heap_put(t, idx, p);
}

int rpc_table_add(struct rpc_table *t, struct rpc_pending *p)
{
	if (t->n_heap == t->cap_heap) {
		size_t cap = t->cap_heap ? t->cap_heap * 2 : SLOTS_FIRST;
		struct rpc_pending **heap = reallocarray(t->heap, cap, sizeof(*heap));

		if (!heap)
			return -ENOMEM;
		t->heap = heap;
		t->cap_heap = cap;
	}
	t->heap[t->n_heap++] = p;
	heap_up(t, t->n_heap - 1);
	return 0;
}

static void heap_remove(struct rpc_table *t, struct rpc_pending *p)
{
	size_t idx = p->heap_idx;
	struct rpc_pending *last = t->heap[--t->n_heap];

	p->heap_idx = RPC_NO_HEAP;
	if (last == p)
		return;
	heap_put(t, idx, last);
	heap_up(t, idx);
	heap_down(t, last->heap_idx);
}

void rpc_table_remove(struct rpc_table *t, struct rpc_pending *p)
{
	if (p->heap_idx != RPC_NO_HEAP)
		heap_remove(t, p);
	if (p->slot != RPC_NO_SLOT) {
		struct rpc_slot *s = &t->slots[p->slot];

		s->p = NULL;
		s->generation++;
		t->free_slots[t->n_free++] = p->slot;
		p->slot = RPC_NO_SLOT;
	}
}

static int grow_slots(struct rpc_table *t)
{
	uint32_t n = t->n_slots ? t->n_slots * 2 : SLOTS_FIRST;
	struct rpc_slot *slots;
	uint32_t *free_slots;

	if (t->n_slots == RPC_SLOTS_MAX)
		return -EAGAIN;
	free_slots = reallocarray(t->free_slots, n, sizeof(*free_slots));
	if (!free_slots)
		return -ENOMEM;
	t->free_slots = free_slots;
	slots = reallocarray(t->slots, n, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	t->slots = slots;
	/* Low numbers on top of the stack. */
	for (uint32_t i = n; i-- > t->n_slots;) {
		slots[i] = (struct rpc_slot){0};
		free_slots[t->n_free++] = i;
	}
	t->n_slots = n;
	return 0;
}

int rpc_table_assign(struct rpc_table *t, struct rpc_pending *p)
{
	if (t->n_free == 0) {
		int r = grow_slots(t);

		if (r < 0)
			return r;
	}
	p->slot = t->free_slots[--t->n_free];
	t->slots[p->slot].p = p;
	p->state = RPC_SENT;
	return 0;
}

struct rpc_pending *rpc_table_earliest(const struct rpc_table *t)
{
	return t->n_heap ? t->heap[0] : NULL;
}

void rpc_table_token(const struct rpc_table *t, const struct rpc_pending *p,
		     char ret_token[RPC_TOKEN_LEN + 1])
{
	snprintf(ret_token, RPC_TOKEN_LEN + 1, "%04" PRIx32 "%08" PRIx32, p->slot & 0xffff,
		 t->slots[p->slot].generation);
}

/* Exactly n lower-case hexadecimal digits. */
static bool parse_hex(const char *s, size_t n, uint32_t *ret)
{
	uint32_t v = 0;

	for (size_t i = 0; i < n; i++) {
		if (s[i] >= '0' && s[i] <= '9')
			v = v << 4 | (uint32_t)(s[i] - '0');
		else if (s[i] >= 'a' && s[i] <= 'f')
			v = v << 4 | (uint32_t)(s[i] - 'a' + 10);
		else
			return false;
	}
	*ret = v;
	return true;
}

struct rpc_pending *rpc_table_find(const struct rpc_table *t, const char *token)
{
	uint32_t slot, generation;

	if (!parse_hex(token, 4, &slot) || !parse_hex(token + 4, 8, &generation) ||
	    token[RPC_TOKEN_LEN] != '\0')
		return NULL;
	if (slot >= t->n_slots || t->slots[slot].generation != generation)
		return NULL;
	return t->slots[slot].p;
}
