/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A listing of the whole bucket meets the tree, at first and whenever events may have been missed.
 *
 * A listing tells of the newest version of each name in the order of their sequences. A name that
 * was moved and then changed is thus told of after the removal of the old one, so removals of what
 * the tree had before wait for the end, where everything goes that was not told of.
 */

#include <errno.h>
#include <stdlib.h>

#include "fs/apply.h"
#include "fs/dir_rename.h"
#include "fs/links.h"
#include "fs/place.h"
#include "util/clock.h"

/* Whatever the server says; for more names the tables grow as they need. */
#define RESERVE_MAX (UINT64_C(1) << 24)

void fs_reload_begin(struct fs *fs, bool is_other_history)
{
	LOCK_SCOPE(&fs->tree.lock);
	fs->tree.generation++;
	fs->is_listing = true;
	namelock_begin_listing(&fs->names);
	if (!is_other_history)
		return;
	fs->is_other_history = true;
	fs->counts.last_seq = 0;
	dir_follow_forget_all(fs);
	graves_clear(&fs->graves);
}

void fs_reload_size(struct fs *fs, uint64_t n_names)
{
	uint64_t n_nodes;

	LOCK_SCOPE(&fs->tree.lock);
	n_nodes = fs->tree.n_nodes;
	if (n_names > RESERVE_MAX)
		n_names = RESERVE_MAX;
	if (n_names > n_nodes)
		tree_reserve(&fs->tree, n_names - n_nodes);
}

void fs_note_listed(struct fs *fs, const struct obj_info *info)
{
	const char *id = links_id_of_hidden(info->name, info->name_len);
	struct dentry *d;
	struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	if (!fs->is_listing || !fs_info_is_live(info))
		return;
	d = fs_find_entry(fs, info->name, info->name_len);
	n = d ? d->node : fs_find_dir(fs, info->name, info->name_len);
	if (id)
		n = tree_find_link(&fs->tree, id);
	if (d && n->x->link_id)
		d->generation = fs->tree.generation;
	else if (n)
		n->generation = fs->tree.generation;
}

static bool is_missing(const struct fs *fs, const struct node *n, uint64_t last_seq)
{
	if (!n->dentry || n->x->link_id || n->generation == fs->tree.generation || n->is_dirty)
		return false;
	/* No listing tells of directories that are this mount's alone. */
	if (n->dir ? !n->dir->has_marker || fs_is_plain(fs) : n->seq == 0)
		return false;
	return fs->is_other_history || n->seq <= last_seq;
}

/* What the listing told of a name that an operation holds is applied when that is done. */
bool fs_is_put_aside(struct fs *fs, const struct dentry *d)
{
	struct buf name CLEANUP(buf_done) = {0};

	mutex_assert_held(&fs->tree.lock);
	/* In another history what is known says nothing about what is newer. */
	if (fs->is_other_history || namelock_is_idle(&fs->names))
		return false;
	buf_init(&name, OBJ_META_MAX);
	fs_full_name(fs, d, &name);
	return !buf_error(&name) && namelock_was_told(&fs->names, name.data, name.len);
}

/* A directory without a marker came to its parent with the first of its entries; whether it has one
 * is known now. */
static void touch_parent(struct fs *fs, const struct node *n)
{
	if (n->dir && !n->dir->has_marker && n->dentry)
		place_touch_dir(fs, n->dentry->parent, n->btime_ns, 0);
}

void fs_reload_end(struct fs *fs, uint64_t last_seq)
{
	_cleanup_free_ struct node **gone = NULL;
	size_t n_gone = 0;

	LOCK_SCOPE(&fs->tree.lock);
	fs->is_listing = false;
	fs->counts.listings++;
	gone = calloc(fs->tree.inos.count + 1, sizeof(*gone));
	if (!gone)
		return;
	index_each(it, &fs->tree.inos)
	{
		struct node *n = container_of(it, struct node, by_ino);

		touch_parent(fs, n);
		if (is_missing(fs, n, last_seq)) {
			tree_pin(n);
			gone[n_gone++] = n;
		}
	}
	fs->is_foreign = true;
	links_reload_end(fs, last_seq);
	for (size_t i = 0; i < n_gone; i++) {
		struct dentry *d = gone[i]->dentry;

		if (d && !fs_is_put_aside(fs, d) && gone[i]->dir)
			fs_remove_marker(fs, gone[i]);
		else if (d && !fs_is_put_aside(fs, d))
			fs_remove_foreign(fs, d, clock_wall_ns(), 0);
		tree_unpin(&fs->tree, gone[i]);
	}
	fs->is_foreign = false;
	fs->is_other_history = false;
}

uint64_t fs_known_seq(struct fs *fs, const char *name, size_t len)
{
	struct node *dir;
	struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	d = place_find(fs, name, len, &dir);
	return d ? tree_entry_seq(d) : dir ? dir->seq : 0;
}

void fs_note_buried(struct fs *fs, const struct obj_info *info, uint64_t known_seq,
		    uint64_t tombstone_seq)
{
	struct node *dir;
	struct dentry *d;

	fs_note_gone(fs, info->name, info->name_len, tombstone_seq);
	if (info->seq == known_seq)
		return;
	LOCK_SCOPE(&fs->tree.lock);
	d = place_find(fs, info->name, info->name_len, &dir);
	if (d && node_has_one_name(d->node))
		d->node->is_removed = true;
}

bool fs_catch_up(struct fs *fs)
{
	return store_catch_up(fs->store);
}

int fs_refresh(struct fs *fs, const char *name, size_t len, uint64_t *ret_seq)
{
	struct obj_info *info = NULL;
	uint64_t seq = fs_known_seq(fs, name, len);
	int err = store_get_info(fs->store, name, len, &info);

	/* Perhaps it was moved, and to where is not known yet. */
	if ((err == -ENOENT || (!err && info->is_deleted)) && !fs_catch_up(fs)) {
		obj_info_free(info);
		return -EAGAIN;
	}
	if (err == -ENOENT)
		fs_apply_absent(fs, name, len, seq);
	if (err)
		return err;
	*ret_seq = info->seq;
	links_learn(fs, info);
	fs_apply(fs, info);
	return 0;
}
