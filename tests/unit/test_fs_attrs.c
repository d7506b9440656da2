/* SPDX-License-Identifier: Apache-2.0 */

/* Attributes and extended attributes through a mount: what is stored, shown, and when. */

#include "fs_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/xattr.h>

#include "suite.h"
#include "util/buf.h"
#include "util/clock.h"

static const struct fs_ctx process_ctx = {.umask = 022, .may_wait = true};

static struct stat stat_path(struct fs *fs, const char *path)
{
	struct fs_entry e = {.nodeid = FS_ROOT_ID};
	struct stat st;
	double timeout;

	if (path[0])
		ck_assert_int_eq(lookup(fs, path, &e), 0);
	ck_assert_uint_ne(e.nodeid, 0);
	ck_assert_int_eq(fs_getattr(fs, &root_ctx, e.nodeid, &st, &timeout), 0);
	if (path[0])
		fs_forget(fs, e.nodeid, 1);
	return st;
}

static int set_attr(const char *path, unsigned set, struct stat attr)
{
	struct fs_entry e = {.nodeid = FS_ROOT_ID};
	struct fs_ctx ctx = process_ctx;
	struct stat st;
	double timeout;
	int err;

	ctx.pid = getpid();
	if (path[0])
		ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	err = fs_setattr(m.fs, &ctx, e.nodeid, NULL, &attr, set, &st, &timeout);
	if (path[0])
		fs_forget(m.fs, e.nodeid, 1);
	return err;
}

static int chmod_path(const char *path, mode_t mode)
{
	return set_attr(path, FS_SET_MODE, (struct stat){.st_mode = mode});
}

static int set_times(const char *path, time_t atime, time_t mtime)
{
	return set_attr(
		path, FS_SET_ATIME | FS_SET_MTIME,
		(struct stat){.st_atim = {atime, 123456789}, .st_mtim = {mtime, 987654321}});
}

static int set_xattr(const char *path, const char *name, const char *value, int flags)
{
	struct fs_ctx ctx = process_ctx;
	struct fs_entry e;
	int err;

	ctx.pid = getpid();
	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	err = fs_setxattr(m.fs, &ctx, e.nodeid, name, value, strlen(value), flags);
	fs_forget(m.fs, e.nodeid, 1);
	return err;
}

/* The value, for the caller to free; NULL when there is none. */
static char *get_xattr(struct fs *fs, const char *path, const char *name)
{
	struct buf value CLEANUP(buf_done);
	struct fs_entry e;
	int err;

	buf_init(&value, 1 << 20);
	ck_assert_int_eq(lookup(fs, path, &e), 0);
	err = fs_getxattr(fs, &root_ctx, e.nodeid, name, &value);
	fs_forget(fs, e.nodeid, 1);
	ck_assert(err == 0 || err == -ENODATA);
	return err ? NULL : value.len ? buf_steal(&value) : strdup("");
}

static void assert_xattr(struct fs *fs, const char *path, const char *name, const char *want)
{
	_cleanup_free_ char *got = get_xattr(fs, path, name);

	if (!want) {
		ck_assert_ptr_null(got);
		return;
	}
	ck_assert_ptr_nonnull(got);
	ck_assert_str_eq(got, want);
}

static void assert_same_times(struct stat a, struct stat b)
{
	ck_assert_int_eq(a.st_mtim.tv_sec, b.st_mtim.tv_sec);
	ck_assert_int_eq(a.st_mtim.tv_nsec, b.st_mtim.tv_nsec);
	ck_assert_int_eq(a.st_ctim.tv_sec, b.st_ctim.tv_sec);
	ck_assert_int_eq(a.st_ctim.tv_nsec, b.st_ctim.tv_nsec);
	ck_assert_int_eq(a.st_atim.tv_sec, b.st_atim.tv_sec);
	ck_assert_int_eq(a.st_atim.tv_nsec, b.st_atim.tv_nsec);
}

static bool is_before(struct timespec a, struct timespec b)
{
	return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

START_TEST(test_times_are_the_same_after_a_remount)
{
	struct stat before, after;

	put_file(m.fs, "f", "text", 4);
	before = stat_path(m.fs, "f");
	remount();
	after = stat_path(m.fs, "f");
	assert_same_times(before, after);
	ck_assert_int_eq(set_times("f", -1000, 4000000000), 0);
	before = stat_path(m.fs, "f");
	ck_assert_int_eq(before.st_atim.tv_sec, -1000);
	ck_assert_int_eq(before.st_atim.tv_nsec, 123456789);
	ck_assert_int_eq(before.st_mtim.tv_sec, 4000000000);
	remount();
	after = stat_path(m.fs, "f");
	assert_same_times(before, after);
}
END_TEST

START_TEST(test_an_explicit_time_stands_until_the_next_write)
{
	struct fs_handle *h;
	struct stat st;

	ck_assert_int_eq(create(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "text", 4), 0);
	ck_assert_int_eq(set_times("f", 1000, 2000), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	st = stat_path(m.fs, "f");
	ck_assert_int_eq(st.st_mtim.tv_sec, 2000);
	ck_assert_int_eq(chmod_path("f", 0600), 0);
	st = stat_path(m.fs, "f");
	ck_assert_int_eq(st.st_mtim.tv_sec, 2000);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 4, "more", 4), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	st = stat_path(m.fs, "f");
	ck_assert_int_gt(st.st_mtim.tv_sec, 2000);
	/* A write is no access. */
	ck_assert_int_eq(st.st_atim.tv_sec, 1000);
}
END_TEST

START_TEST(test_times_beyond_64_bits_become_the_last_there_is)
{
	struct stat st;

	put_file(m.fs, "f", "text", 4);
	ck_assert_int_eq(set_times("f", INT64_MIN / 2, INT64_MAX / 2), 0);
	st = stat_path(m.fs, "f");
	ck_assert_int_eq(st.st_mtim.tv_sec, INT64_MAX / NS_PER_SEC);
	ck_assert_int_lt(st.st_atim.tv_sec, -9000000000);
}
END_TEST

START_TEST(test_a_directory_changes_with_its_entries_not_with_their_versions)
{
	struct stat before, after;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/f", "text", 4);
	before = stat_path(m.fs, "d");
	put_file(m.fs, "d/f", "new text", 8);
	ck_assert_int_eq(chmod_path("d/f", 0600), 0);
	fake_sync(bucket);
	assert_same_times(before, stat_path(m.fs, "d"));
	remount();
	after = stat_path(m.fs, "d");
	ck_assert_int_eq(before.st_mtim.tv_sec, after.st_mtim.tv_sec);
	ck_assert_int_eq(before.st_mtim.tv_nsec, after.st_mtim.tv_nsec);
	ck_assert_int_eq(unlink_path(m.fs, "d/f"), 0);
	ck_assert(is_before(after.st_mtim, stat_path(m.fs, "d").st_mtim));
}
END_TEST

START_TEST(test_an_explicit_time_of_a_directory_stands_until_its_next_entry)
{
	_cleanup_free_ char *names = NULL;
	struct mount other = {0};
	struct stat st;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/f", "text", 4);
	ck_assert_int_eq(unlink_path(m.fs, "d/f"), 0);
	put_file(m.fs, "d/g", "text", 4);
	ck_assert_int_eq(set_times("d", 1000, 2000), 0);
	ck_assert_int_eq(set_times("", 1000, 3000), 0);
	ck_assert_int_eq(chmod_path("", 01777), 0);
	fake_sync(bucket);
	other = mount_bucket();
	ck_assert_int_eq(stat_path(other.fs, "d").st_mtim.tv_sec, 2000);
	st = stat_path(other.fs, "");
	ck_assert_int_eq(st.st_mtim.tv_sec, 3000);
	ck_assert_uint_eq(st.st_mode, S_IFDIR | 01777);
	names = list_dir(m.fs, "", 100);
	ck_assert_str_eq(names, "d ");
	put_file(m.fs, "d/h", "text", 4);
	fake_sync(bucket);
	ck_assert_int_gt(stat_path(other.fs, "d").st_mtim.tv_sec, 2000);
	unmount_bucket(&other);
}
END_TEST

/* Removals that come late, and from a server whose clock is ahead, are from before all the same. */
START_TEST(test_an_explicit_time_of_a_directory_is_that_of_every_mount)
{
	struct mount other = mount_bucket(), late;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d/e"), 0);
	put_file(m.fs, "d/f", "text", 4);
	fake_sync(bucket);
	fake_delay_events(bucket, 100);
	fake_set_clock_ahead(bucket, 5000);
	ck_assert_int_eq(unlink_path(m.fs, "d/f"), 0);
	ck_assert_int_eq(rmdir_path(m.fs, "d/e"), 0);
	ck_assert_int_eq(set_times("d", 1000, 2000), 0);
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	ck_assert_int_eq(stat_path(m.fs, "d").st_mtim.tv_sec, 2000);
	ck_assert_int_eq(stat_path(other.fs, "d").st_mtim.tv_sec, 2000);
	late = mount_bucket();
	ck_assert_int_eq(stat_path(late.fs, "d").st_mtim.tv_sec, 2000);
	put_file(other.fs, "d/g", "text", 4);
	fake_sync(bucket);
	ck_assert_int_gt(stat_path(m.fs, "d").st_mtim.tv_sec, 2000);
	ck_assert_int_gt(stat_path(late.fs, "d").st_mtim.tv_sec, 2000);
	unmount_bucket(&late);
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_a_directory_changes_when_one_in_it_is_removed_elsewhere)
{
	struct mount other = mount_bucket();
	struct stat before;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d/e"), 0);
	fake_sync(bucket);
	before = stat_path(other.fs, "d");
	ck_assert_int_eq(rmdir_path(m.fs, "d/e"), 0);
	fake_sync(bucket);
	ck_assert(is_before(before.st_mtim, stat_path(other.fs, "d").st_mtim));
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_a_change_does_not_undo_one_of_another_mount)
{
	struct mount other = mount_bucket();
	struct stat st;

	put_file(m.fs, "f", "text", 4);
	fake_sync(bucket);
	/* This mount does not hear of it before it makes its own change. */
	ck_assert_int_eq(set_xattr("f", "user.a", "1", 0), 0);
	ck_assert_int_eq(chmod_path("f", 0640), 0);
	ck_assert_int_eq(set_attr("f", FS_SET_UID, (struct stat){.st_uid = 77}), 0);
	fake_sync(bucket);
	st = stat_path(other.fs, "f");
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0640);
	ck_assert_uint_eq(st.st_uid, 77);
	assert_xattr(other.fs, "f", "user.a", "1");
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_a_failed_change_is_not_shown)
{
	struct stat before;

	put_file(m.fs, "f", "text", 4);
	before = stat_path(m.fs, "f");
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	ck_assert_int_eq(chmod_path("f", 0777), -ENOSPC);
	ck_assert_uint_eq(stat_path(m.fs, "f").st_mode, before.st_mode);
	assert_same_times(before, stat_path(m.fs, "f"));
}
END_TEST

START_TEST(test_unsaved_content_takes_its_attributes_along)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	unsigned puts;
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "text", 4), 0);
	puts = fake_calls(bucket, FAKE_PUT_INFO);
	ck_assert_int_eq(chmod_path("f", 04711), 0);
	ck_assert_int_eq(set_xattr("f", "user.a", "1", 0), 0);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_PUT_INFO), puts);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_PUT_INFO), puts + 1);
	info = fake_info(bucket, "f");
	ck_assert_str_eq(obj_info_meta(info, "posix.mode"), "104711");
	ck_assert_str_eq(obj_info_meta(info, "a"), "1");
}
END_TEST

START_TEST(test_a_file_made_for_reading_is_stored)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_RDONLY | O_EXCL, &h), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "", 0);
	ck_assert_int_eq(chmod_path("f", 0711), 0);
}
END_TEST

START_TEST(test_a_truncation_stores_once)
{
	unsigned puts;
	struct stat st;

	put_file(m.fs, "f", "text", 4);
	puts = fake_calls(bucket, FAKE_PUT_INFO);
	ck_assert_int_eq(set_attr("f", FS_SET_SIZE | FS_SET_MTIME | FS_SET_MTIME_NOW | FS_SET_MODE,
				  (struct stat){.st_size = 2, .st_mode = 0711}),
			 0);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_PUT_INFO), puts + 1);
	st = stat_path(m.fs, "f");
	ck_assert_int_eq(st.st_size, 2);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0711);
}
END_TEST

START_TEST(test_chown_takes_privileges_away)
{
	put_file(m.fs, "f", "text", 4);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(set_xattr("f", "security.capability", "x", 0), 0);
	ck_assert_int_eq(chmod_path("f", 06755), 0);
	ck_assert_int_eq(chmod_path("d", 06755), 0);
	ck_assert_int_eq(set_attr("f", FS_SET_GID, (struct stat){.st_gid = getegid()}), 0);
	ck_assert_int_eq(set_attr("d", FS_SET_GID, (struct stat){.st_gid = getegid()}), 0);
	ck_assert_uint_eq(stat_path(m.fs, "f").st_mode, S_IFREG | 0755);
	ck_assert_uint_eq(stat_path(m.fs, "d").st_mode, S_IFDIR | 06755);
	assert_xattr(m.fs, "f", "security.capability", NULL);
	/* Not an executable's: mandatory locking once. */
	ck_assert_int_eq(chmod_path("f", 02644), 0);
	ck_assert_int_eq(set_attr("f", FS_SET_UID, (struct stat){.st_uid = 5}), 0);
	ck_assert_uint_eq(stat_path(m.fs, "f").st_mode, S_IFREG | 02644);
	/* chown(path, -1, -1) */
	ck_assert_int_eq(chmod_path("f", 04711), 0);
	ck_assert_int_eq(set_attr("f", 0, (struct stat){0}), 0);
	ck_assert_uint_eq(stat_path(m.fs, "f").st_mode, S_IFREG | 0711);
}
END_TEST

START_TEST(test_directories_keep_their_times_below_one_that_is_renamed)
{
	struct stat before, after;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d/s"), 0);
	put_file(m.fs, "d/s/gone", "text", 4);
	ck_assert_int_eq(set_times("d/s", 5, 5), 0);
	ck_assert_int_eq(unlink_path(m.fs, "d/s/gone"), 0);
	before = stat_path(m.fs, "d/s");
	ck_assert_int_gt(before.st_mtim.tv_sec, 1000000000);
	ck_assert_int_eq(rename_path(m.fs, "d", "e", 0), 0);
	remount();
	after = stat_path(m.fs, "e/s");
	ck_assert_int_eq(after.st_mtim.tv_sec, before.st_mtim.tv_sec);
	ck_assert_int_eq(after.st_mtim.tv_nsec, before.st_mtim.tv_nsec);
}
END_TEST

START_TEST(test_a_write_takes_a_capability_away)
{
	struct fs_ctx ctx = process_ctx;
	struct fs_handle *h;

	ctx.pid = getpid();
	put_file(m.fs, "f", "text", 4);
	ck_assert_int_eq(set_xattr("f", "security.capability", "x", 0), 0);
	ck_assert_int_eq(set_xattr("f", "user.stays", "y", 0), 0);
	remount();
	assert_xattr(m.fs, "f", "security.capability", "x");
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(fs_write(m.fs, &ctx, h, 0, "T", 1), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_xattr(m.fs, "f", "security.capability", NULL);
	remount();
	assert_xattr(m.fs, "f", "security.capability", NULL);
	assert_xattr(m.fs, "f", "user.stays", "y");
}
END_TEST

static int get_label(const char *path)
{
	struct buf value CLEANUP(buf_done) = {0};
	struct fs_entry e;
	int err;

	buf_init(&value, 65536);
	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	err = fs_getxattr(m.fs, &root_ctx, e.nodeid, "security.selinux", &value);
	fs_forget(m.fs, e.nodeid, 1);
	return err;
}

START_TEST(test_labels_are_looked_for_only_where_there_are_some)
{
	struct buf value CLEANUP(buf_done) = {0};

	buf_init(&value, 65536);
	put_file(m.fs, "f", "text", 4);
	put_file(m.fs, "g", "text", 4);
	ck_assert_int_eq(get_label("f"), -EOPNOTSUPP);
	ck_assert_int_eq(fs_getxattr(m.fs, &root_ctx, FS_ROOT_ID, "security.selinux", &value),
			 -ENODATA);
	ck_assert_int_eq(set_xattr("g", "security.selinux", "a_label", 0), 0);
	ck_assert_int_eq(get_label("f"), -ENODATA);
	ck_assert_int_eq(get_label("g"), 0);
}
END_TEST

START_TEST(test_flags_of_setxattr)
{
	put_file(m.fs, "f", "text", 4);
	ck_assert_int_eq(set_xattr("f", "user.a", "1", XATTR_REPLACE), -ENODATA);
	ck_assert_int_eq(set_xattr("f", "user.a", "1", XATTR_CREATE), 0);
	ck_assert_int_eq(set_xattr("f", "user.a", "2", XATTR_CREATE), -EEXIST);
	ck_assert_int_eq(set_xattr("f", "user.a", "3", XATTR_REPLACE), 0);
	assert_xattr(m.fs, "f", "user.a", "3");
}
END_TEST

START_TEST(test_attributes_of_a_file_without_a_name)
{
	struct fs_handle *h;
	struct fs_entry e;
	struct stat st, attr = {.st_mode = 0600};
	double timeout;

	put_file(m.fs, "f", "text", 4);
	ck_assert_int_eq(set_xattr("f", "user.a", "1", 0), 0);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(lookup(m.fs, "f", &e), 0);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert_int_eq(
		fs_setattr(m.fs, &root_ctx, e.nodeid, h, &attr, FS_SET_MODE, &st, &timeout), 0);
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0600);
	ck_assert_uint_eq(st.st_nlink, 0);
	ck_assert_int_eq(fs_setxattr(m.fs, &root_ctx, e.nodeid, "user.b", "2", 1, 0), 0);
	ck_assert_int_eq(fs_removexattr(m.fs, &root_ctx, e.nodeid, "user.a"), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	fs_forget(m.fs, e.nodeid, 1);
	ck_assert(!exists(m.fs, "f"));
}
END_TEST

START_TEST(test_a_symbolic_link_keeps_its_inode_when_it_changes)
{
	struct stat st, attr = {.st_uid = 7};
	struct fs_entry e, again;
	double timeout;

	ck_assert_int_eq(fs_symlink(m.fs, &root_ctx, "target", FS_ROOT_ID, "l", &e), 0);
	ck_assert_int_eq(
		fs_setattr(m.fs, &root_ctx, e.nodeid, NULL, &attr, FS_SET_UID, &st, &timeout), 0);
	ck_assert_uint_eq(st.st_uid, 7);
	ck_assert_uint_eq(st.st_mode, S_IFLNK | 0777);
	ck_assert_int_eq(lookup(m.fs, "l", &again), 0);
	ck_assert_uint_eq(again.nodeid, e.nodeid);
	fs_forget(m.fs, e.nodeid, 2);
}
END_TEST

START_TEST(test_attributes_of_unsaved_content_fit_into_a_message)
{
	char value[4096];
	struct fs_handle *h;

	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	m.store->meta_max = 20000;
	ck_assert_int_eq(create(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(set_xattr("f", "user.a", "1", 0), 0);
	ck_assert_int_eq(set_xattr("f", "user.a", value, 0), -ENOSPC);
	assert_xattr(m.fs, "f", "user.a", "1");
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_xattr(m.fs, "f", "user.a", "1");
	ck_assert_int_eq(set_xattr("f", "user.b", value, 0), -ENOSPC);
}
END_TEST

START_TEST(test_too_large_for_the_bucket_is_no_space)
{
	put_file(m.fs, "f", "text", 4);
	fake_fail_next(bucket, FAKE_PUT_INFO, -EFBIG, 1);
	ck_assert_int_eq(set_xattr("f", "user.a", "1", 0), -ENOSPC);
	assert_xattr(m.fs, "f", "user.a", NULL);
}
END_TEST

/* Key and value of another client's metadata. All count as absent. */
static const char *const nonsense[][2] = {
	{"posix.mode", "banana"},
	{"posix.mode", "-1"},
	{"posix.mode", "99999999999999999999999999999999999999999999"},
	{"posix.uid", "-1"},
	{"posix.uid", "4294967295"},
	{"posix.gid", "nobody"},
	{"posix.gid", "1e3"},
	{"posix.mtime", "-62167219200000000000"},
	{"posix.mtime", "884541340800000000000"},
	{"posix.mtime", "2026-01-01"},
	{"posix.ctime", ""},
	{"posix.atime", " 5"},
	{"posix.btime", "0x10"},
	{"posix.rdev", "18446744073709551616"},
	{"posix.target", ""},
	{"posix.from", "x@"},
	{"posix.xattr.system.posix_acl_access", "none"},
	{"posix.xattr.security.capability", "data:;base64,!"},
};

START_TEST(test_nonsense_in_metadata_counts_as_absent)
{
	char json[1000], digits[301];
	struct stat st;

	memset(digits, '7', 300);
	digits[300] = '\0';
	(void)snprintf(json, sizeof(json),
		       "{\"name\":\"f\",\"metadata\":{\"%s\":\"%s\",\"posix.gid\":\"%s\"},"
		       "\"bucket\":\"b\",\"nuid\":\"N\",\"size\":0,\"chunks\":0,\"mtime\":"
		       "\"0000-01-01T00:00:00Z\"}",
		       nonsense[_i][0], nonsense[_i][1], digits);
	fake_foreign_put(bucket, "good", "text", 4, CHUNK);
	fake_foreign_meta(bucket, "f", json);
	fake_sync(bucket);
	st = stat_path(m.fs, "f");
	ck_assert_uint_eq(st.st_mode, S_IFREG | 0644);
	ck_assert_uint_eq(st.st_uid, 1000);
	ck_assert_uint_eq(st.st_gid, 1000);
	ck_assert_int_gt(st.st_mtim.tv_sec, 0);
	ck_assert_int_eq(st.st_mtim.tv_sec, st.st_ctim.tv_sec);
	assert_file(m.fs, "good", "text", 4);
	assert_file(m.fs, "f", "", 0);
	ck_assert_int_eq(chmod_path("f", 0601), 0);
	ck_assert_uint_eq(stat_path(m.fs, "f").st_mode, S_IFREG | 0601);
}
END_TEST

START_TEST(test_statfs_shows_what_is_used_and_what_is_left)
{
	_cleanup_free_ char *data = pattern(100 * CHUNK);
	struct statvfs st;

	put_file(m.fs, "f", data, 100 * CHUNK);
	ck_assert_int_eq(fs_statfs(m.fs, &root_ctx, &st), 0);
	ck_assert_uint_gt(st.f_bavail, UINT64_C(1) << 30);
	ck_assert_uint_ge(st.f_blocks - st.f_bfree, 100 * CHUNK / st.f_frsize);
	ck_assert_uint_lt(st.f_blocks - st.f_bfree, 200 * CHUNK / st.f_frsize);
	ck_assert_uint_eq(st.f_files - st.f_ffree, 2);
	fake_set_free(bucket, 1 << 20);
	ck_assert_int_eq(fs_statfs(m.fs, &root_ctx, &st), 0);
	ck_assert_uint_eq(st.f_bavail * st.f_frsize, 1 << 20);
	fake_set_free(bucket, 0);
	ck_assert_int_eq(fs_statfs(m.fs, &root_ctx, &st), 0);
	ck_assert_uint_eq(st.f_bavail, 0);
	ck_assert_uint_gt(st.f_blocks, 0);
}
END_TEST

START_TEST(test_metadata_dropped_by_another_client_is_gone)
{
	put_file(m.fs, "f", "text", 4);
	ck_assert_int_eq(chmod_path("f", 0711), 0);
	ck_assert_int_eq(set_xattr("f", "user.a", "1", 0), 0);
	fake_foreign_put(bucket, "f", "other", 5, CHUNK);
	fake_sync(bucket);
	ck_assert_uint_eq(stat_path(m.fs, "f").st_mode, S_IFREG | 0644);
	assert_xattr(m.fs, "f", "user.a", NULL);
	assert_file(m.fs, "f", "other", 5);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_attrs");
	TCase *tc = tcase_create("fs_attrs");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_times_are_the_same_after_a_remount);
	tcase_add_test(tc, test_an_explicit_time_stands_until_the_next_write);
	tcase_add_test(tc, test_times_beyond_64_bits_become_the_last_there_is);
	tcase_add_test(tc, test_a_directory_changes_with_its_entries_not_with_their_versions);
	tcase_add_test(tc, test_an_explicit_time_of_a_directory_stands_until_its_next_entry);
	tcase_add_test(tc, test_an_explicit_time_of_a_directory_is_that_of_every_mount);
	tcase_add_test(tc, test_a_directory_changes_when_one_in_it_is_removed_elsewhere);
	tcase_add_test(tc, test_a_change_does_not_undo_one_of_another_mount);
	tcase_add_test(tc, test_a_failed_change_is_not_shown);
	tcase_add_test(tc, test_unsaved_content_takes_its_attributes_along);
	tcase_add_test(tc, test_a_file_made_for_reading_is_stored);
	tcase_add_test(tc, test_a_truncation_stores_once);
	tcase_add_test(tc, test_chown_takes_privileges_away);
	tcase_add_test(tc, test_directories_keep_their_times_below_one_that_is_renamed);
	tcase_add_test(tc, test_a_write_takes_a_capability_away);
	tcase_add_test(tc, test_labels_are_looked_for_only_where_there_are_some);
	tcase_add_test(tc, test_flags_of_setxattr);
	tcase_add_test(tc, test_attributes_of_a_file_without_a_name);
	tcase_add_test(tc, test_a_symbolic_link_keeps_its_inode_when_it_changes);
	tcase_add_test(tc, test_attributes_of_unsaved_content_fit_into_a_message);
	tcase_add_test(tc, test_too_large_for_the_bucket_is_no_space);
	tcase_add_loop_test(tc, test_nonsense_in_metadata_counts_as_absent, 0, ARRAY_LEN(nonsense));
	tcase_add_test(tc, test_statfs_shows_what_is_used_and_what_is_left);
	tcase_add_test(tc, test_metadata_dropped_by_another_client_is_gone);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
