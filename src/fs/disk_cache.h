/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_DISK_CACHE_H
#define NATSOBJ_FS_DISK_CACHE_H

/*
 * Content kept on a local disk, so that what was read once is not fetched again: not after it has
 * gone from memory, nor by the next mount, nor under another name. disk_file.h says how it is kept
 * and why it can be believed. This is the cache as a whole: its limit, its threads, its figures.
 *
 * It never makes anything fail. What it does not have, cannot read or cannot write comes from the
 * server; a disk that is full stops it from taking more for a while, one that fails for good.
 *
 * Files are read by a few threads, and written and removed by one more, which also keeps the limit:
 * the files used longest ago go, of whichever mount. When too much waits to be written, readers of
 * what is not there wait for the disk, but not for long.
 */

#include <stdbool.h>
#include <stdint.h>

#include "objstore/store.h"
#include "util/cleanup.h"

struct disk_cache;

struct disk_cache_stats {
	uint64_t hits, hit_bytes;	   /* blocks that came from the disk */
	uint64_t misses, miss_bytes;	   /* … and that did not */
	uint64_t stored_bytes;		   /* written */
	uint64_t skipped_bytes;		   /* not kept: no room, or the disk is too slow */
	uint64_t evictions, evicted_bytes; /* files removed to make room */
	uint64_t damaged;		   /* files found damaged and removed */
	uint64_t bytes; /* on the disk, other mounts' included, as last counted */
	uint64_t max_bytes;
	bool is_off; /* it does not take anything more */
};

/* Makes the directory of the cache below dir if it is missing. 0; -EPERM: it belongs to somebody
 * else; or why it cannot be used. */
int disk_cache_check(const char *dir) MUST_CHECK;
/* Contents below dir, max_bytes in all; what brings the disk's free space below min_free is not
 * kept either. Errors as disk_cache_check. */
int disk_cache_new(const char *dir, uint64_t max_bytes, uint64_t min_free, struct disk_cache **ret)
	MUST_CHECK;
/* Writes what waits for it, and ends the threads. All gets must be closed. NULL is harmless. */
void disk_cache_free(struct disk_cache *c);
/* Returns when all that was to be written or removed by now has been. For tests. Waits. */
void disk_cache_sync(struct disk_cache *c);
/* The disk of dir is full, and somebody needs so many bytes more than what is kept here: contents
 * used longest ago go, and nothing is kept for a while. False: that frees nothing. Waits for the
 * disk. */
bool disk_cache_make_room(struct disk_cache *c, uint64_t bytes);
void disk_cache_stats(struct disk_cache *c, struct disk_cache_stats *ret);

/*
 * A get (objstore/store.h) of an object with a digest that looks into the cache before it asks the
 * store, and keeps there what the store answers. Its chunks are the cache's blocks. -EFBIG: the
 * object is not one for the cache. Other errors as store_get_open.
 *
 * store_get_index succeeds when the cache has some of the content, although the store may not have
 * been asked. A chunk that then cannot be had without asking is answered with DISK_GET_ASK: after
 * store_get_index has been called once more, and has succeeded, it can.
 */
#define DISK_GET_ASK (-ENODATA)

int disk_get_open(struct disk_cache *c, struct store *s, const struct obj_info *info,
		  struct store_get **ret) MUST_CHECK;
/* What the get's chunks have, but for the last. */
uint64_t disk_get_block_size(struct store_get *sg);
/* All of the content is in the cache, was compared with its digest when it came there, and is
 * compared with checksums whenever it is read: it need not be hashed again. */
bool disk_get_is_verified(struct store_get *sg);
/* The descriptor, as long as the get is open, of a file that is the content and nothing else, and
 * of which all was read or written by this cache and found right; -1: there is none. Waits for the
 * disk where one is likely. */
int disk_get_whole_fd(struct store_get *sg);
/* The content as a whole agrees with its digest, or does not. Does not wait. */
void disk_get_judge(struct store_get *sg, bool is_right);
/* Has the disk read ahead what lies in [from, to). Does not wait. */
void disk_get_will_need(struct store_get *sg, uint64_t from, uint64_t to);

#endif
