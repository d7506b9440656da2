/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Who has to wait while the objects of a renamed directory follow: changes of an object that has
 * yet to move, what is made under its old name, and renames of directories that are above or below.
 */

#include <errno.h>
#include <string.h>

#include "fs/dir_rename.h"
#include "util/clock.h"

/* So long nothing may move: more than a mount needs to take over from another that is gone. */
#define WAIT_MS 60000

/* Waits for something to move. Tree lock held. */
static int wait_moved(struct fs *fs)
{
	uint64_t deadline_ns = clock_deadline_ms(WAIT_MS);

	if (atomic_load(&fs->is_gone))
		return -ENODEV;
	if (atomic_load(&fs->is_closing))
		return -ESHUTDOWN;
	return cond_wait_until(&fs->dir_moved, &fs->tree.lock, deadline_ns) < 0 ? -EBUSY : 0;
}

/* Whether the object with this name is about to leave it. */
static bool is_moving(struct fs *fs, const char *name, size_t len)
{
	list_for_each (it, &fs->dir_moves) {
		const struct dir_move *mv = list_entry(it, struct dir_move, link);
		const struct dentry *d = mv->is_exchange || mv->is_barrier
						 ? NULL
						 : dir_move_entry(fs, mv, name, len);

		if (d && d->is_behind)
			return true;
	}
	return false;
}

static int wait_for_name(struct fs *fs, const char *name, size_t len)
{
	int err = 0;

	if (atomic_load(&fs->n_dir_moves) == 0)
		return 0;
	LOCK_SCOPE(&fs->tree.lock);
	while (!err && is_moving(fs, name, len))
		err = wait_moved(fs);
	return err;
}

int fs_take_name(struct fs *fs, const char *name, size_t len)
{
	int err = wait_for_name(fs, name, len);

	return err ? err : namelock_take(&fs->names, name, len);
}

int fs_take_names(struct fs *fs, const struct buf *a, const struct buf *b)
{
	int err = wait_for_name(fs, a->data, a->len);

	if (!err)
		err = wait_for_name(fs, b->data, b->len);
	/* The object of one has yet to get it from the other, as their directories change places.
	 */
	if (!err && buf_equal(a, b)) {
		LOCK_SCOPE(&fs->tree.lock);
		err = atomic_load(&fs->n_dir_moves) > 0 ? wait_moved(fs) : 0;
		return err ? err : -EAGAIN;
	}
	return err ? err : namelock_take2(&fs->names, a->data, a->len, b->data, b->len);
}

int fs_try_name(struct fs *fs, const char *name, size_t len)
{
	bool must_wait;

	mutex_lock(&fs->tree.lock);
	must_wait = is_moving(fs, name, len);
	mutex_unlock(&fs->tree.lock);
	return must_wait ? -EAGAIN : namelock_try(&fs->names, name, len);
}

/* Whether one is the other, or below it. */
static bool overlap(const struct buf *a, const struct buf *b)
{
	return memcmp(a->data, b->data, a->len < b->len ? a->len : b->len) == 0;
}

bool dir_move_touches(const struct dir_move *mv, const struct buf *a, const struct buf *b)
{
	return overlap(&mv->from, a) || overlap(&mv->from, b) || overlap(&mv->to, a) ||
	       overlap(&mv->to, b);
}

bool dir_move_is_barred(const struct fs *fs, const struct buf *a, const struct buf *b,
			uint64_t plan)
{
	mutex_assert_held(&fs->tree.lock);
	list_for_each (it, &fs->dir_moves) {
		const struct dir_move *mv = list_entry(it, struct dir_move, link);

		if (mv->plan < plan && dir_move_touches(mv, a, b))
			return true;
	}
	return false;
}

int dir_move_wait(struct fs *fs, const struct buf *a, const struct buf *b)
{
	int err = 0;

	while (!err && dir_move_is_barred(fs, a, b, UINT64_MAX))
		err = wait_moved(fs);
	return err;
}
