/* SPDX-License-Identifier: Apache-2.0 */

/* Older versions as files: .natsobj/history. */

#include "fs_fixture.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

#define HISTORY ".natsobj/history"

static void setup(void)
{
	bucket = fake_new(CHUNK);
	fake_set_history(bucket, 3);
	m = mount_bucket();
}

static void assert_list(const char *dir, const char *want)
{
	_cleanup_free_ char *got = list_dir(m.fs, dir, 2);

	ck_assert_str_eq(got, want);
}

/* The only entry of a directory, with its path. */
static char *path_in(const char *dir, const char *suffix)
{
	_cleanup_free_ char *list = list_dir(m.fs, dir, 10);
	char *path = NULL;

	for (char *save = NULL, *name = strtok_r(list, " ", &save); name;
	     name = strtok_r(NULL, " ", &save))
		if ((strchr(name, '.') != NULL) == (suffix != NULL) && !path)
			ck_assert_int_gt(asprintf(&path, "%s/%s", dir, name), 0);
	ck_assert_ptr_nonnull(path);
	return path;
}

START_TEST(test_versions_are_files)
{
	_cleanup_free_ char *first = NULL, *removal = NULL;

	assert_list(HISTORY, "");
	put_file(m.fs, "f", "one", 3);
	first = path_in(HISTORY "/f", NULL);
	assert_file(m.fs, first, "one", 3);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	removal = path_in(HISTORY "/f", "deleted");
	assert_file(m.fs, removal, "", 0);
	assert_file(m.fs, first, "one", 3);
	assert_list(HISTORY, "f ");
	put_file(m.fs, "f", "two", 3);
	put_file(m.fs, "f", "three", 5);
	ck_assert(!exists(m.fs, first));
}
END_TEST

START_TEST(test_names_are_directories)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/a", "x", 1);
	put_file(m.fs, "d/b", "x", 1);
	fake_foreign_put(bucket, "d", "y", 1, CHUNK);
	fake_foreign_put(bucket, "d-e", "y", 1, CHUNK);
	assert_list(HISTORY, "d d-e ");
	ck_assert(exists(m.fs, HISTORY "/d/a"));
	ck_assert(!exists(m.fs, HISTORY "/d/c"));
	ck_assert(!exists(m.fs, HISTORY "/d/a/1"));
	ck_assert(!exists(m.fs, HISTORY "/e"));
}
END_TEST

START_TEST(test_nothing_can_be_changed)
{
	_cleanup_free_ char *path = NULL;
	struct fs_handle *h;

	put_file(m.fs, "f", "one", 3);
	path = path_in(HISTORY "/f", NULL);
	ck_assert_int_eq(open_path(m.fs, path, O_WRONLY, &h), -EACCES);
	ck_assert_int_eq(create(m.fs, HISTORY "/f/new", O_WRONLY, &h), -EPERM);
	ck_assert_int_lt(unlink_path(m.fs, path), 0);
	ck_assert_int_lt(make_dir(m.fs, HISTORY "/d"), 0);
}
END_TEST

START_TEST(test_more_nodes_than_are_kept)
{
	char name[64];

	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "f%d", i);
		fake_foreign_put(bucket, name, "x", 1, CHUNK);
	}
	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), HISTORY "/f%d", i);
		ck_assert(exists(m.fs, name));
	}
	ck_assert(exists(m.fs, HISTORY "/f0"));
}
END_TEST

START_TEST(test_a_bucket_without_history_shows_none)
{
	unmount_bucket(&m);
	fake_free(bucket);
	bucket = fake_new(CHUNK);
	m = mount_bucket();
	ck_assert(!exists(m.fs, HISTORY));
	assert_list(".natsobj", "metrics pending status ");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_history");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_add_test(tc, test_versions_are_files);
	tcase_add_test(tc, test_names_are_directories);
	tcase_add_test(tc, test_nothing_can_be_changed);
	tcase_add_test(tc, test_more_nodes_than_are_kept);
	tcase_add_test(tc, test_a_bucket_without_history_shows_none);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
