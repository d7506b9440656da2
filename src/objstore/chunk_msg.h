/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CHUNK_MSG_H
#define NATSOBJ_OBJSTORE_CHUNK_MSG_H

/*
 * One chunk message as a request and its answer, in both forms: direct get (raw bytes, from any
 * replica) and STREAM.MSG.GET (JSON and base64, from the leader).
 */

#include <stdbool.h>
#include <stdint.h>

#include "objstore/chunk.h"
#include "objstore/rpc.h"
#include "util/buf.h"
#include "util/cleanup.h"

struct bucket;

enum chunk_which {
	CHUNK_BY_SEQ,
	CHUNK_FIRST, /* of the subject */
	CHUNK_LAST,
};

/* The request's body. */
void chunk_msg_format(enum chunk_which which, const char *subject, uint64_t seq, struct buf *out);
/*
 * Understands the answer and takes it over. 0; -ENOENT no such message; -EAGAIN the server is busy;
 * -EIO not an answer to this, or a message of another subject; -ENODEV no stream; -ENOMEM.
 */
int chunk_msg_decode(bool is_leader, natsMsg *msg, const char *subject, uint64_t *ret_seq,
		     struct chunk **ret) MUST_CHECK;

#endif
