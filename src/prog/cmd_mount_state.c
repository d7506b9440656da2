/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_mount_state.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "objstore/keys.h"
#include "util/clock.h"

/* Octal escapes of /proc/self/mountinfo, in place. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && s[1] >= '0' && s[1] <= '3' && s[2] >= '0' && s[2] <= '7' &&
		    s[3] >= '0' && s[3] <= '7') {
			*to++ = (char)((s[1] - '0') * 64 + (s[2] - '0') * 8 + (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

static int add_entry(struct mount_entry **entries, size_t *count, const char *dir,
		     const char *source, const char *options)
{
	struct mount_entry *grown = reallocarray(*entries, *count + 1, sizeof(*grown)), *e;

	if (!grown)
		return -ENOMEM;
	*entries = grown;
	e = &grown[*count];
	*e = (struct mount_entry){.dir = strdup(dir), .source = strdup(source)};
	(*count)++;
	if (!e->dir || !e->source)
		return -ENOMEM;
	unescape(e->dir);
	unescape(e->source);
	e->is_read_only = strncmp(options, "ro", 2) == 0 && (!options[2] || options[2] == ',');
	return 0;
}

/* "36 35 0:57 / DIR OPTIONS … - TYPE SOURCE SUPER" */
static int read_line(char *line, struct mount_entry **entries, size_t *count)
{
	char *rest = strstr(line, " - "), *fields[6], *save = NULL, *type, *source;
	size_t n = 0;

	if (!rest)
		return 0;
	*rest = '\0';
	for (char *f = strtok_r(line, " ", &save); f && n < 6; f = strtok_r(NULL, " ", &save))
		fields[n++] = f;
	type = strtok_r(rest + 3, " ", &save);
	source = strtok_r(NULL, " \n", &save);
	if (n < 6 || !type || !source || strcmp(type, "fuse.natsobj") != 0)
		return 0;
	return add_entry(entries, count, fields[4], source, fields[5]);
}

int mount_entries_read(struct mount_entry **ret, size_t *ret_count)
{
	struct mount_entry *entries = NULL;
	size_t count = 0, cap = 0;
	char *line = NULL;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	int err = f ? 0 : -errno;

	while (!err && getline(&line, &cap, f) > 0)
		err = read_line(line, &entries, &count);
	free(line);
	if (f)
		(void)fclose(f);
	if (err) {
		mount_entries_free(entries, count);
		return err;
	}
	*ret = entries;
	*ret_count = count;
	return 0;
}

void mount_entries_free(struct mount_entry *entries, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(entries[i].dir);
		free(entries[i].source);
	}
	free(entries);
}

/* In the child: what the parent cannot risk to wait for. The exit status is an errno. */
static int copy_status(const char *dir, int to)
{
	_cleanup_free_ char *path = NULL;
	char block[4096];
	ssize_t n;
	struct stat st;
	int fd;

	if (stat(dir, &st) < 0)
		return errno;
	if (asprintf(&path, "%s/" HIDDEN_DIR "/status", dir) < 0)
		return ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	while ((n = read(fd, block, sizeof(block))) > 0)
		if (write(to, block, (size_t)n) != n)
			return EIO;
	return n < 0 ? errno : 0;
}

/* The child's output until it ends: 0 or -ETIMEDOUT. */
static int collect(int fd, uint64_t deadline_ns, struct buf *out)
{
	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};
		uint64_t now_ns = clock_now_ns();
		char block[4096];
		ssize_t n;

		if (now_ns >= deadline_ns)
			return -ETIMEDOUT;
		if (poll(&p, 1, (int)((deadline_ns - now_ns) / (uint64_t)NS_PER_MS) + 1) <= 0)
			continue;
		n = read(fd, block, sizeof(block));
		if (n == 0)
			return buf_error(out);
		if (n > 0)
			buf_append(out, block, (size_t)n);
		else if (errno != EINTR)
			return -errno;
	}
}

int mount_status_read(const char *dir, int timeout_ms, struct buf *out)
{
	int fds[2], status = 0, err;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		_exit(copy_status(dir, fds[1]));
	err = child < 0 ? -errno : 0;
	(void)close(fds[1]);
	if (!err)
		err = collect(fds[0], clock_deadline_ms(timeout_ms), out);
	(void)close(fds[0]);
	if (child < 0)
		return err;
	/* A child that hangs in the kernel ends when it can; nobody waits for it. */
	if (err) {
		(void)kill(child, SIGKILL);
		(void)waitpid(child, &status, WNOHANG);
		return err;
	}
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? -WEXITSTATUS(status) : -EIO;
}
