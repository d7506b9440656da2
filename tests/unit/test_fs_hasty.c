/* SPDX-License-Identifier: Apache-2.0 */

/* What is answered on the spot, on a thread that must not wait, and what says that it would. */

#include "fs_fixture.h"
#include "suite.h"

static const struct fs_ctx hasty = {.umask = 022};

static int create_at_once(const char *name, int flags, struct fs_handle **ret)
{
	struct fs_entry e;
	bool keep_cache;

	return fs_create(m.fs, &hasty, FS_ROOT_ID, name, 0644, flags, &e, ret, &keep_cache);
}

START_TEST(test_a_name_just_found_absent_is_made)
{
	struct fs_handle *h;
	struct fs_entry e;

	ck_assert_int_eq(create_at_once("new", O_WRONLY, &h), -FS_WOULD_WAIT);
	ck_assert(!exists(m.fs, "new"));
	ck_assert_int_eq(create_at_once("new", O_WRONLY | O_EXCL, &h), -FS_WOULD_WAIT);
	ck_assert_int_eq(create_at_once("new", O_WRONLY, &h), 0);
	ck_assert_int_eq(lookup(m.fs, "new", &e), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("new", "", 0);
}
END_TEST

START_TEST(test_the_answer_serves_one_creation)
{
	struct fs_handle *h;

	ck_assert(!exists(m.fs, "new"));
	ck_assert_int_eq(create_at_once("new", O_WRONLY, &h), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(unlink_path(m.fs, "new"), 0);
	ck_assert_int_eq(create_at_once("new", O_WRONLY, &h), -FS_WOULD_WAIT);
}
END_TEST

START_TEST(test_a_name_that_is_there_waits)
{
	struct fs_handle *h;

	put_file(m.fs, "f", "old", 3);
	ck_assert_int_eq(create_at_once("f", O_WRONLY, &h), -FS_WOULD_WAIT);
	assert_file(m.fs, "f", "old", 3);
}
END_TEST

START_TEST(test_a_file_is_released_once_it_is_stored)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "x", 1), 0);
	ck_assert_int_eq(fs_flush(m.fs, &hasty, h), -FS_WOULD_WAIT);
	ck_assert_int_eq(fs_release(m.fs, &hasty, h), -FS_WOULD_WAIT);
	ck_assert_int_eq(fs_flush(m.fs, &root_ctx, h), 0);
	ck_assert_int_eq(fs_release(m.fs, &hasty, h), 0);
	assert_object("f", "x", 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_hasty");
	TCase *tc = tcase_create("fs_hasty");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_add_test(tc, test_a_name_just_found_absent_is_made);
	tcase_add_test(tc, test_the_answer_serves_one_creation);
	tcase_add_test(tc, test_a_name_that_is_there_waits);
	tcase_add_test(tc, test_a_file_is_released_once_it_is_stored);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
