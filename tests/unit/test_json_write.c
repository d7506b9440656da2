/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdint.h>

#include "suite.h"
#include "util/json_write.h"

static struct buf out;
static struct json_writer w;

static void set_up(void)
{
	buf_init(&out, 4096);
	json_init(&w, &out);
}

static void tear_down(void)
{
	buf_done(&out);
}

static const struct {
	const char *text;
	size_t len;
	const char *want;
} strings[] = {
	{"", 0, "\"\""},
	{"plain", 5, "\"plain\""},
	{"a\"b\\c/", 6, "\"a\\\"b\\\\c/\""},
	{"\n\r\t", 3, "\"\\n\\r\\t\""},
	{"\x01\x1f\x7f", 3, "\"\\u0001\\u001f\\u007f\""},
	{"a\0b", 3, "\"a\\u0000b\""},
	{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
	/* Cut off, overlong, surrogate, beyond the end, stray continuation, never valid. */
	{"\xe2\x82", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xc0\xaf", 2, "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xe0\x9f\xbf", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xed\xa0\x80", 3, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\xf4\x90\x80\x80", 4, "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
	{"\x80x", 2, "\"\xef\xbf\xbdx\""},
	{"\xff\"", 2, "\"\xef\xbf\xbd\\\"\""},
};

START_TEST(strings_are_escaped)
{
	json_string_n(&w, NULL, strings[_i].text, strings[_i].len);
	ck_assert_int_eq(buf_error(&out), 0);
	ck_assert_str_eq(out.data, strings[_i].want);
}
END_TEST

START_TEST(values_nest_with_commas)
{
	json_begin_array(&w, NULL);
	json_begin_object(&w, NULL);
	json_string(&w, "k\"", "v");
	json_u64(&w, "n", UINT64_MAX);
	json_begin_object(&w, "empty");
	json_end_object(&w);
	json_begin_array(&w, "list");
	json_bool(&w, NULL, true);
	json_bool(&w, NULL, false);
	json_string(&w, NULL, NULL);
	json_end_array(&w);
	json_u64(&w, "after", 0);
	json_end_object(&w);
	json_begin_object(&w, NULL);
	json_end_object(&w);
	json_end_array(&w);
	ck_assert_str_eq(out.data, "[{\"k\\\"\":\"v\",\"n\":18446744073709551615,\"empty\":{},"
				   "\"list\":[true,false,null],\"after\":0},{}]");
}
END_TEST

START_TEST(a_full_buffer_is_reported)
{
	struct buf small CLEANUP(buf_done);

	buf_init(&small, 4);
	json_init(&w, &small);
	json_string(&w, NULL, "too long");
	ck_assert_int_eq(buf_error(&small), -E2BIG);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json_write");
	TCase *t = tcase_create("json_write");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, strings_are_escaped, 0, (int)ARRAY_LEN(strings));
	tcase_add_test(t, values_nest_with_commas);
	tcase_add_test(t, a_full_buffer_is_reported);
	suite_add_tcase(s, t);
	return run_suite(s);
}
