/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/procfd.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "suite.h"

static pid_t own_tid(void)
{
	return (pid_t)syscall(SYS_gettid);
}

/* Tells its number, and stays until somebody closes the other end or ends the process. */
struct stayer {
	int told[2], end[2];
};

static void *stay(void *arg)
{
	const struct stayer *s = arg;
	pid_t tid = own_tid();
	char c;

	ck_assert_int_eq(write(s->told[1], &tid, sizeof(tid)), sizeof(tid));
	(void)!read(s->end[0], &c, 1);
	return NULL;
}

static pid_t hear(const struct stayer *s)
{
	pid_t tid;

	ck_assert_int_eq(read(s->told[0], &tid, sizeof(tid)), sizeof(tid));
	return tid;
}

static void open_pipes(struct stayer *s)
{
	ck_assert_int_eq(pipe2(s->told, O_CLOEXEC), 0);
	ck_assert_int_eq(pipe2(s->end, O_CLOEXEC), 0);
}

/* A process whose second thread stays until it is killed. */
static pid_t fork_two_threads(struct stayer *s)
{
	pthread_t thread;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (pthread_create(&thread, NULL, stay, s) == 0)
			(void)pthread_join(thread, NULL);
		_exit(0);
	}
	return pid;
}

START_TEST(test_threads_lead_to_their_process)
{
	struct stayer mine, others;
	pid_t tid, other_tid, other;
	pthread_t thread;

	open_pipes(&others);
	other = fork_two_threads(&others);
	other_tid = hear(&others);
	open_pipes(&mine);
	ck_assert_int_eq(pthread_create(&thread, NULL, stay, &mine), 0);
	tid = hear(&mine);
	ck_assert_int_ne(tid, getpid());
	ck_assert_int_ne(other_tid, other);
	ck_assert_int_eq(procfd_tgid(getpid()), getpid());
	/* Neither is taken for what the one before was. */
	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(procfd_tgid(tid), getpid());
		ck_assert_int_eq(procfd_tgid(tid), getpid());
		ck_assert_int_eq(procfd_tgid(other_tid), other);
		ck_assert_int_eq(procfd_tgid(other), other);
	}
	ck_assert_int_eq(kill(other, SIGKILL), 0);
	ck_assert_int_eq(waitpid(other, NULL, 0), other);
	ck_assert_int_eq(procfd_tgid(other_tid), 0);
	ck_assert_int_eq(procfd_tgid(tid), getpid());
	(void)close(mine.end[1]);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	ck_assert_int_eq(procfd_tgid(0), 0);
}
END_TEST

START_TEST(test_descriptors_for_writing_are_found)
{
	char path[] = "/tmp/natsobj-procfd-XXXXXX";
	int fd = mkstemp(path);
	struct stat st;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert(procfd_has_writer(getpid(), st.st_dev, st.st_ino));
	ck_assert(!procfd_has_writer(getpid(), st.st_dev, st.st_ino + 1));
	ck_assert_int_eq(close(fd), 0);
	ck_assert(!procfd_has_writer(getpid(), st.st_dev, st.st_ino));
	fd = open(path, O_RDONLY | O_CLOEXEC);
	ck_assert(!procfd_has_writer(getpid(), st.st_dev, st.st_ino));
	ck_assert_int_eq(close(fd), 0);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert(!procfd_has_writer(0, st.st_dev, st.st_ino));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("procfd");
	TCase *tc = tcase_create("all");

	tcase_add_test(tc, test_threads_lead_to_their_process);
	tcase_add_test(tc, test_descriptors_for_writing_are_found);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
