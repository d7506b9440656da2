/* SPDX-License-Identifier: Apache-2.0 */

/* Buckets behind one mount: opened by who enters them, closed when a place is needed. */

#include <check.h>
#include <errno.h>
#include <string.h>

#include "fake_store.h"
#include "fuse/share.h"
#include "suite.h"

#define N_BUCKETS 3
#define CHUNK 1024

static struct fake *account, *buckets[N_BUCKETS];
static const char *const names[N_BUCKETS] = {"one", "two", "three"};
static struct store *directory_store;
static struct fs *directory;
static struct shares *all;
static int n_opened, n_closed, refusal;
static mode_t bucket_mode;
static const struct fs_ctx ctx = {.may_wait = true};

static struct fs *make_fs(struct store *store, mode_t dmode, uint64_t ino)
{
	const struct fs_config cfg = {.prefix = "",
				      .fmode = 0644,
				      .dmode = dmode,
				      .memory = 1 << 20,
				      .cache_dir = "/tmp",
				      .max_file_size = 1 << 20,
				      .ino_base = ino};
	struct fs *fs;

	ck_assert_int_eq(fs_new(store, &cfg, &fs), 0);
	return fs;
}

static int open_bucket(void *arg, const char *bucket, uint64_t ino, struct share_parts *ret)
{
	(void)arg;
	n_opened++;
	if (refusal)
		return refusal;
	for (int i = 0; i < N_BUCKETS; i++)
		if (strcmp(bucket, names[i]) == 0)
			ret->store = fake_open(buckets[i]);
	ret->fs = make_fs(ret->store, bucket_mode, ino);
	return 0;
}

static void close_bucket(void *arg, struct share_parts *p)
{
	(void)arg;
	n_closed++;
	store_close(p->store);
	fs_free(p->fs);
}

static void on_inode(void *arg, uint64_t nodeid, int64_t off, int64_t len)
{
	(void)arg;
	(void)nodeid;
	(void)off;
	(void)len;
}

static void on_entry(void *arg, uint64_t parent, const char *name, size_t len)
{
	(void)arg;
	(void)parent;
	(void)name;
	(void)len;
}

static void on_open(void *arg, struct share *s)
{
	(void)arg;
	(void)s;
}

static void setup(void)
{
	const struct fs_listener up = {.inval_inode = on_inode, .inval_entry = on_entry};
	const struct share_source source = {
		.dir = "/nowhere", .open_max = 2, .open = open_bucket, .close = close_bucket};

	account = fake_new(CHUNK);
	for (int i = 0; i < N_BUCKETS; i++) {
		char marker[16];

		buckets[i] = fake_new(CHUNK);
		strcat(strcpy(marker, names[i]), "/");
		fake_foreign_put(account, marker, "", 0, CHUNK);
	}
	n_opened = n_closed = refusal = 0;
	bucket_mode = 0755;
	directory_store = fake_open(account);
	directory = make_fs(directory_store, 0755, 0);
	ck_assert_int_eq(shares_new(&source, directory, &up, on_open, NULL, &all), 0);
}

static void teardown(void)
{
	shares_free(all);
	store_close(directory_store);
	fs_free(directory);
	for (int i = 0; i < N_BUCKETS; i++)
		fake_free(buckets[i]);
	fake_free(account);
}

/* The number of a bucket, as a lookup tells. */
static uint64_t number_of(const char *name)
{
	struct fs_entry e;

	ck_assert_int_eq(fs_lookup(directory, &ctx, FS_ROOT_ID, name, &e), 0);
	return e.nodeid;
}

START_TEST(a_bucket_is_opened_once_by_who_enters_it)
{
	uint64_t number = number_of("one");
	struct share *s, *again;

	ck_assert_ptr_null(shares_peek(all, number));
	ck_assert_int_eq(shares_enter(all, number, false, &s), -FS_WOULD_WAIT);
	ck_assert_int_eq(n_opened, 0);
	ck_assert_int_eq(shares_enter(all, number, true, &s), 0);
	ck_assert_int_eq(shares_enter(all, number, false, &again), 0);
	ck_assert_ptr_eq(s, again);
	ck_assert_str_eq(s->name, "one");
	ck_assert_int_eq(n_opened, 1);
	ck_assert_uint_eq(shares_count(all), 1);
	share_leave(s);
	share_leave(again);
}
END_TEST

START_TEST(identifiers_of_buckets_do_not_meet)
{
	uint64_t one = number_of("one"), two = number_of("two");
	struct share root = {.all = all, .name = ""}, a = {.all = all, .number = one},
		     b = {.all = all, .number = two}, alone = {.name = ""};

	ck_assert_uint_eq(share_nodeid(&root, FS_ROOT_ID), FS_ROOT_ID);
	ck_assert_uint_eq(share_nodeid(&root, one), share_nodeid(&a, FS_ROOT_ID));
	ck_assert_uint_ne(share_nodeid(&a, 7), share_nodeid(&b, 7));
	ck_assert_uint_eq(share_nodeid(&a, 7) >> SHARE_SHIFT, one);
	ck_assert_uint_eq(share_nodeid(&alone, 7), 7);
}
END_TEST

START_TEST(who_came_by_other_permissions_is_sent_back_once)
{
	uint64_t number = number_of("one");
	struct share *s;

	bucket_mode = 0700;
	ck_assert_int_eq(shares_enter(all, number, true, &s), -ESTALE);
	ck_assert_int_eq(shares_enter(all, number, true, &s), 0);
	share_leave(s);
	ck_assert_int_eq(n_opened, 1);
}
END_TEST

START_TEST(the_root_has_the_number_that_was_shown)
{
	uint64_t number = number_of("one");
	struct stat shown, st;
	struct share *s;
	double timeout;

	ck_assert_int_eq(fs_getattr(directory, &ctx, number, &shown, &timeout), 0);
	ck_assert_int_eq(shares_enter(all, number, true, &s), 0);
	ck_assert_int_eq(fs_getattr(s->fs, &ctx, FS_ROOT_ID, &st, &timeout), 0);
	ck_assert_uint_eq(st.st_ino, shown.st_ino);
	share_leave(s);
}
END_TEST

START_TEST(a_place_is_made_by_what_nobody_uses)
{
	struct share *first, *second, *third;

	ck_assert_int_eq(shares_enter(all, number_of("one"), true, &first), 0);
	ck_assert_int_eq(shares_enter(all, number_of("two"), true, &second), 0);
	ck_assert_int_eq(shares_enter(all, number_of("three"), true, &third), -EMFILE);
	share_leave(first);
	ck_assert_int_eq(shares_enter(all, number_of("three"), true, &third), 0);
	ck_assert_int_eq(n_closed, 1);
	ck_assert_ptr_null(shares_peek(all, number_of("one")));
	ck_assert_uint_eq(shares_count(all), 2);
	share_leave(second);
	share_leave(third);
}
END_TEST

START_TEST(what_was_seen_of_a_directory_is_kept)
{
	uint64_t number = number_of("one");
	struct share *first, *second, *third;
	struct stat st;

	bucket_mode = 0711;
	ck_assert(!shares_recall(all, number, &st));
	ck_assert_int_eq(shares_enter(all, number, true, &first), -ESTALE);
	bucket_mode = 0755;
	ck_assert_int_eq(shares_enter(all, number_of("two"), true, &second), 0);
	ck_assert_int_eq(shares_enter(all, number_of("three"), true, &third), 0);
	/* The kernel forgets the directory meanwhile. */
	fs_forget(directory, number, 1);
	ck_assert_uint_eq(number_of("one"), number);
	ck_assert(shares_recall(all, number, &st));
	ck_assert_int_eq(st.st_mode & 07777, 0711);
	share_leave(second);
	share_leave(third);
}
END_TEST

START_TEST(a_refused_bucket_is_left_alone_for_a_moment)
{
	uint64_t number = number_of("one");
	struct share *s;

	refusal = -EACCES;
	ck_assert_int_eq(shares_enter(all, number, true, &s), -EACCES);
	ck_assert_int_eq(shares_enter(all, number, true, &s), -EACCES);
	ck_assert_int_eq(n_opened, 1);
	ck_assert_uint_eq(shares_count(all), 0);
}
END_TEST

START_TEST(what_is_no_bucket_is_not_opened)
{
	uint64_t gone = number_of("one");
	struct share *s;

	ck_assert_int_eq(shares_enter(all, number_of(".natsobj"), true, &s), -ENOTDIR);
	fake_foreign_delete(account, "one/");
	fake_sync(account);
	ck_assert_int_eq(shares_enter(all, gone, true, &s), -ESTALE);
	ck_assert_int_eq(n_opened, 0);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("share");
	TCase *tc = tcase_create("share");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_bucket_is_opened_once_by_who_enters_it);
	tcase_add_test(tc, identifiers_of_buckets_do_not_meet);
	tcase_add_test(tc, who_came_by_other_permissions_is_sent_back_once);
	tcase_add_test(tc, the_root_has_the_number_that_was_shown);
	tcase_add_test(tc, a_place_is_made_by_what_nobody_uses);
	tcase_add_test(tc, what_was_seen_of_a_directory_is_kept);
	tcase_add_test(tc, a_refused_bucket_is_left_alone_for_a_moment);
	tcase_add_test(tc, what_is_no_bucket_is_not_opened);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
