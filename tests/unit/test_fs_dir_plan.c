/* SPDX-License-Identifier: Apache-2.0 */

/* Directories that several mounts want to move at once. */

#include "fs/apply.h"
#include "fs/exchange.h"
#include "fs/intent.h"

#include "fs_fixture.h"
#include "suite.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* What a mount stores of which nothing more is heard for now. */
static struct obj_info *begin(struct fs *fs, const char *kind, const char *old, const char *new)
{
	struct obj_info *info = NULL;

	ck_assert_int_eq(intent_new(fs, kind, &info), 0);
	ck_assert_int_eq(intent_set_names(info, old, new), 0);
	ck_assert_int_eq(intent_store(fs, info), 0);
	return info;
}

struct rename {
	pthread_t thread;
	const char *old, *new;
	unsigned int flags;
	int err;
};

static void *rename_main(void *arg)
{
	struct rename *r = arg;

	r->err = rename_path(m.fs, r->old, r->new, r->flags);
	return NULL;
}

static void start(struct rename *r)
{
	ck_assert_int_eq(pthread_create(&r->thread, NULL, rename_main, r), 0);
}

static int join(struct rename *r)
{
	ck_assert_int_eq(pthread_join(r->thread, NULL), 0);
	return r->err;
}

/* It waits for something that it has found, after so many plans of its own. */
static void assert_waits(const struct rename *r, bool is_planned)
{
	unsigned int calls = fake_calls(bucket, FAKE_REMOVE_INFO);

	for (int i = 0; is_planned && i < 1000 && calls == 0; i++) {
		usleep(10000);
		calls = fake_calls(bucket, FAKE_REMOVE_INFO);
	}
	usleep(50000);
	ck_assert_int_eq(r->err, 1);
	ck_assert_int_eq(calls > 0, is_planned);
}

static struct mount with_files(void)
{
	struct mount other = mount_bucket();

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/x", "text", 4);
	ck_assert_int_eq(make_dir(m.fs, "e"), 0);
	fake_sync(bucket);
	return other;
}

static const char *const kinds[] = {INTENT_PLAN, INTENT_EXCHANGE_DIRS};

/* It is about the same directory, or one above or below. */
START_TEST(test_a_rename_waits_for_an_earlier_plan)
{
	static const char *const olds[] = {"d/", "e/", "d/s/"};
	struct mount other = with_files();
	struct rename r = {.old = "d", .new = "n", .err = 1};
	_cleanup_obj_info_ struct obj_info *plan = NULL;

	ck_assert_int_eq(make_dir(m.fs, "d/s"), 0);
	fake_sync(bucket);
	plan = begin(other.fs, kinds[_i % 2], olds[_i / 2], _i / 2 == 1 ? "n/" : "o/");
	fake_sync(bucket);
	start(&r);
	assert_waits(&r, false);
	/* Nothing is shown of a plan. */
	assert_names(m.fs, "", "d e ");
	assert_names(other.fs, "", "d e ");
	intent_remove(other.fs, plan);
	ck_assert_int_eq(join(&r), 0);
	fake_sync(bucket);
	assert_names(other.fs, "n", "s x ");
	unmount_bucket(&other);
}
END_TEST

/* What it finds then it has not heard of when it plans. */
START_TEST(test_of_two_plans_the_first_counts)
{
	struct mount other = with_files();
	struct rename r = {.old = "d",
			   .new = _i / 2 ? "e" : "n",
			   .flags = _i / 2 ? RENAME_EXCHANGE : 0,
			   .err = 1};
	_cleanup_obj_info_ struct obj_info *plan = NULL;

	fake_delay_events(bucket, 400);
	plan = begin(other.fs, kinds[_i % 2], "d/", "o/");
	start(&r);
	assert_waits(&r, true);
	assert_names(m.fs, "", "d e ");
	intent_remove(other.fs, plan);
	ck_assert_int_eq(join(&r), 0);
	fake_sync(bucket);
	assert_names(other.fs, r.new, "x ");
	unmount_bucket(&other);
}
END_TEST

/* Its own plan has a lower sequence. */
START_TEST(test_a_later_plan_is_not_waited_for)
{
	struct mount other = with_files();
	struct rename r = {.old = "d", .new = "n", .err = 1};
	_cleanup_obj_info_ struct obj_info *first = begin(other.fs, INTENT_PLAN, "d/", "o/");
	_cleanup_obj_info_ struct obj_info *later = NULL;

	fake_sync(bucket);
	start(&r);
	assert_waits(&r, false);
	/* Both are in the stream before what it does next. */
	fake_delay_events(bucket, 100);
	intent_remove(other.fs, first);
	for (int i = 0; i < 1000 && fake_calls(bucket, FAKE_PUT_INFO) < 5; i++)
		usleep(1000);
	later = begin(other.fs, INTENT_PLAN, "d/", "p/");
	ck_assert_int_eq(join(&r), 0);
	fake_sync(bucket);
	assert_names(other.fs, "n", "x ");
	intent_remove(other.fs, later);
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_a_plan_that_was_left_moves_nothing)
{
	struct mount other = with_files();
	_cleanup_obj_info_ struct obj_info *plan = begin(other.fs, INTENT_PLAN, "d/", "o/");
	_cleanup_free_ char *name = NULL;

	ck_assert_int_eq(intent_finish(m.fs, plan), 0);
	name = fake_find(bucket, ".natsobj/intent/");
	ck_assert_ptr_null(name);
	assert_names(m.fs, "", "d e ");
	ck_assert_int_eq(rename_path(m.fs, "d", "o", 0), 0);
	unmount_bucket(&other);
}
END_TEST

/* Another mount made an empty directory, of which the call did not know. */
START_TEST(test_a_directory_made_meanwhile_gives_way)
{
	struct mount other = mount_bucket();
	struct rename r = {.old = "d", .new = "n", .flags = _i ? RENAME_NOREPLACE : 0, .err = 1};
	_cleanup_obj_info_ struct obj_info *plan = NULL;

	/* It has no object of its own. */
	fake_foreign_put(bucket, "d/x", "text", 4, CHUNK);
	plan = begin(other.fs, INTENT_PLAN, "d/", "o/");
	fake_sync(bucket);
	start(&r);
	assert_waits(&r, false);
	ck_assert_int_eq(make_dir(other.fs, "n"), 0);
	fake_sync(bucket);
	intent_remove(other.fs, plan);
	ck_assert_int_eq(join(&r), _i ? -EEXIST : 0);
	ck_assert_int_eq(is_stored("n/"), _i != 0);
	fake_sync(bucket);
	assert_names(m.fs, "", _i ? "d n " : "n ");
	assert_names(other.fs, "", _i ? "d n " : "n ");
	unmount_bucket(&other);
}
END_TEST

/* The watch told of it while an operation had its name, and the rename knew nothing of it. */
START_TEST(test_what_a_rename_did_not_see_stays_where_it_is)
{
	struct mount other = with_files();

	ck_assert_int_eq(namelock_take(&m.fs->names, "d/y", 3), 0);
	put_file(other.fs, "d/y", "new", 3);
	fake_sync(bucket);
	ck_assert_int_eq(rename_path(m.fs, "d", "n", 0), 0);
	fs_release_name(m.fs, "d/y", 3);
	fake_sync(bucket);
	assert_names(m.fs, "", "d e n ");
	assert_file(m.fs, "d/y", "new", 3);
	for (int i = 0; i < 1000 && !exists(other.fs, "d/y"); i++)
		usleep(10000);
	assert_file(other.fs, "d/y", "new", 3);
	assert_names(other.fs, "n", "x ");
	unmount_bucket(&other);
}
END_TEST

/* The object of the one still has the name that the other is to get. */
START_TEST(test_a_file_moves_between_directories_that_change_places)
{
	struct rename dirs = {.old = "a", .new = "b", .flags = RENAME_EXCHANGE, .err = 1};
	struct rename file = {.old = "b/x", .new = "a/x", .err = 1};

	ck_assert_int_eq(make_dir(m.fs, "a"), 0);
	ck_assert_int_eq(make_dir(m.fs, "b"), 0);
	put_file(m.fs, "a/x", "text", 4);
	ck_assert_int_eq(namelock_take(&m.fs->names, "a/x", 3), 0);
	start(&dirs);
	for (int i = 0; i < 1000 && !exists(m.fs, "b/x"); i++)
		usleep(1000);
	start(&file);
	usleep(50000);
	ck_assert_int_eq(file.err, 1);
	fs_release_name(m.fs, "a/x", 3);
	ck_assert_int_eq(join(&dirs), 0);
	ck_assert_int_eq(join(&file), 0);
	assert_file(m.fs, "a/x", "text", 4);
	assert_names(m.fs, "b", "");
}
END_TEST

static struct mount other_mount;
static struct rename dir_rename;

/* By its tree alone. */
static bool is_followed(void)
{
	struct fs *fs = other_mount.fs;

	LOCK_SCOPE(&fs->tree.lock);
	return tree_lookup(&fs->tree, fs->tree.root, "n", 1) != NULL;
}

static void rename_now(void)
{
	start(&dir_rename);
	for (int i = 0; i < 5000 && !is_followed(); i++)
		usleep(1000);
}

/* A mount makes a file, writes one anew or changes its mode, while another one renames the
 * directory and has not come to the file yet. */
static void store_late(const char *old, int how)
{
	other_mount = with_files();
	dir_rename = (struct rename){.old = "d", .new = "n", .err = 1};
	ck_assert_int_eq(namelock_take(&m.fs->names, "d/x", 3), 0);
	fake_before_put(bucket, 0, rename_now);
	if (how == 2)
		ck_assert_int_eq(change_mode(other_mount.fs, old, 0640), 0);
	else
		put_file(other_mount.fs, old, "late", 4);
	fs_release_name(m.fs, "d/x", 3);
	ck_assert_int_eq(join(&dir_rename), 0);
	fake_sync(bucket);
	wait_followed(other_mount.fs);
}

START_TEST(test_what_is_made_after_the_rename_is_under_the_old_name_only)
{
	store_late("d/y", 0);
	ck_assert(is_stored("d/y") && !is_stored("n/y"));
	for (int i = 0; i < 2; i++) {
		struct fs *fs = i ? other_mount.fs : m.fs;

		/* Before a lookup asks the bucket. */
		assert_names(fs, "n", "x ");
		assert_file(fs, "d/y", "late", 4);
	}
	unmount_bucket(&other_mount);
}
END_TEST

START_TEST(test_what_is_changed_after_the_rename_follows)
{
	store_late("d/x", _i);
	ck_assert(!is_stored("d/x") && is_stored("n/x"));
	for (int i = 0; i < 2; i++) {
		struct fs *fs = i ? other_mount.fs : m.fs;

		assert_names(fs, "n", "x ");
		assert_file(fs, "n/x", _i == 2 ? "text" : "late", 4);
		ck_assert(!exists(fs, "d"));
	}
	unmount_bucket(&other_mount);
}
END_TEST

/* --- files --- */

#define ROUNDS 100

struct racer {
	struct fs *fs;
	pthread_barrier_t *barrier;
	const char *new;
	int errs[ROUNDS];
};

static void *race_main(void *arg)
{
	struct racer *r = arg;
	char old[16], new[16];

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(old, sizeof(old), "f%02d", i);
		snprintf(new, sizeof(new), "%s%02d", r->new, i);
		pthread_barrier_wait(r->barrier);
		r->errs[i] = rename_path(r->fs, old, new, 0);
	}
	return NULL;
}

/* Two mounts rename one file at once; what has the new name already comes back if it must. */
START_TEST(test_one_of_two_renames_gets_a_file)
{
	struct mount other = mount_bucket();
	pthread_barrier_t barrier;
	struct racer a = {.fs = m.fs, .new = "a", .barrier = &barrier};
	struct racer b = {.fs = other.fs, .new = "b", .barrier = &barrier};
	char name[16], text[16];
	pthread_t thread;

	for (int i = 0; i < ROUNDS; i++) {
		snprintf(name, sizeof(name), "f%02d", i);
		put_file(m.fs, name, name, 3);
		snprintf(name, sizeof(name), "b%02d", i);
		if (i % 2)
			put_file(m.fs, name, name, 3);
	}
	fake_sync(bucket);
	pthread_barrier_init(&barrier, NULL, 2);
	ck_assert_int_eq(pthread_create(&thread, NULL, race_main, &b), 0);
	race_main(&a);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_barrier_destroy(&barrier);
	fake_sync(bucket);
	for (int i = 0; i < ROUNDS; i++) {
		ck_assert_int_eq(a.errs[i] + b.errs[i], -ENOENT);
		snprintf(text, sizeof(text), "f%02d", i);
		ck_assert(!is_stored(text));
		snprintf(name, sizeof(name), "%s%02d", a.errs[i] ? "b" : "a", i);
		assert_object(name, text, 3);
		assert_file(other.fs, name, text, 3);
		snprintf(name, sizeof(name), "%s%02d", a.errs[i] ? "a" : "b", i);
		if (a.errs[i] == 0 && i % 2)
			assert_object(name, name, 3);
		else
			ck_assert(!is_stored(name));
		ck_assert_int_eq(exists(m.fs, name), a.errs[i] == 0 && i % 2);
	}
	unmount_bucket(&other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_dir_plan");
	TCase *tc = tcase_create("dir_plan");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_add_loop_test(tc, test_a_rename_waits_for_an_earlier_plan, 0, 6);
	tcase_add_loop_test(tc, test_of_two_plans_the_first_counts, 0, 4);
	tcase_add_test(tc, test_a_later_plan_is_not_waited_for);
	tcase_add_test(tc, test_a_plan_that_was_left_moves_nothing);
	tcase_add_loop_test(tc, test_a_directory_made_meanwhile_gives_way, 0, 2);
	tcase_add_test(tc, test_what_a_rename_did_not_see_stays_where_it_is);
	tcase_add_test(tc, test_a_file_moves_between_directories_that_change_places);
	tcase_add_test(tc, test_one_of_two_renames_gets_a_file);
	tcase_add_test(tc, test_what_is_made_after_the_rename_is_under_the_old_name_only);
	tcase_add_loop_test(tc, test_what_is_changed_after_the_rename_follows, 1, 3);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
