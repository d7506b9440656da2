/* SPDX-License-Identifier: Apache-2.0 */

/* Who has an inode open, as /proc tells (proc(5): /proc/pid/status, fdinfo and mountinfo). */

#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/internal.h"
#include "util/parse.h"

/* Of a task that a signal ends (include/linux/sched.h). */
#define PF_SIGNALED 0x400

static bool has_number(const char *list, unsigned long number)
{
	char *end;

	for (;; list = end) {
		unsigned long n = strtoul(list, &end, 10);

		if (end == list)
			return false;
		if (n == number)
			return true;
	}
}

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

bool fs_is_dying(pid_t tid)
{
	char path[64], line[512];
	const char *p = NULL;
	unsigned flags = 0;
	FILE *f;

	if (tid <= 0)
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)tid);
	f = fopen(path, "re");
	if (!f)
		return false;
	/* The command's name, in parentheses, may hold anything. */
	if (fgets(line, sizeof(line), f))
		p = strrchr(line, ')');
	(void)fclose(f);
	return p && sscanf(p + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
	       (flags & PF_SIGNALED);
}

struct procfd_rights procfd_rights(pid_t tid, gid_t gid)
{
	struct procfd_rights r = {0};
	char path[64], line[8192];
	unsigned long long caps;
	FILE *f;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)tid);
	f = tid > 0 ? fopen(path, "re") : NULL;
	if (!f)
		return r;
	while (fgets(line, sizeof(line), f)) {
		unsigned fsgid;

		if (sscanf(line, "Gid: %*u %*u %*u %u", &fsgid) == 1)
			r.is_in_group = fsgid == gid;
		else if (strncmp(line, "Groups:", 7) == 0)
			r.is_in_group |= has_number(line + 7, gid);
		else if (sscanf(line, "CapEff: %llx", &caps) == 1)
			r.has_fsetid = caps >> CAP_FSETID & 1;
	}
	(void)fclose(f);
	return r;
}

/* Mounts of one device as a process sees them: other mounts of ours have equal inode numbers. */
#define MOUNTS_MAX 64

struct mount_ids {
	int ids[MOUNTS_MAX];
	size_t n;
};

static void find_mounts(pid_t tgid, unsigned dev_major, unsigned dev_minor, struct mount_ids *ret)
{
	char path[64], line[4096];
	unsigned a, b;
	int id;
	FILE *f;

	ret->n = 0;
	(void)snprintf(path, sizeof(path), "/proc/%ld/mountinfo", (long)tgid);
	f = fopen(path, "re");
	if (!f)
		return;
	while (ret->n < MOUNTS_MAX && fgets(line, sizeof(line), f))
		if (sscanf(line, "%d %*d %u:%u", &id, &a, &b) == 3 && a == dev_major &&
		    b == dev_minor)
			ret->ids[ret->n++] = id;
	(void)fclose(f);
}

static bool has_mount(const struct mount_ids *m, int id)
{
	for (size_t i = 0; i < m->n; i++)
		if (m->ids[i] == id)
			return true;
	return false;
}

/* Identifier of the mount that a descriptor for writing on the inode belongs to; -1: it is none. */
static int mount_of_writer(int dir_fd, const char *name, uint64_t ino)
{
	unsigned long long file_ino = 0;
	unsigned flags = O_RDONLY;
	char line[128];
	int mount_id = -1;
	int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC);
	FILE *f = fd >= 0 ? fdopen(fd, "r") : NULL;

	if (!f) {
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "flags: %o", &flags) != 1 &&
		    sscanf(line, "mnt_id: %d", &mount_id) != 1 &&
		    sscanf(line, "ino: %llu", &file_ino) == 1)
			break;
	(void)fclose(f);
	return file_ino == ino && (flags & O_ACCMODE) != O_RDONLY ? mount_id : -1;
}

bool procfd_has_writer(pid_t tgid, dev_t dev, uint64_t ino)
{
	struct mount_ids mounts = {.n = 0};
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
	while (!found && (e = readdir(dir))) {
		int id = e->d_name[0] == '.' ? -1 : mount_of_writer(dirfd(dir), e->d_name, ino);

		/* Mostly there is none, and the list of mounts may be long. */
		if (id >= 0 && mounts.n == 0)
			find_mounts(tgid, major(dev), minor(dev), &mounts);
		found = id >= 0 && has_mount(&mounts, id);
	}
	(void)closedir(dir);
	return found;
}

bool procfd_is_written_by_any(dev_t dev, uint64_t ino)
{
	const struct dirent *e;
	bool found = false;
	DIR *dir = opendir("/proc");

	if (!dir)
		return false;
	while (!found && (e = readdir(dir))) {
		uint64_t pid;

		if (parse_u64(e->d_name, 10, 1, INT32_MAX, &pid) == 0)
			found = procfd_has_writer((pid_t)pid, dev, ino);
	}
	(void)closedir(dir);
	return found;
}
