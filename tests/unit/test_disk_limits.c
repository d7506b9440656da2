/* SPDX-License-Identifier: Apache-2.0 */

/* The limits of the disk cache: its own, the disk's, those of several processes and of time. */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "disk_fixture.h"
#include "suite.h"

START_TEST(test_the_limit_is_kept_and_what_was_used_last_stays)
{
	const uint64_t limit = 2 << 20;
	const size_t size = 100 * 1024;
	unsigned int before;
	char name[10];

	stop_cache();
	start_cache(limit);
	for (uint32_t i = 0; i < 40; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		put_object(name, i, size, CHUNK);
		scan_object(name, i, size);
		/* One is used again and again. */
		scan_object("f0", 0, size);
		ck_assert_uint_le(bytes_on_disk(), limit);
	}
	ck_assert_uint_gt(cache_stats().evictions, 15);
	ck_assert_uint_gt(bytes_on_disk(), limit / 2);
	before = n_asked();
	scan_object("f0", 0, size);
	scan_object("f39", 39, size);
	ck_assert_uint_eq(n_asked(), before);
	/* A smaller limit counts from the start. */
	stop_cache();
	start_cache(limit / 4);
	disk_cache_sync(disk);
	ck_assert_uint_le(bytes_on_disk(), limit / 4);
}
END_TEST

START_TEST(test_a_content_larger_than_half_the_cache_is_kept_in_part)
{
	const uint64_t limit = 1 << 20;
	const size_t size = 3 << 20;

	stop_cache();
	start_cache(limit);
	put_object("small", 1, 1000, CHUNK);
	scan_object("small", 1, 1000);
	put_object("huge", 2, size, 64 * CHUNK);
	scan_object("huge", 2, size);
	ck_assert_uint_le(bytes_on_disk(), limit);
	ck_assert_uint_ge(cache_stats().stored_bytes, limit / 2);
	/* It has not driven everything else out. */
	ck_assert(has_file(""));
}
END_TEST

START_TEST(test_a_full_disk_fails_no_read)
{
	const size_t size = 300 * 1024;
	char content[100];

	stop_cache();
	(void)snprintf(content, sizeof(content), "%s/content", cache_dir);
	if (mount("tmpfs", content, "tmpfs", 0, "size=256k,mode=700") < 0) {
		start_cache(LIMIT);
		return;
	}
	start_cache(LIMIT);
	put_object("f", 1, size, CHUNK);
	scan_object("f", 1, size);
	put_object("g", 2, size, CHUNK);
	scan_object("g", 2, size);
	scan_object("f", 1, size);
	ck_assert_uint_gt(cache_stats().skipped_bytes, 0);
	ck_assert(!cache_stats().is_off);
	stop_cache();
	ck_assert_int_eq(umount(content), 0);
	start_cache(LIMIT);
}
END_TEST

START_TEST(test_free_space_is_left_to_others)
{
	stop_cache();
	start_cache_with_floor(UINT64_C(1) << 60);
	put_object("f", 1, SIZE, CHUNK);
	scan_object("f", 1, SIZE);
	ck_assert_uint_eq(bytes_on_disk(), 0);
	ck_assert_uint_eq(cache_stats().skipped_bytes, SIZE);
}
END_TEST

START_TEST(test_nothing_goes_for_a_floor_that_cannot_be_reached)
{
	put_object("f", 1, SIZE, CHUNK);
	scan_object("f", 1, SIZE);
	stop_cache();
	start_cache_with_floor(UINT64_C(1) << 60);
	disk_cache_sync(disk);
	ck_assert(has_file(""));
	ck_assert_uint_eq(cache_stats().evictions, 0);
}
END_TEST

START_TEST(test_only_what_the_floor_needs_goes)
{
	const size_t size = 100 * 1024;
	struct statvfs st;
	char content[100], name[10];

	(void)snprintf(content, sizeof(content), "%s/content", cache_dir);
	stop_cache();
	if (mount("tmpfs", content, "tmpfs", 0, "size=2m,mode=700") < 0) {
		start_cache(LIMIT);
		return;
	}
	start_cache(LIMIT);
	for (uint32_t i = 0; i < 8; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		put_object(name, i, size, CHUNK);
		scan_object(name, i, size);
	}
	stop_cache();
	ck_assert_int_eq(statvfs(content, &st), 0);
	start_cache_with_floor(st.f_bavail * st.f_frsize + 150 * 1024);
	disk_cache_sync(disk);
	ck_assert_uint_eq(cache_stats().evictions, 2);
	stop_cache();
	ck_assert_int_eq(umount(content), 0);
	start_cache(LIMIT);
}
END_TEST

START_TEST(test_many_files_go_as_few_do)
{
	char path[PATH_LEN];

	stop_cache();
	for (unsigned int i = 0; i < 1000; i++) {
		int fd;

		(void)snprintf(path, sizeof(path), "%s/content/%064x", cache_dir, i);
		fd = open(path, O_WRONLY | O_CREAT, 0600);
		ck_assert_int_eq(pwrite(fd, "x", 1, 4095), 1);
		(void)close(fd);
	}
	start_cache(UINT64_C(256) * 4096);
	disk_cache_sync(disk);
	ck_assert_uint_le(bytes_on_disk(), UINT64_C(256) * 4096);
	ck_assert_uint_ge(bytes_on_disk(), UINT64_C(200) * 4096);
	ck_assert_uint_eq(cache_stats().bytes, bytes_on_disk());
}
END_TEST

/* One of several mounts: reads whatever, and everything it reads is right. */
static void be_a_mount(unsigned int seed, size_t size, int rounds)
{
	char name[10];

	bucket = fake_new(CHUNK);
	store = fake_open(bucket);
	start_cache(10 * size);
	for (uint32_t i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		put_object(name, i, size, CHUNK);
	}
	for (int round = 0; round < rounds; round++) {
		uint32_t i = (uint32_t)rand_r(&seed) % 20;
		size_t off = (size_t)rand_r(&seed) % size;

		(void)snprintf(name, sizeof(name), "f%u", i);
		if (round % 2) {
			scan_object(name, i, size);
		} else {
			struct content *c = open_content(name);

			must_read(c, i, size, off, size - off < 5000 ? size - off : 5000);
			content_unref(c);
		}
	}
	stop_cache();
	store_close(store);
	fake_free(bucket);
}

START_TEST(test_several_processes_share_a_directory)
{
	/* With the record behind the blocks, and beside them. */
	const size_t sizes[] = {30 * 1024, 300 * 1024};
	pid_t children[3];
	int status;

	for (unsigned int i = 0; i < ARRAY_LEN(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			be_a_mount(i + 1, sizes[_i], _i ? 24 : 80);
			_exit(0);
		}
	}
	for (unsigned int i = 0; i < ARRAY_LEN(children); i++) {
		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
	}
	/* Each may be one step of counting above. */
	ck_assert_uint_le(bytes_on_disk(), 13 * sizes[_i]);
	start_cache(LIMIT);
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
	scan_object("f", 1, *(size_t *)arg);
	return NULL;
}

START_TEST(test_a_scan_waits_for_a_slow_disk)
{
	size_t size = (size_t)20 << 20;
	struct brake brake = {.job.run = run_brake};
	pthread_t reader;

	put_object("f", 1, size, 65536);
	disk_run_write(disk, &brake.job);
	ck_assert_int_eq(pthread_create(&reader, NULL, scan_large, &size), 0);
	while (n_waiting() <= (UINT64_C(16) << 20))
		(void)usleep(1000);
	atomic_store(&brake.is_off, true);
	(void)pthread_join(reader, NULL);
	/* Unless this machine was too slow for it, nothing was left out. */
	if (cache_stats().skipped_bytes == 0)
		ck_assert(has_file(""));
	else
		ck_assert_uint_le(cache_stats().skipped_bytes, 4 << 20);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disk_limits");
	TCase *tc = tcase_create("all"), *many = tcase_create("processes");

	tcase_add_checked_fixture(tc, disk_setup, disk_teardown);
	tcase_add_checked_fixture(many, disk_setup_dir, disk_teardown);
	tcase_add_test(tc, test_the_limit_is_kept_and_what_was_used_last_stays);
	tcase_add_test(tc, test_a_content_larger_than_half_the_cache_is_kept_in_part);
	tcase_add_test(tc, test_a_full_disk_fails_no_read);
	tcase_add_test(tc, test_free_space_is_left_to_others);
	tcase_add_test(tc, test_nothing_goes_for_a_floor_that_cannot_be_reached);
	tcase_add_test(tc, test_only_what_the_floor_needs_goes);
	tcase_add_test(tc, test_many_files_go_as_few_do);
	tcase_add_loop_test(many, test_several_processes_share_a_directory, 0, 2);
	tcase_add_test(tc, test_a_scan_waits_for_a_slow_disk);
	suite_add_tcase(s, tc);
	suite_add_tcase(s, many);
	return run_suite(s);
}
