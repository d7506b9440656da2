/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One block of a content: from the disk if it is there, without waiting if the kernel has it in
 * memory; else put together from the store's chunks, which are the same where all are of one size,
 * and then kept.
 *
 * A block ends with its answer. Until then it holds a reference to its get. No lock is held while a
 * callback runs or the store is called.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/disk_internal.h"
#include "fs/file.h"
#include "util/clock.h"
#include "util/log.h"

/* One block that was asked for. */
struct block {
	struct disk_get *get; /* a reference */
	uint32_t idx;
	get_chunk_fn fn;
	void *arg;
	struct disk_job reading;
	/* From the store. */
	uint32_t first, n_parts;
	uint64_t first_off; /* of the first part in the content */
	struct chunk **parts;
	atomic_uint left;
	atomic_int err;
};

/* One block on its way to the disk. */
struct keeping {
	struct disk_job job;
	struct disk_get *get; /* a reference */
	struct chunk *chunk;  /* likewise */
	uint32_t idx;
	uint64_t since_ns;
	struct block *late; /* is answered when it has been written; NULL: it was already */
};

/* A block is not kept when somebody has waited so long for its being written. */
#define LATE_NS NS_PER_SEC

/* Ends a block: with a chunk, a reference for whoever asked, or an error. */
static void answer(struct block *b, struct chunk *chunk, int err)
{
	struct disk_get *g = b->get;

	b->fn(b->arg, b->idx, chunk, err);
	free(b->parts);
	free(b);
	disk_get_unref(g);
}

static bool may_keep(const struct disk_get *g, uint32_t idx)
{
	const struct disk_file *f = &g->file;

	if (atomic_load(&g->cache->is_off) || atomic_load(&f->is_dropped) ||
	    atomic_load(&f->is_whole) || disk_file_has(f, idx))
		return false;
	/* No content takes all the room. */
	return (uint64_t)atomic_load(&f->n_present) * f->block_size < g->cache->max_bytes / 2;
}

static void run_keeping(struct disk_job *job)
{
	struct keeping *k = container_of(job, struct keeping, job);
	struct disk_get *g = k->get;
	uint64_t bytes = 0;
	bool is_too_late = k->late && clock_now_ns() - k->since_ns > (uint64_t)LATE_NS;
	int err = 0;

	if (is_too_late || !may_keep(g, k->idx) || !disk_has_room(g->cache, k->chunk->len)) {
		atomic_fetch_add(&g->cache->skipped_bytes, k->chunk->len);
	} else {
		err = disk_file_write(&g->file, k->idx, k->chunk->data, &bytes);
		disk_note_written(g->cache, bytes);
		if (!err)
			disk_checked_block(g, k->idx);
	}
	if (err && err != -ENOSPC && err != -EDQUOT)
		disk_file_drop(&g->file);
	/* The directory was removed; what is read from now on is kept in a new one. */
	if (err == -ENOENT)
		err = disk_reopen(g->cache);
	/* Evicted meanwhile, or too large for the file system: nothing is wrong with the cache. */
	if (err && err != -ESTALE && err != -EFBIG)
		disk_note_error(g->cache, err);
	if (k->late)
		answer(k->late, k->chunk, 0);
	else
		chunk_unref(k->chunk);
	free(k);
	disk_get_unref(g);
}

/*
 * Answers the block with a chunk from the store, and has it written. Where too much waits for the
 * disk already, it is answered after that: so a scan goes as fast as the disk rather than leaving
 * holes in the file, and what waits is counted as chunks under way are.
 */
static void answer_and_keep(struct block *b, struct chunk *chunk)
{
	struct disk_get *g = b->get;
	struct keeping *k = may_keep(g, b->idx) ? calloc(1, sizeof(*k)) : NULL;

	if (!k) {
		answer(b, chunk, 0);
		return;
	}
	*k = (struct keeping){.job = {.run = run_keeping, .bytes = chunk->len},
			      .get = disk_get_ref(g),
			      .chunk = chunk_ref(chunk),
			      .idx = b->idx,
			      .since_ns = clock_now_ns()};
	if (disk_try_write(g->cache, &k->job)) {
		answer(b, chunk, 0);
		return;
	}
	chunk_unref(chunk);
	k->late = b;
	disk_run_write(g->cache, &k->job);
}

/* The block's bytes out of its parts; NULL when they are not all there. */
static struct chunk *assemble(const struct block *b)
{
	const struct disk_file *f = &b->get->file;
	uint64_t from = (uint64_t)b->idx * f->block_size, at = b->first_off;
	size_t len = disk_file_len(f, b->idx);
	struct chunk *whole;

	if (b->n_parts == 1 && at == from && b->parts[0]->len == len)
		return chunk_ref(b->parts[0]);
	whole = chunk_new(len);
	for (uint32_t i = 0; whole && i < b->n_parts; i++) {
		const struct chunk *part = b->parts[i];
		uint64_t start = at > from ? at : from, end = at + part->len;

		if (end > from + len)
			end = from + len;
		if (end > start) {
			memcpy(whole->data + (start - from), part->data + (start - at),
			       (size_t)(end - start));
			whole->len += (size_t)(end - start);
		}
		at += part->len;
	}
	if (whole && whole->len != len) {
		chunk_unref(whole);
		return NULL;
	}
	return whole;
}

static void end_parts(struct block *b)
{
	int err = atomic_load(&b->err);
	struct chunk *chunk = err ? NULL : assemble(b);

	for (uint32_t i = 0; i < b->n_parts; i++)
		chunk_unref(b->parts[i]);
	if (!err && !chunk)
		err = -EIO;
	if (chunk)
		answer_and_keep(b, chunk);
	else
		answer(b, NULL, err);
}

static void on_part(void *arg, uint32_t idx, struct chunk *part, int err)
{
	struct block *b = arg;

	if (part)
		b->parts[idx - b->first] = part;
	else
		atomic_store(&b->err, err == DISK_GET_ASK ? -EIO : err);
	if (atomic_fetch_sub(&b->left, 1) == 1)
		end_parts(b);
}

/* Asks the store for the chunks that hold the block; its index is known. */
static int ask_parts(struct disk_get *g, struct block *b, bool may_wait)
{
	uint64_t from = (uint64_t)b->idx * g->file.block_size, off;
	uint32_t last, first, n;

	store_get_locate(g->inner, from, &b->first, &b->first_off);
	store_get_locate(g->inner, from + disk_file_len(&g->file, b->idx) - 1, &last, &off);
	b->n_parts = last - b->first + 1;
	b->parts = calloc(b->n_parts, sizeof(struct chunk *));
	if (!b->parts)
		return -ENOMEM;
	atomic_store(&b->left, b->n_parts);
	/* The block ends with its last part. */
	first = b->first;
	n = b->n_parts;
	for (uint32_t i = 0; i < n; i++) {
		int err = may_wait ? store_get_chunk_here(g->inner, first + i, on_part, b)
				   : store_get_chunk(g->inner, first + i, on_part, b);

		if (err)
			on_part(b, first + i, NULL, err);
	}
	return 0;
}

static void ask_store(struct block *b, bool may_wait)
{
	struct disk_get *g = disk_get_ref(b->get);
	int err = -ECANCELED;

	if (disk_get_enter(g)) {
		err = store_get_index(g->inner, false);
		if (err) {
			/* Who needs it waits for the index first. */
			atomic_store(&g->needs_inner, true);
			err = DISK_GET_ASK;
		} else {
			atomic_fetch_add(&g->cache->misses, 1);
			atomic_fetch_add(&g->cache->miss_bytes, disk_file_len(&g->file, b->idx));
			err = ask_parts(g, b, may_wait);
		}
		disk_get_leave(g);
	}
	if (err)
		answer(b, NULL, err);
	disk_get_unref(g);
}

/* The file holds other bytes than were put there. */
static void note_damage(struct disk_get *g)
{
	if (!disk_get_drop(g))
		return;
	atomic_fetch_add(&g->cache->damaged, 1);
	log_warn("disk cache %s: %s is damaged and is removed; the server is asked instead",
		 g->cache->path,
		 atomic_load(&g->file.is_whole) ? g->file.whole_name : g->file.part_name);
}

/* A block as far as the disk can tell; -EAGAIN as disk_file_read. */
static int read_block(struct block *b, bool may_wait)
{
	struct disk_get *g = b->get;
	size_t len = disk_file_len(&g->file, b->idx);
	struct chunk *chunk = chunk_new(len);
	int err = chunk ? disk_file_read(&g->file, b->idx, chunk->data, may_wait) : -ENOMEM;

	if (!err) {
		atomic_fetch_add(&g->cache->hits, 1);
		atomic_fetch_add(&g->cache->hit_bytes, len);
		chunk->len = len;
		disk_checked_block(g, b->idx);
		answer(b, chunk, 0);
		return 0;
	}
	chunk_unref(chunk);
	if (err == -EBADMSG)
		note_damage(g);
	if (err == -EAGAIN)
		return err;
	ask_store(b, false);
	return 0;
}

static void run_reading(struct disk_job *job)
{
	(void)!read_block(container_of(job, struct block, reading), true);
}

int disk_get_chunk(struct store_get *sg, uint32_t idx, bool may_wait, get_chunk_fn fn, void *arg)
{
	struct disk_get *g = container_of(sg, struct disk_get, pub);
	struct block *b;

	if (idx >= g->file.n_blocks)
		return -EINVAL;
	b = calloc(1, sizeof(*b));
	if (!b)
		return -ENOMEM;
	*b = (struct block){.get = disk_get_ref(g),
			    .idx = idx,
			    .fn = fn,
			    .arg = arg,
			    .reading.run = run_reading};
	if (atomic_load(&g->file.is_dropped) || !disk_file_has(&g->file, idx))
		ask_store(b, may_wait);
	else if (read_block(b, false) == -EAGAIN)
		disk_run_read(g->cache, &b->reading);
	return 0;
}
