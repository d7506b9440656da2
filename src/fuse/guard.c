/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/guard.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/child.h"
#include "fuse/mountinfo.h"
#include "util/log.h"

/* Nobody else sends it. */
#define DEATH_SIGNAL SIGRTMAX

/* What the daemon says: one message each. */
struct word {
	bool is_end;
	dev_t dev;
	char dir[PATH_MAX];
};

/* As a user without privilege, by the helper that made the mount. */
static void detach_by_helper(const char *dir)
{
	pid_t pid = fork();

	if (pid == 0) {
		(void)execlp("fusermount3", "fusermount3", "-u", "-q", "-z", "--", dir, NULL);
		_exit(127);
	}
	if (pid > 0)
		(void)waitpid(pid, NULL, 0);
}

static void clean_up(const struct word *w, int abort_fd, int waiting_fd)
{
	if (abort_fd >= 0)
		(void)!write(abort_fd, "1", 1);
	/* Detached already, or another mount is there by now; it may even have the same number. */
	if (mountinfo_device(w->dir) != w->dev || mountinfo_is_gone(waiting_fd))
		return;
	if (umount2(w->dir, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		detach_by_helper(w->dir);
	log_error("the process behind %s died: the mount was removed", w->dir);
}

/* Sleeps until the daemon says something or dies. The end of the stream comes only when its last
 * thread is gone, and one that is stuck in the kernel keeps it open: the death of the main thread
 * comes as a signal (prctl(2), PR_SET_PDEATHSIG). */
static bool is_alive(int fd, int signal_fd)
{
	struct pollfd p[] = {{.fd = fd, .events = POLLIN}, {.fd = signal_fd, .events = POLLIN}};

	while (poll(p, ARRAY_LEN(p), -1) < 0 && errno == EINTR)
		;
	return p[0].revents || !p[1].revents;
}

static void guard_main(int fd, int signal_fd)
{
	struct word w = {.dev = 0}, last = {.dev = 0};
	int abort_fd = -1, waiting_fd = -1;
	ssize_t n = 1;

	while (n > 0 && is_alive(fd, signal_fd)) {
		n = recv(fd, &w, sizeof(w), 0);
		if (n != (ssize_t)sizeof(w))
			continue;
		last = w;
		if (w.dev && abort_fd < 0) {
			abort_fd = mountinfo_open_abort(w.dev);
			waiting_fd = mountinfo_open_waiting(w.dev);
		}
	}
	if (last.dev && !last.is_end)
		clean_up(&last, abort_fd, waiting_fd);
}

/* A file that reads when the daemon's main thread has ended; -1 without one. */
static int open_death(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, DEATH_SIGNAL);
	if (prctl(PR_SET_PDEATHSIG, DEATH_SIGNAL) < 0)
		return -1;
	return signalfd(-1, &set, SFD_CLOEXEC);
}

int guard_start(struct guard *g)
{
	int fd;
	pid_t pid = child_fork("natsobj-guard", &fd);

	*g = GUARD_NONE;
	if (pid < 0)
		return pid;
	if (pid == 0) {
		log_use_syslog();
		guard_main(fd, open_death());
		_exit(0);
	}
	*g = (struct guard){.fd = fd, .pid = pid};
	return 0;
}

static void say(struct guard *g, const struct word *w)
{
	ssize_t n;

	do
		n = send(g->fd, w, sizeof(*w), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		log_warn("the guard process is gone: if this one dies, unmount by hand");
}

void guard_watch(struct guard *g, dev_t dev, const char *dir)
{
	struct word w = {.dev = dev};

	if (g->fd < 0 || !dev || strlen(dir) >= sizeof(w.dir))
		return;
	strcpy(w.dir, dir);
	say(g, &w);
}

void guard_stop(struct guard *g)
{
	const struct word end = {.is_end = true};

	if (g->fd < 0)
		return;
	(void)send(g->fd, &end, sizeof(end), MSG_NOSIGNAL);
	(void)close(steal_fd(&g->fd));
	(void)waitpid(g->pid, NULL, 0);
}
