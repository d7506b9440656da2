/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "suite.h"
#include "util/parse.h"

START_TEST(test_numbers)
{
	uint64_t u = 7;
	int64_t i = 7;

	ck_assert_int_eq(parse_u64("0", 10, 0, UINT64_MAX, &u), 0);
	ck_assert_uint_eq(u, 0);
	ck_assert_int_eq(parse_u64("18446744073709551615", 10, 0, UINT64_MAX, &u), 0);
	ck_assert_uint_eq(u, UINT64_MAX);
	ck_assert_int_eq(parse_u64("644", 8, 0, 07777, &u), 0);
	ck_assert_uint_eq(u, 0644);
	ck_assert_int_eq(parse_i64("-9223372036854775808", INT64_MIN, INT64_MAX, &i), 0);
	ck_assert_int_eq(i, INT64_MIN);
}
END_TEST

START_TEST(test_what_is_not_wholly_a_number_is_refused)
{
	static const char *const texts[] = {"", " 1", "1 ", "+1", "-1", "1x", "0x1", "one", "1.0"};
	uint64_t u = 7;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ck_assert_msg(parse_u64(texts[i], 10, 0, UINT64_MAX, &u) == -EINVAL, "\"%s\"",
			      texts[i]);
	ck_assert_int_eq(parse_u64("8", 8, 0, UINT64_MAX, &u), -EINVAL);
	ck_assert_uint_eq(u, 7);
}
END_TEST

START_TEST(test_numbers_outside_the_range_are_refused)
{
	uint64_t u = 7;
	int64_t i = 7;

	ck_assert_int_eq(parse_u64("18446744073709551616", 10, 0, UINT64_MAX, &u), -ERANGE);
	ck_assert_int_eq(parse_u64("4", 10, 5, 6, &u), -ERANGE);
	ck_assert_int_eq(parse_u64("7", 10, 5, 6, &u), -ERANGE);
	ck_assert_int_eq(parse_i64("9223372036854775808", INT64_MIN, INT64_MAX, &i), -ERANGE);
	ck_assert_uint_eq(u, 7);
	ck_assert_int_eq(i, 7);
}
END_TEST

START_TEST(test_sizes)
{
	uint64_t u;

	ck_assert_int_eq(parse_size("512", 0, UINT64_MAX, &u), 0);
	ck_assert_uint_eq(u, 512);
	ck_assert_int_eq(parse_size("4K", 0, UINT64_MAX, &u), 0);
	ck_assert_uint_eq(u, 4096);
	ck_assert_int_eq(parse_size("4k", 0, UINT64_MAX, &u), 0);
	ck_assert_uint_eq(u, 4096);
	ck_assert_int_eq(parse_size("2MiB", 0, UINT64_MAX, &u), 0);
	ck_assert_uint_eq(u, 2u << 20);
	ck_assert_int_eq(parse_size("3T", 0, UINT64_MAX, &u), 0);
	ck_assert_uint_eq(u, UINT64_C(3) << 40);
	ck_assert_int_eq(parse_size("17000000T", 0, UINT64_MAX, &u), -ERANGE);
	ck_assert_int_eq(parse_size("1X", 0, UINT64_MAX, &u), -EINVAL);
	ck_assert_int_eq(parse_size("K", 0, UINT64_MAX, &u), -EINVAL);
	ck_assert_int_eq(parse_size("1Kx", 0, UINT64_MAX, &u), -EINVAL);
	ck_assert_int_eq(parse_size("1K", 0, 1023, &u), -ERANGE);
}
END_TEST

START_TEST(test_durations)
{
	uint64_t ms;

	ck_assert_int_eq(parse_duration_ms("30", 0, UINT64_MAX, &ms), 0);
	ck_assert_uint_eq(ms, 30000);
	ck_assert_int_eq(parse_duration_ms("30s", 0, UINT64_MAX, &ms), 0);
	ck_assert_uint_eq(ms, 30000);
	ck_assert_int_eq(parse_duration_ms("250ms", 0, UINT64_MAX, &ms), 0);
	ck_assert_uint_eq(ms, 250);
	ck_assert_int_eq(parse_duration_ms("5m", 0, UINT64_MAX, &ms), 0);
	ck_assert_uint_eq(ms, 300000);
	ck_assert_int_eq(parse_duration_ms("2h", 0, UINT64_MAX, &ms), 0);
	ck_assert_uint_eq(ms, 7200000);
	ck_assert_int_eq(parse_duration_ms("2d", 0, UINT64_MAX, &ms), -EINVAL);
	ck_assert_int_eq(parse_duration_ms("", 0, UINT64_MAX, &ms), -EINVAL);
	ck_assert_int_eq(parse_duration_ms("1ms", 2, 3, &ms), -ERANGE);
	ck_assert_int_eq(parse_duration_ms("18446744073709551615h", 0, UINT64_MAX, &ms), -ERANGE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("parse");
	TCase *tc = tcase_create("parse");

	tcase_add_test(tc, test_numbers);
	tcase_add_test(tc, test_what_is_not_wholly_a_number_is_refused);
	tcase_add_test(tc, test_numbers_outside_the_range_are_refused);
	tcase_add_test(tc, test_sizes);
	tcase_add_test(tc, test_durations);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
