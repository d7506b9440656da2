/* SPDX-License-Identifier: Apache-2.0 */
#include "disk_fixture.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct fake *bucket;
struct store *store;
struct chunk_cache memory;
struct disk_cache *disk;
char cache_dir[] = "/tmp/natsobj-disk-XXXXXX";

static void start_cache_as(uint64_t limit, uint64_t min_free)
{
	chunk_cache_init(&memory, 1 << 20);
	ck_assert_int_eq(disk_cache_new(cache_dir, limit, min_free, &disk), 0);
}

void start_cache(uint64_t limit)
{
	start_cache_as(limit, 0);
}

void start_cache_with_floor(uint64_t min_free)
{
	start_cache_as(LIMIT, min_free);
}

void stop_cache(void)
{
	disk_cache_free(disk);
	disk = NULL;
	chunk_cache_done(&memory);
}

void restart_cache(void)
{
	stop_cache();
	start_cache(LIMIT);
}

void disk_setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(cache_dir));
	bucket = fake_new(CHUNK);
	store = fake_open(bucket);
	start_cache(LIMIT);
}

void disk_teardown(void)
{
	char command[100];

	stop_cache();
	store_close(store);
	fake_free(bucket);
	(void)snprintf(command, sizeof(command), "rm -rf %s", cache_dir);
	ck_assert_int_eq(system(command), 0);
}

/* size bytes that are the same for the same seed. */
static char *bytes_of(uint32_t seed, size_t size)
{
	char *p = malloc(size);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < size; i++) {
		seed = seed * 1664525u + 1013904223u;
		p[i] = (char)(seed >> 24);
	}
	return p;
}

void put_object(const char *name, uint32_t seed, size_t size, size_t chunk)
{
	_cleanup_free_ char *data = bytes_of(seed, size);

	fake_foreign_put(bucket, name, data, size, (uint32_t)chunk);
}

struct content *open_content(const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);
	struct content *c;

	ck_assert_ptr_nonnull(info);
	ck_assert_int_eq(content_new(store, &memory, disk, info, &c), 0);
	return c;
}

static void must_be(struct content *c, const char *expected, size_t off, size_t len)
{
	_cleanup_free_ char *got = malloc(len);
	int err = content_copy(c, off, got, len, true);

	ck_assert_msg(!err, "read at %zu: %s", off, strerror(-err));
	ck_assert_mem_eq(got, expected + off, len);
	content_check_behind(c);
}

void must_read(struct content *c, uint32_t seed, size_t size, size_t off, size_t len)
{
	_cleanup_free_ char *expected = bytes_of(seed, size);

	must_be(c, expected, off, len);
}

void scan_object(const char *name, uint32_t seed, size_t size)
{
	_cleanup_free_ char *expected = bytes_of(seed, size);
	_cleanup_content_ struct content *c = open_content(name);

	for (size_t at = 0; at < size; at += 1500)
		must_be(c, expected, at, size - at < 1500 ? size - at : 1500);
	disk_cache_sync(disk);
}

unsigned int n_asked(void)
{
	return fake_calls(bucket, FAKE_GET_CHUNK) + fake_calls(bucket, FAKE_GET_INDEX);
}

struct disk_cache_stats cache_stats(void)
{
	struct disk_cache_stats s;

	disk_cache_stats(disk, &s);
	return s;
}

void path_of(const char *end, char ret[PATH_LEN])
{
	char content[100];
	struct dirent *d;
	DIR *all;

	(void)snprintf(content, sizeof(content), "%s/content", cache_dir);
	all = opendir(content);
	ck_assert_ptr_nonnull(all);
	ret[0] = '\0';
	while ((d = readdir(all))) {
		if (d->d_name[0] == '.' || strcmp(strchrnul(d->d_name, '.'), end) != 0)
			continue;
		ck_assert_str_eq(ret, "");
		(void)snprintf(ret, PATH_LEN, "%s/%s", content, d->d_name);
	}
	(void)closedir(all);
}

bool has_file(const char *end)
{
	char path[PATH_LEN];

	path_of(end, path);
	return path[0] != '\0';
}

uint64_t bytes_on_disk(void)
{
	char content[100];
	uint64_t sum = 0;
	struct dirent *d;
	struct stat st;
	DIR *all;

	(void)snprintf(content, sizeof(content), "%s/content", cache_dir);
	all = opendir(content);
	ck_assert_ptr_nonnull(all);
	while ((d = readdir(all)))
		if (fstatat(dirfd(all), d->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_blocks * 512;
	(void)closedir(all);
	return sum;
}

void disk_setup_dir(void)
{
	ck_assert_ptr_nonnull(mkdtemp(cache_dir));
}
