/* SPDX-License-Identifier: Apache-2.0 */

/* Operations on names, attributes and directories. */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "model.h"

uint64_t hash_bytes(uint64_t hash, const void *data, size_t len)
{
	const uint8_t *p = data;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ p[i]) * UINT64_C(0x100000001b3);
	return hash;
}

int side_base(const struct side *s, int slot)
{
	return slot == AT_ROOT || s->fds[slot] < 0 ? s->root : s->fds[slot];
}

void side_close(struct side *s, int slot)
{
	if (s->fds[slot] >= 0)
		close(s->fds[slot]);
	s->fds[slot] = -1;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The entries of an open directory, sorted; NULL and errno. The caller frees with free_names. */
static char **read_names(int dir, size_t *ret_n)
{
	/* A description of its own: its position is not that of the slot. */
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	char **names = NULL;
	struct dirent *e;
	size_t n = 0;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return NULL;
	}
	while ((e = readdir(d))) {
		names = realloc(names, (n + 1) * sizeof(*names));
		names[n++] = strdup(e->d_name);
	}
	closedir(d);
	if (n > 0)
		qsort(names, n, sizeof(*names), by_name);
	*ret_n = n;
	return names ? names : calloc(1, sizeof(*names));
}

static void free_names(char **names, size_t n)
{
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static int list(int dir, struct result *ret)
{
	size_t n;
	char **names = read_names(dir, &n);

	if (!names)
		return -1;
	for (size_t i = 0; i < n; i++)
		ret->hash = hash_bytes(ret->hash, names[i], strlen(names[i]) + 1);
	free_names(names, n);
	return (int)n;
}

/* rm -r in the order of names, up to the first error. */
static int remove_tree(int dir, const char *name)
{
	struct stat st;
	size_t n;
	char **names;
	int fd, err = 0;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return -1;
	if (!S_ISDIR(st.st_mode))
		return unlinkat(dir, name, 0);
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	names = read_names(fd, &n);
	if (!names)
		err = -1;
	for (size_t i = 0; names && !err && i < n; i++)
		if (strcmp(names[i], ".") != 0 && strcmp(names[i], "..") != 0)
			err = remove_tree(fd, names[i]);
	if (names)
		free_names(names, n);
	close(fd);
	return err ? err : unlinkat(dir, name, AT_REMOVEDIR);
}

/* Extended attributes work on paths only below the current directory or by descriptor. */
static int attribute(const struct op *op, struct side *s, struct result *ret)
{
	char path[64], value[700];
	size_t len = op->len % 600;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", side_base(s, op->base), op->path);
	memset(value, 'v', sizeof(value));
	if (op->fill & 2)
		for (size_t i = 0; i < len; i++)
			value[i] = (char)mix(op->fill + i);
	switch (op->kind) {
	case OP_setxattr:
		return op->off & 1 ? setxattr(path, op->text, value, len, op->flags)
				   : lsetxattr(path, op->text, value, len, op->flags);
	case OP_removexattr:
		return removexattr(path, op->text);
	default:
		n = getxattr(path, op->text, op->off & 4 ? NULL : value,
			     op->off & 4	  ? 0
			     : op->off2 % 16 == 0 ? 5
						  : sizeof(value));
		if (n > 0 && !(op->off & 4))
			ret->hash = hash_bytes(ret->hash, value, (size_t)n);
		return (int)n;
	}
}

static int list_attributes(const struct op *op, struct side *s, struct result *ret)
{
	char path[64], names[4096];
	uint64_t sum = 0;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", side_base(s, op->base), op->path);
	n = listxattr(path, names, sizeof(names));
	if (n < 0)
		return -1;
	/* In no order, and without what the mount computes. */
	for (const char *p = names; p < names + n; p += strlen(p) + 1)
		if (strncmp(p, "user.nats.", 10) != 0 && strncmp(p, "user.", 5) == 0)
			sum += hash_bytes(1, p, strlen(p));
	ret->hash = sum;
	return 0;
}

static int set_mode(const struct op *op, struct side *s, int base)
{
	if (op->kind == OP_fchmod)
		return fchmod(s->fds[op->slot], op->mode);
	return fchmodat(base, op->path, op->mode, 0);
}

static int set_owner(const struct op *op, struct side *s, int base)
{
	if (op->kind == OP_fchown)
		return fchown(s->fds[op->slot], op->uid, op->gid);
	return fchownat(base, op->path, op->uid, op->gid, op->flags & 1 ? AT_SYMLINK_NOFOLLOW : 0);
}

static int set_times(const struct op *op, struct side *s, int base)
{
	if (op->kind == OP_futimens)
		return futimens(s->fds[op->slot], op->times);
	return utimensat(base, op->path, op->times, op->flags & 1 ? AT_SYMLINK_NOFOLLOW : 0);
}

static int make_link(const struct op *op, struct side *s, int base, int base2)
{
	char path[40];

	if (op->kind == OP_link)
		return linkat(base, op->path, base2, op->path2, op->flags);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fds[op->slot]);
	return linkat(AT_FDCWD, path, base2, op->path2, AT_SYMLINK_FOLLOW);
}

static int read_link(const struct op *op, int base, struct result *ret)
{
	char target[400];
	ssize_t n = readlinkat(base, op->path, target, sizeof(target));

	if (n > 0)
		ret->hash = hash_bytes(ret->hash, target, (size_t)n);
	return (int)n;
}

static int run_name(const struct op *op, struct side *s, struct result *ret)
{
	int base = side_base(s, op->base), base2 = side_base(s, op->base2);

	switch (op->kind) {
	case OP_rename:
		return renameat2(base, op->path, base2, op->path2, (unsigned)op->flags);
	case OP_exchange:
		return renameat2(base, op->path, base2, op->path2,
				 RENAME_EXCHANGE | (op->flags == 0 ? RENAME_NOREPLACE : 0));
	case OP_link:
	case OP_link_open:
		return make_link(op, s, base, base2);
	case OP_symlink:
		return symlinkat(op->text, base, op->path);
	case OP_readlink:
		return read_link(op, base, ret);
	case OP_unlink:
		return unlinkat(base, op->path, 0);
	case OP_rmdir:
		return unlinkat(base, op->path, AT_REMOVEDIR);
	case OP_mkdir:
		return mkdirat(base, op->path, op->mode);
	case OP_mknod:
		return mknodat(base, op->path, op->mode, makedev(op->uid % 50, op->gid % 300));
	case OP_chmod:
	case OP_fchmod:
		return set_mode(op, s, base);
	case OP_chown:
	case OP_fchown:
		return set_owner(op, s, base);
	case OP_utimens:
	case OP_futimens:
		return set_times(op, s, base);
	case OP_access:
		return faccessat(base, op->path, op->flags * 2, AT_EACCESS);
	case OP_setxattr:
	case OP_getxattr:
	case OP_removexattr:
		return attribute(op, s, ret);
	case OP_listxattr:
		return list_attributes(op, s, ret);
	case OP_remove_tree:
		return remove_tree(base, op->path);
	default:
		return list(side_base(s, op->slot), ret);
	}
}

void op_run(const struct op *op, struct side *s, struct result *ret)
{
	*ret = (struct result){0};
	errno = 0;
	if (op->kind == OP_close_all) {
		for (int i = 0; i < N_SLOTS; i++)
			side_close(s, i);
		return;
	}
	if (op_run_data(op, s, ret))
		return;
	ret->ret = run_name(op, s, ret);
	ret->err = ret->ret < 0 ? errno : 0;
}
