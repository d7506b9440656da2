/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The limit of the disk cache. Nothing but the directory itself says what is in it: other mounts
 * add and remove files too. So the files are counted at the start, whenever the limit is reached by
 * what is known, and after each 32nd part of it. Of two mounts that count at the same time one
 * removes.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

#include "fs/disk_file.h"
#include "fs/disk_internal.h"
#include "util/clock.h"

/* Files remembered in one walk, which are the oldest: a directory of millions takes no more memory
 * than this. */
#define OLDEST_MAX 16384
/* Threads that remove files, and how many files are worth them. */
#define REMOVERS 8
#define MANY 256
/* Between two looks at the free space of the disk. */
#define FLOOR_STEP (UINT64_C(4) << 20)
/* When another mount is to make room. */
#define PAUSE_NS (UINT64_C(5) * NS_PER_SEC)
/* When somebody else needs the room. */
#define YIELD_NS (UINT64_C(30) * NS_PER_SEC)

struct entry {
	struct timespec used;
	uint64_t bytes;
	char name[DISK_NAME_MAX];
};

struct walk {
	uint64_t bytes;
	size_t n;
	bool is_cut; /* there are more files than these */
	struct entry oldest[2 * OLDEST_MAX];
};

static int by_age(const void *a, const void *b)
{
	const struct timespec *x = &((const struct entry *)a)->used;
	const struct timespec *y = &((const struct entry *)b)->used;

	if (x->tv_sec != y->tv_sec)
		return x->tv_sec < y->tv_sec ? -1 : 1;
	return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

/* Leaves the oldest of all that were noted. */
static void sort(struct walk *w)
{
	qsort(w->oldest, w->n, sizeof(w->oldest[0]), by_age);
	w->is_cut |= w->n == ARRAY_LEN(w->oldest);
	if (w->is_cut && w->n > OLDEST_MAX)
		w->n = OLDEST_MAX;
}

static void note(struct walk *w, const char *name, const struct stat *st)
{
	struct entry *e;

	if (w->n == ARRAY_LEN(w->oldest))
		sort(w);
	e = &w->oldest[w->n++];
	e->used = st->st_mtim;
	e->bytes = (uint64_t)st->st_blocks * 512;
	strcpy(e->name, name);
}

static int walk(struct disk_cache *c, struct walk *w)
{
	int fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *d;
	struct stat st;

	w->bytes = 0;
	w->n = 0;
	w->is_cut = false;
	if (!dir) {
		int err = -errno;

		if (fd >= 0)
			(void)close(fd);
		return err;
	}
	while ((d = readdir(dir))) {
		enum disk_name kind = disk_name_kind(d->d_name);

		if (kind == DISK_NAME_OTHER ||
		    fstatat(c->dir_fd, d->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
			continue;
		w->bytes += (uint64_t)st.st_blocks * 512;
		/* A record goes with its blocks. */
		if (kind == DISK_NAME_BLOCKS || disk_name_is_orphan(c->dir_fd, d->d_name))
			note(w, d->d_name, &st);
	}
	(void)closedir(dir);
	sort(w);
	return 0;
}

/* How much is missing to the floor of free space. */
static uint64_t missing_space(const struct disk_cache *c)
{
	struct statvfs st;
	uint64_t free_bytes;

	if (c->min_free == 0 || fstatvfs(c->dir_fd, &st) < 0)
		return 0;
	free_bytes = (uint64_t)st.f_bavail * st.f_frsize;
	return free_bytes < c->min_free ? c->min_free - free_bytes : 0;
}

/* What has to go. Once something has, more goes than must, for a while of rest. Nothing goes for a
 * floor that others have filled up: all there is would be lost in vain. */
static uint64_t too_much(const struct disk_cache *c, uint64_t bytes)
{
	uint64_t slack = c->max_bytes / 16, missing = missing_space(c), over = 0;

	if (bytes > c->max_bytes - slack)
		over = bytes - (c->max_bytes - 2 * slack);
	if (missing > bytes)
		missing = 0;
	return over > missing ? over : missing;
}

/* The oldest files, on their way out. */
struct removal {
	struct disk_cache *cache;
	const struct walk *walk;
	uint64_t over;
	_Atomic uint64_t gone;
	atomic_size_t next;
};

static void *remove_main(void *arg)
{
	struct removal *r = arg;
	const struct entry *e;
	int64_t more;
	size_t i;

	while (atomic_load(&r->gone) < r->over &&
	       (i = atomic_fetch_add(&r->next, 1)) < r->walk->n) {
		e = &r->walk->oldest[i];
		more = disk_name_remove(r->cache->dir_fd, e->name);
		if (more < 0)
			continue;
		atomic_fetch_add(&r->gone, e->bytes + (uint64_t)more);
		atomic_fetch_add(&r->cache->evictions, 1);
	}
	return NULL;
}

/* Bytes that went. Each removal may wait for the disk's journal, where several can wait at once. */
static uint64_t remove_oldest(struct disk_cache *c, struct walk *w, uint64_t over)
{
	struct removal r = {.cache = c, .walk = w, .over = over};
	pthread_t threads[REMOVERS - 1];
	unsigned int n = 0;
	uint64_t gone;

	while (n < ARRAY_LEN(threads) && w->n > MANY &&
	       thread_start(&threads[n], "disk-evict", remove_main, &r) == 0)
		n++;
	(void)remove_main(&r);
	while (n > 0)
		(void)pthread_join(threads[--n], NULL);
	gone = atomic_load(&r.gone);
	w->bytes -= gone < w->bytes ? gone : w->bytes;
	atomic_fetch_add(&c->evicted_bytes, gone);
	return gone;
}

void disk_count(struct disk_cache *c)
{
	struct walk *w = malloc(sizeof(*w));
	int lock_fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* Whoever has the lock removes for all. */
	bool is_mine = lock_fd >= 0 && flock(lock_fd, LOCK_EX | LOCK_NB) == 0;
	bool has_walked = w && walk(c, w) == 0;
	/* Decided once: what is removed need not show on the disk at once. */
	uint64_t over = has_walked && is_mine ? too_much(c, w->bytes) : 0, gone = 0;

	c->since_count = 0;
	do {
		over -= gone < over ? gone : over;
		gone = over > 0 ? remove_oldest(c, w, over) : 0;
		/* There may be more files than one walk notes. */
	} while (gone > 0 && gone < over && walk(c, w) == 0);
	if (has_walked)
		atomic_store(&c->bytes, w->bytes);
	if (lock_fd >= 0)
		(void)close(lock_fd);
	free(w);
}

uint64_t disk_yield(struct disk_cache *c, uint64_t bytes)
{
	_cleanup_free_ struct walk *w = malloc(sizeof(*w));
	uint64_t gone = 0;

	c->paused_ns = clock_now_ns() + YIELD_NS;
	if (w && walk(c, w) == 0) {
		gone = remove_oldest(c, w, bytes + c->max_bytes / 16);
		atomic_store(&c->bytes, w->bytes);
	}
	return gone;
}

static bool is_too_full(const struct disk_cache *c, uint64_t bytes)
{
	return atomic_load(&c->bytes) + bytes > c->max_bytes;
}

bool disk_has_room(struct disk_cache *c, uint64_t bytes)
{
	bool is_time = c->since_floor >= FLOOR_STEP;

	if (clock_now_ns() < c->paused_ns)
		return false;
	if (is_time)
		c->since_floor = 0;
	if (!is_too_full(c, bytes) && c->since_count <= c->max_bytes / 32 &&
	    (!is_time || missing_space(c) == 0))
		return true;
	disk_count(c);
	if (missing_space(c) > 0)
		disk_note_error(c, -ENOSPC);
	else if (is_too_full(c, bytes))
		c->paused_ns = clock_now_ns() + PAUSE_NS;
	else
		return true;
	return false;
}

void disk_note_written(struct disk_cache *c, uint64_t bytes)
{
	atomic_fetch_add(&c->bytes, bytes);
	atomic_fetch_add(&c->stored_bytes, bytes);
	c->since_count += bytes;
	c->since_floor += bytes;
}
