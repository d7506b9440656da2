/* SPDX-License-Identifier: Apache-2.0 */

/* fsync of large files: what others make of it when the mount is gone, or slow. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_kv.h"
#include "fs/intent.h"
#include "fs/journal.h"
#include "fs/locks.h"

#include "journal_fixture.h"
#include "suite.h"

/* --- another mount --- */

START_TEST(test_another_mount_stores_all_fsyncs_in_order)
{
	struct fs_handle *h = must_open(O_RDWR);
	size_t size = SIZE + 5000;

	change(h, 100, "one");
	change(h, 900000, "one");
	must_sync(h);
	change(h, 101, "two");
	must_sync(h);
	/* Shorter, then longer than before, with a hole. */
	cut(h, SIZE - 3000);
	must_sync(h);
	memset(data + SIZE - 3000, 0, 8000);
	change(h, SIZE + 4000, "end");
	cut(h, size);
	must_sync(h);
	recover();
	assert_object("f", data, size);
	ck_assert(!has_journal());
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, size);
}
END_TEST

START_TEST(test_what_no_fsync_has_seen_is_not_recovered)
{
	struct fs_handle *h = open_journaled();
	_cleanup_free_ char *synced = NULL;

	synced = malloc(SIZE);
	memcpy(synced, data, SIZE);
	change(h, 200, "not yet");
	recover();
	assert_object("f", synced, SIZE);
	/* This mount was only slow: nothing of its own is lost, and nothing is a conflict. */
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
	ck_assert(!is_there("f.conflict"));
}
END_TEST

START_TEST(test_a_slow_mount_goes_on_although_its_base_is_gone)
{
	_cleanup_obj_info_ struct obj_info *old = fake_info(bucket, "f");
	struct fs_handle *h = open_journaled();

	recover();
	fake_drop_chunks(bucket, old->nuid);
	change(h, 5000, "two");
	must_sync(h);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
	ck_assert(!is_there("f.conflict"));
}
END_TEST

START_TEST(test_attributes_are_recovered_too)
{
	struct fs_handle *h = open_journaled();
	_cleanup_obj_info_ struct obj_info *info = NULL;
	const struct stat st = {.st_mode = 0751};

	set_attr(NULL, &st, FS_SET_MODE);
	must_sync(h);
	recover();
	info = fake_info(bucket, "f");
	ck_assert_str_eq(obj_info_meta(info, "posix.mode"), "100751");
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_a_journal_follows_a_renamed_file)
{
	struct fs_handle *h = open_journaled();

	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	recover();
	assert_object("g", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("g", data, SIZE);
}
END_TEST

START_TEST(test_a_removed_file_takes_its_journal_along)
{
	struct fs_handle *h = open_journaled();

	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert(!has_journal());
	must_sync(h);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(!is_there("f"));
}
END_TEST

START_TEST(test_a_file_that_another_is_renamed_to_takes_its_journal_along)
{
	struct fs_handle *h = must_open(O_RDWR);

	put_file(m.fs, "other", "new", 3);
	change(h, 100, "one");
	must_sync(h);
	ck_assert_int_eq(rename_path(m.fs, "other", "f", 0), 0);
	ck_assert(!has_journal());
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "new", 3);
}
END_TEST

START_TEST(test_a_journal_of_a_name_that_is_gone_is_void)
{
	struct fs_handle *h = open_journaled();

	fake_foreign_delete(bucket, "f");
	recover();
	ck_assert(!has_journal());
	ck_assert(!is_there("f"));
	/* Whose deletion took the chunks at once. */
	ck_assert_int_eq(close_file(m.fs, h), -EIO);
}
END_TEST

START_TEST(test_replaced_content_makes_a_conflict_copy)
{
	struct mount other = second();
	struct fs_handle *h = open_journaled();
	_cleanup_free_ char *copy = NULL;

	put_file(other.fs, "f", "theirs", 6);
	ck_assert_int_eq(finish(&other), 0);
	fake_sync(bucket);
	assert_object("f", "theirs", 6);
	copy = fake_find(bucket, "f.conflict-");
	ck_assert_ptr_nonnull(copy);
	assert_object(copy, data, SIZE);
	ck_assert(!has_journal());
	assert_file(other.fs, "f", "theirs", 6);
	unmount_bucket(&other);
	/* What it built on may be gone by now. */
	ck_assert_int_ne(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_of_replaced_content_that_is_gone_the_changes_are_kept)
{
	_cleanup_obj_info_ struct obj_info *old = fake_info(bucket, "f");
	struct fs_handle *h = open_journaled();
	_cleanup_free_ char *copy = NULL, *want = calloc(1, SIZE);

	fake_foreign_put(bucket, "f", "theirs", 6, CHUNK);
	fake_drop_chunks(bucket, old->nuid);
	recover();
	copy = fake_find(bucket, "f.conflict-");
	ck_assert_ptr_nonnull(copy);
	put_text(want + 100, "one");
	assert_object(copy, want, SIZE);
	assert_object("f", "theirs", 6);
	(void)close_file(m.fs, h);
}
END_TEST

START_TEST(test_a_conflict_ends_the_journal)
{
	struct mount other = second();
	struct fs_handle *h = open_journaled();
	_cleanup_free_ char *copy = NULL;

	put_file(other.fs, "f", "theirs", 6);
	fake_sync(bucket);
	ck_assert_int_eq(close_file(m.fs, h), -ESTALE);
	unmount_bucket(&other);
	ck_assert(!has_journal());
	copy = fake_find(bucket, "f.conflict-");
	ck_assert_ptr_nonnull(copy);
	assert_object(copy, data, SIZE);
}
END_TEST

START_TEST(test_a_conflict_that_cannot_be_stored_whole_leaves_the_changes)
{
	struct fs_handle *h = open_journaled();
	_cleanup_free_ char *copy = NULL, *want = calloc(1, SIZE);

	fake_foreign_put(bucket, "f", "theirs", 6, CHUNK);
	fake_sync(bucket);
	ck_assert_int_eq(close_file(m.fs, h), -EIO);
	wait_stored();
	copy = fake_find(bucket, "f.conflict-");
	ck_assert_ptr_nonnull(copy);
	put_text(want + 100, "one");
	assert_object(copy, want, SIZE);
	assert_object("f", "theirs", 6);
}
END_TEST

/* The chunks that a journal needs are not purged by a mount that knows of it. */
START_TEST(test_the_base_of_a_journal_is_not_purged)
{
	_cleanup_obj_info_ struct obj_info *old = fake_info(bucket, "f");
	struct mount other = second();
	struct fs_handle *h = open_journaled();

	fake_sync(bucket);
	put_file(other.fs, "f", "theirs", 6);
	fs_drain(other.fs, 1000);
	ck_assert(fake_has_chunks(bucket, old->nuid));
	store_close(other.store);
	fs_free(other.fs);
	(void)close_file(m.fs, h);
}
END_TEST

/* --- who sees to it --- */

static bool is_orphan(const struct obj_info *info, const char *where, long pid, const char *start)
{
	_cleanup_obj_info_ struct obj_info *copy = obj_info_dup(info);
	char text[200];

	(void)snprintf(text, sizeof(text), "%s %ld %s", where, pid, start);
	ck_assert_int_eq(obj_info_set_meta(copy, "posix.host", text), 0);
	return journal_is_orphan(copy);
}

START_TEST(test_an_orphan_is_what_an_ended_process_of_this_host_left)
{
	struct fs_handle *h = open_journaled();
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char where[100], start[32];
	long pid;

	info = journal();
	ck_assert_int_eq(
		sscanf(obj_info_meta(info, "posix.host"), "%99s %ld %31s", where, &pid, start), 3);
	ck_assert_int_eq(pid, (long)getpid());
	ck_assert(!journal_is_orphan(info));
	ck_assert(!is_orphan(info, where, pid, start));
	/* The number is another process's by now, or nobody's. */
	ck_assert(is_orphan(info, where, pid, "1"));
	ck_assert(is_orphan(info, where, INT32_MAX, start));
	ck_assert(!is_orphan(info, "elsewhere/1", INT32_MAX, start));
	ck_assert(!is_orphan(info, where, -1, start));
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

static void on_locked(void *arg, int err, const struct lock_entry *conflict, bool is_local)
{
	(void)conflict;
	(void)is_local;
	ck_assert_int_eq(err, 0);
	atomic_store((atomic_bool *)arg, true);
}

/* The next holder of the lock, on whichever host, has to see what was written. */
START_TEST(test_a_file_locked_on_all_hosts_is_stored_whole)
{
	const struct cluster_locks_config cfg = {.lease_ms = 30000, .timeout_ms = 5000};
	const struct lock_entry want = {
		.mode = LOCK_EXCLUSIVE, .owner = {.id = 1}, .end = LOCK_RANGE_END};
	struct fake_kv *server = fake_kv_new();
	struct kv *kv = fake_kv_open(server);
	struct fs_handle *h = must_open(O_RDWR);
	atomic_bool is_done = false;
	struct cluster_locks *locks;
	struct lock_op *op;

	ck_assert_int_eq(cluster_locks_new(kv, &cfg, &locks), 0);
	fs_use_locks(m.fs, locks);
	ck_assert_int_eq(fs_lock_op(m.fs, h, LOCK_OP_TRY, &want, on_locked, &is_done, &op), 0);
	fs_lock_submit(m.fs, op);
	while (!atomic_load(&is_done))
		(void)usleep(1000);
	change(h, 100, "one");
	must_sync(h);
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	cluster_locks_stop(locks);
	unmount_bucket(&m);
	kv_close(kv);
	cluster_locks_free(locks);
	fake_kv_free(server);
}
END_TEST

/* --- an append --- */

START_TEST(test_appends_are_journaled_and_go_behind_what_others_appended)
{
	struct fs_handle *h = must_open(O_WRONLY | O_APPEND);
	_cleanup_free_ char *theirs = malloc(SIZE + 10);

	memcpy(theirs, data, SIZE);
	put_text(theirs + SIZE, "theirs");
	ck_assert_int_eq(write_at(m.fs, h, 0, "ours", 4), 0);
	must_sync(h);
	ck_assert(has_journal());
	fake_foreign_put(bucket, "f", theirs, SIZE + 6, CHUNK);
	fake_sync(bucket);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	put_text(theirs + SIZE + 6, "ours");
	assert_object("f", theirs, SIZE + 10);
	ck_assert(!has_journal());
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_journal_others");
	TCase *t = tcase_create("journal");

	tcase_add_checked_fixture(t, journal_setup, journal_teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, test_another_mount_stores_all_fsyncs_in_order);
	tcase_add_test(t, test_what_no_fsync_has_seen_is_not_recovered);
	tcase_add_test(t, test_a_slow_mount_goes_on_although_its_base_is_gone);
	tcase_add_test(t, test_attributes_are_recovered_too);
	tcase_add_test(t, test_a_journal_follows_a_renamed_file);
	tcase_add_test(t, test_a_removed_file_takes_its_journal_along);
	tcase_add_test(t, test_a_file_that_another_is_renamed_to_takes_its_journal_along);
	tcase_add_test(t, test_a_journal_of_a_name_that_is_gone_is_void);
	tcase_add_test(t, test_replaced_content_makes_a_conflict_copy);
	tcase_add_test(t, test_of_replaced_content_that_is_gone_the_changes_are_kept);
	tcase_add_test(t, test_a_conflict_ends_the_journal);
	tcase_add_test(t, test_a_conflict_that_cannot_be_stored_whole_leaves_the_changes);
	tcase_add_test(t, test_the_base_of_a_journal_is_not_purged);
	tcase_add_test(t, test_an_orphan_is_what_an_ended_process_of_this_host_left);
	tcase_add_test(t, test_a_file_locked_on_all_hosts_is_stored_whole);
	tcase_add_test(t, test_appends_are_journaled_and_go_behind_what_others_appended);
	suite_add_tcase(s, t);
	return run_suite(s);
}
