/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_SHARE_INTERNAL_H
#define NATSOBJ_FUSE_SHARE_INTERNAL_H

/* What share.c and share_life.c have in common. Nobody else includes it. */

#include "fuse/share.h"
#include "util/hash.h"
#include "util/lock.h"

enum slot_state { SLOT_CLOSED, SLOT_OPENING, SLOT_OPEN, SLOT_CLOSING };

struct share_slot {
	struct share s; /* first */
	struct hash_node by_number;
	char *name;
	/* protected by shares.lock */
	enum slot_state state;
	unsigned refs;
	uint64_t used_ns, n_entered;
	int error; /* of the last opening, until then */
	uint64_t error_until_ns;
	bool is_as_shown; /* see shares_enter */
	bool has_seen;
	struct stat seen; /* of its directory, when it was last open */
	/* of the thread that opens and closes */
	struct share_parts parts;
};

struct shares {
	/* set before sharing */
	struct share_source source;
	struct fs *directory;
	struct fs_listener up;
	void (*on_open)(void *arg, struct share *s);
	void *on_open_arg;
	pthread_t thread;
	bool has_thread;

	struct mutex lock; /* leaf; protects what follows */
	struct cond changed;
	struct hash slots;
	size_t n_open; /* or being opened or closed */
	int n_unstored;
	bool is_stopping;
};

/* ---- share.c ---- */

/* The first slot behind number that fits, held; NULL at the end. */
struct share_slot *share_next_slot(struct shares *all, uint64_t behind,
				   bool (*fits)(const struct share_slot *slot));
/* Without the lock. */
void share_slot_free(struct shares *all, struct share_slot *slot);
/* False at the end of the mount. */
bool shares_pause(struct shares *all, uint64_t ms);

/* ---- share_life.c ---- */

/* Opens a slot that was set SLOT_OPENING. The lock is free meanwhile. */
int share_open_locked(struct shares *all, struct share_slot *slot) MUST_CHECK;
/* Makes room for another bucket: 0 when one was closed, or -EMFILE. Waits for a moment. */
int shares_make_room(struct shares *all) MUST_CHECK;
/* The thread that closes what nobody uses. */
void *shares_main(void *arg);

#endif
