/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_PURGE_H
#define NATSOBJ_FS_PURGE_H

/*
 * Chunks that no name has any more are removed after a while, in which whoever still reads them can
 * go on. The removals stand in a queue of their own, at which a thread looks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/later.h"
#include "util/cleanup.h"
#include "util/list.h"
#include "util/lock.h"

struct fs;
struct obj_info;

struct purges {
	struct later looks;
	struct mutex lock; /* protects all below; leaf */
	struct cond changed;
	struct list queue; /* by time */
	uint64_t n_queued;
	uint64_t n_left;	/* given up */
	bool is_refused;	/* and said so */
	uint64_t n_kept;	/* versions that came after what is removed */
	unsigned int n_running; /* batches */
	uint64_t next_ns;	/* when the queue is looked at; UINT64_MAX: not */
};

void purges_init(struct purges *p);
int purges_start(struct purges *p) MUST_CHECK;
/* Ends the thread; the queue stays. May be called twice. */
void purges_stop(struct purges *p);
void purges_done(struct purges *p);

/* The chunks of nuid are no longer named by name; they are removed when nothing needs them. */
void fs_purge_later(struct fs *fs, const char *nuid, const char *name, size_t name_len);
/* The same for content that ours, which is copied, has replaced. If another client that knows
 * nothing of ours brings the old content back, ours is stored beside it. */
void fs_purge_replaced(struct fs *fs, const char *nuid, const struct obj_info *ours);
/* Removes at once what nobody here reads. True when there was any. Waits. */
bool purges_hurry(struct fs *fs);
/* The end of the mount: the same for everything, until the deadline; ends the thread. A line in the
 * log says how much stays behind. Waits. */
void purges_finish(struct fs *fs, uint64_t deadline_ns);
uint64_t purges_count(struct purges *p);

#endif
