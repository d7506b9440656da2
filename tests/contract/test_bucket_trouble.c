/* SPDX-License-Identifier: Apache-2.0 */
/* Servers that fill up, freeze, die and come back. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "bucket_fixture.h"
#include "suite.h"
#include "util/clock.h"

#define CHUNK OBJ_DEFAULT_CHUNK_SIZE
#define MIB (UINT64_C(1) << 20)

/* Fills the bucket through its store until it says so. */
static struct store_put *fill(struct store *s, uint64_t limit)
{
	struct store_put *put = NULL;
	struct put_result r;
	int err;

	ck_assert_int_eq(store_put_open(s, &put), 0);
	err = fixture_upload(put, s->chunk_size, 0, limit);
	if (!err)
		err = store_put_finish(put, &r);
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(store_put_finish(put, &r), -ENOSPC);
	return put;
}

START_TEST(full_bucket_is_enospc_and_keeps_what_it_has)
{
	const struct bucket_options opts = {.want_create = true, .max_bytes = 4 * MIB};
	_cleanup_obj_info_ struct obj_info *info = NULL, *now = NULL;
	struct store_put *put;
	struct store_status st;
	struct store *s = fixture_open(&opts);

	info = fixture_store(s, "kept", 1 * MIB, 0);
	put = fill(s, 10 * MIB);
	ck_assert_int_eq(fixture_check(s, info), 0);
	ck_assert_int_eq(store_remove_info(s, info), 0);
	now = fixture_info(s, "kept");
	ck_assert(now->is_deleted);
	ck_assert_int_eq(store_purge_chunks(s, info->nuid), 0);
	store_put_close(put, false);
	fixture_wait_messages(s, 1);
	ck_assert_int_eq(store_status(s, &st), 0);
	obj_info_free(fixture_store(s, "fits again", 2 * MIB, 0));
	store_close(s);
}
END_TEST

START_TEST(delete_works_where_nothing_fits)
{
	const struct bucket_options opts = {.want_create = true, .max_bytes = 1 * MIB};
	_cleanup_obj_info_ struct obj_info *info = NULL, *now = NULL;
	static char block[4000];
	struct store *s = fixture_open(&opts);
	char *text;
	bool is_full;

	/* Servers before 2.10.5 drop their oldest messages when full: these here. */
	for (int i = 0; i < 100; i++)
		free(fixture_request("$O.test.C.filler", block, sizeof(block)));
	info = fixture_store(s, "x", 0, 0);
	do {
		text = fixture_request("$O.test.C.filler", block, sizeof(block));
		is_full = strstr(text, "\"error\"") != NULL;
		free(text);
	} while (!is_full);
	do {
		text = fixture_request("$O.test.C.filler", block, 1);
		is_full = strstr(text, "\"error\"") != NULL;
		free(text);
	} while (!is_full);
	ck_assert_int_eq(store_remove_info(s, info), 0);
	if (store_get_info(s, "x", 1, &now) == 0)
		ck_assert(now->is_deleted);
	store_close(s);
}
END_TEST

struct killer {
	pthread_t thread;
	unsigned int after_ms, down_ms;
	bool is_pause;
};

static void *killer_main(void *arg)
{
	struct killer *k = arg;

	nats_Sleep(k->after_ms);
	if (k->is_pause) {
		server_pause(fx.server);
		nats_Sleep(k->down_ms);
		server_resume(fx.server);
	} else {
		server_kill(fx.server);
		nats_Sleep(k->down_ms);
	}
	return NULL;
}

/* The server dies (or freezes) while 64 MiB go up, and comes back. server_restart belongs to the
 * thread that started the server. */
static void upload_through(bool is_pause, unsigned int timeout_ms, unsigned int down_ms)
{
	struct killer k = {.after_ms = 60, .down_ms = down_ms, .is_pause = is_pause};
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("a", 1);
	struct store_put *put = NULL;
	struct put_result r;
	struct store *s;

	fx.cfg.is_hard = true;
	fx.cfg.timeout_ms = timeout_ms;
	s = fixture_open(NULL);
	ck_assert_int_eq(store_put_open(s, &put), 0);
	pthread_create(&k.thread, NULL, killer_main, &k);
	if (is_pause) {
		ck_assert_int_eq(fixture_upload(put, CHUNK, 0, 64 * MIB), 0);
		pthread_join(k.thread, NULL);
	} else {
		/* Some chunks are acknowledged, some on the way, some wait. */
		for (int i = 0; i < 200; i++) {
			struct chunk *c = chunk_new(CHUNK);

			for (uint64_t j = 0; j < CHUNK; j++)
				c->data[j] = fixture_byte((uint64_t)i * CHUNK + j);
			c->len = CHUNK;
			ck_assert_int_eq(store_put_add(put, c), 0);
		}
		pthread_join(k.thread, NULL);
		server_restart(fx.server);
		ck_assert_int_eq(fixture_upload(put, CHUNK, 200 * CHUNK, 64 * MIB - 200 * CHUNK),
				 0);
	}
	ck_assert_int_eq(store_put_finish(put, &r), 0);
	ck_assert_uint_eq(r.size, 64 * MIB);
	put_result_describe(&r, info);
	ck_assert_int_eq(store_put_info(s, info, 0), 0);
	store_put_close(put, true);
	ck_assert_int_eq(fixture_check(s, info), 0);
	/* Nothing of the first attempt stays. */
	fixture_wait_messages(s, r.chunks + 1);
	store_close(s);
}

START_TEST(upload_survives_a_killed_server)
{
	upload_through(false, 3000, 500);
}
END_TEST

START_TEST(upload_survives_a_frozen_server)
{
	upload_through(true, 700, 2500);
}
END_TEST

static atomic_int n_ended, n_bad;

static void count_end(void *arg, uint32_t idx, struct chunk *chunk, int err)
{
	const int *expected = arg;

	(void)idx;
	if (err != *expected)
		atomic_fetch_add(&n_bad, 1);
	chunk_unref(chunk);
	atomic_fetch_add(&n_ended, 1);
}

/* Killed with requests on the wire: each ends once, well, after the server is back. */
START_TEST(read_survives_a_killed_server)
{
	enum { N = 160 };
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct store_get *get = NULL;
	int expected = 0;
	struct store *s;

	atomic_store(&n_ended, 0);
	atomic_store(&n_bad, 0);
	fx.cfg.is_hard = true;
	s = fixture_open(NULL);
	info = fixture_store(s, "a", N * CHUNK, 0);
	ck_assert_int_eq(store_get_open(s, info, &get), 0);
	ck_assert_int_eq(store_get_index(get, true), 0);
	/* Frozen first, so that nothing is answered before it dies. */
	server_pause(fx.server);
	for (uint32_t i = 0; i < N; i++)
		ck_assert_int_eq(store_get_chunk(get, i, count_end, &expected), 0);
	nats_Sleep(100);
	ck_assert_int_le(atomic_load(&n_ended), 2);
	server_kill(fx.server);
	server_restart(fx.server);
	for (int i = 0; i < 1000 && atomic_load(&n_ended) < N; i++)
		nats_Sleep(10);
	ck_assert_int_eq(atomic_load(&n_ended), N);
	ck_assert_int_eq(atomic_load(&n_bad), 0);
	ck_assert_int_eq(fixture_check(s, info), 0);
	store_get_close(get);
	store_close(s);
}
END_TEST

START_TEST(closed_get_ends_its_requests)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct store_get *get = NULL;
	int expected = -ECANCELED;
	struct store *s;

	atomic_store(&n_ended, 0);
	atomic_store(&n_bad, 0);
	fx.cfg.is_hard = true;
	s = fixture_open(NULL);
	info = fixture_store(s, "a", 40 * CHUNK, 0);
	ck_assert_int_eq(store_get_open(s, info, &get), 0);
	ck_assert_int_eq(store_get_index(get, true), 0);
	server_kill(fx.server);
	for (uint32_t i = 1; i < 39; i++)
		ck_assert_int_eq(store_get_chunk(get, i, count_end, &expected), 0);
	store_get_close(get);
	for (int i = 0; i < 500 && atomic_load(&n_ended) < 38; i++)
		nats_Sleep(10);
	ck_assert_int_eq(atomic_load(&n_ended), 38);
	ck_assert_int_eq(atomic_load(&n_bad), 0);
	store_close(s);
}
END_TEST

/* Requests made while the server is away end with expected once it is back or given up. */
static void request_without_server(bool is_hard, int expected)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	uint64_t deadline_ns;
	struct store_get *get = NULL;
	struct store *s;

	atomic_store(&n_ended, 0);
	atomic_store(&n_bad, 0);
	fx.cfg.is_hard = is_hard;
	fx.cfg.timeout_ms = 1500;
	s = fixture_open(NULL);
	info = fixture_store(s, "a", 10 * CHUNK, 0);
	ck_assert_int_eq(store_get_open(s, info, &get), 0);
	ck_assert_int_eq(store_get_index(get, true), 0);
	server_kill(fx.server);
	for (uint32_t i = 1; i < 9; i++)
		ck_assert_int_eq(store_get_chunk(get, i, count_end, &expected), 0);
	if (is_hard) {
		nats_Sleep(2000);
		ck_assert_int_eq(atomic_load(&n_ended), 0);
		server_restart(fx.server);
	}
	deadline_ns = clock_deadline_ms(10000);
	while (atomic_load(&n_ended) < 8 && clock_now_ns() < deadline_ns)
		nats_Sleep(10);
	ck_assert_int_eq(atomic_load(&n_ended), 8);
	ck_assert_int_eq(atomic_load(&n_bad), 0);
	store_get_close(get);
	store_close(s);
}

START_TEST(hard_read_waits_for_the_server)
{
	request_without_server(true, 0);
}
END_TEST

START_TEST(soft_read_gives_up)
{
	request_without_server(false, -ENOTCONN);
}
END_TEST

START_TEST(soft_calls_give_up)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("x", 1);
	struct obj_info *got = NULL;
	uint64_t start;
	struct store *s;

	fx.cfg.timeout_ms = 1000;
	s = fixture_open(NULL);
	server_kill(fx.server);
	start = clock_now_ns();
	ck_assert_int_eq(store_get_info(s, "x", 1, &got), -ENOTCONN);
	ck_assert_int_eq(store_put_info(s, info, 0), -ENOTCONN);
	ck_assert_uint_lt(clock_now_ns() - start, 20 * (uint64_t)NS_PER_SEC);
	store_close(s);
}
END_TEST

START_TEST(lost_answer_of_a_metadata_publish_is_resolved)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("x", 1), *now = NULL;
	struct killer k = {.after_ms = 0, .down_ms = 2500, .is_pause = true};
	struct store *s;

	fx.cfg.is_hard = true;
	fx.cfg.timeout_ms = 600;
	s = fixture_open(NULL);
	obj_nuid_new(info->nuid);
	pthread_create(&k.thread, NULL, killer_main, &k);
	nats_Sleep(200);
	ck_assert_int_eq(store_put_info(s, info, 0), 0);
	pthread_join(k.thread, NULL);
	now = fixture_info(s, "x");
	ck_assert_uint_eq(now->seq, info->seq);
	ck_assert_str_eq(now->nuid, info->nuid);
	fixture_wait_messages(s, 1);
	store_close(s);
}
END_TEST

START_TEST(shutdown_ends_waiting_calls)
{
	struct obj_info *got = NULL;
	struct store *s;

	fx.cfg.is_hard = true;
	s = fixture_open(NULL);
	server_kill(fx.server);
	store_shutdown(s);
	ck_assert_int_eq(store_get_info(s, "x", 1, &got), -ESHUTDOWN);
	store_close(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bucket_trouble");
	TCase *tc = tcase_create("bucket_trouble");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 90);

	tcase_add_test(tc, full_bucket_is_enospc_and_keeps_what_it_has);
	tcase_add_test(tc, delete_works_where_nothing_fits);
	tcase_add_test(tc, upload_survives_a_killed_server);
	tcase_add_test(tc, upload_survives_a_frozen_server);
	tcase_add_test(tc, read_survives_a_killed_server);
	tcase_add_test(tc, closed_get_ends_its_requests);
	tcase_add_test(tc, hard_read_waits_for_the_server);
	tcase_add_test(tc, soft_read_gives_up);
	tcase_add_test(tc, soft_calls_give_up);
	tcase_add_test(tc, lost_answer_of_a_metadata_publish_is_resolved);
	tcase_add_test(tc, shutdown_ends_waiting_calls);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
