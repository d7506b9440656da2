/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHILD_FD (STDERR_FILENO + 1)

static void settle(const char *name, int fd)
{
	sigset_t all;
	int null_fd;

	sigfillset(&all);
	(void)sigprocmask(SIG_SETMASK, &all, NULL);
	(void)prctl(PR_SET_NAME, name);
	(void)!chdir("/");
	(void)dup2(fd, CHILD_FD);
	(void)close_range(CHILD_FD + 1, ~0U, 0);
	null_fd = open("/dev/null", O_RDWR);
	for (int i = 0; i <= STDERR_FILENO && null_fd >= 0; i++)
		(void)dup2(null_fd, i);
	if (null_fd > CHILD_FD)
		(void)close(null_fd);
}

pid_t child_fork(const char *name, int *ret_fd)
{
	int fds[2];
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	pid = fork();
	if (pid < 0) {
		int err = -errno;

		(void)close(fds[0]);
		(void)close(fds[1]);
		return err;
	}
	if (pid == 0) {
		settle(name, fds[1]);
		*ret_fd = CHILD_FD;
		return 0;
	}
	(void)close(fds[1]);
	*ret_fd = fds[0];
	return pid;
}
