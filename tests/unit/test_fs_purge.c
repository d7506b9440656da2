/* SPDX-License-Identifier: Apache-2.0 */
/* When the chunks of replaced and deleted contents go. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fs/purge_internal.h"
#include "fs_fixture.h"
#include "objstore/info.h"
#include "suite.h"
#include "util/clock.h"
#include "util/log.h"

#define LATE_MS 600000

/* With a delay that no test waits for. */
static void setup_late(void)
{
	log_init("test_fs_purge", LOG_LEVEL_ERROR);
	bucket = fake_new(CHUNK);
	m = mount_with(&(struct fs_config){.purge_delay_ms = LATE_MS});
}

static void nuid_of(const char *name, char ret[OBJ_NUID_MAX + 1])
{
	struct obj_info *info = fake_info(bucket, name);

	ck_assert_ptr_nonnull(info);
	strcpy(ret, info->nuid);
	obj_info_free(info);
}

static bool is_gone(const char *nuid, int ms)
{
	while (fake_has_chunks(bucket, nuid) && ms-- > 0)
		usleep(1000);
	return !fake_has_chunks(bucket, nuid);
}

START_TEST(test_replaced_content_stays_for_a_while)
{
	char nuid[OBJ_NUID_MAX + 1];

	put_file(m.fs, "f", "old", 3);
	nuid_of("f", nuid);
	put_file(m.fs, "f", "newer", 5);
	ck_assert(!is_gone(nuid, 50));
	unmount_bucket(&m);
	ck_assert(!fake_has_chunks(bucket, nuid));
	assert_object("f", "newer", 5);
}
END_TEST

START_TEST(test_all_goes_at_the_end)
{
	enum { N = 300 };
	static char nuids[N][OBJ_NUID_MAX + 1];
	char name[16];

	for (int i = 0; i < N; i++) {
		snprintf(name, sizeof(name), "f%d", i);
		put_file(m.fs, name, "content", 7);
		nuid_of(name, nuids[i]);
		if (i % 2)
			put_file(m.fs, name, "other", 5);
		else
			ck_assert_int_eq(unlink_path(m.fs, name), 0);
	}
	unmount_bucket(&m);
	for (int i = 0; i < N; i++)
		ck_assert(!fake_has_chunks(bucket, nuids[i]));
}
END_TEST

START_TEST(test_a_full_bucket_gives_up_what_it_keeps)
{
	char nuid[OBJ_NUID_MAX + 1];
	struct fs_handle *h;

	put_file(m.fs, "f", "old", 3);
	nuid_of("f", nuid);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert(!is_gone(nuid, 50));
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	ck_assert_int_eq(create(m.fs, "g", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "text", 4), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(!fake_has_chunks(bucket, nuid));
	assert_object("g", "text", 4);
	/* Now there is nothing to give up. */
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	ck_assert_int_eq(make_dir(m.fs, "d"), -ENOSPC);
}
END_TEST

START_TEST(test_nothing_is_kept_in_a_bucket_that_is_nearly_full)
{
	char nuid[OBJ_NUID_MAX + 1];

	put_file(m.fs, "f", "old", 3);
	nuid_of("f", nuid);
	atomic_store(&m.store->is_tight, true);
	put_file(m.fs, "f", "newer", 5);
	ck_assert(is_gone(nuid, 5000));
}
END_TEST

/* By another client, of which the tree has not heard when the first name gets another content. */
START_TEST(test_what_has_got_a_second_name_stays)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char nuid[OBJ_NUID_MAX + 1];

	put_file(m.fs, "f", "old", 3);
	nuid_of("f", nuid);
	fake_sync(bucket);
	fake_delay_events(bucket, 100);
	atomic_store(&m.store->is_tight, true);
	info = fake_info(bucket, "f");
	ck_assert_int_eq(obj_info_rename(info, "g", 1), 0);
	ck_assert_int_eq(store_put_info(m.store, info, 0), 0);
	put_file(m.fs, "f", "newer", 5);
	ck_assert(!is_gone(nuid, 500));
	fake_delay_events(bucket, 0);
	fake_sync(bucket);
	assert_file(m.fs, "g", "old", 3);
}
END_TEST

START_TEST(test_what_is_open_here_stays)
{
	char nuid[OBJ_NUID_MAX + 1], got[3];
	struct fs_handle *h;

	put_file(m.fs, "f", "old", 3);
	nuid_of("f", nuid);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	/* It was looked at, and could not go. */
	(void)!make_dir(m.fs, "d");
	ck_assert(fake_has_chunks(bucket, nuid));
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 3), 3);
	ck_assert_mem_eq(got, "old", 3);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_a_failed_removal_is_tried_again)
{
	char nuid[OBJ_NUID_MAX + 1];

	put_file(m.fs, "f", "old", 3);
	nuid_of("f", nuid);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	fake_fail_next(bucket, FAKE_PURGE, -ETIMEDOUT, 1);
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	(void)!make_dir(m.fs, "d");
	ck_assert(fake_has_chunks(bucket, nuid));
	unmount_bucket(&m);
	ck_assert(!fake_has_chunks(bucket, nuid));
}
END_TEST

START_TEST(test_what_may_not_be_removed_is_given_up)
{
	char nuid[OBJ_NUID_MAX + 1];

	put_file(m.fs, "f", "old", 3);
	nuid_of("f", nuid);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	fake_fail_next(bucket, FAKE_PURGE, -EACCES, 1);
	ck_assert(purges_hurry(m.fs));
	ck_assert_uint_eq(purges_count(&m.fs->purges), 0);
	ck_assert_uint_eq(m.fs->purges.n_left, 1);
	unmount_bucket(&m);
	ck_assert(fake_has_chunks(bucket, nuid));
}
END_TEST

/* Somebody reads metadata, we store a new content, and he stores what he had read with a change of
 * his. */
static void bring_back(const char *name, struct obj_info *old)
{
	char json[1024];

	snprintf(json, sizeof(json),
		 "{\"name\":\"%s\",\"description\":\"theirs\",\"bucket\":\"fake\",\"nuid\":\"%s\","
		 "\"size\":%lu,\"chunks\":%u,\"options\":{\"max_chunk_size\":%u}}",
		 name, old->nuid, (unsigned long)old->size, old->chunks, old->max_chunk_size);
	fake_foreign_meta(bucket, name, json);
	fake_sync(bucket);
}

START_TEST(test_ours_is_stored_beside_an_older_one_that_is_brought_back)
{
	struct obj_info *old;
	char *name;

	put_file(m.fs, "f", "first", 5);
	old = fake_info(bucket, "f");
	put_file(m.fs, "f", "second", 6);
	put_file(m.fs, "f", "third", 5);
	bring_back("f", old);
	obj_info_free(old);
	unmount_bucket(&m);
	assert_object("f", "first", 5);
	name = fake_find(bucket, "f.conflict-");
	ck_assert_ptr_nonnull(name);
	assert_object(name, "third", 5);
	free(name);
}
END_TEST

/* Stores "ours" over a content that is then brought back. */
static void replace_and_bring_back(const char *name)
{
	_cleanup_obj_info_ struct obj_info *old = NULL;

	put_file(m.fs, name, "first", 5);
	old = fake_info(bucket, name);
	put_file(m.fs, name, "ours", 4);
	bring_back(name, old);
}

static void assert_beside(const char *prefix)
{
	_cleanup_free_ char *name = fake_find(bucket, prefix);

	ck_assert_ptr_nonnull(name);
	assert_object(name, "ours", 4);
}

START_TEST(test_a_full_bucket_does_not_hold_up_the_end)
{
	char name[16];

	replace_and_bring_back("f");
	/* More than one batch. */
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "n%d", i);
		put_file(m.fs, name, "content", 7);
		ck_assert_int_eq(unlink_path(m.fs, name), 0);
	}
	/* Found while room is made for what was found first. */
	replace_and_bring_back("g");
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	unmount_bucket(&m);
	assert_beside("f.conflict-");
	assert_beside("g.conflict-");
}
END_TEST

START_TEST(test_a_look_at_the_end_does_not_wait_for_itself)
{
	char nuid[OBJ_NUID_MAX + 1];

	put_file(m.fs, "n", "content", 7);
	nuid_of("n", nuid);
	replace_and_bring_back("f");
	later_stop(&m.fs->later);
	/* Nothing but the look is to store. */
	ck_assert_int_eq(unlink_path(m.fs, "n"), 0);
	fake_fail_next(bucket, FAKE_PUT_INFO, -ENOSPC, 1);
	atomic_store(&m.store->is_tight, true);
	purge_schedule(m.fs, 0);
	ck_assert(is_gone(nuid, 5000));
	fake_fail_next(bucket, FAKE_PUT_INFO, 0, 0);
	unmount_bucket(&m);
	assert_beside("f.conflict-");
}
END_TEST

static uint64_t next_look_ns(void)
{
	LOCK_SCOPE(&m.fs->purges.lock);
	return m.fs->purges.next_ns;
}

START_TEST(test_a_look_that_cannot_be_had_is_not_waited_for)
{
	uint64_t before_ns = clock_deadline_ms(LATE_MS);

	if (_i)
		purge_schedule(m.fs, before_ns);
	purges_stop(&m.fs->purges);
	purge_schedule(m.fs, 0);
	/* The look that was had before is there yet. */
	ck_assert_uint_eq(next_look_ns(), _i ? before_ns : UINT64_MAX);
}
END_TEST

/* Of what is due, and of nothing else. */
START_TEST(test_what_is_due_is_taken_first)
{
	struct purge *taken[4];

	purges_stop(&m.fs->purges);
	m.fs->cfg.purge_delay_ms = LATE_MS;
	fs_purge_later(m.fs, "late", "a", 1);
	m.fs->cfg.purge_delay_ms = 0;
	fs_purge_later(m.fs, "due", "b", 1);
	m.fs->cfg.purge_delay_ms = 2 * LATE_MS;
	fs_purge_later(m.fs, "later", "c", 1);
	ck_assert_uint_eq(purge_take(m.fs, HASTE_NONE, taken, 4), 1);
	ck_assert_str_eq(taken[0]->nuid, "due");
	purge_free(taken[0]);
	purge_end_batch(&m.fs->purges);
	ck_assert_uint_eq(purge_take(m.fs, HASTE_NONE, taken, 4), 0);
	ck_assert_uint_eq(purge_take(m.fs, HASTE_FULL, taken, 4), 2);
	ck_assert_str_eq(taken[0]->nuid, "late");
	purge_free(taken[0]);
	purge_free(taken[1]);
	purge_end_batch(&m.fs->purges);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("fs_purge");
	TCase *tc = tcase_create("purge");

	tcase_add_checked_fixture(tc, setup_late, fixture_teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_replaced_content_stays_for_a_while);
	tcase_add_test(tc, test_all_goes_at_the_end);
	tcase_add_test(tc, test_a_full_bucket_gives_up_what_it_keeps);
	tcase_add_test(tc, test_nothing_is_kept_in_a_bucket_that_is_nearly_full);
	tcase_add_test(tc, test_what_has_got_a_second_name_stays);
	tcase_add_test(tc, test_what_is_open_here_stays);
	tcase_add_test(tc, test_a_failed_removal_is_tried_again);
	tcase_add_test(tc, test_what_may_not_be_removed_is_given_up);
	tcase_add_test(tc, test_ours_is_stored_beside_an_older_one_that_is_brought_back);
	tcase_add_test(tc, test_a_full_bucket_does_not_hold_up_the_end);
	tcase_add_test(tc, test_a_look_at_the_end_does_not_wait_for_itself);
	tcase_add_loop_test(tc, test_a_look_that_cannot_be_had_is_not_waited_for, 0, 2);
	tcase_add_test(tc, test_what_is_due_is_taken_first);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
