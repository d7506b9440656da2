/* SPDX-License-Identifier: Apache-2.0 */

/* Who has an inode open, as /proc/pid tells (proc(5): status, statm, fdinfo and mountinfo). */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fs/internal.h"
#include "fs/procfd.h"
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

/* The beginning of a file of /proc, in one read and with a NUL; the length, or -1. */
static ssize_t read_start(int dir_fd, const char *path, char *buf, size_t size)
{
	int fd = openat(dir_fd, path, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, buf, size - 1) : -1;

	if (fd >= 0)
		(void)close(fd);
	buf[len > 0 ? len : 0] = '\0';
	return len;
}

/* Signal 0 finds a thread only within the process that is named with it, which has the number of
 * its first thread. The status, which would say it all, takes longer to read. */
static bool is_thread_of(pid_t tgid, pid_t tid)
{
	return syscall(SYS_tgkill, tgid, tid, 0) == 0 || errno == EPERM;
}

static pid_t read_tgid(pid_t tid)
{
	char path[64], text[512];
	const char *at;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)tid);
	if (read_start(AT_FDCWD, path, text, sizeof(text)) < 0)
		return 0;
	at = strstr(text, "\nTgid:");
	return at ? (pid_t)strtol(at + strlen("\nTgid:"), NULL, 10) : 0;
}

pid_t procfd_tgid(pid_t tid)
{
	/* Of the last thread that was not the first of its process: the next is often of the same.
	 */
	static _Atomic pid_t last;
	pid_t tgid = atomic_load_explicit(&last, memory_order_relaxed);

	if (tid <= 0)
		return 0;
	if (is_thread_of(tid, tid))
		return tid;
	if (tgid > 0 && is_thread_of(tgid, tid))
		return tgid;
	tgid = read_tgid(tid);
	atomic_store_explicit(&last, tgid, memory_order_relaxed);
	return tgid;
}

/* A task that ends has given up its memory before it closes its files, and only then is its state
 * worth reading: the files that tell more, exe and stat, are locked while a task starts a program,
 * and the kernel closes files on the way, which waits for us. */
static bool has_memory(pid_t tid)
{
	char path[64], text[64];

	(void)snprintf(path, sizeof(path), "/proc/%ld/statm", (long)tid);
	return read_start(AT_FDCWD, path, text, sizeof(text)) > 0 && strncmp(text, "0 ", 2) != 0;
}

bool fs_is_dying(pid_t tid)
{
	char path[64], text[512];
	unsigned flags = 0;
	const char *at;

	if (tid <= 0 || has_memory(tid))
		return false;
	(void)snprintf(path, sizeof(path), "/proc/%ld/stat", (long)tid);
	(void)read_start(AT_FDCWD, path, text, sizeof(text));
	/* The command's name, in parentheses, may hold anything. */
	at = strrchr(text, ')');
	return at && sscanf(at + 1, " %*c %*d %*d %*d %*d %*d %u", &flags) == 1 &&
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

/* The number behind a key of fdinfo. */
static bool find_number(const char *text, const char *key, int base, uint64_t *ret)
{
	const char *at = strstr(text, key);

	if (!at)
		return false;
	*ret = strtoull(at + strlen(key), NULL, base);
	return true;
}

/* Identifier of the mount that a descriptor for writing on the inode belongs to; -1: it is none. */
static int mount_of_writer(int dir_fd, const char *name, uint64_t ino)
{
	uint64_t flags, mount_id, file_ino;
	char text[256];

	if (read_start(dir_fd, name, text, sizeof(text)) < 0 ||
	    !find_number(text, "flags:", 8, &flags) || (flags & O_ACCMODE) == O_RDONLY ||
	    !find_number(text, "ino:", 10, &file_ino) || file_ino != ino ||
	    !find_number(text, "mnt_id:", 10, &mount_id))
		return -1;
	return (int)mount_id;
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
