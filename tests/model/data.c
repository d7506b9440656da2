/* SPDX-License-Identifier: Apache-2.0 */

/* Operations on descriptors. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "model.h"

static uint8_t buffer[1 << 20];

static const void *fill(const struct op *op)
{
	for (size_t i = 0; i < op->len; i += 8) {
		uint64_t word = op->fill ? mix(op->fill + i) : 0;

		memcpy(buffer + i, &word, 8);
	}
	return buffer;
}

static bool is_regular(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

static long do_open(const struct op *op, struct side *s)
{
	int flags = op->kind == OP_opendir ? O_RDONLY | O_DIRECTORY : op->flags | O_NONBLOCK;
	int fd;

	side_close(s, op->slot);
	fd = openat(side_base(s, op->base), op->path, flags & ~O_DIRECT, op->mode & 0777);
	if (fd < 0)
		return -1;
	s->fds[op->slot] = fd;
	/* Plain file systems have rules of their own about where and how it may be used. */
	if ((flags & (O_DIRECT | O_PATH)) == O_DIRECT && !s->is_reference && is_regular(fd) &&
	    fcntl(fd, F_SETFL, flags & (O_APPEND | O_NONBLOCK | O_DIRECT)) < 0)
		return -1;
	return 0;
}

static long do_dup(const struct op *op, struct side *s)
{
	int fd = dup(s->fds[op->slot]);

	if (fd < 0)
		return -1;
	side_close(s, op->slot2);
	s->fds[op->slot2] = fd;
	return 0;
}

static long do_read(const struct op *op, int fd, struct result *ret)
{
	long n = op->kind == OP_read ? read(fd, buffer, op->len)
				     : pread(fd, buffer, op->len, (off_t)op->off);

	if (n > 0)
		ret->hash = hash_bytes(ret->hash, buffer, (size_t)n);
	return n;
}

/* Positions in directories and devices mean something else everywhere. */
static long do_seek(const struct op *op, int fd)
{
	if (!is_regular(fd))
		return 0;
	return lseek(fd, (off_t)op->off - (op->flags == SEEK_SET ? 0 : 64), op->flags);
}

static bool is_zero(int fd, off_t from, off_t to)
{
	while (from < to) {
		size_t len =
			to - from < (off_t)sizeof(buffer) ? (size_t)(to - from) : sizeof(buffer);
		ssize_t n = pread(fd, buffer, len, from);

		for (ssize_t i = 0; i < n; i++)
			if (buffer[i])
				return false;
		if (n <= 0)
			return n == 0 || errno == EBADF;
		from += n;
	}
	return true;
}

/* Where holes lie is the file system's affair; that they are holes is not. */
static long do_seek_hole(const struct op *op, int fd)
{
	off_t size, at;
	int err;

	if (!is_regular(fd))
		return 0;
	size = lseek(fd, 0, SEEK_END);
	if (size < 0)
		return -1;
	errno = 0;
	at = lseek(fd, (off_t)op->off, op->flags);
	err = errno;
	(void)lseek(fd, 0, SEEK_SET);
	errno = err;
	if ((off_t)op->off >= size)
		return at < 0 ? -1 : 1;
	if (op->flags == SEEK_HOLE)
		return at < (off_t)op->off || at > size ? 2 : 0;
	if (at < 0 && err != ENXIO)
		return -1;
	if (at >= 0 && at < (off_t)op->off)
		return 3;
	return is_zero(fd, (off_t)op->off, at < 0 ? size : at) ? 0 : 4;
}

static long do_truncate(const struct op *op, struct side *s)
{
	char path[64];
	struct stat st;

	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", side_base(s, op->base), op->path);
	/* Whether the time changes when the size does not is left open. */
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == (off_t)op->off)
		return 0;
	return truncate(path, (off_t)op->off);
}

static long do_mmap(const struct op *op, struct side *s, struct result *ret)
{
	bool writes = op->flags & 1, syncs = op->flags & 2, closes = op->off2 & 1;
	long page = sysconf(_SC_PAGESIZE);
	struct stat st;
	off_t at, start;
	size_t len = op->len;
	uint8_t *map;

	if (fstat(s->fds[op->slot], &st) < 0)
		return -1;
	if (!S_ISREG(st.st_mode) || st.st_size == 0)
		return 0;
	at = (off_t)(op->off % (uint64_t)st.st_size);
	if ((off_t)len > st.st_size - at)
		len = (size_t)(st.st_size - at);
	start = at - at % page;
	map = mmap(NULL, len + (size_t)(at - start) + 1, PROT_READ | (writes ? PROT_WRITE : 0),
		   MAP_SHARED, s->fds[op->slot], start);
	if (map == MAP_FAILED)
		return -1;
	/* A mapping outlives the descriptor. */
	if (closes)
		side_close(s, op->slot);
	if (writes)
		memcpy(map + (at - start), fill(op), len);
	ret->hash = hash_bytes(ret->hash, map + (at - start), len);
	if (syncs && msync(map, len + (size_t)(at - start), MS_SYNC) < 0)
		return -1;
	return munmap(map, len + (size_t)(at - start) + 1);
}

static long do_fallocate(const struct op *op, struct side *s)
{
	int fd = s->fds[op->slot];
	bool keeps = op->flags & FALLOC_FL_KEEP_SIZE;
	struct stat st;

	if (op->kind == OP_refused_fallocate) {
		int err;

		if (s->is_reference)
			return 0;
		if (fallocate(fd, op->flags, 4096, 4096) == 0)
			return 1;
		err = errno;
		return err == EOPNOTSUPP || err == EBADF || err == ENODEV || err == EINVAL ||
				       err == EPERM || err == ESPIPE || err == EISDIR
			       ? 0
			       : -1;
	}
	if (fallocate(fd, op->flags, (off_t)op->off, (off_t)op->len) == 0)
		return 0;
	if (!s->is_reference || errno != EOPNOTSUPP || !(op->flags & FALLOC_FL_ZERO_RANGE))
		return -1;
	/* The plain file system need not know how to zero a range. */
	if (fallocate(fd, keeps ? FALLOC_FL_KEEP_SIZE : 0, (off_t)op->off, (off_t)op->len) < 0 ||
	    fstat(fd, &st) < 0)
		return -1;
	return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)op->off,
			 (off_t)op->len);
}

static long do_copy(const struct op *op, struct side *s)
{
	loff_t from = (loff_t)op->off, to = (loff_t)op->off2;
	size_t left = op->len;
	long total = 0;

	while (left > 0) {
		ssize_t n =
			copy_file_range(s->fds[op->slot], &from, s->fds[op->slot2], &to, left, 0);

		if (n < 0 && total == 0)
			return -1;
		if (n <= 0)
			break;
		total += n;
		left -= (size_t)n;
	}
	return total;
}

static long do_lock(const struct op *op, int fd)
{
	struct flock lock = {
		.l_type = (short)(op->flags == 0   ? F_UNLCK
				  : op->flags == 1 ? F_RDLCK
						   : F_WRLCK),
		.l_whence = SEEK_SET,
		.l_start = (off_t)op->off,
		.l_len = (off_t)op->len,
	};

	if (op->kind == OP_flock)
		return flock(fd, LOCK_NB | (op->flags == 0   ? LOCK_UN
					    : op->flags == 1 ? LOCK_SH
							     : LOCK_EX));
	return fcntl(fd, F_SETLK, &lock);
}

static long run_data(const struct op *op, struct side *s, struct result *ret)
{
	int fd = s->fds[op->slot];

	switch (op->kind) {
	case OP_open:
	case OP_opendir:
		return do_open(op, s);
	case OP_close:
		s->fds[op->slot] = -1;
		return close(fd);
	case OP_dup:
		return do_dup(op, s);
	case OP_write:
		return write(fd, fill(op), op->len);
	case OP_pwrite:
		return pwrite(fd, fill(op), op->len, (off_t)op->off);
	case OP_read:
	case OP_pread:
		return do_read(op, fd, ret);
	case OP_lseek:
		return do_seek(op, fd);
	case OP_seek_hole:
		return do_seek_hole(op, fd);
	case OP_truncate:
		return do_truncate(op, s);
	case OP_ftruncate:
		return ftruncate(fd, (off_t)op->off);
	case OP_mmap:
		return do_mmap(op, s, ret);
	case OP_fallocate:
	case OP_refused_fallocate:
		return do_fallocate(op, s);
	case OP_copy_file_range:
		return do_copy(op, s);
	case OP_fsync:
		return op->flags & 1 ? fsync(fd) : fdatasync(fd);
	default:
		return do_lock(op, fd);
	}
}

static bool is_data(enum kind kind)
{
	return (kind >= OP_open && kind <= OP_fsync) || kind == OP_flock || kind == OP_lock;
}

bool op_run_data(const struct op *op, struct side *s, struct result *ret)
{
	if (!is_data(op->kind))
		return false;
	ret->ret = run_data(op, s, ret);
	ret->err = ret->ret < 0 ? errno : 0;
	return true;
}
