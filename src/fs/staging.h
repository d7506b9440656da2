/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_STAGING_H
#define NATSOBJ_FS_STAGING_H

/*
 * Room for content that is not written in order, addressed by offset. The first STAGING_MEMORY
 * bytes are kept in memory; a write behind them, or one that the mount has no memory for, moves
 * everything to an unlinked temporary file. All staging of a mount shares one limit for the memory
 * and one for the files; holes cost nothing in a file.
 *
 * What was never written reads as anything: the owner knows what it has written.
 */

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/lock.h"

#define STAGING_MEMORY (UINT64_C(1) << 20)

struct staging_area {
	char *dir;
	uint64_t max_bytes;  /* of all files; 0: no limit */
	uint64_t max_memory; /* of all that is in memory */
	/* Frees bytes of the full disk, or some; false when there is nothing to free. May wait for
	 * the disk. May be NULL; set before sharing. */
	bool (*make_room)(void *arg, uint64_t bytes);
	void *arg;
	struct mutex lock; /* protects what follows; leaf */
	uint64_t used;
	uint64_t used_memory;
};

struct staging {
	struct staging_area *area;
	uint8_t *memory; /* while fd is -1 */
	uint64_t memory_len;
	int fd;
	uint64_t charged; /* bytes counted in area->used */
};

int staging_area_init(struct staging_area *a, const char *dir, uint64_t max_bytes,
		      uint64_t max_memory) MUST_CHECK;
void staging_area_done(struct staging_area *a);

/* Empty and in memory. NULL without memory. */
struct staging *staging_new(struct staging_area *a);
void staging_free(struct staging *s);
/* Whether reading, or writing up to end, may have to wait for the disk. */
bool staging_may_wait(const struct staging *s, uint64_t end);
/* All bytes or an error: -ENOSPC when the limit or the disk is full, -EIO when its directory is
 * gone and cannot be made again. is_new tells that some of them were not written before, and so
 * take room. */
int staging_write(struct staging *s, uint64_t off, const void *data, size_t len, bool is_new)
	MUST_CHECK;
/* All of [off, off + len), which was written before. */
int staging_read(struct staging *s, uint64_t off, void *data, size_t len) MUST_CHECK;
/* The bytes of [from, to) are not needed any more; to may be RANGES_END. */
void staging_discard(struct staging *s, uint64_t from, uint64_t to);

#endif
