/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which entries the kernel is told to forget. It drops the name of a directory that it is told of,
 * and a process inside has no working directory any more: so never those that it knows from a reply
 * of ours.
 */

#include "fs_fixture.h"
#include "said.h"
#include "suite.h"

#include <stdio.h>

/* A line for each forgotten entry. */
static void on_entry(void *arg, uint64_t parent, const char *name, size_t len)
{
	(void)arg;
	(void)parent;
	say("%.*s\n", (int)len, name);
}

static void listen(struct fs *fs)
{
	const struct fs_listener l = {.inval_entry = on_entry};

	forget_what_was_said();
	fs_set_listener(fs, &l);
}

/* Nothing has been said, also when the watch has told everything. */
static void assert_silence(const char *after)
{
	fake_sync(bucket);
	assert_nothing_said(after);
}

/* The kernel keeps what it looked up. */
static uint64_t keep(const char *path)
{
	struct fs_entry e;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	ck_assert_uint_ne(e.nodeid, 0);
	return e.nodeid;
}

START_TEST(what_is_made_here_is_not_forgotten)
{
	struct fs_handle *h;
	struct fs_entry e;
	uint64_t d;

	listen(m.fs);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	assert_silence("mkdir");
	d = keep("d");
	ck_assert_int_eq(make_dir(m.fs, "d/e"), 0);
	assert_silence("mkdir below");
	put_file(m.fs, "d/f", "text", 4);
	assert_silence("create");
	put_file(m.fs, "d/f", "other text", 10);
	assert_silence("overwriting");
	ck_assert_int_eq(create(m.fs, "d/x", O_WRONLY | O_EXCL, &h), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_silence("exclusive create");
	ck_assert_int_eq(fs_mknod(m.fs, &root_ctx, d, "fifo", S_IFIFO | 0600, 0, &e), 0);
	assert_silence("mknod");
	ck_assert_int_eq(fs_symlink(m.fs, &root_ctx, "f", d, "s", &e), 0);
	assert_silence("symlink to an object");
	ck_assert_int_eq(fs_symlink(m.fs, &root_ctx, "/nowhere", d, "t", &e), 0);
	assert_silence("symlink");
	ck_assert_int_eq(fs_link(m.fs, &root_ctx, keep("d/f"), d, "g", &e), 0);
	assert_silence("link");
	ck_assert_int_eq(unlink_path(m.fs, "d/g"), 0);
	assert_silence("unlink of one of two names");
}
END_TEST

START_TEST(what_is_moved_here_is_not_forgotten)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	ck_assert_int_eq(make_dir(m.fs, "e"), 0);
	put_file(m.fs, "d/f", "text", 4);
	put_file(m.fs, "d/g", "other", 5);
	keep("d/f");
	keep("d/g");
	keep("d");
	keep("e");
	fake_sync(bucket);
	listen(m.fs);
	ck_assert_int_eq(rename_path(m.fs, "d/f", "e/f", 0), 0);
	assert_silence("rename of a file");
	ck_assert_int_eq(rename_path(m.fs, "e/f", "d/g", 0), 0);
	assert_silence("rename over a file");
	ck_assert_int_eq(rename_path(m.fs, "d", "moved", 0), 0);
	assert_silence("rename of a directory");
	ck_assert_int_eq(rename_path(m.fs, "moved", "e", 0), 0);
	assert_silence("rename over a directory");
	put_file(m.fs, "other", "x", 1);
	ck_assert_int_eq(rename_path(m.fs, "other", "e/g", RENAME_EXCHANGE), 0);
	assert_silence("exchange");
}
END_TEST

START_TEST(what_is_removed_here_is_not_forgotten)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/f", "text", 4);
	keep("d");
	keep("d/f");
	fake_sync(bucket);
	listen(m.fs);
	ck_assert_int_eq(unlink_path(m.fs, "d/f"), 0);
	assert_silence("unlink");
	ck_assert_int_eq(rmdir_path(m.fs, "d"), 0);
	assert_silence("rmdir");
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	assert_silence("mkdir again");
}
END_TEST

START_TEST(what_others_do_is)
{
	struct mount other = mount_bucket();

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	fake_sync(bucket);
	keep("d");
	listen(m.fs);
	ck_assert_int_eq(make_dir(other.fs, "e"), 0);
	hear("e\n");
	put_file(other.fs, "d/f", "text", 4);
	hear("f\n");
	ck_assert_int_eq(rename_path(other.fs, "d/f", "d/g", 0), 0);
	hear("g\n");
	forget_what_was_said();
	ck_assert_int_eq(unlink_path(other.fs, "d/g"), 0);
	hear("g\n");
	fs_set_listener(m.fs, NULL);
	unmount_bucket(&other);
}
END_TEST

/* What a call does besides, the kernel cannot know. */
START_TEST(what_follows_from_a_call_is)
{
	fake_foreign_put(bucket, "d/f", "text", 4, CHUNK);
	fake_foreign_put(bucket, "both", "text", 4, CHUNK);
	fake_foreign_put(bucket, "both/f", "text", 4, CHUNK);
	fake_sync(bucket);
	keep("d");
	keep("both");
	listen(m.fs);
	ck_assert_int_eq(rename_path(m.fs, "both", "dir", 0), 0);
	hear("%=fboth\n");
	/* The implied directory stays, because this mount has seen it. */
	ck_assert_int_eq(unlink_path(m.fs, "d/f"), 0);
	fake_sync(bucket);
	ck_assert(exists(m.fs, "d"));
	ck_assert(!has_said("d\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_inval");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_add_test(tc, what_is_made_here_is_not_forgotten);
	tcase_add_test(tc, what_is_moved_here_is_not_forgotten);
	tcase_add_test(tc, what_is_removed_here_is_not_forgotten);
	tcase_add_test(tc, what_others_do_is);
	tcase_add_test(tc, what_follows_from_a_call_is);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
