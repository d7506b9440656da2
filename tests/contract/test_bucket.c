/* SPDX-License-Identifier: Apache-2.0 */
/* Buckets on a real server: opening, making, listing and deleting them, and those that cannot be
 * used. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket_fixture.h"
#include "suite.h"

#define API "$JS.API."
#define STREAM "OBJ_" FIXTURE_BUCKET
#define MIB (UINT64_C(1) << 20)

static int open_with(const struct conn_config *cfg, const char *bucket,
		     const struct bucket_options *opts, char **ret_why)
{
	struct store *s = NULL;
	int err = bucket_open(cfg, bucket, opts, &s, ret_why);

	store_close(s);
	return err;
}

static void assert_open_fails(const char *bucket, const struct bucket_options *opts, int expected,
			      const char *mentions)
{
	_cleanup_free_ char *why = NULL;
	int err = open_with(&fx.cfg, bucket, opts, &why);

	ck_assert_msg(err == expected, "%d (%s), expected %d", err, why, expected);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, mentions) != NULL, "\"%s\" lacks \"%s\"", why, mentions);
}

START_TEST(open_says_what_is_wrong)
{
	const struct bucket_options none = {0}, create = {.want_create = true};
	const struct bucket_options other = {.want_create = true, .max_bytes = 1000000};

	assert_open_fails("nowhere", &none, -ENOENT, "no bucket \"nowhere\" on nats://");
	assert_open_fails("a b", &none, -EINVAL, "a b");
	store_close(fixture_open(NULL));
	store_close(fixture_open(&create));
	assert_open_fails(FIXTURE_BUCKET, &other, -EEXIST, "other settings");
}
END_TEST

START_TEST(open_without_server_fails_soon)
{
	struct conn_config cfg = fx.cfg;
	const struct bucket_options none = {0};
	_cleanup_free_ char *why = NULL;

	cfg.servers = "nats://secret:s3cr3t@127.0.0.1:1";
	ck_assert_int_eq(open_with(&cfg, "x", &none, &why), -ECONNREFUSED);
	ck_assert_msg(strstr(why, "127.0.0.1:1") && !strstr(why, "s3cr3t"), "%s", why);
}
END_TEST

START_TEST(open_without_jetstream_is_enodev)
{
	static const char config[] =
		"accounts { A: { users: [{user: a, password: p}] },"
		" B: { jetstream: enabled, users: [{user: b, password: p}] } }";
	struct server *server = server_start(config);
	struct conn_config cfg = fx.cfg;
	const struct bucket_options none = {0};
	_cleanup_free_ char *why = NULL;

	cfg.servers = server_url(server);
	cfg.user = "a";
	cfg.password = "p";
	ck_assert_int_eq(open_with(&cfg, "x", &none, &why), -ENODEV);
	ck_assert_msg(strstr(why, "JetStream is not enabled") != NULL, "%s", why);
	server_free(server);
}
END_TEST

START_TEST(created_bucket_has_the_wanted_settings)
{
	const struct bucket_options opts = {.want_create = true,
					    .description = "a \"quoted\" \\ text",
					    .max_bytes = 100 * MIB,
					    .ttl_ns = UINT64_C(31536000000000001),
					    .memory_storage = true};
	_cleanup_free_ char *text = NULL;
	struct store_status st;
	struct store *s = fixture_open(&opts);

	ck_assert_int_eq(store_status(s, &st), 0);
	ck_assert_uint_eq(st.max_bytes, 100 * MIB);
	ck_assert_uint_le(st.free_bytes, 100 * MIB);
	ck_assert_uint_gt(st.free_bytes, 90 * MIB);
	ck_assert(!st.is_read_only && st.is_connected);
	text = fixture_request(API "STREAM.INFO." STREAM, NULL, 0);
	ck_assert_msg(strstr(text, "\"max_age\":31536000000000001") != NULL, "%s", text);
	ck_assert_ptr_nonnull(strstr(text, "a \\\"quoted\\\" \\\\ text"));
	ck_assert_ptr_nonnull(strstr(text, "\"storage\":\"memory\""));
	ck_assert_ptr_nonnull(strstr(text, "\"allow_direct\":true"));
	store_close(s);
}
END_TEST

START_TEST(buckets_are_listed_and_deleted)
{
	const struct bucket_options create = {.want_create = true};
	_cleanup_free_ char *why = NULL;
	char **names;
	size_t n;

	ck_assert_int_eq(bucket_list(&fx.cfg, &names, &n, &why), 0);
	ck_assert_uint_eq(n, 0);
	free(names);
	ck_assert_int_eq(open_with(&fx.cfg, "two", &create, &why), 0);
	ck_assert_ptr_null(why);
	ck_assert_int_eq(open_with(&fx.cfg, "one", &create, &why), 0);
	ck_assert_int_eq(bucket_list(&fx.cfg, &names, &n, &why), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_str_eq(names[0], "one");
	ck_assert_str_eq(names[1], "two");
	free(names[0]);
	free(names[1]);
	free(names);
	ck_assert_int_eq(bucket_delete(&fx.cfg, "one", &why), 0);
	ck_assert_int_eq(bucket_delete(&fx.cfg, "one", &why), -ENOENT);
	ck_assert_msg(strstr(why, "no bucket \"one\"") != NULL, "%s", why);
}
END_TEST

/* Settings that forbid writing; each one by an update or at creation. */
static const struct {
	const char *config, *mentions;
} forbidding[] = {
	{"\"discard\":\"old\",\"allow_rollup_hdrs\":true", "discard"},
	{"\"discard\":\"new\",\"allow_rollup_hdrs\":false", "allow_rollup_hdrs"},
	{"\"discard\":\"new\",\"allow_rollup_hdrs\":true,\"max_msgs_per_subject\":5",
	 "per subject"},
	{"\"discard\":\"new\",\"allow_rollup_hdrs\":true,\"no_ack\":true", "no_ack"},
	{"\"discard\":\"new\",\"allow_rollup_hdrs\":true,\"retention\":\"interest\"", "retention"},
	{"\"discard\":\"new\",\"deny_purge\":true", "allow_rollup_hdrs"},
};

START_TEST(unsuitable_bucket_is_refused_for_writing)
{
	const struct bucket_options none = {0}, read_only = {.want_read_only = true};
	_cleanup_free_ char *body = NULL, *why = NULL;
	struct store_status st;
	struct store_put *put;
	struct store *s = NULL;

	ck_assert_int_gt(asprintf(&body,
				  "{\"name\":\"" STREAM "\",\"subjects\":[\"$O.test.C.>\","
				  "\"$O.test.M.>\"],\"allow_direct\":true,%s}",
				  forbidding[_i].config),
			 0);
	fixture_api(API "STREAM.CREATE." STREAM, body);
	assert_open_fails(FIXTURE_BUCKET, &none, -EROFS, forbidding[_i].mentions);
	ck_assert_int_eq(bucket_open(&fx.cfg, FIXTURE_BUCKET, &read_only, &s, &why), 0);
	ck_assert_int_eq(store_status(s, &st), 0);
	ck_assert(st.is_read_only);
	ck_assert_int_eq(store_put_open(s, &put), -EROFS);
	ck_assert_int_eq(store_purge_chunks(s, "abc"), -EROFS);
	store_close(s);
}
END_TEST

START_TEST(sealed_bucket_can_be_read)
{
	const struct bucket_options none = {0}, read_only = {.want_read_only = true};
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct store *s = fixture_open(NULL);

	obj_info_free(fixture_store(s, "a", 300000, 0));
	store_close(s);
	fixture_api(API "STREAM.UPDATE." STREAM,
		    "{\"name\":\"" STREAM "\",\"subjects\":[\"$O.test.C.>\",\"$O.test.M.>\"],"
		    "\"allow_direct\":true,\"discard\":\"new\",\"sealed\":true}");
	assert_open_fails(FIXTURE_BUCKET, &none, -EROFS, "sealed");
	s = fixture_open(&read_only);
	info = fixture_info(s, "a");
	ck_assert_int_eq(fixture_check(s, info), 0);
	store_close(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bucket");
	TCase *tc = tcase_create("bucket");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 90);

	tcase_add_test(tc, open_says_what_is_wrong);
	tcase_add_test(tc, open_without_server_fails_soon);
	tcase_add_test(tc, open_without_jetstream_is_enodev);
	tcase_add_test(tc, created_bucket_has_the_wanted_settings);
	tcase_add_test(tc, buckets_are_listed_and_deleted);
	tcase_add_loop_test(tc, unsuitable_bucket_is_refused_for_writing, 0,
			    (int)ARRAY_LEN(forbidding));
	tcase_add_test(tc, sealed_bucket_can_be_read);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
