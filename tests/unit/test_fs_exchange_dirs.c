/* SPDX-License-Identifier: Apache-2.0 */

/* Directories that change places, with one another or with a file. */

#include <stdio.h>
#include <stdlib.h>

#include "fs/intent.h"

#include "fs_fixture.h"
#include "suite.h"

static void assert_list(const char *path, const char *want)
{
	assert_names(m.fs, path, want);
}

/* As a mount does whose patience with an intent is over. */
static int finish(const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);

	return intent_finish(m.fs, info);
}

static void make_two(void)
{
	ck_assert_int_eq(make_dir(m.fs, "a"), 0);
	ck_assert_int_eq(make_dir(m.fs, "b"), 0);
	ck_assert_int_eq(make_dir(m.fs, "a/sub"), 0);
	put_file(m.fs, "a/both", "a both", 6);
	put_file(m.fs, "b/both", "b both", 6);
	put_file(m.fs, "a/sub/deep", "deep", 4);
	put_file(m.fs, "a/only", "only a", 6);
	put_file(m.fs, "b/other", "only b", 6);
	for (int i = 0; i < 100; i++) {
		char name[32], text[32];

		for (const char *dir = "ab"; *dir; dir++) {
			snprintf(name, sizeof(name), "%c/f%02d", *dir, i);
			snprintf(text, sizeof(text), "%c%02d", *dir, i);
			fake_foreign_put(bucket, name, text, 3, CHUNK);
		}
	}
	fake_sync(bucket);
}

/* What was made as a is called so now, and the other likewise. */
static void assert_two(const char *a, const char *b)
{
	const char *const dirs[2] = {a, b};
	char name[32], text[32];

	for (int side = 0; side < 2; side++) {
		snprintf(name, sizeof(name), "%s/both", dirs[side]);
		snprintf(text, sizeof(text), "%c both", "ab"[side]);
		assert_file(m.fs, name, text, 6);
		assert_object(name, text, 6);
		for (int i = 0; i < 100; i++) {
			snprintf(name, sizeof(name), "%s/f%02d", dirs[side], i);
			snprintf(text, sizeof(text), "%c%02d", "ab"[side], i);
			assert_file(m.fs, name, text, 3);
			assert_object(name, text, 3);
		}
	}
	snprintf(name, sizeof(name), "%s/sub/deep", a);
	assert_file(m.fs, name, "deep", 4);
	snprintf(name, sizeof(name), "%s/only", a);
	assert_file(m.fs, name, "only a", 6);
	snprintf(name, sizeof(name), "%s/other", b);
	assert_file(m.fs, name, "only b", 6);
	snprintf(name, sizeof(name), "%s/sub", b);
	ck_assert(!exists(m.fs, name));
	snprintf(name, sizeof(name), "%s/only", b);
	ck_assert(!exists(m.fs, name));
	snprintf(name, sizeof(name), "%s/other", a);
	ck_assert(!exists(m.fs, name));
}

START_TEST(test_two_directories_are_exchanged)
{
	struct mount other = mount_bucket();
	struct fs_handle *h, *fresh;

	make_two();
	ck_assert_int_eq(open_path(m.fs, "a/both", O_RDWR, &h), 0);
	ck_assert_int_eq(create(m.fs, "a/new", O_WRONLY | O_EXCL, &fresh), 0);
	ck_assert_int_eq(write_at(m.fs, fresh, 0, "fresh", 5), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), 0);
	assert_two("b", "a");
	ck_assert_int_eq(write_at(m.fs, h, 0, "A", 1), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(close_file(m.fs, fresh), 0);
	assert_object("b/both", "A both", 6);
	assert_object("b/new", "fresh", 5);
	assert_object("a/both", "b both", 6);
	put_file(m.fs, "b/both", "a both", 6);
	fake_sync(bucket);
	assert_file(other.fs, "b/both", "a both", 6);
	assert_file(other.fs, "a/f07", "b07", 3);
	ck_assert(!exists(other.fs, "a/sub"));
	unmount_bucket(&other);
	ck_assert_ptr_null(fake_find(bucket, ".natsobj/intent/"));
	remount();
	assert_two("b", "a");
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), 0);
	remount();
	assert_two("a", "b");
}
END_TEST

START_TEST(test_an_interrupted_exchange_of_directories_is_finished)
{
	_cleanup_free_ char *intent = NULL;

	make_two();
	/* All but so many stores fail, as if killed. */
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, (unsigned int)_i, 100000);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EIO, 100000);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), -EIO);
	fake_fail_next(bucket, FAKE_PUT_INFO, 0, 0);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, 0, 0);
	remount();
	intent = fake_find(bucket, ".natsobj/intent/");
	if (_i == 0) {
		ck_assert_ptr_null(intent);
		assert_two("a", "b");
		return;
	}
	ck_assert_ptr_nonnull(intent);
	ck_assert_int_eq(finish(intent), 0);
	fake_sync(bucket);
	assert_two("b", "a");
	remount();
	assert_two("b", "a");
	ck_assert_ptr_null(fake_find(bucket, ".natsobj/intent/"));
}
END_TEST

START_TEST(test_a_directory_and_a_file_are_exchanged)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "p"), 0);
	put_file(m.fs, "d/x", "in d", 4);
	put_file(m.fs, "p/f", "file", 4);
	ck_assert_int_eq(rename_path(m.fs, "d", "p/f", RENAME_EXCHANGE), 0);
	assert_file(m.fs, "d", "file", 4);
	assert_file(m.fs, "p/f/x", "in d", 4);
	remount();
	assert_list("", "d p ");
	assert_list("p", "f ");
	assert_file(m.fs, "d", "file", 4);
	assert_file(m.fs, "p/f/x", "in d", 4);
	ck_assert_int_eq(rename_path(m.fs, "d", "p/f", RENAME_EXCHANGE), 0);
	remount();
	assert_file(m.fs, "d/x", "in d", 4);
	assert_file(m.fs, "p/f", "file", 4);
	/* The file beside the directory would lose its name. */
	fake_foreign_put(bucket, "d", "hidden", 6, CHUNK);
	fake_sync(bucket);
	ck_assert_int_eq(rename_path(m.fs, "d", "p/f", RENAME_EXCHANGE), -EINVAL);
	assert_file(m.fs, "%=fd", "hidden", 6);
}
END_TEST

START_TEST(test_what_others_store_into_exchanged_directories_stays)
{
	_cleanup_free_ char *intent = NULL;

	make_two();
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 3, 100000);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EIO, 100000);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), -EIO);
	fake_fail_next(bucket, FAKE_PUT_INFO, 0, 0);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, 0, 0);
	fake_foreign_put(bucket, "a/f50", "new", 3, CHUNK);
	fake_foreign_put(bucket, "b/only", "new", 3, CHUNK);
	remount();
	intent = fake_find(bucket, ".natsobj/intent/");
	ck_assert_int_eq(finish(intent), 0);
	fake_sync(bucket);
	assert_file(m.fs, "a/f50", "new", 3);
	assert_file(m.fs, "b/f50", "b50", 3);
	assert_file(m.fs, "b/only", "new", 3);
	assert_file(m.fs, "a/only", "only a", 6);
	assert_file(m.fs, "a/f51", "b51", 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_exchange_dirs");
	TCase *tc = tcase_create("rename");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_two_directories_are_exchanged);
	tcase_add_loop_test(tc, test_an_interrupted_exchange_of_directories_is_finished, 0, 12);
	tcase_add_test(tc, test_a_directory_and_a_file_are_exchanged);
	tcase_add_test(tc, test_what_others_store_into_exchanged_directories_stays);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
