/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_EXCHANGE_TURN_H
#define NATSOBJ_FS_EXCHANGE_TURN_H

/*
 * An exchange of which only the first name is stored may still take that back, and until it has
 * stored the second the only description of what the first had is in its intent. Whoever wants to
 * move what has such a name waits until the exchange is over: else its content would have two names
 * if it is taken back, or one beside them.
 */

#include <stdint.h>

#include "fs/internal.h"

/* -EAGAIN: one of these n (NULL: none) is the first of another exchange than that of the intent own
 * (NULL: of any), which is not over. Waits for the server. */
int turn_check(struct fs *fs, const struct obj_info *const *infos, size_t n, const char *own)
	MUST_CHECK;

/* Attempts that others make vain, each after a longer pause. */
struct turn {
	uint64_t deadline_ns;
	unsigned int n;
};

/* patience_ms: for how long it is tried. */
void turn_begin(struct turn *t, int64_t patience_ms);
bool turn_is_over(const struct turn *t);
/* Sleeps before the next attempt, not as long as another mount. False: it is not tried again, being
 * over or because the mount ends. */
bool turn_wait(const struct fs *fs, struct turn *t);

#endif
