/* SPDX-License-Identifier: Apache-2.0 */

/* RENAME_EXCHANGE of files while other mounts change the same names. */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/exchange.h"
#include "fs/file.h"
#include "fs/internal.h"
#include "fs_fixture.h"
#include "suite.h"

static struct mount other;

static void setup(void)
{
	fixture_setup();
	other = mount_bucket();
	put_file(m.fs, "a", "one", 3);
	put_file(m.fs, "b", "second", 6);
	fake_sync(bucket);
}

static void teardown(void)
{
	unmount_bucket(&other);
	fixture_teardown();
}

static void assert_all(const char *name, const char *text)
{
	fake_sync(bucket);
	assert_object(name, text, strlen(text));
	assert_file(m.fs, name, text, strlen(text));
	assert_file(other.fs, name, text, strlen(text));
}

/* What a mount exchanges is what the bucket has, not what its tree shows yet. */
START_TEST(a_name_that_others_replaced_a_moment_ago_is_exchanged)
{
	struct fs_entry before, now;
	struct fs_handle *h;
	char got[8];

	ck_assert_int_eq(lookup(other.fs, "b", &before), 0);
	ck_assert_int_eq(open_path(other.fs, "b", O_RDONLY, &h), 0);
	ck_assert_int_eq(read_at(other.fs, h, 0, got, 8), 6);
	fake_delay_events(bucket, 300);
	put_file(m.fs, "c", "a third content", 15);
	ck_assert_int_eq(rename_path(m.fs, "c", "b", 0), 0);
	ck_assert_int_eq(rename_path(other.fs, "a", "b", RENAME_EXCHANGE), 0);
	/* An inode whose pages the kernel has gets no other content. */
	ck_assert_int_eq(lookup(other.fs, "a", &now), 0);
	ck_assert_uint_ne(now.nodeid, before.nodeid);
	ck_assert_int_eq(now.st.st_size, 15);
	ck_assert_int_eq(read_at(other.fs, h, 0, got, 8), 6);
	ck_assert_int_eq(memcmp(got, "second", 6), 0);
	ck_assert_int_eq(close_file(other.fs, h), 0);
	fake_delay_events(bucket, 0);
	assert_all("a", "a third content");
	assert_all("b", "one");
}
END_TEST

/* The second name is yet to get its content, of which only the intent tells. */
START_TEST(an_exchange_waits_for_another_that_is_half_done)
{
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 2, 1);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), -EIO);
	ck_assert_int_eq(rename_path(other.fs, _i ? "a" : "b", _i ? "b" : "a", RENAME_EXCHANGE), 0);
	assert_all("a", "one");
	assert_all("b", "second");
	ck_assert_ptr_null(fake_find(bucket, "a.conflict"));
	ck_assert_ptr_null(fake_find(bucket, ".natsobj/intent/"));
}
END_TEST

static void replace_b(void)
{
	put_file(other.fs, "b", "theirs", 6);
}

static void replace_both(void)
{
	put_file(other.fs, "a", "their a", 7);
	put_file(other.fs, "b", "theirs", 6);
}

/* What the bucket has of a name as another one's. */
static struct obj_info *copy_as(const char *name, const char *to)
{
	struct obj_info *info = fake_info(bucket, name);

	ck_assert_ptr_nonnull(info);
	ck_assert_int_eq(obj_info_rename(info, to, strlen(to)), 0);
	info->seq = 0;
	return info;
}

/* By a client that does not know of exchanges. */
static void move_a_replace_b(void)
{
	_cleanup_obj_info_ struct obj_info *old = fake_info(bucket, "a");
	_cleanup_obj_info_ struct obj_info *moved = copy_as("a", "moved");
	uint64_t seq;

	ck_assert_int_eq(obj_info_set_meta(moved, ATTR_EXCHANGE, NULL), 0);
	ck_assert_int_eq(store_put_info(other.store, moved, 0), 0);
	ck_assert_int_eq(store_bury_info(other.store, old, &seq), 0);
	put_file(other.fs, "b", "theirs", 6);
}

static void move_b_to_a(void)
{
	fake_sync(bucket);
	ck_assert_int_eq(rename_path(other.fs, "b", "a", 0), 0);
}

static void chmod_a_replace_b(void)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;

	info = fake_info(bucket, "a");
	ck_assert_int_eq(obj_info_set_meta(info, ATTR_MODE, "0600"), 0);
	ck_assert_int_eq(store_put_info(other.store, info, info->seq), 0);
	put_file(other.fs, "b", "theirs", 6);
}

/* Between the two stores of an exchange. */
START_TEST(what_others_change_in_between_is_exchanged_after_it)
{
	fake_before_put(bucket, 2, _i ? chmod_a_replace_b : replace_b);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), 0);
	assert_all("a", "theirs");
	assert_all("b", "one");
}
END_TEST

START_TEST(what_cannot_go_back_to_its_name_gets_another)
{
	_cleanup_free_ char *name = NULL;

	fake_before_put(bucket, 2, _i ? move_a_replace_b : replace_both);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), _i ? -ENOENT : 0);
	name = fake_find(bucket, "a.conflict-");
	ck_assert_ptr_nonnull(name);
	assert_all(name, "one");
	if (_i) {
		assert_all("moved", "second");
		assert_all("b", "theirs");
	} else {
		assert_all("a", "theirs");
		assert_all("b", "their a");
	}
}
END_TEST

START_TEST(what_others_move_to_the_first_name_stays)
{
	_cleanup_free_ char *name = NULL;

	fake_before_put(bucket, 2, move_b_to_a);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), -ENOENT);
	name = fake_find(bucket, "a.conflict-");
	ck_assert_ptr_nonnull(name);
	assert_all(name, "one");
	assert_all("a", "second");
	ck_assert(!exists(m.fs, "b"));
}
END_TEST

static bool is_settled(void)
{
	_cleanup_free_ char *intent = fake_find(bucket, ".natsobj/intent/");

	return !intent;
}

START_TEST(what_is_being_exchanged_is_moved_afterwards)
{
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 2, 1);
	ck_assert_int_eq(rename_path(m.fs, "a", "b", RENAME_EXCHANGE), -EIO);
	fake_sync(bucket);
	ck_assert_int_eq(rename_path(other.fs, "a", "moved", 0), 0);
	ck_assert(is_settled());
	ck_assert_ptr_null(fake_find(bucket, "a.conflict-"));
	assert_all("b", "one");
	assert_all("moved", "second");
}
END_TEST

/* The name in a directory is the first of the two; _i: its directory is exchanged, not moved. */
START_TEST(a_directory_waits_for_what_is_exchanged_in_it)
{
	ck_assert_int_eq(make_dir(m.fs, "0"), 0);
	ck_assert_int_eq(make_dir(m.fs, "e"), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "0/a", 0), 0);
	if (_i)
		put_file(m.fs, "e/a", "of e", 4);
	fake_sync(bucket);
	fake_fail_after(bucket, FAKE_PUT_INFO, -EIO, 2, 1);
	ck_assert_int_eq(rename_path(m.fs, "0/a", "b", RENAME_EXCHANGE), -EIO);
	fake_sync(bucket);
	ck_assert_int_eq(rename_path(other.fs, "0", "e", _i ? RENAME_EXCHANGE : 0), 0);
	for (int i = 0; i < 1000 && !is_settled(); i++)
		usleep(20000);
	ck_assert(is_settled());
	ck_assert_ptr_null(fake_find(bucket, "0/a.conflict-"));
	assert_all("b", "one");
	assert_all("e/a", "second");
	if (_i)
		assert_all("0/a", "of e");
}
END_TEST

static void exchange_by_hand(void)
{
	_cleanup_obj_info_ struct obj_info *a = fake_info(bucket, "d/a");
	_cleanup_obj_info_ struct obj_info *b = fake_info(bucket, "b");
	_cleanup_obj_info_ struct obj_info *at_a = copy_as("b", "d/a");
	_cleanup_obj_info_ struct obj_info *at_b = copy_as("d/a", "b");

	ck_assert_int_eq(obj_info_set_meta(at_a, ATTR_EXCHANGE, ".natsobj/intent/x"), 0);
	ck_assert_int_eq(obj_info_set_meta(at_b, ATTR_EXCHANGE, ".natsobj/intent/x"), 0);
	ck_assert_int_eq(store_put_info(other.store, at_a, a->seq), 0);
	ck_assert_int_eq(store_put_info(other.store, at_b, b->seq), 0);
}

/* Between the two stores of a move. */
START_TEST(what_is_exchanged_while_its_directory_moves_has_one_name)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "d/a", 0), 0);
	fake_sync(bucket);
	fake_before_put(bucket, 3, exchange_by_hand);
	ck_assert_int_eq(rename_path(m.fs, "d", "e", 0), 0);
	assert_all("b", "one");
	assert_all("d/a", "second");
	ck_assert(!exists(m.fs, "e/a"));
	ck_assert(!exists(other.fs, "e/a"));
}
END_TEST

static const char *changed;

static void change_mode_by_hand(void)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, changed);

	ck_assert_int_eq(obj_info_set_meta(info, ATTR_MODE, "0600"), 0);
	ck_assert_int_eq(store_put_info(other.store, info, info->seq), 0);
}

/* Between what an exchange of directories reads and what it stores. */
START_TEST(what_is_changed_while_directories_are_exchanged_is_not_lost)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "e"), 0);
	ck_assert_int_eq(rename_path(m.fs, "a", "d/a", 0), 0);
	ck_assert_int_eq(rename_path(m.fs, "b", "e/a", 0), 0);
	fake_sync(bucket);
	changed = _i ? "e/a" : "d/a";
	fake_before_put(bucket, 2, change_mode_by_hand);
	ck_assert_int_eq(rename_path(m.fs, "d", "e", RENAME_EXCHANGE), 0);
	assert_all("d/a", "one");
	assert_all("e/a", "second");
}
END_TEST

#define ROUNDS 40

static void *exchange_main(void *arg)
{
	struct fs *fs = arg;

	for (int i = 0; i < ROUNDS; i++)
		ck_assert_int_eq(rename_path(fs, fs == m.fs ? "a" : "b", fs == m.fs ? "b" : "a",
					     RENAME_EXCHANGE),
				 0);
	return NULL;
}

/* Of two mounts: the number of exchanges is even. */
START_TEST(exchanges_at_once_are_one_after_the_other)
{
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, exchange_main, other.fs), 0);
	exchange_main(m.fs);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	assert_all("a", "one");
	assert_all("b", "second");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("exchange_race");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_name_that_others_replaced_a_moment_ago_is_exchanged);
	tcase_add_loop_test(tc, an_exchange_waits_for_another_that_is_half_done, 0, 2);
	tcase_add_loop_test(tc, what_others_change_in_between_is_exchanged_after_it, 0, 2);
	tcase_add_loop_test(tc, what_cannot_go_back_to_its_name_gets_another, 0, 2);
	tcase_add_test(tc, what_others_move_to_the_first_name_stays);
	tcase_add_test(tc, what_is_being_exchanged_is_moved_afterwards);
	tcase_add_loop_test(tc, a_directory_waits_for_what_is_exchanged_in_it, 0, 2);
	tcase_add_test(tc, what_is_exchanged_while_its_directory_moves_has_one_name);
	tcase_add_loop_test(tc, what_is_changed_while_directories_are_exchanged_is_not_lost, 0, 2);
	tcase_add_test(tc, exchanges_at_once_are_one_after_the_other);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
