/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "util/buf.h"

START_TEST(test_appended_bytes_follow_each_other)
{
	struct buf b;
	char *s;

	buf_init(&b, 100000);
	buf_append_str(&b, "a");
	buf_append(&b, "b\0c", 3);
	buf_append_char(&b, 'd');
	buf_printf(&b, "%d%s", 42, "e");
	ck_assert_int_eq(buf_error(&b), 0);
	ck_assert_uint_eq(b.len, 8);
	ck_assert_mem_eq(b.data, "ab\0cd42e", 9);
	for (int i = 0; i < 10000; i++)
		buf_append_str(&b, "1234567");
	ck_assert_uint_eq(b.len, 70008);
	ck_assert_uint_eq(strlen(b.data + 4), 70004);
	s = buf_steal(&b);
	ck_assert_mem_eq(s, "ab\0cd42e1234567", 15);
	ck_assert_uint_eq(b.len, 0);
	free(s);
	buf_done(&b);
}
END_TEST

START_TEST(test_an_append_beyond_the_cap_is_remembered)
{
	struct buf b;

	buf_init(&b, 10);
	buf_append_str(&b, "0123456789");
	ck_assert_int_eq(buf_error(&b), 0);
	buf_append_char(&b, 'x');
	ck_assert_int_eq(buf_error(&b), -E2BIG);
	buf_append(&b, "", 0);
	ck_assert_int_eq(buf_error(&b), -E2BIG);
	ck_assert_ptr_null(buf_steal(&b));
	buf_reset(&b);
	buf_printf(&b, "%s", "01234567890");
	ck_assert_int_eq(buf_error(&b), -E2BIG);
	buf_reset(&b);
	buf_append_str(&b, "again");
	ck_assert_int_eq(buf_error(&b), 0);
	ck_assert_str_eq(b.data, "again");
	buf_done(&b);
}
END_TEST

START_TEST(test_bytes_have_an_order)
{
	/* A byte above 127 is above the others, and a NUL is a byte. */
	static const struct {
		const char *data;
		size_t len;
	} sorted[] = {{NULL, 0}, {"\0", 1}, {"a", 1}, {"a\0", 2}, {"ab", 2}, {"b", 1}, {"\xff", 1}};

	for (size_t i = 0; i < ARRAY_LEN(sorted); i++)
		for (size_t j = 0; j < ARRAY_LEN(sorted); j++) {
			int order = bytes_compare(sorted[i].data, sorted[i].len, sorted[j].data,
						  sorted[j].len);

			ck_assert_int_eq((order > 0) - (order < 0), (i > j) - (i < j));
		}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, test_appended_bytes_follow_each_other);
	tcase_add_test(tc, test_an_append_beyond_the_cap_is_remembered);
	tcase_add_test(tc, test_bytes_have_an_order);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
