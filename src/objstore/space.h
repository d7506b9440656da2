/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_SPACE_H
#define NATSOBJ_OBJSTORE_SPACE_H

/*
 * A limit of our own below the bucket's max_bytes. Before 2.10.5 a nearly full server may accept a
 * record that does not fit and delete its oldest message instead, whosever that is. There a reserve
 * is kept free; on newer servers everything here answers yes.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"
#include "util/lock.h"

struct bucket;
struct stream_info;

enum space_answer {
	SPACE_OK,
	SPACE_FULL,
	SPACE_UNKNOWN, /* the figure is too old to say no: being asked for, uploads_pump follows */
};

struct space {
	struct mutex lock;
	/* set before sharing */
	bool is_guarded;
	uint64_t max_bytes, reserve;
	/* protected by lock */
	uint64_t known;	    /* state.bytes of the newest answer */
	uint64_t known_ns;  /* when that request was sent */
	uint64_t asked_ns;  /* when the request under way was sent; 0: none */
	uint64_t freed_ns;  /* when room was made last: what was asked before is no news */
	uint64_t since;	    /* bytes published since known_ns */
	uint64_t since_ask; /* bytes published since asked_ns */
};

void space_init(struct space *s);
void space_done(struct space *s);
/* Decides whether the guard is needed. Before sharing. */
void space_start(struct bucket *b, const struct stream_info *info);

/* Room was made, by however much. */
void space_forget(struct bucket *b);
/* Bytes of a bucket with a limit that are neither used nor kept free. */
uint64_t space_free(const struct bucket *b, const struct stream_info *info);
/* Takes room for one record. Does not wait. */
enum space_answer space_take_chunk(struct bucket *b, size_t payload_len, size_t subject_len);
/* The same for metadata, which may use half of the reserve. False when full; may wait for a fresh
 * figure. */
bool space_take_meta(struct bucket *b, size_t payload_len, size_t subject_len);

#endif
