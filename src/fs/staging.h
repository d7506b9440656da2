/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_STAGING_H
#define NATSOBJ_FS_STAGING_H

/*
 * Unlinked temporary files for content that is not written in order. All staging files of a mount
 * share one limit; holes do not count.
 */

#include <stdint.h>
#include <sys/types.h>

#include "util/lock.h"

struct staging_area {
	char *dir;
	uint64_t max_bytes; /* 0: no limit */
	struct mutex lock;  /* protects used; leaf */
	uint64_t used;
};

struct staging {
	struct staging_area *area;
	int fd;
	uint64_t size;
	uint64_t charged; /* bytes counted in area->used */
};

int staging_area_init(struct staging_area *a, const char *dir, uint64_t max_bytes) MUST_CHECK;
void staging_area_done(struct staging_area *a);

/* -ENOSPC or another error of the directory. */
int staging_new(struct staging_area *a, struct staging **ret) MUST_CHECK;
void staging_free(struct staging *s);
/* All bytes or an error: -ENOSPC when the limit or the disk is full. */
int staging_write(struct staging *s, uint64_t off, const void *data, size_t len) MUST_CHECK;
/* Bytes read, fewer only at the end. */
ssize_t staging_read(struct staging *s, uint64_t off, void *data, size_t len) MUST_CHECK;
int staging_truncate(struct staging *s, uint64_t size) MUST_CHECK;

#endif
