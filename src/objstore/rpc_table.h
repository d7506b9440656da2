/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_RPC_TABLE_H
#define NATSOBJ_OBJSTORE_RPC_TABLE_H

/*
 * The requests of one rpc: those on the wire by slot number, and all of them by deadline. Not
 * locked: rpc.lock protects it. Private to rpc.c and its tests.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/rpc.h"
#include "util/cleanup.h"
#include "util/list.h"

#define RPC_NO_SLOT UINT32_MAX
#define RPC_NO_HEAP SIZE_MAX
/* A slot number and its generation as they appear in a reply subject. */
#define RPC_TOKEN_LEN 12
#define RPC_SLOTS_MAX 65536

enum rpc_state {
	RPC_QUEUED, /* waits for the sender thread */
	RPC_SENT,   /* has a slot; the server may have seen it */
	RPC_ENDED,  /* out of the table; done is due or has run */
};

/* One request or, without done, one plain publish. */
struct rpc_pending {
	struct list link; /* in the send queue or the list of ended ones */
	enum rpc_state state;
	uint32_t slot;	 /* RPC_NO_SLOT unless sent */
	size_t heap_idx; /* RPC_NO_HEAP unless in the table's heap */
	atomic_uint refs;
	uint64_t deadline_ns;
	rpc_done_fn done;
	void (*sending)(void *arg);
	void *arg;
	/* the end, once state is RPC_ENDED */
	int err;
	bool was_sent;
	/* set at creation */
	bool is_waited_for;
	const char *subject;
	struct rpc_header *headers;
	size_t n_headers;
	const void *data;
	size_t len;
	struct chunk *chunk;
};

struct rpc_slot {
	struct rpc_pending *p; /* NULL: free */
	uint32_t generation;
};

struct rpc_table {
	struct rpc_slot *slots;
	uint32_t *free_slots; /* a stack */
	uint32_t n_slots, n_free;
	struct rpc_pending **heap; /* the earliest deadline first */
	size_t n_heap, cap_heap;
};

/* A copy of the request with one reference; NULL without memory. */
struct rpc_pending *rpc_pending_new(const struct rpc_request *req) MUST_CHECK;
void rpc_pending_ref(struct rpc_pending *p);
/* With the last reference the chunk's goes too: call it without locks. */
void rpc_pending_unref(struct rpc_pending *p);

void rpc_table_init(struct rpc_table *t);
void rpc_table_done(struct rpc_table *t);

/* Puts p under its deadline. 0 or -ENOMEM. */
int rpc_table_add(struct rpc_table *t, struct rpc_pending *p) MUST_CHECK;
/* Takes p out of heap and slot. Harmless when it is in neither. */
void rpc_table_remove(struct rpc_table *t, struct rpc_pending *p);
/* Gives p a slot and makes it RPC_SENT: 0, -EAGAIN when all are in use, -ENOMEM. */
int rpc_table_assign(struct rpc_table *t, struct rpc_pending *p) MUST_CHECK;
/* The request with the earliest deadline, or NULL. */
struct rpc_pending *rpc_table_earliest(const struct rpc_table *t);

/* Writes the token of p, which has a slot, and a NUL. */
void rpc_table_token(const struct rpc_table *t, const struct rpc_pending *p,
		     char ret_token[RPC_TOKEN_LEN + 1]);
/* The request that an answer with this token belongs to; NULL when it has ended or never was. */
struct rpc_pending *rpc_table_find(const struct rpc_table *t, const char *token);

#endif
