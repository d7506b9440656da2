/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/disk_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cache_dir.h"
#include "fs/disk_internal.h"
#include "util/clock.h"
#include "util/log.h"

#define SUBDIR "content"
/* Bytes that may wait for the disk, besides what the chunk cache has. */
#define WAITING_MAX (UINT64_C(16) << 20)
/* After the disk was full. */
#define PAUSE_NS (UINT64_C(30) * NS_PER_SEC)

static int open_dir(const char *dir)
{
	mode_t mode;
	_cleanup_close_ int fd = cache_dir_open(dir, SUBDIR, &mode);

	/* Who else could write there could make us serve other content. */
	if (fd >= 0 && (mode & 0777) != 0700 && fchmod(fd, 0700) < 0)
		return -errno;
	return steal_fd(&fd);
}

int disk_cache_check(const char *dir)
{
	_cleanup_close_ int fd = open_dir(dir);

	if (fd < 0)
		return fd;
	return faccessat(fd, ".", W_OK | X_OK, AT_EACCESS) < 0 ? -errno : 0;
}

static void queue_init(struct disk_queue *q)
{
	list_init(&q->jobs);
	cond_init(&q->changed);
}

static void add_locked(struct disk_queue *q, struct disk_job *job)
{
	list_push_back(&q->jobs, &job->link);
	q->bytes += job->bytes;
	cond_signal(&q->changed);
}

void disk_run_read(struct disk_cache *c, struct disk_job *job)
{
	LOCK_SCOPE(&c->lock);
	add_locked(&c->reads, job);
}

void disk_run_write(struct disk_cache *c, struct disk_job *job)
{
	LOCK_SCOPE(&c->lock);
	add_locked(&c->writes, job);
}

bool disk_try_write(struct disk_cache *c, struct disk_job *job)
{
	LOCK_SCOPE(&c->lock);
	/* One is taken whatever its size. */
	if (c->writes.bytes > 0 && c->writes.bytes + job->bytes > WAITING_MAX)
		return false;
	add_locked(&c->writes, job);
	return true;
}

static struct disk_job *next_job_locked(struct disk_cache *c, struct disk_queue *q)
{
	struct disk_job *job;

	while (list_is_empty(&q->jobs)) {
		if (q->is_stopping)
			return NULL;
		cond_wait(&q->changed, &c->lock);
	}
	job = list_entry(list_pop_front(&q->jobs), struct disk_job, link);
	q->bytes -= job->bytes;
	return job;
}

static void *work(struct disk_cache *c, struct disk_queue *q)
{
	struct disk_job *job;

	mutex_lock(&c->lock);
	while ((job = next_job_locked(c, q))) {
		mutex_unlock(&c->lock);
		job->run(job);
		mutex_lock(&c->lock);
	}
	mutex_unlock(&c->lock);
	return NULL;
}

static void *reader_main(void *arg)
{
	struct disk_cache *c = arg;

	return work(c, &c->reads);
}

static void *writer_main(void *arg)
{
	struct disk_cache *c = arg;

	disk_count(c);
	return work(c, &c->writes);
}

static int start_threads(struct disk_cache *c)
{
	int err = thread_start(&c->writer, "disk-write", writer_main, c);

	c->has_writer = err == 0;
	while (!err && c->n_readers < DISK_READERS) {
		err = thread_start(&c->readers[c->n_readers], "disk-read", reader_main, c);
		c->n_readers += err == 0;
	}
	return err;
}

static void stop(struct disk_cache *c, struct disk_queue *q)
{
	LOCK_SCOPE(&c->lock);
	q->is_stopping = true;
	cond_broadcast(&q->changed);
}

static void stop_threads(struct disk_cache *c)
{
	/* Readers make work for the writer. */
	stop(c, &c->reads);
	while (c->n_readers > 0)
		(void)pthread_join(c->readers[--c->n_readers], NULL);
	stop(c, &c->writes);
	if (c->has_writer)
		(void)pthread_join(c->writer, NULL);
}

int disk_cache_new(const char *dir, uint64_t max_bytes, uint64_t min_free, struct disk_cache **ret)
{
	struct disk_cache *c = calloc(1, sizeof(*c));
	int err;

	if (!c)
		return -ENOMEM;
	c->dir_fd = -1;
	c->max_bytes = max_bytes;
	c->min_free = min_free;
	c->since_floor = UINT64_MAX / 2; /* looked at before the first byte is written */
	mutex_init(&c->lock, LOCK_RANK_LEAF);
	queue_init(&c->reads);
	queue_init(&c->writes);
	c->dir = strdup(dir);
	if (asprintf(&c->path, "%s/" SUBDIR, dir) < 0)
		c->path = NULL;
	c->dir_fd = open_dir(dir);
	err = !c->dir || !c->path ? -ENOMEM : c->dir_fd < 0 ? c->dir_fd : disk_checked_init(c);
	if (!err)
		err = start_threads(c);
	if (err) {
		disk_cache_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

void disk_cache_free(struct disk_cache *c)
{
	if (!c)
		return;
	stop_threads(c);
	cond_done(&c->reads.changed);
	cond_done(&c->writes.changed);
	mutex_done(&c->lock);
	if (c->dir_fd >= 0)
		(void)close(c->dir_fd);
	free(c->notes);
	free(c->dir);
	free(c->path);
	free(c);
}

/* Something that the writer's thread does while another waits for it. */
struct errand {
	struct disk_job job;
	struct disk_cache *cache;
	uint64_t bytes; /* to be freed; in the end: that were */
	struct mutex lock;
	struct cond done;
	bool is_done;
};

static void run_errand(struct disk_job *job)
{
	struct errand *e = container_of(job, struct errand, job);

	if (e->bytes > 0)
		e->bytes = disk_yield(e->cache, e->bytes);
	LOCK_SCOPE(&e->lock);
	e->is_done = true;
	cond_signal(&e->done);
}

/* Bytes that were freed. */
static uint64_t send_errand(struct disk_cache *c, uint64_t bytes)
{
	struct errand e = {.job.run = run_errand, .cache = c, .bytes = bytes};

	mutex_init(&e.lock, LOCK_RANK_LEAF);
	cond_init(&e.done);
	disk_run_write(c, &e.job);
	mutex_lock(&e.lock);
	while (!e.is_done)
		cond_wait(&e.done, &e.lock);
	mutex_unlock(&e.lock);
	cond_done(&e.done);
	mutex_done(&e.lock);
	return e.bytes;
}

void disk_cache_sync(struct disk_cache *c)
{
	(void)send_errand(c, 0);
}

/* The directory may have a file system of its own. */
static bool shares_disk(const struct disk_cache *c)
{
	struct stat own, above;

	return fstat(c->dir_fd, &own) == 0 && stat(c->dir, &above) == 0 &&
	       own.st_dev == above.st_dev;
}

bool disk_cache_make_room(struct disk_cache *c, uint64_t bytes)
{
	return shares_disk(c) && send_errand(c, bytes > 0 ? bytes : 1) > 0;
}

int disk_reopen(struct disk_cache *c)
{
	_cleanup_close_ int fd = open_dir(c->dir);

	if (fd < 0)
		return fd;
	/* In one step, for other threads use the number. */
	if (dup3(fd, c->dir_fd, O_CLOEXEC) < 0)
		return -errno;
	log_warn("disk cache %s was removed: it begins anew", c->path);
	disk_count(c);
	return 0;
}

void disk_note_error(struct disk_cache *c, int err)
{
	bool is_full = err == -ENOSPC || err == -EDQUOT;

	c->paused_ns = clock_now_ns() + PAUSE_NS;
	if (!is_full)
		atomic_store(&c->is_off, true);
	if (atomic_exchange(&c->has_complained, true))
		return;
	log_warn("disk cache %s: %s: %s", c->path, strerror(-err),
		 is_full ? "it takes nothing more while there is no room" : "it is off");
}

void disk_cache_stats(struct disk_cache *c, struct disk_cache_stats *ret)
{
	*ret = (struct disk_cache_stats){
		.hits = atomic_load(&c->hits),
		.hit_bytes = atomic_load(&c->hit_bytes),
		.misses = atomic_load(&c->misses),
		.miss_bytes = atomic_load(&c->miss_bytes),
		.stored_bytes = atomic_load(&c->stored_bytes),
		.skipped_bytes = atomic_load(&c->skipped_bytes),
		.evictions = atomic_load(&c->evictions),
		.evicted_bytes = atomic_load(&c->evicted_bytes),
		.damaged = atomic_load(&c->damaged),
		.bytes = atomic_load(&c->bytes),
		.max_bytes = c->max_bytes,
		.is_off = atomic_load(&c->is_off),
	};
}
