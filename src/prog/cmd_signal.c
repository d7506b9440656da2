/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handler runs on any thread that has not blocked these signals, which is the main thread
 * alone. It looks at temp_path, which is only changed while the signals are blocked, and at flags
 * of a type that signal handlers may use.
 */
#include "prog/cmd_signal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

#include "util/clock.h"

/* timeout(1) and others signal a process and then its group: that is meant as one signal. */
#define REPEAT_NS ((uint64_t)NS_PER_SEC / 2)

static const int handled[] = {SIGINT, SIGTERM, SIGHUP};

static char temp_path[PATH_MAX];
static volatile sig_atomic_t is_deferred, noted;
/* Written once, by the handler, and read by it alone. */
static uint64_t noted_ns;

static void on_signal(int sig)
{
	int saved = errno;

	if (is_deferred && !noted) {
		noted_ns = clock_now_ns();
		noted = sig;
	}
	if (is_deferred && clock_now_ns() - noted_ns < REPEAT_NS) {
		errno = saved;
		return;
	}
	if (temp_path[0])
		(void)unlink(temp_path);
	/* Blocked while the handler runs, so it takes effect on return. */
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
	errno = saved;
}

static void block(sigset_t *ret_old)
{
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		sigaddset(&set, handled[i]);
	pthread_sigmask(SIG_BLOCK, &set, ret_old);
}

static void unblock(const sigset_t *old)
{
	pthread_sigmask(SIG_SETMASK, old, NULL);
}

/* A signal that was ignored from outside (nohup) stays ignored. */
static void install(void)
{
	struct sigaction sa = {.sa_handler = on_signal}, old;

	sigemptyset(&sa.sa_mask);
	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		sigaddset(&sa.sa_mask, handled[i]);
	for (size_t i = 0; i < ARRAY_LEN(handled); i++)
		if (sigaction(handled[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN)
			(void)sigaction(handled[i], &sa, NULL);
}

int signal_make_temp(char *template)
{
	sigset_t old;
	int fd;

	if (strlen(template) >= sizeof(temp_path))
		return -ENAMETOOLONG;
	install();
	block(&old);
	fd = mkostemp(template, O_CLOEXEC);
	if (fd >= 0)
		strcpy(temp_path, template);
	else
		fd = -errno;
	unblock(&old);
	return fd;
}

void signal_forget_temp(void)
{
	sigset_t old;

	block(&old);
	temp_path[0] = '\0';
	unblock(&old);
}

void signal_defer(void)
{
	is_deferred = 1;
	install();
}

int signal_pending(void)
{
	return noted;
}

int signal_wait_readable(int fd)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	sigset_t old;

	block(&old);
	if (!noted)
		(void)ppoll(&p, 1, NULL, &old);
	unblock(&old);
	return noted ? -EINTR : 0;
}

void signal_finish(void)
{
	if (!noted)
		return;
	(void)signal(noted, SIG_DFL);
	(void)raise(noted);
}
