/* SPDX-License-Identifier: Apache-2.0 */

/* Contents in the disk cache that are large enough to have their record beside them. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_fixture.h"
#include "suite.h"

#define BIG ((size_t)DISK_BESIDE_MIN + 3 * CHUNK + 77)

static void read_file(const char *path, char *buf, size_t len)
{
	int fd = open(path, O_RDONLY);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pread(fd, buf, len, 0), (ssize_t)len);
	(void)close(fd);
}

static off_t size_of(const char *path)
{
	struct stat st;

	ck_assert_int_eq(stat(path, &st), 0);
	return st.st_size;
}

START_TEST(test_the_file_is_the_content_and_nothing_else)
{
	char path[PATH_LEN], kept[BIG], expected[BIG];
	struct content *c;
	unsigned int before;

	put_object("f", 1, BIG, CHUNK);
	scan_object("f", 1, BIG);
	ck_assert(!has_file(".part"));
	ck_assert(has_file(".sums"));
	path_of("", path);
	ck_assert_int_eq(size_of(path), (off_t)BIG);
	read_file(path, kept, BIG);
	c = open_content("f");
	ck_assert_int_eq(content_copy(c, 0, expected, BIG, true), 0);
	content_unref(c);
	ck_assert_mem_eq(kept, expected, BIG);
	restart_cache();
	before = n_asked();
	scan_object("f", 1, BIG);
	ck_assert_uint_eq(n_asked(), before);
	ck_assert_uint_eq(cache_stats().bytes, bytes_on_disk());
}
END_TEST

START_TEST(test_the_size_decides_where_the_record_is)
{
	const size_t sizes[] = {DISK_BESIDE_MIN - 1, DISK_BESIDE_MIN};
	char path[PATH_LEN];

	put_object("f", 1, sizes[_i], CHUNK);
	scan_object("f", 1, sizes[_i]);
	ck_assert_int_eq(has_file(".sums"), _i == 1);
	path_of("", path);
	ck_assert_int_eq(size_of(path) == (off_t)sizes[_i], _i == 1);
}
END_TEST

static void flip(const char *path, off_t at)
{
	int fd = open(path, O_RDWR);
	char b;

	ck_assert_int_eq(pread(fd, &b, 1, at), 1);
	b ^= 1;
	ck_assert_int_eq(pwrite(fd, &b, 1, at), 1);
	(void)close(fd);
}

static void empty(const char *path)
{
	off_t size = size_of(path);

	ck_assert_int_eq(truncate(path, 0), 0);
	ck_assert_int_eq(truncate(path, size), 0);
}

/* What a crash or a bad disk may make of the two files. */
#define N_DAMAGES 12
static void damage(const char *blocks, const char *record, int kind)
{
	switch (kind) {
	case 0:
		flip(blocks, 3);
		break;
	case 1:
		flip(blocks, (off_t)BIG - 1);
		break;
	case 2:
		ck_assert_int_eq(truncate(blocks, (off_t)BIG - 1), 0);
		break;
	case 3:
		/* As if it had a record behind it. */
		ck_assert_int_eq(truncate(blocks, (off_t)BIG + 100), 0);
		break;
	case 4:
		empty(blocks);
		break;
	case 5:
		ck_assert_int_eq(unlink(blocks), 0);
		break;
	case 6:
		flip(record, 1);
		break;
	case 7:
		flip(record, 64 + 4);
		break;
	case 8:
		ck_assert_int_eq(truncate(record, size_of(record) - 1), 0);
		break;
	case 9:
		ck_assert_int_eq(truncate(record, 10), 0);
		break;
	case 10:
		empty(record);
		break;
	default:
		ck_assert_int_eq(unlink(record), 0);
	}
}

/* Whatever was done to the files: the content is right, and there are good files in their place. */
static void damage_and_scan(const char *end, int kind)
{
	char blocks[PATH_LEN], record[PATH_LEN];

	disk_cache_sync(disk);
	path_of(end, blocks);
	path_of(".sums", record);
	stop_cache();
	damage(blocks, record, kind);
	start_cache(LIMIT);
	scan_object("f", 1, BIG);
	scan_object("f", 1, BIG);
	restart_cache();
	scan_object("f", 1, BIG);
	ck_assert_uint_eq(cache_stats().misses, 0);
	ck_assert_uint_eq(cache_stats().damaged, 0);
	ck_assert(!has_file(".part"));
	path_of("", blocks);
	ck_assert_int_eq(size_of(blocks), (off_t)BIG);
}

START_TEST(test_damage_is_made_good)
{
	put_object("f", 1, BIG, CHUNK);
	scan_object("f", 1, BIG);
	damage_and_scan("", _i);
}
END_TEST

START_TEST(test_damage_of_a_part_is_made_good)
{
	struct content *c;

	put_object("f", 1, BIG, CHUNK);
	c = open_content("f");
	must_read(c, 1, BIG, 0, (size_t)10 * CHUNK);
	must_read(c, 1, BIG, BIG - 10, 10);
	content_unref(c);
	damage_and_scan(".part", _i);
}
END_TEST

START_TEST(test_both_files_are_evicted)
{
	const uint64_t limit = 2 << 20;
	char name[10];

	stop_cache();
	start_cache(limit);
	for (uint32_t i = 0; i < 20; i++) {
		(void)snprintf(name, sizeof(name), "f%u", i);
		put_object(name, i, BIG, CHUNK);
		scan_object(name, i, BIG);
		ck_assert_uint_le(bytes_on_disk(), limit);
	}
	ck_assert_uint_gt(cache_stats().evictions, 10);
	stop_cache();
	start_cache(DISK_BESIDE_MIN / 2);
	disk_cache_sync(disk);
	ck_assert_uint_eq(bytes_on_disk(), 0);
	ck_assert_uint_eq(cache_stats().bytes, 0);
}
END_TEST

START_TEST(test_a_record_without_blocks_goes_when_room_is_needed)
{
	char path[PATH_LEN];

	put_object("f", 1, BIG, CHUNK);
	scan_object("f", 1, BIG);
	stop_cache();
	path_of("", path);
	ck_assert_int_eq(unlink(path), 0);
	start_cache(1000);
	disk_cache_sync(disk);
	ck_assert_uint_eq(bytes_on_disk(), 0);
	start_cache(LIMIT);
}
END_TEST

START_TEST(test_a_file_of_this_size_with_its_record_behind_it_is_replaced)
{
	char path[PATH_LEN], record[PATH_LEN];
	int fd;

	put_object("f", 1, BIG, CHUNK);
	scan_object("f", 1, BIG);
	path_of("", path);
	path_of(".sums", record);
	stop_cache();
	ck_assert_int_eq(unlink(record), 0);
	fd = open(path, O_RDWR | O_APPEND);
	ck_assert_int_eq(write(fd, "natsobj\1", 8), 8);
	(void)close(fd);
	start_cache(LIMIT);
	scan_object("f", 1, BIG);
	ck_assert_uint_eq(cache_stats().damaged, 0);
	ck_assert(has_file(".sums"));
	ck_assert_int_eq(size_of(path), (off_t)BIG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disk_beside");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, disk_setup, disk_teardown);
	tcase_add_test(tc, test_the_file_is_the_content_and_nothing_else);
	tcase_add_loop_test(tc, test_the_size_decides_where_the_record_is, 0, 2);
	tcase_add_loop_test(tc, test_damage_is_made_good, 0, N_DAMAGES);
	tcase_add_loop_test(tc, test_damage_of_a_part_is_made_good, 0, N_DAMAGES);
	tcase_add_test(tc, test_both_files_are_evicted);
	tcase_add_test(tc, test_a_record_without_blocks_goes_when_room_is_needed);
	tcase_add_test(tc, test_a_file_of_this_size_with_its_record_behind_it_is_replaced);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
