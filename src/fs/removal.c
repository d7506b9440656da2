/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/removal.h"

#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/halves.h"
#include "fs/links.h"
#include "fs/place.h"

bool removal_is_root(const struct fs *fs, const char *name, size_t len)
{
	return fs->prefix_len == 0 && len == strlen(HIDDEN_ROOT) &&
	       memcmp(name, HIDDEN_ROOT, len) == 0;
}

void fs_remove_marker(struct fs *fs, struct node *dir)
{
	mutex_assert_held(&fs->tree.lock);

	dir->dir->has_marker = false;
	dir->seq = 0;
	fs_prune(fs, dir);
}

/* During a listing what was there before goes at its end: see reconcile.c. As long as the tree has
 * never been complete nothing can be found in it by content, so there is nothing to wait for. */
static bool may_remove(const struct fs *fs, const struct node *n, uint64_t seq)
{
	return n->seq < seq && !n->is_dirty &&
	       (!fs->is_listing || n->generation == fs->tree.generation || early_is_on(&fs->early));
}

/* A listing tells of removals that this mount has not seen. */
static void touch_parent(struct fs *fs, const char *name, size_t len, int64_t time_ns, uint64_t seq)
{
	struct node *dir;

	if (len > fs->prefix_len && name[len - 1] == '/')
		len--;
	while (len > fs->prefix_len && name[len - 1] != '/')
		len--;
	(void)place_find(fs, name, len, &dir);
	if (dir)
		place_touch_dir(fs, dir, time_ns, seq);
}

/* Whoever still comes by the old name is sent to look again. */
void fs_remove_foreign(struct fs *fs, struct dentry *d, int64_t time_ns, uint64_t seq)
{
	if (node_has_one_name(d->node))
		d->node->is_removed = true;
	fs_inval_entry(fs, d->parent, d->name);
	place_touch_dir(fs, d->parent, time_ns, seq);
	place_unlink(fs, d);
}

bool removal_is_put_off(struct fs *fs, const char *name, size_t len, uint64_t seq)
{
	struct node *dir;
	const struct dentry *d = place_find(fs, name, len, &dir);

	return d && !d->node->dir && d->node->seq < seq && !may_remove(fs, d->node, seq);
}

void removal_apply(struct fs *fs, const char *name, size_t len, uint64_t seq, int64_t time_ns,
		   enum place place)
{
	struct node *dir;
	struct dentry *d = place_find(fs, name, len, &dir);
	/* Without a message nobody knows when it was. */
	uint64_t touch_seq = place == PLACE_ANY ? 0 : seq;

	if (removal_is_root(fs, name, len))
		return;
	if (fs->is_listing && !d)
		touch_parent(fs, name, len, time_ns, touch_seq);
	halves_forget(fs, name, len);
	if (dir) {
		if (dir->dir->has_marker && !fs_is_plain(fs) && may_remove(fs, dir, seq)) {
			if (dir->dentry && dir->dir->n_children == 0)
				place_touch_dir(fs, dir->dentry->parent, time_ns, touch_seq);
			fs_remove_marker(fs, dir);
		}
		d = tree_lookup(&fs->tree, dir, "%=", 2);
	}
	if (d && d->node->x->file && !d->node->x->link_id)
		file_rescue_later(fs, d->node->x->file);
	if (d && !d->node->dir &&
	    (d->node->x->link_id ? links_may_remove(fs, d, seq) : may_remove(fs, d->node, seq)) &&
	    (place == PLACE_ANY || d->node->is_foreign_token == (place == PLACE_FOREIGN)))
		fs_remove_foreign(fs, d, time_ns, touch_seq);
}
