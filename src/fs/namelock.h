/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_NAMELOCK_H
#define NATSOBJ_FS_NAMELOCK_H

/*
 * Object names that an operation of this mount is changing right now.
 *
 * At most one operation at a time changes a name, and events about it are put aside meanwhile, so
 * that an operation's own message coming back through the watch is not taken for somebody else's.
 * The newest event put aside is handed out before the name is released.
 *
 * Names are taken after a file's lock and before the tree's; one that takes two calls
 * namelock_take2, which orders them. Waiting has no end of its own: holders have deadlines.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/info.h"
#include "util/hash.h"
#include "util/lock.h"

struct namelock {
	struct mutex lock; /* protects all below; leaf */
	struct cond changed;
	struct hash names;
	uint64_t n_taken; /* so far */
};

void namelock_init(struct namelock *nl);
void namelock_done(struct namelock *nl);
/* Waits until name is free and takes it. 0 or -ENOMEM. */
int namelock_take(struct namelock *nl, const char *name, size_t len) MUST_CHECK;
/* The same without waiting: -EAGAIN when the name is taken. */
int namelock_try(struct namelock *nl, const char *name, size_t len) MUST_CHECK;
/* Waits until the operation that holds the name now has released it, if one does, at most until
 * deadline_ns; false when it has not. What it put aside was handed out then. */
bool namelock_wait(struct namelock *nl, const char *name, size_t len, uint64_t deadline_ns);
/* Takes two different names. */
int namelock_take2(struct namelock *nl, const char *a, size_t a_len, const char *b, size_t b_len)
	MUST_CHECK;
/* Frees the name and returns NULL; but if an event was put aside since it was taken, or since the
 * last such call, hands that out instead. */
struct obj_info *namelock_release(struct namelock *nl, const char *name, size_t len);
bool namelock_is_taken(struct namelock *nl, const char *name, size_t len);
/* Whether no name is taken. */
bool namelock_is_idle(struct namelock *nl);
/* True when the info's name is taken; the info then belongs to the lock. */
bool namelock_put_aside(struct namelock *nl, struct obj_info *info);
/* A listing begins, which tells all anew: what was put aside before is freed. */
void namelock_begin_listing(struct namelock *nl);
/* Whether something of the name was put aside since, and the name is still taken. */
bool namelock_was_told(struct namelock *nl, const char *name, size_t len);

#endif
