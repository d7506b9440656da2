/* SPDX-License-Identifier: Apache-2.0 */

/* Comparison of two directories. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model.h"

/* Explicit times lie before this one, those of the clock behind. */
#define CLOCK_TIMES 1600000000

struct seen {
	char *path;
	struct stat st[2];
};

struct listing {
	char **names;
	unsigned char *types;
	ino_t *inos;
	size_t n;
};

static bool differs(struct check *c, const char *format, ...) __attribute__((format(printf, 2, 3)));

static bool differs(struct check *c, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!c->why[0])
		vsnprintf(c->why, sizeof(c->why), format, args);
	va_end(args);
	return false;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int is_entry(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int list(int fd, struct dirent ***ret)
{
	return scandirat(fd, ".", ret, is_entry, by_name);
}

static void free_list(struct dirent **l, int n)
{
	for (int i = 0; i < n; i++)
		free(l[i]);
	free(l);
}

static bool is_explicit(const struct timespec *t)
{
	return t->tv_sec < CLOCK_TIMES;
}

static bool same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

/* The kernel tells no FUSE file system of what goes through a FIFO. */
static bool has_own_times(mode_t mode)
{
	return S_ISFIFO(mode);
}

static bool check_stat(struct check *c, const char *path, const struct stat *a,
		       const struct stat *b)
{
	bool has_size = S_ISREG(b->st_mode) || S_ISLNK(b->st_mode);

	if (a->st_mode != b->st_mode)
		return differs(c, "%s: mode %o, not %o", path, a->st_mode, b->st_mode);
	if (a->st_uid != b->st_uid || a->st_gid != b->st_gid)
		return differs(c, "%s: owner %u:%u, not %u:%u", path, a->st_uid, a->st_gid,
			       b->st_uid, b->st_gid);
	if (a->st_nlink != b->st_nlink)
		return differs(c, "%s: %lu links, not %lu", path, a->st_nlink, b->st_nlink);
	if (has_size && a->st_size != b->st_size)
		return differs(c, "%s: size %lld, not %lld", path, (long long)a->st_size,
			       (long long)b->st_size);
	if (a->st_rdev != b->st_rdev)
		return differs(c, "%s: device %lx, not %lx", path, a->st_rdev, b->st_rdev);
	if (c->without_dir_times && S_ISDIR(b->st_mode))
		return true;
	if (has_own_times(b->st_mode))
		return true;
	if (is_explicit(&a->st_mtim) != is_explicit(&b->st_mtim) ||
	    (is_explicit(&b->st_mtim) && !same_time(&a->st_mtim, &b->st_mtim)) ||
	    (c->with_times && !S_ISDIR(b->st_mode) && !same_time(&a->st_mtim, &b->st_mtim)))
		return differs(c, "%s: mtime %lld.%09ld, not %lld.%09ld", path,
			       (long long)a->st_mtim.tv_sec, a->st_mtim.tv_nsec,
			       (long long)b->st_mtim.tv_sec, b->st_mtim.tv_nsec);
	return true;
}

static bool check_content(struct check *c, const char *path, int fd_a, int fd_b)
{
	static uint8_t a[1 << 17], b[1 << 17];
	off_t off = 0;
	ssize_t n, m;

	do {
		n = pread(fd_a, a, sizeof(a), off);
		if (n < 0)
			return differs(c, "%s: read: %s", path, strerror(errno));
		m = pread(fd_b, b, sizeof(b), off);
		if (n != m)
			return differs(c, "%s: read %zd at %lld, not %zd", path, n, (long long)off,
				       m);
		if (memcmp(a, b, (size_t)n) != 0) {
			ssize_t i = 0;

			while (a[i] == b[i])
				i++;
			return differs(c, "%s: %#x at %lld, not %#x", path, a[i],
				       (long long)off + i, b[i]);
		}
		off += n;
	} while (n > 0);
	return true;
}

static bool check_file(struct check *c, const char *path, int dir_a, int dir_b, const char *name)
{
	int a = openat(dir_a, name, O_RDONLY | O_NOFOLLOW);
	int b = openat(dir_b, name, O_RDONLY | O_NOFOLLOW);
	bool ok = a < 0 || b < 0 ? differs(c, "%s: cannot be opened on side %d", path, b < 0)
				 : check_content(c, path, a, b);

	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	return ok;
}

static bool check_target(struct check *c, const char *path, int dir_a, int dir_b, const char *name)
{
	char a[4096] = "", b[4096] = "";
	ssize_t n = readlinkat(dir_a, name, a, sizeof(a) - 1);
	ssize_t m = readlinkat(dir_b, name, b, sizeof(b) - 1);

	if (n != m || strcmp(a, b) != 0)
		return differs(c, "%s: target %.100s, not %.100s", path, a, b);
	return true;
}

/* Two names are one file on both sides or on neither. */
static bool check_links(struct check *c, const char *path, const struct stat *a,
			const struct stat *b)
{
	if (S_ISDIR(b->st_mode) || b->st_nlink == 1)
		return true;
	for (size_t i = 0; i < c->n_seen; i++) {
		const struct stat *st = c->seen[i].st;

		if ((st[0].st_ino == a->st_ino) != (st[1].st_ino == b->st_ino))
			return differs(c, "%s and %s: one file only on one side", path,
				       c->seen[i].path);
	}
	return true;
}

static void note(struct check *c, const char *path, const struct stat *a, const struct stat *b)
{
	if (c->n_seen == c->cap_seen) {
		c->cap_seen = c->cap_seen ? 2 * c->cap_seen : 64;
		c->seen = reallocarray(c->seen, c->cap_seen, sizeof(*c->seen));
		if (!c->seen)
			abort();
	}
	c->seen[c->n_seen++] = (struct seen){strdup(path), {*a, *b}};
}

static bool check_dir(struct check *c, const char *path, int a, int b);

static bool check_entry(struct check *c, const char *dir, int a, int b, const char *name)
{
	struct stat st_a, st_b;
	char path[4096];
	bool ok;

	snprintf(path, sizeof(path), "%s%s%s", dir, dir[0] ? "/" : "", name);
	if (fstatat(b, name, &st_b, AT_SYMLINK_NOFOLLOW) < 0)
		return differs(c, "%s: not there on the other side: %s", path, strerror(errno));
	if (fstatat(a, name, &st_a, AT_SYMLINK_NOFOLLOW) < 0)
		return differs(c, "%s: %s", path, strerror(errno));
	if (!check_stat(c, path, &st_a, &st_b) || !check_links(c, path, &st_a, &st_b))
		return false;
	note(c, path, &st_a, &st_b);
	if (S_ISLNK(st_b.st_mode))
		return check_target(c, path, a, b, name);
	if (S_ISREG(st_b.st_mode))
		return !c->with_content || check_file(c, path, a, b, name);
	if (!S_ISDIR(st_b.st_mode))
		return true;
	a = openat(a, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	b = openat(b, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	ok = a < 0 || b < 0 ? differs(c, "%s: open: %s", path, strerror(errno))
			    : check_dir(c, path, a, b);
	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	return ok;
}

static bool check_lists(struct check *c, const char *path, struct dirent **a, int n_a,
			struct dirent **b, int n_b)
{
	for (int i = 0; i < n_a || i < n_b; i++) {
		if (i == n_a || (i < n_b && strcmp(a[i]->d_name, b[i]->d_name) > 0))
			return differs(c, "%s: %s is not listed", path, b[i]->d_name);
		if (i == n_b || strcmp(a[i]->d_name, b[i]->d_name) < 0)
			return differs(c, "%s: %s is listed", path, a[i]->d_name);
		if (a[i]->d_type != b[i]->d_type)
			return differs(c, "%s/%s: listed as type %d, not %d", path, a[i]->d_name,
				       a[i]->d_type, b[i]->d_type);
	}
	return true;
}

static bool check_dir(struct check *c, const char *path, int a, int b)
{
	struct dirent **list_a = NULL, **list_b = NULL;
	int n_b = list(b, &list_b), n_a;
	bool ok = n_b >= 0 || differs(c, "%s: list: %s", path, strerror(errno));

	/* Looked up one by one before the listing could refresh what the kernel remembers. */
	for (int i = 0; ok && i < n_b; i++)
		ok = check_entry(c, path, a, b, list_b[i]->d_name);
	n_a = list(a, &list_a);
	if (ok && n_a < 0)
		ok = differs(c, "%s: list: %s", path, strerror(errno));
	ok = ok && check_lists(c, path, list_a, n_a, list_b, n_b);
	free_list(list_a, n_a);
	free_list(list_b, n_b);
	return ok;
}

bool check_same(struct check *c, int dir_a, int dir_b)
{
	return check_dir(c, "", dir_a, dir_b);
}

static bool check_change(struct check *c, const struct seen *old, const struct seen *new)
{
	bool changed[2][2];

	for (int side = 0; side < 2; side++) {
		const struct stat *o = &old->st[side], *n = &new->st[side];

		/* Another file has the name now: which time it has says nothing. */
		if (o->st_ino != n->st_ino || has_own_times(n->st_mode))
			return true;
		changed[side][0] = !same_time(&o->st_mtim, &n->st_mtim);
		changed[side][1] = !same_time(&o->st_ctim, &n->st_ctim);
	}
	for (int i = 0; i < 2; i++)
		if (changed[0][i] != changed[1][i])
			return differs(c, "%s: %s %s", new->path, i ? "ctime" : "mtime",
				       changed[0][i] ? "changed" : "did not change");
	return true;
}

bool check_times(struct check *after, const struct check *before)
{
	for (size_t i = 0; i < after->n_seen; i++)
		for (size_t k = 0; k < before->n_seen; k++)
			if (strcmp(after->seen[i].path, before->seen[k].path) == 0 &&
			    !check_change(after, &before->seen[k], &after->seen[i]))
				return false;
	return true;
}

void check_done(struct check *c)
{
	for (size_t i = 0; i < c->n_seen; i++)
		free(c->seen[i].path);
	free(c->seen);
	*c = (struct check){0};
}

bool check_open(int fd_a, int fd_b, char *why, size_t size)
{
	struct check c = {0};
	struct stat a, b;
	int flags;
	bool ok = true;

	if ((fd_a < 0) != (fd_b < 0))
		return snprintf(why, size, "open on one side only"), false;
	if (fd_a < 0)
		return true;
	if (fstat(fd_a, &a) < 0 || fstat(fd_b, &b) < 0)
		return snprintf(why, size, "fstat: %s", strerror(errno)), false;
	flags = fcntl(fd_b, F_GETFL);
	ok = check_stat(&c, "descriptor", &a, &b);
	if (ok && S_ISREG(b.st_mode) && !(flags & O_PATH) && (flags & O_ACCMODE) != O_WRONLY)
		ok = check_content(&c, "descriptor", fd_a, fd_b);
	if (ok && !(flags & O_PATH) && lseek(fd_a, 0, SEEK_CUR) != lseek(fd_b, 0, SEEK_CUR) &&
	    S_ISREG(b.st_mode))
		ok = differs(&c, "position %lld, not %lld", (long long)lseek(fd_a, 0, SEEK_CUR),
			     (long long)lseek(fd_b, 0, SEEK_CUR));
	if (!ok)
		snprintf(why, size, "%s", c.why);
	return ok;
}
