/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_ABSENT_H
#define NATSOBJ_FS_ABSENT_H

/*
 * Object names of which the server has just said that they do not exist. The kernel looks a name up
 * before it makes it; this spares asking for it twice. A name made by others in between is noticed
 * when ours is stored, as it would be a moment later.
 *
 * The tree's lock protects everything.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ABSENT_SLOTS 256

struct absent {
	struct {
		uint64_t hash;
		uint64_t seq;
		uint64_t until_ns;
	} slots[ABSENT_SLOTS];
};

/* seq: of the tombstone the name has, or 0. */
void absent_note(struct absent *a, const char *name, size_t len, uint64_t seq);
/* Whether the name was absent a moment ago; true once. */
bool absent_take(struct absent *a, const char *name, size_t len, uint64_t *ret_seq);

#endif
