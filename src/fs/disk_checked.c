/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which whole files may be read by somebody who checks nothing. The blocks that a get has written,
 * or read and found right, are counted; when that is all of them the file is noted, until this
 * cache ends. So nothing is read only to be checked, and no file is trusted for what it was before.
 *
 * Few files are noted: one that has the place of another takes it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/disk_internal.h"
#include "fs/file.h"

#define NOTES_MAX 8192

struct disk_note {
	uint8_t digest[OBJ_DIGEST_LEN];
	uint64_t ino; /* 0: none */
};

int disk_checked_init(struct disk_cache *c)
{
	c->notes = calloc(NOTES_MAX, sizeof(*c->notes));
	return c->notes ? 0 : -ENOMEM;
}

static struct disk_note *note_of(struct disk_cache *c, const struct disk_file *f)
{
	uint32_t n;

	mutex_assert_held(&c->lock);
	memcpy(&n, f->digest, sizeof(n));
	return &c->notes[n % NOTES_MAX];
}

/* The number of the file that was noted for this content; 0: none. */
static uint64_t noted_ino(struct disk_cache *c, const struct disk_file *f)
{
	const struct disk_note *note;

	LOCK_SCOPE(&c->lock);
	note = note_of(c, f);
	return memcmp(note->digest, f->digest, sizeof(note->digest)) == 0 ? note->ino : 0;
}

void disk_checked_begin(struct disk_get *g)
{
	if (g->file.size >= DISK_BESIDE_MIN)
		g->checked = calloc(g->file.n_blocks / 8 + 1, 1);
}

void disk_checked_all(struct disk_get *g)
{
	const struct disk_file *f = &g->file;
	struct disk_note *note;
	struct stat st;

	if (!g->checked || atomic_load(&g->n_checked) != f->n_blocks ||
	    !atomic_load(&f->is_whole) || atomic_load(&f->is_dropped) || fstat(f->fd, &st) < 0)
		return;
	LOCK_SCOPE(&g->cache->lock);
	note = note_of(g->cache, f);
	memcpy(note->digest, f->digest, sizeof(note->digest));
	note->ino = st.st_ino;
}

void disk_checked_block(struct disk_get *g, uint32_t idx)
{
	uint8_t bit = (uint8_t)(1u << (idx % 8));

	if (!g->checked || (__atomic_fetch_or(&g->checked[idx / 8], bit, __ATOMIC_SEQ_CST) & bit))
		return;
	if (atomic_fetch_add(&g->n_checked, 1) + 1 == g->file.n_blocks)
		disk_checked_all(g);
}

int disk_get_whole_fd(struct store_get *sg)
{
	struct disk_get *g = container_of(sg, struct disk_get, pub);
	const struct disk_file *f = &g->file;
	uint64_t ino = noted_ino(g->cache, f);
	struct stat st;

	if (ino == 0 || !disk_get_is_opened(g, true) || f->fd < 0 || !atomic_load(&f->is_whole) ||
	    atomic_load(&f->is_dropped) || fstat(f->fd, &st) < 0)
		return -1;
	return st.st_ino == ino ? f->fd : -1;
}
