/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rename of a directory. An intent says what is to happen, then the tree's entry moves, so that
 * names and nodes below it stay together, then object by object in the bucket, many in flight.
 *
 *	posix.old, posix.new  both prefixes, with their slashes
 *	posix.seq             objects up to this sequence move; newer ones belong to the old name
 *
 * Only one mount may move a directory, or what is above or below it: dir_plan.c.
 *
 * With the intent the rename has happened: other mounts show it at once (dir_follow.c), and what a
 * crash leaves is done by whoever finds the intent. So the call waits for a few objects only, or if
 * the bucket is nearly full: those can still be taken back. Many follow behind it. All that is
 * below can be used meanwhile, under its new name (dir_wait.c).
 *
 * The objects of one directory at a time are moved (fs->dir_rename).
 */

#include "fs/dir_rename.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/intent.h"
#include "fs/publish.h"
#include "fs/rename.h"
#include "util/clock.h"
#include "util/log.h"

/* So often others may have been first. */
#define RETRIES 64
/* After something that went wrong. */
#define AGAIN_MS 2000

/* A directory's objects on their way. */
struct errand {
	struct fs *fs;
	struct node *n; /* pinned */
	struct dir_move mv;
	struct dir_names names;
	size_t at; /* place in names */
	struct obj_info *intent;
	bool has_room; /* the bucket, more than enough */
	bool has_failed;
};

static struct errand *errand_new(struct fs *fs, struct node *n)
{
	struct errand *e = calloc(1, sizeof(*e));

	if (!e)
		return NULL;
	e->fs = fs;
	e->n = n;
	dir_move_init(&e->mv);
	dir_names_init(&e->names);
	LOCK_SCOPE(&fs->tree.lock);
	tree_pin(n);
	return e;
}

static void errand_free(struct errand *e)
{
	if (!e)
		return;
	fs_unpin(e->fs, e->n);
	obj_info_free(e->intent);
	dir_names_done(&e->names);
	dir_move_done(&e->mv);
	free(e);
}
DEFINE_CLEANUP(struct errand *, errand_free)

/* The directory that has the new name, if it is stored as such, pinned; or NULL. It may have come
 * after the call. */
static struct node *pin_target(struct fs *fs, const struct move *m, uint64_t *ret_seq)
{
	const struct dentry *at;

	LOCK_SCOPE(&fs->tree.lock);
	at = move_target(fs, m);
	if (!at || !at->node->dir || !at->node->dir->has_marker)
		return NULL;
	*ret_seq = at->node->seq;
	tree_pin(at->node);
	return at->node;
}

/* The empty directory that has the new name gives way. */
static int remove_target(struct fs *fs, const struct move *m, const struct buf *to)
{
	uint64_t seq;
	struct node *n = pin_target(fs, m, &seq);
	int err;

	if (!n)
		return 0;
	err = namelock_take(&fs->names, to->data, to->len);
	if (!err) {
		err = fs_bury_marker(fs, n, to, seq);
		fs_release_name(fs, to->data, to->len);
	}
	LOCK_SCOPE(&fs->tree.lock);
	if (err == -ENOENT)
		err = 0;
	if (!err && n->seq == seq) {
		n->dir->has_marker = false;
		n->seq = 0;
	}
	tree_unpin(&fs->tree, n);
	return err;
}

static void follow(struct fs *fs, struct dir_move *mv, const struct dir_names *names)
{
	if (names->max_seq > mv->seq)
		mv->seq = names->max_seq;
	dir_move_begin(fs, mv);
}

/* The tree's part: everything is collected and moved at once. */
static int move_tree(struct fs *fs, const struct move *m, struct errand *e)
{
	const struct dentry *at;
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	err = dir_plan_check(fs, m, &e->mv);
	at = err ? NULL : move_target(fs, m);
	if (at && at->node->dir->has_marker)
		err = -EAGAIN;
	if (!err)
		err = dir_names_collect(fs, m->n, e->mv.from.len, UINT64_MAX, &e->names);
	if (!err && e->mv.to.len + e->names.max_len > fs->store->name_max)
		err = -ENAMETOOLONG;
	if (!err && at)
		err = dir_follow_adopt(fs, &e->mv, at->node, m->n);
	if (!err)
		err = move_in_tree(fs, m);
	if (err) {
		dir_names_uncollect(fs, m->n);
		return err;
	}
	/* The directory's entry is a new one. */
	m->n->dentry->is_behind = m->n->dir->has_marker;
	follow(fs, &e->mv, &e->names);
	return 0;
}

/* The tree's part of going back; mv becomes the way back of what has moved. */
static int return_tree(struct fs *fs, const struct move *m, struct dir_move *mv,
		       struct dir_names *moved)
{
	const struct move back = {.old_dir = m->new_dir,
				  .new_dir = m->old_dir,
				  .n = m->n,
				  .old_name = m->new_name,
				  .new_name = m->old_name};
	struct buf from = mv->from;
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	dir_move_end(fs, mv);
	if (!move_entry(fs, &back))
		err = -ENOENT;
	else if (tree_lookup(&fs->tree, m->old_dir, m->old_name, strlen(m->old_name)))
		err = -EEXIST;
	else
		err = move_in_tree(fs, &back);
	if (!err)
		err = dir_names_invert(fs, m->n, mv->from.len, moved);
	mv->from = mv->to;
	mv->to = from;
	follow(fs, mv, moved);
	return err;
}

/* What has moved goes back to where it was. */
static int return_objects(struct fs *fs, const struct move *m, struct errand *e)
{
	struct dir_names moved CLEANUP(dir_names_done) = {0};
	size_t at = 0;
	int err;

	dir_names_init(&moved);
	err = return_tree(fs, m, &e->mv, &moved);
	if (!err)
		err = intent_set_names(e->intent, e->mv.from.data, e->mv.to.data);
	if (!err)
		err = intent_set_seq(e->intent, e->mv.seq);
	if (!err)
		err = intent_store(fs, e->intent);
	/* In a full bucket it is done without. */
	if (!err || err == -ENOSPC)
		err = dir_objects_move(fs, &e->mv, &moved, e->intent, &at);
	return err;
}

static void stop_following(struct errand *e)
{
	LOCK_SCOPE(&e->fs->tree.lock);
	dir_move_end(e->fs, &e->mv);
	dir_names_uncollect(e->fs, e->n);
}

static void say_failed(const struct errand *e, int err)
{
	log_error("bucket %s: %s was moved to %s only in part: %s", e->fs->store->bucket,
		  e->mv.from.data, e->mv.to.data, strerror(-err));
}

/* All that is below moves before the call returns, or nothing does. */
static int move_now(const struct move *m, struct errand *e)
{
	struct fs *fs = e->fs;
	int back = 0, err = dir_objects_move(fs, &e->mv, &e->names, e->intent, &e->at);

	if (err && err != -ECANCELED) {
		say_failed(e, err);
		back = return_objects(fs, m, e);
	}
	stop_following(e);
	if (err)
		atomic_store(&fs->is_half_done, true);
	if (err == -ECANCELED || back)
		(void)!dir_objects_resync(fs, &e->mv, &e->names, back ? 0 : e->at);
	if (err != -ECANCELED)
		intent_remove(fs, e->intent);
	return err == -ECANCELED ? 0 : err;
}

/* --- many objects, behind the call --- */

static void end_errand(struct errand *e, int err)
{
	struct fs *fs = e->fs;

	stop_following(e);
	if (err)
		atomic_store(&fs->is_half_done, true);
	if (err == -ECANCELED)
		(void)!dir_objects_resync(fs, &e->mv, &e->names, e->at);
	else if (err)
		log_warn("bucket %s: what is left of %s is moved to %s by the next mount",
			 fs->store->bucket, e->mv.from.data, e->mv.to.data);
	else
		intent_remove(fs, e->intent);
	mutex_lock(&fs->tree.lock);
	fs->n_errands--;
	cond_broadcast(&fs->dir_moved);
	mutex_unlock(&fs->tree.lock);
	errand_free(e);
}

/* Goes on until all have moved: the caller was told so. */
static void run_errand(void *arg, bool is_last)
{
	struct errand *e = arg;
	int err;

	mutex_lock(&e->fs->dir_rename);
	err = dir_objects_move(e->fs, &e->mv, &e->names, e->intent, &e->at);
	mutex_unlock(&e->fs->dir_rename);
	if (err && err != -ECANCELED && err != -ESHUTDOWN && !is_last) {
		if (!e->has_failed)
			say_failed(e, err);
		e->has_failed = true;
		if (later_run(&e->fs->mover, AGAIN_MS, run_errand, e) == 0)
			return;
	}
	end_errand(e, err);
}

/* Takes over e. */
static int move_behind(struct errand *e)
{
	struct fs *fs = e->fs;
	int err;

	mutex_lock(&fs->tree.lock);
	fs->n_errands++;
	mutex_unlock(&fs->tree.lock);
	err = later_run(&fs->mover, 0, run_errand, e);
	/* The intent is stored: whoever finds it does what is left. */
	if (err)
		end_errand(e, err);
	return 0;
}

void dir_rename_drain(struct fs *fs, uint64_t deadline_ns)
{
	mutex_lock(&fs->tree.lock);
	while (fs->n_errands > 0 &&
	       cond_wait_until(&fs->dir_moved, &fs->tree.lock, deadline_ns) == 0)
		;
	atomic_store(&fs->is_closing, true);
	mutex_unlock(&fs->tree.lock);
	later_stop(&fs->mover);
}

/* --- the call --- */

static int check_room(struct fs *fs, const struct move *m, struct errand *e)
{
	uint64_t need;

	mutex_lock(&fs->tree.lock);
	need = dir_names_need(fs, m->n, &e->mv);
	mutex_unlock(&fs->tree.lock);
	return dir_names_check_room(fs, need, &e->has_room);
}

/* The intent is stored. Takes over e. */
static int move_stored(const struct move *m, struct errand *e)
{
	struct errand *own CLEANUP(errand_free_p) = e;
	struct fs *fs = e->fs;
	int err;

	/* What others stored before is to move too. */
	err = fs_catch_up(fs) ? remove_target(fs, m, &e->mv.to) : -EAGAIN;
	if (!err)
		err = move_tree(fs, m, e);
	if (err) {
		intent_remove(fs, e->intent);
		return err;
	}
	err = intent_set_seq(e->intent, e->mv.seq);
	if (err || e->names.count <= DIR_BATCH || !e->has_room)
		return err ? err : move_now(m, e);
	return move_behind(steal_ptr(own));
}

/* Takes over e. */
static int move_dir_locked(const struct move *m, struct errand *e)
{
	struct errand *own CLEANUP(errand_free_p) = e;
	struct fs *fs = e->fs;
	int err = check_room(fs, m, e);

	if (!err)
		err = dir_plan(fs, m, &e->mv, &e->intent);
	return err ? err : move_stored(m, steal_ptr(own));
}

int move_dir(struct fs *fs, const struct move *m)
{
	int err = fs_keep_directory(fs, m->old_dir);

	if (!err)
		err = -EAGAIN;
	for (int i = 0; err == -EAGAIN && i < RETRIES; i++) {
		struct errand *e CLEANUP(errand_free_p) = errand_new(fs, m->n);

		err = e ? dir_plan_wait(fs, m, &e->mv) : -ENOMEM;
		if (err)
			return err;
		LOCK_SCOPE(&fs->dir_rename);
		err = move_dir_locked(m, steal_ptr(e));
	}
	return err == -EAGAIN ? -EBUSY : err;
}

/* --- what another mount began --- */

/* The names that may have yet to move. Where the tree has followed, all that it shows at the new
 * place: of what has come there, too, the old object may be left. */
static int names_left(struct fs *fs, const struct obj_info *info, const struct dir_move *mv,
		      struct dir_names *names)
{
	const struct dir_move *followed;
	const struct node *dir;

	LOCK_SCOPE(&fs->tree.lock);
	followed = dir_follow_find(fs, info->name);
	if (followed && buf_equal(&followed->to, &mv->to)) {
		dir = fs_find_dir(fs, mv->to.data, mv->to.len);
		return dir ? dir_names_collect(fs, dir, mv->to.len, UINT64_MAX - 1, names) : 0;
	}
	dir = fs_find_dir(fs, mv->from.data, mv->from.len);
	return dir ? dir_names_collect(fs, dir, mv->from.len, mv->seq, names) : 0;
}

int dir_rename_finish(struct fs *fs, struct obj_info *info)
{
	struct dir_names names CLEANUP(dir_names_done) = {0};
	struct dir_move mv CLEANUP(dir_move_done) = {0};
	size_t at = 0;
	int err = dir_move_parse(fs, info, &mv);

	if (err)
		return err == -EINVAL ? 0 : err;
	dir_names_init(&names);
	LOCK_SCOPE(&fs->dir_rename);
	err = names_left(fs, info, &mv, &names);
	if (!err)
		err = dir_objects_move(fs, &mv, &names, info, &at);
	return err ? err : dir_follow_end(fs, info->name);
}
