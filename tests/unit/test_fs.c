/* SPDX-License-Identifier: Apache-2.0 */

/* What is written through a mount: content of files. */

#include "fs_fixture.h"
#include "suite.h"

#include <stdlib.h>

START_TEST(test_what_was_written_is_read_back_and_stored)
{
	struct fs_handle *h;
	char got[6];

	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "hello", 5), 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 6), 5);
	ck_assert_mem_eq(got, "hello", 5);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "hello", 5);
	assert_file(m.fs, "f", "hello", 5);
}
END_TEST

START_TEST(test_an_empty_file_is_an_object)
{
	put_file(m.fs, "empty", "", 0);
	assert_object("empty", "", 0);
	assert_file(m.fs, "empty", "", 0);
}
END_TEST

START_TEST(test_a_file_made_to_be_read_is_an_object)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "empty", O_RDONLY, &h), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("empty", "", 0);
	assert_file(m.fs, "empty", "", 0);
}
END_TEST

START_TEST(test_a_stream_of_many_chunks_arrives_in_order)
{
	const size_t len = 10 * CHUNK + 17;
	_cleanup_free_ char *data = pattern(len);
	struct fs_handle *h;

	fake_set_window(bucket, 2 * CHUNK);
	ck_assert_int_eq(create(m.fs, "f", O_WRONLY, &h), 0);
	for (size_t at = 0; at < len; at += 100)
		ck_assert_int_eq(write_at(m.fs, h, at, data + at, len - at < 100 ? len - at : 100),
				 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, len);
	assert_file(m.fs, "f", data, len);
}
END_TEST

START_TEST(test_content_of_whole_chunks_has_no_empty_last_chunk)
{
	_cleanup_free_ char *data = pattern(2 * CHUNK);
	_cleanup_obj_info_ struct obj_info *info = NULL;

	put_file(m.fs, "f", data, 2 * CHUNK);
	info = fake_info(bucket, "f");
	ck_assert_uint_eq(info->chunks, 2);
	ck_assert(info->has_digest);
	assert_object("f", data, 2 * CHUNK);
}
END_TEST

START_TEST(test_reads_at_any_offset_give_the_right_bytes)
{
	const size_t len = 30 * CHUNK;
	_cleanup_free_ char *data = pattern(len);
	char got[20 * CHUNK];
	struct fs_handle *h;

	fake_foreign_put(bucket, "f", data, len, 700);
	fake_sync(bucket);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	ck_assert_int_eq(read_at(m.fs, h, 699, got, 2), 2);
	ck_assert_mem_eq(got, data + 699, 2);
	/* More chunks than an answer has vectors. */
	ck_assert_int_eq(read_at(m.fs, h, 1, got, sizeof(got)), sizeof(got));
	ck_assert_mem_eq(got, data + 1, sizeof(got));
	ck_assert_int_eq(read_at(m.fs, h, len - 3, got, 100), 3);
	ck_assert_int_eq(read_at(m.fs, h, len, got, 100), 0);
	ck_assert_int_eq(read_at(m.fs, h, len + 5, got, 100), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_a_rewrite_below_what_was_sent_is_kept)
{
	const size_t len = 4 * CHUNK;
	_cleanup_free_ char *data = pattern(len);
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, data, len), 0);
	ck_assert_int_eq(write_at(m.fs, h, 10, "XYZ", 3), 0);
	memcpy(data + 10, "XYZ", 3);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, len);
}
END_TEST

START_TEST(test_unsaved_bytes_that_were_sent_can_be_read)
{
	const size_t len = 4 * CHUNK + 5;
	_cleanup_free_ char *data = pattern(len);
	char got[5 * CHUNK];
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, data, len), 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, sizeof(got)), (ssize_t)len);
	ck_assert_mem_eq(got, data, len);
	ck_assert_int_eq(write_at(m.fs, h, len, "tail", 4), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	ck_assert_int_eq(read_at(m.fs, h, len, got, 10), 4);
	ck_assert_mem_eq(got, "tail", 4);
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_a_change_in_a_stored_file_keeps_the_rest)
{
	const size_t len = 3 * CHUNK;
	_cleanup_free_ char *data = pattern(len);
	struct fs_handle *h;

	put_file(m.fs, "f", data, len);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, CHUNK + 1, "abc", 3), 0);
	memcpy(data + CHUNK + 1, "abc", 3);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, len);
}
END_TEST

START_TEST(test_a_gap_reads_as_zeros)
{
	static const char zeros[3 * CHUNK];
	_cleanup_free_ char *got = malloc(4 * CHUNK);
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "a", 1), 0);
	ck_assert_int_eq(write_at(m.fs, h, 3 * CHUNK, "b", 1), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 4 * CHUNK), 3 * CHUNK + 1);
	ck_assert_int_eq(got[0], 'a');
	ck_assert_mem_eq(got + 1, zeros, 3 * CHUNK - 1);
	ck_assert_int_eq(got[3 * CHUNK], 'b');
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

static void set_size(const char *path, struct fs_handle *h, off_t size)
{
	const struct stat attr = {.st_size = size};
	struct fs_entry e;
	struct stat st;
	double timeout;

	ck_assert_int_eq(lookup(m.fs, path, &e), 0);
	ck_assert_int_eq(
		fs_setattr(m.fs, &root_ctx, e.nodeid, h, &attr, FS_SET_SIZE, &st, &timeout), 0);
	ck_assert_int_eq(st.st_size, size);
	fs_forget(m.fs, e.nodeid, 1);
}

START_TEST(test_a_truncated_file_is_stored_shorter)
{
	_cleanup_free_ char *data = pattern(3 * CHUNK);

	put_file(m.fs, "f", data, 3 * CHUNK);
	set_size("f", NULL, CHUNK + 3);
	assert_object("f", data, CHUNK + 3);
	set_size("f", NULL, 0);
	assert_object("f", "", 0);
}
END_TEST

START_TEST(test_a_file_truncated_to_more_is_filled_with_zeros)
{
	char want[2 * CHUNK] = "abc";

	put_file(m.fs, "f", "abc", 3);
	set_size("f", NULL, sizeof(want));
	assert_object("f", want, sizeof(want));
}
END_TEST

START_TEST(test_truncation_while_streaming)
{
	_cleanup_free_ char *data = pattern(3 * CHUNK);
	char *zeros;
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, data, 2 * CHUNK + 50), 0);
	set_size("f", h, 2 * CHUNK);
	set_size("f", h, 2 * CHUNK + 9);
	set_size("f", h, 100);
	set_size("f", h, 200);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	zeros = memset(data + 100, 0, 100);
	ck_assert_ptr_nonnull(zeros);
	assert_object("f", data, 200);
}
END_TEST

START_TEST(test_truncation_to_the_boundary_and_append_while_streaming)
{
	_cleanup_free_ char *data = pattern(4 * CHUNK);
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, data, 3 * CHUNK), 0);
	set_size("f", h, 2 * CHUNK);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, 2 * CHUNK);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY | O_TRUNC, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, data, 3 * CHUNK), 0);
	set_size("f", h, 2 * CHUNK);
	ck_assert_int_eq(write_at(m.fs, h, 2 * CHUNK, data + 2 * CHUNK, 2 * CHUNK), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, 4 * CHUNK);
}
END_TEST

START_TEST(test_fsync_in_the_middle_keeps_what_follows)
{
	_cleanup_free_ char *data = pattern(3 * CHUNK);
	struct fs_handle *h;

	ck_assert_int_eq(create(m.fs, "f", O_WRONLY, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, data, CHUNK + 10), 0);
	ck_assert_int_eq(fs_fsync(m.fs, &root_ctx, h), 0);
	assert_object("f", data, CHUNK + 10);
	ck_assert_int_eq(write_at(m.fs, h, CHUNK + 10, data + CHUNK + 10, 2 * CHUNK - 10), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", data, 3 * CHUNK);
}
END_TEST

START_TEST(test_append_goes_behind_the_stored_content)
{
	struct fs_handle *h;

	put_file(m.fs, "f", "one", 3);
	ck_assert_int_eq(open_path(m.fs, "f", O_WRONLY | O_APPEND, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 3, "two", 3), 0);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	assert_object("f", "onetwo", 6);
}
END_TEST

START_TEST(test_o_excl_refuses_an_existing_object)
{
	struct fs_handle *h;

	put_file(m.fs, "f", "x", 1);
	ck_assert_int_eq(create(m.fs, "f", O_WRONLY | O_EXCL, &h), -EEXIST);
	assert_object("f", "x", 1);
}
END_TEST

START_TEST(test_o_excl_refuses_an_object_that_came_just_now)
{
	struct mount other = mount_bucket();
	struct fs_handle *h;

	put_file(other.fs, "f", "x", 1);
	ck_assert_int_eq(create(m.fs, "f", O_WRONLY | O_EXCL, &h), -EEXIST);
	unmount_bucket(&other);
	assert_object("f", "x", 1);
}
END_TEST

START_TEST(test_o_trunc_replaces_the_content_and_removes_the_old_chunks)
{
	_cleanup_obj_info_ struct obj_info *old = NULL;

	put_file(m.fs, "f", "old content", 11);
	old = fake_info(bucket, "f");
	put_file(m.fs, "f", "new", 3);
	assert_object("f", "new", 3);
	fs_drain(m.fs, 10000);
	ck_assert_int_eq(fs_unstored(m.fs), 0);
	for (int i = 0; i < 500 && fake_has_chunks(bucket, old->nuid); i++)
		usleep(10000);
	ck_assert(!fake_has_chunks(bucket, old->nuid));
}
END_TEST

START_TEST(test_an_unlinked_open_file_can_be_read)
{
	_cleanup_free_ char *data = pattern(3 * CHUNK);
	char got[3 * CHUNK];
	struct fs_handle *h;

	put_file(m.fs, "f", data, 3 * CHUNK);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDONLY, &h), 0);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert(!exists(m.fs, "f"));
	ck_assert_int_eq(read_at(m.fs, h, 0, got, sizeof(got)), sizeof(got));
	ck_assert_mem_eq(got, data, sizeof(got));
	ck_assert_int_eq(close_file(m.fs, h), 0);
}
END_TEST

START_TEST(test_a_file_unlinked_while_written_is_not_stored_again)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct fs_handle *h;
	char got[4];

	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &h), 0);
	ck_assert_int_eq(write_at(m.fs, h, 0, "abc", 3), 0);
	ck_assert_int_eq(unlink_path(m.fs, "f"), 0);
	ck_assert_int_eq(write_at(m.fs, h, 3, "d", 1), 0);
	ck_assert_int_eq(read_at(m.fs, h, 0, got, 4), 4);
	ck_assert_mem_eq(got, "abcd", 4);
	ck_assert_int_eq(close_file(m.fs, h), 0);
	info = fake_info(bucket, "f");
	ck_assert(!info || info->is_deleted);
	ck_assert(!exists(m.fs, "f"));
}
END_TEST

START_TEST(test_two_writers_share_what_is_unsaved)
{
	struct fs_handle *a, *b;
	char got[4];

	ck_assert_int_eq(create(m.fs, "f", O_RDWR, &a), 0);
	ck_assert_int_eq(open_path(m.fs, "f", O_RDWR, &b), 0);
	ck_assert_int_eq(write_at(m.fs, a, 0, "ab", 2), 0);
	ck_assert_int_eq(write_at(m.fs, b, 2, "cd", 2), 0);
	ck_assert_int_eq(read_at(m.fs, a, 0, got, 4), 4);
	ck_assert_mem_eq(got, "abcd", 4);
	ck_assert_int_eq(close_file(m.fs, a), 0);
	ck_assert_int_eq(close_file(m.fs, b), 0);
	assert_object("f", "abcd", 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fs");
	TCase *tc = tcase_create("content");

	tcase_add_checked_fixture(tc, fixture_setup, fixture_teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, test_what_was_written_is_read_back_and_stored);
	tcase_add_test(tc, test_an_empty_file_is_an_object);
	tcase_add_test(tc, test_a_file_made_to_be_read_is_an_object);
	tcase_add_test(tc, test_a_stream_of_many_chunks_arrives_in_order);
	tcase_add_test(tc, test_content_of_whole_chunks_has_no_empty_last_chunk);
	tcase_add_test(tc, test_reads_at_any_offset_give_the_right_bytes);
	tcase_add_test(tc, test_a_rewrite_below_what_was_sent_is_kept);
	tcase_add_test(tc, test_unsaved_bytes_that_were_sent_can_be_read);
	tcase_add_test(tc, test_a_change_in_a_stored_file_keeps_the_rest);
	tcase_add_test(tc, test_a_gap_reads_as_zeros);
	tcase_add_test(tc, test_a_truncated_file_is_stored_shorter);
	tcase_add_test(tc, test_a_file_truncated_to_more_is_filled_with_zeros);
	tcase_add_test(tc, test_truncation_while_streaming);
	tcase_add_test(tc, test_truncation_to_the_boundary_and_append_while_streaming);
	tcase_add_test(tc, test_fsync_in_the_middle_keeps_what_follows);
	tcase_add_test(tc, test_append_goes_behind_the_stored_content);
	tcase_add_test(tc, test_o_excl_refuses_an_existing_object);
	tcase_add_test(tc, test_o_excl_refuses_an_object_that_came_just_now);
	tcase_add_test(tc, test_o_trunc_replaces_the_content_and_removes_the_old_chunks);
	tcase_add_test(tc, test_an_unlinked_open_file_can_be_read);
	tcase_add_test(tc, test_a_file_unlinked_while_written_is_not_stored_again);
	tcase_add_test(tc, test_two_writers_share_what_is_unsaved);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
