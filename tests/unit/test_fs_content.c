/* SPDX-License-Identifier: Apache-2.0 */

/* Changes of stored files: drafts, ranges, appends, and what becomes of them when others write too.
 */

#include "fs_fixture.h"
#include "suite.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* Larger than what is fetched with the first change. */
#define BIG ((size_t)512 * CHUNK)

static struct fs_handle *must_open(const char *path, int flags)
{
	struct fs_handle *h;
	int err = open_path(m.fs, path, flags, &h);

	ck_assert_msg(!err, "open of %s: %s", path, strerror(-err));
	return h;
}

static void foreign_put(const char *name, const char *text)
{
	fake_foreign_put(bucket, name, text, strlen(text), 100);
	fake_sync(bucket);
}

static int allocate(struct fs_handle *h, int mode, uint64_t off, uint64_t len)
{
	return fs_fallocate(m.fs, &root_ctx, h, mode, off, len);
}

static int truncate_open(struct fs_handle *h, const char *path, uint64_t size)
{
	struct stat st = {.st_size = (off_t)size}, got;
	struct fs_entry e;
	double timeout;
	int err;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	err = fs_setattr(m.fs, &root_ctx, e.nodeid, h, &st, FS_SET_SIZE, &got, &timeout);
	fs_forget(m.fs, e.nodeid, 1);
	return err;
}

START_TEST(test_opening_and_changing_a_large_file_fetches_nothing)
{
	_cleanup_free_ char *data = pattern(BIG);
	unsigned int before;
	struct fs_handle *h;
	char got[10];

	put_file(m.fs, "f", data, BIG);
	before = fake_calls(bucket, FAKE_GET_CHUNK);
	h = must_open("f", O_WRONLY);
	ck_assert_int_eq(write_at(m.fs, h, 5000, "changed", 7), 0);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_GET_CHUNK), before);
	memcpy(data + 5000, "changed", 7);
	ck_assert_int_eq(read_at(m.fs, h, 4998, got, sizeof(got)), sizeof(got));
	ck_assert_mem_eq(got, data + 4998, sizeof(got));
	/* A chunk or two, not the file. */
	ck_assert_uint_le(fake_calls(bucket, FAKE_GET_CHUNK), before + 2);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, BIG);
	assert_file(m.fs, "f", data, BIG);
}
END_TEST

START_TEST(test_what_is_overwritten_whole_is_never_fetched)
{
	_cleanup_free_ char *data = pattern(BIG);
	unsigned int before;
	struct fs_handle *h;

	put_file(m.fs, "f", data, BIG);
	before = fake_calls(bucket, FAKE_GET_CHUNK);
	h = must_open("f", O_WRONLY);
	for (size_t at = 0; at < BIG; at += CHUNK) {
		memset(data + at, (int)(at / CHUNK), CHUNK);
		ck_assert_int_eq(write_at(m.fs, h, at, data + at, CHUNK), 0);
	}
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_GET_CHUNK), before);
	assert_object("f", data, BIG);
}
END_TEST

START_TEST(test_a_file_cut_and_grown_has_zeros_where_it_was_cut)
{
	_cleanup_free_ char *data = pattern(BIG);
	struct fs_handle *h;

	put_file(m.fs, "f", data, BIG);
	h = must_open("f", O_RDWR);
	ck_assert_int_eq(truncate_open(h, "f", 1000), 0);
	ck_assert_int_eq(truncate_open(h, "f", BIG), 0);
	memset(data + 1000, 0, BIG - 1000);
	ck_assert_int_eq(write_at(m.fs, h, BIG - 1, "z", 1), 0);
	data[BIG - 1] = 'z';
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, BIG);
}
END_TEST

START_TEST(test_a_replaced_base_is_fetched_while_it_exists)
{
	_cleanup_free_ char *data = pattern(BIG);
	_cleanup_free_ char *got = malloc(BIG);
	_cleanup_obj_info_ struct obj_info *old = NULL;
	struct fs_handle *h;

	put_file(m.fs, "f", data, BIG);
	old = fake_info(bucket, "f");
	h = must_open("f", O_RDWR);
	ck_assert_int_eq(write_at(m.fs, h, 0, "mine", 4), 0);
	memcpy(data, "mine", 4);
	/* Of somebody who purges the old chunks later. */
	fake_foreign_meta(bucket, "f",
			  "{\"name\":\"f\",\"bucket\":\"b\",\"nuid\":\"theirs\",\"size\":0,"
			  "\"chunks\":0}");
	fake_sync(bucket);
	for (int i = 0; fake_calls(bucket, FAKE_GET_CHUNK) < BIG / CHUNK; i++) {
		ck_assert_int_lt(i, 3000);
		usleep(10000);
	}
	fake_drop_chunks(bucket, old->nuid);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, BIG), (ssize_t)BIG);
	ck_assert_mem_eq(got, data, BIG);
	ck_assert_int_eq(close_file(m.fs, h), -ESTALE);
	assert_object("f", "", 0);
}
END_TEST

/* While others are there yet, and the event is on its way. */
START_TEST(test_a_missing_chunk_of_a_replaced_version_is_no_damage)
{
	_cleanup_free_ char *data = pattern(BIG);
	char got[CHUNK];
	struct fs_handle *h;

	put_file(m.fs, "f", data, BIG);
	h = must_open("f", O_RDONLY);
	fake_delay_events(bucket, 3000);
	fake_foreign_meta(bucket, "f",
			  "{\"name\":\"f\",\"bucket\":\"b\",\"nuid\":\"theirs\",\"size\":0,"
			  "\"chunks\":0}");
	fake_fail_next(bucket, FAKE_GET_CHUNK, -EIO, 1000);
	ck_assert_int_eq(read_at(m.fs, h, BIG / 2, got, sizeof(got)), -ESTALE);
	fake_fail_next(bucket, FAKE_GET_CHUNK, 0, 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

struct late_read {
	struct fs_handle *h;
	ssize_t n;
};

static void *read_late(void *arg)
{
	struct late_read *r = arg;
	char got[CHUNK];

	r->n = read_at(m.fs, r->h, 0, got, sizeof(got));
	return NULL;
}

/* Its chunks are purged while they are waited for, by another client that has replaced it too. */
START_TEST(test_a_read_of_what_is_emptied_meanwhile_sees_that)
{
	_cleanup_free_ char *data = pattern(BIG);
	_cleanup_obj_info_ struct obj_info *old = NULL;
	struct late_read late;
	struct fs_handle *h;
	pthread_t thread;

	put_file(m.fs, "f", data, BIG);
	old = fake_info(bucket, "f");
	late.h = must_open("f", O_RDONLY);
	fake_hold(bucket, true);
	ck_assert_int_eq(pthread_create(&thread, NULL, read_late, &late), 0);
	/* One that is later still finds the file empty. */
	usleep(200000);
	h = must_open("f", O_WRONLY | O_TRUNC);
	fake_drop_chunks(bucket, old->nuid);
	fake_hold(bucket, false);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(late.n, 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(close_file(m.fs, late.h), 0);
}
END_TEST

START_TEST(test_a_small_file_that_is_open_outlives_its_chunks)
{
	const size_t len = 20 * CHUNK;
	_cleanup_free_ char *data = pattern(len);
	_cleanup_free_ char *got = malloc(len);
	_cleanup_obj_info_ struct obj_info *old = NULL;
	struct fs_handle *h;

	put_file(m.fs, "f", data, len);
	old = fake_info(bucket, "f");
	h = must_open("f", O_RDONLY);
	fake_foreign_meta(bucket, "f",
			  "{\"name\":\"f\",\"bucket\":\"b\",\"nuid\":\"theirs\",\"size\":0,"
			  "\"chunks\":0}");
	fake_sync(bucket);
	for (int i = 0; fake_calls(bucket, FAKE_GET_CHUNK) < len / CHUNK; i++) {
		ck_assert_int_lt(i, 3000);
		usleep(10000);
	}
	fake_drop_chunks(bucket, old->nuid);
	/* Other files would push it out of the cache. */
	for (int i = 0; i < 3; i++) {
		_cleanup_free_ char *big = pattern(BIG);
		char name[] = {(char)('x' + i), '\0'};

		put_file(m.fs, name, big, BIG);
		assert_file(m.fs, name, big, BIG);
	}
	ck_assert_int_eq(read_at(m.fs, h, 0, got, len), (ssize_t)len);
	ck_assert_mem_eq(got, data, len);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_ranges_are_zeroed_punched_and_found)
{
	const size_t len = BIG;
	_cleanup_free_ char *data = pattern(len);
	struct fs_handle *h;
	uint64_t at;

	put_file(m.fs, "f", data, len);
	h = must_open("f", O_RDWR);
	ck_assert_int_eq(fs_lseek(m.fs, &root_ctx, h, 7, SEEK_HOLE, &at), 0);
	ck_assert_uint_eq(at, len);
	ck_assert_int_eq(allocate(h, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 100, 50), 0);
	ck_assert_int_eq(allocate(h, FALLOC_FL_ZERO_RANGE, len - 10, 30), 0);
	memset(data + 100, 0, 50);
	memset(data + len - 10, 0, 10);
	ck_assert_int_eq(fs_lseek(m.fs, &root_ctx, h, 0, SEEK_HOLE, &at), 0);
	ck_assert_uint_eq(at, 100);
	ck_assert_int_eq(fs_lseek(m.fs, &root_ctx, h, 100, SEEK_DATA, &at), 0);
	ck_assert_uint_eq(at, 150);
	ck_assert_int_eq(fs_lseek(m.fs, &root_ctx, h, 150, SEEK_HOLE, &at), 0);
	ck_assert_uint_eq(at, len - 10);
	ck_assert_int_eq(fs_lseek(m.fs, &root_ctx, h, len - 10, SEEK_DATA, &at), -ENXIO);
	ck_assert_int_eq(fs_lseek(m.fs, &root_ctx, h, len + 20, SEEK_HOLE, &at), -ENXIO);
	ck_assert_int_eq(allocate(h, FALLOC_FL_KEEP_SIZE, 0, 2 * len), 0);
	ck_assert_int_eq(allocate(h, FALLOC_FL_COLLAPSE_RANGE, 0, 4096), -EOPNOTSUPP);
	ck_assert_int_eq(allocate(h, FALLOC_FL_INSERT_RANGE, 0, 4096), -EOPNOTSUPP);
	ck_assert_int_eq(truncate_open(h, "f", len), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, len);
}
END_TEST

START_TEST(test_allocation_grows_a_new_file)
{
	const char zeros[3000] = {0};
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_RDWR | O_EXCL, &h), 0);
	ck_assert_int_eq(allocate(h, 0, 0, sizeof(zeros)), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", zeros, sizeof(zeros));
}
END_TEST

START_TEST(test_a_range_is_copied_between_files)
{
	_cleanup_free_ char *data = pattern(BIG);
	struct fs_handle *from, *to;
	uint64_t done;

	put_file(m.fs, "f", data, BIG);
	from = must_open("f", O_RDONLY);
	ck_assert_int_eq(create(m.fs, "g", O_RDWR, &to), 0);
	ck_assert_int_eq(fs_copy_range(m.fs, &root_ctx, from, 3, to, 0, BIG, &done), 0);
	ck_assert_uint_eq(done, BIG - 3);
	ck_assert_int_eq(fs_copy_range(m.fs, &root_ctx, from, BIG, to, 0, BIG, &done), 0);
	ck_assert_uint_eq(done, 0);
	ck_assert_int_eq(close_file(m.fs, to), 0);
	ck_assert_int_eq(close_file(m.fs, from), 0);
	assert_object("g", data + 3, BIG - 3);
}
END_TEST

START_TEST(test_an_append_goes_behind_what_came_meanwhile)
{
	struct fs_handle *h;

	put_file(m.fs, "log", "one\n", 4);
	h = must_open("log", O_WRONLY | O_APPEND);
	ck_assert_int_eq(write_at(m.fs, h, 4, "mine\n", 5), 0);
	foreign_put("log", "one\ntheirs\n");
	ck_assert_int_eq(write_at(m.fs, h, 9, "more\n", 5), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("log", "one\ntheirs\nmine\nmore\n", 21);
	fake_sync(bucket);
	assert_file(m.fs, "log", "one\ntheirs\nmine\nmore\n", 21);
}
END_TEST

START_TEST(test_an_append_through_an_old_descriptor_is_not_lost)
{
	struct fs_handle *h;

	put_file(m.fs, "log", "one\n", 4);
	h = must_open("log", O_WRONLY | O_APPEND);
	for (int i = 0; i < 2; i++) {
		foreign_put("log", "theirs\n");
		ck_assert_int_eq(write_at(m.fs, h, 4, "mine\n", 5), 0);
		ck_assert_int_eq(fs_fsync(m.fs, &root_ctx, h), 0);
		ck_assert_int_eq(write_at(m.fs, h, 4, "more\n", 5), 0);
		ck_assert_int_eq(fs_fsync(m.fs, &root_ctx, h), 0);
		assert_object("log", "theirs\nmine\nmore\n", 17);
	}
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_file(m.fs, "log", "theirs\nmine\nmore\n", 17);
}
END_TEST

START_TEST(test_appends_to_a_file_that_two_make_at_once_are_both_kept)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "log", O_WRONLY | O_APPEND, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "mine\n", 5), 0);
	foreign_put("log", "theirs\n");
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("log", "theirs\nmine\n", 12);
	assert_file(m.fs, "log", "theirs\nmine\n", 12);
}
END_TEST

START_TEST(test_an_append_to_a_removed_file_makes_it_anew)
{
	struct fs_handle *h;

	put_file(m.fs, "log", "one\n", 4);
	h = must_open("log", O_WRONLY | O_APPEND);
	ck_assert_int_eq(write_at(m.fs, h, 4, "mine\n", 5), 0);
	fake_foreign_delete(bucket, "log");
	fake_sync(bucket);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("log", "mine\n", 5);
	assert_file(m.fs, "log", "mine\n", 5);
}
END_TEST

START_TEST(test_an_append_and_another_change_are_a_conflict)
{
	struct fs_handle *h, *other;

	put_file(m.fs, "f", "one\n", 4);
	h = must_open("f", O_WRONLY | O_APPEND);
	other = must_open("f", O_WRONLY);
	ck_assert_int_eq(write_at(m.fs, h, 4, "mine\n", 5), 0);
	ck_assert_int_eq(write_at(m.fs, other, 0, "O", 1), 0);
	foreign_put("f", "theirs\n");
	ck_assert_int_eq(close_file(m.fs, h), -ESTALE);
	(void)!close_file(m.fs, other);
	assert_object("f", "theirs\n", 7);
}
END_TEST

START_TEST(test_a_plain_write_to_what_an_append_left_behind_fails)
{
	struct fs_handle *append, *plain;

	put_file(m.fs, "f", "one\n", 4);
	append = must_open("f", O_WRONLY | O_APPEND);
	plain = must_open("f", O_WRONLY);
	foreign_put("f", "theirs\n");
	ck_assert_int_eq(write_at(m.fs, append, 4, "mine\n", 5), 0);
	ck_assert_int_eq(close_file(m.fs, append), 0);
	ck_assert_int_eq(write_at(m.fs, plain, 0, "X", 1), 0);
	ck_assert_int_lt(close_file(m.fs, plain), 0);
	assert_object("f", "theirs\nmine\n", 12);
}
END_TEST

START_TEST(test_touching_a_name_that_another_made_leaves_its_content)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_WRONLY, &h), 0);
	foreign_put("f", "theirs");
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "theirs", 6);
	fake_sync(bucket);
	assert_file(m.fs, "f", "theirs", 6);
}
END_TEST

START_TEST(test_each_synchronous_write_is_in_the_bucket_when_it_returns)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_WRONLY | O_DSYNC, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "one", 3), 0);
	assert_object("f", "one", 3);
	ck_assert_int_eq(write_at(m.fs, h, 3, "two", 3), 0);
	assert_object("f", "onetwo", 6);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_changes_of_an_unlinked_file_are_its_own)
{
	struct fs_handle *h;
	char got[8];

	put_file(m.fs, "f", "one two", 7);
	h = must_open("f", O_RDWR);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert_int_eq(write_at(m.fs, h, 4, "TWO", 3), 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, sizeof(got)), 7);
	ck_assert_mem_eq(got, "one TWO", 7);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(!exists(m.fs, "f"));
}
END_TEST

START_TEST(test_a_full_bucket_in_the_middle_keeps_the_old_content)
{
	_cleanup_free_ char *data = pattern(BIG);
	struct fs_handle *h;

	put_file(m.fs, "f", data, BIG);
	h = must_open("f", O_WRONLY);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	fake_fail_next(bucket, FAKE_PUT_CHUNK, -ENOSPC, 1);
	ck_assert_int_eq(close_file(m.fs, h), -ENOSPC);
	assert_object("f", data, BIG);
	assert_file(m.fs, "f", data, BIG);
}
END_TEST

START_TEST(test_damage_in_the_base_is_not_given_a_good_digest)
{
	_cleanup_free_ char *data = pattern(BIG);
	struct fs_handle *h;

	put_file(m.fs, "f", data, BIG);
	fake_corrupt_chunk(bucket, "f", 7);
	h = must_open("f", O_WRONLY);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	ck_assert_int_eq(close_file(m.fs, h), -EIO);
}
END_TEST

START_TEST(test_a_name_just_found_absent_is_not_asked_for_again)
{
	struct fs_handle *h;
	unsigned int before;

	put_file(m.fs, "f", "one", 3);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert(!exists(m.fs, "f"));
	before = fake_calls(bucket, FAKE_GET_INFO);
	ck_assert_int_eq(create(m.fs, "f", O_WRONLY | O_TRUNC, &h), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(!exists(m.fs, "g"));
	ck_assert_int_eq(make_dir(m.fs, "g"), 0);
	/* What exists() itself asked, and whether a file called so came first. */
	ck_assert_uint_le(fake_calls(bucket, FAKE_GET_INFO), before + 3);
	/* Another client is faster: nothing of it is lost. */
	ck_assert(!exists(m.fs, "log"));
	foreign_put("log", "theirs\n");
	ck_assert_int_eq(create(m.fs, "log", O_WRONLY | O_APPEND, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "mine\n", 5), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("log", "theirs\nmine\n", 12);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_content");
	TCase *tc = tcase_create("content");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_opening_and_changing_a_large_file_fetches_nothing);
	tcase_add_test(tc, test_what_is_overwritten_whole_is_never_fetched);
	tcase_add_test(tc, test_a_file_cut_and_grown_has_zeros_where_it_was_cut);
	tcase_add_test(tc, test_a_replaced_base_is_fetched_while_it_exists);
	tcase_add_test(tc, test_a_missing_chunk_of_a_replaced_version_is_no_damage);
	tcase_add_test(tc, test_a_read_of_what_is_emptied_meanwhile_sees_that);
	tcase_add_test(tc, test_a_small_file_that_is_open_outlives_its_chunks);
	tcase_add_test(tc, test_ranges_are_zeroed_punched_and_found);
	tcase_add_test(tc, test_allocation_grows_a_new_file);
	tcase_add_test(tc, test_a_range_is_copied_between_files);
	tcase_add_test(tc, test_an_append_goes_behind_what_came_meanwhile);
	tcase_add_test(tc, test_an_append_through_an_old_descriptor_is_not_lost);
	tcase_add_test(tc, test_appends_to_a_file_that_two_make_at_once_are_both_kept);
	tcase_add_test(tc, test_an_append_to_a_removed_file_makes_it_anew);
	tcase_add_test(tc, test_an_append_and_another_change_are_a_conflict);
	tcase_add_test(tc, test_a_plain_write_to_what_an_append_left_behind_fails);
	tcase_add_test(tc, test_touching_a_name_that_another_made_leaves_its_content);
	tcase_add_test(tc, test_each_synchronous_write_is_in_the_bucket_when_it_returns);
	tcase_add_test(tc, test_changes_of_an_unlinked_file_are_its_own);
	tcase_add_test(tc, test_a_full_bucket_in_the_middle_keeps_the_old_content);
	tcase_add_test(tc, test_damage_in_the_base_is_not_given_a_good_digest);
	tcase_add_test(tc, test_a_name_just_found_absent_is_not_asked_for_again);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
