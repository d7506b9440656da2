/* SPDX-License-Identifier: Apache-2.0 */

/* The process that makes calls in the place of others: see replay.h. */

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/child.h"
#include "fuse/replay.h"

/* A directory of the mount, and nothing else: paths cannot lead out of it. */
static int open_dir(const struct replay_command *c, const char *dir)
{
	struct open_how how = {.flags = O_PATH | O_DIRECTORY | O_CLOEXEC,
			       .resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_XDEV};
	_cleanup_close_ int root_fd = open(c->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat st;
	long fd;

	if (root_fd < 0 || fstat(root_fd, &st) < 0)
		return -errno;
	if (st.st_dev != c->dev)
		return -ENXIO;
	fd = syscall(SYS_openat2, root_fd, *dir ? dir : ".", &how, sizeof(how));
	return fd < 0 ? -errno : (int)fd;
}

/* Opens, says that the content changed, and closes, as a program that writes. What is made empty
 * has none that changed. */
static int write_nothing(int dir, const struct replay_command *c, int flags)
{
	_cleanup_close_ int fd =
		openat(dir, c->name, flags | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, c->mode & 07777);

	if (fd < 0)
		return -errno;
	if ((c->size > 0 || c->kind == FS_CHANGED) && ftruncate(fd, (off_t)c->size) < 0)
		return -errno;
	return 0;
}

static int make(int dir, const struct replay_command *c)
{
	mode_t mode = c->mode & 07777;
	int r;

	/* As for link(2), which cannot be played without another name of the file, nothing is
	 * opened. */
	if (S_ISREG(c->mode) && c->kind != FS_LINKED)
		return write_nothing(dir, c, O_CREAT | O_EXCL);
	if (S_ISDIR(c->mode))
		r = mkdirat(dir, c->name, mode);
	else if (S_ISLNK(c->mode))
		r = symlinkat("x", dir, c->name);
	else
		r = mknodat(dir, c->name, (c->mode & S_IFMT) | mode, 0);
	return r < 0 ? -errno : 0;
}

int replay_play(const struct replay_command *c)
{
	const struct timespec now[2] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	_cleanup_close_ int dir = open_dir(c, c->dir);
	_cleanup_close_ int old_dir = -1;
	int r = 0;

	if (dir < 0)
		return dir;
	switch (c->kind) {
	case FS_CREATED:
	case FS_LINKED:
		return make(dir, c);
	case FS_CHANGED:
		return S_ISREG(c->mode) ? write_nothing(dir, c, 0) : 0;
	case FS_ATTRIBUTES:
		r = utimensat(dir, c->name[0] ? c->name : ".", now, AT_SYMLINK_NOFOLLOW);
		break;
	case FS_REMOVED:
		r = unlinkat(dir, c->name, S_ISDIR(c->mode) ? AT_REMOVEDIR : 0);
		break;
	case FS_MOVED:
		old_dir = open_dir(c, c->old_dir);
		if (old_dir < 0)
			return old_dir;
		r = renameat(old_dir, c->old_name, dir, c->name);
		break;
	}
	return r < 0 ? -errno : 0;
}

static void serve(int fd)
{
	struct replay_command *c = malloc(sizeof(*c));
	ssize_t n;

	while (c && (n = recv(fd, c, sizeof(*c), 0)) == (ssize_t)sizeof(*c)) {
		int err = replay_play(c);

		if (send(fd, &err, sizeof(err), MSG_NOSIGNAL) != (ssize_t)sizeof(err))
			break;
	}
	free(c);
}

int replay_helper_start(struct replay_helper *h)
{
	int fd;
	pid_t pid = child_fork("natsobj-replay", &fd);

	*h = REPLAY_HELPER_NONE;
	if (pid < 0)
		return pid;
	if (pid == 0) {
		(void)umask(0);
		serve(fd);
		_exit(0);
	}
	*h = (struct replay_helper){.fd = fd, .pid = pid};
	return 0;
}

void replay_helper_kill(struct replay_helper *h)
{
	if (h->fd < 0)
		return;
	(void)shutdown(h->fd, SHUT_RDWR);
	(void)kill(h->pid, SIGKILL);
}

void replay_helper_reap(struct replay_helper *h)
{
	if (h->fd < 0)
		return;
	replay_helper_kill(h);
	(void)close(steal_fd(&h->fd));
	while (waitpid(h->pid, NULL, 0) < 0 && errno == EINTR)
		;
}
