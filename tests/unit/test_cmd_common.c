/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "prog/cmd.h"
#include "prog/cmd_output.h"
#include "prog/cmd_print.h"
#include "prog/cmd_progress.h"
#include "prog/cmd_settings.h"
#include "prog/cmd_target.h"
#include "suite.h"
#include "util/buf.h"
#include "util/log.h"

static const struct {
	const char *path, *want; /* want NULL: refused */
} object_names[] = {
	{"file", "file"},
	{"./file", "file"},
	{"/tmp/file", "tmp/file"},
	{"a//b/./c", "a/b/c"},
	{"a/.b/..c/d.", "a/.b/..c/d."},
	{"dir/", "dir"},
	{"", NULL},
	{".", NULL},
	{"/", NULL},
	{"..", NULL},
	{"../x", NULL},
	{"a/../b", NULL},
	{"a/..", NULL},
};

START_TEST(paths_become_object_names)
{
	_cleanup_free_ char *name = NULL;
	int err = cmd_object_name(object_names[_i].path, &name);

	if (object_names[_i].want) {
		ck_assert_int_eq(err, 0);
		ck_assert_str_eq(name, object_names[_i].want);
	} else {
		ck_assert_int_eq(err, -EINVAL);
	}
}
END_TEST

static const struct {
	const char *name, *want;
} file_names[] = {
	{"a", "a"},    {"a/b", "b"}, {"/etc/passwd", "passwd"},
	{"a/", NULL},  {"..", NULL}, {"x/..", NULL},
	{"x/.", NULL}, {"", NULL},
};

START_TEST(object_names_become_file_names)
{
	ck_assert_pstr_eq(cmd_file_name(file_names[_i].name), file_names[_i].want);
}
END_TEST

START_TEST(times_are_utc)
{
	char text[CMD_TIME_LEN];

	cmd_format_time(INT64_C(1700000000123456789), text);
	ck_assert_str_eq(text, "2023-11-14T22:13:20Z");
	cmd_format_time_ns(INT64_C(1700000000023456789), text);
	ck_assert_str_eq(text, "2023-11-14T22:13:20.023456789Z");
	cmd_format_time_ns(-5, text);
	ck_assert_str_eq(text, "1970-01-01T00:00:00.000000000Z");
	cmd_format_time_ns(INT64_MAX, text);
	ck_assert_str_eq(text, "2262-04-11T23:47:16.854775807Z");
}
END_TEST

START_TEST(mtime_of_the_mount_goes_before_the_message)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("x", 1);

	info->time_ns = 7;
	ck_assert_int_eq(cmd_mtime_ns(info), 7);
	ck_assert_int_eq(obj_info_set_meta(info, "posix.mtime", "5"), 0);
	ck_assert_int_eq(cmd_mtime_ns(info), 5);
	ck_assert_int_eq(obj_info_set_meta(info, "posix.mtime", "soon"), 0);
	ck_assert_int_eq(cmd_mtime_ns(info), 7);
}
END_TEST

START_TEST(json_of_an_object_has_the_protocols_names)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new("a\0b", 3);
	_cleanup_buf_ struct buf out;
	struct json_writer w;

	buf_init(&out, 4096);
	strcpy(info->nuid, "N");
	info->size = 5;
	info->chunks = 1;
	info->max_chunk_size = 128;
	info->seq = 9;
	ck_assert_int_eq(obj_info_set_meta(info, "k", "v"), 0);
	ck_assert_int_eq(obj_info_set_link(info, "other", "y"), 0);
	json_init(&w, &out);
	cmd_json_info(&w, NULL, info, "b");
	ck_assert_str_eq(out.data,
			 "{\"name\":\"a\\u0000b\",\"metadata\":{\"k\":\"v\"},"
			 "\"options\":{\"link\":{\"bucket\":\"other\",\"name\":\"y\"},"
			 "\"max_chunk_size\":128},\"bucket\":\"b\",\"nuid\":\"N\",\"size\":5,"
			 "\"mtime\":\"1970-01-01T00:00:00.000000000Z\",\"chunks\":1,\"seq\":9}");
}
END_TEST

static const struct {
	uint64_t bytes;
	const char *want;
} sizes[] = {
	{0, "0 B"},
	{1023, "1023 B"},
	{1024, "1.0 KiB"},
	{1536, "1.5 KiB"},
	{1048575, "1.0 MiB"},
	{UINT64_C(5) << 30, "5.0 GiB"},
	{UINT64_MAX, "16.0 EiB"},
};

START_TEST(sizes_are_short)
{
	char text[CMD_SIZE_LEN];

	cmd_format_size(sizes[_i].bytes, text);
	ck_assert_str_eq(text, sizes[_i].want);
}
END_TEST

START_TEST(durations_are_short)
{
	char text[CMD_SIZE_LEN];

	cmd_format_seconds(7, text);
	ck_assert_str_eq(text, "0:07");
	cmd_format_seconds(3599, text);
	ck_assert_str_eq(text, "59:59");
	cmd_format_seconds(3723, text);
	ck_assert_str_eq(text, "1:02:03");
	cmd_format_seconds(49 * 3600, text);
	ck_assert_str_eq(text, "2d 1h");
}
END_TEST

static const struct {
	const char *text;
	uint64_t size, off, len; /* len UINT64_MAX: refused; off UINT64_MAX: behind the end */
} ranges[] = {
	{"0-0", 10, 0, 1},
	{"0-9", 10, 0, 10},
	{"3-5", 10, 3, 3},
	{"3-", 10, 3, 7},
	{"5-100", 10, 5, 5},
	{"-4", 10, 6, 4},
	{"-40", 10, 0, 10},
	{"-4", 0, 0, 0},
	{"10-", 10, UINT64_MAX, 0},
	{"0-", 0, UINT64_MAX, 0},
	{"", 10, 0, UINT64_MAX},
	{"-", 10, 0, UINT64_MAX},
	{"5", 10, 0, UINT64_MAX},
	{"5-4", 10, 0, UINT64_MAX},
	{"-0", 10, 0, UINT64_MAX},
	{"a-b", 10, 0, UINT64_MAX},
	{"1-2-3", 10, 0, UINT64_MAX},
	{"+1-2", 10, 0, UINT64_MAX},
};

START_TEST(ranges_fit_the_size)
{
	struct byte_range r;
	uint64_t off = 0, len = 0;
	bool is_inside;

	if (ranges[_i].len == UINT64_MAX) {
		ck_assert_int_eq(byte_range_parse(ranges[_i].text, &r), -EINVAL);
		return;
	}
	ck_assert_int_eq(byte_range_parse(ranges[_i].text, &r), 0);
	is_inside = byte_range_fit(&r, ranges[_i].size, &off, &len);
	ck_assert_int_eq(is_inside, ranges[_i].off != UINT64_MAX);
	if (!is_inside)
		return;
	ck_assert_uint_eq(off, ranges[_i].off);
	ck_assert_uint_eq(len, ranges[_i].len);
}
END_TEST

static const struct {
	struct progress_view view;
	size_t columns;
} lines[] = {
	{{"x", 512, 1024, 256, 2}, 72},
	{{"x", 0, PROGRESS_UNKNOWN, 0, 65}, 60},
	{{"x", 1024, 1024, 0, 1}, 50},
	{{"a/very/long/name/of/an/object/that/does/not/fit", 1, 4, 1, 1}, 40},
	{{"a/very/long/name/of/an/object/that/does/not/fit", 1, 4, 1, 1}, 200},
	{{"x", 1, 4, 1, 1}, 10},
	{{"x", 1, 4, 1, 1}, 1},
	{{"x", 9, 4, 1e18, 1}, 80},
	{{"x", 0, 0, 0, 0}, 40},
};

START_TEST(progress_fits_the_terminal)
{
	char line[512];

	progress_format(&lines[_i].view, lines[_i].columns, line, sizeof(line));
	ck_assert_uint_le(strlen(line), lines[_i].columns);
	ck_assert_uint_gt(strlen(line), 0);
}
END_TEST

START_TEST(progress_says_how_far_and_how_long)
{
	const struct progress_view v = {
		.label = "x", .done = 512, .total = 1024, .rate = 256, .elapsed_s = 2};
	char line[512];

	progress_format(&v, 80, line, sizeof(line));
	ck_assert_ptr_nonnull(strstr(line, " 50% 512 B / 1.0 KiB  256 B/s  0:02 left"));
	ck_assert_ptr_nonnull(strstr(line, "=>"));
	ck_assert_int_eq(line[0], 'x');
}
END_TEST

START_TEST(pairs_have_a_key)
{
	struct obj_pairs pairs = {0};

	log_init("test", LOG_LEVEL_ERROR);
	ck_assert_int_eq(settings_take_pair(&pairs, "--metadata", "a=b=c", '='), CMD_OK);
	ck_assert_int_eq(settings_take_pair(&pairs, "--header", "k: v", ':'), CMD_OK);
	ck_assert_int_eq(settings_take_pair(&pairs, "--metadata", "=b", '='), CMD_USAGE);
	ck_assert_int_eq(settings_take_pair(&pairs, "--metadata", "ab", '='), CMD_USAGE);
	ck_assert_int_eq(settings_take_pair(&pairs, "--metadata", "a=\xff", '='), CMD_USAGE);
	ck_assert_uint_eq(pairs.count, 2);
	ck_assert_str_eq(pairs.items[0].value, "b=c");
	ck_assert_str_eq(pairs.items[1].value, "v");
	obj_pairs_done(&pairs);
}
END_TEST

static char dir[] = "/tmp/natsobj-test.XXXXXX";

static void enter_dir(void)
{
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert_int_eq(chdir(dir), 0);
}

static void leave_dir(void)
{
	(void)unlink("link");
	(void)unlink("file");
	(void)unlink("fifo");
	ck_assert_int_eq(chdir("/"), 0);
	/* Fails when anything else was left behind. */
	ck_assert_int_eq(rmdir(dir), 0);
}

static void assert_file(const char *want)
{
	char text[64] = "";
	FILE *f = fopen("file", "re");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fread(text, 1, sizeof(text) - 1, f), strlen(want));
	ck_assert_str_eq(text, want);
	(void)fclose(f);
}

static void write_file(const char *text, mode_t mode)
{
	FILE *f = fopen("file", "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod("file", mode), 0);
}

START_TEST(output_appears_when_committed)
{
	struct output o;
	struct stat st;

	ck_assert_int_eq(output_open(&o, "file"), 0);
	ck_assert_int_eq(output_write(&o, "abc", 3), 0);
	ck_assert_int_eq(access("file", F_OK), -1);
	ck_assert_int_eq(output_commit(&o), 0);
	output_done(&o);
	assert_file("abc");
	ck_assert_int_eq(stat("file", &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0644);
}
END_TEST

START_TEST(output_without_commit_leaves_the_old_file)
{
	struct output o;

	write_file("old", 0600);
	ck_assert_int_eq(output_open(&o, "file"), 0);
	ck_assert_int_eq(output_write(&o, "abc", 3), 0);
	output_done(&o);
	assert_file("old");
}
END_TEST

START_TEST(output_keeps_mode_and_symbolic_link)
{
	struct output o;
	struct stat st;

	write_file("old", 0640);
	ck_assert_int_eq(symlink("file", "link"), 0);
	ck_assert_int_eq(output_open(&o, "link"), 0);
	ck_assert_int_eq(output_write(&o, "new", 3), 0);
	ck_assert_int_eq(output_commit(&o), 0);
	output_done(&o);
	assert_file("new");
	ck_assert_int_eq(lstat("link", &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(stat("file", &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0640);
}
END_TEST

START_TEST(output_starts_again)
{
	struct output o;

	ck_assert_int_eq(output_open(&o, "file"), 0);
	ck_assert_int_eq(output_write(&o, "abcdef", 6), 0);
	ck_assert_int_eq(output_restart(&o), 0);
	ck_assert_int_eq(output_write(&o, "xy", 2), 0);
	ck_assert_int_eq(output_commit(&o), 0);
	output_done(&o);
	assert_file("xy");
}
END_TEST

START_TEST(output_to_a_pipe_cannot_start_again)
{
	struct stat st;
	struct output o;
	int fd;

	ck_assert_int_eq(mkfifo("fifo", 0600), 0);
	fd = open("fifo", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(output_open(&o, "fifo"), 0);
	ck_assert_int_eq(output_restart(&o), 0);
	ck_assert_int_eq(output_write(&o, "abc", 3), 0);
	ck_assert_int_eq(output_restart(&o), -ESPIPE);
	ck_assert_int_eq(output_commit(&o), 0);
	output_done(&o);
	(void)close(fd);
	ck_assert_int_eq(lstat("fifo", &st), 0);
	ck_assert(S_ISFIFO(st.st_mode));
}
END_TEST

START_TEST(output_to_a_directory_is_refused)
{
	struct output o;

	ck_assert_int_eq(output_open(&o, "."), -EISDIR);
	output_done(&o);
	ck_assert_int_eq(output_open(&o, "missing/file"), -ENOENT);
	output_done(&o);
}
END_TEST

static const int signals[] = {SIGINT, SIGTERM, SIGHUP};

START_TEST(a_signal_leaves_no_temporary_file)
{
	pid_t child = fork();
	struct output o;
	int status;

	ck_assert_int_ge(child, 0);
	if (child == 0) {
		(void)signal(signals[_i], SIG_DFL);
		if (output_open(&o, "file") == 0 && output_write(&o, "abc", 3) == 0)
			(void)raise(signals[_i]);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert(WIFSIGNALED(status));
	ck_assert_int_eq(WTERMSIG(status), signals[_i]);
	ck_assert_int_eq(access("file", F_OK), -1);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("cmd_common");
	TCase *t = tcase_create("values"), *out = tcase_create("output");

	tcase_add_loop_test(t, paths_become_object_names, 0, (int)ARRAY_LEN(object_names));
	tcase_add_loop_test(t, object_names_become_file_names, 0, (int)ARRAY_LEN(file_names));
	tcase_add_test(t, times_are_utc);
	tcase_add_loop_test(t, sizes_are_short, 0, (int)ARRAY_LEN(sizes));
	tcase_add_test(t, durations_are_short);
	tcase_add_loop_test(t, ranges_fit_the_size, 0, (int)ARRAY_LEN(ranges));
	tcase_add_loop_test(t, progress_fits_the_terminal, 0, (int)ARRAY_LEN(lines));
	tcase_add_test(t, progress_says_how_far_and_how_long);
	tcase_add_test(t, pairs_have_a_key);
	tcase_add_test(t, mtime_of_the_mount_goes_before_the_message);
	tcase_add_test(t, json_of_an_object_has_the_protocols_names);
	suite_add_tcase(s, t);
	tcase_add_checked_fixture(out, enter_dir, leave_dir);
	tcase_add_test(out, output_appears_when_committed);
	tcase_add_test(out, output_without_commit_leaves_the_old_file);
	tcase_add_test(out, output_keeps_mode_and_symbolic_link);
	tcase_add_test(out, output_starts_again);
	tcase_add_test(out, output_to_a_pipe_cannot_start_again);
	tcase_add_test(out, output_to_a_directory_is_refused);
	tcase_add_loop_test(out, a_signal_leaves_no_temporary_file, 0, (int)ARRAY_LEN(signals));
	suite_add_tcase(s, out);
	(void)umask(022);
	return run_suite(s);
}
