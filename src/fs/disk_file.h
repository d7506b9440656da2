/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_DISK_FILE_H
#define NATSOBJ_FS_DISK_FILE_H

/*
 * One content in the disk cache: a sparse file of blocks of equal size, and its record, a header
 * and one slot for each block with its CRC-32C. The record of a small content lies behind its
 * blocks; that of a larger one is a file of its own, "<name>.sums", so that the blocks' file is the
 * content and nothing else, and can be read by those who know nothing of records.
 *
 * A block counts when its slot does, and is only believed if the CRC fits, so neither the order in
 * which a crash leaves writes on the disk nor damage afterwards can make other bytes of it. Nothing
 * is ever synced.
 *
 * While a content has not been compared with its SHA-256 as a whole, its file belongs to one upload
 * (bucket, NUID, and what its metadata say) and is named after that: "<hash>.part". Once it has,
 * and all blocks are there, it is renamed to the digest, "<SHA-256>", and serves every object with
 * that content. So an object with a false digest spoils no other. The record goes first then, and
 * when a file is removed: so a file without its record is one that is being removed, or was when
 * something crashed. Which of several whole files of one content a record was made for does not
 * matter.
 *
 * Files are shared by all mounts that use the directory. Two that write one block write the same
 * bytes; a file that was evicted stays usable for whoever has it open.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/disk_name.h"
#include "objstore/info.h"
#include "util/cleanup.h"

/* Contents from this size on have their record beside them. */
#define DISK_BESIDE_MIN (UINT64_C(256) << 10)
/* Larger contents are not cached: their blocks' presence is kept in memory while they are open. */
#define DISK_BLOCKS_MAX (UINT32_C(1) << 22)
#define DISK_BLOCK_MIN 512
#define DISK_BLOCK_MAX (UINT32_C(64) << 20)

struct disk_file {
	/* Set before sharing. */
	int dir_fd; /* the cache's, which closes it */
	uint8_t digest[OBJ_DIGEST_LEN];
	uint64_t size;
	char part_name[DISK_NAME_MAX], whole_name[DISK_NAME_MAX];
	/* Set by disk_file_open. */
	uint32_t block_size;
	uint32_t n_blocks;
	/* Set by disk_file_open or, before the first block is there, by disk_file_write. */
	int fd;
	int record_fd; /* fd, or the record's own */
	/* Atomic. */
	uint8_t *present; /* a bit for each block */
	atomic_uint n_present;
	atomic_bool is_whole;	/* has the name of its digest */
	atomic_bool is_dropped; /* not to be used any more */
};

/* f for a content that info describes, in bucket; nothing is opened. info has a digest. -EFBIG: too
 * large for the cache. */
int disk_file_init(struct disk_file *f, int dir_fd, const char *bucket, const struct obj_info *info)
	MUST_CHECK;
void disk_file_done(struct disk_file *f);

/* Finds what the cache has of it, if anything. Waits for the disk. -ENOMEM. */
int disk_file_open(struct disk_file *f) MUST_CHECK;

static inline bool disk_file_has(const struct disk_file *f, uint32_t idx)
{
	return __atomic_load_n(&f->present[idx / 8], __ATOMIC_ACQUIRE) & (1u << (idx % 8));
}

/* Bytes of a block. */
static inline size_t disk_file_len(const struct disk_file *f, uint32_t idx)
{
	uint64_t off = (uint64_t)idx * f->block_size;

	return f->size - off < f->block_size ? (size_t)(f->size - off) : f->block_size;
}

/* Reads a block that is there. -EAGAIN: the disk has to be waited for, and may_wait is false;
 * -EBADMSG: it is damaged, or cannot be read. */
int disk_file_read(const struct disk_file *f, uint32_t idx, void *buf, bool may_wait) MUST_CHECK;

/* --- by one thread at a time --- */

/* Adds a block to a file that is not whole; makes it if there is none. *ret_bytes: what the file
 * has grown by, more or less. -ESTALE: somebody has removed the file. Waits for the disk. */
int disk_file_write(struct disk_file *f, uint32_t idx, const void *data, uint64_t *ret_bytes)
	MUST_CHECK;
/* The content was compared with its digest, and they agree: names the file after it if it is
 * complete. */
void disk_file_finish(struct disk_file *f);
/* The file is in use: what was used longest ago is evicted first. */
void disk_file_touch(const struct disk_file *f);
/* Removes the file. */
void disk_file_drop(struct disk_file *f);

#endif
