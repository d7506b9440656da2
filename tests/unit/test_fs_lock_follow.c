/* SPDX-License-Identifier: Apache-2.0 */

/* What becomes of an open file when a lock on it is granted. */

#include "fake_kv.h"
#include "fs/internal.h"
#include "fs/locks.h"
#include "fs_fixture.h"
#include "suite.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* How late the watch tells, where that is to be after the lock. */
#define LATE_MS 300

static struct mount other; /* another host */
static struct fs_handle *h;
static uint64_t nodeid; /* of h, known to the kernel */

static void setup(void)
{
	struct fs_entry e;

	fixture_setup();
	other = mount_bucket();
	put_file(m.fs, "f", "old text", 8);
	fake_sync(bucket);
	ck_assert_int_eq(lookup(m.fs, "f", &e), 0);
	nodeid = e.nodeid;
	ck_assert_int_eq(fs_open(m.fs, &root_ctx, nodeid, O_RDWR, &h, &(bool){false}), 0);
}

static void teardown(void)
{
	fs_forget(m.fs, nodeid, 1);
	unmount_bucket(&other);
	fixture_teardown();
}

/* Another host stores the file as one that holds its lock does. */
static void change_elsewhere(const char *text)
{
	struct fs_handle *theirs;

	ck_assert_int_eq(open_path(other.fs, "f", O_RDWR, &theirs), 0);
	ck_assert_int_eq(write_at(other.fs, theirs, 0, text, strlen(text)), 0);
	ck_assert_int_eq(close_file(other.fs, theirs), 0);
}

static bool follow(struct fs_handle *which)
{
	bool is_new;

	ck_assert_int_eq(fs_lock_follow(m.fs, &root_ctx, which, &is_new), 0);
	return is_new;
}

static void assert_reads(struct fs_handle *which, const char *text)
{
	char got[100] = "";
	ssize_t n = read_at(m.fs, which, 0, got, sizeof(got) - 1);

	ck_assert_int_eq(n, (ssize_t)strlen(text));
	ck_assert_str_eq(got, text);
}

static void assert_shown(const char *path, uint64_t size)
{
	struct fs_entry e;
	struct stat st;
	double timeout;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	ck_assert_uint_eq(e.nodeid, nodeid);
	fs_forget(m.fs, e.nodeid, 1);
	ck_assert_int_eq(fs_getattr(m.fs, &root_ctx, nodeid, &st, &timeout), 0);
	ck_assert_uint_eq(st.st_ino, e.st.st_ino);
	ck_assert_int_eq(st.st_size, (off_t)size);
}

static void assert_becomes_newest(void)
{
	ck_assert(follow(h));
	assert_reads(h, "new, longer text");
	assert_shown("f", 16);
	ck_assert(!follow(h));
	/* A change builds on it. */
	ck_assert_int_eq(write_at(m.fs, h, 0, "NEW", 3), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "NEW, longer text", 16);
	assert_names(m.fs, "", "f ");
	assert_shown("f", 16);
}

START_TEST(test_a_version_that_the_tree_shows_already)
{
	change_elsewhere("new, longer text");
	fake_sync(bucket);
	assert_becomes_newest();
}
END_TEST

START_TEST(test_a_version_that_the_watch_has_yet_to_tell_of)
{
	fake_delay_events(bucket, LATE_MS);
	change_elsewhere("new, longer text");
	assert_becomes_newest();
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	assert_shown("f", 16);
}
END_TEST

START_TEST(test_it_can_be_done_again_and_again)
{
	struct fs_handle *later;

	for (int i = 0; i < 5; i++) {
		char text[20];

		(void)snprintf(text, sizeof(text), "round %d .", i);
		change_elsewhere(text);
		fake_sync(bucket);
		/* Who opens the file between finds another node. */
		ck_assert_int_eq(open_path(m.fs, "f", O_RDWR, &later), 0);
		assert_reads(later, text);
		ck_assert(follow(h));
		assert_reads(h, text);
		assert_shown("f", strlen(text));
		ck_assert(follow(later));
		assert_reads(later, text);
		ck_assert(follow(h));
		ck_assert_int_eq(write_at(m.fs, h, 0, "own", 3), 0);
		ck_assert_int_eq(fs_fsync(m.fs, &root_ctx, h), 0);
		ck_assert(follow(later));
		memcpy(text, "own", 3);
		assert_reads(later, text);
		ck_assert_int_eq(close_file(m.fs, later), 0);
	}
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_nothing_new)
{
	ck_assert(!follow(h));
	assert_reads(h, "old text");
	assert_shown("f", 8);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_unsaved_changes_stay)
{
	ck_assert_int_eq(write_at(m.fs, h, 0, "OLD", 3), 0);
	change_elsewhere("new, longer text");
	fake_sync(bucket);
	ck_assert(!follow(h));
	assert_reads(h, "OLD text");
	ck_assert_int_eq(close_file(m.fs, h), -ESTALE);
	assert_object("f", "new, longer text", 16);
}
END_TEST

START_TEST(test_unsaved_changes_of_another_descriptor_are_stored_first)
{
	struct fs_handle *later;

	change_elsewhere("new, longer text");
	fake_sync(bucket);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDWR, &later), 0);
	ck_assert_int_eq(write_at(m.fs, later, 0, "NEW", 3), 0);
	ck_assert(follow(h));
	assert_reads(h, "NEW, longer text");
	ck_assert_int_eq(close_file(m.fs, later), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "NEW, longer text", 16);
}
END_TEST

START_TEST(test_a_removed_file_keeps_its_content)
{
	/* Which is not fetched any more when it was purged. */
	assert_reads(h, "old text");
	fake_delay_events(bucket, LATE_MS);
	ck_assert_int_eq(unlink_path(other.fs, "f"), 0);
	ck_assert(!follow(h));
	assert_reads(h, "old text");
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	ck_assert(!follow(h));
	assert_reads(h, "old text");
	(void)close_file(m.fs, h);
}
END_TEST

/* As on a local disk it is another file, with another inode number. */
static void replace_by_rename(bool is_told)
{
	assert_reads(h, "old text");
	put_file(other.fs, "g", "another file", 12);
	fake_sync(bucket);
	fake_delay_events(bucket, is_told ? 0 : LATE_MS);
	ck_assert_int_eq(rename_path(other.fs, "g", "f", 0), 0);
	if (is_told)
		fake_sync(bucket);
	ck_assert(!follow(h));
	assert_reads(h, "old text");
	fake_delay_events(bucket, 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "another file", 12);
}

START_TEST(test_a_file_put_in_its_place_is_another)
{
	replace_by_rename(true);
}
END_TEST

START_TEST(test_a_file_put_in_its_place_is_another_before_the_watch_tells)
{
	replace_by_rename(false);
}
END_TEST

START_TEST(test_a_file_that_was_renamed_is_followed)
{
	ck_assert_int_eq(rename_path(other.fs, "f", "g", 0), 0);
	fake_sync(bucket);
	put_file(other.fs, "g", "new, longer text", 16);
	fake_sync(bucket);
	ck_assert(follow(h));
	assert_reads(h, "new, longer text");
	assert_shown("g", 16);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_a_file_with_several_names)
{
	struct fs_entry made;

	ck_assert_int_eq(fs_link(m.fs, &root_ctx, nodeid, FS_ROOT_ID, "g", &made), 0);
	fs_forget(m.fs, made.nodeid, 1);
	fake_sync(bucket);
	for (int i = 0; i < 3; i++) {
		char text[20];

		(void)snprintf(text, sizeof(text), "round %d .", i);
		change_elsewhere(text);
		if (i != 1)
			fake_sync(bucket);
		ck_assert(follow(h));
		assert_reads(h, text);
		assert_shown("f", strlen(text));
		assert_shown("g", strlen(text));
	}
	ck_assert_int_eq(write_at(m.fs, h, 0, "own", 3), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	fake_sync(bucket);
	assert_file(other.fs, "g", "ownnd 2 .", 9);
	assert_names(m.fs, "", "f g ");
}
END_TEST

START_TEST(test_a_server_that_cannot_say_what_is_newest)
{
	bool is_new;

	fake_fail_next(bucket, FAKE_GET_INFO, -ETIMEDOUT, 1);
	ck_assert_int_eq(fs_lock_follow(m.fs, &root_ctx, h, &is_new), -ETIMEDOUT);
	ck_assert(!is_new);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

/* --- before locks are given back --- */

static struct fake_kv *lock_server;
static struct kv *kv;
static struct cluster_locks *locks;

static void setup_locks(void)
{
	const struct cluster_locks_config cfg = {.lease_ms = 30000, .timeout_ms = 5000};

	setup();
	lock_server = fake_kv_new();
	kv = fake_kv_open(lock_server);
	ck_assert_int_eq(cluster_locks_new(kv, &cfg, &locks), 0);
	fs_use_locks(m.fs, locks);
}

static void teardown_locks(void)
{
	cluster_locks_stop(locks);
	teardown();
	kv_close(kv);
	cluster_locks_free(locks);
	fake_kv_free(lock_server);
}

static void on_locked(void *arg, int err, const struct lock_entry *conflict, bool is_local)
{
	(void)conflict;
	(void)is_local;
	ck_assert_int_eq(err, 0);
	atomic_store((atomic_bool *)arg, true);
}

static struct lock_entry entry_of(uint64_t owner)
{
	return (struct lock_entry){.kind = LOCK_POSIX,
				   .mode = LOCK_EXCLUSIVE,
				   .owner = {.id = owner},
				   .end = LOCK_RANGE_END};
}

static void take_lock(struct fs_handle *which, uint64_t owner)
{
	const struct lock_entry want = entry_of(owner);
	atomic_bool is_done = false;
	struct lock_op *op;

	ck_assert_int_eq(fs_lock_op(m.fs, which, LOCK_OP_TRY, &want, on_locked, &is_done, &op), 0);
	fs_lock_submit(m.fs, op);
	while (!atomic_load(&is_done))
		usleep(1000);
}

START_TEST(test_what_is_unsaved_is_stored_for_the_holder_only)
{
	const struct lock_entry stranger = entry_of(2), holder = entry_of(1);

	take_lock(h, 1);
	ck_assert_int_eq(write_at(m.fs, h, 0, "OLD", 3), 0);
	ck_assert_int_eq(fs_lock_prepare(m.fs, &root_ctx, h, &stranger), 0);
	assert_object("f", "old text", 8);
	ck_assert_int_eq(fs_lock_prepare(m.fs, &root_ctx, h, &holder), 0);
	assert_object("f", "OLD text", 8);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_who_gives_a_lock_back_hears_what_could_not_be_stored)
{
	const struct lock_entry holder = entry_of(1);

	take_lock(h, 1);
	ck_assert_int_eq(write_at(m.fs, h, 0, "OLD", 3), 0);
	change_elsewhere("new, longer text");
	ck_assert_int_eq(fs_lock_prepare(m.fs, &root_ctx, h, &holder), -ESTALE);
	ck_assert_int_eq(close_file(m.fs, h), -ESTALE);
}
END_TEST

START_TEST(test_a_lock_goes_with_its_descriptor_after_what_others_wrote_was_stored)
{
	struct fs_handle *reader;

	ck_assert_int_eq(fs_open(m.fs, &root_ctx, nodeid, O_RDONLY, &reader, &(bool){false}), 0);
	take_lock(reader, 1);
	ck_assert_int_eq(write_at(m.fs, h, 0, "OLD", 3), 0);
	ck_assert_int_eq(close_file(m.fs, reader), 0);
	assert_object("f", "OLD text", 8);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_lock_follow");
	TCase *tc = tcase_create("all");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_a_version_that_the_tree_shows_already);
	tcase_add_test(tc, test_a_version_that_the_watch_has_yet_to_tell_of);
	tcase_add_test(tc, test_it_can_be_done_again_and_again);
	tcase_add_test(tc, test_nothing_new);
	tcase_add_test(tc, test_unsaved_changes_stay);
	tcase_add_test(tc, test_unsaved_changes_of_another_descriptor_are_stored_first);
	tcase_add_test(tc, test_a_removed_file_keeps_its_content);
	tcase_add_test(tc, test_a_file_put_in_its_place_is_another);
	tcase_add_test(tc, test_a_file_put_in_its_place_is_another_before_the_watch_tells);
	tcase_add_test(tc, test_a_file_that_was_renamed_is_followed);
	tcase_add_test(tc, test_a_file_with_several_names);
	tcase_add_test(tc, test_a_server_that_cannot_say_what_is_newest);
	suite_add_tcase(s, tc);
	tc = tcase_create("stored");
	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup_locks, teardown_locks);
	tcase_add_test(tc, test_what_is_unsaved_is_stored_for_the_holder_only);
	tcase_add_test(tc, test_who_gives_a_lock_back_hears_what_could_not_be_stored);
	tcase_add_test(tc, test_a_lock_goes_with_its_descriptor_after_what_others_wrote_was_stored);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
