/* SPDX-License-Identifier: Apache-2.0 */

/* Who has an inode open, as /proc tells (proc(5): /proc/pid/status and /proc/pid/fdinfo). */

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "fs/internal.h"

pid_t procfd_tgid(pid_t tid)
{
	char path[64], line[128];
	long tgid = 0;
	FILE *f;

	if (tid <= 0)
		return 0;
	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)tid);
	f = fopen(path, "re");
	if (!f)
		return 0;
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "Tgid: %ld", &tgid) == 1)
			break;
	(void)fclose(f);
	return (pid_t)tgid;
}

static bool is_writer_of(int dir_fd, const char *name, uint64_t ino)
{
	unsigned long long file_ino = 0;
	unsigned flags = O_RDONLY;
	char line[128];
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (!f) {
		if (fd >= 0)
			(void)close(fd);
		return false;
	}
	while (fgets(line, sizeof(line), f)) {
		if (sscanf(line, "flags: %o", &flags) == 1)
			continue;
		if (sscanf(line, "ino: %llu", &file_ino) == 1)
			break;
	}
	(void)fclose(f);
	return file_ino == ino && (flags & O_ACCMODE) != O_RDONLY;
}

bool procfd_has_writer(pid_t tgid, uint64_t ino)
{
	const struct dirent *e;
	bool found = false;
	char path[64];
	DIR *dir;

	if (tgid <= 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%ld/fdinfo", (long)tgid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (e = readdir(dir)))
		found = e->d_name[0] != '.' && is_writer_of(dirfd(dir), e->d_name, ino);
	(void)closedir(dir);
	return found;
}
