/* SPDX-License-Identifier: Apache-2.0 */
/* Content on a real server, where the in-memory double cannot follow: layouts of other clients,
 * listings of any length, aborted uploads. */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bucket_fixture.h"
#include "objstore/subject.h"
#include "suite.h"

#define API "$JS.API."
#define STREAM "OBJ_" FIXTURE_BUCKET
#define CHUNK OBJ_DEFAULT_CHUNK_SIZE
#define MIB (UINT64_C(1) << 20)

static const uint64_t sizes[] = {0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 40 * CHUNK + 17};

START_TEST(content_comes_back)
{
	_cleanup_obj_info_ struct obj_info *info = NULL, *again = NULL;
	struct store *s = fixture_open(NULL);

	info = fixture_store(s, "dir/ä.bin", sizes[_i], 0);
	again = fixture_info(s, "dir/ä.bin");
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
	now = fixture_info(s, "x");
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
	info = fixture_info(s, "abcd");
	ck_assert_str_eq(info->foreign_token, "YWJjZA");
	first = info->seq;
	ck_assert_int_eq(store_put_info(s, info, first), 0);
	ck_assert_uint_gt(info->seq, first);
	again = fixture_info(s, "abcd");
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
	put_result_describe(&second, info);
	ck_assert_int_eq(fixture_check(s, info), 0);
	store_put_close(put, true);
	store_close(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("bucket_content");
	TCase *tc = tcase_create("bucket_content");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 90);

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
	suite_add_tcase(s, tc);
	return run_suite(s);
}
