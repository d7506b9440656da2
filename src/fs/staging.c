/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cache_dir.h"
#include "util/io.h"
#include "util/log.h"

#define MEMORY_MIN 4096

int staging_area_init(struct staging_area *a, const char *dir, uint64_t max_bytes,
		      uint64_t max_memory)
{
	*a = (struct staging_area){.max_bytes = max_bytes, .max_memory = max_memory};
	mutex_init(&a->lock, LOCK_RANK_LEAF);
	a->dir = strdup(dir);
	return a->dir ? 0 : -ENOMEM;
}

void staging_area_done(struct staging_area *a)
{
	free(a->dir);
	mutex_done(&a->lock);
}

struct staging *staging_new(struct staging_area *a)
{
	struct staging *s = calloc(1, sizeof(*s));

	if (!s)
		return NULL;
	s->area = a;
	s->fd = -1;
	return s;
}

static void free_memory(struct staging *s)
{
	LOCK_SCOPE(&s->area->lock);
	s->area->used_memory -= s->memory_len;
	free(s->memory);
	s->memory = NULL;
	s->memory_len = 0;
}

/* Makes the memory reach to end; false when the mount has none left for it. */
static bool grow_memory(struct staging *s, uint64_t end)
{
	struct staging_area *a = s->area;
	uint64_t len = MEMORY_MIN;
	uint8_t *memory;

	while (len < end)
		len *= 2;
	LOCK_SCOPE(&a->lock);
	if (len - s->memory_len > a->max_memory - a->used_memory)
		return false;
	memory = realloc(s->memory, (size_t)len);
	if (!memory)
		return false;
	memset(memory + s->memory_len, 0, (size_t)(len - s->memory_len));
	a->used_memory += len - s->memory_len;
	s->memory = memory;
	s->memory_len = len;
	return true;
}

static int open_unlinked(const char *dir)
{
	_cleanup_free_ char *path = NULL;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

	/* Somebody has tidied up. */
	if (fd < 0 && errno == ENOENT && cache_dir_make(dir) == 0)
		fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR))
		return fd >= 0 ? fd : -errno;
	if (asprintf(&path, "%s/staging-XXXXXX", dir) < 0)
		return -ENOMEM;
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)unlink(path);
	return fd;
}

static int charge(struct staging *s, uint64_t bytes)
{
	struct staging_area *a = s->area;

	LOCK_SCOPE(&a->lock);
	if (a->max_bytes &&
	    bytes > a->max_bytes - (a->used < a->max_bytes ? a->used : a->max_bytes))
		return -ENOSPC;
	a->used += bytes;
	s->charged += bytes;
	return 0;
}

/* Counts what the file really occupies: neither holes nor what was written twice. */
static void settle(struct staging *s)
{
	struct stat st;
	uint64_t real;

	if (fstat(s->fd, &st) < 0)
		return;
	real = (uint64_t)st.st_blocks * 512;
	LOCK_SCOPE(&s->area->lock);
	s->area->used = s->area->used - s->charged + real;
	s->charged = real;
}

/* What others keep on the disk only to have it at hand goes first. */
static int write_or_make_room(struct staging *s, uint64_t off, const void *data, size_t len)
{
	const struct staging_area *a = s->area;
	int err;

	do
		err = pwrite_all(s->fd, data, len, off);
	while ((err == -ENOSPC || err == -EDQUOT) && a->make_room && a->make_room(a->arg, len));
	return err;
}

static int write_file(struct staging *s, uint64_t off, const void *data, size_t len, bool is_new)
{
	int err = is_new ? charge(s, len) : 0;

	if (!err)
		err = write_or_make_room(s, off, data, len);
	if (is_new)
		settle(s);
	return err;
}

static int spill(struct staging *s)
{
	int err;

	s->fd = open_unlinked(s->area->dir);
	if (s->fd < 0) {
		err = s->fd;
		s->fd = -1;
		log_error("cannot make a staging file in %s: %s", s->area->dir, strerror(-err));
		/* What is wrong with that directory is not so of the file that is written. */
		return err == -ENOSPC || err == -EDQUOT || err == -ENOMEM ? err : -EIO;
	}
	err = s->memory_len ? write_file(s, 0, s->memory, (size_t)s->memory_len, true) : 0;
	if (!err) {
		free_memory(s);
		return 0;
	}
	(void)close(s->fd);
	s->fd = -1;
	LOCK_SCOPE(&s->area->lock);
	s->area->used -= s->charged;
	s->charged = 0;
	return err;
}

void staging_free(struct staging *s)
{
	if (!s)
		return;
	free_memory(s);
	if (s->fd >= 0) {
		(void)close(s->fd);
		LOCK_SCOPE(&s->area->lock);
		s->area->used -= s->charged;
	}
	free(s);
}

bool staging_may_wait(const struct staging *s, uint64_t end)
{
	return s->fd >= 0 || end > STAGING_MEMORY;
}

int staging_write(struct staging *s, uint64_t off, const void *data, size_t len, bool is_new)
{
	uint64_t end = off + len;
	int err = 0;

	if (s->fd < 0 && (end > STAGING_MEMORY || (end > s->memory_len && !grow_memory(s, end))))
		err = spill(s);
	if (err)
		return err;
	if (s->fd >= 0)
		return write_file(s, off, data, len, is_new);
	memcpy(s->memory + off, data, len);
	return 0;
}

int staging_read(struct staging *s, uint64_t off, void *data, size_t len)
{
	if (s->fd >= 0)
		return pread_all(s->fd, data, len, off);
	if (off + len > s->memory_len)
		return -EIO;
	memcpy(data, s->memory + off, len);
	return 0;
}

void staging_discard(struct staging *s, uint64_t from, uint64_t to)
{
	struct stat st;

	if (s->fd < 0 || fstat(s->fd, &st) < 0 || from >= (uint64_t)st.st_size)
		return;
	/* Only room is lost when the file system cannot do either. */
	if (to >= (uint64_t)st.st_size)
		(void)!ftruncate(s->fd, (off_t)from);
	else
		(void)fallocate(s->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
				(off_t)(to - from));
	settle(s);
}
