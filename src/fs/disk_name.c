/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/disk_name.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "objstore/digest.h"

#define WHOLE_LEN ((size_t)2 * OBJ_DIGEST_LEN)
#define PART_LEN ((size_t)32)
#define PART_END ".part"
#define RECORD_END ".sums"

static void to_hex(const uint8_t *data, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		(void)sprintf(out + 2 * i, "%02x", data[i]);
}

static size_t hex_len(const char *name)
{
	return strspn(name, "0123456789abcdef");
}

/* The name up to its end, and another end. */
static void with_end(const char *name, const char *end, char ret[DISK_NAME_MAX])
{
	(void)snprintf(ret, DISK_NAME_MAX, "%.*s%s", (int)hex_len(name), name, end);
}

void disk_name_whole(const uint8_t digest[OBJ_DIGEST_LEN], char ret[DISK_NAME_MAX])
{
	to_hex(digest, OBJ_DIGEST_LEN, ret);
}

int disk_name_part(const char *bucket, const struct obj_info *info, uint32_t block_size,
		   char ret[DISK_NAME_MAX])
{
	const uint64_t numbers[] = {info->size, block_size, info->chunks};
	struct digest *d = digest_new();
	uint8_t hash[OBJ_DIGEST_LEN];

	if (!d)
		return -ENOMEM;
	digest_add(d, bucket, strlen(bucket) + 1);
	digest_add(d, info->nuid, strlen(info->nuid) + 1);
	digest_add(d, info->digest, OBJ_DIGEST_LEN);
	digest_add(d, numbers, sizeof(numbers));
	digest_finish(d, hash);
	digest_free(d);
	to_hex(hash, PART_LEN / 2, ret);
	strcpy(ret + PART_LEN, PART_END);
	return 0;
}

void disk_name_record(const char *name, char ret[DISK_NAME_MAX])
{
	with_end(name, RECORD_END, ret);
}

enum disk_name disk_name_kind(const char *name)
{
	size_t n = hex_len(name);

	if ((n == WHOLE_LEN && name[n] == '\0') ||
	    (n == PART_LEN && strcmp(name + n, PART_END) == 0))
		return DISK_NAME_BLOCKS;
	if ((n == WHOLE_LEN || n == PART_LEN) && strcmp(name + n, RECORD_END) == 0)
		return DISK_NAME_RECORD;
	return DISK_NAME_OTHER;
}

bool disk_name_is_orphan(int dir_fd, const char *record)
{
	char blocks[DISK_NAME_MAX];

	with_end(record, hex_len(record) == PART_LEN ? PART_END : "", blocks);
	return faccessat(dir_fd, blocks, F_OK, AT_SYMLINK_NOFOLLOW) < 0 && errno == ENOENT;
}

int64_t disk_name_remove(int dir_fd, const char *name)
{
	char record[DISK_NAME_MAX];
	int64_t bytes = 0;
	struct stat st;

	disk_name_record(name, record);
	if (strcmp(name, record) != 0 && fstatat(dir_fd, record, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    unlinkat(dir_fd, record, 0) == 0)
		bytes = (int64_t)st.st_blocks * 512;
	return unlinkat(dir_fd, name, 0) < 0 ? -errno : bytes;
}

void disk_name_remove_own(int dir_fd, const char *name, int fd)
{
	struct stat mine, found;

	if (fstat(fd, &mine) == 0 && fstatat(dir_fd, name, &found, AT_SYMLINK_NOFOLLOW) == 0 &&
	    mine.st_ino == found.st_ino && mine.st_dev == found.st_dev)
		(void)unlinkat(dir_fd, name, 0);
}
