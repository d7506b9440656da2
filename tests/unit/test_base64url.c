/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <string.h>

#include "suite.h"
#include "util/base64url.h"

START_TEST(test_the_examples_of_rfc_4648)
{
	static const char *const plain[] = {"", "f", "fo", "foo", "foob", "fooba", "foobar"};
	static const char *const text[] = {"",	       "Zg==",	   "Zm8=",    "Zm9v",
					   "Zm9vYg==", "Zm9vYmE=", "Zm9vYmFy"};

	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		char got[16];
		uint8_t back[16];
		size_t len;

		base64url_encode(plain[i], strlen(plain[i]), got);
		ck_assert_str_eq(got, text[i]);
		ck_assert_uint_eq(strlen(got), BASE64_LEN(strlen(plain[i])));
		ck_assert_int_eq(base64_decode(got, strlen(got), back, sizeof(back), &len), 0);
		ck_assert_uint_eq(len, strlen(plain[i]));
		ck_assert_mem_eq(back, plain[i], len);
	}
}
END_TEST

START_TEST(test_both_alphabets_and_missing_padding_are_accepted)
{
	static const uint8_t want[] = {0xfb, 0xff, 0xfe, 0xff};
	static const char *const texts[] = {"-__-_w==", "+//+/w==", "-__-_w"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		uint8_t got[8];
		size_t len;

		ck_assert_int_eq(base64_decode(texts[i], strlen(texts[i]), got, sizeof(got), &len),
				 0);
		ck_assert_uint_eq(len, sizeof(want));
		ck_assert_mem_eq(got, want, len);
	}
}
END_TEST

START_TEST(test_everything_else_is_refused)
{
	static const char *const texts[] = {
		"A", "A===", "AA=A", "=", "====", "AA AA", "AAA*", "AAAAA", "AA==AA==", "AAA=="};
	uint8_t got[16];
	size_t len;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ck_assert_msg(base64_decode(texts[i], strlen(texts[i]), got, sizeof(got), &len) ==
				      -EINVAL,
			      "\"%s\"", texts[i]);
	ck_assert_int_eq(base64_decode("Zm9v", 4, got, 2, &len), -ENOSPC);
	ck_assert_int_eq(base64_decode("Zm9v", 4, got, 3, &len), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base64url");
	TCase *tc = tcase_create("base64url");

	tcase_add_test(tc, test_the_examples_of_rfc_4648);
	tcase_add_test(tc, test_both_alphabets_and_missing_padding_are_accepted);
	tcase_add_test(tc, test_everything_else_is_refused);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
