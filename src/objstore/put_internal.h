/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_PUT_INTERNAL_H
#define NATSOBJ_OBJSTORE_PUT_INTERNAL_H

/* What put.c, uploads.c and put_resume.c share. Nobody else includes it. */

#include "objstore/bucket_internal.h"
#include "objstore/digest.h"
#include "objstore/seq_runs.h"

/* One chunk from put_add until it and all before it are acknowledged. */
struct put_chunk {
	struct list link;
	struct put *put;
	struct chunk *chunk;
	uint32_t idx; /* in the content */
	uint64_t seq; /* of its acknowledgement; 0: none yet */
	uint64_t sent_ns;
};

/* What the owner of an upload, one thread at a time, waits for. */
enum put_wait {
	PUT_WAITS_ROOM,
	PUT_WAITS_END,
};

struct put {
	struct store_put pub; /* first */
	struct bucket *bucket;

	struct mutex hash_lock; /* leaf; protects the next two */
	struct digest *digest;	/* of the first n_hashed chunks */
	uint32_t n_hashed;

	/* protected by uploads.lock, unless is_resuming */
	char nuid[OBJ_NUID_LEN + 1];
	char *subject;
	struct seq_runs acked; /* the acknowledged prefix */
	uint64_t acked_bytes;

	/* protected by uploads.lock */
	struct list link;   /* in puts or disturbed */
	struct list queue;  /* to be sent */
	struct list flight; /* sent; the first is not acknowledged */
	uint64_t size;
	uint32_t n_added;
	uint64_t first_ns;  /* when the first chunk was added */
	uint64_t own_bytes; /* in flight */
	size_t n_flying;
	int err;	     /* sticky */
	int trouble;	     /* why it has to be sent again; 0: it does not */
	uint64_t trouble_ns; /* since when nothing was acknowledged for trouble; 0: no trouble */
	bool is_sent;	     /* something of nuid may be stored */
	bool is_unsure;	     /* something may still arrive */
	bool is_holding;     /* the first chunk is on another connection: the second waits for it */
	bool has_hurried;
	bool is_disturbed; /* in the list of that name */
	bool is_resuming;
	bool is_closed, is_kept;
	bool is_helped; /* the caller sends a small first chunk itself */
	bool is_paired; /* metadata may be stored that names the identifier the chunk had first */
	bool is_held;	/* the small first chunk, all there is in queue, waits to be asked for */
	struct list in_waiting;
	enum put_wait waits_for;
	struct cond turn; /* the wait is over */
};

/* Starts the thread that sends disturbed uploads again. */
int resume_start_locked(struct bucket *b) MUST_CHECK;
/* Whether an upload that failed like this can be sent again. */
bool put_is_passing(const struct bucket *b, int err);
void put_chunk_free(struct put_chunk *c);
void put_free_chunks(struct list *chunks);
/* Adds the chunk to the digest if it is the next and was not added yet. Each chunk passes here, in
 * order, before it leaves flight. */
void put_chunk_hash(struct put_chunk *c);
/* The end of a put that is closed and settled: queues its removal and frees it. Without locks. */
void put_end(struct put *p);
/* Sends what is held and waits until every chunk is acknowledged. */
int put_wait_end(struct put *p) MUST_CHECK;
/* Sends what the window allows. */
void uploads_pump_locked(struct bucket *b);
/* The request for the chunk that is held, which counts as sent from now on: the caller sees to it
 * that done is called, and to the removal of the present identifier's chunk should it be sent again
 * under another. False: it is to go the usual way. */
bool put_take_held(struct put *p, struct rpc_request *ret);
/* After put_wait_end: what the metadata has to name. */
void put_end_pair(struct put *p, char ret_nuid[OBJ_NUID_LEN + 1]);
/* Waits until there is room or nothing left to do: 0 or an error. */
int put_wait_locked(struct put *p, enum put_wait what) MUST_CHECK;
/* After any change: wakes those whose wait is over. */
void uploads_tell_locked(struct uploads *u);
bool put_has_room_locked(const struct put *p);
/* What is due after a change: the put is handed on, or was the last thing to wait for. True when
 * the caller has to run put_end. */
bool put_settle_locked(struct put *p);

#endif
