/* SPDX-License-Identifier: Apache-2.0 */

/* Renames of directories: what follows behind the call, what a crash leaves, and what others do
 * meanwhile. */

#include <stdio.h>
#include <stdlib.h>

#include "fs/apply.h"
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

/* More than a call waits for, and what it does wait for. */
#define MANY 300
#define FEW 100

static void make_files(const char *dir, int n)
{
	char name[64];

	if (!exists(m.fs, dir))
		ck_assert_int_eq(make_dir(m.fs, dir), 0);
	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/f%03d", dir, i);
		fake_foreign_put(bucket, name, name, strlen(name), CHUNK);
	}
	fake_sync(bucket);
}

static void assert_files(struct fs *fs, const char *dir, const char *old_dir, int n)
{
	char name[64], text[64];

	for (int i = 0; i < n; i++) {
		snprintf(name, sizeof(name), "%s/f%03d", dir, i);
		snprintf(text, sizeof(text), "%s/f%03d", old_dir, i);
		assert_file(fs, name, text, strlen(text));
	}
}

START_TEST(test_a_large_directory_is_renamed)
{
	struct mount other = mount_bucket();

	make_files("d", MANY);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	ck_assert(!exists(m.fs, "d"));
	assert_files(m.fs, "n", "d", MANY);
	fake_sync(bucket);
	ck_assert(!exists(other.fs, "d"));
	assert_files(other.fs, "n", "d", MANY);
	wait_followed(m.fs);
	fake_sync(bucket);
	wait_followed(other.fs);
	ck_assert(!exists(other.fs, "d"));
	assert_files(other.fs, "n", "d", MANY);
	unmount_bucket(&other);
	ck_assert_ptr_null(fake_find(bucket, ".natsobj/intent/"));
	remount();
	assert_list("", "n ");
	assert_files(m.fs, "n", "d", MANY);
	/* Back over its own tombstones. */
	ck_assert_int_eq(rename_path(m.fs, "n", "d", 0), 0);
	remount();
	assert_list("", "d ");
	assert_files(m.fs, "d", "d", MANY);
}
END_TEST

/* An operation holds one of the names, so that nothing follows. */
static void rename_and_hold(void)
{
	make_files("d", MANY);
	ck_assert_int_eq(namelock_take(&m.fs->names, "d/f000", 6), 0);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	fake_sync(bucket);
	ck_assert(is_stored("d/f000"));
	ck_assert(!is_stored("n/f299"));
}

static void let_follow_but(int n_stay)
{
	fs_release_name(m.fs, "d/f000", 6);
	wait_followed(m.fs);
	ck_assert(is_stored("d/f299") == (n_stay > 0));
	ck_assert(is_stored("n/f000") && is_stored("n/f299"));
}

static void let_follow(void)
{
	let_follow_but(0);
}

START_TEST(test_many_objects_follow_behind_the_call)
{
	struct mount other = mount_bucket();

	rename_and_hold();
	assert_list("", "n ");
	ck_assert(!exists(other.fs, "d"));
	assert_files(m.fs, "n", "d", 10);
	assert_files(other.fs, "n", "d", 10);
	/* One that begins now sees the same. */
	unmount_bucket(&other);
	other = mount_bucket();
	ck_assert(!exists(other.fs, "d"));
	assert_files(other.fs, "n", "d", MANY);
	let_follow();
	fake_sync(bucket);
	wait_followed(other.fs);
	assert_files(other.fs, "n", "d", MANY);
	unmount_bucket(&other);
}
END_TEST

static mode_t mode_of(const char *path)
{
	struct fs_entry e = {0};

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	fs_forget(m.fs, e.nodeid, 1);
	return e.st.st_mode & 07777;
}

struct later_change {
	struct fs *fs;
	int err;
};

static void *change_main(void *arg)
{
	struct later_change *c = arg;

	c->err = change_mode(c->fs, "n/f000", 0640);
	return NULL;
}

/* Here or, behind the watch, on another mount. */
START_TEST(test_a_change_waits_until_its_object_has_followed)
{
	struct mount other = mount_bucket();
	struct later_change change = {.fs = _i ? other.fs : m.fs, .err = 1};
	pthread_t thread;

	rename_and_hold();
	ck_assert_int_eq(pthread_create(&thread, NULL, change_main, &change), 0);
	usleep(50000);
	ck_assert(!is_stored("n/f000"));
	let_follow();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(change.err, 0);
	fake_sync(bucket);
	ck_assert_uint_eq(mode_of("n/f000"), 0640);
	ck_assert(!is_stored("d/f000"));
	unmount_bucket(&other);
}
END_TEST

/* A claim does not follow, and under the new name there is the trace of something older. */
START_TEST(test_what_does_not_follow_is_gone_elsewhere_too)
{
	struct mount other = mount_bucket();
	struct fs_handle *h;

	ck_assert_int_eq(make_dir(m.fs, "n"), 0);
	put_file(m.fs, "n/b", "old", 3);
	ck_assert_int_eq(unlink_path(m.fs, "n/b"), 0);
	ck_assert_int_eq(rmdir_path(m.fs, "n"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(create(m.fs, "d/b", O_WRONLY | O_EXCL, &h), 0);
	fake_sync(bucket);
	ck_assert(exists(other.fs, "d/b"));
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	ck_assert_int_eq(unlink_path(m.fs, "n/b"), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	/* The bucket cannot always be asked. */
	fake_fail_next(bucket, FAKE_GET_INFO, -ETIMEDOUT, (unsigned)_i);
	fake_sync(bucket);
	wait_followed(other.fs);
	fake_fail_next(bucket, FAKE_GET_INFO, 0, 0);
	ck_assert(!exists(m.fs, "n/b"));
	ck_assert(!exists(other.fs, "n/b"));
	ck_assert(exists(other.fs, "n"));
	unmount_bucket(&other);
}
END_TEST

/* Another mount is at work on it, and stores it where its tree has it then. */
START_TEST(test_a_claim_of_another_mount_does_not_follow)
{
	struct mount other = mount_bucket();
	struct fs_handle *h;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/a", "a", 1);
	fake_sync(bucket);
	ck_assert_int_eq(create(other.fs, "d/b", O_WRONLY | O_EXCL, &h), 0);
	fake_sync(bucket);
	ck_assert(exists(m.fs, "d/b"));
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	assert_list("n", "a ");
	ck_assert(!exists(m.fs, "d"));
	fake_sync(bucket);
	ck_assert_int_eq(write_at(other.fs, h, 0, "b", 1), 0);
	ck_assert_int_eq(close_file(other.fs, h), 0);
	fake_sync(bucket);
	wait_followed(other.fs);
	assert_list("n", "a b ");
	assert_object("n/b", "b", 1);
	ck_assert(!exists(m.fs, "d"));
	ck_assert(!exists(other.fs, "d"));
	unmount_bucket(&other);
}
END_TEST

static void *make_main(void *arg)
{
	int *ret = arg;

	*ret = make_dir(m.fs, "d");
	if (!*ret)
		put_file(m.fs, "d/f000", "new", 3);
	return NULL;
}

START_TEST(test_what_is_made_under_the_old_name_is_something_else)
{
	pthread_t thread;
	int err = 1;

	rename_and_hold();
	ck_assert_int_eq(pthread_create(&thread, NULL, make_main, &err), 0);
	usleep(50000);
	let_follow();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(err, 0);
	assert_file(m.fs, "d/f000", "new", 3);
	assert_files(m.fs, "n", "d", MANY);
	remount();
	assert_list("d", "f000 ");
	assert_file(m.fs, "d/f000", "new", 3);
	assert_files(m.fs, "n", "d", MANY);
}
END_TEST

/* By somebody who does not know of the rename. */
START_TEST(test_what_is_made_under_the_new_name_stays)
{
	struct mount other = mount_bucket();

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d/s"), 0);
	rename_and_hold();
	fake_foreign_put(bucket, "n/f299", "new", 3, CHUNK);
	fake_foreign_put(bucket, "n/s/", "", 0, CHUNK);
	let_follow_but(1);
	fake_sync(bucket);
	wait_followed(other.fs);
	/* What it took the name of is where it was; directories become one. */
	for (int i = 0; i < 2; i++) {
		struct fs *fs = i ? other.fs : m.fs;

		assert_file(fs, "n/f299", "new", 3);
		assert_file(fs, "d/f299", "d/f299", 6);
		assert_files(fs, "n", "d", MANY - 1);
		ck_assert(exists(fs, "n/s"));
		ck_assert(!exists(fs, "d/s") && !exists(fs, "d/f298"));
	}
	ck_assert(!is_stored("d/s/"));
	unmount_bucket(&other);
}
END_TEST

static void *replace_main(void *arg)
{
	char name[64];

	(void)arg;
	for (int i = 0; i < FEW; i++) {
		snprintf(name, sizeof(name), "d/f%03d", i);
		fake_foreign_put(bucket, name, "new", 3, CHUNK);
	}
	return NULL;
}

/* By a client that purges at once what it replaces. */
START_TEST(test_what_is_replaced_while_it_moves_leads_nowhere_else)
{
	pthread_t thread;
	char name[64], text[64];

	make_files("d", FEW);
	ck_assert_int_eq(pthread_create(&thread, NULL, replace_main, NULL), 0);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	fake_sync(bucket);
	remount();
	for (int i = 0; i < FEW; i++) {
		snprintf(text, sizeof(text), "d/f%03d", i);
		snprintf(name, sizeof(name), "n/f%03d", i);
		if (is_stored(text))
			assert_object(text, "new", 3);
		if (is_stored(name) && is_stored(text))
			assert_object(name, text, strlen(text));
		ck_assert(is_stored(name) || is_stored(text));
	}
}
END_TEST

static void *rename_again_main(void *arg)
{
	*(int *)arg = rename_path(m.fs, "n", "o", 0);
	return NULL;
}

START_TEST(test_a_directory_that_moves_is_renamed_again)
{
	struct mount other = mount_bucket();
	pthread_t thread;
	int err = 1;

	rename_and_hold();
	ck_assert_int_eq(pthread_create(&thread, NULL, rename_again_main, &err), 0);
	usleep(50000);
	fs_release_name(m.fs, "d/f000", 6);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(err, 0);
	wait_followed(m.fs);
	fake_sync(bucket);
	wait_followed(other.fs);
	assert_list("", "o ");
	assert_files(m.fs, "o", "d", MANY);
	ck_assert(!exists(other.fs, "d") && !exists(other.fs, "n"));
	assert_files(other.fs, "o", "d", MANY);
	unmount_bucket(&other);
	remount();
	assert_files(m.fs, "o", "d", MANY);
}
END_TEST

START_TEST(test_an_error_behind_the_call_does_not_end_the_rename)
{
	make_files("d", MANY);
	/* In the middle of the second batch, and once only. */
	fake_fail_after(bucket, FAKE_PUT_INFO, -ENOSPC, 350, 1);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	wait_followed(m.fs);
	remount();
	assert_list("", "n ");
	assert_files(m.fs, "n", "d", MANY);
}
END_TEST

START_TEST(test_an_interrupted_directory_rename_is_finished_by_the_next_mount)
{
	_cleanup_free_ char *intent = NULL;

	make_files("d", MANY);
	/* The intent and the first batch, then nothing but failures: as if killed. */
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 200, 100000);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EIO, 100000);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	fs_drain(m.fs, 300);
	fake_fail_next(bucket, FAKE_PUT_INFO, 0, 0);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, 0, 0);
	remount();
	assert_list("", "n ");
	assert_files(m.fs, "n", "d", MANY);
	/* This one has its new name, and its old one too. */
	ck_assert(is_stored("d/f100") && is_stored("n/f100"));
	ck_assert_int_eq(change_mode(m.fs, "n/f100", 0640), 0);
	intent = fake_find(bucket, ".natsobj/intent/");
	ck_assert_ptr_nonnull(intent);
	ck_assert_int_eq(finish(intent), 0);
	fake_sync(bucket);
	assert_list("", "n ");
	assert_files(m.fs, "n", "d", MANY);
	for (int i = 0; i < MANY; i++) {
		char name[32];

		snprintf(name, sizeof(name), "d/f%03d", i);
		ck_assert(!is_stored(name));
	}
	ck_assert_uint_eq(mode_of("n/f100"), 0640);
	remount();
	assert_list("", "n ");
	assert_files(m.fs, "n", "d", MANY);
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
	make_files("d", FEW);
	fake_fail_after(bucket, FAKE_PUT_INFO, -ENOSPC, 50, 100000);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), -ENOSPC);
	fake_fail_next(bucket, FAKE_PUT_INFO, 0, 0);
	fake_sync(bucket);
	for (int i = 0; i < FEW; i++) {
		char old_name[32], new_name[32];

		snprintf(old_name, sizeof(old_name), "d/f%03d", i);
		snprintf(new_name, sizeof(new_name), "n/f%03d", i);
		ck_assert(exists(m.fs, old_name) != exists(m.fs, new_name));
		ck_assert(is_stored(old_name) == exists(m.fs, old_name));
	}
}
END_TEST

static nlink_t links_of(const char *path)
{
	struct fs_entry e = {0};

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	fs_forget(m.fs, e.nodeid, 1);
	return e.st.st_nlink;
}

static void link_file(const char *old_path, const char *new_name)
{
	struct fs_entry e, made;

	ck_assert_int_eq(lookup(m.fs, old_path, &e), 0);
	ck_assert_int_eq(fs_link(m.fs, &root_ctx, e.nodeid, FS_ROOT_ID, new_name, &made), 0);
	fs_forget(m.fs, made.nodeid, 1);
	fs_forget(m.fs, e.nodeid, 1);
}

START_TEST(test_finishing_a_directory_rename_counts_no_link_down)
{
	_cleanup_free_ char *intent = NULL;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/x", "linked", 6);
	link_file("d/x", "y");
	/* The intent, the marker's and the file's new names, but none of the old ones goes. */
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 3, 100000);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EIO, 100000);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), -EIO);
	fake_fail_next(bucket, FAKE_PUT_INFO, 0, 0);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, 0, 0);
	remount();
	intent = fake_find(bucket, ".natsobj/intent/");
	ck_assert_ptr_nonnull(intent);
	ck_assert_int_eq(finish(intent), 0);
	fake_sync(bucket);
	ck_assert_uint_eq(links_of("y"), 2);
	ck_assert_int_eq(unlink_path(m.fs, "y"), 0);
	assert_file(m.fs, "n/x", "linked", 6);
	remount();
	assert_file(m.fs, "n/x", "linked", 6);
}
END_TEST

START_TEST(test_what_was_stored_just_before_a_directory_rename_moves_too)
{
	unsigned int flags = _i ? RENAME_EXCHANGE : 0;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/x", "old", 3);
	if (_i)
		ck_assert_int_eq(make_dir(m.fs, "n"), 0);
	fake_sync(bucket);
	fake_delay_events(bucket, 300);
	fake_foreign_put(bucket, "d/late", "late", 4, CHUNK);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", flags), 0);
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	assert_list("n", "late x ");
	assert_file(m.fs, "n/late", "late", 4);
	assert_object("n/late", "late", 4);
	ck_assert(!is_stored("d/late"));
}
END_TEST

START_TEST(test_a_directory_rename_that_fails_changes_nothing)
{
	make_files("d", FEW);
	ck_assert_int_eq(make_dir(m.fs, "d/sub"), 0);
	put_file(m.fs, "d/sub/own", "own", 3);
	/* When all have their new names, but some of the old ones; once only. */
	fake_fail_after(bucket, FAKE_PUT_INFO, -ENOSPC, 150, 1);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -ENOSPC, 1);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), -ENOSPC);
	fake_sync(bucket);
	assert_list("", "d ");
	assert_files(m.fs, "d", "d", FEW);
	assert_file(m.fs, "d/sub/own", "own", 3);
	ck_assert_ptr_null(fake_find(bucket, ".natsobj/intent/"));
	remount();
	assert_list("", "d ");
	assert_files(m.fs, "d", "d", FEW);
	assert_file(m.fs, "d/sub/own", "own", 3);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	assert_files(m.fs, "n", "d", FEW);
	assert_file(m.fs, "n/sub/own", "own", 3);
}
END_TEST

START_TEST(test_a_directory_rename_without_room_is_refused_at_once)
{
	unsigned int puts;

	make_files("d", MANY);
	ck_assert_int_eq(make_dir(m.fs, "n"), 0);
	fake_set_free(bucket, 100000);
	puts = fake_calls(bucket, FAKE_PUT_INFO);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), -ENOSPC);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_PUT_INFO), puts);
	assert_list("", "d n ");
	fake_set_free(bucket, UINT64_MAX);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
}
END_TEST

START_TEST(test_a_sequence_that_no_object_can_have_moves_nothing)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_free_ char *name = NULL;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/x", "text", 4);
	ck_assert_int_eq(intent_new(m.fs, INTENT_RENAME, &info), 0);
	ck_assert_int_eq(obj_info_set_meta(info, "posix.old", "d/"), 0);
	ck_assert_int_eq(obj_info_set_meta(info, "posix.new", "n/"), 0);
	ck_assert_int_eq(obj_info_set_meta(info, "posix.seq",
					   _i ? "18446744073709551614" : "18446744073709551615"),
			 0);
	ck_assert_int_eq(intent_finish(m.fs, info), 0);
	fake_sync(bucket);
	assert_list("", "d ");
	assert_object("d/x", "text", 4);
	assert_file(m.fs, "d/x", "text", 4);
	name = fake_find(bucket, ".natsobj/intent/");
	ck_assert_ptr_null(name);
}
END_TEST

/* Nor on other mounts, which follow what they find. */
START_TEST(test_an_intent_that_makes_no_sense_moves_nothing)
{
	static const char *const news[] = {"d/a/b/", ".natsobj/a/", "f/a/", "d/", "f/"};
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct mount other = mount_bucket();

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/x", "text", 4);
	put_file(m.fs, "f", "file", 4);
	ck_assert_int_eq(intent_new(m.fs, INTENT_RENAME, &info), 0);
	ck_assert_int_eq(intent_set_names(info, "d/", news[_i]), 0);
	ck_assert_int_eq(intent_store(m.fs, info), 0);
	fake_sync(bucket);
	unmount_bucket(&m);
	m = other;
	ck_assert(!exists(m.fs, "d/a"));
	if (_i != 2)
		assert_list("", "d f ");
	assert_file(m.fs, "f", "file", 4);
	remount();
	if (_i != 2)
		assert_list("", "d f ");
	assert_file(m.fs, "f", "file", 4);
}
END_TEST

/* It cannot finish it, and must not look as if it did to those who can. */
START_TEST(test_a_mount_of_a_part_leaves_an_intent_about_more_alone)
{
	_cleanup_obj_info_ struct obj_info *info = NULL, *after = NULL;

	ck_assert_int_eq(make_dir(m.fs, "part"), 0);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(intent_new(m.fs, _i ? INTENT_EXCHANGE_DIRS : INTENT_RENAME, &info), 0);
	ck_assert_int_eq(intent_set_names(info, "part/", "d/"), 0);
	ck_assert_int_eq(intent_store(m.fs, info), 0);
	unmount_bucket(&m);
	m = mount_with(&(struct fs_config){.prefix = "part/"});
	ck_assert_int_eq(finish(info->name), -EXDEV);
	after = fake_info(bucket, info->name);
	ck_assert_uint_eq(after->seq, info->seq);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_rename_dir");
	TCase *tc = tcase_create("rename");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_finishing_a_directory_rename_counts_no_link_down);
	tcase_add_loop_test(tc, test_what_was_stored_just_before_a_directory_rename_moves_too, 0,
			    2);
	tcase_add_test(tc, test_a_directory_rename_that_fails_changes_nothing);
	tcase_add_test(tc, test_a_directory_rename_without_room_is_refused_at_once);
	tcase_add_loop_test(tc, test_a_sequence_that_no_object_can_have_moves_nothing, 0, 2);
	tcase_add_loop_test(tc, test_an_intent_that_makes_no_sense_moves_nothing, 0, 5);
	tcase_add_loop_test(tc, test_a_mount_of_a_part_leaves_an_intent_about_more_alone, 0, 2);
	tcase_add_test(tc, test_a_large_directory_is_renamed);
	tcase_add_test(tc, test_many_objects_follow_behind_the_call);
	tcase_add_loop_test(tc, test_a_change_waits_until_its_object_has_followed, 0, 2);
	tcase_add_test(tc, test_a_claim_of_another_mount_does_not_follow);
	tcase_add_loop_test(tc, test_what_does_not_follow_is_gone_elsewhere_too, 0, 4);
	tcase_add_test(tc, test_what_is_made_under_the_old_name_is_something_else);
	tcase_add_test(tc, test_what_is_made_under_the_new_name_stays);
	tcase_add_loop_test(tc, test_what_is_replaced_while_it_moves_leads_nowhere_else, 0, 10);
	tcase_add_test(tc, test_a_directory_that_moves_is_renamed_again);
	tcase_add_test(tc, test_an_error_behind_the_call_does_not_end_the_rename);
	tcase_add_test(tc, test_an_interrupted_directory_rename_is_finished_by_the_next_mount);
	tcase_add_test(tc, test_what_is_open_below_a_renamed_directory_goes_along);
	tcase_add_test(tc, test_a_failed_directory_rename_shows_what_is_where);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
