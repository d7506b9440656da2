/* SPDX-License-Identifier: Apache-2.0 */

/* What other clients, and a bucket that fails, do to a mount. */

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/internal.h"
#include "fs_fixture.h"
#include "suite.h"

#include <stdlib.h>

static uint64_t nodeid_of(const char *path, struct stat *ret)
{
	struct fs_entry e;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	ck_assert_uint_ne(e.nodeid, 0);
	if (ret)
		*ret = e.st;
	return e.nodeid;
}

/* The kernel looks a name up for the thread that calls open. */
static uint64_t nodeid_for(const struct fs_ctx *ctx, const char *name)
{
	struct fs_entry e;

	ck_assert_int_eq(fs_lookup(m.fs, ctx, FS_ROOT_ID, name, &e), 0);
	return e.nodeid;
}

static void foreign_put(const char *name, const char *text)
{
	fake_foreign_put(bucket, name, text, strlen(text), CHUNK);
	fake_sync(bucket);
}

/* Until the tree agrees, for what takes a while. */
static bool becomes_absent(const char *path)
{
	for (int i = 0; i < 1000; i++) {
		if (!exists(m.fs, path))
			return true;
		usleep(10000);
	}
	return false;
}

START_TEST(test_an_object_of_another_client_appears)
{
	foreign_put("d/f", "text");
	assert_file(m.fs, "d/f", "text", 4);
}
END_TEST

START_TEST(test_replaced_content_has_a_new_nodeid_and_the_old_inode_number)
{
	struct stat before, after;
	uint64_t old, new;
	struct fs_handle *h;
	bool keep;

	foreign_put("f", "old");
	old = nodeid_of("f", &before);
	foreign_put("f", "newer");
	new = nodeid_of("f", &after);
	ck_assert_uint_ne(old, new);
	ck_assert_uint_eq(before.st_ino, after.st_ino);
	ck_assert_int_eq(after.st_size, 5);
	ck_assert_int_eq(fs_open(m.fs, &root_ctx, old, O_RDONLY, &h, &keep), -ESTALE);
	fs_forget(m.fs, old, 1);
	fs_forget(m.fs, new, 1);
}
END_TEST

/* The kernel comes by an old node, is sent back, and opens what it finds then, while the events are
 * behind. */
START_TEST(test_an_open_that_was_sent_back_gets_the_newest_version)
{
	uint64_t old;
	struct fs_handle *h;
	bool keep;

	foreign_put("f", "old");
	old = nodeid_of("f", NULL);
	foreign_put("f", "newer");
	fake_delay_events(bucket, 2000);
	fake_foreign_put(bucket, "f", "newest", 6, CHUNK);
	ck_assert_int_eq(fs_open(m.fs, &root_ctx, old, O_RDONLY, &h, &keep), -ESTALE);
	assert_file(m.fs, "f", "newest", 6);
	fs_forget(m.fs, old, 1);
}
END_TEST

/* The version that was the newest when the thread was sent back does, so that a program whose open
 * meets two changes is not told ESTALE. */
START_TEST(test_an_open_is_not_sent_back_twice)
{
	const struct fs_ctx ctx = {.may_wait = true, .pid = 4711};
	uint64_t old, new;
	struct fs_handle *h;
	bool keep;

	foreign_put("f", "old");
	old = nodeid_of("f", NULL);
	foreign_put("f", "newer");
	ck_assert_int_eq(fs_open(m.fs, &ctx, old, O_RDONLY, &h, &keep), -ESTALE);
	new = nodeid_for(&ctx, "f");
	foreign_put("f", "newest");
	ck_assert_int_eq(fs_open(m.fs, &ctx, new, O_RDONLY, &h, &keep), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(fs_open(m.fs, &ctx, new, O_RDONLY, &h, &keep), -ESTALE);
	fs_forget(m.fs, old, 1);
	fs_forget(m.fs, new, 1);
}
END_TEST

/* A rename gives the name to another file each time. By another mount, or (_i) by this one. */
START_TEST(test_an_open_is_not_sent_back_twice_by_renames)
{
	const struct fs_ctx ctx = {.may_wait = true, .pid = 4711};
	struct mount other = mount_bucket();
	struct fs *fs = _i ? m.fs : other.fs;
	uint64_t old, new;
	struct fs_handle *h;
	char got[8];
	bool keep;

	fs->cfg.purge_delay_ms = 30000;
	put_file(fs, "f", "old", 3);
	put_file(fs, "second", "newer", 5);
	put_file(fs, "third", "newest", 6);
	fake_sync(bucket);
	old = nodeid_of("f", NULL);
	ck_assert_int_eq(rename_path(fs, "second", "f", 0), 0);
	fake_sync(bucket);
	ck_assert_int_eq(fs_open(m.fs, &ctx, old, O_RDONLY, &h, &keep), -ESTALE);
	new = nodeid_for(&ctx, "f");
	ck_assert_int_eq(rename_path(fs, "third", "f", 0), 0);
	fake_sync(bucket);
	ck_assert_int_eq(fs_open(m.fs, &ctx, new, O_RDONLY, &h, &keep), 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 8), 5);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	/* The next open is another one. */
	ck_assert_int_eq(fs_open(m.fs, &ctx, new, O_RDONLY, &h, &keep), -ESTALE);
	assert_file(m.fs, "f", "newest", 6);
	fs_forget(m.fs, old, 1);
	fs_forget(m.fs, new, 1);
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_a_creation_opens_the_newest_version_of_what_is_there)
{
	const struct fs_ctx ctx = {.may_wait = true, .pid = 4711, .umask = 022};
	struct fs_entry e;
	struct fs_handle *h;
	bool keep;

	foreign_put("f", "old");
	fake_delay_events(bucket, 2000);
	fake_foreign_put(bucket, "f", "newest", 6, CHUNK);
	ck_assert_int_eq(fs_create(m.fs, &ctx, FS_ROOT_ID, "f", S_IFREG | 0644, O_RDWR | O_CREAT,
				   &e, &h, &keep),
			 0);
	ck_assert_int_eq(e.st.st_size, 6);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	fs_forget(m.fs, e.nodeid, 1);
}
END_TEST

/* An open that was sent back says nothing about the next one: neither when the kernel did not come
 * back, because it had been sent back before, nor when it did (_i) and the program was told. */
START_TEST(test_an_open_that_failed_excuses_no_other)
{
	const struct fs_ctx ctx = {.may_wait = true, .pid = 4711};
	uint64_t old, new;
	struct fs_handle *h;
	bool keep;

	foreign_put("f", "old");
	old = nodeid_of("f", NULL);
	foreign_put("f", "newer");
	for (int i = 0; i <= _i; i++)
		ck_assert_int_eq(fs_open(m.fs, &ctx, old, O_RDONLY, &h, &keep), -ESTALE);
	new = nodeid_of("f", NULL);
	fake_delay_events(bucket, 2000);
	fake_foreign_put(bucket, "f", "newest", 6, CHUNK);
	ck_assert_int_eq(fs_open(m.fs, &ctx, new, O_RDONLY, &h, &keep), -ESTALE);
	fs_forget(m.fs, old, 1);
	fs_forget(m.fs, new, 1);
}
END_TEST

/* Who was sent back and found nothing opens the name anew the next time. */
START_TEST(test_an_open_after_the_name_was_gone_is_another_one)
{
	const struct fs_ctx ctx = {.may_wait = true, .pid = 4711};
	struct fs_entry e;
	struct fs_handle *h;
	uint64_t id;
	bool keep;

	foreign_put("f", "old");
	id = nodeid_of("f", NULL);
	foreign_put("f", "newer");
	ck_assert_int_eq(fs_open(m.fs, &ctx, id, O_RDONLY, &h, &keep), -ESTALE);
	fs_forget(m.fs, id, 1);
	fake_foreign_delete(bucket, "f");
	fake_sync(bucket);
	ck_assert(fs_lookup(m.fs, &ctx, FS_ROOT_ID, "f", &e) == -ENOENT || e.nodeid == 0);
	foreign_put("f", "again");
	id = nodeid_of("f", NULL);
	fake_delay_events(bucket, 2000);
	fake_foreign_put(bucket, "f", "newest", 6, CHUNK);
	ck_assert_int_eq(fs_open(m.fs, &ctx, id, O_RDONLY, &h, &keep), -ESTALE);
	fs_forget(m.fs, id, 1);
}
END_TEST

START_TEST(test_an_open_file_never_mixes_two_versions)
{
	_cleanup_free_ char *data = pattern(3 * CHUNK);
	char got[CHUNK];
	struct fs_handle *h;
	ssize_t n;

	fake_foreign_put(bucket, "f", data, 3 * CHUNK, CHUNK);
	fake_sync(bucket);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, CHUNK), CHUNK);
	foreign_put("f", "new");
	/* From memory. */
	ck_assert_int_eq(read_at(m.fs, h, 0, got, CHUNK), CHUNK);
	ck_assert_mem_eq(got, data, CHUNK);
	/* The other client has removed the chunks; read-ahead may have saved them. */
	n = read_at(m.fs, h, 2 * CHUNK, got, CHUNK);
	ck_assert(n == -ESTALE || (n == CHUNK && memcmp(got, data + 2 * CHUNK, CHUNK) == 0));
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_file(m.fs, "f", "new", 3);
}
END_TEST

/* Readers of a mount that trusts the watch do not ask; writers, who build on the newest, do. */
START_TEST(test_trust_watch_saves_the_question)
{
	struct mount trusting = mount_with(&(struct fs_config){.trust_watch = true});
	struct fs_handle *h;
	unsigned int before;

	foreign_put("f", "text");
	before = fake_calls(bucket, FAKE_GET_INFO);
	assert_file(trusting.fs, "f", "text", 4);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_GET_INFO), before);
	ck_assert_int_eq(open_path(trusting.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(close_file(trusting.fs, h), 0);
	ck_assert_uint_eq(fake_calls(bucket, FAKE_GET_INFO), before + 1);
	unmount_bucket(&trusting);
	assert_file(m.fs, "f", "text", 4);
	ck_assert_uint_gt(fake_calls(bucket, FAKE_GET_INFO), before + 1);
}
END_TEST

/* The kernel may still hold a directory that vanished with its last object, while a new one of its
 * name exists. */
START_TEST(test_a_directory_that_vanished_is_looked_up_again)
{
	struct fs_entry e;
	uint64_t old;

	foreign_put("d/f", "text");
	old = nodeid_of("d", NULL);
	ck_assert_int_eq(fs_opendir(m.fs, old), 0);
	fake_foreign_delete(bucket, "d/f");
	foreign_put("d/g", "text");
	ck_assert_int_eq(fs_opendir(m.fs, old), -ESTALE);
	ck_assert_int_eq(fs_lookup(m.fs, &root_ctx, old, "g", &e), -ESTALE);
	fs_forget(m.fs, old, 1);
	assert_file(m.fs, "d/g", "text", 4);
}
END_TEST

/* Who comes back to it does not come by its path. */
START_TEST(test_names_in_a_directory_that_is_gone_are_not_there)
{
	struct fs_ctx one = root_ctx, two = root_ctx;
	struct fs_entry e;
	uint64_t dir;

	one.pid = 11;
	two.pid = 12;
	foreign_put("d/f", "text");
	dir = nodeid_of("d", NULL);
	fake_foreign_delete(bucket, "d/f");
	fake_sync(bucket);
	for (int i = 0; i < 2; i++) {
		ck_assert_int_eq(fs_lookup(m.fs, &one, dir, "f", &e), -ESTALE);
		ck_assert_int_eq(fs_lookup(m.fs, &two, dir, "f", &e), -ESTALE);
		ck_assert_int_eq(fs_lookup(m.fs, &one, dir, "f", &e), -ENOENT);
		ck_assert_int_eq(fs_lookup(m.fs, &two, dir, "f", &e), -ENOENT);
	}
	fs_forget(m.fs, dir, 1);
}
END_TEST

/* Whoever resolved the name a moment ago must not open what was removed elsewhere. */
START_TEST(test_a_removed_file_cannot_be_opened_by_its_old_identifier)
{
	struct fs_handle *h;
	uint64_t old;
	bool keep;

	foreign_put("f", "text");
	old = nodeid_of("f", NULL);
	fake_foreign_delete(bucket, "f");
	fake_sync(bucket);
	ck_assert_int_eq(fs_open(m.fs, &root_ctx, old, O_RDONLY, &h, &keep), -ESTALE);
	fs_forget(m.fs, old, 1);
}
END_TEST

START_TEST(test_a_file_that_another_mount_renamed_over_cannot_be_opened)
{
	struct mount other;
	struct fs_handle *held, *h;
	uint64_t old;
	bool keep;

	put_file(m.fs, "a", "old", 3);
	put_file(m.fs, "b", "new", 3);
	other = mount_bucket();
	old = nodeid_of("a", NULL);
	ck_assert_int_eq(open_path(m.fs, "a", O_RDONLY, &held), 0);
	ck_assert_int_eq(rename_path(other.fs, "b", "a", 0), 0);
	fake_sync(bucket);
	ck_assert_int_eq(fs_open(m.fs, &root_ctx, old, O_RDONLY, &h, &keep), -ESTALE);
	assert_file(m.fs, "a", "new", 3);
	ck_assert_int_eq(close_file(m.fs, held), 0);
	fs_forget(m.fs, old, 1);
	unmount_bucket(&other);
}
END_TEST

/* The kernel resolved the name before another thread unlinked it; what it found then may have been
 * replaced before the open began. By way of a descriptor the same file is found again. */
START_TEST(test_a_file_that_was_just_unlinked_is_opened_at_the_second_try_only)
{
	const struct fs_ctx ctx = {.may_wait = true, .pid = 4711};
	struct fs_handle *held, *h;
	uint64_t id;
	bool keep;

	foreign_put("f", "text");
	id = nodeid_of("f", NULL);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &held), 0);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert_int_eq(fs_open(m.fs, &ctx, id, O_RDONLY, &h, &keep), -ESTALE);
	ck_assert_int_eq(fs_open(m.fs, &ctx, id, O_RDONLY, &h, &keep), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(close_file(m.fs, held), 0);
	fs_forget(m.fs, id, 1);
}
END_TEST

START_TEST(test_a_deleted_object_disappears_with_its_directory)
{
	foreign_put("d/f", "text");
	ck_assert(exists(m.fs, "d/f"));
	fake_foreign_delete(bucket, "d/f");
	fake_sync(bucket);
	ck_assert(!exists(m.fs, "d"));
}
END_TEST

START_TEST(test_a_rename_without_an_event_is_noticed)
{
	foreign_put("old", "text");
	fake_foreign_rename(bucket, "old", "new");
	fake_sync(bucket);
	assert_file(m.fs, "new", "text", 4);
	ck_assert(becomes_absent("old"));
}
END_TEST

/* A name is not taken away on the leader's word while the one it was moved to is still to come. */
START_TEST(test_a_name_that_was_moved_stays_until_the_watch_has_caught_up)
{
	struct mount other;
	uint64_t seq;

	put_file(m.fs, "a", "text", 4);
	other = mount_bucket();
	fake_delay_events(bucket, 2500);
	ck_assert_int_eq(rename_path(other.fs, "a", "b", 0), 0);
	ck_assert_int_eq(fs_refresh(m.fs, "a", 1, &seq), -EAGAIN);
	ck_assert(fs_known_seq(m.fs, "a", 1) || fs_known_seq(m.fs, "b", 1));
	fake_delay_events(bucket, 0);
	unmount_bucket(&other);
}
END_TEST

/* A purge in a large bucket takes long, and there may be many. */
START_TEST(test_a_rename_is_noticed_while_a_purge_takes_its_time)
{
	unsigned int before = fake_calls(bucket, FAKE_PURGE);

	put_file(m.fs, "f", "text", 4);
	fake_hold(bucket, true);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	while (fake_calls(bucket, FAKE_PURGE) == before)
		usleep(1000);
	foreign_put("old", "text");
	fake_foreign_rename(bucket, "old", "new");
	fake_sync(bucket);
	ck_assert(becomes_absent("old"));
	fake_hold(bucket, false);
}
END_TEST

START_TEST(test_what_was_missed_while_disconnected_is_found)
{
	foreign_put("a", "1");
	foreign_put("b", "2");
	foreign_put("d/c", "3");
	fake_foreign_rename(bucket, "d/c", "moved");
	fake_reconnect(bucket);
	fake_sync(bucket);
	ck_assert(!exists(m.fs, "d"));
	assert_file(m.fs, "moved", "3", 1);
	assert_file(m.fs, "a", "1", 1);
}
END_TEST

START_TEST(test_corrupt_content_is_an_error)
{
	_cleanup_free_ char *data = pattern(4 * CHUNK);
	char got[4 * CHUNK];
	struct fs_handle *h;

	fake_foreign_put(bucket, "f", data, 4 * CHUNK, CHUNK);
	fake_corrupt_chunk(bucket, "f", 1);
	fake_sync(bucket);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, sizeof(got)), -EIO);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 10), -EIO);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_lost_chunks_are_an_error)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct fs_handle *h;
	char got[4];

	foreign_put("f", "text");
	info = fake_info(bucket, "f");
	fake_drop_chunks(bucket, info->nuid);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	ck_assert_int_lt(read_at(m.fs, h, 0, got, 4), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_an_error_of_the_connection_is_not_remembered)
{
	struct fs_handle *h;
	char got[4];

	foreign_put("f", "text");
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	fake_fail_next(bucket, FAKE_GET_CHUNK, -ETIMEDOUT, 1000);
	ck_assert_int_lt(read_at(m.fs, h, 0, got, 4), 0);
	fake_fail_next(bucket, FAKE_GET_CHUNK, 0, 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 4), 4);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_a_failed_store_is_reported_and_keeps_the_old_content)
{
	struct fs_handle *h;

	put_file(m.fs, "f", "old", 3);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY | O_TRUNC, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	ck_assert_int_eq(fs_flush(m.fs, &root_ctx, h), -ENOSPC);
	ck_assert_int_eq(fs_fsync(m.fs, &root_ctx, h), -ENOSPC);
	ck_assert_int_eq(write_at(m.fs, h, 3, "x", 1), -ENOSPC);
	(void)fs_release(m.fs, &root_ctx, h);
	assert_object("f", "old", 3);
	assert_file(m.fs, "f", "old", 3);
}
END_TEST

START_TEST(test_a_failed_upload_is_reported_and_leaves_no_chunks)
{
	_cleanup_free_ char *data = pattern(5 * CHUNK);
	struct fs_handle *h;
	struct store_status st;
	int err;

	put_file(m.fs, "f", "old", 3);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY | O_TRUNC, &h), 0);
	fake_fail_next(bucket, FAKE_PUT_CHUNK, -ENOSPC, 1);
	err = write_at(m.fs, h, 0, data, 5 * CHUNK);
	ck_assert(err == 0 || err == -ENOSPC);
	ck_assert_int_eq(close_file(m.fs, h), -ENOSPC);
	assert_file(m.fs, "f", "old", 3);
	for (int i = 0; i < 500; i++) {
		ck_assert_int_eq(store_status(m.store, &st), 0);
		if (st.messages == 2)
			break;
		usleep(10000);
	}
	/* The metadata and one chunk. */
	ck_assert_uint_eq(st.messages, 2);
}
END_TEST

START_TEST(test_a_new_file_that_cannot_be_stored_does_not_exist)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	ck_assert_int_eq(close_file(m.fs, h), -ENOSPC);
	ck_assert(!exists(m.fs, "f"));
	put_file(m.fs, "f", "again", 5);
	assert_object("f", "again", 5);
}
END_TEST

START_TEST(test_a_failed_unlink_changes_nothing)
{
	put_file(m.fs, "f", "text", 4);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EACCES, 1);
	ck_assert_int_eq(unlink_path(m.fs, "f"), -EACCES);
	assert_file(m.fs, "f", "text", 4);
}
END_TEST

START_TEST(test_a_change_beside_another_one_is_kept_as_a_conflict)
{
	_cleanup_free_ char *listing = NULL;
	struct fs_handle *h;

	put_file(m.fs, "f", "one two", 7);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 4, "TWO", 3), 0);
	foreign_put("f", "foreign");
	ck_assert_int_eq(close_file(m.fs, h), -ESTALE);
	assert_object("f", "foreign", 7);
	fake_sync(bucket);
	assert_file(m.fs, "f", "foreign", 7);
	listing = list_dir(m.fs, "", 9);
	ck_assert_msg(strlen(listing) > 4, "there is no copy in \"%s\"", listing);
}
END_TEST

START_TEST(test_a_rewrite_replaces_what_came_meanwhile)
{
	struct fs_handle *h;

	put_file(m.fs, "f", "one", 3);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY | O_TRUNC, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "mine", 4), 0);
	foreign_put("f", "foreign");
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "mine", 4);
	fake_sync(bucket);
	assert_file(m.fs, "f", "mine", 4);
}
END_TEST

START_TEST(test_a_second_mount_sees_what_the_first_stored)
{
	struct mount other = mount_bucket();

	put_file(m.fs, "f", "one", 3);
	fake_sync(bucket);
	assert_file(other.fs, "f", "one", 3);
	put_file(other.fs, "f", "two!", 4);
	fake_sync(bucket);
	assert_file(m.fs, "f", "two!", 4);
	ck_assert_int_eq(rename_path(m.fs, "f", "g", 0), 0);
	fake_sync(bucket);
	ck_assert(!exists(other.fs, "f"));
	assert_file(other.fs, "g", "two!", 4);
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_malformed_metadata_are_shown_but_not_read)
{
	struct fs_handle *h;
	char got[4];

	fake_foreign_meta(bucket, "bad", "{\"name\":");
	fake_sync(bucket);
	ck_assert(exists(m.fs, "bad"));
	if (open_path(m.fs, "bad", O_RDONLY, &h) == 0) {
		ck_assert_int_le(read_at(m.fs, h, 0, got, 4), 0);
		ck_assert_int_eq(close_file(m.fs, h), 0);
	}
	ck_assert_int_eq(unlink_path(m.fs, "bad"), 0);
	ck_assert(!exists(m.fs, "bad"));
}
END_TEST

START_TEST(test_requests_under_way_do_not_hold_up_a_close)
{
	struct fs_ctx ctx = root_ctx;
	_cleanup_free_ char *data = pattern(64 * CHUNK);
	struct fs_handle *h;
	struct fs_data d;
	char got[1];

	fake_foreign_put(bucket, "f", data, 64 * CHUNK, CHUNK);
	fake_sync(bucket);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 1), 1);
	fake_hold(bucket, true);
	ctx.may_wait = false;
	ck_assert_int_eq(fs_read(m.fs, &ctx, h, 60 * CHUNK, 4 * CHUNK, &d), -FS_WOULD_WAIT);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	fake_hold(bucket, false);
}
END_TEST

START_TEST(test_a_deleted_bucket_refuses_changes)
{
	struct fs_handle *h;

	put_file(m.fs, "f", "1", 1);
	fake_delete_bucket(bucket);
	fake_sync(bucket);
	ck_assert_int_eq(create(m.fs, "g", O_WRONLY, &h), -ENODEV);
	ck_assert_int_eq(unlink_path(m.fs, "f"), -ENODEV);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_others");
	TCase *tc = tcase_create("others");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_an_object_of_another_client_appears);
	tcase_add_test(tc, test_replaced_content_has_a_new_nodeid_and_the_old_inode_number);
	tcase_add_test(tc, test_an_open_that_was_sent_back_gets_the_newest_version);
	tcase_add_test(tc, test_an_open_is_not_sent_back_twice);
	tcase_add_loop_test(tc, test_an_open_is_not_sent_back_twice_by_renames, 0, 2);
	tcase_add_test(tc, test_a_creation_opens_the_newest_version_of_what_is_there);
	tcase_add_loop_test(tc, test_an_open_that_failed_excuses_no_other, 0, 2);
	tcase_add_test(tc, test_an_open_after_the_name_was_gone_is_another_one);
	tcase_add_test(tc, test_an_open_file_never_mixes_two_versions);
	tcase_add_test(tc, test_a_file_that_another_mount_renamed_over_cannot_be_opened);
	tcase_add_test(tc, test_a_file_that_was_just_unlinked_is_opened_at_the_second_try_only);
	tcase_add_test(tc, test_a_deleted_object_disappears_with_its_directory);
	tcase_add_test(tc, test_a_rename_without_an_event_is_noticed);
	tcase_add_test(tc, test_trust_watch_saves_the_question);
	tcase_add_test(tc, test_a_directory_that_vanished_is_looked_up_again);
	tcase_add_test(tc, test_names_in_a_directory_that_is_gone_are_not_there);
	tcase_add_test(tc, test_a_removed_file_cannot_be_opened_by_its_old_identifier);
	tcase_add_test(tc, test_a_name_that_was_moved_stays_until_the_watch_has_caught_up);
	tcase_add_test(tc, test_a_rename_is_noticed_while_a_purge_takes_its_time);
	tcase_add_test(tc, test_what_was_missed_while_disconnected_is_found);
	tcase_add_test(tc, test_corrupt_content_is_an_error);
	tcase_add_test(tc, test_lost_chunks_are_an_error);
	tcase_add_test(tc, test_an_error_of_the_connection_is_not_remembered);
	tcase_add_test(tc, test_a_failed_store_is_reported_and_keeps_the_old_content);
	tcase_add_test(tc, test_a_failed_upload_is_reported_and_leaves_no_chunks);
	tcase_add_test(tc, test_a_new_file_that_cannot_be_stored_does_not_exist);
	tcase_add_test(tc, test_a_failed_unlink_changes_nothing);
	tcase_add_test(tc, test_a_change_beside_another_one_is_kept_as_a_conflict);
	tcase_add_test(tc, test_a_rewrite_replaces_what_came_meanwhile);
	tcase_add_test(tc, test_a_second_mount_sees_what_the_first_stored);
	tcase_add_test(tc, test_malformed_metadata_are_shown_but_not_read);
	tcase_add_test(tc, test_requests_under_way_do_not_hold_up_a_close);
	tcase_add_test(tc, test_a_deleted_bucket_refuses_changes);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
