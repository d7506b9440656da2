/* SPDX-License-Identifier: Apache-2.0 */

/* fsync of large files: what it stores, and what is left when the mount is gone. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_kv.h"
#include "fs/intent.h"
#include "fs/journal.h"
#include "fs/locks.h"

#include "fs_fixture.h"
#include "suite.h"

#define SIZE ((size_t)1536 * 1024)
#define INTENTS ".natsobj/intent/"
#define HOUR_MS (UINT64_C(3600) * 1000)

static char *data; /* what the file f should have */

static void setup(void)
{
	bucket = fake_new(64 * CHUNK);
	m = mount_with(&(struct fs_config){.commit_interval_ms = HOUR_MS});
	data = pattern(2 * SIZE);
	put_file(m.fs, "f", data, SIZE);
}

static void teardown(void)
{
	fixture_teardown();
	free(data);
}

static struct fs_handle *must_open(int flags)
{
	struct fs_handle *h;

	ck_assert_int_eq(open_path(m.fs, "f", flags, &h), 0);
	return h;
}

static void put_text(char *at, const char *text)
{
	while (*text)
		*at++ = *text++;
}

/* A change of the file, here and in what it should be. */
static void change(struct fs_handle *h, size_t off, const char *text)
{
	put_text(data + off, text);
	ck_assert_int_eq(write_at(m.fs, h, off, text, strlen(text)), 0);
}

static int sync_file(struct fs_handle *h)
{
	return fs_fsync(m.fs, &root_ctx, h);
}

static void must_sync(struct fs_handle *h)
{
	ck_assert_int_eq(sync_file(h), 0);
	/* Others know of it. */
	fake_sync(bucket);
}

/* f, of which an fsync has stored a change. */
static struct fs_handle *open_journaled(void)
{
	struct fs_handle *h = must_open(O_RDWR);

	change(h, 100, "one");
	must_sync(h);
	return h;
}

static bool is_there(const char *prefix)
{
	_cleanup_free_ char *name = fake_find(bucket, prefix);

	return name != NULL;
}

static bool has_journal(void)
{
	return is_there(INTENTS);
}

static void wait_stored(void)
{
	for (int i = 0; i < 1000 && has_journal(); i++)
		(void)usleep(10000);
	ck_assert(!has_journal());
}

static struct obj_info *journal(void)
{
	_cleanup_free_ char *name = fake_find(bucket, INTENTS);

	ck_assert_ptr_nonnull(name);
	return fake_info(bucket, name);
}

static void set_attr(struct fs_handle *h, const struct stat *attr, unsigned set)
{
	struct fs_entry e;
	struct stat st;
	double timeout;

	ck_assert_int_eq(lookup(m.fs, "f", &e), 0);
	ck_assert_int_eq(fs_setattr(m.fs, &root_ctx, e.nodeid, h, attr, set, &st, &timeout), 0);
	fs_forget(m.fs, e.nodeid, 1);
}

static void cut(struct fs_handle *h, uint64_t size)
{
	const struct stat st = {.st_size = (off_t)size};

	set_attr(h, &st, FS_SET_SIZE);
}

/* As another mount does whose patience is over, while this one knows nothing of it. */
static int finish(struct mount *other)
{
	_cleanup_obj_info_ struct obj_info *info = journal();

	return intent_finish(other->fs, info);
}

static struct mount second(void)
{
	return mount_with(&(struct fs_config){.commit_interval_ms = HOUR_MS});
}

/* Another mount stores what this one has promised. */
static void recover(void)
{
	struct mount other = second();

	ck_assert_int_eq(finish(&other), 0);
	unmount_bucket(&other);
	fake_sync(bucket);
}

/* --- what is stored --- */

START_TEST(test_fsync_stores_what_changed_and_close_the_whole_file)
{
	struct fs_handle *h = must_open(O_RDWR);
	_cleanup_free_ char *old = pattern(2 * SIZE);
	unsigned before;

	change(h, 700000, "here");
	before = fake_calls(bucket, FAKE_PUT_CHUNK);
	must_sync(h);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_PUT_CHUNK), before + 1);
	ck_assert(has_journal());
	/* Others see the last version that was stored whole. */
	assert_object("f", old, SIZE);
	assert_file(m.fs, "f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
	ck_assert(!has_journal());
}
END_TEST

START_TEST(test_an_fsync_without_a_change_stores_nothing)
{
	struct fs_handle *h = must_open(O_RDWR);
	unsigned before;

	change(h, 5, "here");
	must_sync(h);
	before = fake_calls(bucket, FAKE_PUT_INFO);
	must_sync(h);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_PUT_INFO), before);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_fsync_of_a_small_file_stores_it_whole)
{
	struct fs_handle *h;

	put_file(m.fs, "small", "0123456789", 10);
	ck_assert_int_eq(open_path(m.fs, "small", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "x", 1), 0);
	must_sync(h);
	ck_assert(!has_journal());
	assert_object("small", "x123456789", 10);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_fsync_of_a_large_change_stores_the_whole_file)
{
	struct fs_handle *h = must_open(O_RDWR);

	change(h, 0, "first");
	must_sync(h);
	ck_assert(has_journal());
	memset(data + 1000, 'x', SIZE / 3);
	ck_assert_int_eq(write_at(m.fs, h, 1000, data + 1000, SIZE / 3), 0);
	must_sync(h);
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_many_fsyncs_end_in_few_segments)
{
	struct fs_handle *h = must_open(O_RDWR);
	_cleanup_obj_info_ struct obj_info *info = NULL;
	size_t n = 1;

	for (size_t i = 0; i < 2 * JOURNAL_SEGMENTS + 5; i++) {
		change(h, 997 * i, "change");
		must_sync(h);
	}
	info = journal();
	for (const char *p = obj_info_meta(info, "posix.segments"); *p; p++)
		n += *p == ';';
	ck_assert_uint_le(n, JOURNAL_SEGMENTS);
	recover();
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
}
END_TEST

START_TEST(test_a_synchronous_write_stores_what_it_wrote)
{
	struct fs_handle *h = must_open(O_RDWR | O_DSYNC);

	change(h, 4711, "here");
	ck_assert(has_journal());
	recover();
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

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

/* --- what fails --- */

START_TEST(test_a_commit_whose_end_was_not_noted_is_not_repeated)
{
	struct fs_handle *h = open_journaled();

	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EIO, 1);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(has_journal());
	recover();
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
	ck_assert(!is_there("f.conflict"));
}
END_TEST

/* Whatever fails: what fsync has promised is there, and an error is told. */
START_TEST(test_each_step_of_fsync_may_fail)
{
	static const enum fake_op ops[] = {FAKE_PUT_OPEN, FAKE_PUT_CHUNK, FAKE_PUT_INFO};
	static const int errs[] = {-EIO, -ENOSPC, -ESTALE};
	struct fs_handle *h = must_open(O_RDWR);
	_cleanup_free_ char *promised = malloc(SIZE);
	int op = _i / 9, err = _i / 3 % 3, step = _i % 3;

	memcpy(promised, data, SIZE);
	for (int i = 0; i < 3; i++) {
		change(h, (size_t)1000 * (size_t)(i + 1), "change");
		if (i == step)
			fake_fail_next(bucket, ops[op], errs[err], 1);
		if (sync_file(h) == 0)
			memcpy(promised, data, SIZE);
		else
			break;
	}
	if (has_journal())
		recover();
	assert_object("f", promised, SIZE);
	(void)close_file(m.fs, h);
	ck_assert(!is_there("f.conflict"));
}
END_TEST

START_TEST(test_a_lost_answer_leaves_nothing_behind)
{
	struct fs_handle *h = must_open(O_RDWR);

	if (_i) {
		change(h, 10, "before");
		must_sync(h);
	}
	change(h, 100, "one");
	fake_lose_answer(bucket, -ETIMEDOUT);
	must_sync(h);
	assert_object("f", data, SIZE);
	ck_assert(!has_journal());
	change(h, 200, "two");
	must_sync(h);
	ck_assert(has_journal());
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
}
END_TEST

START_TEST(test_a_close_that_fails_leaves_what_fsync_promised)
{
	struct fs_handle *h = open_journaled();
	_cleanup_free_ char *promised = malloc(SIZE);

	memcpy(promised, data, SIZE);
	change(h, 200, "two");
	fake_fail_next(bucket, FAKE_PUT_CHUNK, -ENOSPC, 1);
	ck_assert_int_eq(close_file(m.fs, h), -ENOSPC);
	ck_assert(has_journal());
	/* This mount tries again, after a second. */
	wait_stored();
	assert_object("f", promised, SIZE);
	fake_sync(bucket);
	assert_file(m.fs, "f", promised, SIZE);
}
END_TEST

START_TEST(test_without_room_for_the_file_it_is_stored_whole)
{
	struct fs_handle *h = must_open(O_RDWR);

	fake_set_free(bucket, SIZE);
	change(h, 100, "one");
	must_sync(h);
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_damaged_segments_are_not_believed)
{
	struct mount other = second();
	struct fs_handle *h = open_journaled();
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_free_ char *old = pattern(2 * SIZE), *text = NULL;

	info = journal();
	text = strdup(obj_info_meta(info, "posix.segments"));
	/* Its digest is another one. */
	text[strlen(text) - 2] ^= 1;
	ck_assert_int_eq(obj_info_set_meta(info, "posix.segments", text), 0);
	ck_assert_int_eq(intent_finish(other.fs, info), -EIO);
	unmount_bucket(&other);
	assert_object("f", old, SIZE);
	ck_assert(has_journal());
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
}
END_TEST

START_TEST(test_senseless_descriptions_are_refused)
{
	static const char *const texts[] = {"", "x", "a 1 1 1", "a.b 1 1 1 d", "a 1 1 1 d e;"};
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct mount other = second();
	struct fs_handle *h = open_journaled();

	info = journal();
	ck_assert_int_eq(
		obj_info_set_meta(info, _i % 2 ? "posix.segments" : "posix.base", texts[_i / 2]),
		0);
	ck_assert_int_eq(intent_finish(other.fs, info), -EINVAL);
	unmount_bucket(&other);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, SIZE);
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

/* --- truncation --- */

START_TEST(test_a_file_that_is_emptied_keeps_its_promise_until_it_is_stored)
{
	struct fs_handle *h = must_open(O_RDWR), *h2;
	_cleanup_free_ char *promised = malloc(SIZE);

	change(h, 100, "one");
	must_sync(h);
	memcpy(promised, data, SIZE);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY | O_TRUNC, &h2), 0);
	ck_assert_int_eq(write_at(m.fs, h2, 0, "new", 3), 0);
	if (_i) {
		recover();
		assert_object("f", promised, SIZE);
	}
	ck_assert_int_eq(close_file(m.fs, h2), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "new", 3);
	ck_assert(!has_journal());
	ck_assert(!is_there("f.conflict"));
}
END_TEST

/* --- the clock --- */

static void remount(uint64_t interval_ms)
{
	unmount_bucket(&m);
	m = mount_with(&(struct fs_config){.commit_interval_ms = interval_ms});
}

START_TEST(test_a_file_at_rest_is_stored_whole_after_a_while)
{
	struct fs_handle *h;

	remount(50);
	h = must_open(O_RDWR);
	change(h, 100, "one");
	must_sync(h);
	wait_stored();
	assert_object("f", data, SIZE);
	/* And it goes on from there. */
	change(h, 300, "two");
	must_sync(h);
	wait_stored();
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_what_no_fsync_has_seen_is_not_stored_by_the_clock)
{
	_cleanup_free_ char *old = pattern(2 * SIZE);
	struct fs_handle *h;

	remount(50);
	h = must_open(O_RDWR);
	change(h, 100, "one");
	must_sync(h);
	change(h, 200, "two");
	(void)usleep(300000);
	assert_object("f", old, SIZE);
	must_sync(h);
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_without_an_interval_fsync_stores_the_whole_file)
{
	struct fs_handle *h;

	remount(0);
	h = must_open(O_RDWR);
	change(h, 100, "one");
	must_sync(h);
	ck_assert(!has_journal());
	assert_object("f", data, SIZE);
	ck_assert_int_eq(close_file(m.fs, h), 0);
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
	Suite *s = suite_create("fs_journal");
	TCase *t = tcase_create("journal");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	tcase_add_test(t, test_fsync_stores_what_changed_and_close_the_whole_file);
	tcase_add_test(t, test_an_fsync_without_a_change_stores_nothing);
	tcase_add_test(t, test_fsync_of_a_small_file_stores_it_whole);
	tcase_add_test(t, test_fsync_of_a_large_change_stores_the_whole_file);
	tcase_add_test(t, test_many_fsyncs_end_in_few_segments);
	tcase_add_test(t, test_a_synchronous_write_stores_what_it_wrote);
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
	tcase_add_test(t, test_a_commit_whose_end_was_not_noted_is_not_repeated);
	tcase_add_loop_test(t, test_each_step_of_fsync_may_fail, 0, 27);
	tcase_add_loop_test(t, test_a_lost_answer_leaves_nothing_behind, 0, 2);
	tcase_add_test(t, test_a_close_that_fails_leaves_what_fsync_promised);
	tcase_add_test(t, test_without_room_for_the_file_it_is_stored_whole);
	tcase_add_test(t, test_damaged_segments_are_not_believed);
	tcase_add_loop_test(t, test_senseless_descriptions_are_refused, 0, 10);
	tcase_add_test(t, test_an_orphan_is_what_an_ended_process_of_this_host_left);
	tcase_add_test(t, test_a_file_locked_on_all_hosts_is_stored_whole);
	tcase_add_loop_test(t, test_a_file_that_is_emptied_keeps_its_promise_until_it_is_stored, 0,
			    2);
	tcase_add_test(t, test_a_file_at_rest_is_stored_whole_after_a_while);
	tcase_add_test(t, test_what_no_fsync_has_seen_is_not_stored_by_the_clock);
	tcase_add_test(t, test_without_an_interval_fsync_stores_the_whole_file);
	tcase_add_test(t, test_appends_are_journaled_and_go_behind_what_others_appended);
	suite_add_tcase(s, t);
	return run_suite(s);
}
