/* SPDX-License-Identifier: Apache-2.0 */

/* The bucket's side of a directory rename: batches of objects, each step of a batch in one go. */

#include "fs/apply.h"
#include "fs/dir_batch.h"
#include "fs/dir_rename.h"
#include "fs/exchange_turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/intent.h"
#include "fs/name_set.h"
#include "fs/publish.h"
#include "fs/rename.h"
#include "util/clock.h"

#define RETRIES 16
/* Much less than the patience of other mounts (intent.c). */
#define BEAT_NS (4 * NS_PER_SEC)
/* How long exchanges of files that are to be moved are waited for, in all. */
#define PATIENCE_MS 8000

/* Reads what is to be moved. What others stored after the rename, or what is gone, stays. -EAGAIN:
 * something is being exchanged (not asked for without an intent). */
static int load(struct fs *fs, const struct dir_move *mv, struct dir_batch *b, const char *intent)
{
	struct obj_info *infos[DIR_BATCH];
	const char *names[DIR_BATCH];
	size_t lens[DIR_BATCH];
	int errs[DIR_BATCH], err;

	for (size_t i = 0; i < b->n; i++) {
		names[i] = b->items[i].from.data;
		lens[i] = b->items[i].from.len;
	}
	err = store_get_infos(fs->store, names, lens, b->n, infos, errs);
	if (err)
		return err;
	for (size_t i = 0; i < b->n; i++) {
		struct dir_item *it = &b->items[i];

		it->old = infos[i];
		if (errs[i] && errs[i] != -ENOENT)
			err = errs[i];
		if (it->old && !dir_item_is_to_move(fs, mv, it))
			obj_info_free(steal_ptr(it->old));
		infos[i] = it->old;
		/* A claim: nothing but a name, which is not wanted any more. */
		if (it->old && !it->old->is_deleted && !err)
			err = dir_item_describe(fs, mv, it);
	}
	if (!err && intent)
		err = turn_check(fs, (const struct obj_info *const *)infos, b->n, intent);
	return err;
}

static int take_as_moved(struct dir_item *it)
{
	obj_info_free(it->info);
	it->info = obj_info_dup(it->replaced);
	return it->info ? 0 : -ENOMEM;
}

/* The newest version of the new names where another one was found; drops the items that are not to
 * be moved. */
static int reread(struct fs *fs, const struct dir_move *mv, struct dir_item **items,
		  size_t *n_items)
{
	size_t n = *n_items, left = 0;
	struct obj_info *infos[DIR_BATCH];
	const char *names[DIR_BATCH];
	size_t lens[DIR_BATCH];
	int errs[DIR_BATCH], err;

	for (size_t i = 0; i < n; i++) {
		names[i] = items[i]->to.data;
		lens[i] = items[i]->to.len;
	}
	err = store_get_infos(fs->store, names, lens, n, infos, errs);
	for (size_t i = 0; !err && i < n; i++) {
		obj_info_free(items[i]->replaced);
		items[i]->replaced = infos[i];
	}
	for (size_t i = 0; !err && i < n; i++) {
		if (errs[i] && errs[i] != -ENOENT)
			err = errs[i];
		if (dir_item_is_taken(mv, items[i]))
			obj_info_free(steal_ptr(items[i]->old));
		else if (!err && dir_item_has_come(mv, items[i]))
			err = take_as_moved(items[i]);
		else
			items[left++] = items[i];
	}
	*n_items = left;
	return err;
}

/* One round; the items that met another version are what is left. */
static int store_round(struct fs *fs, struct dir_item **items, size_t *n)
{
	struct obj_info *infos[DIR_BATCH];
	uint64_t expected[DIR_BATCH];
	int errs[DIR_BATCH], err;
	size_t left = 0;

	for (size_t i = 0; i < *n; i++) {
		infos[i] = items[i]->info;
		expected[i] = items[i]->replaced ? items[i]->replaced->seq : 0;
	}
	err = store_put_infos(fs->store, infos, expected, *n, errs);
	for (size_t i = 0; !err && i < *n; i++) {
		if (errs[i] == -ESTALE)
			items[left++] = items[i];
		else if (errs[i])
			items[i]->err = errs[i];
	}
	*n = left;
	return err;
}

/* Stores everything under the new names. */
static int store_new(struct fs *fs, const struct dir_move *mv, struct dir_batch *b)
{
	struct dir_item *items[DIR_BATCH];
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].info)
			items[n++] = &b->items[i];
	for (int i = 0; !err && n > 0 && i < RETRIES; i++) {
		if (i > 0)
			err = reread(fs, mv, items, &n);
		if (!err && n > 0)
			err = store_round(fs, items, &n);
	}
	for (size_t i = 0; i < n; i++)
		items[i]->err = err ? err : -EIO;
	return err;
}

/* The old names go, where their content has a new one (and claims, which have none). */
static int remove_old(struct fs *fs, const struct dir_move *mv, struct dir_batch *b)
{
	struct obj_info *infos[DIR_BATCH];
	uint64_t expected[DIR_BATCH];
	struct dir_item *items[DIR_BATCH];
	int errs[DIR_BATCH], err;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct dir_item *it = &b->items[i];

		if (!it->old || it->err)
			continue;
		it->tombstone = dir_item_tombstone(it);
		if (!it->tombstone)
			return -ENOMEM;
		items[n] = it;
		infos[n] = it->tombstone;
		expected[n++] = it->old->seq;
	}
	err = n ? store_put_infos(fs->store, infos, expected, n, errs) : 0;
	for (size_t i = 0; !err && i < n; i++) {
		/* The way that works in a full bucket too. */
		if (errs[i] && errs[i] != -ESTALE)
			errs[i] = store_remove_info(fs->store, items[i]->old);
		if (errs[i] && errs[i] != -ESTALE)
			items[i]->err = errs[i];
		if (errs[i])
			obj_info_free(steal_ptr(items[i]->tombstone));
		if (errs[i] == -ESTALE)
			dir_item_meet_newer(fs, mv, items[i]);
	}
	return err;
}

void dir_objects_settle(struct fs *fs, const struct obj_info *info)
{
	const struct dentry *d;

	if (!info || !info->seq)
		return;
	mutex_lock(&fs->tree.lock);
	d = fs_find_entry(fs, info->name, info->name_len);
	if (d && d->node->is_dirty && !d->node->x->link_id && node_nuid_is(d->node, info->nuid))
		d->node->seq = info->seq;
	mutex_unlock(&fs->tree.lock);
	fs_apply_held(fs, info);
}

/* The tree learns that one object has its new name, or that nothing comes from the old one. */
static void settle(struct fs *fs, const struct dir_item *it, int err)
{
	bool is_moved = it->info && it->info->seq;

	if (!is_moved && (err || it->err))
		return;
	mutex_lock(&fs->tree.lock);
	dir_rename_arrived(fs, it->to.data, it->to.len);
	mutex_unlock(&fs->tree.lock);
	dir_objects_settle(fs, it->info);
	/* The name that another mount had claimed; what it stores comes as something new. */
	if (it->old && it->old->is_deleted)
		fs_apply_absent(fs, it->to.data, it->to.len, it->old->seq);
	if (is_moved && it->tombstone)
		fs_apply_held(fs, it->tombstone);
}

static int move_held(struct fs *fs, const struct dir_move *mv, struct dir_batch *b,
		     const char *intent)
{
	int err = load(fs, mv, b, intent);

	if (!err)
		err = store_new(fs, mv, b);
	if (!err)
		err = remove_old(fs, mv, b);
	for (size_t i = 0; i < b->n; i++) {
		settle(fs, &b->items[i], err);
		if (!err)
			err = b->items[i].err;
	}
	return err;
}

static int move_batch(struct fs *fs, const struct dir_move *mv, struct dir_batch *b,
		      const char *intent)
{
	int err = name_set_take(fs, &b->held);

	if (err)
		return err;
	err = move_held(fs, mv, b, intent);
	name_set_release(fs, &b->held);
	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].info && b->items[i].info->seq)
			fs_drop_replaced(fs, b->items[i].replaced, b->items[i].info);
	return err;
}

/* Moves the names from *at on that are moved at once, and goes on behind them, unless it is not
 * their turn yet. */
static int move_some(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		     const char *intent, struct turn *turn, size_t *at)
{
	struct dir_batch *b CLEANUP(dir_batch_free_p) = calloc(1, sizeof(*b));
	size_t next = *at;
	int err = !b ? -ENOMEM : atomic_load(&fs->is_closing) ? -ESHUTDOWN : 0;

	if (!err)
		err = dir_batch_fill(b, mv, names, &next);
	if (!err)
		err = move_batch(fs, mv, b, turn_is_over(turn) ? NULL : intent);
	if (err == -EAGAIN && turn_wait(fs, turn))
		return 0;
	if (err)
		return err == -EAGAIN && atomic_load(&fs->is_closing) ? -ESHUTDOWN : err;
	(void)!dir_batch_resync(fs, mv, b, false);
	*at = next;
	return 0;
}

int dir_objects_move(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		     struct obj_info *intent, size_t *at)
{
	uint64_t beat_ns = clock_now_ns() + BEAT_NS;
	struct turn turn;
	int err = 0;

	turn_begin(&turn, PATIENCE_MS);
	while (!err && *at < names->bytes.len) {
		err = move_some(fs, mv, names, intent->name, &turn, at);
		if (!err && clock_now_ns() >= beat_ns) {
			err = intent_store(fs, intent);
			err = err == -ESTALE ? -ECANCELED : err;
			beat_ns = clock_now_ns() + BEAT_NS;
		}
	}
	return err;
}
