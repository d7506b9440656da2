/* SPDX-License-Identifier: Apache-2.0 */
/* The store of a bucket on a real server, where the in-memory double cannot follow: layouts of
 * other clients, special buckets, and servers that fill up, die and come back. */
#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket_fixture.h"
#include "objstore/subject.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/lock.h"

#define API "$JS.API."
#define STREAM "OBJ_" FIXTURE_BUCKET
#define CHUNK OBJ_DEFAULT_CHUNK_SIZE
#define MIB (UINT64_C(1) << 20)

static struct obj_info *get_info(struct store *s, const char *name)
{
	struct obj_info *info = NULL;
	int err = store_get_info(s, name, strlen(name), &info);

	ck_assert_msg(err == 0, "%s: %d", name, err);
	return info;
}

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
	info = get_info(s, "a");
	ck_assert_int_eq(fixture_check(s, info), 0);
	store_close(s);
}
END_TEST

static const uint64_t sizes[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 40 * CHUNK + 17};

START_TEST(content_comes_back)
{
	_cleanup_obj_info_ struct obj_info *info = NULL, *again = NULL;
	struct store *s = fixture_open(NULL);

	info = fixture_store(s, "dir/ä.bin", sizes[_i], 0);
	again = get_info(s, "dir/ä.bin");
	ck_assert_uint_eq(again->seq, info->seq);
	ck_assert_uint_eq(again->size, sizes[_i]);
	ck_assert_mem_eq(again->digest, info->digest, OBJ_DIGEST_LEN);
	ck_assert_int_eq(fixture_check(s, again), 0);
	store_close(s);
}
END_TEST

START_TEST(content_comes_back_without_direct_get)
{
	struct obj_info *info;
	uint64_t seq = 0;
	struct store *s;

	fixture_api(API "STREAM.CREATE." STREAM,
		    "{\"name\":\"" STREAM "\",\"subjects\":[\"$O.test.C.>\",\"$O.test.M.>\"],"
		    "\"allow_rollup_hdrs\":true,\"discard\":\"new\"}");
	s = fixture_open(NULL);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		info = fixture_store(s, "a", sizes[i], seq);
		seq = info->seq;
		ck_assert_int_eq(fixture_check(s, info), 0);
		obj_info_free(info);
	}
	store_close(s);
}
END_TEST

START_TEST(sequence_decides_who_wins)
{
	_cleanup_obj_info_ struct obj_info *a = obj_info_new("x", 1), *b = obj_info_new("x", 1);
	_cleanup_obj_info_ struct obj_info *now = NULL;
	struct store *s = fixture_open(NULL);

	strcpy(a->nuid, "aaaaaaaaaaaaaaaaaaaaaa");
	strcpy(b->nuid, "bbbbbbbbbbbbbbbbbbbbbb");
	ck_assert_int_eq(store_put_info(s, a, 0), 0);
	ck_assert_int_eq(store_put_info(s, b, 0), -ESTALE);
	ck_assert_int_eq(store_put_info(s, b, a->seq + 1), -ESTALE);
	ck_assert_int_eq(store_put_info(s, b, a->seq), 0);
	ck_assert_int_eq(store_remove_info(s, a), -ESTALE);
	ck_assert_int_eq(store_remove_info(s, b), 0);
	now = get_info(s, "x");
	ck_assert(now->is_deleted);
	ck_assert_str_ne(now->nuid, b->nuid);
	ck_assert_int_eq(store_put_info(s, a, 0), -ESTALE);
	ck_assert_int_eq(store_put_info(s, a, now->seq), 0);
	/* Rolled up each time: one message. */
	fixture_wait_messages(s, 1);
	store_close(s);
}
END_TEST

START_TEST(many_infos_come_in_one_call)
{
	enum { N = 300 };
	const char *names[N];
	size_t lens[N];
	struct obj_info *infos[N];
	int errs[N];
	struct store *s = fixture_open(NULL);
	char text[N][16];

	for (size_t i = 0; i < N; i++) {
		snprintf(text[i], sizeof(text[i]), "n%zu", i);
		names[i] = text[i];
		lens[i] = strlen(text[i]);
		if (i % 3 == 0)
			obj_info_free(fixture_store(s, names[i], 0, 0));
	}
	ck_assert_int_eq(store_get_infos(s, names, lens, N, infos, errs), 0);
	for (size_t i = 0; i < N; i++) {
		ck_assert_int_eq(errs[i], i % 3 == 0 ? 0 : -ENOENT);
		ck_assert_int_eq(infos[i] != NULL, i % 3 == 0);
		if (infos[i])
			ck_assert_str_eq(infos[i]->name, names[i]);
		obj_info_free(infos[i]);
	}
	store_close(s);
}
END_TEST

/* Publishes chunks of these lengths as another client would, other subjects in between. */
static void publish_chunks(const char *nuid, const size_t *lens, size_t n, bool is_interleaved)
{
	_cleanup_free_ char *subject = obj_chunk_subject(FIXTURE_BUCKET, nuid);
	uint64_t off = 0;

	for (size_t i = 0; i < n; i++) {
		_cleanup_free_ uint8_t *data = malloc(lens[i] + 1);

		for (size_t j = 0; j < lens[i]; j++)
			data[j] = fixture_byte(off + j);
		off += lens[i];
		free(fixture_request(subject, data, lens[i]));
		if (is_interleaved)
			free(fixture_request("$O.test.C.somebodyelse", "x", 1));
	}
}

static struct obj_info *foreign_info(const char *nuid, uint64_t size, uint32_t chunks)
{
	struct obj_info *info = obj_info_new("f", 1);

	snprintf(info->nuid, sizeof(info->nuid), "%s", nuid);
	info->size = size;
	info->chunks = chunks;
	info->max_chunk_size = CHUNK;
	return info;
}

static const struct {
	const char *what;
	size_t lens[6];
	size_t n;
	uint32_t chunks;
	uint64_t size;
	bool is_interleaved;
	int err;
} layouts[] = {
	{"short reads", {100, 5, 70000, 1}, 4, 4, 70106, false, 0},
	{"interleaved", {CHUNK, CHUNK, 9}, 3, 3, 2 * CHUNK + 9, true, 0},
	{"empty message behind whole chunks", {CHUNK, CHUNK, 0}, 3, 2, 2 * CHUNK, false, 0},
	{"the same, interleaved", {CHUNK, CHUNK, 0}, 3, 2, 2 * CHUNK, true, 0},
	{"one empty message too many", {7, 0}, 2, 1, 7, false, 0},
	{"empty chunk in the middle", {7, 0, 8}, 3, 3, 15, false, 0},
	{"first chunk short", {CHUNK - 1, CHUNK, 2}, 3, 3, 2 * CHUNK + 1, false, 0},
	{"last chunk missing", {CHUNK, CHUNK}, 2, 3, 2 * CHUNK + 9, false, -EIO},
	{"nothing there", {0}, 0, 3, 2 * CHUNK + 9, false, -ESTALE},
	{"a chunk too many", {10, 10, 10}, 3, 2, 20, false, -EIO},
	{"longer than promised", {10, 11}, 2, 2, 20, false, -EIO},
	{"a single one of another length", {10}, 1, 1, 11, false, -EIO},
};

START_TEST(layouts_of_other_clients_are_read)
{
	_cleanup_obj_info_ struct obj_info *info =
		foreign_info("foreign", layouts[_i].size, layouts[_i].chunks);
	struct store *s = fixture_open(NULL);
	int err;

	publish_chunks("foreign", layouts[_i].lens, layouts[_i].n, layouts[_i].is_interleaved);
	err = fixture_check(s, info);
	ck_assert_msg(err == layouts[_i].err, "%s: %d", layouts[_i].what, err);
	store_close(s);
}
END_TEST

START_TEST(long_listing_is_complete)
{
	enum { N = 3000 };
	_cleanup_obj_info_ struct obj_info *info = foreign_info("long", 0, N);
	_cleanup_free_ size_t *lens = calloc(N, sizeof(*lens));
	struct store *s = fixture_open(NULL);

	for (size_t i = 0; i < N; i++) {
		lens[i] = 1 + i % 7;
		info->size += lens[i];
	}
	publish_chunks("long", lens, N, false);
	ck_assert_int_eq(fixture_check(s, info), 0);
	store_close(s);
}
END_TEST

/* More than there are consumers for at a time, some given up again. */
START_TEST(many_listings_at_once)
{
	enum { N = 24 };
	static const size_t lens[] = {3, 500, 1, 70};
	_cleanup_obj_info_ struct obj_info *info = foreign_info("many", 574, 4);
	struct store *s = fixture_open(NULL);
	struct store_get *gets[N];
	int err;

	publish_chunks("many", lens, ARRAY_LEN(lens), true);
	for (size_t i = 0; i < N; i++) {
		ck_assert_int_eq(store_get_open(s, info, &gets[i]), 0);
		err = store_get_index(gets[i], false);
		ck_assert_msg(err == -EINPROGRESS, "%d", err);
	}
	for (size_t i = 0; i < N; i += 5)
		store_get_close(gets[i]);
	for (size_t i = 0; i < N; i++) {
		if (i % 5 == 0)
			continue;
		ck_assert_int_eq(store_get_index(gets[i], true), 0);
		store_get_close(gets[i]);
	}
	store_close(s);
}
END_TEST

START_TEST(chunk_lost_inside_is_noticed)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_free_ char *body = NULL;
	struct store *s = fixture_open(NULL);

	info = fixture_store(s, "a", 5 * CHUNK, 0);
	ck_assert_int_gt(asprintf(&body, "{\"seq\":%lu}", (unsigned long)info->seq - 3), 0);
	fixture_api(API "STREAM.MSG.DELETE." STREAM, body);
	ck_assert_int_eq(fixture_check(s, info), -ESTALE);
	store_close(s);
}
END_TEST

START_TEST(purged_content_is_estale)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct store_get *get = NULL;
	struct chunk *c = NULL;
	struct store *s = fixture_open(NULL);

	info = fixture_store(s, "a", 5 * CHUNK, 0);
	ck_assert_int_eq(store_get_open(s, info, &get), 0);
	ck_assert_int_eq(store_get_index(get, true), 0);
	ck_assert_int_eq(store_purge_chunks(s, info->nuid), 0);
	/* Kept since the index was learnt, and once only. */
	ck_assert_int_eq(fixture_get_chunk(get, 0, &c), 0);
	chunk_unref(c);
	ck_assert_int_eq(fixture_get_chunk(get, 0, &c), -ESTALE);
	ck_assert_int_eq(fixture_get_chunk(get, 2, &c), -ESTALE);
	store_get_close(get);
	fixture_wait_messages(s, 1);
	store_close(s);
}
END_TEST

START_TEST(name_under_a_foreign_token_is_found_and_replaced_there)
{
	/* Without padding, as one client wrote for a while. */
	static const char meta[] =
		"{\"name\":\"abcd\",\"bucket\":\"test\",\"nuid\":\"n1\",\"size\":0,"
		"\"chunks\":0,\"mtime\":\"0001-01-01T00:00:00Z\"}";
	_cleanup_obj_info_ struct obj_info *info = NULL, *again = NULL;
	struct store *s = fixture_open(NULL);
	uint64_t first;

	free(fixture_request("$O.test.M.YWJjZA", meta, strlen(meta)));
	info = get_info(s, "abcd");
	ck_assert_str_eq(info->foreign_token, "YWJjZA");
	first = info->seq;
	ck_assert_int_eq(store_put_info(s, info, first), 0);
	ck_assert_uint_gt(info->seq, first);
	again = get_info(s, "abcd");
	ck_assert_uint_eq(again->seq, info->seq);
	ck_assert_int_eq(store_remove_info(s, again), 0);
	fixture_wait_messages(s, 1);
	store_close(s);
}
END_TEST

START_TEST(aborted_upload_leaves_nothing)
{
	struct store_put *put = NULL;
	struct store *s = fixture_open(NULL);

	ck_assert_int_eq(store_put_open(s, &put), 0);
	ck_assert_int_eq(fixture_upload(put, CHUNK, 0, 30 * CHUNK), 0);
	store_put_close(put, false);
	nats_Sleep(300);
	fixture_wait_messages(s, 0);
	store_close(s);
}
END_TEST

START_TEST(abort_right_before_close_leaves_nothing)
{
	struct store_put *put = NULL;
	struct store *s = fixture_open(NULL);

	ck_assert_int_eq(store_put_open(s, &put), 0);
	ck_assert_int_eq(fixture_upload(put, CHUNK, 0, 30 * CHUNK), 0);
	store_put_close(put, false);
	store_close(s);
	s = fixture_open(NULL);
	fixture_wait_messages(s, 0);
	store_close(s);
}
END_TEST

START_TEST(window_is_kept)
{
	const struct bucket_options opts = {.window = 4 * CHUNK};
	struct store_put *put = NULL;
	struct put_result r;
	struct store *s = fixture_open(&opts);
	int n = 0;

	server_pause(fx.server);
	ck_assert_int_eq(store_put_open(s, &put), 0);
	while (store_put_has_room(put) && n < 100) {
		struct chunk *c = chunk_new(CHUNK);

		memset(c->data, 1, CHUNK);
		c->len = CHUNK;
		ck_assert_int_eq(store_put_add(put, c), 0);
		n++;
	}
	ck_assert_int_eq(n, 4);
	server_resume(fx.server);
	ck_assert_int_eq(store_put_wait_room(put), 0);
	ck_assert_int_eq(store_put_finish(put, &r), 0);
	store_put_close(put, false);
	store_close(s);
}
END_TEST

START_TEST(put_goes_on_after_finish)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("a", 1);
	struct store_put *put = NULL;
	struct put_result first, second;
	struct store *s = fixture_open(NULL);

	ck_assert_int_eq(store_put_open(s, &put), 0);
	ck_assert_int_eq(fixture_upload(put, CHUNK, 0, 3 * CHUNK), 0);
	ck_assert_int_eq(store_put_finish(put, &first), 0);
	ck_assert_int_eq(fixture_upload(put, CHUNK, 3 * CHUNK, 10), 0);
	ck_assert_int_eq(store_put_finish(put, &second), 0);
	ck_assert_uint_eq(second.size, 3 * CHUNK + 10);
	ck_assert_uint_eq(second.chunks, 4);
	ck_assert(memcmp(first.digest, second.digest, OBJ_DIGEST_LEN) != 0);
	/* Content that no metadata names can be read. */
	memcpy(info->nuid, second.nuid, sizeof(second.nuid));
	info->size = second.size;
	info->chunks = second.chunks;
	info->max_chunk_size = second.max_chunk_size;
	ck_assert_int_eq(fixture_check(s, info), 0);
	store_put_close(put, true);
	store_close(s);
}
END_TEST

/* Fills the bucket through its store until it says so. */
static struct store_put *fill(struct store *s, uint64_t limit)
{
	struct store_put *put = NULL;
	struct put_result r;
	int err;

	ck_assert_int_eq(store_put_open(s, &put), 0);
	err = fixture_upload(put, s->chunk_size, 0, limit);
	if (!err)
		err = store_put_finish(put, &r);
	ck_assert_int_eq(err, -ENOSPC);
	ck_assert_int_eq(store_put_finish(put, &r), -ENOSPC);
	return put;
}

START_TEST(full_bucket_is_enospc_and_keeps_what_it_has)
{
	const struct bucket_options opts = {.want_create = true, .max_bytes = 4 * MIB};
	_cleanup_obj_info_ struct obj_info *info = NULL, *now = NULL;
	struct store_put *put;
	struct store_status st;
	struct store *s = fixture_open(&opts);

	info = fixture_store(s, "kept", 1 * MIB, 0);
	put = fill(s, 10 * MIB);
	ck_assert_int_eq(fixture_check(s, info), 0);
	ck_assert_int_eq(store_remove_info(s, info), 0);
	now = get_info(s, "kept");
	ck_assert(now->is_deleted);
	ck_assert_int_eq(store_purge_chunks(s, info->nuid), 0);
	store_put_close(put, false);
	fixture_wait_messages(s, 1);
	ck_assert_int_eq(store_status(s, &st), 0);
	obj_info_free(fixture_store(s, "fits again", 2 * MIB, 0));
	store_close(s);
}
END_TEST

START_TEST(delete_works_where_nothing_fits)
{
	const struct bucket_options opts = {.want_create = true, .max_bytes = 1 * MIB};
	_cleanup_obj_info_ struct obj_info *info = NULL, *now = NULL;
	static char block[4000];
	struct store *s = fixture_open(&opts);
	char *text;
	bool is_full;

	/* Servers before 2.10.5 drop their oldest messages when full: these here. */
	for (int i = 0; i < 100; i++)
		free(fixture_request("$O.test.C.filler", block, sizeof(block)));
	info = fixture_store(s, "x", 0, 0);
	do {
		text = fixture_request("$O.test.C.filler", block, sizeof(block));
		is_full = strstr(text, "\"error\"") != NULL;
		free(text);
	} while (!is_full);
	do {
		text = fixture_request("$O.test.C.filler", block, 1);
		is_full = strstr(text, "\"error\"") != NULL;
		free(text);
	} while (!is_full);
	ck_assert_int_eq(store_remove_info(s, info), 0);
	if (store_get_info(s, "x", 1, &now) == 0)
		ck_assert(now->is_deleted);
	store_close(s);
}
END_TEST

struct killer {
	pthread_t thread;
	unsigned int after_ms, down_ms;
	bool is_pause;
};

static void *killer_main(void *arg)
{
	struct killer *k = arg;

	nats_Sleep(k->after_ms);
	if (k->is_pause) {
		server_pause(fx.server);
		nats_Sleep(k->down_ms);
		server_resume(fx.server);
	} else {
		server_kill(fx.server);
		nats_Sleep(k->down_ms);
	}
	return NULL;
}

/* The server dies (or freezes) while 64 MiB go up, and comes back. server_restart belongs to the
 * thread that started the server. */
static void upload_through(bool is_pause, unsigned int timeout_ms, unsigned int down_ms)
{
	struct killer k = {.after_ms = 60, .down_ms = down_ms, .is_pause = is_pause};
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("a", 1);
	struct store_put *put = NULL;
	struct put_result r;
	struct store *s;

	fx.cfg.is_hard = true;
	fx.cfg.timeout_ms = timeout_ms;
	s = fixture_open(NULL);
	ck_assert_int_eq(store_put_open(s, &put), 0);
	pthread_create(&k.thread, NULL, killer_main, &k);
	if (is_pause) {
		ck_assert_int_eq(fixture_upload(put, CHUNK, 0, 64 * MIB), 0);
		pthread_join(k.thread, NULL);
	} else {
		/* Some chunks are acknowledged, some on the way, some wait. */
		for (int i = 0; i < 200; i++) {
			struct chunk *c = chunk_new(CHUNK);

			for (uint64_t j = 0; j < CHUNK; j++)
				c->data[j] = fixture_byte((uint64_t)i * CHUNK + j);
			c->len = CHUNK;
			ck_assert_int_eq(store_put_add(put, c), 0);
		}
		pthread_join(k.thread, NULL);
		server_restart(fx.server);
		ck_assert_int_eq(fixture_upload(put, CHUNK, 200 * CHUNK, 64 * MIB - 200 * CHUNK),
				 0);
	}
	ck_assert_int_eq(store_put_finish(put, &r), 0);
	ck_assert_uint_eq(r.size, 64 * MIB);
	memcpy(info->nuid, r.nuid, sizeof(r.nuid));
	info->size = r.size;
	info->chunks = r.chunks;
	info->max_chunk_size = r.max_chunk_size;
	ck_assert_int_eq(store_put_info(s, info, 0), 0);
	store_put_close(put, true);
	ck_assert_int_eq(fixture_check(s, info), 0);
	/* Nothing of the first attempt stays. */
	fixture_wait_messages(s, r.chunks + 1);
	store_close(s);
}

START_TEST(upload_survives_a_killed_server)
{
	upload_through(false, 3000, 500);
}
END_TEST

START_TEST(upload_survives_a_frozen_server)
{
	upload_through(true, 700, 2500);
}
END_TEST

static atomic_int n_ended, n_bad;

static void count_end(void *arg, uint32_t idx, struct chunk *chunk, int err)
{
	const int *expected = arg;

	(void)idx;
	if (err != *expected)
		atomic_fetch_add(&n_bad, 1);
	chunk_unref(chunk);
	atomic_fetch_add(&n_ended, 1);
}

/* Killed with requests on the wire: each ends once, well, after the server is back. */
START_TEST(read_survives_a_killed_server)
{
	enum { N = 160 };
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct store_get *get = NULL;
	int expected = 0;
	struct store *s;

	atomic_store(&n_ended, 0);
	atomic_store(&n_bad, 0);
	fx.cfg.is_hard = true;
	s = fixture_open(NULL);
	info = fixture_store(s, "a", N * CHUNK, 0);
	ck_assert_int_eq(store_get_open(s, info, &get), 0);
	ck_assert_int_eq(store_get_index(get, true), 0);
	/* Frozen first, so that nothing is answered before it dies. */
	server_pause(fx.server);
	for (uint32_t i = 0; i < N; i++)
		ck_assert_int_eq(store_get_chunk(get, i, count_end, &expected), 0);
	nats_Sleep(100);
	ck_assert_int_le(atomic_load(&n_ended), 2);
	server_kill(fx.server);
	server_restart(fx.server);
	for (int i = 0; i < 1000 && atomic_load(&n_ended) < N; i++)
		nats_Sleep(10);
	ck_assert_int_eq(atomic_load(&n_ended), N);
	ck_assert_int_eq(atomic_load(&n_bad), 0);
	ck_assert_int_eq(fixture_check(s, info), 0);
	store_get_close(get);
	store_close(s);
}
END_TEST

START_TEST(closed_get_ends_its_requests)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct store_get *get = NULL;
	int expected = -ECANCELED;
	struct store *s;

	atomic_store(&n_ended, 0);
	atomic_store(&n_bad, 0);
	fx.cfg.is_hard = true;
	s = fixture_open(NULL);
	info = fixture_store(s, "a", 40 * CHUNK, 0);
	ck_assert_int_eq(store_get_open(s, info, &get), 0);
	ck_assert_int_eq(store_get_index(get, true), 0);
	server_kill(fx.server);
	for (uint32_t i = 1; i < 39; i++)
		ck_assert_int_eq(store_get_chunk(get, i, count_end, &expected), 0);
	store_get_close(get);
	for (int i = 0; i < 500 && atomic_load(&n_ended) < 38; i++)
		nats_Sleep(10);
	ck_assert_int_eq(atomic_load(&n_ended), 38);
	ck_assert_int_eq(atomic_load(&n_bad), 0);
	store_close(s);
}
END_TEST

/* Requests made while the server is away end with expected once it is back or given up. */
static void request_without_server(bool is_hard, int expected)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	uint64_t deadline_ns;
	struct store_get *get = NULL;
	struct store *s;

	atomic_store(&n_ended, 0);
	atomic_store(&n_bad, 0);
	fx.cfg.is_hard = is_hard;
	fx.cfg.timeout_ms = 1500;
	s = fixture_open(NULL);
	info = fixture_store(s, "a", 10 * CHUNK, 0);
	ck_assert_int_eq(store_get_open(s, info, &get), 0);
	ck_assert_int_eq(store_get_index(get, true), 0);
	server_kill(fx.server);
	for (uint32_t i = 1; i < 9; i++)
		ck_assert_int_eq(store_get_chunk(get, i, count_end, &expected), 0);
	if (is_hard) {
		nats_Sleep(2000);
		ck_assert_int_eq(atomic_load(&n_ended), 0);
		server_restart(fx.server);
	}
	deadline_ns = clock_deadline_ms(10000);
	while (atomic_load(&n_ended) < 8 && clock_now_ns() < deadline_ns)
		nats_Sleep(10);
	ck_assert_int_eq(atomic_load(&n_ended), 8);
	ck_assert_int_eq(atomic_load(&n_bad), 0);
	store_get_close(get);
	store_close(s);
}

START_TEST(hard_read_waits_for_the_server)
{
	request_without_server(true, 0);
}
END_TEST

START_TEST(soft_read_gives_up)
{
	request_without_server(false, -ENOTCONN);
}
END_TEST

START_TEST(soft_calls_give_up)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("x", 1);
	struct obj_info *got = NULL;
	uint64_t start;
	struct store *s;

	fx.cfg.timeout_ms = 1000;
	s = fixture_open(NULL);
	server_kill(fx.server);
	start = clock_now_ns();
	ck_assert_int_eq(store_get_info(s, "x", 1, &got), -ENOTCONN);
	ck_assert_int_eq(store_put_info(s, info, 0), -ENOTCONN);
	ck_assert_uint_lt(clock_now_ns() - start, 20 * (uint64_t)NS_PER_SEC);
	store_close(s);
}
END_TEST

START_TEST(lost_answer_of_a_metadata_publish_is_resolved)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("x", 1), *now = NULL;
	struct killer k = {.after_ms = 0, .down_ms = 2500, .is_pause = true};
	struct store *s;

	fx.cfg.is_hard = true;
	fx.cfg.timeout_ms = 600;
	s = fixture_open(NULL);
	obj_nuid_new(info->nuid);
	pthread_create(&k.thread, NULL, killer_main, &k);
	nats_Sleep(200);
	ck_assert_int_eq(store_put_info(s, info, 0), 0);
	pthread_join(k.thread, NULL);
	now = get_info(s, "x");
	ck_assert_uint_eq(now->seq, info->seq);
	ck_assert_str_eq(now->nuid, info->nuid);
	fixture_wait_messages(s, 1);
	store_close(s);
}
END_TEST

START_TEST(shutdown_ends_waiting_calls)
{
	struct obj_info *got = NULL;
	struct store *s;

	fx.cfg.is_hard = true;
	s = fixture_open(NULL);
	server_kill(fx.server);
	store_shutdown(s);
	ck_assert_int_eq(store_get_info(s, "x", 1, &got), -ESHUTDOWN);
	store_close(s);
}
END_TEST

static TCase *make_case(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 90);
	return tc;
}

static TCase *case_of_opening(void)
{
	TCase *tc = make_case("open");

	tcase_add_test(tc, open_says_what_is_wrong);
	tcase_add_test(tc, open_without_server_fails_soon);
	tcase_add_test(tc, open_without_jetstream_is_enodev);
	tcase_add_test(tc, created_bucket_has_the_wanted_settings);
	tcase_add_test(tc, buckets_are_listed_and_deleted);
	tcase_add_loop_test(tc, unsuitable_bucket_is_refused_for_writing, 0,
			    (int)ARRAY_LEN(forbidding));
	tcase_add_test(tc, sealed_bucket_can_be_read);
	return tc;
}

static TCase *case_of_content(void)
{
	TCase *tc = make_case("content");

	tcase_add_loop_test(tc, content_comes_back, 0, (int)ARRAY_LEN(sizes));
	tcase_add_test(tc, content_comes_back_without_direct_get);
	tcase_add_test(tc, sequence_decides_who_wins);
	tcase_add_test(tc, many_infos_come_in_one_call);
	tcase_add_loop_test(tc, layouts_of_other_clients_are_read, 0, (int)ARRAY_LEN(layouts));
	tcase_add_test(tc, long_listing_is_complete);
	tcase_add_test(tc, many_listings_at_once);
	tcase_add_test(tc, chunk_lost_inside_is_noticed);
	tcase_add_test(tc, purged_content_is_estale);
	tcase_add_test(tc, name_under_a_foreign_token_is_found_and_replaced_there);
	tcase_add_test(tc, aborted_upload_leaves_nothing);
	tcase_add_test(tc, abort_right_before_close_leaves_nothing);
	tcase_add_test(tc, window_is_kept);
	tcase_add_test(tc, put_goes_on_after_finish);
	return tc;
}

static TCase *case_of_trouble(void)
{
	TCase *tc = make_case("trouble");

	tcase_add_test(tc, full_bucket_is_enospc_and_keeps_what_it_has);
	tcase_add_test(tc, delete_works_where_nothing_fits);
	tcase_add_test(tc, upload_survives_a_killed_server);
	tcase_add_test(tc, upload_survives_a_frozen_server);
	tcase_add_test(tc, read_survives_a_killed_server);
	tcase_add_test(tc, closed_get_ends_its_requests);
	tcase_add_test(tc, hard_read_waits_for_the_server);
	tcase_add_test(tc, soft_read_gives_up);
	tcase_add_test(tc, soft_calls_give_up);
	tcase_add_test(tc, lost_answer_of_a_metadata_publish_is_resolved);
	tcase_add_test(tc, shutdown_ends_waiting_calls);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("bucket");
	SRunner *sr;
	int failed;

	suite_add_tcase(s, case_of_opening());
	suite_add_tcase(s, case_of_content());
	suite_add_tcase(s, case_of_trouble());
	sr = srunner_create(s);
	srunner_run_all(sr, CK_NORMAL);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
