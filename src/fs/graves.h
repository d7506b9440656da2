/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_GRAVES_H
#define NATSOBJ_FS_GRAVES_H

/*
 * Names that were removed a short while ago, with the sequence of what removed them. A name that is
 * in the tree remembers its sequence there; one that is gone remembers it here, so that an older
 * event, or an answer that was long on its way, cannot bring it back.
 *
 * Entries live for a minute, which is longer than any request, and their number is limited: the
 * oldest go first. The tree's lock protects everything.
 */

#include <stddef.h>
#include <stdint.h>

#include "util/hash.h"
#include "util/list.h"

struct graves {
	struct hash names;
	struct list by_age; /* the oldest first */
};

void graves_init(struct graves *g);
void graves_done(struct graves *g);
/* The name is gone as of sequence seq; a higher sequence already noted stays. Without memory
 * nothing is noted. */
void graves_note(struct graves *g, const char *name, size_t len, uint64_t seq);
/* The sequence that removed the name, 0 when none is known. */
uint64_t graves_seq(const struct graves *g, const char *name, size_t len);
/* The name exists again. */
void graves_drop(struct graves *g, const char *name, size_t len);
/* The sequences noted mean nothing any more. */
void graves_clear(struct graves *g);

#endif
