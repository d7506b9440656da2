/* SPDX-License-Identifier: Apache-2.0 */
/* The metadata of a small content, which goes out together with its chunk: never without it. */
#include <check.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket_fixture.h"
#include "suite.h"

#define API "$JS.API."
#define STREAM "OBJ_" FIXTURE_BUCKET
/* Metadata is smaller than this. */
#define LIMIT "4000"
#define ABOVE_LIMIT 5000
#define OBJECTS 100

/* An upload of size bytes and the metadata it is to get. */
static struct store_put *prepare(struct store *s, const char *name, uint64_t size,
				 struct obj_info **ret)
{
	struct obj_info *info = obj_info_new(name, strlen(name));
	struct store_put *put = NULL;
	struct put_result r;

	ck_assert_int_eq(store_put_open(s, &put), 0);
	ck_assert_int_eq(fixture_upload(put, s->chunk_size, 0, size), 0);
	ck_assert_int_eq(store_put_foretell(put, &r), 0);
	put_result_describe(&r, info);
	*ret = info;
	return put;
}

/* A message of the stream, as the server's JSON. */
static char *message(uint64_t seq)
{
	char body[64];

	snprintf(body, sizeof(body), "{\"seq\":%llu}", (unsigned long long)seq);
	return fixture_request(API "STREAM.MSG.GET." STREAM, body, strlen(body));
}

START_TEST(metadata_stands_right_behind_its_chunk)
{
	_cleanup_free_ char *chunk = NULL, *meta = NULL;
	struct store *s = fixture_open(NULL);
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct store_put *put = prepare(s, "a", 100, &info);

	fixture_wait_messages(s, 0);
	ck_assert_int_eq(store_put_commit(s, put, info, 0), 0);
	ck_assert_uint_eq(info->seq, 2);
	chunk = message(1);
	ck_assert_ptr_nonnull(strstr(chunk, info->nuid));
	meta = message(2);
	ck_assert_ptr_nonnull(strstr(meta, "$O." FIXTURE_BUCKET ".M."));
	ck_assert_int_eq(fixture_check(s, info), 0);
	store_put_close(put, true);
	store_close(s);
}
END_TEST

/* The metadata alone would have found its place. */
START_TEST(a_refused_chunk_leaves_no_metadata)
{
	_cleanup_obj_info_ struct obj_info *info = NULL, *now = NULL;
	struct store_put *put;
	struct store *s;

	fixture_api(API "STREAM.CREATE." STREAM,
		    "{\"name\":\"" STREAM "\",\"subjects\":[\"$O.test.C.>\",\"$O.test.M.>\"],"
		    "\"allow_rollup_hdrs\":true,\"allow_direct\":true,\"discard\":\"new\","
		    "\"max_msg_size\":" LIMIT "}");
	s = fixture_open(NULL);
	/* The store knows the limit, and would not make such a chunk. */
	s->chunk_size = 2 * ABOVE_LIMIT;
	put = prepare(s, "a", ABOVE_LIMIT, &info);
	ck_assert_int_lt(store_put_commit(s, put, info, 0), 0);
	ck_assert_int_eq(store_get_info(s, "a", 1, &now), -ENOENT);
	store_put_close(put, false);
	store_close(s);
}
END_TEST

START_TEST(a_newer_version_is_not_replaced)
{
	_cleanup_obj_info_ struct obj_info *first = NULL, *second = NULL, *now = NULL;
	struct store *s = fixture_open(NULL);
	struct store_put *put;

	first = fixture_store(s, "a", 10, 0);
	put = prepare(s, "a", 20, &second);
	ck_assert_int_eq(store_put_commit(s, put, second, 0), -ESTALE);
	now = fixture_info(s, "a");
	ck_assert_uint_eq(now->seq, first->seq);
	ck_assert_int_eq(store_put_commit(s, put, second, first->seq), 0);
	ck_assert_int_eq(fixture_check(s, second), 0);
	store_put_close(put, true);
	store_close(s);
}
END_TEST

static atomic_bool is_over;

/* Messages of somebody else, which get between a chunk and its metadata. */
static void *interfere(void *arg)
{
	(void)arg;
	while (!atomic_load(&is_over))
		free(fixture_request("$O." FIXTURE_BUCKET ".C.other", "x", 1));
	return NULL;
}

START_TEST(others_may_get_in_between)
{
	struct store *s = fixture_open(NULL);
	pthread_t thread;

	atomic_store(&is_over, false);
	ck_assert_int_eq(pthread_create(&thread, NULL, interfere, NULL), 0);
	for (int i = 0; i < OBJECTS; i++) {
		_cleanup_obj_info_ struct obj_info *info = NULL, *now = NULL;
		struct store_put *put;
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		put = prepare(s, name, 100 + (uint64_t)i, &info);
		ck_assert_int_eq(store_put_commit(s, put, info, 0), 0);
		store_put_close(put, true);
		now = fixture_info(s, name);
		ck_assert_int_eq(fixture_check(s, now), 0);
	}
	atomic_store(&is_over, true);
	pthread_join(thread, NULL);
	store_close(s);
}
END_TEST

struct crowd {
	pthread_t thread;
	struct store *store;
	int next, end;
};

/* Stores one small content after the other, to the end or until told to stop. */
static void *store_crowd(void *arg)
{
	struct crowd *c = arg;

	while (c->next < c->end && !atomic_load(&is_over)) {
		char name[16];

		snprintf(name, sizeof(name), "%d", c->next);
		obj_info_free(fixture_store(c->store, name, 100 + (uint64_t)c->next, 0));
		c->next++;
	}
	return NULL;
}

static void begin_crowd(struct crowd *c)
{
	atomic_store(&is_over, false);
	ck_assert_int_eq(pthread_create(&c->thread, NULL, store_crowd, c), 0);
}

/* Everything is there, once. */
static void check_crowd(struct store *s, int n)
{
	for (int i = 0; i < n; i++) {
		_cleanup_obj_info_ struct obj_info *now = NULL;
		char name[16];

		snprintf(name, sizeof(name), "%d", i);
		now = fixture_info(s, name);
		ck_assert_uint_eq(now->size, 100 + (uint64_t)i);
		ck_assert_int_eq(fixture_check(s, now), 0);
	}
	fixture_wait_messages(s, 2 * (uint64_t)n);
}

/* Chunk and metadata are on the way while the server is frozen, and stored when everybody has given
 * up on them. */
START_TEST(lost_answers_are_resolved)
{
	struct crowd c = {.end = 1};

	fx.cfg.is_hard = true;
	fx.cfg.timeout_ms = 600;
	c.store = fixture_open(NULL);
	server_pause(fx.server);
	begin_crowd(&c);
	nats_Sleep(2500);
	server_resume(fx.server);
	pthread_join(c.thread, NULL);
	check_crowd(c.store, 1);
	store_close(c.store);
}
END_TEST

/* Whatever was on the way when the server died. */
START_TEST(killed_servers_are_survived)
{
	enum { KILLS = 5 };
	struct crowd c = {.end = INT_MAX};

	fx.cfg.is_hard = true;
	fx.cfg.timeout_ms = 3000;
	c.store = fixture_open(NULL);
	for (int i = 0; i < KILLS; i++) {
		begin_crowd(&c);
		nats_Sleep(20 + 7 * i);
		server_kill(fx.server);
		server_restart(fx.server);
		atomic_store(&is_over, true);
		pthread_join(c.thread, NULL);
	}
	check_crowd(c.store, c.next);
	store_close(c.store);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bucket_commit");
	TCase *tc = tcase_create("commit");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 90);
	tcase_add_test(tc, metadata_stands_right_behind_its_chunk);
	tcase_add_test(tc, a_refused_chunk_leaves_no_metadata);
	tcase_add_test(tc, a_newer_version_is_not_replaced);
	tcase_add_test(tc, others_may_get_in_between);
	tcase_add_test(tc, lost_answers_are_resolved);
	tcase_add_test(tc, killed_servers_are_survived);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
