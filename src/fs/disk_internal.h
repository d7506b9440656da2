/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_DISK_INTERNAL_H
#define NATSOBJ_FS_DISK_INTERNAL_H

/* What disk_cache.c, disk_get.c, disk_block.c and disk_evict.c share. Nobody else includes it, but
 * for their tests.
 */

#include <pthread.h>
#include <stdatomic.h>

#include "fs/disk_cache.h"
#include "fs/disk_file.h"
#include "util/list.h"
#include "util/lock.h"

#define DISK_READERS 4

/* Work for one of the cache's threads; part of what it works on. */
struct disk_job {
	struct list link;
	void (*run)(struct disk_job *job);
	uint64_t bytes; /* counted while it waits */
};

struct disk_queue {
	struct list jobs;
	struct cond changed;
	bool is_stopping;
	uint64_t bytes; /* of the jobs that wait */
};

struct disk_cache {
	/* Set before sharing. */
	char *dir;  /* the directory is below it */
	char *path; /* of the directory, for people */
	int dir_fd; /* a number that stays: see disk_reopen */
	uint64_t max_bytes, min_free;
	pthread_t readers[DISK_READERS], writer;
	unsigned n_readers;
	bool has_writer;
	/* Protected by lock, a leaf. */
	struct mutex lock;
	struct disk_queue reads, writes;
	struct disk_note *notes; /* see disk_checked.c */
	/* Of the writer's thread. */
	uint64_t since_count; /* bytes written since all files were counted */
	uint64_t since_floor; /* … since the disk's free space was looked at */
	uint64_t paused_ns;   /* nothing is kept before that time */
	/* Atomic: the figures of disk_cache_stats. */
	_Atomic uint64_t hits, hit_bytes, misses, miss_bytes, stored_bytes, skipped_bytes,
		evictions, evicted_bytes, damaged, bytes;
	atomic_bool is_off;
	atomic_bool has_complained;
};

enum open_state { NOT_OPENED, OPENING, OPENED };

struct disk_get {
	struct store_get pub; /* first */
	struct disk_cache *cache;
	struct store_get *inner;
	atomic_uint refs;
	struct disk_file file;
	struct disk_job opening, closing, ahead, finishing, dropping;
	/* Protected by lock. */
	struct mutex lock;
	struct cond opened;
	enum open_state state;
	unsigned n_inner; /* threads that use inner */
	bool is_closed;
	bool is_reading_ahead;
	uint64_t ahead_from, ahead_to;
	/* Atomic. */
	atomic_bool needs_inner; /* a block was wanted that only the store has */
	atomic_bool is_verified; /* see disk_get_is_verified */
	atomic_bool is_finishing;
	/* A bit for each block that is on the disk and was right; NULL: not counted. Set with the
	 * file's opening, then atomic. */
	uint8_t *checked;
	atomic_uint n_checked;
};

/* --- disk_cache.c --- */

/* Has a thread run the job. The reader's jobs run beside each other, the writer's in order. */
void disk_run_read(struct disk_cache *c, struct disk_job *job);
void disk_run_write(struct disk_cache *c, struct disk_job *job);
/* The same for bytes to be kept; false when too many wait already. */
bool disk_try_write(struct disk_cache *c, struct disk_job *job) MUST_CHECK;
/* Makes and opens the directory again, which somebody has removed. On the writer's thread. */
int disk_reopen(struct disk_cache *c) MUST_CHECK;
/* A write failed: nothing is kept for a while or, if the disk is not just full, any more. On the
 * writer's thread. */
void disk_note_error(struct disk_cache *c, int err);

/* --- disk_evict.c; on the writer's thread --- */

/* Counts all files and removes those used longest ago, as far as limit and floor demand. */
void disk_count(struct disk_cache *c);
/* Whether so many bytes more may be kept; makes room for them. */
bool disk_has_room(struct disk_cache *c, uint64_t bytes) MUST_CHECK;
/* Removes so much of what was used longest ago, and somewhat more; bytes that went. Nothing is kept
 * for a while. */
uint64_t disk_yield(struct disk_cache *c, uint64_t bytes);
/* They have been written. */
void disk_note_written(struct disk_cache *c, uint64_t bytes);

/* --- disk_checked.c --- */

int disk_checked_init(struct disk_cache *c) MUST_CHECK;
/* The get's file was opened. */
void disk_checked_begin(struct disk_get *g);
/* The block on the disk is right. */
void disk_checked_block(struct disk_get *g, uint32_t idx);
/* The get's file may have become one that is to be noted. */
void disk_checked_all(struct disk_get *g);

/* --- disk_get.c --- */

struct disk_get *disk_get_ref(struct disk_get *g);
void disk_get_unref(struct disk_get *g);
/* Whether the file was opened; begins that. */
bool disk_get_is_opened(struct disk_get *g, bool may_wait);
/* Whether inner may be used; then disk_get_leave has to follow. */
bool disk_get_enter(struct disk_get *g) MUST_CHECK;
void disk_get_leave(struct disk_get *g);
/* The file is not used from now on, and is removed. False: that was known. */
bool disk_get_drop(struct disk_get *g);

/* --- disk_block.c --- */

int disk_get_chunk(struct store_get *sg, uint32_t idx, bool may_wait, get_chunk_fn fn, void *arg)
	MUST_CHECK;

#endif
