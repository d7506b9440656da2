/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/disk_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "objstore/digest.h"
#include "util/crc32c.h"
#include "util/io.h"

#define MAGIC "natsobj\1"

/* The beginning of a record, in the byte order of this machine. */
struct header {
	char magic[8];
	uint64_t size;
	uint8_t digest[OBJ_DIGEST_LEN];
	uint32_t block_size;
	uint32_t n_blocks;
	uint32_t reserved;
	uint32_t crc; /* of all before */
};

#define OPEN_FLAGS (O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

struct slot {
	uint32_t mark; /* says that the block is there: see slot_mark */
	uint32_t crc;
};

static uint32_t slot_mark(uint32_t idx)
{
	return UINT32_C(0x5A000000) + idx;
}

static bool is_beside(const struct disk_file *f)
{
	return f->size >= DISK_BESIDE_MIN;
}

static uint64_t header_off(const struct disk_file *f)
{
	return is_beside(f) ? 0 : (f->size + 7) / 8 * 8;
}

static uint64_t slot_off(const struct disk_file *f, uint32_t idx)
{
	return header_off(f) + sizeof(struct header) + (uint64_t)idx * sizeof(struct slot);
}

static int set_blocks(struct disk_file *f, uint32_t block_size)
{
	uint64_t n = (f->size - 1) / block_size + 1;

	if (n > DISK_BLOCKS_MAX)
		return -EFBIG;
	f->block_size = block_size;
	f->n_blocks = (uint32_t)n;
	return 0;
}

int disk_file_init(struct disk_file *f, int dir_fd, const char *bucket, const struct obj_info *info)
{
	/* A block is a chunk of the object where its chunks are of one size. */
	bool is_fit =
		info->max_chunk_size >= DISK_BLOCK_MIN && info->max_chunk_size <= DISK_BLOCK_MAX;
	int err;

	*f = (struct disk_file){.dir_fd = dir_fd, .fd = -1, .record_fd = -1, .size = info->size};
	if (f->size == 0 || f->size > INT64_MAX / 2)
		return -EFBIG;
	memcpy(f->digest, info->digest, OBJ_DIGEST_LEN);
	err = set_blocks(f, is_fit ? info->max_chunk_size : OBJ_DEFAULT_CHUNK_SIZE);
	if (err)
		return err;
	disk_name_whole(f->digest, f->whole_name);
	return disk_name_part(bucket, info, f->block_size, f->part_name);
}

static void close_files(struct disk_file *f)
{
	if (f->record_fd >= 0 && f->record_fd != f->fd)
		(void)close(f->record_fd);
	if (f->fd >= 0)
		(void)close(f->fd);
	f->fd = f->record_fd = -1;
}

void disk_file_done(struct disk_file *f)
{
	close_files(f);
	free(f->present);
}

static void make_header(const struct disk_file *f, struct header *h)
{
	*h = (struct header){.size = f->size, .block_size = f->block_size, .n_blocks = f->n_blocks};
	memcpy(h->magic, MAGIC, sizeof(h->magic));
	memcpy(h->digest, f->digest, sizeof(h->digest));
	h->crc = crc32c(h, offsetof(struct header, crc));
}

static void set_present(struct disk_file *f, uint32_t idx)
{
	uint8_t bit = (uint8_t)(1u << (idx % 8));

	if (!(__atomic_fetch_or(&f->present[idx / 8], bit, __ATOMIC_RELEASE) & bit))
		atomic_fetch_add(&f->n_present, 1);
}

static int load_slots(struct disk_file *f)
{
	struct slot slots[512];

	for (uint32_t at = 0; at < f->n_blocks; at += ARRAY_LEN(slots)) {
		uint32_t n = f->n_blocks - at < ARRAY_LEN(slots) ? f->n_blocks - at
								 : (uint32_t)ARRAY_LEN(slots);
		int err = pread_all(f->record_fd, slots, n * sizeof(*slots), slot_off(f, at));

		if (err)
			return err;
		for (uint32_t i = 0; i < n; i++)
			if (slots[i].mark == slot_mark(at + i))
				set_present(f, at + i);
	}
	return 0;
}

/* The length of one of the files, if it is what the cache may have made. */
static int length_of(int fd, uint64_t *ret)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid())
		return -EPERM;
	*ret = (uint64_t)st.st_size;
	return 0;
}

/* Whether what is open is of this content. Takes its block size: other uploads may have had chunks
 * of another size. */
static int check_header(struct disk_file *f)
{
	uint64_t len = 0, record_len = 0;
	struct header h, expected;
	int err = length_of(f->fd, &len);

	if (!err)
		err = length_of(f->record_fd, &record_len);
	if (!err && record_len < header_off(f) + sizeof(h))
		err = -EBADMSG;
	if (!err)
		err = pread_all(f->record_fd, &h, sizeof(h), header_off(f));
	if (err)
		return err;
	if (h.block_size < DISK_BLOCK_MIN || h.block_size > DISK_BLOCK_MAX)
		return -EBADMSG;
	err = set_blocks(f, h.block_size);
	if (err)
		return err;
	make_header(f, &expected);
	if (memcmp(&h, &expected, sizeof(h)) != 0 || record_len != slot_off(f, f->n_blocks) ||
	    (is_beside(f) && len != f->size))
		return -EBADMSG;
	return 0;
}

/* The record of the open file name; -EBADMSG: it has none. */
static int open_record(struct disk_file *f, const char *name, int flags)
{
	char record[DISK_NAME_MAX];

	if (!is_beside(f)) {
		f->record_fd = f->fd;
		return 0;
	}
	disk_name_record(name, record);
	f->record_fd = openat(f->dir_fd, record, OPEN_FLAGS | flags, 0600);
	return f->record_fd >= 0 ? 0 : errno == ENOENT ? -EBADMSG : -errno;
}

/* Opens a file that is there; one that is not what it should be goes. */
static int open_named(struct disk_file *f, const char *name)
{
	uint32_t block_size = f->block_size;
	int err;

	f->fd = openat(f->dir_fd, name, OPEN_FLAGS);
	if (f->fd < 0)
		return -errno;
	err = open_record(f, name, 0);
	if (!err)
		err = check_header(f);
	if (!err)
		return 0;
	close_files(f);
	(void)set_blocks(f, block_size);
	if (err == -EBADMSG)
		(void)disk_name_remove(f->dir_fd, name);
	return err;
}

/* 0, with fd -1 when there is none that can be used. */
static int open_and_load(struct disk_file *f, const char *name)
{
	if (open_named(f, name) < 0)
		return 0;
	f->present = calloc(f->n_blocks / 8 + 1, 1);
	if (!f->present)
		return -ENOMEM;
	if (load_slots(f) < 0) {
		memset(f->present, 0, f->n_blocks / 8 + 1);
		atomic_store(&f->n_present, 0);
	}
	disk_file_touch(f);
	return 0;
}

void disk_file_touch(const struct disk_file *f)
{
	if (f->fd >= 0)
		(void)futimens(f->fd, NULL);
}

/* A file with the digest's name has all blocks, unless a crash took some. It is not completed: what
 * would be added has not been compared with the digest. */
static void give_up_torn(struct disk_file *f, uint32_t block_size)
{
	disk_file_drop(f);
	atomic_store(&f->is_dropped, false);
	close_files(f);
	free(f->present);
	f->present = NULL;
	atomic_store(&f->n_present, 0);
	(void)!set_blocks(f, block_size);
}

int disk_file_open(struct disk_file *f)
{
	uint32_t block_size = f->block_size;
	int err = open_and_load(f, f->whole_name);

	if (!err && f->fd >= 0 && atomic_load(&f->n_present) < f->n_blocks)
		give_up_torn(f, block_size);
	atomic_store(&f->is_whole, f->fd >= 0);
	if (!err && f->fd < 0)
		err = open_and_load(f, f->part_name);
	if (!err && !f->present) {
		f->present = calloc(f->n_blocks / 8 + 1, 1);
		err = f->present ? 0 : -ENOMEM;
	}
	return err;
}

static int read_now(int fd, void *buf, size_t len, uint64_t off)
{
	struct iovec v = {buf, len};

	return preadv2(fd, &v, 1, (off_t)off, RWF_NOWAIT) == (ssize_t)len ? 0 : -EAGAIN;
}

int disk_file_read(const struct disk_file *f, uint32_t idx, void *buf, bool may_wait)
{
	int (*read_fn)(int, void *, size_t, uint64_t) = may_wait ? pread_all : read_now;
	uint64_t off = (uint64_t)idx * f->block_size;
	size_t len = disk_file_len(f, idx);
	struct slot slot;
	int err = read_fn(f->record_fd, &slot, sizeof(slot), slot_off(f, idx));

	if (!err)
		err = read_fn(f->fd, buf, len, off);
	if (err)
		return err == -EAGAIN ? err : -EBADMSG;
	return slot.mark == slot_mark(idx) && slot.crc == crc32c(buf, len) ? 0 : -EBADMSG;
}

/* Makes the open files of one upload as long as they are going to be, and begins the record. */
static int begin_files(struct disk_file *f, bool is_new)
{
	struct header h;
	int err = 0;

	make_header(f, &h);
	/* What a record says that was left behind is not of these blocks. */
	if (is_beside(f) && is_new && ftruncate(f->record_fd, 0) < 0)
		err = -errno;
	if (!err && is_beside(f) && ftruncate(f->fd, (off_t)f->size) < 0)
		err = -errno;
	if (!err && ftruncate(f->record_fd, (off_t)slot_off(f, f->n_blocks)) < 0)
		err = -errno;
	return err ? err : pwrite_all(f->record_fd, &h, sizeof(h), header_off(f));
}

/* New files for one upload, or those that another reader of it has made meanwhile. */
static int create(struct disk_file *f)
{
	bool is_new = true;
	int err;

	f->fd = openat(f->dir_fd, f->part_name, OPEN_FLAGS | O_CREAT | O_EXCL, 0600);
	if (f->fd < 0 && errno == EEXIST) {
		is_new = false;
		f->fd = openat(f->dir_fd, f->part_name, OPEN_FLAGS | O_CREAT, 0600);
	}
	if (f->fd < 0)
		return -errno;
	err = open_record(f, f->part_name, O_CREAT);
	if (!err)
		err = begin_files(f, is_new);
	if (err) {
		(void)disk_name_remove(f->dir_fd, f->part_name);
		close_files(f);
	}
	return err;
}

int disk_file_write(struct disk_file *f, uint32_t idx, const void *data, uint64_t *ret_bytes)
{
	size_t len = disk_file_len(f, idx);
	const struct slot slot = {slot_mark(idx), crc32c(data, len)};
	struct stat st;
	int err = 0;

	*ret_bytes = 0;
	if (f->fd < 0) {
		err = create(f);
		*ret_bytes = is_beside(f) ? 8192 : 4096;
	}
	if (!err && (fstat(f->fd, &st) < 0 || st.st_nlink == 0))
		err = -ESTALE;
	if (!err)
		err = pwrite_all(f->fd, data, len, (uint64_t)idx * f->block_size);
	if (!err)
		err = pwrite_all(f->record_fd, &slot, sizeof(slot), slot_off(f, idx));
	if (err)
		return err;
	*ret_bytes += len;
	set_present(f, idx);
	return 0;
}

/* Names the record after the digest, in place of another one of the same content. */
static int finish_record(struct disk_file *f)
{
	char part[DISK_NAME_MAX], whole[DISK_NAME_MAX];

	if (!is_beside(f))
		return 0;
	disk_name_record(f->part_name, part);
	disk_name_record(f->whole_name, whole);
	return renameat(f->dir_fd, part, f->dir_fd, whole) < 0 ? -errno : 0;
}

void disk_file_finish(struct disk_file *f)
{
	int err;

	if (f->fd < 0 || atomic_load(&f->is_dropped) || atomic_load(&f->is_whole) ||
	    atomic_load(&f->n_present) != f->n_blocks || finish_record(f) < 0)
		return;
	err = renameat2(f->dir_fd, f->part_name, f->dir_fd, f->whole_name, RENAME_NOREPLACE);
	if (err < 0 && errno == EINVAL)
		err = renameat(f->dir_fd, f->part_name, f->dir_fd, f->whole_name);
	if (err == 0)
		atomic_store(&f->is_whole, true);
	else if (errno == EEXIST)
		(void)unlinkat(f->dir_fd, f->part_name, 0);
}

void disk_file_drop(struct disk_file *f)
{
	/* Another mount may have renamed it. */
	const char *names[] = {f->part_name, f->whole_name};
	char record[DISK_NAME_MAX];

	atomic_store(&f->is_dropped, true);
	for (size_t i = 0; f->fd >= 0 && i < ARRAY_LEN(names); i++) {
		disk_name_record(names[i], record);
		if (is_beside(f))
			disk_name_remove_own(f->dir_fd, record, f->record_fd);
		disk_name_remove_own(f->dir_fd, names[i], f->fd);
	}
}
