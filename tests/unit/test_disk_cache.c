/* SPDX-License-Identifier: Apache-2.0 */

/* What the disk cache keeps, finds again and believes. */

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk_fixture.h"
#include "suite.h"

START_TEST(test_what_was_read_comes_from_the_disk_after_a_remount)
{
	unsigned int before;

	put_object("f", 1, SIZE, CHUNK);
	scan_object("f", 1, SIZE);
	ck_assert(has_file(""));
	ck_assert(!has_file(".part"));
	restart_cache();
	before = n_asked();
	scan_object("f", 1, SIZE);
	ck_assert_uint_eq(n_asked(), before);
	ck_assert_uint_eq(cache_stats().hit_bytes, SIZE);
	ck_assert_uint_eq(cache_stats().misses, 0);
}
END_TEST

START_TEST(test_the_same_content_in_other_chunks_is_found)
{
	unsigned int before;

	put_object("f", 1, SIZE, CHUNK);
	scan_object("f", 1, SIZE);
	put_object("other", 1, SIZE, 2000);
	before = n_asked();
	scan_object("other", 1, SIZE);
	ck_assert_uint_eq(n_asked(), before);
}
END_TEST

START_TEST(test_chunks_of_odd_sizes_make_whole_files)
{
	static const size_t sizes[] = {700, 1024, 1500, 4000};

	put_object("f", 1, SIZE, sizes[_i]);
	scan_object("f", 1, SIZE);
	scan_object("f", 1, SIZE);
	ck_assert(has_file(""));
	ck_assert_uint_gt(cache_stats().hits, 0);
}
END_TEST

START_TEST(test_random_reads_fetch_and_keep_only_what_they_need)
{
	struct content *c;
	unsigned int before;

	put_object("f", 1, SIZE, CHUNK);
	c = open_content("f");
	must_read(c, 1, SIZE, (size_t)7 * CHUNK, 10);
	must_read(c, 1, SIZE, (size_t)30 * CHUNK, 10);
	content_unref(c);
	disk_cache_sync(disk);
	ck_assert_uint_eq(cache_stats().stored_bytes, 2 * CHUNK + 4096);
	ck_assert(has_file(".part"));
	restart_cache();
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
	scan_object("f", 1, SIZE);
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

	stop_cache();
	path_of(suffix, path);
	damage(path, kind);
	start_cache(LIMIT);
	scan_object("f", 1, SIZE);
	scan_object("f", 1, SIZE);
	restart_cache();
	scan_object("f", 1, SIZE);
	ck_assert_uint_eq(cache_stats().misses, 0);
	ck_assert_uint_eq(cache_stats().damaged, 0);
}

START_TEST(test_a_damaged_file_is_dropped_and_the_server_asked)
{
	put_object("f", 1, SIZE, CHUNK);
	scan_object("f", 1, SIZE);
	damage_and_scan("", _i);
}
END_TEST

START_TEST(test_a_damaged_part_is_dropped_too)
{
	struct content *c;

	put_object("f", 1, SIZE, CHUNK);
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

	put_object("f", 1, SIZE, CHUNK);
	scan_object("f", 1, SIZE);
	c = open_content("f");
	must_read(c, 1, SIZE, 0, 10);
	path_of("", path);
	damage(path, 8);
	for (size_t at = CHUNK; at < SIZE; at += CHUNK)
		must_read(c, 1, SIZE, at, SIZE - at < CHUNK ? SIZE - at : CHUNK);
	ck_assert_uint_eq(cache_stats().damaged, 1);
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

	put_object("true", 1, SIZE, CHUNK);
	put_object("liar", 2, SIZE, CHUNK);
	info = fake_info(bucket, "true");
	liar = fake_info(bucket, "liar");
	memcpy(liar->digest, info->digest, sizeof(liar->digest));
	ck_assert_int_eq(content_new(store, &memory, disk, liar, &c), 0);
	/* A part of it can be read, and is kept, for this object. */
	must_read(c, 2, SIZE, 0, (size_t)20 * CHUNK);
	disk_cache_sync(disk);
	ck_assert(has_file(".part"));
	scan_object("true", 1, SIZE);
	ck_assert_int_eq(content_copy(c, 0, buf, SIZE, true), -EIO);
	content_unref(c);
	disk_cache_sync(disk);
	ck_assert(!has_file(".part"));
	ck_assert(has_file(""));
	scan_object("true", 1, SIZE);
}
END_TEST

START_TEST(test_no_digest_no_file)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct content *c;

	put_object("f", 1, SIZE, CHUNK);
	info = fake_info(bucket, "f");
	info->has_digest = false;
	ck_assert_int_eq(content_new(store, &memory, disk, info, &c), 0);
	must_read(c, 1, SIZE, 0, SIZE);
	content_unref(c);
	disk_cache_sync(disk);
	ck_assert_uint_eq(bytes_on_disk(), 0);
}
END_TEST

START_TEST(test_an_evicted_file_stays_readable_for_those_who_have_it)
{
	struct content *c;
	unsigned int before;
	char path[PATH_LEN];

	put_object("f", 1, SIZE, CHUNK);
	scan_object("f", 1, SIZE);
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

	put_object("f", 1, SIZE, CHUNK);
	c = open_content("f");
	must_read(c, 1, SIZE, 0, 10);
	disk_cache_sync(disk);
	path_of(".part", path);
	ck_assert_int_eq(unlink(path), 0);
	must_read(c, 1, SIZE, 0, SIZE);
	content_unref(c);
	disk_cache_sync(disk);
	ck_assert(!has_file(""));
	ck_assert(!cache_stats().is_off);
	scan_object("f", 1, SIZE);
	ck_assert(has_file(""));
}
END_TEST

START_TEST(test_a_directory_that_goes_is_made_again)
{
	unsigned int before;
	char content[100];

	put_object("f", 1, SIZE, CHUNK);
	(void)snprintf(content, sizeof(content), "%s/content", cache_dir);
	ck_assert_int_eq(rmdir(content), 0);
	scan_object("f", 1, SIZE);
	ck_assert(!cache_stats().is_off);
	scan_object("f", 1, SIZE);
	ck_assert(has_file(""));
	before = n_asked();
	scan_object("f", 1, SIZE);
	ck_assert_uint_eq(n_asked(), before);
}
END_TEST

START_TEST(test_a_directory_that_cannot_be_made_again_turns_it_off)
{
	char content[100];
	int fd;

	put_object("f", 1, SIZE, CHUNK);
	(void)snprintf(content, sizeof(content), "%s/content", cache_dir);
	ck_assert_int_eq(rmdir(content), 0);
	fd = open(content, O_CREAT | O_WRONLY, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(close(fd), 0);
	scan_object("f", 1, SIZE);
	scan_object("f", 1, SIZE);
	ck_assert(cache_stats().is_off);
}
END_TEST

START_TEST(test_a_directory_of_others_is_refused)
{
	struct disk_cache *other;
	char content[100];

	if (geteuid() != 0)
		return;
	(void)snprintf(content, sizeof(content), "%s/content", cache_dir);
	ck_assert_int_eq(chown(content, 12345, 12345), 0);
	ck_assert_int_eq(disk_cache_check(cache_dir), -EPERM);
	ck_assert_int_eq(disk_cache_new(cache_dir, LIMIT, 0, &other), -EPERM);
	ck_assert_int_eq(chown(content, 0, 0), 0);
	ck_assert_int_eq(chmod(content, 0777), 0);
	ck_assert_int_eq(disk_cache_check(cache_dir), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("disk_cache");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, disk_setup, disk_teardown);
	tcase_add_test(tc, test_what_was_read_comes_from_the_disk_after_a_remount);
	tcase_add_test(tc, test_the_same_content_in_other_chunks_is_found);
	tcase_add_loop_test(tc, test_chunks_of_odd_sizes_make_whole_files, 0, 4);
	tcase_add_test(tc, test_random_reads_fetch_and_keep_only_what_they_need);
	tcase_add_loop_test(tc, test_a_damaged_file_is_dropped_and_the_server_asked, 0, N_DAMAGES);
	tcase_add_loop_test(tc, test_a_damaged_part_is_dropped_too, 0, N_DAMAGES);
	tcase_add_test(tc, test_damage_under_an_open_file_is_not_seen);
	tcase_add_test(tc, test_a_false_digest_is_not_kept_and_spoils_no_other);
	tcase_add_test(tc, test_no_digest_no_file);
	tcase_add_test(tc, test_an_evicted_file_stays_readable_for_those_who_have_it);
	tcase_add_test(tc, test_a_part_removed_while_it_grows_is_let_go);
	tcase_add_test(tc, test_a_directory_that_goes_is_made_again);
	tcase_add_test(tc, test_a_directory_that_cannot_be_made_again_turns_it_off);
	tcase_add_test(tc, test_a_directory_of_others_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
