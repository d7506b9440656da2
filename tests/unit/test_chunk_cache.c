/* SPDX-License-Identifier: Apache-2.0 */

/* Memory and requests of the chunks that are read. */

#include "fs/chunk_cache.h"
#include "fs_fixture.h"
#include "suite.h"

#include <stdlib.h>

#define N_CHUNKS 100
#define LIMIT ((uint64_t)40 * CHUNK)

static struct chunk_cache cache;
static struct chunk_source source;
static struct store_get *get;

static void setup(void)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_free_ char *data = pattern((size_t)N_CHUNKS * CHUNK);

	fixture_setup();
	fake_foreign_put(bucket, "f", data, (size_t)N_CHUNKS * CHUNK, CHUNK);
	info = fake_info(bucket, "f");
	ck_assert_int_eq(store_get_open(m.store, info, &get), 0);
	ck_assert_int_eq(store_get_index(get, true), 0);
	chunk_cache_init(&cache, LIMIT);
	chunk_source_init(&source, &cache, get, CHUNK);
}

static void teardown(void)
{
	fake_hold(bucket, false);
	chunk_source_done(&source);
	chunk_cache_done(&cache);
	fixture_teardown();
}

static unsigned prefetch_all(void)
{
	unsigned n = 0;

	while (n < N_CHUNKS && chunk_source_prefetch(&source, n))
		n++;
	return n;
}

START_TEST(test_what_is_asked_for_ahead_is_a_part_of_the_limit)
{
	fake_hold(bucket, true);
	ck_assert_uint_eq(prefetch_all(), LIMIT / 4 / CHUNK);
	ck_assert(!chunk_source_prefetch(&source, N_CHUNKS - 1));
	ck_assert(chunk_source_need(&source, N_CHUNKS - 1, false));
}
END_TEST

START_TEST(test_what_is_needed_now_is_asked_for_all_the_same)
{
	uint64_t before;
	struct chunk *chunk = NULL;

	fake_hold(bucket, true);
	(void)prefetch_all();
	before = cache.fetching_bytes;
	ck_assert_int_eq(chunk_source_get(&source, N_CHUNKS - 1, false, &chunk), -EINPROGRESS);
	ck_assert_uint_eq(cache.fetching_bytes, before + CHUNK);
	fake_hold(bucket, false);
	ck_assert_int_eq(chunk_source_get(&source, N_CHUNKS - 1, true, &chunk), 0);
	chunk_unref(chunk);
}
END_TEST

START_TEST(test_answers_make_room_for_more)
{
	struct chunk *chunk = NULL;

	for (uint32_t i = 0; i < N_CHUNKS; i++) {
		ck_assert_int_eq(chunk_source_get(&source, i, true, &chunk), 0);
		chunk_unref(chunk);
		ck_assert_uint_le(cache.bytes, LIMIT);
	}
	ck_assert_uint_eq(cache.fetching_bytes, 0);
	fake_hold(bucket, true);
	ck_assert_uint_eq(prefetch_all(), LIMIT / 4 / CHUNK);
}
END_TEST

START_TEST(test_a_look_asks_for_nothing)
{
	struct chunk *chunk = NULL;

	ck_assert_int_eq(chunk_source_get(&source, 3, true, &chunk), 0);
	chunk_unref(chunk);
	ck_assert(chunk_source_has(&source, 3, 3));
	ck_assert(!chunk_source_has(&source, 3, 4));
	ck_assert_uint_eq(cache.fetching_bytes, 0);
	fake_hold(bucket, true);
	ck_assert(chunk_source_need(&source, 4, true));
	ck_assert(!chunk_source_has(&source, 3, 4));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("chunk_cache");
	TCase *tc = tcase_create("core");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_what_is_asked_for_ahead_is_a_part_of_the_limit);
	tcase_add_test(tc, test_what_is_needed_now_is_asked_for_all_the_same);
	tcase_add_test(tc, test_answers_make_room_for_more);
	tcase_add_test(tc, test_a_look_asks_for_nothing);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
