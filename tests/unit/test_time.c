/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>

#include "objstore/info.h"
#include "suite.h"

START_TEST(test_times_that_clients_write)
{
	static const struct {
		const char *text;
		int64_t ns;
	} cases[] = {
		{"1970-01-01T00:00:00Z", 0},
		{"2026-01-02T03:04:05.678Z", 1767323045678000000},
		{"2026-01-02T03:04:05.678901+00:00", 1767323045678901000},
		{"2026-01-02T03:04:05.678901234Z", 1767323045678901234},
		{"2026-01-02T04:34:05.5+01:30", 1767323045500000000},
		{"2026-01-01T22:04:05-05:00", 1767323045000000000},
		{"2024-02-29T00:00:00z", 1709164800000000000},
		{"1969-12-31T23:59:59.5Z", -500000000},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		int64_t ns = 1;

		ck_assert_msg(obj_time_parse(cases[i].text, &ns) == 0, "%s", cases[i].text);
		ck_assert_int_eq(ns, cases[i].ns);
	}
}
END_TEST

START_TEST(test_what_is_no_time_is_refused)
{
	static const char *const texts[] = {
		"",
		"2026",
		"2026-01-02",
		"2026-01-02T03:04:05",
		"2026-13-02T03:04:05Z",
		"2026-00-02T03:04:05Z",
		"2026-01-32T03:04:05Z",
		"2026-02-30T03:04:05Z",
		"2026-01-02T24:04:05Z",
		"2026-01-02T03:60:05Z",
		"2026-01-02T03:04:05.Z",
		"2026-01-02T03:04:05.1234567890Z",
		"2026-01-02T03:04:05+0100",
		"2026-01-02T03:04:05+24:00",
		"2026-01-02T03:04:05Zx",
		"-2026-01-02T03:04:05Z",
		"9999-01-02T03:04:05Z",
		"0001-01-01T00:00:00Z",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		int64_t ns = 1;

		ck_assert_msg(obj_time_parse(texts[i], &ns) == -EINVAL, "%s", texts[i]);
		ck_assert_int_eq(ns, 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("time");
	TCase *tc = tcase_create("time");

	tcase_add_test(tc, test_times_that_clients_write);
	tcase_add_test(tc, test_what_is_no_time_is_refused);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
