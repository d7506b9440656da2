/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "fs/prefetch.h"
#include "suite.h"

#define STEP (UINT64_C(256) << 10)
#define MAX (UINT64_C(16) << 20)
#define READ (UINT64_C(128) << 10)

static struct prefetch p;
static uint64_t from, to;

static void reset(void)
{
	p = (struct prefetch){0};
}

static uint64_t note(uint64_t off, uint64_t len)
{
	prefetch_note(&p, off, len, STEP, MAX, &from, &to);
	ck_assert_uint_le(from, to);
	return to - from;
}

START_TEST(a_scan_doubles_the_window_up_to_the_limit)
{
	uint64_t off = 0, end = 0;

	for (int i = 0; i < 1000; i++, off += READ) {
		if (note(off, READ) > 0) {
			/* No gap and nothing twice. */
			if (end)
				ck_assert_uint_eq(from, end);
			end = to;
		}
		ck_assert_uint_le(p.window, MAX);
	}
	ck_assert_uint_eq(p.window, MAX);
	ck_assert_uint_ge(end, off + MAX / 2);
}
END_TEST

START_TEST(a_seek_closes_the_window)
{
	for (uint64_t off = 0; off < 64 * READ; off += READ)
		(void)note(off, READ);
	ck_assert_uint_eq(note(UINT64_C(1) << 40, 4096), 0);
	ck_assert_uint_eq(p.window, 0);
}
END_TEST

START_TEST(random_reads_never_open_it)
{
	uint64_t seed = 1;

	for (int i = 0; i < 1000; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1;
		ck_assert_uint_eq(note((seed >> 20) | (UINT64_C(1) << 30), 4096), 0);
	}
}
END_TEST

START_TEST(reads_out_of_order_are_still_a_scan)
{
	static const uint64_t order[] = {0, 2, 1, 3, 5, 4, 7, 6};

	for (size_t i = 0; i < sizeof(order) / sizeof(*order); i++)
		(void)note(order[i] * READ, READ);
	ck_assert_uint_ge(p.window, STEP);
	ck_assert_uint_eq(p.next, 8 * READ);
}
END_TEST

START_TEST(reading_again_does_not_widen_it)
{
	uint64_t window;

	(void)note(0, READ);
	(void)note(READ, READ);
	window = p.window;
	for (int i = 0; i < 100; i++)
		(void)note(0, READ);
	ck_assert_uint_eq(p.window, window);
}
END_TEST

START_TEST(what_was_refused_is_asked_for_with_a_later_read)
{
	uint64_t off = 0, stopped;

	for (int i = 0; i < 100; i++, off += READ)
		(void)note(off, READ);
	while (note(off, READ) == 0)
		off += READ;
	stopped = from;
	prefetch_stopped(&p, to, stopped);
	off += READ;
	ck_assert_uint_gt(note(off, READ), 0);
	ck_assert_uint_eq(from, stopped);
	/* A word about what is not the newest changes nothing. */
	prefetch_stopped(&p, to - 1, 0);
	off += READ;
	(void)note(off, READ);
	ck_assert_uint_ge(from, off);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("prefetch");
	TCase *tc = tcase_create("prefetch");

	tcase_add_checked_fixture(tc, reset, NULL);
	tcase_add_test(tc, a_scan_doubles_the_window_up_to_the_limit);
	tcase_add_test(tc, what_was_refused_is_asked_for_with_a_later_read);
	tcase_add_test(tc, a_seek_closes_the_window);
	tcase_add_test(tc, random_reads_never_open_it);
	tcase_add_test(tc, reads_out_of_order_are_still_a_scan);
	tcase_add_test(tc, reading_again_does_not_widen_it);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
