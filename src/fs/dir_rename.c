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
#include "util/parse.h"

#define NAMES_MAX (UINT64_C(1) << 30)

static void dir_move_done(struct dir_move *mv)
{
	buf_done(&mv->from);
	buf_done(&mv->to);
}

static void names_done(struct dir_names *l)
{
	buf_done(&l->bytes);
}

static bool starts_with(const char *s, size_t len, const struct buf *prefix)
{
	return len >= prefix->len && memcmp(s, prefix->data, prefix->len) == 0;
}

void dir_rename_resolve(const struct fs *fs, const struct dentry *d, struct buf *out, size_t start)
{
	uint64_t seq = tree_entry_seq(d);

	mutex_assert_held(&fs->tree.lock);
	if (buf_error(out) || seq == 0)
		return;
	list_for_each (it, &fs->dir_moves) {
		const struct dir_move *mv = list_entry(it, struct dir_move, link);
		struct buf rest CLEANUP(buf_done) = {0};

		if (seq > mv->seq || !starts_with(out->data + start, out->len - start, &mv->to))
			continue;
		buf_init(&rest, OBJ_META_MAX);
		buf_append(&rest, out->data + start + mv->to.len, out->len - start - mv->to.len);
		out->len = start;
		buf_append(out, mv->from.data, mv->from.len);
		buf_append(out, rest.data ? rest.data : "", rest.len);
		return;
	}
}

bool dir_rename_is_stale(const struct fs *fs, const struct obj_info *info)
{
	mutex_assert_held(&fs->tree.lock);
	list_for_each (it, &fs->dir_moves) {
		const struct dir_move *mv = list_entry(it, struct dir_move, link);

		if (info->seq <= mv->seq && starts_with(info->name, info->name_len, &mv->from))
			return true;
	}
	return false;
}

static int add_name(struct dir_names *l, const char *name, size_t len, uint64_t seq)
{
	uint32_t n = (uint32_t)len;

	buf_append(&l->bytes, &n, sizeof(n));
	buf_append(&l->bytes, name, len);
	l->count++;
	l->max_len = len > l->max_len ? len : l->max_len;
	l->max_seq = seq > l->max_seq ? seq : l->max_seq;
	return buf_error(&l->bytes);
}

static int add_entry(struct fs *fs, const struct dentry *d, size_t skip, struct dir_names *l)
{
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	buf_init(&name, OBJ_META_MAX);
	fs_full_name(fs, d, &name);
	err = buf_error(&name);
	return err ? err : add_name(l, name.data + skip, name.len - skip, tree_entry_seq(d));
}

/* What was never stored has no old name: its commit goes to the new one. A claim of the old name is
 * in the list and vanishes. */
static void forget_claim(struct node *n)
{
	if (n->is_dirty && !node_has_nuid(n) && !n->x->link_id)
		n->seq = 0;
}

/* All objects below dir up to a sequence, markers included, with skip bytes of their names left
 * out. Tree lock held. */
static int collect(struct fs *fs, const struct node *dir, size_t skip, uint64_t max_seq,
		   struct dir_names *l)
{
	const struct dentry *d;
	uint64_t cookie = 0;
	int err = 0;

	if (dir->dir->has_marker && dir->seq <= max_seq)
		err = add_entry(fs, dir->dentry, skip, l);
	while (!err && (d = tree_next(dir, cookie))) {
		uint64_t seq = tree_entry_seq(d);

		cookie = d->cookie;
		if (d->node->dir)
			err = collect(fs, d->node, skip, max_seq, l);
		else if (seq && seq <= max_seq)
			err = add_entry(fs, d, skip, l);
		if (!d->node->dir && max_seq == UINT64_MAX)
			forget_claim(d->node);
	}
	return err;
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
	err = collect(fs, m->n, mv->from.len, UINT64_MAX, names);
	if (!err && mv->to.len + names->max_len > fs->store->name_max)
		err = -ENAMETOOLONG;
	if (!err)
		err = move_in_tree(fs, m);
	if (err)
		return err;
	if (names->max_seq > mv->seq)
		mv->seq = names->max_seq;
	list_push_back(&fs->dir_moves, &mv->link);
	return 0;
}

static int describe(struct fs *fs, const struct dir_move *mv, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = intent_new(fs, INTENT_RENAME, &info);

	if (!err)
		err = obj_info_set_meta(info, "posix.old", mv->from.data);
	if (!err)
		err = obj_info_set_meta(info, "posix.new", mv->to.data);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

static int move_with_intent(struct fs *fs, const struct move *m, struct dir_move *mv,
			    struct obj_info *intent)
{
	struct dir_names names CLEANUP(names_done) = {0};
	size_t at = 0;
	int err;

	buf_init(&names.bytes, NAMES_MAX);
	err = move_tree(fs, m, mv, &names);
	if (err)
		return err;
	err = intent_set_seq(intent, mv->seq);
	if (!err)
		err = dir_objects_move(fs, mv, &names, intent, &at);
	mutex_lock(&fs->tree.lock);
	list_remove(&mv->link);
	mutex_unlock(&fs->tree.lock);
	if (err)
		dir_objects_resync(fs, mv, &names, at);
	return err;
}

static int move_dir_locked(struct fs *fs, const struct move *m)
{
	_cleanup_obj_info_ struct obj_info *intent = NULL;
	struct dir_move mv CLEANUP(dir_move_done) = {0};
	int err;

	buf_init(&mv.from, OBJ_META_MAX);
	buf_init(&mv.to, OBJ_META_MAX);
	err = fs_keep_directory(fs, m->old_dir);
	if (!err)
		err = move_names(fs, m, &mv.from, &mv.to);
	if (!err)
		err = remove_target(fs, m, &mv.to);
	if (!err)
		err = describe(fs, &mv, &intent);
	if (!err)
		err = intent_store(fs, intent);
	if (err)
		return err;
	mv.seq = intent->seq;
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

static int parse(const struct fs *fs, const struct obj_info *info, struct dir_move *ret)
{
	const char *from = obj_info_meta(info, "posix.old");
	const char *to = obj_info_meta(info, "posix.new");
	const char *seq = obj_info_meta(info, ATTR_INTENT_SEQ);

	buf_init(&ret->from, OBJ_META_MAX);
	buf_init(&ret->to, OBJ_META_MAX);
	if (!from || !to || !from[0] || from[strlen(from) - 1] != '/' || !to[0] ||
	    to[strlen(to) - 1] != '/' || strcmp(from, to) == 0)
		return -EINVAL;
	if (!seq || parse_u64(seq, 10, 1, UINT64_MAX, &ret->seq) < 0)
		return -EINVAL;
	/* A mount of a part of the bucket does not know all of it. */
	if (strncmp(from, fs->prefix, fs->prefix_len) != 0 ||
	    strncmp(to, fs->prefix, fs->prefix_len) != 0)
		return -EXDEV;
	buf_append_str(&ret->from, from);
	buf_append_str(&ret->to, to);
	return buf_error(&ret->from) ? buf_error(&ret->from) : buf_error(&ret->to);
}

int dir_rename_finish(struct fs *fs, struct obj_info *info)
{
	struct dir_names names CLEANUP(names_done) = {0};
	struct dir_move mv CLEANUP(dir_move_done) = {0};
	const struct node *dir;
	size_t at;
	int err = parse(fs, info, &mv);

	if (err)
		return err == -EINVAL ? 0 : err;
	buf_init(&names.bytes, NAMES_MAX);
	LOCK_SCOPE(&fs->dir_rename);
	mutex_lock(&fs->tree.lock);
	dir = fs_find_dir(fs, mv.from.data, mv.from.len);
	if (dir)
		err = collect(fs, dir, mv.from.len, mv.seq, &names);
	mutex_unlock(&fs->tree.lock);
	if (!err)
		err = dir_objects_move(fs, &mv, &names, info, &at);
	return err;
}
