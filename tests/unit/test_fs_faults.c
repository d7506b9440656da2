/* SPDX-License-Identifier: Apache-2.0 */

/* What must hold when things go wrong: lost locks, the end of the mount, metadata that lie. */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "fake_kv.h"
#include "fs/apply.h"
#include "fs/file.h"
#include "fs/internal.h"
#include "fs/links.h"
#include "fs/locks.h"
#include "fs/virtual.h"

#include "fs_fixture.h"
#include "suite.h"

#define BIG ((size_t)64 * CHUNK)
#define LEASE_MS 300

static struct fs_handle *must_open(const char *path, int flags)
{
	struct fs_handle *h;
	int err = open_path(m.fs, path, flags, &h);

	ck_assert_msg(!err, "open of %s: %s", path, strerror(-err));
	return h;
}

static void foreign_put(const char *name, const char *text)
{
	fake_foreign_put(bucket, name, text, strlen(text), 100);
	fake_sync(bucket);
}

static void wait_ms(unsigned int ms)
{
	(void)usleep(ms * 1000);
}

/* --- locks that count on every host --- */

static struct fake_kv *lock_server;
static struct kv *kv;
static struct cluster_locks *locks;

static void setup_locks(void)
{
	const struct cluster_locks_config cfg = {.lease_ms = LEASE_MS, .timeout_ms = 5000};

	fixture_setup();
	lock_server = fake_kv_new();
	kv = fake_kv_open(lock_server);
	ck_assert_int_eq(cluster_locks_new(kv, &cfg, &locks), 0);
	fs_use_locks(m.fs, locks);
}

static void teardown_locks(void)
{
	cluster_locks_stop(locks);
	fixture_teardown();
	kv_close(kv);
	cluster_locks_free(locks);
	fake_kv_free(lock_server);
}

static void on_locked(void *arg, int err, const struct lock_entry *conflict, bool is_local)
{
	(void)conflict;
	(void)is_local;
	ck_assert_int_eq(err, 0);
	atomic_store((atomic_bool *)arg, true);
}

static void take_lock(struct fs_handle *h)
{
	const struct lock_entry want = {
		.mode = LOCK_EXCLUSIVE, .owner = {.id = 1}, .end = LOCK_RANGE_END};
	atomic_bool is_done = false;
	struct lock_op *op;

	ck_assert_int_eq(fs_lock_op(m.fs, h, LOCK_OP_TRY, &want, on_locked, &is_done, &op), 0);
	fs_lock_submit(m.fs, op);
	while (!atomic_load(&is_done))
		wait_ms(1);
}

static void lose_lock(struct fs_handle *h)
{
	fake_kv_cut(kv, true);
	while (fs_lock_check(m.fs, h->file) == 0)
		wait_ms(10);
}

START_TEST(test_the_end_of_the_mount_tries_a_file_with_a_lost_lock_once)
{
	struct fs_handle *h;

	put_file(m.fs, "f", "old", 3);
	h = must_open("f", O_RDWR);
	take_lock(h);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	lose_lock(h);
	fs_drain(m.fs, 3000);
	ck_assert_int_eq(fs_unstored(m.fs), 1);
	assert_object("f", "old", 3);
	ck_assert_int_ne(close_file(m.fs, h), 0);
	store_close(m.store);
	fs_free(m.fs);
	m.fs = NULL;
}
END_TEST

/* --- the end of the mount --- */

START_TEST(test_the_end_of_the_mount_stores_a_file_whose_name_is_gone)
{
	struct fs_handle *h;

	put_file(m.fs, "f", "old", 3);
	h = must_open("f", O_RDWR);
	fake_foreign_delete(bucket, "f");
	fake_sync(bucket);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	fs_drain(m.fs, 3000);
	assert_object("f", "new", 3);
	ck_assert_int_eq(fs_unstored(m.fs), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

/* --- fsync while others wait for the file --- */

START_TEST(test_fsync_stores_also_when_somebody_waits_to_empty_the_file)
{
	char *data = pattern(BIG);
	struct fs_handle *h;

	put_file(m.fs, "f", data, BIG);
	h = must_open("f", O_RDWR);
	data[0] ^= 1;
	ck_assert_int_eq(write_at(m.fs, h, 0, data, 1), 0);
	atomic_fetch_add(&h->file->n_impatient, 1);
	ck_assert_int_eq(fs_fsync(m.fs, &root_ctx, h), 0);
	atomic_fetch_sub(&h->file->n_impatient, 1);
	assert_object("f", data, BIG);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	free(data);
}
END_TEST

START_TEST(test_a_synchronous_write_is_stored_whoever_waits)
{
	char *data = pattern(BIG);
	struct fs_handle *h;

	put_file(m.fs, "f", data, BIG);
	h = must_open("f", O_RDWR | O_DSYNC);
	data[0] ^= 1;
	atomic_fetch_add(&h->file->n_impatient, 1);
	ck_assert_int_eq(write_at(m.fs, h, 0, data, 1), 0);
	atomic_fetch_sub(&h->file->n_impatient, 1);
	assert_object("f", data, BIG);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	free(data);
}
END_TEST

/* --- removal --- */

START_TEST(test_unlink_purges_the_version_it_removes)
{
	struct obj_info *info;
	struct fs_handle *h;
	char nuid[OBJ_NUID_MAX + 1];

	put_file(m.fs, "f", "old", 3);
	h = must_open("f", O_RDWR);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	foreign_put("f", "theirs");
	info = fake_info(bucket, "f");
	strcpy(nuid, info->nuid);
	obj_info_free(info);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	for (int i = 0; i < 500 && fake_has_chunks(bucket, nuid); i++)
		wait_ms(10);
	ck_assert(!fake_has_chunks(bucket, nuid));
}
END_TEST

START_TEST(test_what_another_made_shows_when_the_own_file_is_removed_unsaved)
{
	struct fs_handle *h;
	char *names = NULL;

	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &h), 0);
	foreign_put("f", "theirs");
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	for (int i = 0; i < 500 && (!names || !*names); i++) {
		free(names);
		wait_ms(10);
		names = list_dir(m.fs, "", 100);
	}
	ck_assert_str_eq(names, "f ");
	free(names);
	assert_file(m.fs, "f", "theirs", 6);
}
END_TEST

START_TEST(test_a_write_after_the_removal_of_a_newer_version_stays_nameless)
{
	struct fs_handle *h;

	put_file(m.fs, "f", "old", 3);
	h = must_open("f", O_RDWR);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	foreign_put("f", "theirs");
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "too late", 8), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(!exists(m.fs, "f"));
}
END_TEST

START_TEST(test_a_name_replaced_by_an_unsaved_file_goes_with_it)
{
	struct fs_handle *h;
	struct obj_info *info;

	put_file(m.fs, "t", "old", 3);
	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(rename_path(m.fs, "f", "t", 0), 0);
	ck_assert_int_eq(unlink_path(m.fs, "t"), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert(!exists(m.fs, "t"));
	info = fake_info(bucket, "t");
	ck_assert(!info || info->is_deleted);
	obj_info_free(info);
}
END_TEST

static void *rename_main(void *arg)
{
	*(int *)arg = rename_path(m.fs, "d", "e", 0);
	return NULL;
}

static void *sync_main(void *arg)
{
	struct fs_handle *h = arg;

	ck_assert_int_eq(fs_fsync(m.fs, &root_ctx, h), 0);
	return NULL;
}

/* The directory has its new name in the tree, but its objects have not moved yet. */
START_TEST(test_what_is_stored_during_a_directory_rename_moves_too)
{
	pthread_t renamer, syncer;
	struct fs_handle *h;
	int err = -1;

	ck_assert_int_eq(make_dir(m.fs, "d"), 0);
	put_file(m.fs, "d/a", "a", 1);
	put_file(m.fs, "d/f", "old", 3);
	h = must_open("d/f", O_RDWR);
	ck_assert_int_eq(namelock_take(&m.fs->names, "d/a", 3), 0);
	ck_assert_int_eq(pthread_create(&renamer, NULL, rename_main, &err), 0);
	while (!exists(m.fs, "e"))
		wait_ms(1);
	ck_assert_int_eq(write_at(m.fs, h, 0, "new", 3), 0);
	ck_assert_int_eq(pthread_create(&syncer, NULL, sync_main, h), 0);
	wait_ms(20);
	fs_release_name(m.fs, "d/a", 3);
	ck_assert_int_eq(pthread_join(renamer, NULL), 0);
	ck_assert_int_eq(err, 0);
	ck_assert_int_eq(pthread_join(syncer, NULL), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	fake_sync(bucket);
	assert_object("e/f", "new", 3);
	assert_file(m.fs, "e/f", "new", 3);
	ck_assert(!exists(m.fs, "d"));
}
END_TEST

/* --- files with several names: what they count --- */

static int link_path(const char *old_path, const char *new_path)
{
	struct fs_entry e, made;
	int err;

	ck_assert_int_eq(lookup(m.fs, old_path, &e), 0);
	err = fs_link(m.fs, &root_ctx, e.nodeid, FS_ROOT_ID, new_path, &made);
	if (!err)
		fs_forget(m.fs, made.nodeid, 1);
	fs_forget(m.fs, e.nodeid, 1);
	return err;
}

START_TEST(test_a_name_that_may_have_been_made_stays_counted)
{
	put_file(m.fs, "a", "data", 4);
	ck_assert_int_eq(link_path("a", "b"), 0);
	/* The hidden object's metadata are asked for, then what has the sibling's name; and the
	 * name cannot be taken back. */
	fake_fail_after(bucket, FAKE_GET_INFO, -ETIMEDOUT, 1, 1);
	fake_fail_next(bucket, FAKE_REMOVE_INFO, -ETIMEDOUT, 1);
	ck_assert_int_eq(link_path("a", "c"), -ETIMEDOUT);
	fake_sync(bucket);
	ck_assert_int_eq(unlink_path(m.fs, "a"), 0);
	ck_assert_int_eq(unlink_path(m.fs, "b"), 0);
	assert_file(m.fs, "c", "data", 4);
}
END_TEST

START_TEST(test_content_that_may_be_linked_to_stays)
{
	struct obj_info *info;
	struct fs_entry e;
	char hidden[LINKS_NAME_MAX];

	put_file(m.fs, "a", "data", 4);
	fake_fail_after(bucket, FAKE_PUT_INFO, -ETIMEDOUT, 1, 1);
	ck_assert_int_eq(link_path("a", "b"), -ETIMEDOUT);
	fake_sync(bucket);
	ck_assert_int_eq(lookup(m.fs, "a", &e), 0);
	mutex_lock(&m.fs->tree.lock);
	ck_assert_uint_eq(m.fs->tree.links.count, 1);
	for (size_t i = 0; i < m.fs->tree.links.n_buckets; i++)
		if (m.fs->tree.links.buckets[i])
			links_hidden_name(container_of(m.fs->tree.links.buckets[i],
						       struct node_extra, by_link)
						  ->link_id,
					  hidden);
	mutex_unlock(&m.fs->tree.lock);
	fs_forget(m.fs, e.nodeid, 1);
	info = fake_info(bucket, hidden);
	ck_assert(info && !info->is_deleted);
	obj_info_free(info);
}
END_TEST

/* This mount has not heard yet that another made the name anew. */
START_TEST(test_removing_what_took_a_names_place_leaves_the_other_names_alone)
{
	struct mount other = mount_bucket();
	struct obj_info *unheard;

	put_file(m.fs, "a", "data", 4);
	ck_assert_int_eq(link_path("a", "b"), 0);
	fake_sync(bucket);
	ck_assert_int_eq(namelock_take(&m.fs->names, "b", 1), 0);
	ck_assert_int_eq(unlink_path(other.fs, "b"), 0);
	put_file(other.fs, "b", "other", 5);
	fake_sync(bucket);
	while ((unheard = namelock_release(&m.fs->names, "b", 1)))
		obj_info_free(unheard);
	ck_assert_int_eq(unlink_path(m.fs, "b"), 0);
	fake_sync(bucket);
	assert_file(other.fs, "a", "data", 4);
	assert_file(m.fs, "a", "data", 4);
	ck_assert(!exists(other.fs, "b"));
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_a_conflict_over_a_file_with_two_names_is_stored_where_it_is_seen)
{
	struct mount other = mount_bucket();
	struct fs_handle *h;
	char *names;

	put_file(m.fs, "a", "one two", 7);
	ck_assert_int_eq(link_path("a", "b"), 0);
	fake_sync(bucket);
	h = must_open("a", O_RDWR);
	put_file(other.fs, "a", "theirs", 6);
	fake_sync(bucket);
	ck_assert_int_eq(write_at(m.fs, h, 0, "own own", 7), 0);
	ck_assert_int_eq(close_file(m.fs, h), -ESTALE);
	names = list_dir(m.fs, "", 100);
	ck_assert_ptr_nonnull(strstr(names, ".conflict-"));
	free(names);
	unmount_bucket(&other);
}
END_TEST

START_TEST(test_unsaved_changes_of_a_last_name_that_another_took_are_not_lost)
{
	struct fs_handle *h;
	char *names;

	put_file(m.fs, "a", "one two", 7);
	ck_assert_int_eq(link_path("a", "b"), 0);
	h = must_open("a", O_RDWR);
	ck_assert_int_eq(write_at(m.fs, h, 0, "own own", 7), 0);
	ck_assert_int_eq(unlink_path(m.fs, "b"), 0);
	foreign_put("a", "theirs");
	ck_assert_int_eq(close_file(m.fs, h), -ESTALE);
	assert_file(m.fs, "a", "theirs", 6);
	names = list_dir(m.fs, "", 100);
	ck_assert_ptr_nonnull(strstr(names, "a.conflict-"));
	free(names);
}
END_TEST

START_TEST(test_a_small_file_with_two_names_outlives_its_chunks_too)
{
	char got[8], nuid[OBJ_NUID_MAX + 1], hidden[LINKS_NAME_MAX], json[256];
	struct fs_handle *h;
	unsigned int calls;

	put_file(m.fs, "a", "one two", 7);
	ck_assert_int_eq(link_path("a", "b"), 0);
	fake_sync(bucket);
	h = must_open("a", O_RDONLY);
	mutex_lock(&m.fs->tree.lock);
	node_nuid(h->file->node, nuid);
	links_hidden_name(h->file->node->x->link_id, hidden);
	mutex_unlock(&m.fs->tree.lock);
	(void)snprintf(json, sizeof(json),
		       "{\"name\":\"%s\",\"nuid\":\"theirs\",\"size\":0,\"chunks\":0,"
		       "\"metadata\":{\"posix.nlink\":\"2\"}}",
		       hidden);
	calls = fake_calls(bucket, FAKE_GET_CHUNK);
	fake_foreign_meta(bucket, hidden, json);
	fake_sync(bucket);
	for (int i = 0; i < 500 && fake_calls(bucket, FAKE_GET_CHUNK) == calls; i++)
		wait_ms(10);
	fake_drop_chunks(bucket, nuid);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, sizeof(got)), 7);
	ck_assert_mem_eq(got, "one two", 7);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

/* --- answers that do not come --- */

START_TEST(test_a_version_that_may_be_stored_keeps_its_chunks)
{
	char *data = pattern(BIG);
	struct fs_handle *h;

	put_file(m.fs, "f", "old", 3);
	h = must_open("f", O_RDWR | O_TRUNC);
	ck_assert_int_eq(write_at(m.fs, h, 0, data, BIG), 0);
	fake_lose_answer(bucket, -EIO);
	ck_assert_int_eq(close_file(m.fs, h), -EIO);
	fake_sync(bucket);
	assert_object("f", data, BIG);
	assert_file(m.fs, "f", data, BIG);
	free(data);
}
END_TEST

START_TEST(test_a_conflict_copy_that_may_be_stored_keeps_its_chunks)
{
	struct fs_handle *h;
	char *names;

	put_file(m.fs, "f", "old", 3);
	h = must_open("f", O_RDWR);
	ck_assert_int_eq(write_at(m.fs, h, 0, "own", 3), 0);
	foreign_put("f", "theirs");
	fake_fail_next(bucket, FAKE_PUT_INFO, -ESTALE, 1);
	fake_lose_answer(bucket, -ETIMEDOUT);
	ck_assert_int_eq(close_file(m.fs, h), -ETIMEDOUT);
	fake_sync(bucket);
	names = list_dir(m.fs, "", 100);
	ck_assert_ptr_nonnull(strstr(names, "f.conflict-"));
	*strchr(strstr(names, "f.conflict-"), ' ') = '\0';
	assert_file(m.fs, strstr(names, "f.conflict-"), "own", 3);
	free(names);
}
END_TEST

/* --- metadata that lie --- */

/* Says another thing about the size of the object's chunks. */
static void claim_chunk_size(const char *name, unsigned long long chunk_size)
{
	struct obj_info *info = fake_info(bucket, name);
	char json[512];

	(void)snprintf(json, sizeof(json),
		       "{\"name\":\"%s\",\"nuid\":\"%s\",\"size\":%llu,\"chunks\":%u,"
		       "\"options\":{\"max_chunk_size\":%llu}}",
		       name, info->nuid, (unsigned long long)info->size, info->chunks, chunk_size);
	obj_info_free(info);
	fake_foreign_meta(bucket, name, json);
	fake_sync(bucket);
}

static uint64_t cached_bytes(void)
{
	LOCK_SCOPE(&m.fs->cache.lock);
	return m.fs->cache.bytes;
}

START_TEST(test_memory_is_counted_by_what_came)
{
	char *data = pattern(BIG), *got = malloc(BIG);
	struct fs_handle *h;

	fake_foreign_put(bucket, "f", data, BIG, CHUNK);
	claim_chunk_size("f", 1);
	h = must_open("f", O_RDONLY);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, BIG), BIG);
	ck_assert_mem_eq(got, data, BIG);
	ck_assert_uint_ge(cached_bytes(), BIG);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	free(data);
	free(got);
}
END_TEST

START_TEST(test_a_claim_of_huge_chunks_does_not_empty_the_cache)
{
	char *data = pattern(BIG), got[CHUNK];
	struct fs_handle *h;

	fake_foreign_put(bucket, "f", data, BIG, CHUNK);
	claim_chunk_size("f", UINT32_MAX);
	h = must_open("f", O_RDONLY);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, CHUNK), CHUNK);
	ck_assert_int_eq(read_at(m.fs, h, BIG / 2, got, CHUNK), CHUNK);
	ck_assert_uint_ge(cached_bytes(), (size_t)2 * CHUNK);
	ck_assert_uint_le(cached_bytes(), 1 << 20);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	free(data);
}
END_TEST

/* A name deeper than a thread's stack, under a subject that is not its own. */
START_TEST(test_a_bucket_may_become_read_only_and_writable_again)
{
	struct buf status CLEANUP(buf_done) = {0};
	struct fs_handle *h;

	buf_init(&status, 4096);
	put_file(m.fs, "kept", "old", 3);
	ck_assert_int_eq(create(m.fs, "new", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "first", 5), 0);
	fake_set_read_only(bucket, "drops what is old");
	ck_assert_int_eq(write_at(m.fs, h, 5, "second", 6), -EROFS);
	ck_assert_int_eq(unlink_path(m.fs, "kept"), -EROFS);
	ck_assert_int_eq(make_dir(m.fs, "dir"), -EROFS);
	ck_assert_int_eq(change_mode(m.fs, "kept", 0600), -EROFS);
	ck_assert_int_eq(rename_path(m.fs, "kept", "other", 0), -EROFS);
	assert_file(m.fs, "kept", "old", 3);
	status_json(m.fs, &status);
	ck_assert_ptr_nonnull(strstr(status.data, "\"why_read_only\":\"drops what is old\""));
	ck_assert_ptr_nonnull(strstr(status.data, "\"read_only\":true"));
	fake_set_read_only(bucket, NULL);
	ck_assert_int_eq(write_at(m.fs, h, 5, "second", 6), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("new", "firstsecond", 11);
}
END_TEST

START_TEST(test_a_name_that_no_subject_can_have_does_no_harm)
{
	struct buf json CLEANUP(buf_done) = {0};

	buf_init(&json, OBJ_META_MAX);
	buf_append_str(&json, "{\"name\":\"deep/");
	for (int i = 0; i < 250000; i++)
		buf_append_str(&json, "a/");
	buf_append_str(&json, "f\",\"size\":0,\"chunks\":0}");
	ck_assert_int_eq(buf_error(&json), 0);
	fake_foreign_meta(bucket, "x", json.data);
	fake_sync(bucket);
	put_file(m.fs, "g", "fine", 4);
	assert_file(m.fs, "g", "fine", 4);
}
END_TEST

static TCase *case_of(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_set_timeout(tc, 60);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("fs_faults");
	TCase *tc = case_of("plain"), *with_locks = case_of("locks");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_add_test(tc, test_the_end_of_the_mount_stores_a_file_whose_name_is_gone);
	tcase_add_test(tc, test_fsync_stores_also_when_somebody_waits_to_empty_the_file);
	tcase_add_test(tc, test_a_synchronous_write_is_stored_whoever_waits);
	tcase_add_test(tc, test_unlink_purges_the_version_it_removes);
	tcase_add_test(tc, test_what_another_made_shows_when_the_own_file_is_removed_unsaved);
	tcase_add_test(tc, test_a_write_after_the_removal_of_a_newer_version_stays_nameless);
	tcase_add_test(tc, test_a_name_replaced_by_an_unsaved_file_goes_with_it);
	tcase_add_test(tc, test_what_is_stored_during_a_directory_rename_moves_too);
	tcase_add_test(tc, test_a_name_that_may_have_been_made_stays_counted);
	tcase_add_test(tc, test_content_that_may_be_linked_to_stays);
	tcase_add_test(tc, test_removing_what_took_a_names_place_leaves_the_other_names_alone);
	tcase_add_test(tc, test_a_conflict_over_a_file_with_two_names_is_stored_where_it_is_seen);
	tcase_add_test(tc, test_unsaved_changes_of_a_last_name_that_another_took_are_not_lost);
	tcase_add_test(tc, test_a_small_file_with_two_names_outlives_its_chunks_too);
	tcase_add_test(tc, test_a_version_that_may_be_stored_keeps_its_chunks);
	tcase_add_test(tc, test_a_conflict_copy_that_may_be_stored_keeps_its_chunks);
	tcase_add_test(tc, test_memory_is_counted_by_what_came);
	tcase_add_test(tc, test_a_claim_of_huge_chunks_does_not_empty_the_cache);
	tcase_add_test(tc, test_a_bucket_may_become_read_only_and_writable_again);
	tcase_add_test(tc, test_a_name_that_no_subject_can_have_does_no_harm);
	suite_add_tcase(s, tc);
	tcase_add_checked_fixture(with_locks, setup_locks, teardown_locks);
	tcase_add_test(with_locks, test_the_end_of_the_mount_tries_a_file_with_a_lost_lock_once);
	suite_add_tcase(s, with_locks);
	return run_suite(s);
}
