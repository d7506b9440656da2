/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fake_store.h"
#include "prog/cmd_download.h"
#include "suite.h"
#include "util/buf.h"

#define CHUNK 16

static struct fake *bucket;
static struct store *store;
static struct buf got;

static void set_up(void)
{
	bucket = fake_new(CHUNK);
	store = fake_open(bucket);
	buf_init(&got, 1 << 20);
}

static void tear_down(void)
{
	store_close(store);
	fake_free(bucket);
	buf_done(&got);
}

static int take(void *arg, const void *data, size_t len)
{
	(void)arg;
	buf_append(&got, data, len);
	return buf_error(&got);
}

static int refuse(void *arg, const void *data, size_t len)
{
	(void)data;
	(void)len;
	return ++*(int *)arg == 3 ? -ENOSPC : 0;
}

static char *fill(size_t len, uint32_t chunk_len)
{
	char *data = malloc(len + 1);

	ck_assert_ptr_nonnull(data);
	for (size_t i = 0; i < len; i++)
		data[i] = (char)(i * 7 + i / 251);
	fake_foreign_put(bucket, "x", data, len, chunk_len);
	return data;
}

static struct obj_info *find(void)
{
	struct obj_info *info = NULL;

	ck_assert_int_eq(store_get_info(store, "x", 1, &info), 0);
	return info;
}

static const struct {
	size_t len;
	uint32_t chunk_len;
} shapes[] = {
	{0, CHUNK}, {1, CHUNK}, {CHUNK, CHUNK}, {CHUNK + 1, CHUNK}, {5000, CHUNK}, {4097, 1},
};

START_TEST(content_arrives_in_order)
{
	size_t len = shapes[_i].len;
	_cleanup_free_ char *data = fill(len, shapes[_i].chunk_len);
	_cleanup_obj_info_ struct obj_info *info = find();

	ck_assert_int_eq(download(store, info, take, NULL), 0);
	ck_assert_uint_eq(got.len, len);
	ck_assert(len == 0 || memcmp(got.data, data, len) == 0);
}
END_TEST

START_TEST(damaged_content_is_noticed)
{
	_cleanup_free_ char *data = fill(1000, CHUNK);
	_cleanup_obj_info_ struct obj_info *info = find();

	fake_corrupt_chunk(bucket, "x", 40);
	ck_assert_int_eq(download(store, info, take, NULL), -EBADMSG);
}
END_TEST

START_TEST(wrong_length_is_noticed)
{
	_cleanup_free_ char *data = fill(1000, CHUNK);
	_cleanup_obj_info_ struct obj_info *info = find();

	/* Without a digest the length is all there is. */
	info->has_digest = false;
	ck_assert_int_eq(download(store, info, take, NULL), 0);
	info->size++;
	ck_assert_int_lt(download(store, info, take, NULL), 0);
}
END_TEST

START_TEST(lost_chunks_are_stale)
{
	_cleanup_free_ char *data = fill(1000, CHUNK);
	_cleanup_obj_info_ struct obj_info *info = find();

	fake_drop_chunks(bucket, info->nuid);
	ck_assert_int_eq(download(store, info, take, NULL), -ESTALE);
}
END_TEST

START_TEST(an_error_of_one_chunk_ends_the_download)
{
	_cleanup_free_ char *data = fill(5000, CHUNK);
	_cleanup_obj_info_ struct obj_info *info = find();

	fake_fail_next(bucket, FAKE_GET_CHUNK, -ETIMEDOUT, 1);
	ck_assert_int_eq(download(store, info, take, NULL), -ETIMEDOUT);
	ck_assert_uint_lt(got.len, 5000);
}
END_TEST

START_TEST(an_error_of_the_index_ends_the_download)
{
	_cleanup_free_ char *data = fill(100, CHUNK);
	_cleanup_obj_info_ struct obj_info *info = find();

	fake_fail_next(bucket, FAKE_GET_INDEX, -EACCES, 1);
	ck_assert_int_eq(download(store, info, take, NULL), -EACCES);
	ck_assert_uint_eq(got.len, 0);
}
END_TEST

START_TEST(an_error_of_the_receiver_ends_the_download)
{
	_cleanup_free_ char *data = fill(5000, CHUNK);
	_cleanup_obj_info_ struct obj_info *info = find();
	int calls = 0;

	ck_assert_int_eq(download(store, info, refuse, &calls), -ENOSPC);
	ck_assert_int_eq(calls, 3);
}
END_TEST

START_TEST(requests_are_bounded)
{
	_cleanup_free_ char *data = fill(5000, CHUNK);
	_cleanup_obj_info_ struct obj_info *info = find();
	int calls = 0;

	ck_assert_int_eq(download(store, info, refuse, &calls), -ENOSPC);
	/* 128 slots, and one more for each of the chunks taken, of 313. */
	ck_assert_uint_le(fake_calls(bucket, FAKE_GET_CHUNK), 131);
}
END_TEST

START_TEST(malformed_metadata_is_not_read)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;

	fake_foreign_meta(bucket, "x", "{nonsense");
	info = find();
	ck_assert_int_eq(download(store, info, take, NULL), -EIO);
}
END_TEST

/* Every part of a content, whatever its chunks. */
START_TEST(parts_are_cut_out_of_the_content)
{
	size_t len = shapes[_i].len;
	char *data = fill(len, shapes[_i].chunk_len);
	_cleanup_obj_info_ struct obj_info *info = find();
	size_t step = len > 100 ? len / 13 : 1;

	for (size_t off = 0; off < len; off += step) {
		for (size_t n = 0; n <= len - off; n += step) {
			buf_reset(&got);
			ck_assert_int_eq(download_range(store, info, off, n, take, NULL), 0);
			ck_assert_uint_eq(got.len, n);
			ck_assert(n == 0 || memcmp(got.data, data + off, n) == 0);
		}
	}
	if (len > 0)
		ck_assert_int_eq(download_range(store, info, len, 1, take, NULL), -EINVAL);
	free(data);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("download");
	TCase *t = tcase_create("download");

	tcase_set_timeout(t, 60);
	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_loop_test(t, content_arrives_in_order, 0, (int)ARRAY_LEN(shapes));
	tcase_add_loop_test(t, parts_are_cut_out_of_the_content, 0, (int)ARRAY_LEN(shapes));
	tcase_add_test(t, damaged_content_is_noticed);
	tcase_add_test(t, wrong_length_is_noticed);
	tcase_add_test(t, lost_chunks_are_stale);
	tcase_add_test(t, an_error_of_one_chunk_ends_the_download);
	tcase_add_test(t, an_error_of_the_index_ends_the_download);
	tcase_add_test(t, an_error_of_the_receiver_ends_the_download);
	tcase_add_test(t, requests_are_bounded);
	tcase_add_test(t, malformed_metadata_is_not_read);
	suite_add_tcase(s, t);
	return run_suite(s);
}
