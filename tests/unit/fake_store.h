/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_FAKE_STORE_H
#define NATSOBJ_TESTS_FAKE_STORE_H

/*
 * A bucket in memory with the interface of objstore/store.h. Metadata pass through the JSON codec
 * as they do on the wire; acknowledgements, chunks and events come on threads of the store, late
 * and in order. Several stores may be open on one bucket, like several mounts.
 *
 * Everything here may be called from any thread and aborts when it runs out of memory.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/store.h"

struct fake;

enum fake_op {
	FAKE_STATUS,
	FAKE_GET_INFO,
	FAKE_PUT_INFO,
	FAKE_REMOVE_INFO,
	FAKE_PURGE,
	FAKE_WATCH,
	FAKE_NAMES,
	FAKE_PUT_OPEN,
	FAKE_PUT_CHUNK, /* the acknowledgement of a chunk */
	FAKE_GET_INDEX,
	FAKE_GET_CHUNK, /* the answer to a request */
	FAKE_N_OPS,
};

struct fake *fake_new(uint32_t chunk_size);
/* From now on objects are content and nothing else: see is_plain in objstore/store.h. To be called
 * before a store is opened. */
void fake_set_plain(struct fake *b);
/* The same, and depth versions of each name are kept. */
void fake_set_history(struct fake *b, unsigned int depth);
/* All stores must be closed. */
void fake_free(struct fake *b);
struct store *fake_open(struct fake *b);

/* The next count calls of op, whoever makes them, fail with err (negative). */
void fake_fail_next(struct fake *b, enum fake_op op, int err, unsigned int count);
/* The same for the calls after the next skip ones. */
void fake_fail_after(struct fake *b, enum fake_op op, int err, unsigned int skip,
		     unsigned int count);
/* The next metadata are stored, but the caller is told err. */
void fake_lose_answer(struct fake *b, int err);
/* The same for those after the next skip ones. */
void fake_lose_answer_after(struct fake *b, int err, unsigned int skip);
/* fn is called once, on the thread of the caller, after the next skip metadata were stored and
 * before the one after those is. */
void fake_before_put(struct fake *b, unsigned int skip, void (*fn)(void));
/* The same before the next call that asks for the metadata of this name, which stays the caller's,
 * and no other's. */
void fake_before_get(struct fake *b, const char *name, void (*fn)(void));
/* From now on each event comes so much later. */
void fake_delay_events(struct fake *b, unsigned int ms);
/* From now on the clock by which messages are stored is so far ahead of ours. */
void fake_set_clock_ahead(struct fake *b, unsigned int ms);
/* How often op was called so far. */
unsigned int fake_calls(struct fake *b, enum fake_op op);
/* Unacknowledged bytes an upload may have. */
void fake_set_window(struct fake *b, uint64_t bytes);
/* What store_status says can be stored yet; UINT64_MAX at first. */
void fake_set_free(struct fake *b, uint64_t bytes);
/* While set, acknowledgements and chunks are kept back, and purges do not return. */
void fake_hold(struct fake *b, bool is_held);
/* From now on a listing stops after so many names, UINT_MAX: none does. What was stored since it
 * began is delivered when somebody asks for it (store_catch_up). fake_sync would not return. */
void fake_hold_listing(struct fake *b, unsigned int after);
/* The stores that are open are told that, for this reason, nothing can be stored; NULL: it can. */
void fake_set_read_only(struct fake *b, const char *why);
/* Objects are to live so long, 0: for ever. Every watch tells so and lists anew. Nothing is
 * removed, as by a server that is late. */
void fake_set_max_age(struct fake *b, uint64_t ns);
/* Every watch loses its connection, misses what happened meanwhile and lists anew. */
void fake_reconnect(struct fake *b);
/* The bucket is deleted: watchers are told so. */
void fake_delete_bucket(struct fake *b);
/* Returns when every event so far was delivered and handled by every watch. */
void fake_sync(struct fake *b);

/* Flips a bit in the stored chunk idx of the object's present content. */
void fake_corrupt_chunk(struct fake *b, const char *name, uint32_t idx);
/* The chunks of an identifier are lost. */
void fake_drop_chunks(struct fake *b, const char *nuid);
/* Whether the chunks of an identifier are stored. */
bool fake_has_chunks(struct fake *b, const char *nuid);

/* Another client that knows nothing of files: no attributes, no expected sequence. */
void fake_foreign_put(struct fake *b, const char *name, const void *data, size_t len,
		      uint32_t chunk_len);
void fake_foreign_delete(struct fake *b, const char *name);
/* As a rename by a client that purges the old name: there is no event for it. */
void fake_foreign_rename(struct fake *b, const char *old_name, const char *new_name);
/* Metadata exactly as given, under the canonical subject of name. */
void fake_foreign_meta(struct fake *b, const char *name, const char *json);

/* The stored metadata of a name, tombstones included; NULL when there is no message. The caller
 * frees it. */
struct obj_info *fake_info(struct fake *b, const char *name);
/* Name of an object whose name begins so, NULL when there is none. The caller frees it. */
char *fake_find(struct fake *b, const char *prefix);
/* The stored content, NULL when there is no such object or it has no chunks although it should.
 * The caller frees it. */
char *fake_content(struct fake *b, const char *name, size_t *ret_len);

#endif
