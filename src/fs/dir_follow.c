/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Renames of directories by other mounts. The intent, which the mount stores first, comes through
 * the watch at its place among all other events, so every tree holds the same below the directory
 * then, and moves it as a whole. What the objects do afterwards only tells that they have followed.
 *
 * Below what has an intent nothing else is moved (dir_plan.c), so its move is in the list until the
 * intent is gone and what did not follow has been found, as a barrier where it is not shown.
 *
 * A tree that met the intent in a listing knows what has happened since: what has followed is at
 * its new place, and what somebody stored under an old name stays there. Then the entries move one
 * by one.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/dir_rename.h"
#include "fs/place.h"
#include "util/clock.h"
#include "util/log.h"

static void move_free(struct dir_move *mv)
{
	dir_move_done(mv);
	free(mv);
}

static void drop(struct fs *fs, struct dir_move *mv)
{
	dir_move_end(fs, mv);
	move_free(mv);
}

struct dir_move *dir_follow_find(struct fs *fs, const char *intent)
{
	mutex_assert_held(&fs->tree.lock);
	list_for_each (it, &fs->dir_moves) {
		struct dir_move *mv = list_entry(it, struct dir_move, link);

		if (mv->is_foreign && strcmp(mv->intent, intent) == 0)
			return mv;
	}
	return NULL;
}

void dir_follow_forget_all(struct fs *fs)
{
	list_for_each_safe (it, &fs->dir_moves) {
		struct dir_move *mv = list_entry(it, struct dir_move, link);

		if (mv->is_foreign)
			drop(fs, mv);
	}
}

/* What a directory holds, for the question whether all or nothing of it is older than a rename. */
static bool has_sequences(const struct node *dir, uint64_t seq, bool is_above)
{
	const struct dentry *d;
	uint64_t cookie = 0;

	if (dir->dir->has_marker && (is_above ? dir->seq > seq : dir->seq <= seq))
		return true;
	while ((d = tree_next(dir, cookie))) {
		uint64_t its = tree_entry_seq(d);

		cookie = d->cookie;
		if (d->node->dir ? has_sequences(d->node, seq, is_above)
				 : its && (is_above ? its > seq : its <= seq))
			return true;
	}
	return false;
}

/* Whether a file without an object is being stored under its old name. */
static bool is_being_stored(struct fs *fs, const struct dir_move *mv, const struct dentry *d)
{
	struct buf path CLEANUP(buf_done) = {0};
	struct buf old CLEANUP(buf_done) = {0};

	if (!d->node->is_dirty)
		return false;
	buf_init(&path, OBJ_META_MAX);
	buf_init(&old, OBJ_META_MAX);
	fs_path(fs, d, &path);
	if (buf_error(&path))
		return false;
	buf_append(&old, mv->from.data, mv->from.len);
	buf_append(&old, path.data + mv->to.len, path.len - mv->to.len);
	return !buf_error(&old) && namelock_is_taken(&fs->names, old.data, old.len);
}

/* Everything below dir has yet to follow. */
static void mark(struct fs *fs, struct dir_move *mv, const struct node *dir)
{
	struct dentry *d;
	uint64_t cookie = 0;

	if (dir->dir->has_marker) {
		dir->dentry->is_behind = true;
		mv->n_behind++;
	}
	while ((d = tree_next(dir, cookie))) {
		cookie = d->cookie;
		if (d->node->dir) {
			mark(fs, mv, d->node);
		} else if (tree_entry_seq(d) || is_being_stored(fs, mv, d)) {
			d->is_behind = true;
			mv->n_behind++;
		}
	}
}

/* d becomes name in dir, where that is free. */
static int move(struct fs *fs, struct dentry *d, struct node *dir, const char *name)
{
	struct buf raw CLEANUP(buf_done) = {0};
	struct node *old_dir = d->parent;
	int err;

	buf_init(&raw, OBJ_META_MAX);
	/* Under a name of its own the directory needs no other. */
	if (dentry_raw(d) && strcmp(d->name, name) == 0)
		buf_append(&raw, dentry_raw(d), d->raw_len);
	fs_inval_entry(fs, old_dir, d->name);
	fs_inval_entry(fs, dir, name);
	fs_tell_moved(fs, dir, name, d);
	err = buf_error(&raw);
	return err ? err
		   : tree_move(&fs->tree, d, dir, name, raw.len ? raw.data : NULL, raw.len,
			       d->is_shadowed);
}

/* All below d follows it to dir. */
static int move_whole(struct fs *fs, struct dir_move *mv, struct dentry *d, struct node *dir,
		      const char *name)
{
	struct node *n = d->node;
	int err = move(fs, d, dir, name);

	if (!err)
		mark(fs, mv, n);
	return err;
}

static int merge(struct fs *fs, struct dir_move *mv, struct node *from, struct node *to);

static int merge_dir(struct fs *fs, struct dir_move *mv, struct dentry *d, const struct dentry *at,
		     struct node *to)
{
	char name[NAME_COMPONENT_MAX + 1];

	if (at)
		return at->node->dir ? merge(fs, mv, d->node, at->node) : 0;
	/* One that also holds newer objects stays, and what is below with it. */
	if (has_sequences(d->node, mv->seq, true))
		return 0;
	memcpy(name, d->name, (size_t)d->len + 1);
	return move_whole(fs, mv, d, to, name);
}

/* A file; *at: what the new directory has under its name. */
static int merge_file(struct fs *fs, struct dir_move *mv, struct dentry *d, const struct dentry *at,
		      struct node *to)
{
	uint64_t seq = tree_entry_seq(d);
	char name[NAME_COMPONENT_MAX + 1];
	int err;

	if (at || !seq || seq > mv->seq)
		return 0;
	memcpy(name, d->name, (size_t)d->len + 1);
	err = move(fs, d, to, name);
	d = err ? NULL : tree_lookup(&fs->tree, to, name, strlen(name));
	if (d) {
		d->is_behind = true;
		mv->n_behind++;
	}
	return err;
}

static int merge(struct fs *fs, struct dir_move *mv, struct node *from, struct node *to)
{
	struct dentry *d;
	uint64_t cookie = 0;
	int err = 0;

	while (!err && (d = tree_next(from, cookie))) {
		const struct dentry *at = tree_lookup(&fs->tree, to, d->name, d->len);

		cookie = d->cookie;
		err = d->node->dir ? merge_dir(fs, mv, d, at, to) : merge_file(fs, mv, d, at, to);
	}
	return err;
}

/* The directory that will hold the new name, and that name. NULL: a file is in its place, or there
 * is no memory. */
static struct node *new_parent(struct fs *fs, const struct dir_move *mv, int64_t time_ns,
			       struct component *ret)
{
	const char *p = mv->to.data + fs->prefix_len, *end = mv->to.data + mv->to.len;
	struct node *dir = fs->tree.root;

	while (dir && place_cut(&p, end, ret) && p < end) {
		const struct dentry *d = tree_lookup(&fs->tree, dir, ret->name, strlen(ret->name));

		dir = d && !d->node->dir
			      ? NULL
			      : place_make_dir(fs, dir, ret, mv->to.data, (size_t)(p - mv->to.data),
					       time_ns, mv->seq);
	}
	return dir;
}

/* An empty directory gives way; the removal of its object comes later. */
static void remove_target(struct fs *fs, struct dentry *at)
{
	at->node->dir->has_marker = false;
	at->node->is_removed = true;
	fs_inval_entry(fs, at->parent, at->name);
	tree_unlink(&fs->tree, at);
}

/* Whether a directory in the place of the new name can have been replaced, or filled since. */
static bool is_free(const struct dir_move *mv, const struct dentry *at)
{
	if (!at)
		return true;
	return at->node->dir &&
	       (at->node->dir->n_children == 0 || !has_sequences(at->node, mv->seq, false));
}

/* dir becomes c in parent. */
static int follow_to(struct fs *fs, struct dir_move *mv, struct node *dir, struct node *parent,
		     const struct component *c, int64_t time_ns)
{
	struct dentry *at = tree_lookup(&fs->tree, parent, c->name, strlen(c->name));
	_cleanup_free_ char *old_name = strdup(dir->dentry->name);
	struct node *old_parent = dir->dentry->parent, *to;
	int err;

	if (tree_is_ancestor(dir, parent) || !is_free(mv, at))
		return 0;
	if (at && at->node->dir->n_children == 0 && at->node->seq <= mv->seq) {
		remove_target(fs, at);
		at = NULL;
	}
	tree_pin(old_parent);
	if (!at && !has_sequences(dir, mv->seq, true)) {
		err = old_name ? move_whole(fs, mv, dir->dentry, parent, c->name) : -ENOMEM;
		if (!err)
			place_unshadow(fs, old_parent, old_name, strlen(old_name));
	} else {
		to = place_make_dir(fs, parent, c, mv->to.data, mv->to.len, time_ns, mv->seq);
		err = to ? merge(fs, mv, dir, to) : -ENOMEM;
		if (!err)
			fs_prune(fs, dir);
	}
	place_touch_dir(fs, old_parent, time_ns, mv->seq);
	place_touch_dir(fs, parent, time_ns, mv->seq);
	tree_unpin(&fs->tree, old_parent);
	return err;
}

static int follow(struct fs *fs, struct dir_move *mv, int64_t time_ns)
{
	struct node *dir = fs_find_dir(fs, mv->from.data, mv->from.len), *parent;
	struct component c;
	int err;

	if (!dir || !dir->dentry)
		return 0;
	parent = new_parent(fs, mv, time_ns, &c);
	if (!parent)
		return 0;
	tree_pin(parent);
	err = follow_to(fs, mv, dir, parent, &c, time_ns);
	/* It may have been made for nothing. */
	fs_prune(fs, parent);
	tree_unpin(&fs->tree, parent);
	return err;
}

/* Whether all that is in dir came after the rename, and has names that n has not. */
static int check_adopted(struct fs *fs, const struct dir_move *mv, const struct node *dir,
			 const struct node *n)
{
	const struct dentry *d;
	uint64_t cookie = 0;

	if (has_sequences(dir, mv->seq, false))
		return -ENOTEMPTY;
	while ((d = tree_next(dir, cookie))) {
		if (tree_lookup(&fs->tree, n, d->name, d->len))
			return -EAGAIN;
		cookie = d->cookie;
	}
	return 0;
}

int dir_follow_adopt(struct fs *fs, const struct dir_move *mv, struct node *dir, struct node *n)
{
	int err = check_adopted(fs, mv, dir, n);
	struct dentry *d;

	mutex_assert_held(&fs->tree.lock);
	while (!err && (d = tree_next(dir, 0))) {
		char name[NAME_COMPONENT_MAX + 1];

		memcpy(name, d->name, (size_t)d->len + 1);
		err = move(fs, d, n, name);
	}
	return err;
}

/* What another mount's intent says; NULL: nothing that this one has to know. */
static struct dir_move *foreign_move(const struct fs *fs, const struct obj_info *intent)
{
	struct dir_move *mv = calloc(1, sizeof(*mv));

	if (!mv)
		return NULL;
	if (dir_move_parse(fs, intent, mv) < 0) {
		move_free(mv);
		return NULL;
	}
	mv->is_foreign = mv->is_barrier = true;
	memcpy(mv->intent, intent->name, intent->name_len);
	return mv;
}

/* Who stores an intent has waited until those that were planned before were gone. */
static void drop_finished(struct fs *fs, const struct dir_move *next)
{
	list_for_each_safe (it, &fs->dir_moves) {
		struct dir_move *mv = list_entry(it, struct dir_move, link);

		if (mv->is_foreign && mv->plan < next->plan && mv->n_behind == 0 &&
		    dir_move_touches(mv, &next->from, &next->to))
			drop(fs, mv);
	}
}

/* The move of an intent, as it is now, in the list. */
static struct dir_move *note(struct fs *fs, const struct obj_info *intent)
{
	struct dir_move *known = dir_follow_find(fs, intent->name), *mv;

	/* Its owner is at work. */
	cond_broadcast(&fs->dir_moved);
	if (known && (!known->is_barrier || known->n_behind > 0))
		return NULL;
	mv = foreign_move(fs, intent);
	if (!mv)
		return NULL;
	if (known)
		drop(fs, known);
	dir_move_begin(fs, mv);
	return mv;
}

void dir_follow_begin(struct fs *fs, const struct obj_info *intent)
{
	const char *kind = obj_info_meta(intent, ATTR_INTENT);
	struct dir_move *mv;

	mutex_assert_held(&fs->tree.lock);
	/* If it goes back, what is shown is put right when the intent is gone. */
	mv = note(fs, intent);
	if (!mv || !kind || strcmp(kind, INTENT_RENAME) != 0)
		return;
	drop_finished(fs, mv);
	if (dir_move_is_barred(fs, &mv->from, &mv->to, mv->plan))
		return;
	if (follow(fs, mv, intent->time_ns) < 0)
		log_warn("no memory to show %s as %s at once", mv->from.data, mv->to.data);
	mv->is_barrier = false;
}

void dir_follow_over(struct fs *fs, const char *intent)
{
	struct dir_move *mv = dir_follow_find(fs, intent);

	if (mv && mv->n_behind == 0)
		drop(fs, mv);
}

/* What has not followed, and where to; from now on the tree does not show the rename any more. The
 * move stays a barrier while what is where is asked for. False: there is none. */
static bool stop_showing(struct fs *fs, const char *intent, struct dir_move *ret,
			 struct dir_names *names)
{
	const struct node *dir;
	struct dir_move *mv;
	const char *name;
	size_t len, at = 0;

	LOCK_SCOPE(&fs->tree.lock);
	mv = dir_follow_find(fs, intent);
	if (!mv)
		return false;
	dir = mv->is_barrier ? NULL : fs_find_dir(fs, mv->to.data, mv->to.len);
	if (dir && dir_names_behind(fs, dir, mv->to.len, names) < 0)
		log_warn("no memory to look for what has not moved to %s", mv->to.data);
	if (dir)
		dir_names_uncollect(fs, dir);
	mv->is_barrier = true;
	while (dir_names_next(&mv->taken, &at, &name, &len))
		if (dir_names_add(names, name, len, 0) < 0)
			log_warn("no memory to look for what has not moved to %s", mv->to.data);
	/* What was stored here under an old name after the intent is no version of the new one. */
	ret->seq = names->max_seq > mv->seq ? names->max_seq : mv->seq;
	buf_append(&ret->from, mv->from.data, mv->from.len);
	buf_append(&ret->to, mv->to.data, mv->to.len);
	return true;
}

/* The opposite, for another try. */
static void show_again(struct fs *fs, struct dir_move *mv, const struct dir_names *names)
{
	const char *name;
	size_t len, at = 0;

	mv->n_behind = mv->taken.count;
	while (dir_names_next(names, &at, &name, &len)) {
		struct buf full CLEANUP(buf_done) = {0};
		struct dentry *d;

		buf_init(&full, OBJ_META_MAX);
		buf_append(&full, mv->to.data, mv->to.len);
		buf_append(&full, name, len);
		d = buf_error(&full) ? NULL : fs_find_any(fs, full.data, full.len);
		if (d && tree_entry_seq(d) <= mv->seq) {
			d->is_behind = true;
			mv->n_behind++;
		}
	}
	mv->is_barrier = false;
}

int dir_follow_end(struct fs *fs, const char *intent)
{
	struct dir_names names CLEANUP(dir_names_done) = {0};
	struct dir_move copy CLEANUP(dir_move_done) = {0}, *mv;
	int err;

	dir_names_init(&names);
	dir_move_init(&copy);
	if (!stop_showing(fs, intent, &copy, &names))
		return 0;
	err = buf_error(&copy.from) ? buf_error(&copy.from) : buf_error(&copy.to);
	if (!err)
		err = dir_objects_resync(fs, &copy, &names, 0);
	LOCK_SCOPE(&fs->tree.lock);
	mv = dir_follow_find(fs, intent);
	if (mv && err)
		show_again(fs, mv, &names);
	else if (mv)
		drop(fs, mv);
	return err;
}
