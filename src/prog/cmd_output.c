/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "prog/cmd_signal.h"
#include "util/clock.h"

static mode_t default_mode(void)
{
	mode_t mask = umask(0);

	(void)umask(mask);
	return 0666 & ~mask;
}

/* In the same directory, since a rename does not leave the file system. */
static int make_temp(struct output *o)
{
	const char *slash = strrchr(o->path, '/');
	int dir_len = slash ? (int)(slash + 1 - o->path) : 0;

	if (asprintf(&o->temp_path, "%.*s.natsobj.XXXXXX", dir_len, o->path) < 0) {
		o->temp_path = NULL;
		return -ENOMEM;
	}
	o->fd = signal_make_temp(o->temp_path);
	if (o->fd >= 0)
		return 0;
	free(steal_ptr(o->temp_path));
	return o->fd;
}

int output_open(struct output *o, const char *path)
{
	struct stat st;
	bool exists;

	*o = (struct output){.fd = -1};
	if (strcmp(path, "-") == 0) {
		o->fd = STDOUT_FILENO;
		return 0;
	}
	exists = stat(path, &st) == 0;
	if (!exists && errno != ENOENT)
		return -errno;
	if (exists && S_ISDIR(st.st_mode))
		return -EISDIR;
	if (exists && !S_ISREG(st.st_mode)) {
		o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return o->fd < 0 ? -errno : 0;
	}
	o->mode = exists ? st.st_mode & 0777 : default_mode();
	/* A symbolic link stays, and what it points to is replaced. */
	o->path = exists ? realpath(path, NULL) : strdup(path);
	if (!o->path)
		return exists ? -errno : -ENOMEM;
	return make_temp(o);
}

void output_done(struct output *o)
{
	if (o->fd >= 0 && o->fd != STDOUT_FILENO)
		(void)close(o->fd);
	if (o->temp_path) {
		(void)unlink(o->temp_path);
		signal_forget_temp();
	}
	free(o->path);
	free(o->temp_path);
	*o = (struct output){.fd = -1};
}

int output_write(void *arg, const void *data, size_t len)
{
	struct output *o = arg;
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(o->fd, p, len);

		if (n < 0 && errno == EAGAIN) {
			struct pollfd wait = {.fd = o->fd, .events = POLLOUT};

			(void)poll(&wait, 1, -1);
		} else if (n < 0 && errno != EINTR) {
			return -errno;
		} else if (n > 0) {
			p += n;
			len -= (size_t)n;
			o->written += (uint64_t)n;
		}
	}
	return 0;
}

int output_restart(struct output *o)
{
	if (o->written == 0)
		return 0;
	if (!o->temp_path)
		return -ESPIPE;
	o->written = 0;
	if (ftruncate(o->fd, 0) < 0 || lseek(o->fd, 0, SEEK_SET) < 0)
		return -errno;
	return 0;
}

void output_set_mode(struct output *o, mode_t mode)
{
	o->mode = mode & 0777;
}

void output_set_mtime(struct output *o, int64_t mtime_ns)
{
	o->has_mtime = true;
	o->mtime_ns = mtime_ns;
}

static int set_attributes(struct output *o)
{
	const struct timespec times[] = {
		{.tv_nsec = UTIME_OMIT},
		{.tv_sec = o->mtime_ns / NS_PER_SEC, .tv_nsec = o->mtime_ns % NS_PER_SEC},
	};

	if (fchmod(o->fd, o->mode) < 0)
		return -errno;
	return o->has_mtime && futimens(o->fd, times) < 0 ? -errno : 0;
}

int output_commit(struct output *o)
{
	int err = o->temp_path ? set_attributes(o) : 0;

	if (err)
		return err;
	if (o->fd == STDOUT_FILENO)
		return 0;
	/* Some file systems tell of a failed write only here. */
	if (close(steal_fd(&o->fd)) < 0)
		return -errno;
	if (!o->temp_path)
		return 0;
	if (rename(o->temp_path, o->path) < 0)
		return -errno;
	signal_forget_temp();
	free(steal_ptr(o->temp_path));
	return 0;
}
