/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/digest.h"
#include "suite.h"
#include "vectors.h"

/* Adds the content of a case in pieces of at most step bytes. */
static void add_content(struct digest *d, const cJSON *content, size_t step)
{
	const cJSON *part;

	cJSON_ArrayForEach(part, content)
	{
		size_t len;
		_cleanup_free_ char *data = vectors_unhex(vectors_string(part, "hex"), &len);
		const cJSON *repeat = cJSON_GetObjectItemCaseSensitive(part, "repeat");
		int n = repeat ? repeat->valueint : 1;

		for (int i = 0; i < n; i++)
			for (size_t at = 0; at < len; at += step)
				digest_add(d, data + at, len - at < step ? len - at : step);
	}
}

START_TEST(test_digests_have_the_text_that_clients_write)
{
	cJSON *all = vectors_load("digests.json", "cases");
	struct digest *d = digest_new();
	const cJSON *e;

	cJSON_ArrayForEach(e, all)
	{
		const char *want = vectors_string(e, "digest");
		uint8_t got[OBJ_DIGEST_LEN], parsed[OBJ_DIGEST_LEN];
		char text[OBJ_DIGEST_TEXT_LEN + 1];

		digest_reset(d);
		add_content(d, cJSON_GetObjectItemCaseSensitive(e, "content"), 7);
		digest_finish(d, got);
		digest_format(got, text);
		ck_assert_str_eq(text, want);
		ck_assert_int_eq(digest_parse(want, parsed), 0);
		ck_assert_mem_eq(parsed, got, sizeof(got));
		ck_assert_int_eq(digest_parse(vectors_string(e, "digest_std_base64_WRONG"), parsed),
				 0);
		ck_assert_mem_eq(parsed, got, sizeof(got));
	}
	digest_free(d);
	cJSON_Delete(all);
}
END_TEST

START_TEST(test_other_forms_of_a_digest_are_understood)
{
	static const char *const forms[] = {
		"SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
		"SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
		"sha-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=",
		"SHA-256=e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	};
	uint8_t first[OBJ_DIGEST_LEN], got[OBJ_DIGEST_LEN];

	ck_assert_int_eq(digest_parse(forms[0], first), 0);
	for (size_t i = 1; i < ARRAY_LEN(forms); i++) {
		ck_assert_msg(digest_parse(forms[i], got) == 0, "%s", forms[i]);
		ck_assert_mem_eq(got, first, sizeof(first));
	}
}
END_TEST

START_TEST(test_what_is_no_digest_is_refused)
{
	static const char *const forms[] = {
		"",
		"SHA-256",
		"SHA-256=",
		"SHA-256=AAAA",
		"MD5=1B2M2Y8AsgTpgAmY7PhCfg==",
		"47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
		"SHA-256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=AAAA",
		"SHA-256=g3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
	};
	uint8_t got[OBJ_DIGEST_LEN];

	for (size_t i = 0; i < ARRAY_LEN(forms); i++)
		ck_assert_msg(digest_parse(forms[i], got) == -EINVAL, "%s", forms[i]);
}
END_TEST

START_TEST(test_a_copy_goes_its_own_way)
{
	struct digest *a = digest_new(), *b;
	uint8_t of_a[OBJ_DIGEST_LEN], of_b[OBJ_DIGEST_LEN], want[OBJ_DIGEST_LEN];

	digest_add(a, "one", 3);
	b = digest_dup(a);
	digest_add(a, "two", 3);
	digest_finish(a, of_a);
	digest_finish(b, of_b);
	digest_reset(a);
	digest_add(a, "one", 3);
	digest_finish(a, want);
	ck_assert_mem_eq(of_b, want, sizeof(want));
	ck_assert_mem_ne(of_a, of_b, sizeof(want));
	digest_free(a);
	digest_free(b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("digest");
	TCase *tc = tcase_create("digest");

	tcase_add_test(tc, test_digests_have_the_text_that_clients_write);
	tcase_add_test(tc, test_other_forms_of_a_digest_are_understood);
	tcase_add_test(tc, test_what_is_no_digest_is_refused);
	tcase_add_test(tc, test_a_copy_goes_its_own_way);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
