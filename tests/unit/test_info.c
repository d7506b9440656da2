/* SPDX-License-Identifier: Apache-2.0 */

/* Metadata as other clients write them, and as we do. */

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/digest.h"
#include "objstore/info.h"
#include "objstore/long_name.h"
#include "objstore/subject.h"
#include "suite.h"
#include "vectors.h"

#define PREFIX "$O.DEMO.M."
#define MS(text) (1767323045 * INT64_C(1000000000) + (text))

static cJSON *examples;

static void setup(void)
{
	examples = vectors_load("meta_examples.json", "examples");
}

static void teardown(void)
{
	cJSON_Delete(examples);
}

static struct obj_info *parse(const char *json, const char *token)
{
	struct obj_info *info = NULL;

	ck_assert_int_eq(obj_info_parse(json, strlen(json), token, strlen(token), &info), 0);
	ck_assert_ptr_nonnull(info);
	return info;
}

static struct obj_info *parse_example(const cJSON *e)
{
	return parse(vectors_string(e, "payload"),
		     vectors_string(e, "meta_subject") + strlen(PREFIX));
}

/* The example of a writer whose name starts with writer. */
static struct obj_info *example(const char *writer, const char *label)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, examples)
	{
		if (strcmp(vectors_string(e, "label"), label) == 0 &&
		    strcmp(vectors_string(e, "writer"), writer) == 0)
			return parse_example(e);
	}
	ck_abort_msg("no example %s of %s", label, writer);
	return NULL;
}

START_TEST(test_every_valid_payload_is_understood)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, examples)
	{
		const char *label = vectors_string(e, "label");
		struct obj_info *info = parse_example(e);
		bool is_valid = strcmp(label, "unescaped-quote") != 0;

		ck_assert_msg(info->is_malformed == !is_valid, "%s of %s", label,
			      vectors_string(e, "writer"));
		obj_info_free(info);
	}
}
END_TEST

START_TEST(test_the_fields_of_every_payload_are_those_of_its_json)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, examples)
	{
		cJSON *json = cJSON_Parse(vectors_string(e, "payload"));
		const char *nuid = vectors_string(json, "nuid");
		struct obj_info *info;

		if (!json)
			continue;
		info = parse_example(e);
		ck_assert_str_eq(info->name, vectors_string(json, "name"));
		ck_assert_uint_eq(info->name_len, strlen(info->name));
		ck_assert_str_eq(info->nuid, nuid ? nuid : "");
		ck_assert(info->size == (uint64_t)cJSON_GetNumberValue(
						cJSON_GetObjectItem(json, "size")) ||
			  !cJSON_GetObjectItem(json, "size"));
		ck_assert_int_eq(info->is_deleted,
				 cJSON_IsTrue(cJSON_GetObjectItem(json, "deleted")));
		obj_info_free(info);
		cJSON_Delete(json);
	}
}
END_TEST

START_TEST(test_digests_of_payloads_are_those_of_their_content)
{
	struct digest *d = digest_new();
	unsigned int n = 0;
	const cJSON *e;

	cJSON_ArrayForEach(e, examples)
	{
		const char *hex = vectors_string(e, "content_hex");
		uint8_t want[OBJ_DIGEST_LEN];
		struct obj_info *info;
		size_t len;
		char *data;

		if (!hex)
			continue;
		info = parse_example(e);
		data = vectors_unhex(hex, &len);
		digest_reset(d);
		digest_add(d, data, len);
		digest_finish(d, want);
		ck_assert_uint_eq(info->size, len);
		ck_assert(info->has_digest);
		ck_assert_mem_eq(info->digest, want, sizeof(want));
		free(data);
		obj_info_free(info);
		n++;
	}
	ck_assert_uint_gt(n, 10);
	digest_free(d);
}
END_TEST

START_TEST(test_canonical_payloads_are_written_byte_for_byte)
{
	unsigned int n = 0;
	const cJSON *e;

	cJSON_ArrayForEach(e, examples)
	{
		struct obj_info *info;
		struct buf out;

		if (strncmp(vectors_string(e, "writer"), "canonical", 9) != 0)
			continue;
		info = parse_example(e);
		buf_init(&out, OBJ_META_MAX);
		ck_assert_int_eq(obj_info_format(info, "DEMO", &out), 0);
		ck_assert_str_eq(out.data, vectors_string(e, "payload"));
		buf_done(&out);
		obj_info_free(info);
		n++;
	}
	ck_assert_uint_ge(n, 9);
}
END_TEST

START_TEST(test_what_is_written_reads_back_the_same)
{
	const cJSON *e;

	cJSON_ArrayForEach(e, examples)
	{
		struct obj_info *info = parse_example(e), *again;
		struct buf first, second;
		char *token;

		buf_init(&first, OBJ_META_MAX);
		buf_init(&second, OBJ_META_MAX);
		ck_assert_int_eq(obj_info_format(info, "DEMO", &first), 0);
		token = obj_meta_token(info->name, info->name_len);
		again = parse(first.data, token);
		ck_assert(!again->is_malformed);
		ck_assert_ptr_null(again->foreign_token);
		ck_assert_int_eq(obj_info_format(again, "DEMO", &second), 0);
		ck_assert_str_eq(first.data, second.data);
		free(token);
		buf_done(&first);
		buf_done(&second);
		obj_info_free(info);
		obj_info_free(again);
	}
}
END_TEST

START_TEST(test_links)
{
	struct obj_info *info = example("nats.net", "bucket-link");

	ck_assert_str_eq(info->link_bucket, "OTHER");
	ck_assert_str_eq(info->link_name, "blink");
	obj_info_free(info);
	info = example("async-nats", "bucket-link");
	ck_assert_str_eq(info->link_bucket, "OTHER");
	ck_assert_ptr_null(info->link_name);
	obj_info_free(info);
	info = example("async-nats", "ordinary");
	ck_assert_ptr_null(info->link_bucket);
	obj_info_free(info);
	info = example("@nats-io/obj", "object-link");
	ck_assert_str_eq(info->link_bucket, "DEMO");
	ck_assert_str_eq(info->link_name, "hello.txt");
	obj_info_free(info);
}
END_TEST

START_TEST(test_times_of_clients)
{
	struct obj_info *info = example("nats.go", "ordinary");

	ck_assert_int_eq(info->mtime_ns, 0);
	obj_info_free(info);
	info = example("nats-py", "deleted");
	ck_assert_int_eq(info->mtime_ns, 0);
	obj_info_free(info);
	info = example("nats-py", "ordinary");
	ck_assert_int_eq(info->mtime_ns, MS(678901000));
	obj_info_free(info);
	info = example("async-nats", "ordinary");
	ck_assert_int_eq(info->mtime_ns, MS(678901234));
	obj_info_free(info);
}
END_TEST

START_TEST(test_headers_of_clients)
{
	struct obj_info *info = example("canonical (ours to write)", "with-everything");

	ck_assert_uint_eq(info->headers.count, 3);
	ck_assert_str_eq(info->headers.items[1].key, "X-Tag");
	ck_assert_str_eq(info->headers.items[2].value, "b");
	ck_assert_str_eq(obj_info_meta(info, "owner"), "infra");
	obj_info_free(info);
	info = example("async-nats < 0.45", "headers-inner-bug");
	ck_assert_uint_eq(info->headers.count, 1);
	ck_assert_str_eq(info->headers.items[0].key, "K");
	ck_assert_str_eq(info->headers.items[0].value, "v");
	obj_info_free(info);
	info = example("nats-py", "headers-string-values");
	ck_assert_str_eq(info->headers.items[0].value, "text/plain");
	obj_info_free(info);
}
END_TEST

START_TEST(test_tokens_that_are_not_canonical_are_kept)
{
	struct obj_info *info = example("nats.c 3.11", "unpadded-token");

	ck_assert_str_eq(info->foreign_token, "aGVsbG8ubWQ");
	obj_info_free(info);
	info = example("@nats-io/obj", "latin1-name");
	ck_assert_str_eq(info->foreign_token, "6Q==");
	ck_assert_str_eq(info->name, "\xc3\xa9");
	obj_info_free(info);
	info = example("nats.go", "ordinary");
	ck_assert_ptr_null(info->foreign_token);
	obj_info_free(info);
}
END_TEST

START_TEST(test_the_place_of_another_name_gives_its_name)
{
	struct obj_info *info = parse("{\"name\":\"ok\",\"nuid\":\"N\"}", "cmF3bWlzbQ==");

	ck_assert_str_eq(info->name, "rawmism");
	ck_assert_ptr_null(info->foreign_token);
	ck_assert_str_eq(info->nuid, "N");
	obj_info_free(info);
	/* Of an ancient client, which did not encode names. */
	info = parse("{\"name\":\"cmF3\",\"nuid\":\"N\"}", "cmF3");
	ck_assert_str_eq(info->name, "cmF3");
	ck_assert_str_eq(info->foreign_token, "cmF3");
	obj_info_free(info);
	/* Nobody asks for what cannot be read as a name. */
	info = parse("{\"name\":\"ok\",\"nuid\":\"N\"}", "%%");
	ck_assert_str_eq(info->name, "ok");
	ck_assert_str_eq(info->foreign_token, "%%");
	obj_info_free(info);
	ck_assert_int_eq(obj_info_parse("{\"name\":\"ok\"}", 13, "", 0, &info), 0);
	ck_assert_str_eq(info->name, "ok");
	ck_assert_ptr_null(info->foreign_token);
	obj_info_free(info);
}
END_TEST

START_TEST(test_a_payload_that_is_no_json_has_the_name_of_its_subject)
{
	struct obj_info *info = example("nats.c 3.12+", "unescaped-quote");

	ck_assert(info->is_malformed);
	ck_assert_str_eq(info->name, "a\"b");
	obj_info_free(info);
}
END_TEST

START_TEST(test_sizes_that_cannot_be_true_are_malformed)
{
	static const char *const fields[] = {
		"\"size\":5,\"chunks\":0",     "\"size\":0,\"chunks\":-1",
		"\"size\":-5,\"chunks\":1",    "\"size\":1e300,\"chunks\":1",
		"\"size\":\"5\",\"chunks\":1", "\"size\":5,\"chunks\":4294967296",
		"\"size\":5,\"chunks\":6",     "\"size\":1.5,\"chunks\":1",
	};

	for (size_t i = 0; i < ARRAY_LEN(fields); i++) {
		struct obj_info *info;
		struct buf json;

		buf_init(&json, 1000);
		buf_printf(&json, "{\"name\":\"x\",\"nuid\":\"k7Yw2mQ0sVb4Xc9ZrT1uLp\",%s}",
			   fields[i]);
		info = parse(json.data, "eA==");
		ck_assert_msg(info->is_malformed, "%s", fields[i]);
		ck_assert_str_eq(info->name, "x");
		obj_info_free(info);
		buf_done(&json);
	}
}
END_TEST

START_TEST(test_an_identifier_that_is_no_token_is_not_believed)
{
	struct obj_info *info =
		parse("{\"name\":\"x\",\"nuid\":\">\",\"size\":1,\"chunks\":1}", "eA==");

	ck_assert_str_eq(info->nuid, "");
	obj_info_free(info);
}
END_TEST

START_TEST(test_a_token_that_is_no_text_is_refused)
{
	struct obj_info *info;

	ck_assert_int_eq(obj_info_parse("x", 1, "\xff", 1, &info), -EINVAL);
	ck_assert_int_eq(obj_info_parse("", 0, "", 0, &info), -EINVAL);
	/* Older clients wrote some names as they were. */
	info = parse("x", "!!");
	ck_assert(info->is_malformed);
	ck_assert_str_eq(info->name, "!!");
	obj_info_free(info);
}
END_TEST

START_TEST(test_metadata_can_be_set_and_removed)
{
	struct obj_info *info = obj_info_new("n", 1), *copy;

	ck_assert_ptr_null(obj_info_meta(info, "a"));
	ck_assert_int_eq(obj_info_set_meta(info, "a", "1"), 0);
	ck_assert_int_eq(obj_info_set_meta(info, "b", "2"), 0);
	ck_assert_int_eq(obj_info_set_meta(info, "a", "3"), 0);
	ck_assert_uint_eq(info->metadata.count, 2);
	copy = obj_info_dup(info);
	ck_assert_int_eq(obj_info_set_meta(info, "a", NULL), 0);
	ck_assert_int_eq(obj_info_set_meta(info, "none", NULL), 0);
	ck_assert_ptr_null(obj_info_meta(info, "a"));
	ck_assert_str_eq(obj_info_meta(info, "b"), "2");
	ck_assert_str_eq(obj_info_meta(copy, "a"), "3");
	obj_info_free(copy);
	obj_info_free(info);
}
END_TEST

/* What is read at the place of an object whose metadata say that it stands for another. */
static struct obj_info *alias_of(const char *json_name, const char *said, const char *metadata)
{
	_cleanup_free_ char *token = obj_meta_token(json_name, strlen(json_name));
	_cleanup_free_ char *json = NULL;

	ck_assert_int_gt(asprintf(&json, "{\"name\":\"%s\",\"metadata\":{%s\"posix.name\":\"%s\"}}",
				  json_name, metadata, said),
			 0);
	return parse(json, token);
}

/* What has no room beside the rest while it is read: a text of many values, and a large one. */
START_TEST(test_metadata_of_any_size_are_understood)
{
	char json[64 * 1024], *p = json, key[16], want[16];
	_cleanup_obj_info_ struct obj_info *info = NULL;

	p += sprintf(p, "{\"name\":\"f\",\"description\":\"%0*d\",\"metadata\":{", 20000, 1);
	for (int i = 0; i < 1000; i++)
		p += sprintf(p, "%s\"k%d\":\"v%d\"", i ? "," : "", i, i);
	strcpy(p, "}}");
	info = parse(json, "Zg==");
	ck_assert(!info->is_malformed);
	ck_assert_uint_eq(strlen(info->description), 20000);
	ck_assert_uint_eq(info->metadata.count, 1000);
	for (int i = 0; i < 1000; i++) {
		snprintf(key, sizeof(key), "k%d", i);
		snprintf(want, sizeof(want), "v%d", i);
		ck_assert_str_eq(obj_info_meta(info, key), want);
	}
}
END_TEST

START_TEST(test_an_alias_says_a_long_name)
{
	char name[OBJ_NAME_PLAIN_MAX + 2], alias[OBJ_ALIAS_LEN + 1];
	_cleanup_obj_info_ struct obj_info *info = NULL, *again = NULL;
	struct buf json _cleanup_buf_;
	_cleanup_free_ char *token = NULL;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(obj_alias(name, strlen(name), alias), 0);
	info = alias_of(alias, name, "\"a\":\"b\",");
	ck_assert_str_eq(info->name, name);
	ck_assert_ptr_null(info->foreign_token);
	ck_assert_ptr_null(obj_info_meta(info, ATTR_NAME));
	ck_assert_str_eq(obj_info_meta(info, "a"), "b");

	buf_init(&json, OBJ_META_MAX);
	ck_assert_int_eq(obj_info_format(info, "DEMO", &json), 0);
	ck_assert_ptr_nonnull(strstr(json.data, alias));
	token = obj_meta_token(name, strlen(name));
	again = parse(json.data, token);
	ck_assert_str_eq(again->name, name);
	ck_assert_uint_eq(again->metadata.count, 1);
}
END_TEST

START_TEST(test_an_alias_that_lies_keeps_its_own_name)
{
	char name[OBJ_NAME_PLAIN_MAX + 2], alias[OBJ_ALIAS_LEN + 1];
	_cleanup_obj_info_ struct obj_info *other = NULL, *is_short = NULL;

	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	ck_assert_int_eq(obj_alias(name, strlen(name), alias), 0);
	name[0] = 'y';
	other = alias_of(alias, name, "");
	ck_assert_str_eq(other->name, alias);
	/* Whoever asks for the name learns that something is there. */
	ck_assert_int_eq(obj_info_expect_name(other, name, strlen(name)), 0);
	ck_assert_str_eq(other->name, name);
	ck_assert(other->is_malformed);

	ck_assert_int_eq(obj_alias("f", 1, alias), 0);
	is_short = alias_of(alias, "f", "");
	ck_assert_str_eq(is_short->name, alias);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("info");
	TCase *tc = tcase_create("info");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, test_every_valid_payload_is_understood);
	tcase_add_test(tc, test_the_fields_of_every_payload_are_those_of_its_json);
	tcase_add_test(tc, test_digests_of_payloads_are_those_of_their_content);
	tcase_add_test(tc, test_canonical_payloads_are_written_byte_for_byte);
	tcase_add_test(tc, test_what_is_written_reads_back_the_same);
	tcase_add_test(tc, test_links);
	tcase_add_test(tc, test_times_of_clients);
	tcase_add_test(tc, test_headers_of_clients);
	tcase_add_test(tc, test_tokens_that_are_not_canonical_are_kept);
	tcase_add_test(tc, test_the_place_of_another_name_gives_its_name);
	tcase_add_test(tc, test_a_payload_that_is_no_json_has_the_name_of_its_subject);
	tcase_add_test(tc, test_sizes_that_cannot_be_true_are_malformed);
	tcase_add_test(tc, test_an_identifier_that_is_no_token_is_not_believed);
	tcase_add_test(tc, test_a_token_that_is_no_text_is_refused);
	tcase_add_test(tc, test_metadata_of_any_size_are_understood);
	tcase_add_test(tc, test_an_alias_says_a_long_name);
	tcase_add_test(tc, test_an_alias_that_lies_keeps_its_own_name);
	tcase_add_test(tc, test_metadata_can_be_set_and_removed);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
