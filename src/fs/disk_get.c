/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A get that stands before the store's (disk_cache.h). It is counted: its owner, each block under
 * way and each job hold a reference. The owner's ends on the writer's thread, because closing a
 * file that was removed can take a while. The store's get (inner) is closed with the owner, or by
 * the last that uses it just then: store_get_chunk must not be called later.
 *
 * No lock is held while the store is called.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "fs/disk_internal.h"
#include "fs/file.h"

static struct disk_get *get_of(struct store_get *sg)
{
	return container_of(sg, struct disk_get, pub);
}

struct disk_get *disk_get_ref(struct disk_get *g)
{
	atomic_fetch_add(&g->refs, 1);
	return g;
}

void disk_get_unref(struct disk_get *g)
{
	if (!g || atomic_fetch_sub(&g->refs, 1) != 1)
		return;
	disk_file_done(&g->file);
	free(g->checked);
	cond_done(&g->opened);
	mutex_done(&g->lock);
	free(g);
}

bool disk_get_enter(struct disk_get *g)
{
	LOCK_SCOPE(&g->lock);
	if (g->is_closed)
		return false;
	g->n_inner++;
	return true;
}

void disk_get_leave(struct disk_get *g)
{
	bool is_last;

	mutex_lock(&g->lock);
	is_last = --g->n_inner == 0 && g->is_closed;
	mutex_unlock(&g->lock);
	if (is_last)
		store_get_close(g->inner);
}

static void run_closing(struct disk_job *job)
{
	struct disk_get *g = container_of(job, struct disk_get, closing);
	bool has_file;

	/* It may be closed before it was opened. */
	mutex_lock(&g->lock);
	has_file = g->state == OPENED;
	mutex_unlock(&g->lock);
	if (has_file)
		disk_file_touch(&g->file);
	disk_get_unref(g);
}

static void get_close(struct store_get *sg)
{
	struct disk_get *g = get_of(sg);
	bool is_last;

	mutex_lock(&g->lock);
	g->is_closed = true;
	is_last = g->n_inner == 0;
	mutex_unlock(&g->lock);
	if (is_last)
		store_get_close(g->inner);
	disk_run_write(g->cache, &g->closing);
}

/* The store's index is asked for as soon as it is clear that it will be needed. */
static void look_at_store(struct disk_get *g)
{
	if (!disk_get_enter(g))
		return;
	(void)!store_get_index(g->inner, false);
	disk_get_leave(g);
}

static void run_opening(struct disk_job *job)
{
	struct disk_get *g = container_of(job, struct disk_get, opening);
	const struct disk_file *f = &g->file;
	bool is_complete;

	if (disk_file_open(&g->file) < 0)
		atomic_store(&g->file.is_dropped, true);
	is_complete = f->fd >= 0 && !atomic_load(&f->is_dropped) &&
		      atomic_load(&f->n_present) == f->n_blocks;
	atomic_store(&g->is_verified, is_complete && atomic_load(&f->is_whole));
	if (!is_complete)
		look_at_store(g);
	disk_checked_begin(g);
	mutex_lock(&g->lock);
	g->state = OPENED;
	cond_broadcast(&g->opened);
	mutex_unlock(&g->lock);
	disk_get_unref(g);
}

bool disk_get_is_opened(struct disk_get *g, bool may_wait)
{
	LOCK_SCOPE(&g->lock);
	if (g->state == NOT_OPENED) {
		g->state = OPENING;
		(void)disk_get_ref(g);
		disk_run_read(g->cache, &g->opening);
	}
	while (may_wait && g->state != OPENED)
		cond_wait(&g->opened, &g->lock);
	return g->state == OPENED;
}

static int get_index(struct store_get *sg, bool may_wait)
{
	struct disk_get *g = get_of(sg);

	if (!disk_get_is_opened(g, may_wait))
		return -EINPROGRESS;
	if (!atomic_load(&g->needs_inner) && !atomic_load(&g->file.is_dropped) &&
	    atomic_load(&g->file.n_present) > 0)
		return 0;
	return store_get_index(g->inner, may_wait);
}

static void get_locate(struct store_get *sg, uint64_t off, uint32_t *ret_idx, uint64_t *ret_off)
{
	const struct disk_get *g = get_of(sg);

	*ret_idx = (uint32_t)(off / g->file.block_size);
	*ret_off = (uint64_t)*ret_idx * g->file.block_size;
}

static void run_dropping(struct disk_job *job)
{
	struct disk_get *g = container_of(job, struct disk_get, dropping);

	disk_file_drop(&g->file);
	disk_get_unref(g);
}

bool disk_get_drop(struct disk_get *g)
{
	atomic_store(&g->is_verified, false);
	if (atomic_exchange(&g->file.is_dropped, true))
		return false;
	(void)disk_get_ref(g);
	disk_run_write(g->cache, &g->dropping);
	return true;
}

static void run_finishing(struct disk_job *job)
{
	struct disk_get *g = container_of(job, struct disk_get, finishing);

	disk_file_finish(&g->file);
	disk_checked_all(g);
	disk_get_unref(g);
}

void disk_get_judge(struct store_get *sg, bool is_right)
{
	struct disk_get *g = get_of(sg);

	if (!is_right) {
		(void)disk_get_drop(g);
		return;
	}
	if (atomic_exchange(&g->is_finishing, true))
		return;
	/* Behind the blocks that wait to be written. */
	(void)disk_get_ref(g);
	disk_run_write(g->cache, &g->finishing);
}

static void run_ahead(struct disk_job *job)
{
	struct disk_get *g = container_of(job, struct disk_get, ahead);
	uint64_t from, to;

	mutex_lock(&g->lock);
	from = g->ahead_from;
	to = g->ahead_to;
	g->is_reading_ahead = false;
	mutex_unlock(&g->lock);
	(void)posix_fadvise(g->file.fd, (off_t)from, (off_t)(to - from), POSIX_FADV_WILLNEED);
	disk_get_unref(g);
}

void disk_get_will_need(struct store_get *sg, uint64_t from, uint64_t to)
{
	struct disk_get *g = get_of(sg);

	LOCK_SCOPE(&g->lock);
	g->ahead_from = from;
	g->ahead_to = to;
	if (g->is_reading_ahead)
		return;
	g->is_reading_ahead = true;
	(void)disk_get_ref(g);
	disk_run_read(g->cache, &g->ahead);
}

uint64_t disk_get_block_size(struct store_get *sg)
{
	return get_of(sg)->file.block_size;
}

bool disk_get_is_verified(struct store_get *sg)
{
	return atomic_load(&get_of(sg)->is_verified);
}

/* Whether the object's chunks are about as large as the blocks would be, as far as its metadata
 * say: a chunk is fetched for each block that it is a part of. */
static bool is_fit(const struct disk_file *f, const struct obj_info *info)
{
	return f->n_blocks <= 2 * (uint64_t)info->chunks + 1 &&
	       info->chunks <= 64 * (uint64_t)f->n_blocks;
}

static const struct store_ops disk_get_ops = {
	.get_close = get_close,
	.get_index = get_index,
	.get_locate = get_locate,
	.get_chunk = disk_get_chunk,
};

int disk_get_open(struct disk_cache *c, struct store *s, const struct obj_info *info,
		  struct store_get **ret)
{
	struct disk_get *g = calloc(1, sizeof(*g));
	int err;

	if (!g)
		return -ENOMEM;
	g->pub.ops = &disk_get_ops;
	g->cache = c;
	atomic_init(&g->refs, 1);
	mutex_init(&g->lock, LOCK_RANK_STORE);
	cond_init(&g->opened);
	g->opening.run = run_opening;
	g->closing.run = run_closing;
	g->ahead.run = run_ahead;
	g->finishing.run = run_finishing;
	g->dropping.run = run_dropping;
	err = disk_file_init(&g->file, c->dir_fd, s->bucket, info);
	if (!err && !is_fit(&g->file, info))
		err = -EFBIG;
	if (!err)
		err = store_get_open(s, info, &g->inner);
	if (err) {
		disk_get_unref(g);
		return err;
	}
	*ret = &g->pub;
	return 0;
}
