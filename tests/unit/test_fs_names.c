/* SPDX-License-Identifier: Apache-2.0 */

/* What is done to names through a mount: directories, renames, attributes. */

#include "fs_fixture.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>

static void assert_list(const char *path, unsigned int step, const char *want)
{
	_cleanup_free_ char *got = list_dir(m.fs, path, step);

	ck_assert_str_eq(got, want);
}

START_TEST(test_a_directory_is_listed_whatever_the_size_of_the_answers)
{
	put_file(m.fs, "b", "", 0);
	put_file(m.fs, "a", "", 0);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/x", "1", 1);
	for (unsigned int step = 1; step < 7; step++) {
		assert_list("", step, "a b d ");
		assert_list("d", step, "x ");
	}
}
END_TEST

START_TEST(test_an_empty_directory_survives_a_remount)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d/e"), 0);
	remount();
	assert_list("", 9, "d ");
	assert_list("d", 9, "e ");
	assert_list("d/e", 9, "");
}
END_TEST

START_TEST(test_mkdir_refuses_an_existing_name)
{
	put_file(m.fs, "f", "", 0);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d"), -EEXIST);
	ck_assert_int_eq(make_dir(m.fs, "f"), -EEXIST);
}
END_TEST

START_TEST(test_rmdir_refuses_what_is_not_an_empty_directory)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/f", "", 0);
	ck_assert_int_eq(rmdir_path(m.fs, "d"), -ENOTEMPTY);
	ck_assert_int_eq(rmdir_path(m.fs, "d/f"), -ENOTDIR);
	ck_assert_int_eq(unlink_path(m.fs, "d"), -EISDIR);
	ck_assert_int_eq(unlink_path(m.fs, "d/f"), 0);
	ck_assert_int_eq(rmdir_path(m.fs, "d"), 0);
	ck_assert(!exists(m.fs, "d"));
	remount();
	ck_assert(!exists(m.fs, "d"));
}
END_TEST

START_TEST(test_a_directory_stays_when_its_last_file_goes)
{
	fake_foreign_put(bucket, "d/f", "x", 1, CHUNK);
	fake_sync(bucket);
	ck_assert_int_eq(unlink_path(m.fs, "d/f"), 0);
	ck_assert(exists(m.fs, "d"));
	remount();
	assert_list("", 9, "d ");
}
END_TEST

START_TEST(test_a_renamed_file_keeps_its_content)
{
	struct fs_handle *h;
	char got[4];

	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(open_path(m.fs, "a", O_RDONLY, &h), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "d/b", 0), 0);
	ck_assert(!exists(m.fs, "a"));
	assert_file(m.fs, "d/b", "text", 4);
	assert_object("d/b", "text", 4);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 4), 4);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	remount();
	assert_list("", 9, "d ");
	assert_file(m.fs, "d/b", "text", 4);
}
END_TEST

START_TEST(test_a_rename_replaces_the_target)
{
	put_file(m.fs, "a", "new", 3);
	put_file(m.fs, "b", "old", 3);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_NOREPLACE), -EEXIST);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", 0), 0);
	assert_file(m.fs, "b", "new", 3);
	ck_assert(!exists(m.fs, "a"));
}
END_TEST

START_TEST(test_a_file_renamed_while_written_is_stored_under_the_new_name)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "tmp", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "one", 3), 0);
	ck_assert_int_eq(rename_path(m.fs, "tmp", "final", 0), 0);
	ck_assert_int_eq(write_at(m.fs, h, 3, "two", 3), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("final", "onetwo", 6);
	ck_assert(!exists(m.fs, "tmp"));
	remount();
	assert_list("", 9, "final ");
}
END_TEST

START_TEST(test_a_renamed_directory_takes_everything_along)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d/e"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d/empty"), 0);
	put_file(m.fs, "d/f", "1", 1);
	put_file(m.fs, "d/e/g", "2", 1);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	ck_assert(!exists(m.fs, "d"));
	assert_list("n", 9, "e empty f ");
	assert_file(m.fs, "n/e/g", "2", 1);
	remount();
	assert_list("", 9, "n ");
	assert_list("n", 9, "e empty f ");
	assert_file(m.fs, "n/e/g", "2", 1);
}
END_TEST

START_TEST(test_a_rename_between_kinds_is_refused)
{
	put_file(m.fs, "f", "1", 1);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "full"), 0);
	put_file(m.fs, "full/x", "1", 1);
	ck_assert_int_eq(rename_path(m.fs, "f", "d", 0), -EISDIR);
	ck_assert_int_eq(rename_path(m.fs, "d", "f", 0), -ENOTDIR);
	ck_assert_int_eq(rename_path(m.fs, "d", "full", 0), -ENOTEMPTY);
	ck_assert_int_eq(rename_path(m.fs, "full", "d", 0), 0);
	assert_list("d", 9, "x ");
	ck_assert_int_eq(rename_path(m.fs, "d", "d/below", 0), -EINVAL);
}
END_TEST

START_TEST(test_attributes_survive_a_remount)
{
	const unsigned int set = FS_SET_MODE | FS_SET_UID | FS_SET_GID | FS_SET_MTIME;
	const struct stat attr = {.st_mode = S_IFREG | 0640,
				  .st_uid = 12,
				  .st_gid = 34,
				  .st_mtim = {.tv_sec = 1234567890, .tv_nsec = 123456789}};
	struct stat st;
	struct fs_entry e;
	double timeout;

	put_file(m.fs, "f", "text", 4);
	ck_assert_int_eq(lookup(m.fs, "f", &e), 0);
	ck_assert_int_eq(fs_setattr(m.fs, &root_ctx, e.nodeid, NULL, &attr, set, &st, &timeout), 0);
	fs_forget(m.fs, e.nodeid, 1);
	remount();
	ck_assert_int_eq(lookup(m.fs, "f", &e), 0);
	ck_assert_uint_eq(e.st.st_mode, S_IFREG | 0640);
	ck_assert_uint_eq(e.st.st_uid, 12);
	ck_assert_uint_eq(e.st.st_gid, 34);
	ck_assert_int_eq(e.st.st_mtim.tv_sec, 1234567890);
	ck_assert_int_eq(e.st.st_mtim.tv_nsec, 123456789);
	ck_assert_int_eq(e.st.st_size, 4);
	fs_forget(m.fs, e.nodeid, 1);
	assert_file(m.fs, "f", "text", 4);
}
END_TEST

START_TEST(test_attributes_of_a_directory_survive_a_remount)
{
	const struct stat attr = {.st_mode = S_IFDIR | 0700};
	struct stat st;
	struct fs_entry e;
	double timeout;

	fake_foreign_put(bucket, "d/f", "x", 1, CHUNK);
	fake_sync(bucket);
	ck_assert_int_eq(lookup(m.fs, "d", &e), 0);
	ck_assert_int_eq(
		fs_setattr(m.fs, &root_ctx, e.nodeid, NULL, &attr, FS_SET_MODE, &st, &timeout), 0);
	fs_forget(m.fs, e.nodeid, 1);
	remount();
	ck_assert_int_eq(lookup(m.fs, "d", &e), 0);
	ck_assert_uint_eq(e.st.st_mode, S_IFDIR | 0700);
	fs_forget(m.fs, e.nodeid, 1);
}
END_TEST

START_TEST(test_a_changed_mode_leaves_the_time_of_the_last_entry)
{
	const struct stat attr = {.st_mode = 0750};
	struct fs_entry before, after;
	struct stat st;
	double timeout;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/f", "", 0);
	ck_assert_int_eq(lookup(m.fs, "d", &before), 0);
	ck_assert_int_eq(
		fs_setattr(m.fs, &root_ctx, before.nodeid, NULL, &attr, FS_SET_MODE, &st, &timeout),
		0);
	ck_assert_int_eq(lookup(m.fs, "d", &after), 0);
	ck_assert_uint_eq(after.st.st_mode, S_IFDIR | 0750);
	ck_assert_int_eq(after.st.st_mtim.tv_sec, before.st.st_mtim.tv_sec);
	ck_assert_int_eq(after.st.st_mtim.tv_nsec, before.st.st_mtim.tv_nsec);
	fs_forget(m.fs, before.nodeid, 1);
	fs_forget(m.fs, after.nodeid, 1);
}
END_TEST

START_TEST(test_a_symbolic_link_survives_a_remount)
{
	struct fs_entry e;
	char *target;

	ck_assert_int_eq(fs_symlink(m.fs, &root_ctx, "../some where/\xc3\xa4", FS_ROOT_ID, "l", &e),
			 0);
	fs_forget(m.fs, e.nodeid, 1);
	remount();
	ck_assert_int_eq(lookup(m.fs, "l", &e), 0);
	ck_assert(S_ISLNK(e.st.st_mode));
	ck_assert_int_eq(fs_readlink(m.fs, &root_ctx, e.nodeid, &target), 0);
	ck_assert_str_eq(target, "../some where/\xc3\xa4");
	free(target);
	fs_forget(m.fs, e.nodeid, 1);
}
END_TEST

START_TEST(test_an_object_named_as_a_directory_is_shown_beside_it)
{
	fake_foreign_put(bucket, "a", "file", 4, CHUNK);
	fake_foreign_put(bucket, "a/b", "below", 5, CHUNK);
	fake_sync(bucket);
	assert_list("", 9, "%=fa a ");
	assert_file(m.fs, "%=fa", "file", 4);
	assert_file(m.fs, "a/b", "below", 5);
	fake_foreign_delete(bucket, "a/b");
	fake_sync(bucket);
	assert_list("", 9, "a ");
	assert_file(m.fs, "a", "file", 4);
}
END_TEST

START_TEST(test_names_that_are_no_file_names_can_be_read_and_removed)
{
	static const char *const names[] = {"x//y", "./dot", "../up", "/abs", "%=odd"};
	static const char *const paths[] = {"x/%=/y", "%=./dot", "%=../up", "%=/abs", "%=x%25=odd"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		fake_foreign_put(bucket, names[i], names[i], strlen(names[i]), CHUNK);
	fake_sync(bucket);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct obj_info *info;

		assert_file(m.fs, paths[i], names[i], strlen(names[i]));
		ck_assert_int_eq(unlink_path(m.fs, paths[i]), 0);
		info = fake_info(bucket, names[i]);
		ck_assert_msg(info && info->is_deleted, "%s is still there", names[i]);
		obj_info_free(info);
		ck_assert(!exists(m.fs, paths[i]));
	}
}
END_TEST

START_TEST(test_an_object_with_content_named_as_a_directory_can_be_read_and_removed)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;

	fake_foreign_put(bucket, "end/", "text", 4, CHUNK);
	fake_sync(bucket);
	assert_file(m.fs, "end/%=", "text", 4);
	ck_assert_int_eq(unlink_path(m.fs, "end/%="), 0);
	ck_assert(!exists(m.fs, "end/%="));
	info = fake_info(bucket, "end/");
	ck_assert(info->is_deleted || info->size == 0);
}
END_TEST

START_TEST(test_a_component_longer_than_a_file_name_can_be_read_and_removed)
{
	_cleanup_free_ char *listing = NULL;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char name[301] = "";

	memset(name, 'n', 300);
	fake_foreign_put(bucket, name, "long", 4, CHUNK);
	fake_sync(bucket);
	listing = list_dir(m.fs, "", 9);
	ck_assert_uint_lt(strlen(listing), 260);
	listing[strlen(listing) - 1] = '\0';
	assert_file(m.fs, listing, "long", 4);
	ck_assert_int_eq(unlink_path(m.fs, listing), 0);
	info = fake_info(bucket, name);
	ck_assert(info->is_deleted);
}
END_TEST

/* Files whose whole names no subject could hold are files like others. */
START_TEST(test_long_paths_work)
{
	char path[16 * 201], moved[16 * 201 + 8];
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct mount other = mount_bucket();
	size_t len = 0;

	for (int i = 0; i < 15; i++) {
		memset(path + len, 'a' + i, 200);
		path[len + 200] = '\0';
		ck_assert_int_eq(make_dir(m.fs, path), 0);
		path[len + 200] = '/';
		len += 201;
	}
	strcpy(path + len, "f");
	put_file(m.fs, path, "text", 4);
	assert_object(path, "text", 4);
	fake_sync(bucket);
	assert_file(other.fs, path, "text", 4);
	ck_assert_int_eq(rename_path(other.fs, path, "short", 0), 0);
	ck_assert(!exists(other.fs, path));
	ck_assert_int_eq(rename_path(other.fs, "short", path, 0), 0);
	fake_sync(bucket);
	assert_file(m.fs, path, "text", 4);
	/* With their directory. */
	path[200] = '\0';
	ck_assert_int_eq(rename_path(m.fs, path, "d", 0), 0);
	path[200] = '/';
	(void)snprintf(moved, sizeof(moved), "d%s", path + 200);
	assert_file(m.fs, moved, "text", 4);
	assert_object(moved, "text", 4);
	info = fake_info(bucket, path);
	ck_assert(info->is_deleted);
	ck_assert_int_eq(unlink_path(m.fs, moved), 0);
	ck_assert(!exists(m.fs, moved));
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_names_that_are_not_utf8_are_refused)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "\xff\xfe", O_WRONLY, &h), -EILSEQ);
	ck_assert_int_eq(make_dir(m.fs, "\xc0\x80"), -EILSEQ);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_names");
	TCase *tc = tcase_create("names");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_a_directory_is_listed_whatever_the_size_of_the_answers);
	tcase_add_test(tc, test_an_empty_directory_survives_a_remount);
	tcase_add_test(tc, test_mkdir_refuses_an_existing_name);
	tcase_add_test(tc, test_rmdir_refuses_what_is_not_an_empty_directory);
	tcase_add_test(tc, test_a_directory_stays_when_its_last_file_goes);
	tcase_add_test(tc, test_a_renamed_file_keeps_its_content);
	tcase_add_test(tc, test_a_rename_replaces_the_target);
	tcase_add_test(tc, test_a_file_renamed_while_written_is_stored_under_the_new_name);
	tcase_add_test(tc, test_a_renamed_directory_takes_everything_along);
	tcase_add_test(tc, test_a_rename_between_kinds_is_refused);
	tcase_add_test(tc, test_attributes_survive_a_remount);
	tcase_add_test(tc, test_attributes_of_a_directory_survive_a_remount);
	tcase_add_test(tc, test_a_changed_mode_leaves_the_time_of_the_last_entry);
	tcase_add_test(tc, test_a_symbolic_link_survives_a_remount);
	tcase_add_test(tc, test_an_object_named_as_a_directory_is_shown_beside_it);
	tcase_add_test(tc, test_names_that_are_no_file_names_can_be_read_and_removed);
	tcase_add_test(tc,
		       test_an_object_with_content_named_as_a_directory_can_be_read_and_removed);
	tcase_add_test(tc, test_a_component_longer_than_a_file_name_can_be_read_and_removed);
	tcase_add_test(tc, test_long_paths_work);
	tcase_add_test(tc, test_names_that_are_not_utf8_are_refused);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
