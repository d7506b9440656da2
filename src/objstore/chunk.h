/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CHUNK_H
#define NATSOBJ_OBJSTORE_CHUNK_H

/*
 * One chunk of content in memory, shared by reference: filled by a writer on its way to the server,
 * or wrapped around a received message so that its bytes are never copied.
 */

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct chunk {
	uint8_t *data;
	size_t len;
	size_t cap; /* bytes that may be written by the owner; 0 for a received chunk */
	/* private */
	atomic_uint refs;
	void (*release)(void *owner);
	void *owner;
};

/* A writable chunk of cap bytes with len 0 and one reference; NULL without memory. */
struct chunk *chunk_new(size_t cap) MUST_CHECK;
/* Wraps bytes that belong to owner; release(owner) runs when the last reference goes. */
struct chunk *chunk_wrap(void *data, size_t len, void (*release)(void *owner), void *owner)
	MUST_CHECK;
struct chunk *chunk_ref(struct chunk *c);
void chunk_unref(struct chunk *c);
DEFINE_CLEANUP(struct chunk *, chunk_unref)
#define _cleanup_chunk_ CLEANUP(chunk_unref_p)

#endif
