/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "suite.h"
#include "util/idmap.h"

#define N 1000

static struct idmap m;
static int things[N];

static void setup(void)
{
	idmap_init(&m);
}

static void teardown(void)
{
	idmap_done(&m);
}

static void add_all(void)
{
	for (size_t i = 0; i < N; i++)
		ck_assert_uint_eq(idmap_add(&m, &things[i]), i + 1);
}

START_TEST(test_numbers_lead_back_to_things)
{
	ck_assert_ptr_null(idmap_get(&m, 0));
	ck_assert_ptr_null(idmap_get(&m, 1));
	add_all();
	ck_assert_uint_eq(m.count, N);
	for (size_t i = 0; i < N; i++)
		ck_assert_ptr_eq(idmap_get(&m, i + 1), &things[i]);
	ck_assert_ptr_null(idmap_get(&m, 0));
	ck_assert_ptr_null(idmap_get(&m, N + 1));
	ck_assert_ptr_null(idmap_get(&m, UINT64_MAX));
}
END_TEST

START_TEST(test_a_number_is_never_given_twice)
{
	add_all();
	for (uint64_t id = 1; id <= N; id++)
		idmap_remove(&m, id);
	ck_assert_uint_eq(m.count, 0);
	ck_assert_ptr_null(idmap_get(&m, N));
	ck_assert_uint_eq(idmap_add(&m, &things[0]), N + 1);
	ck_assert_ptr_eq(idmap_get(&m, N + 1), &things[0]);
}
END_TEST

START_TEST(test_what_is_removed_gives_its_memory_back)
{
	add_all();
	for (uint64_t id = 1; id <= N; id++)
		if (id % (IDMAP_PAGE * 2) != 0)
			idmap_remove(&m, id);
	ck_assert_uint_eq(m.pages.count, m.count);
	ck_assert_uint_eq(m.count, N / (IDMAP_PAGE * 2));
}
END_TEST

static void count(void *arg, void *thing)
{
	size_t *n = arg;

	ck_assert_ptr_nonnull(thing);
	(*n)++;
}

START_TEST(test_each_is_visited_once)
{
	size_t n = 0;

	add_all();
	idmap_remove(&m, 5);
	idmap_each(&m, count, &n);
	ck_assert_uint_eq(n, N - 1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("idmap");
	TCase *tc = tcase_create("idmap");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_numbers_lead_back_to_things);
	tcase_add_test(tc, test_a_number_is_never_given_twice);
	tcase_add_test(tc, test_what_is_removed_gives_its_memory_back);
	tcase_add_test(tc, test_each_is_visited_once);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
