/* SPDX-License-Identifier: Apache-2.0 */

/* Directories under way: entries have their new places, objects still the old names. */

#include "fs/apply.h"
#include "fs/dir_rename.h"

#include <errno.h>
#include <string.h>

void dir_move_init(struct dir_move *mv)
{
	buf_init(&mv->from, OBJ_META_MAX);
	buf_init(&mv->to, OBJ_META_MAX);
	dir_names_init(&mv->taken);
}

static bool is_prefix(const char *name)
{
	return name[strlen(name) - 1] == '/';
}

static bool is_exchange(const struct obj_info *intent)
{
	const char *kind = obj_info_meta(intent, ATTR_INTENT);

	return kind && strcmp(kind, INTENT_EXCHANGE_DIRS) == 0;
}

int dir_move_parse(const struct fs *fs, const struct obj_info *intent, struct dir_move *ret)
{
	struct intent_names names;
	int err = intent_get_names(intent, &names);

	dir_move_init(ret);
	if (!err && !is_exchange(intent) && (!is_prefix(names.old) || !is_prefix(names.new)))
		err = -EINVAL;
	if (!err)
		err = intent_check_names(fs, &names);
	if (err)
		return err;
	ret->seq = names.seq;
	ret->plan = names.plan;
	buf_append_str(&ret->from, names.old);
	buf_append_str(&ret->to, names.new);
	return buf_error(&ret->from) ? buf_error(&ret->from) : buf_error(&ret->to);
}

void dir_move_done(struct dir_move *mv)
{
	buf_done(&mv->from);
	buf_done(&mv->to);
	dir_names_done(&mv->taken);
}

void dir_move_begin(struct fs *fs, struct dir_move *mv)
{
	mutex_assert_held(&fs->tree.lock);
	list_push_back(&fs->dir_moves, &mv->link);
	atomic_fetch_add(&fs->n_dir_moves, 1);
}

void dir_move_end(struct fs *fs, struct dir_move *mv)
{
	mutex_assert_held(&fs->tree.lock);
	list_remove(&mv->link);
	atomic_fetch_sub(&fs->n_dir_moves, 1);
	cond_broadcast(&fs->dir_moved);
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

		if (mv->is_barrier || !is_below(mv, &mv->to, out->data + start, out->len - start))
			continue;
		buf_init(&rest, OBJ_META_MAX);
		buf_append(&rest, out->data + start + mv->to.len, out->len - start - mv->to.len);
		out->len = start;
		buf_append(out, mv->from.data, mv->from.len);
		buf_append(out, rest.data ? rest.data : "", rest.len);
		return;
	}
}

struct dentry *dir_move_entry(struct fs *fs, const struct dir_move *mv, const char *name,
			      size_t len)
{
	struct buf moved CLEANUP(buf_done) = {0};

	mutex_assert_held(&fs->tree.lock);
	if (!is_below(mv, &mv->from, name, len))
		return NULL;
	buf_init(&moved, OBJ_META_MAX);
	buf_append(&moved, mv->to.data, mv->to.len);
	buf_append(&moved, name + mv->from.len, len - mv->from.len);
	return buf_error(&moved) ? NULL : fs_find_any(fs, moved.data, moved.len);
}

/* The foreign rename whose directory the name is in now, as the tree shows it. */
static struct dir_move *foreign_move_to(struct fs *fs, const char *name, size_t len)
{
	list_for_each (it, &fs->dir_moves) {
		struct dir_move *mv = list_entry(it, struct dir_move, link);

		if (mv->is_foreign && !mv->is_barrier && is_below(mv, &mv->to, name, len))
			return mv;
	}
	return NULL;
}

void dir_rename_arrived(struct fs *fs, const char *name, size_t len)
{
	struct dentry *d = fs_find_any(fs, name, len);
	struct dir_move *mv;

	if (!d || !d->is_behind)
		return;
	d->is_behind = false;
	cond_broadcast(&fs->dir_moved);
	mv = foreign_move_to(fs, name, len);
	if (mv)
		mv->n_behind--;
}

/* Whether this is what a move makes of the object below its old name. */
static bool is_moved(const struct dir_move *mv, const struct obj_info *info)
{
	const char *from = obj_info_meta(info, ATTR_FROM);
	size_t rest = info->name_len - mv->to.len;

	return from && strlen(from) > mv->from.len + rest &&
	       memcmp(from, mv->from.data, mv->from.len) == 0 &&
	       memcmp(from + mv->from.len, info->name + mv->to.len, rest) == 0 &&
	       from[mv->from.len + rest] == '@';
}

void dir_follow_note(struct fs *fs, const struct obj_info *info)
{
	struct dir_move *mv = foreign_move_to(fs, info->name, info->name_len);
	struct dentry *d =
		mv && info->seq > mv->seq ? fs_find_any(fs, info->name, info->name_len) : NULL;

	if (!d || !d->is_behind)
		return;
	d->is_behind = false;
	cond_broadcast(&fs->dir_moved);
	/* What was to come here may stay where it is, which is found when the intent is gone. */
	if (is_moved(mv, info) ||
	    dir_names_add(&mv->taken, info->name + mv->to.len, info->name_len - mv->to.len, 0) < 0)
		mv->n_behind--;
}

bool dir_follow_is_awaited(struct fs *fs, const char *name, size_t len)
{
	const struct dir_move *mv = foreign_move_to(fs, name, len);
	const struct dentry *d;

	if (!mv || len != mv->to.len)
		return false;
	d = fs_find_any(fs, name, len);
	return d && d->is_behind;
}

/* Whether the entry that an object has at its new place stands for this version: it has yet to
 * follow. Of what has come there, or was not known when the directory moved, the old name still
 * tells something. */
static bool is_known_there(struct fs *fs, const struct dir_move *mv, const struct obj_info *info)
{
	struct dentry *d = dir_move_entry(fs, mv, info->name, info->name_len);

	if (!d || !d->is_behind)
		return false;
	if (info->seq <= tree_entry_seq(d)) {
		d->generation = d->node->generation = fs->tree.generation;
		return true;
	}
	return info->seq <= mv->seq;
}

bool dir_rename_is_stale(struct fs *fs, const struct obj_info *info)
{
	mutex_assert_held(&fs->tree.lock);
	list_for_each (it, &fs->dir_moves) {
		const struct dir_move *mv = list_entry(it, struct dir_move, link);

		if (!mv->is_barrier && is_below(mv, &mv->from, info->name, info->name_len) &&
		    is_known_there(fs, mv, info))
			return true;
	}
	return false;
}
