/* SPDX-License-Identifier: Apache-2.0 */

/* A mount whose first listing takes long. */

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/intent.h"
#include "fs/internal.h"
#include "fs/links.h"
#include "fs_fixture.h"
#include "said.h"
#include "suite.h"

static void setup(void)
{
	bucket = fake_new(CHUNK);
}

static void put(const char *name, const char *text)
{
	fake_foreign_put(bucket, name, text, strlen(text), CHUNK);
}

/* The listing stops after so many names. */
static void mount_early(unsigned int n_listed)
{
	fake_hold_listing(bucket, n_listed);
	m = mount_bucket();
	ck_assert(early_is_on(&m.fs->early));
}

static void end_listing(void)
{
	fake_hold_listing(bucket, UINT_MAX);
	ck_assert_int_eq(early_wait(m.fs, &root_ctx), 0);
	fake_sync(bucket);
}

START_TEST(known_paths_are_read)
{
	struct fs_entry e;

	put("d/e/f", "text");
	put("g", "more");
	mount_early(0);
	assert_file(m.fs, "d/e/f", "text", 4);
	assert_file(m.fs, "g", "more", 4);
	ck_assert_int_eq(lookup(m.fs, "d/e", &e), 0);
	ck_assert(S_ISDIR(e.st.st_mode));
	ck_assert_int_eq((int)e.st.st_nlink, 1);
	/* The kernel asks again. */
	ck_assert(e.entry_timeout == 0 && e.attr_timeout == 0);
	end_listing();
	ck_assert_int_eq(lookup(m.fs, "d/e", &e), 0);
	ck_assert(e.entry_timeout > 1);
	ck_assert_int_eq((int)e.st.st_nlink, 2);
}
END_TEST

START_TEST(what_was_removed_is_absent)
{
	struct fs_entry e;

	put("d/gone", "x");
	put("d/there", "x");
	put("only/gone", "x");
	fake_foreign_delete(bucket, "d/gone");
	fake_foreign_delete(bucket, "only/gone");
	mount_early(0);
	/* Not an absence that may be cached. */
	ck_assert_int_eq(lookup(m.fs, "d/gone", &e), -ENOENT);
	ck_assert_int_eq(lookup(m.fs, "only", &e), -ENOENT);
	ck_assert_int_eq(lookup(m.fs, "never", &e), -ENOENT);
	assert_names(m.fs, "d", "there ");
	assert_names(m.fs, "", "d ");
	end_listing();
	assert_names(m.fs, "", "d ");
}
END_TEST

START_TEST(a_directory_is_found_behind_many_that_are_gone)
{
	char name[32];

	for (int i = 0; i < 300; i++) {
		(void)snprintf(name, sizeof(name), "d/%03d", i);
		put(name, "x");
		if (i != 290)
			fake_foreign_delete(bucket, name);
	}
	mount_early(0);
	assert_names(m.fs, "", "d ");
	assert_file(m.fs, "d/290", "x", 1);
}
END_TEST

START_TEST(directories_are_complete)
{
	put("a/f", "x");
	put("a.txt", "x");
	put("a/b/c/f", "x");
	put("a", "hidden by the directory");
	put("a/", "");
	put("z//x", "x");
	put(".natsobj/inode/nobody", "x");
	mount_early(2);
	assert_names(m.fs, "a", "b f ");
	assert_names(m.fs, "", "%=fa a a.txt z ");
	assert_names(m.fs, "a/b", "c ");
	end_listing();
	assert_names(m.fs, "", "%=fa a a.txt z ");
}
END_TEST

START_TEST(changes_of_others_are_seen)
{
	put("f", "old");
	put("gone", "x");
	put("moved", "y");
	put("d/last", "x");
	/* All of it was listed. */
	mount_early(100);
	assert_names(m.fs, "", "d f gone moved ");
	put("f", "newer");
	fake_foreign_delete(bucket, "gone");
	fake_foreign_delete(bucket, "d/last");
	fake_foreign_rename(bucket, "moved", "there");
	put("new/f", "z");
	assert_file(m.fs, "f", "newer", 5);
	ck_assert(!exists(m.fs, "gone"));
	ck_assert(!exists(m.fs, "moved"));
	ck_assert(!exists(m.fs, "d"));
	assert_file(m.fs, "there", "y", 1);
	assert_file(m.fs, "new/f", "z", 1);
	assert_names(m.fs, "", "f new there ");
	end_listing();
	assert_names(m.fs, "", "f new there ");
}
END_TEST

/* --- what waits --- */

struct waiter {
	pthread_t thread;
	int (*fn)(void);
	int result;
	atomic_bool is_done;
};

static void *wait_main(void *arg)
{
	struct waiter *w = arg;

	w->result = w->fn();
	atomic_store(&w->is_done, true);
	return NULL;
}

static void begin(struct waiter *w, int (*fn)(void))
{
	w->fn = fn;
	atomic_init(&w->is_done, false);
	ck_assert_int_eq(pthread_create(&w->thread, NULL, wait_main, w), 0);
	usleep(50000);
	ck_assert(!atomic_load(&w->is_done));
}

static int end(struct waiter *w)
{
	ck_assert_int_eq(pthread_join(w->thread, NULL), 0);
	return w->result;
}

static int make(void)
{
	return make_dir(m.fs, "made");
}

static int open_to_write(void)
{
	struct fs_handle *h;
	int err = open_path(m.fs, "f", O_WRONLY, &h);

	return err ? err : close_file(m.fs, h);
}

static int look_up_linked(void)
{
	return exists(m.fs, "linked") ? 0 : -ENOENT;
}

START_TEST(changes_wait_for_the_listing)
{
	struct fs_ctx hasty = root_ctx;
	struct waiter a, b;
	struct fs_entry e;

	hasty.may_wait = false;
	put("f", "x");
	mount_early(0);
	ck_assert_int_eq(fs_mkdir(m.fs, &hasty, FS_ROOT_ID, "made", 0777, &e), -FS_WOULD_WAIT);
	ck_assert_int_eq(fs_lookup(m.fs, &hasty, FS_ROOT_ID, "f", &e), -FS_WOULD_WAIT);
	begin(&a, make);
	begin(&b, open_to_write);
	assert_file(m.fs, "f", "x", 1);
	ck_assert(!is_stored("made/"));
	end_listing();
	ck_assert_int_eq(end(&a), 0);
	ck_assert_int_eq(end(&b), 0);
	ck_assert(is_stored("made/"));
}
END_TEST

START_TEST(hard_links_wait_for_the_listing)
{
	struct mount other = mount_bucket();
	struct waiter w;
	struct fs_entry e;

	put_file(other.fs, "f", "x", 1);
	ck_assert_int_eq(lookup(other.fs, "f", &e), 0);
	ck_assert_int_eq(fs_link(other.fs, &root_ctx, e.nodeid, FS_ROOT_ID, "linked", &e), 0);
	mount_early(0);
	begin(&w, look_up_linked);
	end_listing();
	ck_assert_int_eq(end(&w), 0);
	assert_file(m.fs, "linked", "x", 1);
	unmount_bucket(&other);
}
END_TEST

static int mount_all(void)
{
	m = mount_bucket();
	return 0;
}

/* Longer than a mount waits before it is satisfied with names. */
static void assert_mount_waits(void)
{
	struct waiter w;

	fake_hold_listing(bucket, 0);
	begin(&w, mount_all);
	usleep(1500000);
	ck_assert(!atomic_load(&w.is_done));
	fake_hold_listing(bucket, UINT_MAX);
	ck_assert_int_eq(end(&w), 0);
	ck_assert(!early_is_on(&m.fs->early));
}

START_TEST(a_mount_waits_while_directories_are_renamed)
{
	struct mount other = mount_bucket();
	struct obj_info *info;

	ck_assert_int_eq(intent_new(other.fs, INTENT_RENAME, &info), 0);
	ck_assert_int_eq(intent_set_names(info, "a/", "b/"), 0);
	ck_assert_int_eq(intent_store(other.fs, info), 0);
	assert_mount_waits();
	intent_remove(other.fs, info);
	obj_info_free(info);
	unmount_bucket(&other);
}
END_TEST

START_TEST(a_mount_waits_where_names_are_not_told)
{
	put("f", "x");
	fake_fail_next(bucket, FAKE_NAMES, -EOPNOTSUPP, 1);
	assert_mount_waits();
	assert_file(m.fs, "f", "x", 1);
}
END_TEST

static int count(void *arg, const char *name, const struct fs_entry *e, uint64_t next)
{
	(void)name;
	(void)e;
	(void)next;
	++*(int *)arg;
	return 0;
}

static int list_large(void)
{
	struct fs_entry e;
	int n = 0, err = lookup(m.fs, "d", &e);

	if (!err)
		err = fs_readdir(m.fs, &root_ctx, e.nodeid, 0, false, count, &n);
	return err ? err : n;
}

START_TEST(a_large_directory_waits)
{
	struct waiter w;
	char name[32];

	for (int i = 0; i < 1100; i++) {
		(void)snprintf(name, sizeof(name), "d/%04d", i);
		put(name, "x");
	}
	mount_early(0);
	assert_file(m.fs, "d/1000", "x", 1);
	begin(&w, list_large);
	assert_names(m.fs, "", "d ");
	end_listing();
	ck_assert_int_eq(end(&w), 1100 + 2);
}
END_TEST

START_TEST(an_unmount_ends_those_who_wait)
{
	struct waiter w;

	put("f", "x");
	mount_early(0);
	begin(&w, make);
	fs_stop_listing(m.fs);
	ck_assert_int_eq(end(&w), -ESHUTDOWN);
	unmount_bucket(&m);
}
END_TEST

/* --- other trouble --- */

static void *release_main(void *arg)
{
	usleep(2000000);
	fake_hold_listing(arg, UINT_MAX);
	return NULL;
}

/* Many messages with next to nothing in them. */
START_TEST(names_that_would_only_slow_the_listing_are_not_read)
{
	const size_t many = 70000;
	_cleanup_free_ char *data = pattern(many);
	pthread_t thread;

	fake_foreign_put(bucket, "f", data, many, 1);
	fake_hold_listing(bucket, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, release_main, bucket), 0);
	m = mount_bucket();
	ck_assert(!early_is_on(&m.fs->early));
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	assert_names(m.fs, "", "f ");
}
END_TEST

static unsigned n_begun(void)
{
	struct early *e = &m.fs->early;

	LOCK_SCOPE(&e->lock);
	return e->n_begun;
}

START_TEST(a_listing_that_begins_anew)
{
	put("d/f", "x");
	put("d/gone", "x");
	mount_early(100);
	assert_names(m.fs, "d", "f gone ");
	/* Nobody has announced these. */
	fake_reconnect(bucket);
	put("new/f", "y");
	fake_foreign_delete(bucket, "d/gone");
	/* Who comes before waits for the listing's end. */
	while (n_begun() < 2)
		usleep(1000);
	assert_names(m.fs, "", "d new ");
	assert_names(m.fs, "d", "f ");
	assert_file(m.fs, "new/f", "y", 1);
	end_listing();
	assert_names(m.fs, "d", "f ");
}
END_TEST

static void on_changed(void *arg, const struct fs_change *c)
{
	(void)arg;
	say("%d %s/%s\n", (int)c->kind, c->dir, c->name);
}

static void on_entry(void *arg, uint64_t parent, const char *name, size_t len)
{
	(void)arg;
	(void)parent;
	(void)len;
	say("entry %s\n", name);
}

START_TEST(only_changes_are_told)
{
	const struct fs_listener l = {.changed = on_changed, .inval_entry = on_entry};

	put("a", "x");
	put("b", "x");
	mount_early(0);
	forget_what_was_said();
	fs_set_listener(m.fs, &l);
	assert_file(m.fs, "a", "x", 1);
	assert_names(m.fs, "", "a b ");
	put("c", "x");
	assert_file(m.fs, "c", "x", 1);
	end_listing();
	hear("0 /c\n");
	fs_set_listener(m.fs, NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("early");
	TCase *tc = tcase_create("early");

	tcase_add_checked_fixture(tc, setup, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, known_paths_are_read);
	tcase_add_test(tc, what_was_removed_is_absent);
	tcase_add_test(tc, a_directory_is_found_behind_many_that_are_gone);
	tcase_add_test(tc, directories_are_complete);
	tcase_add_test(tc, changes_of_others_are_seen);
	tcase_add_test(tc, changes_wait_for_the_listing);
	tcase_add_test(tc, hard_links_wait_for_the_listing);
	tcase_add_test(tc, a_mount_waits_while_directories_are_renamed);
	tcase_add_test(tc, a_mount_waits_where_names_are_not_told);
	tcase_add_test(tc, a_large_directory_waits);
	tcase_add_test(tc, an_unmount_ends_those_who_wait);
	tcase_add_test(tc, names_that_would_only_slow_the_listing_are_not_read);
	tcase_add_test(tc, a_listing_that_begins_anew);
	tcase_add_test(tc, only_changes_are_told);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
