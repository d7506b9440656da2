/* SPDX-License-Identifier: Apache-2.0 */

/* A mount of a bucket whose objects are content and nothing else. */

#include "fs_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "suite.h"
#include "util/buf.h"

static void setup(void)
{
	bucket = fake_new(CHUNK);
	fake_set_plain(bucket);
	m = mount_bucket();
}

static struct stat stat_of(const char *path)
{
	struct fs_entry e;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	ck_assert_uint_ne(e.nodeid, 0);
	fs_forget(m.fs, e.nodeid, 1);
	return e.st;
}

static int set_attr(const char *path, const struct stat *attr, unsigned set)
{
	struct fs_entry e;
	struct stat st;
	double timeout;
	int err;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	err = fs_setattr(m.fs, &root_ctx, e.nodeid, NULL, attr, set, &st, &timeout);
	fs_forget(m.fs, e.nodeid, 1);
	return err;
}

START_TEST(test_files_are_stored_and_read)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_free_ char *data = pattern(10 * CHUNK + 7);

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/f", data, 10 * CHUNK + 7);
	assert_file(m.fs, "d/f", data, 10 * CHUNK + 7);
	info = fake_info(bucket, "d/f");
	ck_assert_uint_eq(info->metadata.count, 0);
	put_file(m.fs, "d/f", "x", 1);
	assert_file(m.fs, "d/f", "x", 1);
	unmount_bucket(&m);
	m = mount_bucket();
	assert_file(m.fs, "d/f", "x", 1);
}
END_TEST

START_TEST(test_attributes_are_those_of_the_mount)
{
	struct stat st;

	put_file(m.fs, "f", "x", 1);
	st = stat_of("f");
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
	ck_assert_uint_eq(st.st_uid, 1000);
	ck_assert_int_eq(set_attr("f", &st, FS_SET_MODE | FS_SET_UID | FS_SET_GID), 0);
	st.st_mode = 0600;
	ck_assert_int_eq(set_attr("f", &st, FS_SET_MODE), -EPERM);
	st.st_gid = 7;
	ck_assert_int_eq(set_attr("f", &st, FS_SET_GID), -EPERM);
	ck_assert_uint_eq(stat_of("f").st_mode, S_IFREG | 0644);
}
END_TEST

START_TEST(test_times_last_until_the_content_changes)
{
	const struct stat times = {.st_mtim = {.tv_sec = 5}, .st_atim = {.tv_sec = 6}};
	struct fs_handle *h;

	put_file(m.fs, "f", "x", 1);
	ck_assert_int_eq(set_attr("f", &times, FS_SET_MTIME | FS_SET_ATIME), 0);
	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	ck_assert_int_eq(stat_of("g").st_mtime, 5);
	ck_assert_int_eq(open_path(m.fs, "g", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 1, "y", 1), 0);
	ck_assert_int_gt(stat_of("g").st_mtime, 1000);
	ck_assert_int_eq(set_attr("g", &times, FS_SET_MTIME), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(stat_of("g").st_mtime, 5);
	assert_file(m.fs, "g", "xy", 2);
	fake_foreign_put(bucket, "g", "z", 1, CHUNK);
	fake_sync(bucket);
	ck_assert_int_gt(stat_of("g").st_mtime, 1000);
}
END_TEST

START_TEST(test_a_directory_made_here_stays)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d"), -EEXIST);
	ck_assert_uint_eq(stat_of("d").st_mode, S_IFDIR | 0755);
	ck_assert_ptr_null(fake_find(bucket, "d"));
	fake_reconnect(bucket);
	fake_sync(bucket);
	ck_assert(exists(m.fs, "d"));
	put_file(m.fs, "d/f", "x", 1);
	ck_assert_int_eq(rmdir_path(m.fs, "d"), -ENOTEMPTY);
	ck_assert_int_eq(unlink_path(m.fs, "d/f"), 0);
	ck_assert(exists(m.fs, "d"));
	ck_assert_int_eq(rmdir_path(m.fs, "d"), 0);
	ck_assert(!exists(m.fs, "d"));
}
END_TEST

START_TEST(test_a_directory_emptied_here_stays_and_one_emptied_elsewhere_goes)
{
	fake_foreign_put(bucket, "a/f", "x", 1, CHUNK);
	fake_foreign_put(bucket, "b/f", "x", 1, CHUNK);
	fake_sync(bucket);
	ck_assert_int_eq(unlink_path(m.fs, "a/f"), 0);
	fake_foreign_delete(bucket, "b/f");
	fake_sync(bucket);
	ck_assert(exists(m.fs, "a"));
	ck_assert(!exists(m.fs, "b"));
	ck_assert_int_eq(rmdir_path(m.fs, "a"), 0);
}
END_TEST

START_TEST(test_directories_with_files_are_moved_by_others)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d/e"), 0);
	ck_assert_int_eq(rename_path(m.fs, "d", "g", 0), 0);
	ck_assert(exists(m.fs, "g/e"));
	ck_assert(!exists(m.fs, "d"));
	put_file(m.fs, "g/e/f", "x", 1);
	ck_assert_int_eq(rename_path(m.fs, "g", "h", 0), -EXDEV);
	put_file(m.fs, "g/f", "y", 1);
	ck_assert_int_eq(rename_path(m.fs, "g/e/f", "g/f", RENAME_EXCHANGE), -EINVAL);
	assert_file(m.fs, "g/e/f", "x", 1);
}
END_TEST

START_TEST(test_a_rename_moves_the_content)
{
	_cleanup_obj_info_ struct obj_info *old = NULL;

	put_file(m.fs, "a", "1234", 4);
	put_file(m.fs, "b", "x", 1);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", 0), 0);
	assert_file(m.fs, "b", "1234", 4);
	assert_object("b", "1234", 4);
	ck_assert(!exists(m.fs, "a"));
	old = fake_info(bucket, "a");
	ck_assert(old->is_deleted);
}
END_TEST

START_TEST(test_an_exclusive_creation_is_seen_at_once)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "lock", O_WRONLY | O_EXCL, &h), 0);
	info = fake_info(bucket, "lock");
	ck_assert_ptr_nonnull(info);
	ck_assert(!info->is_deleted);
	ck_assert_int_eq(write_at(m.fs, h, 0, "me", 2), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("lock", "me", 2);
}
END_TEST

START_TEST(test_an_exclusive_creation_that_fails_leaves_nothing)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "lock", O_WRONLY | O_EXCL, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "me", 2), 0);
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	ck_assert_int_eq(close_file(m.fs, h), -ENOSPC);
	info = fake_info(bucket, "lock");
	ck_assert(info->is_deleted);
	ck_assert(!exists(m.fs, "lock"));
}
END_TEST

START_TEST(test_other_kinds_and_attributes_do_not_exist)
{
	struct fs_entry e, f;
	struct buf out _cleanup_buf_;

	buf_init(&out, 4096);
	put_file(m.fs, "f", "x", 1);
	ck_assert_int_eq(lookup(m.fs, "f", &f), 0);
	ck_assert_int_eq(fs_symlink(m.fs, &root_ctx, "f", FS_ROOT_ID, "l", &e), -EPERM);
	ck_assert_int_eq(fs_link(m.fs, &root_ctx, f.nodeid, FS_ROOT_ID, "l", &e), -EPERM);
	ck_assert_int_eq(fs_mknod(m.fs, &root_ctx, FS_ROOT_ID, "l", S_IFIFO | 0600, 0, &e), -EPERM);
	ck_assert_int_eq(fs_setxattr(m.fs, &root_ctx, f.nodeid, "user.x", "1", 1, 0), -EOPNOTSUPP);
	ck_assert_int_eq(fs_removexattr(m.fs, &root_ctx, f.nodeid, "user.x"), -EOPNOTSUPP);
	ck_assert_int_eq(fs_getxattr(m.fs, &root_ctx, f.nodeid, "user.nats.nuid", &out), -ENODATA);
	ck_assert_int_eq(fs_getxattr(m.fs, &root_ctx, f.nodeid, "user.nats.revision", &out), 0);
	fs_forget(m.fs, f.nodeid, 1);
}
END_TEST

START_TEST(test_a_write_above_the_limit_is_refused_at_once)
{
	uint64_t max = m.store->max_object_size;
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, max - 1, "x", 1), 0);
	ck_assert_int_eq(write_at(m.fs, h, max, "x", 1), -EFBIG);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(stat_of("f").st_size, (off_t)max);
}
END_TEST

START_TEST(test_a_changed_part_does_not_undo_what_others_stored)
{
	_cleanup_free_ char *copy = NULL;
	struct fs_handle *h;

	put_file(m.fs, "f", "abc", 3);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 1, "X", 1), 0);
	fake_foreign_put(bucket, "f", "theirs", 6, CHUNK);
	ck_assert_int_eq(close_file(m.fs, h), -ESTALE);
	assert_object("f", "theirs", 6);
	copy = fake_find(bucket, "f.conflict-");
	ck_assert_ptr_nonnull(copy);
	assert_object(copy, "aXc", 3);
}
END_TEST

START_TEST(test_a_key_that_ends_in_a_slash_is_a_file)
{
	_cleanup_free_ char *list = NULL;

	fake_foreign_put(bucket, "d/", "", 0, CHUNK);
	fake_sync(bucket);
	list = list_dir(m.fs, "d", 10);
	ck_assert_str_eq(list, "%= ");
	ck_assert_int_eq(unlink_path(m.fs, "d/%="), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_plain");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_add_test(tc, test_files_are_stored_and_read);
	tcase_add_test(tc, test_attributes_are_those_of_the_mount);
	tcase_add_test(tc, test_times_last_until_the_content_changes);
	tcase_add_test(tc, test_a_directory_made_here_stays);
	tcase_add_test(tc, test_a_directory_emptied_here_stays_and_one_emptied_elsewhere_goes);
	tcase_add_test(tc, test_directories_with_files_are_moved_by_others);
	tcase_add_test(tc, test_a_rename_moves_the_content);
	tcase_add_test(tc, test_an_exclusive_creation_is_seen_at_once);
	tcase_add_test(tc, test_an_exclusive_creation_that_fails_leaves_nothing);
	tcase_add_test(tc, test_other_kinds_and_attributes_do_not_exist);
	tcase_add_test(tc, test_a_write_above_the_limit_is_refused_at_once);
	tcase_add_test(tc, test_a_changed_part_does_not_undo_what_others_stored);
	tcase_add_test(tc, test_a_key_that_ends_in_a_slash_is_a_file);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
