/* SPDX-License-Identifier: Apache-2.0 */

/* Files with several names. */

#include "fs/links.h"

#include "fs_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "suite.h"
#include "util/clock.h"

static int link_path(struct fs *fs, const char *old_path, const char *new_path)
{
	struct fs_entry e, made;
	const char *name;
	uint64_t parent = parent_of(fs, new_path, &name);
	int err = lookup(fs, old_path, &e);

	ck_assert_int_eq(err, 0);
	err = fs_link(fs, &root_ctx, e.nodeid, parent, name, &made);
	if (!err)
		fs_forget(fs, made.nodeid, 1);
	fs_forget(fs, e.nodeid, 1);
	if (parent != FS_ROOT_ID)
		fs_forget(fs, parent, 1);
	return err;
}

static struct stat stat_path(struct fs *fs, const char *path)
{
	struct fs_entry e = {0};
	int err = lookup(fs, path, &e);

	ck_assert_msg(err == 0 && e.nodeid, "lookup of %s: %s", path, strerror(-err));
	fs_forget(fs, e.nodeid, 1);
	return e.st;
}

static void assert_same_file(struct fs *fs, const char *a, const char *b, nlink_t nlink)
{
	struct stat sa = stat_path(fs, a), sb = stat_path(fs, b);

	ck_assert_uint_eq(sa.st_ino, sb.st_ino);
	ck_assert_uint_eq(sa.st_nlink, nlink);
	ck_assert_uint_eq(sb.st_nlink, nlink);
}

/* The object behind a name, as another client that follows links reads it. */
static void assert_followed(const char *name, const void *data, size_t len)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);

	ck_assert_ptr_nonnull(info);
	ck_assert_ptr_nonnull(info->link_name);
	ck_assert_str_eq(info->link_bucket, "fake");
	ck_assert(!info->is_deleted);
	assert_object(info->link_name, data, len);
}

static bool is_plain(const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);

	return info && !info->is_deleted && !info->link_bucket;
}

static void wait_until_plain(const char *name)
{
	uint64_t deadline = clock_deadline_ms(20000);

	while (!is_plain(name)) {
		ck_assert_msg(clock_now_ns() < deadline, "%s stays a link", name);
		usleep(10000);
	}
	fake_sync(bucket);
}

START_TEST(test_both_names_are_one_file)
{
	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(link_path(m.fs, "a", "d/b"), 0);
	assert_same_file(m.fs, "a", "d/b", 2);
	assert_file(m.fs, "a", "text", 4);
	assert_file(m.fs, "d/b", "text", 4);
	remount();
	assert_same_file(m.fs, "a", "d/b", 2);
	assert_file(m.fs, "a", "text", 4);
	assert_file(m.fs, "d/b", "text", 4);
}
END_TEST

START_TEST(test_the_number_of_a_file_stays_when_it_gets_a_second_name)
{
	struct fs_entry before, after;

	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(lookup(m.fs, "a", &before), 0);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	ck_assert_int_eq(lookup(m.fs, "b", &after), 0);
	ck_assert_uint_eq(before.nodeid, after.nodeid);
	ck_assert_uint_eq(before.st.st_ino, after.st.st_ino);
	fs_forget(m.fs, before.nodeid, 1);
	fs_forget(m.fs, after.nodeid, 1);
}
END_TEST

START_TEST(test_a_change_through_one_name_is_seen_through_the_other)
{
	struct mount other = mount_bucket();

	put_file(m.fs, "a", "one", 3);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	put_file(m.fs, "b", "second", 6);
	assert_file(m.fs, "a", "second", 6);
	assert_same_file(m.fs, "a", "b", 2);
	fake_sync(bucket);
	assert_file(other.fs, "a", "second", 6);
	assert_file(other.fs, "b", "second", 6);
	assert_same_file(other.fs, "a", "b", 2);
	put_file(other.fs, "a", "third", 5);
	fake_sync(bucket);
	assert_file(m.fs, "b", "third", 5);
	unmount_bucket(&other);
}
END_TEST

/* The event of the folded name is on its way. */
START_TEST(test_a_file_that_another_mount_has_folded_gets_another_name)
{
	struct mount other = mount_bucket();
	char id[OBJ_NUID_LEN + 1];

	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	fake_sync(bucket);
	ck_assert_int_eq(unlink_path(other.fs, "b"), 0);
	fake_sync(bucket);
	mutex_lock(&m.fs->tree.lock);
	strcpy(id, tree_lookup(&m.fs->tree, m.fs->tree.root, "a", 1)->node->x->link_id);
	mutex_unlock(&m.fs->tree.lock);
	fake_delay_events(bucket, 3000);
	links_fold(other.fs, id);
	ck_assert_int_eq(link_path(m.fs, "a", "c"), 0);
	assert_file(m.fs, "c", "text", 4);
	fake_delay_events(bucket, 0);
	unmount_bucket(&other);
}
END_TEST

/* The events of the other mount's link are on their way. */
START_TEST(test_a_file_that_another_mount_has_linked_gets_another_name)
{
	struct mount other = mount_bucket();
	struct fs_entry before, after;

	put_file(m.fs, "a", "text", 4);
	fake_sync(bucket);
	ck_assert_int_eq(lookup(m.fs, "a", &before), 0);
	fake_delay_events(bucket, 3000);
	ck_assert_int_eq(link_path(other.fs, "a", "b"), 0);
	ck_assert_int_eq(link_path(m.fs, "a", "c"), 0);
	ck_assert_int_eq(lookup(m.fs, "a", &after), 0);
	ck_assert_uint_eq(before.nodeid, after.nodeid);
	fs_forget(m.fs, before.nodeid, 2);
	assert_file(m.fs, "c", "text", 4);
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	assert_same_file(m.fs, "a", "b", 3);
	assert_same_file(other.fs, "b", "c", 3);
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_a_file_that_another_mount_has_linked_is_read)
{
	struct mount other = mount_bucket();

	put_file(m.fs, "a", "text", 4);
	fake_sync(bucket);
	fake_delay_events(bucket, 3000);
	ck_assert_int_eq(link_path(other.fs, "a", "b"), 0);
	assert_file(m.fs, "a", "text", 4);
	ck_assert_uint_eq(stat_path(m.fs, "a").st_nlink, 1);
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	assert_same_file(m.fs, "a", "b", 2);
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_other_clients_read_and_delete_each_name)
{
	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	assert_followed("a", "text", 4);
	assert_followed("b", "text", 4);
	fake_foreign_delete(bucket, "a");
	fake_sync(bucket);
	ck_assert(!exists(m.fs, "a"));
	assert_file(m.fs, "b", "text", 4);
	ck_assert_uint_eq(stat_path(m.fs, "b").st_nlink, 1);
}
END_TEST

START_TEST(test_another_client_replaces_one_name_only)
{
	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	fake_foreign_put(bucket, "a", "other", 5, CHUNK);
	fake_sync(bucket);
	assert_file(m.fs, "a", "other", 5);
	assert_file(m.fs, "b", "text", 4);
	ck_assert_uint_ne(stat_path(m.fs, "a").st_ino, stat_path(m.fs, "b").st_ino);
}
END_TEST

START_TEST(test_a_file_with_one_name_left_is_an_ordinary_object_again)
{
	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	ck_assert_int_eq(unlink_path(m.fs, "a"), 0);
	ck_assert_uint_eq(stat_path(m.fs, "b").st_nlink, 1);
	assert_file(m.fs, "b", "text", 4);
	wait_until_plain("b");
	assert_object("b", "text", 4);
	assert_file(m.fs, "b", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "b", "c"), 0);
	assert_same_file(m.fs, "b", "c", 2);
	remount();
	assert_same_file(m.fs, "b", "c", 2);
}
END_TEST

START_TEST(test_the_last_unlink_removes_the_content)
{
	_cleanup_obj_info_ struct obj_info *info = NULL, *link = NULL;

	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	link = fake_info(bucket, "a");
	ck_assert_int_eq(unlink_path(m.fs, "a"), 0);
	ck_assert_int_eq(unlink_path(m.fs, "b"), 0);
	info = fake_info(bucket, link->link_name);
	ck_assert(info->is_deleted);
	ck_assert(!exists(m.fs, "b"));
	remount();
	ck_assert(!exists(m.fs, "a"));
	ck_assert(!exists(m.fs, "b"));
}
END_TEST

START_TEST(test_an_open_file_is_linked_with_what_was_written)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "a", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "one", 3), 0);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	ck_assert_int_eq(write_at(m.fs, h, 3, "two", 3), 0);
	ck_assert_int_eq(unlink_path(m.fs, "a"), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_file(m.fs, "b", "onetwo", 6);
	remount();
	assert_file(m.fs, "b", "onetwo", 6);
}
END_TEST

START_TEST(test_links_are_refused_where_posix_says_so)
{
	put_file(m.fs, "a", "text", 4);
	put_file(m.fs, "b", "", 0);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), -EEXIST);
	ck_assert_int_eq(link_path(m.fs, "d", "e"), -EPERM);
	ck_assert(is_plain("a"));
	fake_foreign_put(bucket, "late", "x", 1, CHUNK);
	ck_assert_int_eq(link_path(m.fs, "a", "late"), -EEXIST);
	ck_assert_uint_eq(stat_path(m.fs, "a").st_nlink, 1);
}
END_TEST

START_TEST(test_a_name_of_several_is_renamed)
{
	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "c", 0), 0);
	ck_assert(!exists(m.fs, "a"));
	assert_same_file(m.fs, "b", "c", 2);
	assert_file(m.fs, "c", "text", 4);
	ck_assert_int_eq(rename_path(m.fs, "b", "c", 0), 0);
	assert_same_file(m.fs, "b", "c", 2);
	remount();
	assert_same_file(m.fs, "b", "c", 2);
	put_file(m.fs, "new", "fresh", 5);
	ck_assert_int_eq(rename_path(m.fs, "new", "c", 0), 0);
	assert_file(m.fs, "c", "fresh", 5);
	assert_file(m.fs, "b", "text", 4);
	ck_assert_uint_eq(stat_path(m.fs, "b").st_nlink, 1);
	wait_until_plain("b");
}
END_TEST

START_TEST(test_special_files_and_symbolic_links_are_linked)
{
	struct fs_entry e;

	ck_assert_int_eq(fs_symlink(m.fs, &root_ctx, "target", FS_ROOT_ID, "l", &e), 0);
	fs_forget(m.fs, e.nodeid, 1);
	ck_assert_int_eq(fs_mknod(m.fs, &root_ctx, FS_ROOT_ID, "p", S_IFIFO | 0600, 0, &e), 0);
	fs_forget(m.fs, e.nodeid, 1);
	ck_assert_int_eq(link_path(m.fs, "l", "l2"), 0);
	ck_assert_int_eq(link_path(m.fs, "p", "p2"), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert(S_ISLNK(stat_path(m.fs, "l2").st_mode));
		ck_assert(S_ISFIFO(stat_path(m.fs, "p2").st_mode));
		assert_same_file(m.fs, "l", "l2", 2);
		assert_same_file(m.fs, "p", "p2", 2);
		remount();
	}
}
END_TEST

START_TEST(test_attributes_belong_to_all_names)
{
	const struct stat attr = {.st_mode = S_IFREG | 0640};
	struct fs_entry e;
	struct stat st;
	double timeout;

	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	ck_assert_int_eq(lookup(m.fs, "a", &e), 0);
	ck_assert_int_eq(
		fs_setattr(m.fs, &root_ctx, e.nodeid, NULL, &attr, FS_SET_MODE, &st, &timeout), 0);
	fs_forget(m.fs, e.nodeid, 1);
	ck_assert_uint_eq(stat_path(m.fs, "b").st_mode, S_IFREG | 0640);
	remount();
	ck_assert_uint_eq(stat_path(m.fs, "b").st_mode, S_IFREG | 0640);
	assert_same_file(m.fs, "a", "b", 2);
}
END_TEST

START_TEST(test_a_reload_drops_names_that_are_gone)
{
	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	ck_assert_int_eq(link_path(m.fs, "a", "c"), 0);
	fake_sync(bucket);
	fake_foreign_rename(bucket, "b", "moved");
	fake_reconnect(bucket);
	fake_sync(bucket);
	ck_assert(!exists(m.fs, "b"));
	assert_same_file(m.fs, "a", "moved", 3);
	assert_same_file(m.fs, "a", "c", 3);
	assert_file(m.fs, "moved", "text", 4);
}
END_TEST

START_TEST(test_the_hidden_directory_is_not_shown)
{
	_cleanup_free_ char *names = NULL;

	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	remount();
	names = list_dir(m.fs, "", 9);
	ck_assert_str_eq(names, "a b ");
	ck_assert_int_eq(make_dir(m.fs, ".natsobj"), -EPERM);
}
END_TEST

static bool is_link(const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);

	return info && info->link_name;
}

/* Whoever gave the content back has crashed before the hidden object was removed. */
static char *leave_hidden(void)
{
	char *hidden;

	put_file(m.fs, "a", "content", 7);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	ck_assert_int_eq(unlink_path(m.fs, "a"), 0);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EIO, 1);
	for (int i = 0; is_link("b") && i < 2000; i++)
		usleep(10000);
	ck_assert(!is_link("b"));
	remount();
	hidden = fake_find(bucket, HIDDEN_INODES);
	ck_assert_ptr_nonnull(hidden);
	return hidden;
}

START_TEST(test_a_hidden_object_whose_content_went_back_is_removed)
{
	_cleanup_free_ char *hidden = leave_hidden(), *left = NULL;

	if (_i == 1)
		ck_assert_int_eq(unlink_path(m.fs, "b"), 0);
	if (_i == 2)
		put_file(m.fs, "b", "newer", 5);
	links_fold(m.fs, hidden + strlen(HIDDEN_INODES));
	left = fake_find(bucket, HIDDEN_INODES);
	ck_assert_ptr_null(left);
	remount();
	if (_i == 0)
		assert_file(m.fs, "b", "content", 7);
	if (_i == 1)
		ck_assert(!exists(m.fs, "b"));
	if (_i == 2)
		assert_file(m.fs, "b", "newer", 5);
}
END_TEST

static void assert_ctime(const char *path, const struct stat *want)
{
	struct stat st = stat_path(m.fs, path);

	ck_assert_int_eq(st.st_ctim.tv_sec, want->st_ctim.tv_sec);
	ck_assert_int_eq(st.st_ctim.tv_nsec, want->st_ctim.tv_nsec);
}

/* Heard of before the commit or not, and whether the writer builds on what was there or not. */
START_TEST(test_unsaved_content_goes_where_its_name_leads)
{
	_cleanup_free_ char *conflict = NULL;
	struct mount other;
	struct fs_handle *h;

	put_file(m.fs, "a", "text", 4);
	other = mount_bucket();
	ck_assert_int_eq(open_path(m.fs, "a", O_WRONLY | (_i & 2 ? O_TRUNC : 0), &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "longer text", 11), 0);
	if (_i & 1)
		fake_delay_events(bucket, 200);
	ck_assert_int_eq(link_path(other.fs, "a", "b"), 0);
	fake_delay_events(bucket, 0);
	if (!(_i & 1))
		fake_sync(bucket);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	fake_sync(bucket);
	assert_file(m.fs, "b", "longer text", 11);
	assert_file(other.fs, "b", "longer text", 11);
	assert_file(other.fs, "a", "longer text", 11);
	conflict = fake_find(bucket, "a.conflict");
	ck_assert_ptr_null(conflict);
	unmount_bucket(&other);
	assert_same_file(m.fs, "a", "b", 2);
}
END_TEST

/* The hidden object is stored, the name does not lead to it. */
static void leave_half_a_link(int err)
{
	struct fs_entry e, linked;

	put_file(m.fs, "a", "text", 4);
	ck_assert_int_eq(lookup(m.fs, "a", &e), 0);
	fake_fail_after(bucket, FAKE_PUT_INFO, err, 1, 1000);
	ck_assert_int_eq(fs_link(m.fs, &root_ctx, e.nodeid, FS_ROOT_ID, "b", &linked), err);
	fake_fail_next(bucket, FAKE_PUT_INFO, 0, 0);
	fs_forget(m.fs, e.nodeid, 1);
	fake_sync(bucket);
}

START_TEST(test_a_link_that_fails_changes_nothing_for_others)
{
	_cleanup_free_ char *hidden = NULL;
	struct mount other = mount_bucket();

	leave_half_a_link(-ENOSPC);
	hidden = fake_find(bucket, ".natsobj/inode/");
	ck_assert_ptr_null(hidden);
	assert_file(other.fs, "a", "text", 4);
	assert_file(m.fs, "a", "text", 4);
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_what_a_crash_in_the_middle_of_a_link_leaves_is_no_name)
{
	_cleanup_free_ char *hidden = NULL, *after = NULL;
	struct mount other = mount_bucket();

	leave_half_a_link(-EIO);
	hidden = fake_find(bucket, ".natsobj/inode/");
	ck_assert_ptr_nonnull(hidden);
	if (_i)
		put_file(other.fs, "a", "changed", 7);
	links_fold(other.fs, strrchr(hidden, '/') + 1);
	fake_sync(bucket);
	after = fake_find(bucket, ".natsobj/inode/");
	ck_assert(_i || !after);
	assert_object("a", _i ? "changed" : "text", _i ? 7 : 4);
	assert_file(other.fs, "a", _i ? "changed" : "text", _i ? 7 : 4);
	assert_file(m.fs, "a", _i ? "changed" : "text", _i ? 7 : 4);
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_a_renamed_name_keeps_its_ctime_when_the_content_goes_back)
{
	struct stat st;

	put_file(m.fs, "a", "content", 7);
	ck_assert_int_eq(link_path(m.fs, "a", "b"), 0);
	ck_assert_int_eq(unlink_path(m.fs, "a"), 0);
	ck_assert_int_eq(rename_path(m.fs, "b", "c", 0), 0);
	st = stat_path(m.fs, "c");
	for (int i = 0; is_link("c") && i < 2000; i++)
		usleep(10000);
	ck_assert(!is_link("c"));
	assert_ctime("c", &st);
	remount();
	assert_ctime("c", &st);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_links");
	TCase *tc = tcase_create("links");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_both_names_are_one_file);
	tcase_add_test(tc, test_the_number_of_a_file_stays_when_it_gets_a_second_name);
	tcase_add_test(tc, test_a_change_through_one_name_is_seen_through_the_other);
	tcase_add_test(tc, test_a_file_that_another_mount_has_folded_gets_another_name);
	tcase_add_test(tc, test_a_file_that_another_mount_has_linked_gets_another_name);
	tcase_add_test(tc, test_a_file_that_another_mount_has_linked_is_read);
	tcase_add_test(tc, test_other_clients_read_and_delete_each_name);
	tcase_add_test(tc, test_another_client_replaces_one_name_only);
	tcase_add_test(tc, test_a_file_with_one_name_left_is_an_ordinary_object_again);
	tcase_add_test(tc, test_the_last_unlink_removes_the_content);
	tcase_add_test(tc, test_an_open_file_is_linked_with_what_was_written);
	tcase_add_test(tc, test_links_are_refused_where_posix_says_so);
	tcase_add_test(tc, test_a_name_of_several_is_renamed);
	tcase_add_test(tc, test_special_files_and_symbolic_links_are_linked);
	tcase_add_test(tc, test_attributes_belong_to_all_names);
	tcase_add_test(tc, test_a_reload_drops_names_that_are_gone);
	tcase_add_test(tc, test_the_hidden_directory_is_not_shown);
	tcase_add_loop_test(tc, test_a_hidden_object_whose_content_went_back_is_removed, 0, 3);
	tcase_add_test(tc, test_a_renamed_name_keeps_its_ctime_when_the_content_goes_back);
	tcase_add_loop_test(tc, test_unsaved_content_goes_where_its_name_leads, 0, 4);
	tcase_add_test(tc, test_a_link_that_fails_changes_nothing_for_others);
	tcase_add_loop_test(tc, test_what_a_crash_in_the_middle_of_a_link_leaves_is_no_name, 0, 2);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
