/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/killed.h"
#include "suite.h"
#include "util/clock.h"

#define PATIENCE_MS 10000

static atomic_int dying_tid, n_called;

static bool dies(pid_t tid)
{
	return tid == atomic_load(&dying_tid);
}

static void on_killed(struct killed_watch *w)
{
	(void)w;
	atomic_fetch_add(&n_called, 1);
}

static struct killed_watch watch_of(pid_t tid)
{
	return (struct killed_watch){.tid = tid, .fn = on_killed};
}

static bool comes_true(bool (*f)(pid_t), pid_t arg)
{
	uint64_t end = clock_deadline_ms(PATIENCE_MS);

	while (!f(arg)) {
		if (clock_now_ns() > end)
			return false;
		usleep(1000);
	}
	return true;
}

static bool was_called(pid_t times)
{
	return atomic_load(&n_called) == times;
}

START_TEST(a_dying_caller_is_let_go_once)
{
	struct killed_watch a = watch_of(1), b = watch_of(2);
	struct killed *k;

	ck_assert_int_eq(killed_new(dies, &k), 0);
	list_init(&a.link);
	list_init(&b.link);
	ck_assert(killed_add(k, &a));
	ck_assert(!killed_add(k, &a));
	ck_assert(killed_add(k, &b));
	atomic_store(&dying_tid, 2);
	ck_assert(comes_true(was_called, 1));
	ck_assert(!killed_remove(k, &b));
	ck_assert(killed_remove(k, &a));
	ck_assert(!killed_remove(k, &a));
	killed_free(k);
	ck_assert_int_eq(atomic_load(&n_called), 1);
}
END_TEST

static void catch (int sig)
{
	(void)sig;
}

/* A stopped process keeps its signals pending. */
static pid_t start_stopped(void)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		(void)signal(SIGALRM, catch);
		(void)signal(SIGUSR1, SIG_IGN);
		(void)signal(SIGTERM, SIG_DFL);
		(void)raise(SIGSTOP);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, NULL, WUNTRACED), pid);
	return pid;
}

START_TEST(only_signals_that_end_a_process_count)
{
	pid_t pid = start_stopped();

	ck_assert(!killed_dies(pid));
	(void)kill(pid, SIGALRM);
	(void)kill(pid, SIGUSR1);
	ck_assert(!killed_dies(pid));
	(void)kill(pid, SIGTERM);
	ck_assert(killed_dies(pid));
	(void)kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert(killed_dies(pid));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("killed");
	TCase *t = tcase_create("killed");

	tcase_set_timeout(t, 30);
	tcase_add_test(t, a_dying_caller_is_let_go_once);
	tcase_add_test(t, only_signals_that_end_a_process_count);
	suite_add_tcase(s, t);
	return run_suite(s);
}
