/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <string.h>

#include "objstore/json_rows.h"
#include "suite.h"
#include "util/buf.h"

static int add_row(void *arg, const char *path, const char *value)
{
	buf_printf(arg, "%s=%s;", path, value);
	return 0;
}

static int refuse(void *arg, const char *path, const char *value)
{
	(void)path;
	(void)value;
	return ++*(int *)arg == 2 ? -ENOSPC : 0;
}

static const struct {
	const char *json, *want; /* want NULL: refused */
} texts[] = {
	{"{}", ""},
	{"{\"a\":1}", "a=1;"},
	{"{\"a\":{\"b\":true,\"c\":[1,\"x\",null]},\"d\":1e15}",
	 "a.b=true;a.c.0=1;a.c.1=x;a.c.2=null;d=1e+15;"},
	{"7", "=7;"},
	{"", NULL},
	{"{\"a\":", NULL},
};

START_TEST(values_come_with_their_path)
{
	_cleanup_buf_ struct buf out;
	int err;

	buf_init(&out, 4096);
	err = json_rows(texts[_i].json, strlen(texts[_i].json), add_row, &out);
	ck_assert_int_eq(err, texts[_i].want ? 0 : -EINVAL);
	ck_assert_str_eq(out.data ? out.data : "", texts[_i].want ? texts[_i].want : "");
}
END_TEST

START_TEST(an_error_ends_the_walk)
{
	int calls = 0;

	ck_assert_int_eq(json_rows("[1,2,3]", 7, refuse, &calls), -ENOSPC);
	ck_assert_int_eq(calls, 2);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("json_rows");
	TCase *t = tcase_create("json_rows");

	tcase_add_loop_test(t, values_come_with_their_path, 0, (int)ARRAY_LEN(texts));
	tcase_add_test(t, an_error_ends_the_walk);
	suite_add_tcase(s, t);
	return run_suite(s);
}
