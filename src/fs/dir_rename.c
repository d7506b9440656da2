/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rename of a directory. An intent says what is to happen, then the tree's entry moves, so that
 * names and nodes below it stay together, then object by object in the bucket, many in flight. The
 * call returns when all have moved; meanwhile everything below the directory can be used, under its
 * new name, and a crash is made good by whoever finds the intent.
 *
 *	posix.old, posix.new  both prefixes, with their slashes
 *	posix.seq             objects up to this sequence move; newer ones belong to the old name
 *
 * One directory is renamed at a time (fs->dir_rename).
 */

#include "fs/dir_rename.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/intent.h"
#include "fs/rename.h"
#include "util/clock.h"
#include "util/log.h"

void dir_move_init(struct dir_move *mv)
{
	buf_init(&mv->from, OBJ_META_MAX);
	buf_init(&mv->to, OBJ_META_MAX);
}

void dir_move_done(struct dir_move *mv)
{
	buf_done(&mv->from);
	buf_done(&mv->to);
}

static bool is_below(const struct dir_move *mv, const struct buf *prefix, const char *name,
		     size_t len)
{
	return (mv->is_file ? len == prefix->len : len >= prefix->len) &&
	       memcmp(name, prefix->data, prefix->len) == 0;
}

void dir_rename_resolve(const struct fs *fs, const struct dentry *d, struct buf *out, size_t start)
{
	mutex_assert_held(&fs->tree.lock);
	if (buf_error(out) || !d->is_behind)
		return;
	list_for_each (it, &fs->dir_moves) {
		const struct dir_move *mv = list_entry(it, struct dir_move, link);
		struct buf rest CLEANUP(buf_done) = {0};

		if (!is_below(mv, &mv->to, out->data + start, out->len - start))
			continue;
		buf_init(&rest, OBJ_META_MAX);
		buf_append(&rest, out->data + start + mv->to.len, out->len - start - mv->to.len);
		out->len = start;
		buf_append(out, mv->from.data, mv->from.len);
		buf_append(out, rest.data ? rest.data : "", rest.len);
		return;
	}
}

/* The entry that an object's name has in the tree, of a directory if it is a marker's. */
static struct dentry *entry_of(struct fs *fs, const char *name, size_t len)
{
	struct dentry *d = fs_find_entry(fs, name, len);
	struct node *dir = d ? NULL : fs_find_dir(fs, name, len);

	return dir ? dir->dentry : d;
}

void dir_rename_arrived(struct fs *fs, const struct buf *name)
{
	struct dentry *d = entry_of(fs, name->data, name->len);

	if (d)
		d->is_behind = false;
}

/* Whether the entry that info's object has at its new place knows this version. */
static bool is_known_there(struct fs *fs, const struct dir_move *mv, const struct obj_info *info)
{
	struct buf name CLEANUP(buf_done) = {0};
	struct dentry *d;

	buf_init(&name, OBJ_META_MAX);
	buf_append(&name, mv->to.data, mv->to.len);
	buf_append(&name, info->name + mv->from.len, info->name_len - mv->from.len);
	d = buf_error(&name) ? NULL : entry_of(fs, name.data, name.len);
	if (!d || !d->is_behind || tree_entry_seq(d) < info->seq)
		return false;
	d->generation = d->node->generation = fs->tree.generation;
	return true;
}

bool dir_rename_is_stale(struct fs *fs, const struct obj_info *info)
{
	mutex_assert_held(&fs->tree.lock);
	list_for_each (it, &fs->dir_moves) {
		const struct dir_move *mv = list_entry(it, struct dir_move, link);

		if (is_below(mv, &mv->from, info->name, info->name_len) &&
		    (is_known_there(fs, mv, info) || info->seq <= mv->seq))
			return true;
	}
	return false;
}

/* The empty directory that has the new name gives way. */
static int remove_target(struct fs *fs, const struct move *m, const struct buf *to)
{
	uint64_t seq = 0;
	int err;

	mutex_lock(&fs->tree.lock);
	if (m->target && m->target->dir->has_marker)
		seq = m->target->seq;
	mutex_unlock(&fs->tree.lock);
	if (!seq)
		return 0;
	err = namelock_take(&fs->names, to->data, to->len);
	if (err)
		return err;
	err = fs_bury_marker(fs, m->target, to, seq);
	fs_release_name(fs, to->data, to->len);
	return err == -ENOENT ? 0 : err;
}

static void follow(struct fs *fs, struct dir_move *mv, const struct dir_names *names)
{
	mutex_assert_held(&fs->tree.lock);
	if (names->max_seq > mv->seq)
		mv->seq = names->max_seq;
	list_push_back(&fs->dir_moves, &mv->link);
}

/* The tree's part: everything is collected and moved at once. */
static int move_tree(struct fs *fs, const struct move *m, struct dir_move *mv,
		     struct dir_names *names)
{
	struct dentry *at;
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	if (!move_entry(fs, m))
		return -ENOENT;
	if (tree_is_ancestor(m->n, m->new_dir))
		return -EINVAL;
	at = tree_lookup(&fs->tree, m->new_dir, m->new_name, strlen(m->new_name));
	if (at && !at->node->dir)
		return -ENOTDIR;
	if (at && at->node->dir->n_children > 0)
		return -ENOTEMPTY;
	err = dir_names_collect(fs, m->n, mv->from.len, UINT64_MAX, names);
	if (!err && mv->to.len + names->max_len > fs->store->name_max)
		err = -ENAMETOOLONG;
	if (!err)
		err = move_in_tree(fs, m);
	if (err)
		dir_names_uncollect(fs, m->n);
	else
		follow(fs, mv, names);
	return err;
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
	list_remove(&mv->link);
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
static int return_objects(struct fs *fs, const struct move *m, struct dir_move *mv,
			  struct obj_info *intent)
{
	struct dir_names moved CLEANUP(dir_names_done) = {0};
	size_t at = 0;
	int err;

	dir_names_init(&moved);
	err = return_tree(fs, m, mv, &moved);
	if (!err)
		err = intent_set_names(intent, mv->from.data, mv->to.data);
	if (!err)
		err = intent_set_seq(intent, mv->seq);
	if (!err)
		err = intent_store(fs, intent);
	/* In a full bucket it is done without. */
	if (!err || err == -ENOSPC)
		err = dir_objects_move(fs, mv, &moved, intent, &at);
	return err;
}

static void stop_following(struct fs *fs, const struct move *m, struct dir_move *mv)
{
	LOCK_SCOPE(&fs->tree.lock);
	list_remove(&mv->link);
	dir_names_uncollect(fs, m->n);
}

static int move_with_intent(struct fs *fs, const struct move *m, struct dir_move *mv,
			    struct obj_info *intent)
{
	struct dir_names names CLEANUP(dir_names_done) = {0};
	size_t at = 0;
	int err, back = 0;

	dir_names_init(&names);
	err = move_tree(fs, m, mv, &names);
	if (err)
		return err;
	err = intent_set_seq(intent, mv->seq);
	if (!err)
		err = dir_objects_move(fs, mv, &names, intent, &at);
	if (err && err != -ECANCELED)
		back = return_objects(fs, m, mv, intent);
	stop_following(fs, m, mv);
	if (err)
		atomic_store(&fs->is_half_done, true);
	if (err == -ECANCELED || back)
		dir_objects_resync(fs, mv, &names, back ? 0 : at);
	return err;
}

static int check_room(struct fs *fs, const struct move *m, const struct dir_move *mv)
{
	struct dir_names names CLEANUP(dir_names_done) = {0};
	int err;

	dir_names_init(&names);
	mutex_lock(&fs->tree.lock);
	err = dir_names_collect(fs, m->n, mv->from.len, UINT64_MAX - 1, &names);
	mutex_unlock(&fs->tree.lock);
	return err ? err : dir_names_check_room(fs, dir_names_need(mv, &names));
}

static int move_dir_locked(struct fs *fs, const struct move *m)
{
	_cleanup_obj_info_ struct obj_info *intent = NULL;
	struct dir_move mv CLEANUP(dir_move_done) = {0};
	int err;

	dir_move_init(&mv);
	err = fs_keep_directory(fs, m->old_dir);
	if (!err)
		err = move_names(fs, m, &mv.from, &mv.to);
	if (!err)
		err = check_room(fs, m, &mv);
	if (!err)
		err = intent_new(fs, INTENT_RENAME, &intent);
	if (!err)
		err = intent_set_names(intent, mv.from.data, mv.to.data);
	if (!err)
		err = intent_store(fs, intent);
	if (err)
		return err;
	mv.seq = intent->seq;
	/* What others stored before is to move too. */
	(void)fs_catch_up(fs);
	err = remove_target(fs, m, &mv.to);
	if (!err)
		err = move_with_intent(fs, m, &mv, intent);
	if (err != -ECANCELED)
		intent_remove(fs, intent);
	return err == -ECANCELED ? 0 : err;
}

int move_dir(struct fs *fs, const struct move *m)
{
	LOCK_SCOPE(&fs->dir_rename);
	return move_dir_locked(fs, m);
}

/* --- what another mount began --- */

static bool is_prefix(const char *name)
{
	return name[strlen(name) - 1] == '/';
}

static int parse(const struct fs *fs, const struct obj_info *info, struct dir_move *ret)
{
	struct intent_names names;
	int err = intent_get_names(info, &names);

	dir_move_init(ret);
	if (!err && (!is_prefix(names.old) || !is_prefix(names.new)))
		err = -EINVAL;
	if (!err)
		err = intent_check_names(fs, &names);
	if (err)
		return err;
	ret->seq = names.seq;
	buf_append_str(&ret->from, names.old);
	buf_append_str(&ret->to, names.new);
	return buf_error(&ret->from) ? buf_error(&ret->from) : buf_error(&ret->to);
}

int dir_rename_finish(struct fs *fs, struct obj_info *info)
{
	struct dir_names names CLEANUP(dir_names_done) = {0};
	struct dir_move mv CLEANUP(dir_move_done) = {0};
	const struct node *dir;
	size_t at;
	int err = parse(fs, info, &mv);

	if (err)
		return err == -EINVAL ? 0 : err;
	dir_names_init(&names);
	LOCK_SCOPE(&fs->dir_rename);
	mutex_lock(&fs->tree.lock);
	dir = fs_find_dir(fs, mv.from.data, mv.from.len);
	if (dir)
		err = dir_names_collect(fs, dir, mv.from.len, mv.seq, &names);
	mutex_unlock(&fs->tree.lock);
	if (!err)
		err = dir_objects_move(fs, &mv, &names, info, &at);
	return err;
}
