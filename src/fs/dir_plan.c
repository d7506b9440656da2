/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which of several mounts may move a directory: of those that want to move the same, or one above
 * or below, the one that stored its plan first. The plan is the intent's first version. With
 * everything that was stored before it the watch has told of all earlier plans that are still
 * there; if there is none, the intent proper takes the plan's place, which makes the rename happen.
 *
 * A watch that lags behind misses a plan that its intent has replaced meanwhile. So the intent says
 * since when it was planned, and its owner looks once more what the watch has told up to there.
 *
 * Others neither plan nor follow anything there until the intent is gone (dir_follow.c).
 */

#include <errno.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/dir_rename.h"

int dir_plan_wait(struct fs *fs, const struct move *m, struct dir_move *mv)
{
	struct buf from CLEANUP(buf_done) = {0};
	int err;

	buf_init(&from, OBJ_META_MAX);
	do {
		err = move_names(fs, m, &mv->from, &mv->to);
		if (err)
			return err;
		LOCK_SCOPE(&fs->tree.lock);
		buf_reset(&from);
		if (m->n->dentry)
			fs_path(fs, m->n->dentry, &from);
		err = buf_error(&from);
		if (!err)
			err = dir_move_wait(fs, &from, &mv->to);
	} while (!err && !buf_equal(&from, &mv->from));
	return err;
}

/* Whether both names are still those of the plan: what is above may have been renamed. */
static int check_names(struct fs *fs, const struct move *m, const struct dentry *d,
		       const struct dir_move *mv)
{
	struct buf from CLEANUP(buf_done) = {0};
	struct buf to CLEANUP(buf_done) = {0};
	int err;

	buf_init(&from, OBJ_META_MAX);
	buf_init(&to, OBJ_META_MAX);
	fs_path(fs, d, &from);
	err = fs_child_name(fs, m->new_dir, m->new_name, &to);
	buf_append_char(&to, '/');
	if (!err)
		err = buf_error(&from) ? buf_error(&from) : buf_error(&to);
	if (!err && !(buf_equal(&from, &mv->from) && buf_equal(&to, &mv->to)))
		err = -EAGAIN;
	return err;
}

int dir_plan_check(struct fs *fs, const struct move *m, const struct dir_move *mv)
{
	const struct dentry *d, *at;
	int err;

	mutex_assert_held(&fs->tree.lock);
	if (dir_move_is_barred(fs, &mv->from, &mv->to, mv->plan))
		return -EAGAIN;
	d = move_entry(fs, m);
	if (!d)
		return -ENOENT;
	err = check_names(fs, m, d, mv);
	if (err)
		return err;
	if (tree_is_ancestor(m->n, m->new_dir))
		return -EINVAL;
	at = move_target(fs, m);
	if (at && m->is_exclusive)
		return -EEXIST;
	if (at && !at->node->dir)
		return -ENOTDIR;
	/* With the intent others show the directory in this place, and make things in it. */
	return at && at->node->dir->n_children > 0 && mv->seq == 0 ? -ENOTEMPTY : 0;
}

/* The plan is stored. */
static int become_intent(struct fs *fs, const struct move *m, struct dir_move *mv,
			 struct obj_info *intent)
{
	int err = fs_catch_up(fs) ? 0 : -EAGAIN;

	if (!err) {
		LOCK_SCOPE(&fs->tree.lock);
		err = dir_plan_check(fs, m, mv);
	}
	if (!err)
		err = obj_info_set_meta(intent, ATTR_INTENT, INTENT_RENAME);
	if (!err)
		err = intent_set_number(intent, ATTR_INTENT_PLAN, mv->plan);
	if (!err)
		err = intent_store(fs, intent);
	mv->seq = intent->seq;
	/* Somebody took it for left. */
	return err == -ESTALE ? -EAGAIN : err;
}

int dir_plan(struct fs *fs, const struct move *m, struct dir_move *mv, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *intent = NULL;
	int err = intent_new(fs, INTENT_PLAN, &intent);

	if (!err)
		err = intent_set_names(intent, mv->from.data, mv->to.data);
	if (!err)
		err = intent_store(fs, intent);
	if (err)
		return err;
	mv->plan = intent->seq;
	err = become_intent(fs, m, mv, intent);
	if (err)
		intent_remove(fs, intent);
	else
		*ret = steal_ptr(intent);
	return err;
}
