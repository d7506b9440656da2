/* SPDX-License-Identifier: Apache-2.0 */

/* Renames and exchanges of files: who wins, what a crash in the middle leaves, and who completes
 * it. */

#include <stdio.h>
#include <stdlib.h>

#include "fs/apply.h"
#include "fs/exchange.h"
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

START_TEST(test_a_name_removed_at_its_place_is_shown_from_another_one)
{
	struct obj_info *twin = obj_info_new("ok", 2);

	put_file(m.fs, "ok", "ours", 4);
	obj_nuid_new(twin->nuid);
	twin->foreign_token = strdup("b2s");
	ck_assert_int_eq(store_put_info(m.store, twin, 0), 0);
	fake_sync(bucket);
	assert_object("ok", "ours", 4);
	ck_assert_int_eq(unlink_path(m.fs, "ok"), 0);
	/* Whatever the other one holds, it is in nobody's way. */
	put_file(m.fs, "ok", "new", 3);
	assert_list("", "ok ");
	ck_assert_int_eq(unlink_path(m.fs, "ok"), 0);
	assert_list("", "");
	remount();
	assert_list("", "");
	obj_info_free(twin);
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

START_TEST(test_what_an_unsaved_file_replaced_does_not_come_back)
{
	struct fs_handle *h, *other;

	if (_i)
		ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, _i ? "d/b" : "b", "old", 3);
	ck_assert_int_eq(create(m.fs, "a", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", _i ? "d/b" : "b", 0), 0);
	ck_assert_int_eq(rename_path(m.fs, _i ? "d" : "b", _i ? "n" : "c", 0), 0);
	ck_assert(!is_stored(_i ? "d/b" : "b"));
	ck_assert_int_eq(open_path(m.fs, _i ? "n/b" : "c", O_RDONLY, &other), 0);
	ck_assert_int_eq(close_file(m.fs, other), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	remount();
	assert_list("", _i ? "n " : "c ");
	assert_file(m.fs, _i ? "n/b" : "c", "new", 3);
}
END_TEST

START_TEST(test_an_unsaved_file_is_unlinked_under_its_new_name)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "a", O_WRONLY, &h), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", 0), 0);
	ck_assert_int_eq(unlink_path(m.fs, "b"), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_list("", "");
	ck_assert(!is_stored("b"));
}
END_TEST

/* --- exchange --- */

struct closing {
	struct fs_handle *h;
	int err;
};

static void *close_main(void *arg)
{
	struct closing *c = arg;

	c->err = close_file(m.fs, c->h);
	return NULL;
}

/* By an operation that has the name when the commit asks for it, and puts another file there, or
 * none. */
START_TEST(test_what_loses_its_name_before_it_is_stored_is_dropped)
{
	struct closing c = {.err = 1};
	struct dentry *d;
	pthread_t thread;

	put_file(m.fs, "f", "old", 3);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY, &c.h), 0);
	ck_assert_int_eq(write_at(m.fs, c.h, 0, "lost", 4), 0);
	ck_assert_int_eq(namelock_take(&m.fs->names, "f", 1), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, close_main, &c), 0);
	usleep(50000);
	ck_assert_int_eq(c.err, 1);
	if (_i)
		fake_foreign_put(bucket, "f", "other", 5, CHUNK);
	else
		fake_foreign_delete(bucket, "f");
	mutex_lock(&m.fs->tree.lock);
	d = tree_lookup(&m.fs->tree, m.fs->tree.root, "f", 1);
	d->node->is_dirty = false;
	tree_unlink(&m.fs->tree, d);
	mutex_unlock(&m.fs->tree.lock);
	fs_release_name(m.fs, "f", 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(c.err, 0);
	fake_sync(bucket);
	assert_list("", _i ? "f " : "");
	if (_i)
		assert_object("f", "other", 5);
}
END_TEST

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
	ck_assert_int_eq(rename_path(m.fs, "d/b", "d", RENAME_EXCHANGE), -EINVAL);
	ck_assert_int_eq(rename_path(m.fs, "d", "d/b", RENAME_EXCHANGE), -EINVAL);
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

START_TEST(test_an_exchange_that_could_not_be_taken_back_is_taken_back_later)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_free_ char *intent = NULL;

	put_file(m.fs, "a", "one", 3);
	put_file(m.fs, "b", "second", 6);
	/* Intent and first name are stored, the second was changed by another. */
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 2, 1);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), -EIO);
	fake_foreign_put(bucket, "b", "theirs", 6, CHUNK);
	remount();
	intent = fake_find(bucket, ".natsobj/intent/");
	info = fake_info(bucket, intent);
	ck_assert_int_eq(obj_info_set_meta(info, "posix.undo.0", "1"), 0);
	ck_assert_int_eq(intent_finish(m.fs, info), 0);
	fake_sync(bucket);
	assert_file(m.fs, "a", "one", 3);
	assert_file(m.fs, "b", "theirs", 6);
	ck_assert_ptr_null(fake_find(bucket, ".natsobj/intent/"));
}
END_TEST

START_TEST(test_an_exchange_is_taken_back_also_without_a_note)
{
	static const int errs[] = {-ENOSPC, -EIO};
	_cleanup_obj_info_ struct obj_info *intent = NULL;
	struct pair p CLEANUP(pair_done) = {0};

	put_file(m.fs, "a", "one", 3);
	put_file(m.fs, "b", "second", 6);
	p.a.was = fake_info(bucket, "a");
	p.b.was = fake_info(bucket, "b");
	fake_foreign_put(bucket, "b", "theirs", 6, CHUNK);
	ck_assert_int_eq(intent_new(m.fs, INTENT_EXCHANGE, &intent), 0);
	/* Intent, first and second name, and the note, which fails. */
	fake_fail_after(bucket, FAKE_PUT_INFO, errs[_i], 3, 1);
	ck_assert_int_eq(pairs_exchange(m.fs, &p, 1, intent), errs[_i] == -ENOSPC ? 0 : errs[_i]);
	ck_assert_int_eq(p.err, -EAGAIN);
	assert_object("a", "one", 3);
	assert_object("b", "theirs", 6);
	intent_remove(m.fs, intent);
}
END_TEST

/* The first name is stored, the second was changed by another, and nothing of it was noted. */
static void leave_half_an_exchange(void)
{
	put_file(m.fs, "a", "one", 3);
	put_file(m.fs, "b", "second", 6);
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 2, 1);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), -EIO);
	fake_foreign_put(bucket, "b", "theirs", 6, CHUNK);
	remount();
}

START_TEST(test_what_an_exchange_took_a_name_from_gets_another)
{
	_cleanup_free_ char *intent = NULL, *name = NULL;

	leave_half_an_exchange();
	intent = fake_find(bucket, ".natsobj/intent/");
	/* As long as it could not be stored the intent describes it. */
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 2, 1);
	ck_assert_int_eq(finish(intent), -EIO);
	ck_assert(is_stored(intent));
	ck_assert_int_eq(finish(intent), 0);
	ck_assert(!is_stored(intent));
	assert_object("b", "theirs", 6);
	name = fake_find(bucket, "a.conflict-");
	ck_assert_ptr_nonnull(name);
	assert_object(name, "one", 3);
	assert_file(m.fs, name, "one", 3);
}
END_TEST

/* The exchange was done, and then the second name was removed or has another name. */
START_TEST(test_what_has_a_name_after_an_exchange_gets_no_other)
{
	_cleanup_free_ char *intent = NULL, *name = NULL;

	put_file(m.fs, "a", "one", 3);
	put_file(m.fs, "b", "second", 6);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -EIO, 1);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), 0);
	if (_i)
		ck_assert_int_eq(rename_path(m.fs, "b", "c", 0), 0);
	remount();
	intent = fake_find(bucket, ".natsobj/intent/");
	ck_assert_ptr_nonnull(intent);
	ck_assert_int_eq(finish(intent), 0);
	name = fake_find(bucket, "a.conflict-");
	ck_assert_ptr_null(name);
	assert_object("a", "second", 6);
	assert_object(_i ? "c" : "b", "one", 3);
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

START_TEST(test_rmdir_shows_the_file_that_the_directory_hid)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	fake_foreign_put(bucket, "d", "hidden", 6, CHUNK);
	fake_sync(bucket);
	assert_list("", "%=fd d ");
	ck_assert_int_eq(rmdir_path(m.fs, "d"), 0);
	assert_list("", "d ");
	assert_file(m.fs, "d", "hidden", 6);
}
END_TEST

START_TEST(test_what_cannot_be_checked_is_not_made)
{
	struct fs_handle *h;

	/* Neither a marker nor a claim stays when its sibling cannot be looked at. */
	fake_fail_next(bucket, FAKE_GET_INFO, -EIO, 1);
	ck_assert_int_eq(make_dir(m.fs, "d"), -EIO);
	ck_assert(!is_stored("d/"));
	fake_fail_next(bucket, FAKE_GET_INFO, -EIO, 1);
	ck_assert_int_eq(create(m.fs, "f", O_WRONLY | O_EXCL, &h), -EIO);
	fake_sync(bucket);
	assert_list("", "");
	ck_assert_int_eq(create(m.fs, "f", O_WRONLY | O_EXCL, &h), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
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

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_noreplace_is_decided_by_the_bucket);
	tcase_add_test(tc, test_a_file_never_stored_is_renamed_without_the_bucket);
	tcase_add_test(tc, test_the_claim_of_a_renamed_new_file_vanishes);
	tcase_add_test(tc, test_unsaved_changes_follow_a_rename);
	tcase_add_test(tc, test_an_object_under_a_token_of_its_own_is_renamed);
	tcase_add_test(tc, test_a_name_removed_at_its_place_is_shown_from_another_one);
	tcase_add_test(tc, test_a_rename_on_another_mount_keeps_the_file_open);
	tcase_add_test(tc, test_half_a_rename_shows_one_name);
	tcase_add_test(tc, test_half_a_rename_is_void_once_the_old_name_is_changed);
	tcase_add_loop_test(tc, test_what_an_unsaved_file_replaced_does_not_come_back, 0, 2);
	tcase_add_test(tc, test_an_unsaved_file_is_unlinked_under_its_new_name);
	tcase_add_loop_test(tc, test_what_loses_its_name_before_it_is_stored_is_dropped, 0, 2);
	tcase_add_test(tc, test_two_files_are_exchanged);
	tcase_add_test(tc, test_an_exchange_that_stops_in_the_middle_keeps_both_contents);
	tcase_add_test(tc, test_an_exchange_that_could_not_be_taken_back_is_taken_back_later);
	tcase_add_loop_test(tc, test_an_exchange_is_taken_back_also_without_a_note, 0, 2);
	tcase_add_test(tc, test_what_an_exchange_took_a_name_from_gets_another);
	tcase_add_loop_test(tc, test_what_has_a_name_after_an_exchange_gets_no_other, 0, 2);
	tcase_add_test(tc, test_a_name_beyond_the_limit_refuses_the_whole_rename);
	tcase_add_test(tc, test_rmdir_sees_what_only_the_server_knows);
	tcase_add_test(tc, test_rmdir_shows_the_file_that_the_directory_hid);
	tcase_add_test(tc, test_what_cannot_be_checked_is_not_made);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
