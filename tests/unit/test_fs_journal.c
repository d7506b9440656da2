/* SPDX-License-Identifier: Apache-2.0 */

/* fsync of large files: what it stores, when, and what may fail. */

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/intent.h"
#include "fs/journal.h"

#include "journal_fixture.h"
#include "suite.h"

/* --- what is stored --- */

START_TEST(test_fsync_stores_what_changed_and_close_the_whole_file)
{
	struct fs_handle *h = must_open(O_RDWR);
	_cleanup_free_ char *old = pattern(2 * SIZE);
	unsigned before;

	change(h, 700000, "here");
	before = fake_calls(bucket, FAKE_PUT_CHUNK);
	must_sync(h);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_PUT_CHUNK), before + 1);
	ck_assert(has_journal());
	/* Others see the last version that was stored whole. */
	assert_object("f", old, SIZE);
	assert_file(m.fs, "f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
	ck_assert(!has_journal());
}
END_TEST

START_TEST(test_an_fsync_without_a_change_stores_nothing)
{
	struct fs_handle *h = must_open(O_RDWR);
	unsigned before;

	change(h, 5, "here");
	must_sync(h);
	before = fake_calls(bucket, FAKE_PUT_INFO);
	must_sync(h);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_PUT_INFO), before);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_fsync_of_a_small_file_stores_it_whole)
{
	struct fs_handle *h;

	put_file(m.fs, "small", "0123456789", 10);
	ck_assert_int_eq(open_path(m.fs, "small", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "x", 1), 0);
	must_sync(h);
	ck_assert(!has_journal());
	assert_object("small", "x123456789", 10);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_fsync_of_a_large_change_stores_the_whole_file)
{
	struct fs_handle *h = must_open(O_RDWR);

	change(h, 0, "first");
	must_sync(h);
	ck_assert(has_journal());
	memset(data + 1000, 'x', SIZE / 3);
	ck_assert_int_eq(write_at(m.fs, h, 1000, data + 1000, SIZE / 3), 0);
	must_sync(h);
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_many_fsyncs_end_in_few_segments)
{
	struct fs_handle *h = must_open(O_RDWR);
	_cleanup_obj_info_ struct obj_info *info = NULL;
	size_t n = 1;

	for (size_t i = 0; i < 2 * JOURNAL_SEGMENTS + 5; i++) {
		change(h, 997 * i, "change");
		must_sync(h);
	}
	info = journal();
	for (const char *p = obj_info_meta(info, "posix.segments"); *p; p++)
		n += *p == ';';
	ck_assert_uint_le(n, JOURNAL_SEGMENTS);
	recover();
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
}
END_TEST

START_TEST(test_a_synchronous_write_stores_what_it_wrote)
{
	struct fs_handle *h = must_open(O_RDWR | O_DSYNC);

	change(h, 4711, "here");
	ck_assert(has_journal());
	recover();
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

/* --- what fails --- */

START_TEST(test_a_commit_whose_end_was_not_noted_is_not_repeated)
{
	struct fs_handle *h = open_journaled();

	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EIO, 1);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(has_journal());
	recover();
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
	ck_assert(!is_there("f.conflict"));
}
END_TEST

/* Whatever fails: what fsync has promised is there, and an error is told. */
START_TEST(test_each_step_of_fsync_may_fail)
{
	static const enum fake_op ops[] = {FAKE_PUT_OPEN, FAKE_PUT_CHUNK, FAKE_PUT_INFO};
	static const int errs[] = {-EIO, -ENOSPC, -ESTALE};
	struct fs_handle *h = must_open(O_RDWR);
	_cleanup_free_ char *promised = malloc(SIZE);
	int op = _i / 9, err = _i / 3 % 3, step = _i % 3;

	memcpy(promised, data, SIZE);
	for (int i = 0; i < 3; i++) {
		change(h, (size_t)1000 * (size_t)(i + 1), "change");
		if (i == step)
			fake_fail_next(bucket, ops[op], errs[err], 1);
		if (sync_file(h) == 0)
			memcpy(promised, data, SIZE);
		else
			break;
	}
	if (has_journal())
		recover();
	assert_object("f", promised, SIZE);
	(void)close_file(m.fs, h);
	ck_assert(!is_there("f.conflict"));
}
END_TEST

START_TEST(test_a_lost_answer_leaves_nothing_behind)
{
	struct fs_handle *h = must_open(O_RDWR);

	if (_i) {
		change(h, 10, "before");
		must_sync(h);
	}
	change(h, 100, "one");
	fake_lose_answer(bucket, -ETIMEDOUT);
	must_sync(h);
	assert_object("f", data, SIZE);
	ck_assert(!has_journal());
	change(h, 200, "two");
	must_sync(h);
	ck_assert(has_journal());
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
}
END_TEST

START_TEST(test_a_close_that_fails_leaves_what_fsync_promised)
{
	struct fs_handle *h = open_journaled();
	_cleanup_free_ char *promised = malloc(SIZE);

	memcpy(promised, data, SIZE);
	change(h, 200, "two");
	fake_fail_next(bucket, FAKE_PUT_CHUNK, -ENOSPC, 1);
	ck_assert_int_eq(close_file(m.fs, h), -ENOSPC);
	ck_assert(has_journal());
	/* This mount tries again, after a second. */
	wait_stored();
	assert_object("f", promised, SIZE);
	fake_sync(bucket);
	assert_file(m.fs, "f", promised, SIZE);
}
END_TEST

START_TEST(test_without_room_for_the_file_it_is_stored_whole)
{
	struct fs_handle *h = must_open(O_RDWR);

	fake_set_free(bucket, SIZE);
	change(h, 100, "one");
	must_sync(h);
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_damaged_segments_are_not_believed)
{
	struct mount other = second();
	struct fs_handle *h = open_journaled();
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_free_ char *old = pattern(2 * SIZE), *text = NULL;

	info = journal();
	text = strdup(obj_info_meta(info, "posix.segments"));
	/* Its digest is another one. */
	text[strlen(text) - 2] ^= 1;
	ck_assert_int_eq(obj_info_set_meta(info, "posix.segments", text), 0);
	ck_assert_int_eq(intent_finish(other.fs, info), -EIO);
	unmount_bucket(&other);
	assert_object("f", old, SIZE);
	ck_assert(has_journal());
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
}
END_TEST

START_TEST(test_senseless_descriptions_are_refused)
{
	static const char *const texts[] = {"", "x", "a 1 1 1", "a.b 1 1 1 d", "a 1 1 1 d e;"};
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct mount other = second();
	struct fs_handle *h = open_journaled();

	info = journal();
	ck_assert_int_eq(
		obj_info_set_meta(info, _i % 2 ? "posix.segments" : "posix.base", texts[_i / 2]),
		0);
	ck_assert_int_eq(intent_finish(other.fs, info), -EINVAL);
	unmount_bucket(&other);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
}
END_TEST

/* --- truncation --- */

START_TEST(test_a_file_that_is_emptied_keeps_its_promise_until_it_is_stored)
{
	struct fs_handle *h = must_open(O_RDWR), *h2;
	_cleanup_free_ char *promised = malloc(SIZE);

	change(h, 100, "one");
	must_sync(h);
	memcpy(promised, data, SIZE);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY | O_TRUNC, &h2), 0);
	ck_assert_int_eq(write_at(m.fs, h2, 0, "new", 3), 0);
	if (_i) {
		recover();
		assert_object("f", promised, SIZE);
	}
	ck_assert_int_eq(close_file(m.fs, h2), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "new", 3);
	ck_assert(!has_journal());
	ck_assert(!is_there("f.conflict"));
}
END_TEST

/* --- the clock --- */

static void remount_with(uint64_t interval_ms)
{
	unmount_bucket(&m);
	m = mount_with(&(struct fs_config){.commit_interval_ms = interval_ms});
}

START_TEST(test_a_file_at_rest_is_stored_whole_after_a_while)
{
	struct fs_handle *h;

	remount_with(50);
	h = must_open(O_RDWR);
	change(h, 100, "one");
	must_sync(h);
	wait_stored();
	assert_object("f", data, SIZE);
	/* And it goes on from there. */
	change(h, 300, "two");
	must_sync(h);
	wait_stored();
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_what_no_fsync_has_seen_is_not_stored_by_the_clock)
{
	_cleanup_free_ char *old = pattern(2 * SIZE);
	struct fs_handle *h;

	remount_with(50);
	h = must_open(O_RDWR);
	change(h, 100, "one");
	must_sync(h);
	change(h, 200, "two");
	(void)usleep(300000);
	assert_object("f", old, SIZE);
	must_sync(h);
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_without_an_interval_fsync_stores_the_whole_file)
{
	struct fs_handle *h;

	remount_with(0);
	h = must_open(O_RDWR);
	change(h, 100, "one");
	must_sync(h);
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_journal");
	TCase *t = tcase_create("journal");

	tcase_add_checked_fixture(t, journal_setup, journal_teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, test_fsync_stores_what_changed_and_close_the_whole_file);
	tcase_add_test(t, test_an_fsync_without_a_change_stores_nothing);
	tcase_add_test(t, test_fsync_of_a_small_file_stores_it_whole);
	tcase_add_test(t, test_fsync_of_a_large_change_stores_the_whole_file);
	tcase_add_test(t, test_many_fsyncs_end_in_few_segments);
	tcase_add_test(t, test_a_synchronous_write_stores_what_it_wrote);
	tcase_add_test(t, test_a_commit_whose_end_was_not_noted_is_not_repeated);
	tcase_add_loop_test(t, test_each_step_of_fsync_may_fail, 0, 27);
	tcase_add_loop_test(t, test_a_lost_answer_leaves_nothing_behind, 0, 2);
	tcase_add_test(t, test_a_close_that_fails_leaves_what_fsync_promised);
	tcase_add_test(t, test_without_room_for_the_file_it_is_stored_whole);
	tcase_add_test(t, test_damaged_segments_are_not_believed);
	tcase_add_loop_test(t, test_senseless_descriptions_are_refused, 0, 10);
	tcase_add_loop_test(t, test_a_file_that_is_emptied_keeps_its_promise_until_it_is_stored, 0,
			    2);
	tcase_add_test(t, test_a_file_at_rest_is_stored_whole_after_a_while);
	tcase_add_test(t, test_what_no_fsync_has_seen_is_not_stored_by_the_clock);
	tcase_add_test(t, test_without_an_interval_fsync_stores_the_whole_file);
	suite_add_tcase(s, t);
	return run_suite(s);
}
