/* SPDX-License-Identifier: Apache-2.0 */

/* What an account's limits leave. */

#include <check.h>
#include <string.h>

#include "objstore/account.h"
#include "suite.h"

static const struct {
	const char *json;
	uint32_t replicas;
	bool is_memory;
	uint64_t want;
} answers[] = {
	{"{\"storage\":10,\"limits\":{\"max_storage\":-1}}", 1, false, UINT64_MAX},
	{"{\"storage\":10,\"limits\":{\"max_storage\":100}}", 1, false, 90},
	{"{\"storage\":10,\"limits\":{\"max_storage\":100}}", 3, false, 30},
	{"{\"storage\":110,\"limits\":{\"max_storage\":100}}", 1, false, 0},
	{"{\"memory\":1,\"storage\":99,\"limits\":{\"max_memory\":7,\"max_storage\":100}}", 1, true,
	 6},
	{"{\"limits\":{\"max_storage\":0},\"tiers\":{\"R3\":{\"storage\":5,\"limits\":{\"max_"
	 "storage\":9}}}}",
	 3, false, 4},
	{"{\"limits\":{\"max_storage\":\"x\"}}", 1, false, UINT64_MAX},
	{"{\"error\":{\"code\":503}}", 1, false, UINT64_MAX},
	{"", 1, false, UINT64_MAX},
	{"[]", 0, false, UINT64_MAX},
};

START_TEST(test_free_bytes)
{
	const char *json = answers[_i].json;

	ck_assert_uint_eq(
		account_parse_free(json, strlen(json), answers[_i].replicas, answers[_i].is_memory),
		answers[_i].want);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("account");
	TCase *tc = tcase_create("account");

	tcase_add_loop_test(tc, test_free_bytes, 0, sizeof(answers) / sizeof(answers[0]));
	suite_add_tcase(s, tc);
	return run_suite(s);
}
