/* SPDX-License-Identifier: Apache-2.0 */

/* Versions that reach the tree in an order of their own. They are applied by hand here, behind the
 * back of the bucket's double. */

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/apply.h"
#include "fs/internal.h"

#include "fs_fixture.h"
#include "suite.h"

/* nuid NULL: a content of its own. */
static void apply_content(const char *name, uint64_t seq, bool is_deleted, const char *nuid)
{
	struct obj_info *info = obj_info_new(name, strlen(name));

	ck_assert_ptr_nonnull(info);
	if (nuid)
		strcpy(info->nuid, nuid);
	else
		obj_nuid_new(info->nuid);
	info->seq = seq;
	info->time_ns = INT64_C(1700000000000000000) + (int64_t)seq;
	info->is_deleted = is_deleted;
	fs_apply(m.fs, info);
}

static void apply(const char *name, uint64_t seq, bool is_deleted)
{
	apply_content(name, seq, is_deleted, NULL);
}

/* By the tree alone: a lookup would ask the bucket. */
static bool is_in_tree(const char *name)
{
	LOCK_SCOPE(&m.fs->tree.lock);
	return tree_lookup(&m.fs->tree, m.fs->tree.root, name, strlen(name)) != NULL;
}

/* A listing of all there is, while name is held. */
static void list_holding(const char *held, const char *const *names, size_t n)
{
	ck_assert_int_eq(namelock_take(&m.fs->names, held, strlen(held)), 0);
	fs_reload_begin(m.fs, false);
	for (size_t i = 0; i < n; i++)
		fs_apply(m.fs, fake_info(bucket, names[i]));
	fs_reload_end(m.fs, 1000);
}

START_TEST(test_a_listing_leaves_what_is_being_changed)
{
	_cleanup_free_ char *hidden = NULL;
	const char *names[] = {"f", "d/", "a", "b", NULL};
	struct fs_entry e, linked;

	put_file(m.fs, "f", "1", 1);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "a", "2", 1);
	ck_assert_int_eq(lookup(m.fs, "a", &e), 0);
	ck_assert_int_eq(fs_link(m.fs, &root_ctx, e.nodeid, FS_ROOT_ID, "b", &linked), 0);
	fs_forget(m.fs, e.nodeid, 1);
	fs_forget(m.fs, linked.nodeid, 1);
	fake_sync(bucket);
	names[4] = hidden = fake_find(bucket, ".natsobj/inode/");
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		list_holding(names[i], names, ARRAY_LEN(names));
		ck_assert(is_in_tree("f") && is_in_tree("d") && is_in_tree("a"));
		fs_release_name(m.fs, names[i], strlen(names[i]));
		assert_file(m.fs, "b", "2", 1);
	}
}
END_TEST

/* Another client renames first, second, third without a trace, and the first is read late. */
START_TEST(test_all_names_that_a_content_had_are_looked_at)
{
	static const char nuid[] = "aaaaaaaaaaaaaaaaaaaaaa";

	apply_content("second", 1001, false, nuid);
	apply_content("first", 1000, false, nuid);
	apply_content("third", 1002, false, nuid);
	for (int i = 0; i < 1000 && (is_in_tree("first") || is_in_tree("second")); i++)
		usleep(10000);
	ck_assert(!is_in_tree("first"));
	ck_assert(!is_in_tree("second"));
	ck_assert(is_in_tree("third"));
}
END_TEST

static void await_gone(const char *name)
{
	for (int i = 0; i < 1000 && is_in_tree(name); i++)
		usleep(10000);
	ck_assert(!is_in_tree(name));
}

/* The server's word of a purge overtakes the event of what was purged. */
START_TEST(test_a_name_that_was_purged_before_its_event_came_goes)
{
	fs_note_purged(m.fs, "f", 1, 0);
	usleep(50000);
	apply("f", 1000, false);
	await_gone("f");
}
END_TEST

/* A name that was read before it was purged is listed after the leader was asked for it. */
START_TEST(test_a_name_that_is_listed_late_goes)
{
	static const char nuid[] = "aaaaaaaaaaaaaaaaaaaaaa";

	apply_content("old", 1000, false, nuid);
	fs_reload_begin(m.fs, false);
	apply_content("new", 1001, false, nuid);
	usleep(100000);
	apply_content("old", 1000, false, nuid);
	fs_reload_end(m.fs, 1001);
	await_gone("old");
	ck_assert(is_in_tree("new"));
}
END_TEST

/* What a listing tells of a name that an operation holds is put aside; the name stays. */
START_TEST(test_a_name_that_is_held_survives_a_listing)
{
	apply("f", 1000, false);
	apply("gone", 1001, false);
	ck_assert_int_eq(namelock_take(&m.fs->names, "f", 1), 0);
	ck_assert_int_eq(namelock_take(&m.fs->names, "gone", 4), 0);
	fs_reload_begin(m.fs, false);
	apply("f", 1000, false);
	fs_reload_end(m.fs, 1001);
	ck_assert(is_in_tree("f"));
	ck_assert(!is_in_tree("gone"));
	fs_release_name(m.fs, "f", 1);
	fs_release_name(m.fs, "gone", 4);
	ck_assert(is_in_tree("f"));
}
END_TEST

/* It was stored before the connection was lost, and removed before the listing. */
START_TEST(test_what_was_put_aside_before_a_listing_says_nothing)
{
	ck_assert_int_eq(namelock_take(&m.fs->names, "f", 1), 0);
	apply("f", 1000, false);
	fs_reload_begin(m.fs, false);
	fs_reload_end(m.fs, 1001);
	fs_release_name(m.fs, "f", 1);
	ck_assert(!is_in_tree("f"));
}
END_TEST

START_TEST(test_an_older_version_does_not_bring_a_name_back)
{
	apply("f", 1000, false);
	apply("f", 1002, true);
	ck_assert(!is_in_tree("f"));
	apply("f", 1001, false);
	ck_assert(!is_in_tree("f"));
	apply("f", 1003, false);
	ck_assert(is_in_tree("f"));
}
END_TEST

START_TEST(test_an_older_removal_does_not_take_a_newer_version)
{
	apply("f", 1003, false);
	apply("f", 1002, true);
	ck_assert(is_in_tree("f"));
}
END_TEST

/* A directory goes to another name and back; the removal of its first name comes late, while the
 * moved node still carries a sequence of its other name. */
START_TEST(test_an_own_removal_coming_back_does_not_take_the_next_version)
{
	apply("a", 1001, false);
	fs_note_gone(m.fs, "a", 1, 1003);
	apply("a", 1003, true);
	ck_assert(is_in_tree("a"));
	apply("a", 1004, false);
	apply("a", 1003, true);
	ck_assert(is_in_tree("a"));
}
END_TEST

START_TEST(test_absent_at_the_server_is_about_the_version_known_before)
{
	apply("f", 1000, false);
	apply("f", 1001, false);
	fs_apply_absent(m.fs, "f", 1, 1000);
	ck_assert(is_in_tree("f"));
	fs_apply_absent(m.fs, "f", 1, 1001);
	ck_assert(!is_in_tree("f"));
	apply("f", 1001, false);
	ck_assert(!is_in_tree("f"));
}
END_TEST

/* "old" was renamed to "new", which then was changed once more: a listing tells of the removal
 * first. One of the two names is there at all times. */
START_TEST(test_a_listing_removes_at_its_end)
{
	apply("old", 1000, false);
	apply("lost", 1001, false);
	fs_reload_begin(m.fs, false);
	apply("old", 1003, true);
	ck_assert(is_in_tree("old"));
	apply("new", 1005, false);
	fs_reload_end(m.fs, 1005);
	ck_assert(!is_in_tree("old"));
	ck_assert(!is_in_tree("lost"));
	ck_assert(is_in_tree("new"));
}
END_TEST

/* An own question is answered during a listing, which keeps the name; the event that follows takes
 * it.
 */
START_TEST(test_a_removal_that_was_put_off_counts_when_it_is_repeated)
{
	apply("f", 1000, false);
	fs_reload_begin(m.fs, false);
	apply("f", 1001, true);
	ck_assert(is_in_tree("f"));
	apply("f", 1000, false);
	fs_reload_end(m.fs, 1000);
	ck_assert(is_in_tree("f"));
	apply("f", 1001, true);
	ck_assert(!is_in_tree("f"));
}
END_TEST

START_TEST(test_a_removal_after_its_version_in_a_listing_counts_at_once)
{
	fs_reload_begin(m.fs, false);
	apply("f", 1000, false);
	apply("f", 1001, true);
	ck_assert(!is_in_tree("f"));
	fs_reload_end(m.fs, 1001);
	ck_assert(!is_in_tree("f"));
}
END_TEST

static void *look_up(void *arg)
{
	struct fs_entry e;
	int *err = arg;

	*err = lookup(m.fs, "f", &e);
	if (*err == 0)
		fs_forget(m.fs, e.nodeid, 1);
	return NULL;
}

/* The server says that a name exists, and an operation here keeps the tree from showing that. */
START_TEST(test_a_lookup_waits_for_an_operation_on_the_name)
{
	pthread_t thread;
	int err = 1;

	ck_assert_int_eq(namelock_take(&m.fs->names, "f", 1), 0);
	fake_foreign_put(bucket, "f", "text", 4, CHUNK);
	ck_assert_int_eq(pthread_create(&thread, NULL, look_up, &err), 0);
	usleep(100000);
	ck_assert(!is_in_tree("f"));
	fs_release_name(m.fs, "f", 1);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(err, 0);
}
END_TEST

START_TEST(test_sequences_of_another_history_count_anew)
{
	apply("kept", 1000, false);
	apply("lost", 1001, false);
	apply("revived", 1002, true);
	fs_reload_begin(m.fs, true);
	ck_assert(is_in_tree("lost"));
	apply("kept", 10, false);
	apply("revived", 11, false);
	fs_reload_end(m.fs, 12);
	ck_assert(is_in_tree("kept"));
	ck_assert(is_in_tree("revived"));
	ck_assert(!is_in_tree("lost"));
	apply("kept", 20, true);
	ck_assert(!is_in_tree("kept"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_order");
	TCase *tc = tcase_create("order");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_add_test(tc, test_all_names_that_a_content_had_are_looked_at);
	tcase_add_test(tc, test_a_name_that_was_purged_before_its_event_came_goes);
	tcase_add_test(tc, test_a_name_that_is_listed_late_goes);
	tcase_add_test(tc, test_a_name_that_is_held_survives_a_listing);
	tcase_add_test(tc, test_what_was_put_aside_before_a_listing_says_nothing);
	tcase_add_test(tc, test_an_older_version_does_not_bring_a_name_back);
	tcase_add_test(tc, test_an_older_removal_does_not_take_a_newer_version);
	tcase_add_test(tc, test_an_own_removal_coming_back_does_not_take_the_next_version);
	tcase_add_test(tc, test_absent_at_the_server_is_about_the_version_known_before);
	tcase_add_test(tc, test_a_listing_removes_at_its_end);
	tcase_add_test(tc, test_a_removal_that_was_put_off_counts_when_it_is_repeated);
	tcase_add_test(tc, test_a_removal_after_its_version_in_a_listing_counts_at_once);
	tcase_add_test(tc, test_a_lookup_waits_for_an_operation_on_the_name);
	tcase_add_test(tc, test_sequences_of_another_history_count_anew);
	tcase_add_test(tc, test_a_listing_leaves_what_is_being_changed);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
