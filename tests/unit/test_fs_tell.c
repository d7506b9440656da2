/* SPDX-License-Identifier: Apache-2.0 */

/* What a mount says of the changes of others, and that it says nothing of its own. */

#include "fs/publish.h"
#include "fs_fixture.h"
#include "said.h"
#include "suite.h"

/* A line for each change. */
static void on_changed(void *arg, const struct fs_change *c)
{
	static const char *const kinds[] = {
		[FS_CREATED] = "created",	[FS_LINKED] = "linked",	  [FS_CHANGED] = "changed",
		[FS_ATTRIBUTES] = "attributes", [FS_REMOVED] = "removed", [FS_MOVED] = "moved"};

	(void)arg;
	if (c->kind == FS_MOVED)
		say("moved %s/%s to %s/%s\n", c->old_dir, c->old_name, c->dir, c->name);
	else
		say("%s %s/%s\n", kinds[c->kind], c->dir, c->name);
}

static void listen(struct fs *fs)
{
	const struct fs_listener l = {.changed = on_changed};

	forget_what_was_said();
	fs_set_listener(fs, &l);
}

/* What was said before counts for nothing afterwards. */
static void hear_next(const char *text)
{
	hear(text);
	forget_what_was_said();
}

static int link_path(struct fs *fs, const char *old_name, const char *new_name)
{
	struct fs_entry e, made;
	int err = lookup(fs, old_name, &e);

	ck_assert_int_eq(err, 0);
	err = fs_link(fs, &root_ctx, e.nodeid, FS_ROOT_ID, new_name, &made);
	if (!err)
		fs_forget(fs, made.nodeid, 1);
	fs_forget(fs, e.nodeid, 1);
	return err;
}

START_TEST(changes_of_a_file_with_several_names_are_told_of_all)
{
	struct mount other = mount_bucket();

	put_file(other.fs, "f", "text", 4);
	fake_sync(bucket);
	listen(m.fs);
	ck_assert_int_eq(link_path(other.fs, "f", "g"), 0);
	hear_next("linked /g\n");
	put_file(other.fs, "f", "other text", 10);
	hear_next("changed /f\nchanged /g\n");
	ck_assert_int_eq(change_mode(other.fs, "g", 0600), 0);
	hear_next("attributes /f\nattributes /g\n");
	ck_assert_int_eq(unlink_path(other.fs, "g"), 0);
	hear_next("removed /g\n");
	fs_set_listener(m.fs, NULL);
	unmount_bucket(&other);
}
END_TEST

START_TEST(changes_of_another_mount_are_told)
{
	struct mount other = mount_bucket();
	struct fs_entry e;

	ck_assert_int_eq(make_dir(other.fs, "d"), 0);
	fake_sync(bucket);
	/* The kernel has to know the directory. */
	ck_assert_int_eq(lookup(m.fs, "d", &e), 0);
	listen(m.fs);
	put_file(other.fs, "d/f", "text", 4);
	hear_next("created d/f\n");
	put_file(other.fs, "d/f", "other text", 10);
	hear_next("changed d/f\n");
	ck_assert_int_eq(rename_path(other.fs, "d/f", "d/g", 0), 0);
	hear_next("moved d/f to d/g\n");
	ck_assert_int_eq(unlink_path(other.fs, "d/g"), 0);
	hear_next("removed d/g\n");
	ck_assert_int_eq(make_dir(other.fs, "e"), 0);
	hear_next("created /e\n");
	ck_assert_int_eq(rmdir_path(other.fs, "e"), 0);
	hear_next("removed /e\n");
	fs_set_listener(m.fs, NULL);
	unmount_bucket(&other);
}
END_TEST

START_TEST(own_changes_are_not)
{
	listen(m.fs);
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/f", "text", 4);
	ck_assert_int_eq(rename_path(m.fs, "d/f", "d/g", 0), 0);
	ck_assert_int_eq(unlink_path(m.fs, "d/g"), 0);
	ck_assert_int_eq(rmdir_path(m.fs, "d"), 0);
	fake_sync(bucket);
	fs_set_listener(m.fs, NULL);
	assert_nothing_said("own changes");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_tell");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_add_test(tc, changes_of_another_mount_are_told);
	tcase_add_test(tc, changes_of_a_file_with_several_names_are_told_of_all);
	tcase_add_test(tc, own_changes_are_not);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
