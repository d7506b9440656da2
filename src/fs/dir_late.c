/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What others did to the objects of a directory that is being renamed, not having heard of it, or
 * having heard of it before the objects moved.
 */

#include "fs/dir_batch.h"

#include <string.h>

#include "fs/apply.h"

#define RETRIES 16

/* Whether somebody who did not know of the rename has changed the file that the tree shows under
 * its new name. */
static bool is_change(struct fs *fs, const struct dir_item *it)
{
	const struct dentry *d;
	struct attr attr;

	if (it->old->is_deleted || !obj_info_meta(it->old, ATTR_BTIME))
		return false;
	attr_from_info(&fs->cfg, it->old, false, &attr);
	LOCK_SCOPE(&fs->tree.lock);
	d = fs_find_entry(fs, it->to.data, it->to.len);
	return d && d->is_behind && d->node->btime_ns == attr.btime_ns;
}

/* What was changed after an exchange stays: under the other name is what should come from there,
 * and would be lost. */
bool dir_item_is_to_move(struct fs *fs, const struct dir_move *mv, const struct dir_item *it)
{
	return fs_info_is_live(it->old) &&
	       (it->old->seq <= mv->seq || dir_objects_is_own(fs, it->old, &it->to) ||
		(!mv->is_exchange && is_change(fs, it)));
}

bool dir_item_is_taken(const struct dir_move *mv, const struct dir_item *it)
{
	return it->replaced &&
	       !(obj_info_is_marker(it->info) && obj_info_is_marker(it->replaced)) &&
	       fs_info_is_live(it->replaced) && it->replaced->seq > mv->seq &&
	       (obj_info_meta(it->replaced, ATTR_EXCHANGE) ||
		!obj_info_is_same_file(it->old, it->replaced));
}

bool dir_item_has_come(const struct dir_move *mv, const struct dir_item *it)
{
	return it->replaced && fs_info_is_live(it->replaced) && it->replaced->seq > mv->seq;
}

/* Whether what the old name has now says that its content is not this directory's any more: it was
 * renamed away, or replaced by another file's, and who did so purges it. */
static bool has_left(const struct dir_item *it, const struct obj_info *now)
{
	return now->is_deleted ? obj_info_meta(now, ATTR_TO) != NULL
			       : !obj_info_is_same_file(it->old, now);
}

/* Two names would lead to what is stored under the new one, or one to nothing. */
static void take_back(struct fs *fs, struct dir_item *it)
{
	uint64_t seq;

	if (store_bury_info(fs->store, it->info, &seq) < 0)
		return;
	fs_note_gone(fs, it->to.data, it->to.len, seq);
	obj_info_free(steal_ptr(it->info));
	obj_info_free(steal_ptr(it->old));
}

/* A version stored under the old name by who did not know of the rename follows. -ESTALE: it is not
 * the last. Takes over now. */
static int move_newer(struct fs *fs, const struct dir_move *mv, struct dir_item *it,
		      struct obj_info *now)
{
	struct obj_info *before = steal_ptr(it->info);
	int err;

	obj_info_free(it->old);
	it->old = now;
	err = dir_item_describe(fs, mv, it);
	if (!err)
		err = obj_info_set_token(it->info, before->foreign_token);
	if (!err && store_put_info(fs->store, it->info, before->seq) < 0)
		err = -EBUSY;
	if (err) {
		obj_info_free(it->info);
		it->info = before;
		return err;
	}
	obj_info_free(before);
	it->tombstone = dir_item_tombstone(it);
	return it->tombstone ? store_put_info(fs->store, it->tombstone, it->old->seq) : -ENOMEM;
}

void dir_item_meet_newer(struct fs *fs, const struct dir_move *mv, struct dir_item *it)
{
	int err = -ESTALE;

	/* Somebody else has moved it. */
	if (!it->info || strcmp(it->info->nuid, it->old->nuid) != 0)
		return;
	for (int i = 0; err == -ESTALE && i < RETRIES; i++) {
		_cleanup_obj_info_ struct obj_info *now = NULL;

		obj_info_free(steal_ptr(it->tombstone));
		err = store_get_info(fs->store, it->from.data, it->from.len, &now);
		if (err)
			return;
		if (has_left(it, now)) {
			take_back(fs, it);
			return;
		}
		if (now->is_deleted)
			return;
		err = move_newer(fs, mv, it, steal_ptr(now));
	}
	if (err)
		obj_info_free(steal_ptr(it->tombstone));
}
