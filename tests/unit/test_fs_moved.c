/* SPDX-License-Identifier: Apache-2.0 */

/* Files that are being written when another mount renames them: what is written goes along. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs_fixture.h"
#include "suite.h"

static struct mount other;

static void setup(void)
{
	fixture_setup();
	other = mount_bucket();
	put_file(m.fs, "f", "0123456789", 10);
	fake_sync(bucket);
}

static void teardown(void)
{
	unmount_bucket(&other);
	fixture_teardown();
}

/* The writer's mount learns of what the other does before the close, or only after it. */
static void delay(bool is_late)
{
	if (is_late)
		fake_delay_events(bucket, 300);
}

static void arrive(bool is_late)
{
	if (!is_late)
		fake_sync(bucket);
}

/* What both mounts show, now and when they are made again. */
static void assert_all(const char *name, const char *text)
{
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	assert_object(name, text, strlen(text));
	assert_file(m.fs, name, text, strlen(text));
	assert_file(other.fs, name, text, strlen(text));
}

static void assert_all_names(const char *names)
{
	fake_sync(bucket);
	assert_names(m.fs, "", names);
	assert_names(other.fs, "", names);
}

static const char *const changed[] = {"0123456789+", "01xx456789", "new"};

static struct fs_handle *open_changed_at(const char *path, int how)
{
	static const int flags[] = {O_WRONLY | O_APPEND, O_RDWR, O_WRONLY | O_TRUNC};
	struct fs_handle *h;

	ck_assert_int_eq(open_path(other.fs, path, flags[how], &h), 0);
	ck_assert_int_eq(how == 0   ? write_at(other.fs, h, 10, "+", 1)
			 : how == 1 ? write_at(other.fs, h, 2, "xx", 2)
				    : write_at(other.fs, h, 0, "new", 3),
			 0);
	return h;
}

static struct fs_handle *open_changed(int how)
{
	return open_changed_at("f", how);
}

START_TEST(a_change_goes_where_the_file_went)
{
	struct fs_handle *h = open_changed(_i / 2);

	delay(_i % 2);
	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	ck_assert_int_eq(rename_path(m.fs, "g", "h", 0), 0);
	arrive(_i % 2);
	ck_assert_int_eq(close_file(other.fs, h), 0);
	assert_all("h", changed[_i / 2]);
	assert_all_names("h ");
}
END_TEST

START_TEST(a_change_goes_where_its_directory_went)
{
	struct fs_handle *h;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/f", "0123456789", 10);
	fake_sync(bucket);
	h = open_changed_at("d/f", _i / 2);
	delay(_i % 2);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	arrive(_i % 2);
	ck_assert_int_eq(close_file(other.fs, h), 0);
	assert_all("n/f", changed[_i / 2]);
	assert_all_names("f n ");
}
END_TEST

START_TEST(a_descriptor_that_stays_open_goes_on_there)
{
	struct fs_handle *h = open_changed(0);

	delay(_i);
	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	arrive(_i);
	ck_assert_int_eq(fs_fsync(other.fs, &root_ctx, h), 0);
	assert_all("g", "0123456789+");
	ck_assert_int_eq(write_at(other.fs, h, 11, "+", 1), 0);
	ck_assert_int_eq(rename_path(m.fs, "g", "h", 0), 0);
	ck_assert_int_eq(close_file(other.fs, h), 0);
	assert_all("h", "0123456789++");
	assert_all_names("h ");
}
END_TEST

/* As those who rotate logs do it. */
START_TEST(a_new_file_of_the_old_name_is_left_alone)
{
	struct fs_handle *h = open_changed(_i);

	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	put_file(m.fs, "f", "another", 7);
	fake_sync(bucket);
	ck_assert_int_eq(close_file(other.fs, h), 0);
	assert_all("g", changed[_i]);
	assert_all("f", "another");
	assert_all_names("f g ");
}
END_TEST

START_TEST(what_was_changed_there_too_is_a_conflict)
{
	_cleanup_free_ char *name = NULL;
	struct fs_handle *h = open_changed(1), *theirs;

	delay(_i);
	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	ck_assert_int_eq(open_path(m.fs, "g", O_RDWR, &theirs), 0);
	ck_assert_int_eq(write_at(m.fs, theirs, 8, "yy", 2), 0);
	ck_assert_int_eq(close_file(m.fs, theirs), 0);
	arrive(_i);
	ck_assert_int_eq(close_file(other.fs, h), -ESTALE);
	assert_all("g", "01234567yy");
	name = fake_find(bucket, "g.conflict-");
	ck_assert_ptr_nonnull(name);
	assert_all(name, "01xx456789");
	ck_assert(!exists(m.fs, "f"));
}
END_TEST

START_TEST(what_was_appended_there_too_comes_first)
{
	struct fs_handle *h = open_changed(0), *theirs;

	delay(_i);
	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	ck_assert_int_eq(open_path(m.fs, "g", O_WRONLY | O_APPEND, &theirs), 0);
	ck_assert_int_eq(write_at(m.fs, theirs, 10, "a", 1), 0);
	ck_assert_int_eq(close_file(m.fs, theirs), 0);
	arrive(_i);
	ck_assert_int_eq(close_file(other.fs, h), 0);
	assert_all("g", "0123456789a+");
	assert_all_names("g ");
}
END_TEST

/* What had the name since is another file, wherever it went. */
START_TEST(what_was_removed_stays_removed)
{
	struct fs_handle *h = open_changed(0);

	fake_delay_events(bucket, 300);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	put_file(m.fs, "f", "another", 7);
	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	ck_assert_int_eq(close_file(other.fs, h), 0);
	assert_all("g", "another");
	assert_all("f", "+");
}
END_TEST

/* The old name says where something went that was there before. */
START_TEST(a_new_file_stays_where_it_was_made)
{
	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	fake_sync(bucket);
	put_file(other.fs, "f", "new", 3);
	assert_all("f", "new");
	assert_all("g", "0123456789");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("moved");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_change_goes_where_the_file_went, 0, 6);
	tcase_add_loop_test(tc, a_change_goes_where_its_directory_went, 0, 6);
	tcase_add_loop_test(tc, a_descriptor_that_stays_open_goes_on_there, 0, 2);
	tcase_add_loop_test(tc, a_new_file_of_the_old_name_is_left_alone, 0, 3);
	tcase_add_loop_test(tc, what_was_changed_there_too_is_a_conflict, 0, 2);
	tcase_add_loop_test(tc, what_was_appended_there_too_comes_first, 0, 2);
	tcase_add_test(tc, what_was_removed_stays_removed);
	tcase_add_test(tc, a_new_file_stays_where_it_was_made);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
