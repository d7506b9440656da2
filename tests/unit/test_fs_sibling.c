/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A name that is made as a file and as a directory at the same time, by two mounts, and in a
 * directory that is renamed meanwhile: one of them has it, where it belongs, and nothing else is
 * left.
 */

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs_fixture.h"
#include "suite.h"

static struct mount other;
static struct fs_handle *handle;
static int other_err;

static void setup(void)
{
	fixture_setup();
	other = mount_bucket();
	put_file(m.fs, "old", "text", 4);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/there", "too", 3);
	fake_sync(bucket);
	handle = NULL;
}

static void teardown(void)
{
	unmount_bucket(&other);
	fixture_teardown();
}

/* --- ways to make a name --- */

static int make_excl(struct fs *fs, const char *path)
{
	return create(fs, path, O_WRONLY | O_EXCL, &handle);
}

static int make_symlink(struct fs *fs, const char *path)
{
	const char *name;
	uint64_t parent = parent_of(fs, path, &name);
	struct fs_entry e;
	int err = fs_symlink(fs, &root_ctx, "old", parent, name, &e);

	if (!err)
		fs_forget(fs, e.nodeid, 1);
	return err;
}

static int make_node(struct fs *fs, const char *path)
{
	const char *name;
	uint64_t parent = parent_of(fs, path, &name);
	struct fs_entry e;
	int err = fs_mknod(fs, &root_ctx, parent, name, S_IFREG | 0644, 0, &e);

	if (!err)
		fs_forget(fs, e.nodeid, 1);
	return err;
}

static int make_link(struct fs *fs, const char *path)
{
	struct fs_entry e, linked;
	const char *name;
	uint64_t parent = parent_of(fs, path, &name);
	int err;

	ck_assert_int_eq(lookup(fs, "old", &e), 0);
	err = fs_link(fs, &root_ctx, e.nodeid, parent, name, &linked);
	if (!err)
		fs_forget(fs, linked.nodeid, 1);
	fs_forget(fs, e.nodeid, 1);
	return err;
}

static int make_moved(struct fs *fs, const char *path)
{
	return rename_path(fs, "old", path, RENAME_NOREPLACE);
}

static const struct way {
	int (*make)(struct fs *fs, const char *path);
	unsigned int n_before; /* metadata that are stored before the name */
} ways[] = {
	{make_excl, 0}, {make_symlink, 0}, {make_node, 0}, {make_link, 3}, {make_moved, 0},
};
#define N_WAYS (int)(sizeof(ways) / sizeof(ways[0]))

static const struct way *way;

static void finish(struct fs *fs)
{
	if (handle)
		ck_assert_int_eq(close_file(fs, steal_ptr(handle)), 0);
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
}

/* What both mounts show under the root. */
static void assert_shown(const char *names)
{
	assert_names(m.fs, "", names);
	assert_names(other.fs, "", names);
}

static void assert_file_won(void)
{
	ck_assert(is_stored("n") && !is_stored("n/"));
	assert_shown(way->make == make_moved ? "d n " : "d n old ");
}

static void assert_dir_won(void)
{
	struct fs_entry e;

	ck_assert(!is_stored("n") && is_stored("n/"));
	assert_shown("d n old ");
	ck_assert_int_eq(lookup(m.fs, "n", &e), 0);
	ck_assert(S_ISDIR(e.st.st_mode));
	fs_forget(m.fs, e.nodeid, 1);
	assert_file(m.fs, "old", "text", 4);
	assert_file(other.fs, "old", "text", 4);
}

/* --- a file here, a directory there --- */

static void make_dir_there(void)
{
	other_err = make_dir(other.fs, "n");
}

static void make_file_here(void)
{
	other_err = way->make(m.fs, "n");
}

START_TEST(test_a_directory_made_before_the_name_is_stored_stays)
{
	way = &ways[_i];
	fake_delay_events(bucket, 20);
	fake_before_put(bucket, way->n_before, make_dir_there);
	ck_assert_int_eq(way->make(m.fs, "n"), -EEXIST);
	ck_assert_int_eq(other_err, 0);
	finish(m.fs);
	assert_dir_won();
}
END_TEST

/* The later one sees the earlier one, whatever has been done with that since. */
START_TEST(test_a_directory_made_after_the_name_was_stored_goes)
{
	way = &ways[_i];
	fake_delay_events(bucket, 20);
	ck_assert_int_eq(way->make(m.fs, "n"), 0);
	make_dir_there();
	ck_assert_int_eq(other_err, -EEXIST);
	finish(m.fs);
	assert_file_won();
}
END_TEST

START_TEST(test_a_file_made_after_the_directory_was_stored_goes)
{
	way = &ways[_i];
	fake_delay_events(bucket, 20);
	fake_before_get(bucket, "n", make_file_here);
	ck_assert_int_eq(make_dir(other.fs, "n"), 0);
	ck_assert_int_eq(other_err, -EEXIST);
	finish(m.fs);
	assert_dir_won();
}
END_TEST

/* The commit of the file has a sequence above that of the directory. */
static void close_here(void)
{
	ck_assert_int_eq(close_file(m.fs, steal_ptr(handle)), 0);
}

START_TEST(test_a_claim_counts_after_the_commit_has_replaced_it)
{
	way = &ways[0];
	fake_delay_events(bucket, 20);
	ck_assert_int_eq(make_excl(m.fs, "n"), 0);
	fake_before_get(bucket, "n", close_here);
	ck_assert_int_eq(make_dir(other.fs, "n"), -EEXIST);
	finish(m.fs);
	assert_file_won();
}
END_TEST

/* --- both are stored before either looks --- */

static pthread_barrier_t barrier;

static void *make_dir_main(void *arg)
{
	(void)arg;
	make_dir_there();
	return NULL;
}

/* On the thread that makes the directory, which is stored after the file, and then has not looked
 * before the file's maker has, and both trees show it. */
static void stop_before_storing(void)
{
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
}

static void stop_before_looking(void)
{
	pthread_barrier_wait(&barrier);
	usleep(50000);
}

/* On the other. */
static void let_it_store(void)
{
	fake_before_get(bucket, "n", stop_before_looking);
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	fake_sync(bucket);
}

START_TEST(test_the_earlier_one_waits_for_the_later_one_to_go)
{
	pthread_t thread;

	way = &ways[_i];
	pthread_barrier_init(&barrier, NULL, 2);
	fake_before_put(bucket, 0, stop_before_storing);
	ck_assert_int_eq(pthread_create(&thread, NULL, make_dir_main, NULL), 0);
	pthread_barrier_wait(&barrier);
	fake_before_get(bucket, "n/", let_it_store);
	ck_assert_int_eq(way->make(m.fs, "n"), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(other_err, -EEXIST);
	finish(m.fs);
	assert_file_won();
	pthread_barrier_destroy(&barrier);
}
END_TEST

/* --- in a directory that is renamed --- */

static void rename_here(void)
{
	ck_assert_int_eq(rename_path(m.fs, "d", "e", 0), 0);
}

static void rename_there(void)
{
	ck_assert_int_eq(rename_path(other.fs, "d", "e", 0), 0);
	fake_sync(bucket);
}

static int make_dir_in(struct fs *fs, const char *path)
{
	return make_dir(fs, path);
}

static const struct {
	int (*make)(struct fs *fs, const char *path);
	unsigned int n_before;
} made[] = {
	{make_excl, 0}, {make_symlink, 0}, {make_node, 0}, {make_link, 3}, {make_dir_in, 0},
};
#define N_MADE (int)(sizeof(made) / sizeof(made[0]))

/* Before the name is stored, or after that and before the tree has it. The directory of another
 * mount's rename may also be found gone, and what was made in it have moved. */
START_TEST(test_what_is_made_goes_with_its_directory)
{
	void (*fn)(void) = _i & 1 ? rename_there : rename_here;
	int which = _i / 4, err;

	if (_i & 2)
		fake_before_get(bucket, made[which].make == make_dir_in ? "d/x" : "d/x/", fn);
	else
		fake_before_put(bucket, made[which].n_before, fn);
	err = made[which].make(m.fs, "d/x");
	ck_assert(!err || (fn == rename_there && err == -ENOENT));
	finish(m.fs);
	wait_followed(m.fs);
	wait_followed(other.fs);
	fake_sync(bucket);
	ck_assert(!is_stored("d/x") && !is_stored("d/x/") && !is_stored("d/"));
	assert_shown("e old ");
	for (int i = 0; i < 2; i++) {
		_cleanup_free_ char *names = list_dir(i ? m.fs : other.fs, "e", 50);

		ck_assert(strcmp(names, "there x ") == 0 || (err && strcmp(names, "there ") == 0));
	}
}
END_TEST

/* As those do who keep all metadata in the tombstone. */
static void foreign_delete_in_place(const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);

	info->is_deleted = true;
	ck_assert_int_eq(store_put_info(m.store, info, info->seq), 0);
	fake_sync(bucket);
}

START_TEST(test_what_others_delete_is_no_claim)
{
	struct fs_handle *h;

	ck_assert_int_eq(make_dir(m.fs, "made"), 0);
	ck_assert_int_eq(create(m.fs, "new", O_WRONLY | O_EXCL, &h), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	foreign_delete_in_place("made/");
	foreign_delete_in_place("new");
	ck_assert(!exists(m.fs, "made") && !exists(m.fs, "new"));
}
END_TEST

/* The claim of another mount is not wanted under the old name, and is nothing under the new one. */
START_TEST(test_a_claim_of_another_mount_leaves_no_name)
{
	ck_assert_int_eq(make_excl(other.fs, "d/x"), 0);
	fake_sync(bucket);
	ck_assert_int_eq(rename_path(m.fs, "d", "e", 0), 0);
	fake_sync(bucket);
	assert_names(m.fs, "e", "there ");
	finish(other.fs);
	wait_followed(other.fs);
	fake_sync(bucket);
	ck_assert(is_stored("e/x") && !is_stored("d/x"));
	assert_shown("e old ");
	assert_names(m.fs, "e", "there x ");
	assert_names(other.fs, "e", "there x ");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_sibling");
	TCase *tc = tcase_create("fs_sibling");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, test_a_directory_made_before_the_name_is_stored_stays, 0, N_WAYS);
	tcase_add_loop_test(tc, test_a_directory_made_after_the_name_was_stored_goes, 0, N_WAYS);
	tcase_add_loop_test(tc, test_a_file_made_after_the_directory_was_stored_goes, 0, N_WAYS);
	tcase_add_test(tc, test_a_claim_counts_after_the_commit_has_replaced_it);
	tcase_add_loop_test(tc, test_the_earlier_one_waits_for_the_later_one_to_go, 0, N_WAYS);
	tcase_add_loop_test(tc, test_what_is_made_goes_with_its_directory, 0, 4 * N_MADE);
	tcase_add_test(tc, test_what_others_delete_is_no_claim);
	tcase_add_test(tc, test_a_claim_of_another_mount_leaves_no_name);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
