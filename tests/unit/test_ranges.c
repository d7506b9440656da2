/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/ranges.h"
#include "suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define SPACE 64

static void add(struct ranges *r, uint64_t from, uint64_t to)
{
	ck_assert_int_eq(ranges_reserve(r), 0);
	ranges_add(r, from, to);
}

static void cut(struct ranges *r, uint64_t from, uint64_t to)
{
	ck_assert_int_eq(ranges_reserve(r), 0);
	ranges_remove(r, from, to);
}

START_TEST(test_an_empty_set_has_nothing)
{
	struct ranges r = {0};
	bool is_in = true;

	ck_assert_uint_eq(ranges_run(&r, 5, 9, &is_in), 9);
	ck_assert(!is_in);
	ranges_done(&r);
}
END_TEST

START_TEST(test_neighbours_are_joined_and_a_hole_divides)
{
	struct ranges r = {0};
	bool is_in;

	add(&r, 0, 10);
	add(&r, 20, 30);
	add(&r, 10, 20);
	ck_assert_uint_eq(r.n, 1);
	cut(&r, 5, 6);
	ck_assert_uint_eq(r.n, 2);
	ck_assert_uint_eq(ranges_run(&r, 0, 100, &is_in), 5);
	ck_assert(is_in);
	ck_assert_uint_eq(ranges_run(&r, 5, 100, &is_in), 6);
	ck_assert(!is_in);
	ck_assert_uint_eq(ranges_run(&r, 6, 100, &is_in), 30);
	ck_assert(is_in);
	ranges_done(&r);
}
END_TEST

START_TEST(test_a_range_may_have_no_end)
{
	struct ranges r = {0};
	bool is_in;

	add(&r, 100, RANGES_END);
	add(&r, 50, 60);
	ck_assert_uint_eq(ranges_run(&r, 100, RANGES_END, &is_in), RANGES_END);
	ck_assert(is_in);
	cut(&r, 55, RANGES_END);
	ck_assert_uint_eq(ranges_run(&r, 55, RANGES_END, &is_in), RANGES_END);
	ck_assert(!is_in);
	ck_assert_uint_eq(r.n, 1);
	ranges_done(&r);
}
END_TEST

static void compare(const struct ranges *r, const char *model)
{
	uint64_t at = 0;

	while (at < SPACE) {
		bool is_in;
		uint64_t end = ranges_run(r, at, SPACE, &is_in);

		ck_assert_uint_gt(end, at);
		for (; at < end; at++)
			ck_assert_int_eq(model[at], is_in);
		/* Runs are as long as they can be. */
		if (end < SPACE)
			ck_assert_int_ne(model[end], is_in);
	}
}

START_TEST(test_random_changes_agree_with_a_map_of_bytes)
{
	struct ranges r = {0};
	char model[SPACE] = {0};

	srand((unsigned)_i + 1);
	for (int i = 0; i < 3000; i++) {
		uint64_t from = (uint64_t)rand() % SPACE;
		uint64_t to = from + (uint64_t)rand() % (SPACE - from + 1), count = 0;
		bool is_added = rand() % 2;

		if (is_added)
			add(&r, from, to);
		else
			cut(&r, from, to);
		memset(model + from, is_added, (size_t)(to - from));
		compare(&r, model);
		for (uint64_t b = 3; b < SPACE; b++)
			count += (uint64_t)model[b];
		ck_assert_uint_eq(ranges_count(&r, 3, SPACE), count);
	}
	ranges_done(&r);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("ranges");
	TCase *tc = tcase_create("ranges");

	/* Against a model, step by step: slow where many share a processor. */
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, test_an_empty_set_has_nothing);
	tcase_add_test(tc, test_neighbours_are_joined_and_a_hole_divides);
	tcase_add_test(tc, test_a_range_may_have_no_end);
	tcase_add_loop_test(tc, test_random_changes_agree_with_a_map_of_bytes, 0, 4);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
