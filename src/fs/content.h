/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_CONTENT_H
#define NATSOBJ_FS_CONTENT_H

/*
 * Reading one version of an object's content: where its chunks are, which are in memory, and
 * whether what was read agrees with the digest. Shared by reference among the handles that have it
 * open.
 *
 * The digest is computed as a scan goes on, one chunk after the other, by whichever reader comes by
 * (content_check_behind). A read of the last byte, once all chunks were asked for, waits for the
 * result; a mismatch makes the content bad for good. A read of the end without a whole scan is not
 * checked, and the content remembers that. What the disk cache has of a content that was checked
 * when it came there is not hashed again.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "fs/chunk_cache.h"
#include "fs/disk_cache.h"
#include "fs/fs.h"
#include "objstore/digest.h"
#include "objstore/info.h"
#include "util/lock.h"

struct content {
	atomic_uint refs;
	/* Set before sharing. */
	char *nuid;
	uint64_t size;
	bool has_digest;
	uint8_t expected[OBJ_DIGEST_LEN];
	struct store_get *get; /* NULL when empty; closed by the source */
	bool is_on_disk;       /* get is one of the disk cache */
	struct chunk_source source;
	/* Atomic. */
	atomic_bool is_bad;
	atomic_bool is_checked;
	atomic_bool is_tail_unchecked;
	atomic_bool is_reported; /* that it cannot be read */
	/* Protected by check_lock (LOCK_RANK_FILE_INNER), which may be held while chunks are waited
	 * for. */
	struct mutex check_lock;
	struct digest *digest;
	uint32_t next_idx;
	/* One bit for each chunk that was asked for; accessed atomically, made with the first read.
	 */
	uint8_t *asked;
	atomic_uint n_asked;
	uint32_t n_chunks; /* of asked; set under check_lock with it */
	atomic_bool is_ready;
};

/* The content that info describes by nuid, size, chunks, max_chunk_size and digest. disk: where it
 * is looked for, and kept, besides memory, or NULL. */
int content_new(struct store *store, struct chunk_cache *cache, struct disk_cache *disk,
		const struct obj_info *info, struct content **ret) MUST_CHECK;
struct content *content_ref(struct content *c);
/* The last reference waits for requests under way to be cancelled, which does not take a server. */
void content_unref(struct content *c);
DEFINE_CLEANUP(struct content *, content_unref)
#define _cleanup_content_ CLEANUP(content_unref_p)

/* Starts to learn where the chunks are. Never waits. */
void content_warm(struct content *c);

/* Bytes [off, off + len) as far as the content goes. -FS_WOULD_WAIT as in fs/fs.h; -ESTALE: the
 * chunks are gone; -EIO: bad. */
int content_read(struct content *c, uint64_t off, size_t len, bool may_wait, struct fs_data *ret)
	MUST_CHECK;
/* The same into memory: all of [off, off + len), which is inside the content. */
int content_copy(struct content *c, uint64_t off, void *buf, size_t len, bool may_wait) MUST_CHECK;
/* Has everything in memory from now on, because the chunks will not be in the bucket for long; an
 * error when that is not possible. Waits. */
int content_keep(struct content *c) MUST_CHECK;
/* Requests the chunks of [from, to) ahead of need, as far as the limits allow; returns how far, to
 * when nothing is left to ask for. */
uint64_t content_prefetch(struct content *c, uint64_t from, uint64_t to);
/* Goes on with the digest over chunks that are in memory, unless another thread does. */
void content_check_behind(struct content *c);
/* -EIO when every chunk was asked for and they contradict the digest; finds out now. Waits. */
int content_verify(struct content *c) MUST_CHECK;

#endif
