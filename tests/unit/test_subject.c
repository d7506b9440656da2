/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/bucket_internal.h"
#include "objstore/layout.h"
#include "objstore/long_name.h"
#include "objstore/subject.h"
#include "suite.h"
#include "util/base64url.h"
#include "vectors.h"

static char *subject_of(const char *bucket, const char *token)
{
	const struct conn_config cfg = {.servers = "nats://127.0.0.1"};
	struct bucket *b = bucket_new(&cfg, bucket, &layout_objects);
	char *subject;

	ck_assert_ptr_nonnull(b);
	subject = meta_token_subject(b, token);
	ck_assert_str_eq(meta_token_in(b, subject), token);
	bucket_free(b);
	return subject;
}

START_TEST(test_tokens_of_names_are_the_canonical_ones)
{
	cJSON *all = vectors_load("names.json", "canonical");
	const cJSON *e;

	cJSON_ArrayForEach(e, all)
	{
		size_t len;
		_cleanup_free_ char *name = vectors_unhex(vectors_string(e, "name_hex"), &len);
		_cleanup_free_ char *token = obj_meta_token(name, len);
		_cleanup_free_ char *subject = subject_of("DEMO", token);

		ck_assert_str_eq(token, vectors_string(e, "token"));
		ck_assert_str_eq(subject, vectors_string(e, "meta_subject"));
		ck_assert(obj_utf8_is_valid(name, len));
	}
	cJSON_Delete(all);
}
END_TEST

START_TEST(test_unpadded_tokens_stand_for_the_same_name)
{
	cJSON *all = vectors_load("names.json", "canonical");
	const cJSON *e;

	cJSON_ArrayForEach(e, all)
	{
		const char *token = vectors_string(e, "token_unpadded_variant");
		size_t len, got_len = 0;
		_cleanup_free_ char *name = vectors_unhex(vectors_string(e, "name_hex"), &len);
		_cleanup_free_ uint8_t *got = malloc(strlen(token) + 1);

		ck_assert_int_eq(base64_decode(token, strlen(token), got, strlen(token), &got_len),
				 0);
		ck_assert_uint_eq(got_len, len);
		ck_assert_mem_eq(got, name, len);
	}
	cJSON_Delete(all);
}
END_TEST

static bool is_among(char *const *tokens, size_t n, const char *token)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(tokens[i], token) == 0)
			return true;
	return false;
}

START_TEST(test_places_of_other_clients_are_tried)
{
	static const char *const keys[] = {"token_unpadded_variant", "token_java_variant",
					   "token_js_variant"};
	cJSON *all = vectors_load("names.json", "canonical");
	const cJSON *e;

	cJSON_ArrayForEach(e, all)
	{
		size_t len, n;
		_cleanup_free_ char *name = vectors_unhex(vectors_string(e, "name_hex"), &len);
		char *tokens[OBJ_FOREIGN_TOKENS];

		n = obj_foreign_tokens(name, len, tokens);
		ck_assert(!is_among(tokens, n, vectors_string(e, "token")));
		for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
			const char *token = vectors_string(e, keys[i]);

			ck_assert_msg(!token || strcmp(token, vectors_string(e, "token")) == 0 ||
					      is_among(tokens, n, token),
				      "%s: %s", vectors_string(e, "label"), token);
		}
		for (size_t i = 0; i < n; i++)
			free(tokens[i]);
	}
	cJSON_Delete(all);
}
END_TEST

START_TEST(test_names_that_are_not_utf8_are_told_apart)
{
	cJSON *all = vectors_load("names.json", "not_utf8");
	const cJSON *e;

	cJSON_ArrayForEach(e, all)
	{
		size_t len;
		_cleanup_free_ char *name = vectors_unhex(vectors_string(e, "name_hex"), &len);

		ck_assert_msg(!obj_utf8_is_valid(name, len), "%s", vectors_string(e, "label"));
	}
	cJSON_Delete(all);
}
END_TEST

START_TEST(test_bucket_names)
{
	char name[OBJ_BUCKET_MAX + 2];

	memset(name, 'b', sizeof(name));
	name[OBJ_BUCKET_MAX + 1] = '\0';
	ck_assert(!obj_bucket_is_valid(name));
	name[OBJ_BUCKET_MAX] = '\0';
	ck_assert(obj_bucket_is_valid(name));
	ck_assert(obj_bucket_is_valid("a-B_9"));
	ck_assert(!obj_bucket_is_valid(""));
	ck_assert(!obj_bucket_is_valid("a.b"));
	ck_assert(!obj_bucket_is_valid("a b"));
	ck_assert(!obj_bucket_is_valid("a*"));
	ck_assert(!obj_bucket_is_valid("\xc3\xa4"));
}
END_TEST

START_TEST(test_chunk_tokens_from_the_network)
{
	ck_assert(obj_nuid_is_valid("k7Yw2mQ0sVb4Xc9ZrT1uLp", 22));
	ck_assert(!obj_nuid_is_valid("", 0));
	ck_assert(!obj_nuid_is_valid(">", 1));
	ck_assert(!obj_nuid_is_valid("*", 1));
	ck_assert(!obj_nuid_is_valid("a.b", 3));
	ck_assert(!obj_nuid_is_valid("a b", 3));
	ck_assert(!obj_nuid_is_valid("a\r\n", 3));
	ck_assert(!obj_nuid_is_valid("a\0b", 3));
}
END_TEST

START_TEST(test_the_longest_name_fits_the_control_line)
{
	char bucket[OBJ_BUCKET_MAX + 1] = "", name[OBJ_NAME_PLAIN_MAX + 1];

	memset(bucket, 'b', OBJ_BUCKET_MAX);
	memset(name, 'x', sizeof(name));
	for (size_t len = OBJ_NAME_PLAIN_MAX; len <= OBJ_NAME_PLAIN_MAX + 1; len++) {
		_cleanup_free_ char *token = obj_meta_token(name, len);
		_cleanup_free_ char *subject = subject_of(bucket, token);

		/* With the verb, the sizes and a reply subject. */
		ck_assert_uint_lt(strlen(subject) + 40 + 64 + CONN_INBOX_PREFIX_MAX, 4096);
		ck_assert_int_eq(strlen(token) > 1000, len <= OBJ_NAME_PLAIN_MAX);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("subject");
	TCase *tc = tcase_create("subject");

	tcase_add_test(tc, test_tokens_of_names_are_the_canonical_ones);
	tcase_add_test(tc, test_unpadded_tokens_stand_for_the_same_name);
	tcase_add_test(tc, test_places_of_other_clients_are_tried);
	tcase_add_test(tc, test_names_that_are_not_utf8_are_told_apart);
	tcase_add_test(tc, test_bucket_names);
	tcase_add_test(tc, test_chunk_tokens_from_the_network);
	tcase_add_test(tc, test_the_longest_name_fits_the_control_line);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
