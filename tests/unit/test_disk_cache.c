/* SPDX-License-Identifier: Apache-2.0 */

/* The disk cache below contents, on a bucket in memory and a temporary directory. */

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fake_store.h"
#include "fs/content.h"
#include "fs/disk_internal.h"
#include "suite.h"

#define CHUNK 1024
#define SIZE ((size_t)40 * CHUNK + 100)
#define PATH_LEN 400
#define LIMIT (UINT64_C(64) << 20)

static struct fake *bucket;
static struct store *store;
static struct chunk_cache memory;
static struct disk_cache *disk;
static char dir[] = "/tmp/natsobj-disk-XXXXXX";

static void start_as(uint64_t limit, uint64_t min_free)
{
	chunk_cache_init(&memory, 1 << 20);
	ck_assert_int_eq(disk_cache_new(dir, limit, min_free, &disk), 0);
}

static void start(uint64_t limit)
{
	start_as(limit, 0);
}

static void start_with_floor(uint64_t min_free)
{
	start_as(LIMIT, min_free);
}

static void stop(void)
{
	disk_cache_free(disk);
	disk = NULL;
	chunk_cache_done(&memory);
}

/* As after a remount. */
static void restart(void)
{
	stop();
	start(LIMIT);
}

static void setup(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
	bucket = fake_new(CHUNK);
	store = fake_open(bucket);
	start(LIMIT);
}

static void teardown(void)
{
	char command[100];

	stop();
	store_close(store);
	fake_free(bucket);
	(void)snprintf(command, sizeof(command), "rm -rf %s", dir);
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

static void put(const char *name, uint32_t seed, size_t size, size_t chunk)
{
	_cleanup_free_ char *data = bytes_of(seed, size);

	fake_foreign_put(bucket, name, data, size, (uint32_t)chunk);
}

static struct content *open_content(const char *name)
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

static void must_read(struct content *c, uint32_t seed, size_t size, size_t off, size_t len)
{
	_cleanup_free_ char *expected = bytes_of(seed, size);

	must_be(c, expected, off, len);
}

/* Reads in order and compares; what is to be kept has been kept then. */
static void scan(const char *name, uint32_t seed, size_t size)
{
	_cleanup_free_ char *expected = bytes_of(seed, size);
	_cleanup_content_ struct content *c = open_content(name);

	for (size_t at = 0; at < size; at += 1500)
		must_be(c, expected, at, size - at < 1500 ? size - at : 1500);
	disk_cache_sync(disk);
}

static unsigned int n_asked(void)
{
	return fake_calls(bucket, FAKE_GET_CHUNK) + fake_calls(bucket, FAKE_GET_INDEX);
}

static struct disk_cache_stats stats(void)
{
	struct disk_cache_stats s;

	disk_cache_stats(disk, &s);
	return s;
}

/* Path of the one file whose name ends so, "" being the end of a whole file's. */
static void path_of(const char *end, char ret[PATH_LEN])
{
	char content[100];
	struct dirent *d;
	DIR *all;

	(void)snprintf(content, sizeof(content), "%s/content", dir);
	all = opendir(content);
	ck_assert_ptr_nonnull(all);
	ret[0] = '\0';
	while ((d = readdir(all))) {
		bool is_part = strchr(d->d_name, '.') != NULL;

		if (d->d_name[0] == '.' || is_part != (end[0] != '\0'))
			continue;
		ck_assert_str_eq(ret, "");
		(void)snprintf(ret, PATH_LEN, "%s/%s", content, d->d_name);
	}
	(void)closedir(all);
}

static bool has_file(const char *end)
{
	char path[PATH_LEN];

	path_of(end, path);
	return path[0] != '\0';
}

static uint64_t bytes_on_disk(void)
{
	char content[100];
	uint64_t sum = 0;
	struct dirent *d;
	struct stat st;
	DIR *all;

	(void)snprintf(content, sizeof(content), "%s/content", dir);
	all = opendir(content);
	ck_assert_ptr_nonnull(all);
	while ((d = readdir(all)))
		if (fstatat(dirfd(all), d->d_name, &st, 0) == 0 && S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_blocks * 512;
	(void)closedir(all);
	return sum;
}

START_TEST(test_what_was_read_comes_from_the_disk_after_a_remount)
{
	unsigned int before;

	put("f", 1, SIZE, CHUNK);
	scan("f", 1, SIZE);
	ck_assert(has_file(""));
	ck_assert(!has_file(".part"));
	restart();
	before = n_asked();
	scan("f", 1, SIZE);
	ck_assert_uint_eq(n_asked(), before);
	ck_assert_uint_eq(stats().hit_bytes, SIZE);
	ck_assert_uint_eq(stats().misses, 0);
}
END_TEST

START_TEST(test_the_same_content_in_other_chunks_is_found)
{
	unsigned int before;

	put("f", 1, SIZE, CHUNK);
	scan("f", 1, SIZE);
	put("other", 1, SIZE, 2000);
	before = n_asked();
	scan("other", 1, SIZE);
	ck_assert_uint_eq(n_asked(), before);
}
END_TEST

START_TEST(test_chunks_of_odd_sizes_make_whole_files)
{
	static const size_t sizes[] = {700, 1024, 1500, 4000};

	put("f", 1, SIZE, sizes[_i]);
	scan("f", 1, SIZE);
	scan("f", 1, SIZE);
	ck_assert(has_file(""));
	ck_assert_uint_gt(stats().hits, 0);
}
END_TEST

START_TEST(test_random_reads_fetch_and_keep_only_what_they_need)
{
	struct content *c;
	unsigned int before;

	put("f", 1, SIZE, CHUNK);
	c = open_content("f");
	must_read(c, 1, SIZE, (size_t)7 * CHUNK, 10);
	must_read(c, 1, SIZE, (size_t)30 * CHUNK, 10);
	content_unref(c);
	disk_cache_sync(disk);
	ck_assert_uint_eq(stats().stored_bytes, 2 * CHUNK + 4096);
	ck_assert(has_file(".part"));
	restart();
	c = open_content("f");
	before = fake_calls(bucket, FAKE_GET_CHUNK);
	must_read(c, 1, SIZE, (size_t)7 * CHUNK, 10);
	must_read(c, 1, SIZE, (size_t)30 * CHUNK, 10);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_GET_CHUNK), before);
	/* What is not there is asked for. */
	must_read(c, 1, SIZE, (size_t)8 * CHUNK, 10);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_GET_CHUNK), before + 1);
	content_unref(c);
	/* A scan completes it. */
	scan("f", 1, SIZE);
	ck_assert(has_file(""));
	ck_assert(!has_file(".part"));
}
END_TEST

/* Changes the file as a crash or a bad disk may. */
static void damage(const char *path, int kind)
{
	int fd = open(path, O_RDWR);
	struct stat st;
	char b;
	off_t at;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	/* In the first block, in the last, in the header, in slots, or cut off. */
	const off_t places[] = {3,
				(off_t)SIZE - 1,
				(off_t)(SIZE + 7) / 8 * 8,
				(off_t)(SIZE + 7) / 8 * 8 + 60,
				(off_t)(SIZE + 7) / 8 * 8 + 64,
				(off_t)(SIZE + 7) / 8 * 8 + 68 + 8 * 20};

	if (kind < (int)ARRAY_LEN(places)) {
		at = places[kind];
		ck_assert_int_eq(pread(fd, &b, 1, at), 1);
		b ^= 1;
		ck_assert_int_eq(pwrite(fd, &b, 1, at), 1);
	} else if (kind == 6) {
		ck_assert_int_eq(ftruncate(fd, st.st_size - 1), 0);
	} else if (kind == 7) {
		ck_assert_int_eq(ftruncate(fd, 100), 0);
	} else if (kind == 8) {
		/* Names and slots were written, the blocks not yet. */
		ck_assert_int_eq(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, SIZE),
				 0);
	} else {
		/* Nothing was. */
		ck_assert_int_eq(ftruncate(fd, 0), 0);
		ck_assert_int_eq(ftruncate(fd, st.st_size), 0);
	}
	(void)close(fd);
}
#define N_DAMAGES 10

/* The file of f is damaged while it is not open. Its content is right all the same, and in its
 * place is a good one. */
static void damage_and_scan(const char *suffix, int kind)
{
	char path[PATH_LEN];

	stop();
	path_of(suffix, path);
	damage(path, kind);
	start(LIMIT);
	scan("f", 1, SIZE);
	scan("f", 1, SIZE);
	restart();
	scan("f", 1, SIZE);
	ck_assert_uint_eq(stats().misses, 0);
	ck_assert_uint_eq(stats().damaged, 0);
}

START_TEST(test_a_damaged_file_is_dropped_and_the_server_asked)
{
	put("f", 1, SIZE, CHUNK);
	scan("f", 1, SIZE);
	damage_and_scan("", _i);
}
END_TEST

START_TEST(test_a_damaged_part_is_dropped_too)
{
	struct content *c;

	put("f", 1, SIZE, CHUNK);
	c = open_content("f");
	must_read(c, 1, SIZE, 0, (size_t)10 * CHUNK);
	must_read(c, 1, SIZE, SIZE - 10, 10);
	content_unref(c);
	damage_and_scan(".part", _i);
}
END_TEST

START_TEST(test_damage_under_an_open_file_is_not_seen)
{
	struct content *c;
	char path[PATH_LEN];

	put("f", 1, SIZE, CHUNK);
	scan("f", 1, SIZE);
	c = open_content("f");
	must_read(c, 1, SIZE, 0, 10);
	path_of("", path);
	damage(path, 8);
	for (size_t at = CHUNK; at < SIZE; at += CHUNK)
		must_read(c, 1, SIZE, at, SIZE - at < CHUNK ? SIZE - at : CHUNK);
	ck_assert_uint_eq(stats().damaged, 1);
	/* The rest was hashed after all, and the first block with it. */
	ck_assert(atomic_load(&c->is_checked));
	content_unref(c);
	disk_cache_sync(disk);
	ck_assert(!has_file(""));
}
END_TEST

START_TEST(test_a_false_digest_is_not_kept_and_spoils_no_other)
{
	_cleanup_obj_info_ struct obj_info *info = NULL, *liar = NULL;
	char buf[SIZE];
	struct content *c;

	put("true", 1, SIZE, CHUNK);
	put("liar", 2, SIZE, CHUNK);
	info = fake_info(bucket, "true");
	liar = fake_info(bucket, "liar");
	memcpy(liar->digest, info->digest, sizeof(liar->digest));
	ck_assert_int_eq(content_new(store, &memory, disk, liar, &c), 0);
	/* A part of it can be read, and is kept, for this object. */
	must_read(c, 2, SIZE, 0, (size_t)20 * CHUNK);
	disk_cache_sync(disk);
	ck_assert(has_file(".part"));
	scan("true", 1, SIZE);
	ck_assert_int_eq(content_copy(c, 0, buf, SIZE, true), -EIO);
	content_unref(c);
	disk_cache_sync(disk);
	ck_assert(!has_file(".part"));
	ck_assert(has_file(""));
	scan("true", 1, SIZE);
}
END_TEST

START_TEST(test_no_digest_no_file)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct content *c;

	put("f", 1, SIZE, CHUNK);
	info = fake_info(bucket, "f");
	info->has_digest = false;
	ck_assert_int_eq(content_new(store, &memory, disk, info, &c), 0);
	must_read(c, 1, SIZE, 0, SIZE);
	content_unref(c);
	disk_cache_sync(disk);
	ck_assert_uint_eq(bytes_on_disk(), 0);
}
END_TEST

START_TEST(test_the_limit_is_kept_and_what_was_used_last_stays)
{
	const uint64_t limit = 2 << 20;
	const size_t size = 100 * 1024;
	unsigned int before;
	char name[10];

	stop();
	start(limit);
	for (uint32_t i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		put(name, i, size, CHUNK);
		scan(name, i, size);
		/* One is used again and again. */
		scan("f0", 0, size);
		ck_assert_uint_le(bytes_on_disk(), limit);
	}
	ck_assert_uint_gt(stats().evictions, 15);
	ck_assert_uint_gt(bytes_on_disk(), limit / 2);
	before = n_asked();
	scan("f0", 0, size);
	scan("f39", 39, size);
	ck_assert_uint_eq(n_asked(), before);
	/* A smaller limit counts from the start. */
	stop();
	start(limit / 4);
	disk_cache_sync(disk);
	ck_assert_uint_le(bytes_on_disk(), limit / 4);
}
END_TEST

START_TEST(test_a_content_larger_than_half_the_cache_is_kept_in_part)
{
	const uint64_t limit = 1 << 20;
	const size_t size = 3 << 20;

	stop();
	start(limit);
	put("small", 1, 1000, CHUNK);
	scan("small", 1, 1000);
	put("huge", 2, size, 64 * CHUNK);
	scan("huge", 2, size);
	ck_assert_uint_le(bytes_on_disk(), limit);
	ck_assert_uint_ge(stats().stored_bytes, limit / 2);
	/* It has not driven everything else out. */
	ck_assert(has_file(""));
}
END_TEST

START_TEST(test_an_evicted_file_stays_readable_for_those_who_have_it)
{
	struct content *c;
	unsigned int before;
	char path[PATH_LEN];

	put("f", 1, SIZE, CHUNK);
	scan("f", 1, SIZE);
	c = open_content("f");
	must_read(c, 1, SIZE, 0, 10);
	path_of("", path);
	ck_assert_int_eq(unlink(path), 0);
	before = n_asked();
	must_read(c, 1, SIZE, 0, SIZE);
	ck_assert_uint_eq(n_asked(), before);
	content_unref(c);
}
END_TEST

START_TEST(test_a_part_removed_while_it_grows_is_let_go)
{
	struct content *c;
	char path[PATH_LEN];

	put("f", 1, SIZE, CHUNK);
	c = open_content("f");
	must_read(c, 1, SIZE, 0, 10);
	disk_cache_sync(disk);
	path_of(".part", path);
	ck_assert_int_eq(unlink(path), 0);
	must_read(c, 1, SIZE, 0, SIZE);
	content_unref(c);
	disk_cache_sync(disk);
	ck_assert(!has_file(""));
	ck_assert(!stats().is_off);
	scan("f", 1, SIZE);
	ck_assert(has_file(""));
}
END_TEST

START_TEST(test_a_directory_that_goes_turns_it_off)
{
	char content[100];

	put("f", 1, SIZE, CHUNK);
	(void)snprintf(content, sizeof(content), "%s/content", dir);
	ck_assert_int_eq(rmdir(content), 0);
	scan("f", 1, SIZE);
	scan("f", 1, SIZE);
	ck_assert(stats().is_off);
}
END_TEST

START_TEST(test_a_full_disk_fails_no_read)
{
	const size_t size = 300 * 1024;
	char content[100];

	stop();
	(void)snprintf(content, sizeof(content), "%s/content", dir);
	if (mount("tmpfs", content, "tmpfs", 0, "size=256k,mode=700") < 0) {
		start(LIMIT);
		return;
	}
	start(LIMIT);
	put("f", 1, size, CHUNK);
	scan("f", 1, size);
	put("g", 2, size, CHUNK);
	scan("g", 2, size);
	scan("f", 1, size);
	ck_assert_uint_gt(stats().skipped_bytes, 0);
	ck_assert(!stats().is_off);
	stop();
	ck_assert_int_eq(umount(content), 0);
	start(LIMIT);
}
END_TEST

START_TEST(test_free_space_is_left_to_others)
{
	stop();
	start_with_floor(UINT64_C(1) << 60);
	put("f", 1, SIZE, CHUNK);
	scan("f", 1, SIZE);
	ck_assert_uint_eq(bytes_on_disk(), 0);
	ck_assert_uint_eq(stats().skipped_bytes, SIZE);
}
END_TEST

START_TEST(test_nothing_goes_for_a_floor_that_cannot_be_reached)
{
	put("f", 1, SIZE, CHUNK);
	scan("f", 1, SIZE);
	stop();
	start_with_floor(UINT64_C(1) << 60);
	disk_cache_sync(disk);
	ck_assert(has_file(""));
	ck_assert_uint_eq(stats().evictions, 0);
}
END_TEST

START_TEST(test_only_what_the_floor_needs_goes)
{
	const size_t size = 100 * 1024;
	struct statvfs st;
	char content[100], name[10];

	(void)snprintf(content, sizeof(content), "%s/content", dir);
	stop();
	if (mount("tmpfs", content, "tmpfs", 0, "size=2m,mode=700") < 0) {
		start(LIMIT);
		return;
	}
	start(LIMIT);
	for (uint32_t i = 0; i < 8; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		put(name, i, size, CHUNK);
		scan(name, i, size);
	}
	stop();
	ck_assert_int_eq(statvfs(content, &st), 0);
	start_with_floor(st.f_bavail * st.f_frsize + 150 * 1024);
	disk_cache_sync(disk);
	ck_assert_uint_eq(stats().evictions, 2);
	stop();
	ck_assert_int_eq(umount(content), 0);
	start(LIMIT);
}
END_TEST

START_TEST(test_many_files_go_as_few_do)
{
	char path[PATH_LEN];

	stop();
	for (unsigned int i = 0; i < 1000; i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "%s/content/%064x", dir, i);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		ck_assert_int_eq(pwrite(fd, "x", 1, 4095), 1);
		(void)close(fd);
	}
	start(UINT64_C(256) * 4096);
	disk_cache_sync(disk);
	ck_assert_uint_le(bytes_on_disk(), UINT64_C(256) * 4096);
	ck_assert_uint_ge(bytes_on_disk(), UINT64_C(200) * 4096);
	ck_assert_uint_eq(stats().bytes, bytes_on_disk());
}
END_TEST

START_TEST(test_a_directory_of_others_is_refused)
{
	struct disk_cache *other;
	char content[100];

	if (geteuid() != 0)
		return;
	(void)snprintf(content, sizeof(content), "%s/content", dir);
	ck_assert_int_eq(chown(content, 12345, 12345), 0);
	ck_assert_int_eq(disk_cache_check(dir), -EPERM);
	ck_assert_int_eq(disk_cache_new(dir, LIMIT, 0, &other), -EPERM);
	ck_assert_int_eq(chown(content, 0, 0), 0);
	ck_assert_int_eq(chmod(content, 0777), 0);
	ck_assert_int_eq(disk_cache_check(dir), 0);
}
END_TEST

/* One of several mounts: reads whatever, and everything it reads is right. */
static void be_a_mount(unsigned int seed)
{
	const size_t size = 30 * 1024;
	char name[10];

	bucket = fake_new(CHUNK);
	store = fake_open(bucket);
	start(300 * 1024);
	for (uint32_t i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		put(name, i, size, CHUNK);
	}
	for (int round = 0; round < 80; round++) {
		uint32_t i = (uint32_t)rand_r(&seed) % 20;
		size_t off = (size_t)rand_r(&seed) % size;

		(void)snprintf(name, sizeof(name), "f%u", i);
		if (round % 2) {
			scan(name, i, size);
		} else {
			struct content *c = open_content(name);

			must_read(c, i, size, off, size - off < 5000 ? size - off : 5000);
			content_unref(c);
		}
	}
	stop();
	store_close(store);
	fake_free(bucket);
}

START_TEST(test_several_processes_share_a_directory)
{
	pid_t children[3];
	int status;

	for (unsigned int i = 0; i < ARRAY_LEN(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			be_a_mount(i + 1);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < ARRAY_LEN(children); i++) {
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
	}
	/* Each may be one step of counting above. */
	ck_assert_uint_le(bytes_on_disk(), 400 * 1024);
	start(LIMIT);
	bucket = fake_new(CHUNK);
	store = fake_open(bucket);
}
END_TEST

struct brake {
	struct disk_job job;
	atomic_bool is_off;
};

static void run_brake(struct disk_job *job)
{
	struct brake *b = container_of(job, struct brake, job);

	while (!atomic_load(&b->is_off))
		(void)usleep(1000);
}

static uint64_t n_waiting(void)
{
	LOCK_SCOPE(&disk->lock);
	return disk->writes.bytes;
}

static void *scan_large(void *arg)
{
	scan("f", 1, *(size_t *)arg);
	return NULL;
}

START_TEST(test_a_scan_waits_for_a_slow_disk)
{
	size_t size = (size_t)20 << 20;
	struct brake brake = {.job.run = run_brake};
	pthread_t reader;

	put("f", 1, size, 65536);
	disk_run_write(disk, &brake.job);
	ck_assert_int_eq(pthread_create(&reader, NULL, scan_large, &size), 0);
	while (n_waiting() <= (UINT64_C(16) << 20))
		(void)usleep(1000);
	atomic_store(&brake.is_off, true);
	(void)pthread_join(reader, NULL);
	/* Unless this machine was too slow for it, nothing was left out. */
	if (stats().skipped_bytes == 0)
		ck_assert(has_file(""));
	else
		ck_assert_uint_le(stats().skipped_bytes, 4 << 20);
}
END_TEST

static void make_dir(void)
{
	ck_assert_ptr_nonnull(mkdtemp(dir));
}

int main(void)
{
	Suite *s = suite_create("disk_cache");
	TCase *tc = tcase_create("all"), *many = tcase_create("processes");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_checked_fixture(many, make_dir, teardown);
	tcase_add_test(tc, test_what_was_read_comes_from_the_disk_after_a_remount);
	tcase_add_test(tc, test_the_same_content_in_other_chunks_is_found);
	tcase_add_loop_test(tc, test_chunks_of_odd_sizes_make_whole_files, 0, 4);
	tcase_add_test(tc, test_random_reads_fetch_and_keep_only_what_they_need);
	tcase_add_loop_test(tc, test_a_damaged_file_is_dropped_and_the_server_asked, 0, N_DAMAGES);
	tcase_add_loop_test(tc, test_a_damaged_part_is_dropped_too, 0, N_DAMAGES);
	tcase_add_test(tc, test_damage_under_an_open_file_is_not_seen);
	tcase_add_test(tc, test_a_false_digest_is_not_kept_and_spoils_no_other);
	tcase_add_test(tc, test_no_digest_no_file);
	tcase_add_test(tc, test_the_limit_is_kept_and_what_was_used_last_stays);
	tcase_add_test(tc, test_a_content_larger_than_half_the_cache_is_kept_in_part);
	tcase_add_test(tc, test_an_evicted_file_stays_readable_for_those_who_have_it);
	tcase_add_test(tc, test_a_part_removed_while_it_grows_is_let_go);
	tcase_add_test(tc, test_a_directory_that_goes_turns_it_off);
	tcase_add_test(tc, test_a_full_disk_fails_no_read);
	tcase_add_test(tc, test_a_scan_waits_for_a_slow_disk);
	tcase_add_test(tc, test_free_space_is_left_to_others);
	tcase_add_test(tc, test_nothing_goes_for_a_floor_that_cannot_be_reached);
	tcase_add_test(tc, test_only_what_the_floor_needs_goes);
	tcase_add_test(tc, test_many_files_go_as_few_do);
	tcase_add_test(tc, test_a_directory_of_others_is_refused);
	tcase_add_test(many, test_several_processes_share_a_directory);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, many);
	return run_suite(s);
}
