/* SPDX-License-Identifier: Apache-2.0 */

/* Renames: who wins, what a crash in the middle leaves, and who completes it. */

#include "fs/intent.h"

#include "fs_fixture.h"

#include <stdio.h>
#include <stdlib.h>

static void remount(void)
{
	unmount_bucket(&m);
	m = mount_bucket();
}

static bool is_stored(const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);

	return info && !info->is_deleted;
}

static void assert_list(const char *path, const char *want)
{
	_cleanup_free_ char *got = list_dir(m.fs, path, 50);

	ck_assert_str_eq(got, want);
}

/* As a mount does whose patience with an intent is over. */
static int finish(const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);

	return intent_finish(m.fs, info);
}

/* --- files --- */

START_TEST(test_noreplace_is_decided_by_the_bucket)
{
	put_file(m.fs, "a", "mine", 4);
	/* Stored just now: no event has come yet, perhaps. */
	fake_foreign_put(bucket, "b", "theirs", 6, CHUNK);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_NOREPLACE), -EEXIST);
	assert_file(m.fs, "a", "mine", 4);
	assert_file(m.fs, "b", "theirs", 6);
	fake_foreign_delete(bucket, "b");
	fake_sync(bucket);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_NOREPLACE), 0);
	assert_object("b", "mine", 4);
}
END_TEST

START_TEST(test_a_file_never_stored_is_renamed_without_the_bucket)
{
	struct fs_handle *h;

	put_file(m.fs, "final", "old", 3);
	ck_assert_int_eq(create(m.fs, "tmp", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new one", 7), 0);
	ck_assert_int_eq(rename_path(m.fs, "tmp", "final", 0), 0);
	/* Others see the old content until the new one is complete. */
	assert_object("final", "old", 3);
	ck_assert(!exists(m.fs, "tmp"));
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("final", "new one", 7);
	ck_assert(!is_stored("tmp"));
	remount();
	assert_list("", "final ");
}
END_TEST

START_TEST(test_the_claim_of_a_renamed_new_file_vanishes)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "tmp", O_WRONLY | O_EXCL, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "text", 4), 0);
	ck_assert_int_eq(rename_path(m.fs, "tmp", "final", RENAME_NOREPLACE), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("final", "text", 4);
	remount();
	assert_list("", "final ");
}
END_TEST

START_TEST(test_unsaved_changes_follow_a_rename)
{
	struct fs_handle *h;

	put_file(m.fs, "a", "0123456789", 10);
	ck_assert_int_eq(open_path(m.fs, "a", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 2, "xx", 2), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", 0), 0);
	assert_object("b", "0123456789", 10);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("b", "01xx456789", 10);
	ck_assert(!is_stored("a"));
	remount();
	assert_list("", "b ");
}
END_TEST

START_TEST(test_an_object_under_a_token_of_its_own_is_renamed)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct obj_info *js = obj_info_new("caf\xc3\xa9", 5);

	obj_nuid_new(js->nuid);
	js->foreign_token = strdup("Y2Fm6Q==");
	ck_assert_int_eq(store_put_info(m.store, js, 0), 0);
	fake_sync(bucket);
	ck_assert(exists(m.fs, "caf\xc3\xa9"));
	ck_assert_int_eq(rename_path(m.fs, "caf\xc3\xa9", "plain", 0), 0);
	info = fake_info(bucket, "plain");
	ck_assert(info && !info->is_deleted && !info->foreign_token);
	remount();
	assert_list("", "plain ");
	obj_info_free(js);
}
END_TEST

START_TEST(test_a_rename_on_another_mount_keeps_the_file_open)
{
	struct mount other = mount_bucket();
	struct fs_handle *h;
	struct fs_entry before, after;
	char got[8];

	put_file(m.fs, "a", "text", 4);
	put_file(m.fs, "target", "gone", 4);
	fake_sync(bucket);
	ck_assert_int_eq(lookup(other.fs, "a", &before), 0);
	ck_assert_int_eq(open_path(other.fs, "a", O_RDONLY, &h), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "target", 0), 0);
	fake_sync(bucket);
	ck_assert_int_eq(lookup(other.fs, "target", &after), 0);
	ck_assert_uint_eq(before.nodeid, after.nodeid);
	ck_assert_uint_eq(before.st.st_ino, after.st.st_ino);
	ck_assert(!exists(other.fs, "a"));
	ck_assert_int_eq(read_at(other.fs, h, 0, got, 8), 4);
	ck_assert_int_eq(close_file(other.fs, h), 0);
	fs_forget(other.fs, before.nodeid, 1);
	fs_forget(other.fs, after.nodeid, 1);
	unmount_bucket(&other);
}
END_TEST

/* What a mount leaves that dies between the two steps of a rename. */
static void leave_half_rename(const char *from, const char *to)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, from);
	char text[100];

	snprintf(text, sizeof(text), "%s@%llu", from, (unsigned long long)info->seq);
	free(info->name);
	info->name = strdup(to);
	info->name_len = strlen(to);
	ck_assert_int_eq(obj_info_set_meta(info, "posix.from", text), 0);
	ck_assert_int_eq(store_put_info(m.store, info, 0), 0);
	fake_sync(bucket);
}

START_TEST(test_half_a_rename_shows_one_name)
{
	put_file(m.fs, "a", "text", 4);
	leave_half_rename("a", "b");
	assert_list("", "b ");
	assert_file(m.fs, "b", "text", 4);
	remount();
	assert_list("", "b ");
	assert_file(m.fs, "b", "text", 4);
}
END_TEST

START_TEST(test_half_a_rename_is_void_once_the_old_name_is_changed)
{
	put_file(m.fs, "a", "text", 4);
	leave_half_rename("a", "b");
	put_file(m.fs, "a", "new", 3);
	remount();
	assert_list("", "a b ");
	assert_file(m.fs, "a", "new", 3);
	assert_file(m.fs, "b", "text", 4);
}
END_TEST

/* --- exchange --- */

START_TEST(test_two_files_are_exchanged)
{
	struct fs_handle *h;
	char got[8];

	put_file(m.fs, "a", "one", 3);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/b", "second", 6);
	ck_assert_int_eq(open_path(m.fs, "a", O_RDONLY, &h), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "d/b", RENAME_EXCHANGE), 0);
	assert_file(m.fs, "a", "second", 6);
	assert_file(m.fs, "d/b", "one", 3);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 8), 3);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	put_file(m.fs, "a", "third", 5);
	remount();
	assert_list("", "a d ");
	assert_file(m.fs, "a", "third", 5);
	assert_file(m.fs, "d/b", "one", 3);
	ck_assert_int_eq(rename_path(m.fs, "a", "none", RENAME_EXCHANGE), -ENOENT);
	ck_assert_int_eq(rename_path(m.fs, "a", "d", RENAME_EXCHANGE), -EINVAL);
}
END_TEST

START_TEST(test_an_exchange_that_stops_in_the_middle_keeps_both_contents)
{
	_cleanup_free_ char *intent = NULL;

	put_file(m.fs, "a", "one", 3);
	put_file(m.fs, "b", "second", 6);
	/* Intent and first name are stored, the second is refused. */
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 2, 1);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), -EIO);
	remount();
	ck_assert(exists(m.fs, "a"));
	intent = fake_find(bucket, ".natsobj/intent/");
	ck_assert_ptr_nonnull(intent);
	ck_assert_int_eq(finish(intent), 0);
	fake_sync(bucket);
	assert_file(m.fs, "a", "second", 6);
	assert_file(m.fs, "b", "one", 3);
	remount();
	assert_file(m.fs, "a", "second", 6);
	assert_file(m.fs, "b", "one", 3);
	ck_assert_ptr_null(fake_find(bucket, ".natsobj/intent/"));
}
END_TEST

/* --- directories --- */

#define MANY 300

static void make_many(const char *dir)
{
	char name[64];

	ck_assert_int_eq(make_dir(m.fs, dir), 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "%s/f%03d", dir, i);
		fake_foreign_put(bucket, name, name, strlen(name), CHUNK);
	}
	fake_sync(bucket);
}

static void assert_many(const char *dir, const char *old_dir)
{
	char name[64], text[64];

	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "%s/f%03d", dir, i);
		snprintf(text, sizeof(text), "%s/f%03d", old_dir, i);
		assert_file(m.fs, name, text, strlen(text));
	}
}

START_TEST(test_a_large_directory_is_renamed)
{
	struct mount other = mount_bucket();

	make_many("d");
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	ck_assert(!exists(m.fs, "d"));
	assert_many("n", "d");
	fake_sync(bucket);
	ck_assert(!exists(other.fs, "d"));
	ck_assert(exists(other.fs, "n/f000"));
	unmount_bucket(&other);
	remount();
	assert_list("", "n ");
	assert_many("n", "d");
	/* Back over its own tombstones. */
	ck_assert_int_eq(rename_path(m.fs, "n", "d", 0), 0);
	remount();
	assert_list("", "d ");
	assert_many("d", "d");
}
END_TEST

START_TEST(test_an_interrupted_directory_rename_is_finished_by_the_next_mount)
{
	_cleanup_free_ char *intent = NULL;

	make_many("d");
	/* The intent and the first batch, then nothing but failures: as if killed. */
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 200, 100000);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EIO, 100000);
	(void)!rename_path(m.fs, "d", "n", 0);
	fake_fail_next(bucket, FAKE_PUT_INFO, 0, 0);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, 0, 0);
	remount();
	ck_assert(exists(m.fs, "d"));
	intent = fake_find(bucket, ".natsobj/intent/");
	ck_assert_ptr_nonnull(intent);
	ck_assert_int_eq(finish(intent), 0);
	fake_sync(bucket);
	assert_list("", "n ");
	assert_many("n", "d");
	remount();
	assert_list("", "n ");
	assert_many("n", "d");
}
END_TEST

START_TEST(test_what_is_open_below_a_renamed_directory_goes_along)
{
	struct fs_handle *stored, *fresh;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/old", "0123", 4);
	ck_assert_int_eq(open_path(m.fs, "d/old", O_RDWR, &stored), 0);
	ck_assert_int_eq(write_at(m.fs, stored, 0, "x", 1), 0);
	ck_assert_int_eq(create(m.fs, "d/new", O_WRONLY | O_EXCL, &fresh), 0);
	ck_assert_int_eq(write_at(m.fs, fresh, 0, "fresh", 5), 0);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	ck_assert_int_eq(close_file(m.fs, stored), 0);
	ck_assert_int_eq(close_file(m.fs, fresh), 0);
	assert_object("n/old", "x123", 4);
	assert_object("n/new", "fresh", 5);
	remount();
	assert_list("", "n ");
	assert_list("n", "new old ");
}
END_TEST

START_TEST(test_a_failed_directory_rename_shows_what_is_where)
{
	make_many("d");
	fake_fail_after(bucket, FAKE_PUT_INFO, -ENOSPC, 150, 100000);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), -ENOSPC);
	fake_fail_next(bucket, FAKE_PUT_INFO, 0, 0);
	fake_sync(bucket);
	for (int i = 0; i < MANY; i++) {
		char old_name[32], new_name[32];

		snprintf(old_name, sizeof(old_name), "d/f%03d", i);
		snprintf(new_name, sizeof(new_name), "n/f%03d", i);
		ck_assert(exists(m.fs, old_name) != exists(m.fs, new_name));
		ck_assert(is_stored(old_name) == exists(m.fs, old_name));
	}
}
END_TEST

START_TEST(test_a_name_beyond_the_limit_refuses_the_whole_rename)
{
	char deep[250], path[4096] = "";

	m.store->name_max = 2900;
	memset(deep, 'n', 249);
	deep[249] = '\0';
	for (int i = 0; i < 11; i++) {
		snprintf(path + strlen(path), sizeof(path) - strlen(path), "%s%s", i ? "/" : "",
			 i ? deep : "d");
		ck_assert_int_eq(make_dir(m.fs, path), 0);
	}
	ck_assert_int_eq(make_dir(m.fs, deep), 0);
	snprintf(path, sizeof(path), "%s/%s", deep, deep);
	ck_assert_int_eq(make_dir(m.fs, path), 0);
	snprintf(path, sizeof(path), "%s/%s/d", deep, deep);
	ck_assert_int_eq(rename_path(m.fs, "d", path, 0), -ENAMETOOLONG);
	ck_assert(exists(m.fs, "d"));
	ck_assert(is_stored("d/"));
	ck_assert_ptr_null(fake_find(bucket, ".natsobj/intent/"));
}
END_TEST

START_TEST(test_rmdir_sees_what_only_the_server_knows)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	fake_delay_events(bucket, 300);
	fake_foreign_put(bucket, "d/late", "x", 1, CHUNK);
	ck_assert_int_eq(rmdir_path(m.fs, "d"), -ENOTEMPTY);
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	ck_assert(is_stored("d/"));
	assert_list("d", "late ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_rename");
	TCase *tc = tcase_create("rename");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_noreplace_is_decided_by_the_bucket);
	tcase_add_test(tc, test_a_file_never_stored_is_renamed_without_the_bucket);
	tcase_add_test(tc, test_the_claim_of_a_renamed_new_file_vanishes);
	tcase_add_test(tc, test_unsaved_changes_follow_a_rename);
	tcase_add_test(tc, test_an_object_under_a_token_of_its_own_is_renamed);
	tcase_add_test(tc, test_a_rename_on_another_mount_keeps_the_file_open);
	tcase_add_test(tc, test_half_a_rename_shows_one_name);
	tcase_add_test(tc, test_half_a_rename_is_void_once_the_old_name_is_changed);
	tcase_add_test(tc, test_two_files_are_exchanged);
	tcase_add_test(tc, test_an_exchange_that_stops_in_the_middle_keeps_both_contents);
	tcase_add_test(tc, test_a_large_directory_is_renamed);
	tcase_add_test(tc, test_an_interrupted_directory_rename_is_finished_by_the_next_mount);
	tcase_add_test(tc, test_what_is_open_below_a_renamed_directory_goes_along);
	tcase_add_test(tc, test_a_failed_directory_rename_shows_what_is_where);
	tcase_add_test(tc, test_a_name_beyond_the_limit_refuses_the_whole_rename);
	tcase_add_test(tc, test_rmdir_sees_what_only_the_server_knows);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
