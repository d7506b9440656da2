/* SPDX-License-Identifier: Apache-2.0 */

/* Symbolic links, special files, and files and directories that have one name. */

#include "fs/symlink.h"

#include "fs_fixture.h"
#include "suite.h"

#include <stdlib.h>
#include <sys/sysmacros.h>

static int make_symlink(const char *path, const char *target)
{
	struct fs_entry e;
	const char *name;
	uint64_t parent = parent_of(m.fs, path, &name);
	int err = fs_symlink(m.fs, &root_ctx, target, parent, name, &e);

	if (!err)
		fs_forget(m.fs, e.nodeid, 1);
	if (parent != FS_ROOT_ID)
		fs_forget(m.fs, parent, 1);
	return err;
}

static void assert_target(const char *path, const char *want)
{
	_cleanup_free_ char *got = NULL;
	struct fs_entry e;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	ck_assert(S_ISLNK(e.st.st_mode));
	ck_assert_int_eq(e.st.st_size, (off_t)strlen(want));
	ck_assert_int_eq(fs_readlink(m.fs, &root_ctx, e.nodeid, &got), 0);
	ck_assert_str_eq(got, want);
	fs_forget(m.fs, e.nodeid, 1);
}

static void assert_object_link(const char *name, const char *want)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);

	ck_assert_ptr_nonnull(info);
	if (!want) {
		ck_assert_ptr_null(info->link_bucket);
		return;
	}
	ck_assert_ptr_nonnull(info->link_name);
	ck_assert_str_eq(info->link_bucket, "fake");
	ck_assert_str_eq(info->link_name, want);
}

static const struct {
	const char *link, *target, *object;
} targets[] = {
	{"l", "a", "a"},
	{"l", "./a", "a"},
	{"l", "d/../a", "a"},
	{"l", "d//a", "d/a"},
	{"d/l", "a", "d/a"},
	{"d/l", "../a", "a"},
	{"d/e/l", "../../x/y", "x/y"},
	{"l", "/a", NULL},
	{"l", "../a", NULL},
	{"d/l", "../../a", NULL},
	{"l", ".", NULL},
	{"l", "..", NULL},
	{"d/l", "..", NULL},
	{"l", "a/", NULL},
	{"l", "a/.", NULL},
	{"l", ".natsobj/inode/x", NULL},
	{"l", "%=l0123", NULL},
	{"l", "%=x%25=odd", "%=odd"},
};

START_TEST(test_a_target_is_resolved_by_its_text)
{
	struct buf out CLEANUP(buf_done) = {0};
	bool is_object;

	buf_init(&out, 4096);
	is_object = symlink_resolve(targets[_i].link, strlen(targets[_i].link), targets[_i].target,
				    &out);
	ck_assert_msg(is_object == (targets[_i].object != NULL), "%s -> %s", targets[_i].link,
		      targets[_i].target);
	if (is_object)
		ck_assert_str_eq(out.data, targets[_i].object);
}
END_TEST

START_TEST(test_a_link_to_an_object_is_one_for_others_too)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/file", "text", 4);
	ck_assert_int_eq(make_symlink("l", "d//./file"), 0);
	ck_assert_int_eq(make_symlink("none", "nothing"), 0);
	ck_assert_int_eq(make_symlink("dir", "d"), 0);
	ck_assert_int_eq(make_symlink("second", "l"), 0);
	assert_object_link("l", "d/file");
	assert_object_link("none", NULL);
	assert_object("none", "nothing", 7);
	assert_object_link("dir", NULL);
	assert_object_link("second", NULL);
	for (int i = 0; i < 2; i++) {
		assert_target("l", "d//./file");
		assert_target("none", "nothing");
		assert_target("dir", "d");
		assert_target("second", "l");
		remount();
	}
}
END_TEST

START_TEST(test_a_renamed_link_leads_others_where_its_text_does)
{
	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "file", "text", 4);
	ck_assert_int_eq(make_symlink("l", "file"), 0);
	ck_assert_int_eq(rename_path(m.fs, "l", "d/l", 0), 0);
	assert_object_link("d/l", "d/file");
	assert_target("d/l", "file");
	ck_assert_int_eq(rename_path(m.fs, "d", "e", 0), 0);
	assert_object_link("e/l", "e/file");
}
END_TEST

START_TEST(test_links_of_other_clients_are_relative_or_say_where_they_lead)
{
	fake_foreign_put(bucket, "a/b/file", "text", 4, CHUNK);
	fake_foreign_meta(bucket, "a/l",
			  "{\"name\":\"a/l\",\"bucket\":\"fake\",\"options\":{\"link\":{"
			  "\"bucket\":\"fake\",\"name\":\"a/b/file\"}}}");
	fake_foreign_meta(bucket, "away",
			  "{\"name\":\"away\",\"bucket\":\"fake\",\"options\":{\"link\":{"
			  "\"bucket\":\"other\",\"name\":\"x\"}}}");
	fake_foreign_meta(bucket, "all",
			  "{\"name\":\"all\",\"bucket\":\"fake\",\"options\":{\"link\":{"
			  "\"bucket\":\"other\"}}}");
	fake_sync(bucket);
	assert_target("a/l", "b/file");
	assert_target("away", "nats-object:other/x");
	assert_target("all", "nats-object:other");
}
END_TEST

START_TEST(test_special_files_survive_a_remount)
{
	static const struct {
		const char *name;
		mode_t mode;
	} kinds[] = {{"p", S_IFIFO}, {"s", S_IFSOCK}, {"c", S_IFCHR}, {"b", S_IFBLK}};
	struct fs_entry e;

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		ck_assert_int_eq(fs_mknod(m.fs, &root_ctx, FS_ROOT_ID, kinds[i].name,
					  kinds[i].mode | 0640, makedev(12, 345), &e),
				 0);
		fs_forget(m.fs, e.nodeid, 1);
	}
	remount();
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		bool is_device = kinds[i].mode == S_IFCHR || kinds[i].mode == S_IFBLK;

		ck_assert_int_eq(lookup(m.fs, kinds[i].name, &e), 0);
		ck_assert_uint_eq(e.st.st_mode, kinds[i].mode | 0640);
		ck_assert_uint_eq(e.st.st_rdev, is_device ? makedev(12, 345) : 0);
		fs_forget(m.fs, e.nodeid, 1);
	}
}
END_TEST

/* --- one name, a file's and a directory's --- */

static void assert_list(const char *path, const char *want)
{
	assert_names(m.fs, path, want);
}

START_TEST(test_a_directory_wins_whatever_comes_first)
{
	if (_i) {
		fake_foreign_put(bucket, "both", "file", 4, CHUNK);
		fake_foreign_put(bucket, "both/x", "below", 5, CHUNK);
	} else {
		fake_foreign_put(bucket, "both/x", "below", 5, CHUNK);
		fake_foreign_put(bucket, "both", "file", 4, CHUNK);
	}
	fake_sync(bucket);
	for (int i = 0; i < 3; i++) {
		assert_list("", "%=fboth both ");
		assert_file(m.fs, "%=fboth", "file", 4);
		assert_file(m.fs, "both/x", "below", 5);
		if (i == 0) {
			fake_reconnect(bucket);
			fake_sync(bucket);
		} else {
			remount();
		}
	}
}
END_TEST

START_TEST(test_a_hidden_file_is_shown_when_the_directory_is_renamed)
{
	fake_foreign_put(bucket, "both", "file", 4, CHUNK);
	fake_foreign_put(bucket, "both/x", "below", 5, CHUNK);
	fake_sync(bucket);
	ck_assert_int_eq(rename_path(m.fs, "both", "dir", 0), 0);
	assert_list("", "both dir ");
	assert_file(m.fs, "both", "file", 4);
	remount();
	assert_list("", "both dir ");
}
END_TEST

START_TEST(test_what_is_made_gives_way_to_an_older_object_of_the_other_kind)
{
	struct fs_handle *h;

	fake_delay_events(bucket, 300);
	fake_foreign_put(bucket, "x", "file", 4, CHUNK);
	fake_foreign_put(bucket, "y/", "", 0, CHUNK);
	ck_assert_int_eq(make_dir(m.fs, "x"), -EEXIST);
	ck_assert_int_eq(create(m.fs, "y", O_WRONLY | O_EXCL, &h), -EEXIST);
	ck_assert_int_eq(make_symlink("y", "target"), -EEXIST);
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	assert_file(m.fs, "x", "file", 4);
	assert_list("", "x y ");
	remount();
	assert_list("", "x y ");
	assert_list("y", "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs_kinds");
	TCase *tc = tcase_create("kinds");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, test_a_target_is_resolved_by_its_text, 0, (int)ARRAY_LEN(targets));
	tcase_add_test(tc, test_a_link_to_an_object_is_one_for_others_too);
	tcase_add_test(tc, test_a_renamed_link_leads_others_where_its_text_does);
	tcase_add_test(tc, test_links_of_other_clients_are_relative_or_say_where_they_lead);
	tcase_add_test(tc, test_special_files_survive_a_remount);
	tcase_add_loop_test(tc, test_a_directory_wins_whatever_comes_first, 0, 2);
	tcase_add_test(tc, test_a_hidden_file_is_shown_when_the_directory_is_renamed);
	tcase_add_test(tc, test_what_is_made_gives_way_to_an_older_object_of_the_other_kind);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
