/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "util/log.h"

int staging_area_init(struct staging_area *a, const char *dir, uint64_t max_bytes)
{
	*a = (struct staging_area){.max_bytes = max_bytes};
	mutex_init(&a->lock, LOCK_RANK_LEAF);
	a->dir = strdup(dir);
	return a->dir ? 0 : -ENOMEM;
}

void staging_area_done(struct staging_area *a)
{
	free(a->dir);
	mutex_done(&a->lock);
}

static int open_unlinked(const char *dir)
{
	_cleanup_free_ char *path = NULL;
	int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);

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

int staging_new(struct staging_area *a, struct staging **ret)
{
	struct staging *s;
	int fd = open_unlinked(a->dir);

	if (fd < 0) {
		log_error("cannot make a staging file in %s: %s", a->dir, strerror(-fd));
		return fd;
	}
	s = calloc(1, sizeof(*s));
	if (!s) {
		(void)close(fd);
		return -ENOMEM;
	}
	s->area = a;
	s->fd = fd;
	*ret = s;
	return 0;
}

/* Reserves bytes more under the common limit. */
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

static void uncharge(struct staging *s, uint64_t bytes)
{
	LOCK_SCOPE(&s->area->lock);
	s->area->used -= bytes;
	s->charged -= bytes;
}

void staging_free(struct staging *s)
{
	if (!s)
		return;
	uncharge(s, s->charged);
	(void)close(s->fd);
	free(s);
}

/* Counts what the file really occupies, so that holes are free. */
static void settle(struct staging *s)
{
	struct stat st;
	uint64_t real;

	if (fstat(s->fd, &st) < 0)
		return;
	real = (uint64_t)st.st_blocks * 512;
	if (real < s->charged)
		uncharge(s, s->charged - real);
}

int staging_write(struct staging *s, uint64_t off, const void *data, size_t len)
{
	const char *p = data;
	uint64_t end = off + len;
	int err;

	/* Overwriting within the charged size costs nothing; settle() corrects what holes saved. */
	if (end > s->charged) {
		err = charge(s, len);
		if (err) {
			settle(s);
			err = charge(s, len);
		}
		if (err)
			return err;
	}
	while (len > 0) {
		ssize_t n = pwrite(s->fd, p, len, (off_t)(end - len));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= (size_t)n;
	}
	if (end > s->size)
		s->size = end;
	return 0;
}

ssize_t staging_read(struct staging *s, uint64_t off, void *data, size_t len)
{
	char *p = data;
	size_t done = 0;

	while (done < len) {
		ssize_t n = pread(s->fd, p + done, len - done, (off_t)(off + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int staging_truncate(struct staging *s, uint64_t size)
{
	if (ftruncate(s->fd, (off_t)size) < 0)
		return -errno;
	s->size = size;
	settle(s);
	return 0;
}
