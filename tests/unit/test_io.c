/* SPDX-License-Identifier: Apache-2.0 */
#include "util/io.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "suite.h"

#define LEN 300000

static char data[LEN], got[LEN];

static int new_file(void)
{
	int fd = memfd_create("test", MFD_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	return fd;
}

static void set_up(void)
{
	for (size_t i = 0; i < LEN; i++)
		data[i] = (char)(i * 7 + i / 251);
}

START_TEST(what_is_written_at_a_place_is_read_there)
{
	_cleanup_close_ int fd = new_file();

	ck_assert_int_eq(pwrite_all(fd, data, LEN, 1000), 0);
	ck_assert_int_eq(pwrite_all(fd, "xyz", 3, 1001), 0);
	ck_assert_int_eq(pread_all(fd, got, LEN, 1000), 0);
	ck_assert_mem_eq(got + 1, "xyz", 3);
	memcpy(got + 1, data + 1, 3);
	ck_assert_mem_eq(got, data, LEN);
	/* Neither moves where the descriptor stands. */
	ck_assert_int_eq(write_all(fd, "ab", 2), 0);
	ck_assert_int_eq(write_all(fd, "cd", 2), 0);
	ck_assert_int_eq(pread_all(fd, got, 4, 0), 0);
	ck_assert_mem_eq(got, "abcd", 4);
}
END_TEST

START_TEST(a_file_that_is_too_short_is_an_error)
{
	_cleanup_close_ int fd = new_file();

	ck_assert_int_eq(pwrite_all(fd, data, 10, 0), 0);
	ck_assert_int_eq(pread_all(fd, got, 10, 0), 0);
	ck_assert_int_eq(pread_all(fd, got, 11, 0), -EIO);
	ck_assert_int_eq(pread_all(fd, got, 1, 10), -EIO);
	ck_assert_int_eq(pread_all(fd, got, 0, 10), 0);
}
END_TEST

START_TEST(errors_are_told)
{
	const struct rlimit limit = {.rlim_cur = 5000, .rlim_max = 5000};
	_cleanup_close_ int fd = new_file();

	ck_assert_int_eq(pread_all(-1, got, 1, 0), -EBADF);
	ck_assert_int_eq(pwrite_all(-1, data, 1, 0), -EBADF);
	ck_assert_int_eq(write_all(-1, data, 1), -EBADF);
	/* Also behind a part that was written. */
	ck_assert(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(pwrite_all(fd, data, LEN, 0), -EFBIG);
	ck_assert_int_eq(pread_all(fd, got, 5000, 0), 0);
	ck_assert_mem_eq(got, data, 5000);
}
END_TEST

struct reader {
	pthread_t writer;
	int fd;
};

static void on_signal(int sig)
{
	(void)sig;
}

/* Disturbs the writer before each part that it reads. */
static void *read_slowly(void *arg)
{
	const struct reader *r = arg;

	for (size_t at = 0; at < LEN;) {
		ssize_t n;

		for (int i = 0; i < 3; i++) {
			(void)pthread_kill(r->writer, SIGUSR1);
			(void)usleep(100);
		}
		n = read(r->fd, got + at, 10000);
		if (n <= 0)
			break;
		at += (size_t)n;
	}
	return NULL;
}

START_TEST(signals_and_parts_do_not_end_it)
{
	const struct sigaction action = {.sa_handler = on_signal}; /* without SA_RESTART */
	struct reader r = {.writer = pthread_self()};
	pthread_t thread;
	int fds[2];

	ck_assert_int_eq(sigaction(SIGUSR1, &action, NULL), 0);
	ck_assert_int_eq(pipe(fds), 0);
	r.fd = fds[0];
	ck_assert_int_eq(pthread_create(&thread, NULL, read_slowly, &r), 0);
	ck_assert_int_eq(write_all(fds[1], data, LEN), 0);
	ck_assert_int_eq(close(fds[1]), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(close(fds[0]), 0);
	ck_assert_mem_eq(got, data, LEN);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("io");
	TCase *t = tcase_create("io");

	tcase_add_checked_fixture(t, set_up, NULL);
	tcase_add_test(t, what_is_written_at_a_place_is_read_there);
	tcase_add_test(t, a_file_that_is_too_short_is_an_error);
	tcase_add_test(t, errors_are_told);
	tcase_add_test(t, signals_and_parts_do_not_end_it);
	suite_add_tcase(s, t);
	return run_suite(s);
}
