/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/place.h"

#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "util/clock.h"
#include "util/log.h"

bool place_cut(const char **p, const char *end, struct component *c)
{
	const char *slash = memchr(*p, '/', (size_t)(end - *p));

	c->raw = *p;
	c->raw_len = (size_t)((slash ? slash : end) - *p);
	c->is_raw_needed = name_encode(c->raw, c->raw_len, c->name);
	*p = slash ? slash + 1 : end;
	return slash != NULL;
}

void place_touch_dir(struct fs *fs, struct node *dir, int64_t time_ns, uint64_t seq)
{
	/* Whoever set its times saw the entry come or go before, whatever the clocks say. */
	if (time_ns <= dir->ctime_ns || (seq && dir->dir->has_marker && seq <= dir->seq))
		return;
	dir->mtime_ns = dir->ctime_ns = time_ns;
	dir->dir->touched_seq = seq;
	fs_inval_inode(fs, dir, -1, 0);
}

void place_set_touched(struct node *dir, int64_t time_ns)
{
	dir->mtime_ns = dir->ctime_ns = time_ns;
	dir->dir->touched_seq = 0;
}

int place_link(struct fs *fs, struct node *dir, const struct component *c, bool is_shadowed,
	       struct node *n)
{
	return tree_link(&fs->tree, dir, c->name, c->is_raw_needed ? c->raw : NULL, c->raw_len,
			 is_shadowed, n);
}

/* A file in the way of a directory stays visible beside it. */
static int move_aside(struct fs *fs, struct dentry *d, const struct component *c)
{
	char name[NAME_COMPONENT_MAX + 1];
	bool is_raw_needed = name_encode_shadowed(c->raw, c->raw_len, name);

	fs_inval_entry(fs, d->parent, d->name);
	return tree_move(&fs->tree, d, d->parent, name, is_raw_needed ? c->raw : NULL, c->raw_len,
			 true);
}

struct node *place_make_dir(struct fs *fs, struct node *parent, const struct component *c,
			    const char *full, size_t full_len, int64_t time_ns, uint64_t seq)
{
	struct dentry *d = tree_lookup(&fs->tree, parent, c->name, strlen(c->name));
	struct attr attr;
	struct node *n;

	if (d && d->node->dir)
		return d->node;
	if (d && move_aside(fs, d, c) < 0)
		return NULL;
	n = tree_node_new(&fs->tree, S_IFDIR, full, full_len, 0);
	if (!n)
		return NULL;
	attr_implied_dir(&fs->cfg, time_ns, &attr);
	if (attr_to_node(&attr, n) < 0 || place_link(fs, parent, c, false, n) < 0) {
		tree_drop(&fs->tree, n);
		return NULL;
	}
	n->dir->touched_seq = seq;
	fs_inval_entry(fs, parent, c->name);
	fs_tell(fs, FS_CREATED, parent, c->name, n);
	/* While the bucket is listed its marker may follow, which says more: see reconcile.c. */
	if (!fs->is_listing)
		place_touch_dir(fs, parent, time_ns, seq);
	return n;
}

struct dentry *place_find(struct fs *fs, const char *name, size_t len, struct node **ret_dir)
{
	const char *p = name + fs->prefix_len, *end = name + len;
	struct node *dir = fs->tree.root;
	struct component c;
	struct dentry *d;

	*ret_dir = NULL;
	while (p < end) {
		bool is_dir = place_cut(&p, end, &c);

		d = tree_lookup(&fs->tree, dir, c.name, strlen(c.name));
		if (!is_dir) {
			if (d && d->node->dir) {
				(void)name_encode_shadowed(c.raw, c.raw_len, c.name);
				d = tree_lookup(&fs->tree, dir, c.name, strlen(c.name));
			}
			return d;
		}
		if (!d || !d->node->dir)
			return NULL;
		dir = d->node;
	}
	*ret_dir = dir;
	return NULL;
}

void place_unshadow(struct fs *fs, struct node *dir, const char *name, size_t len)
{
	char component[NAME_COMPONENT_MAX + 1], shadowed[NAME_COMPONENT_MAX + 1];
	size_t component_len;
	struct dentry *d;
	bool unused;

	if (name_decode(name, len, component, &component_len, &unused) < 0)
		return;
	(void)name_encode_shadowed(component, component_len, shadowed);
	d = tree_lookup(&fs->tree, dir, shadowed, strlen(shadowed));
	if (!d)
		return;
	fs_inval_entry(fs, dir, shadowed);
	fs_inval_entry(fs, dir, name);
	if (tree_move(&fs->tree, d, dir, name, NULL, 0, false) < 0)
		log_warn("no memory to show a file under its own name again");
}

void fs_prune(struct fs *fs, struct node *dir)
{
	mutex_assert_held(&fs->tree.lock);
	while (dir != fs->tree.root && dir->dentry && dir->dir->n_children == 0 &&
	       !dir->dir->has_marker) {
		struct node *parent = dir->dentry->parent;
		_cleanup_free_ char *name = strdup(dir->dentry->name);

		if (name) {
			fs_inval_entry(fs, parent, name);
			fs_tell(fs, FS_REMOVED, parent, name, dir);
		}
		dir->is_removed = true;
		tree_unlink(&fs->tree, dir->dentry);
		if (name)
			place_unshadow(fs, parent, name, strlen(name));
		dir = parent;
	}
}

void fs_remove_entry(struct fs *fs, struct dentry *d)
{
	fs_inval_entry(fs, d->parent, d->name);
	fs_remove_own(fs, d);
}

void fs_remove_own(struct fs *fs, struct dentry *d)
{
	place_touch_dir(fs, d->parent, clock_wall_ns(), 0);
	place_unlink(fs, d);
}

void place_unlink(struct fs *fs, struct dentry *d)
{
	struct node *dir = d->parent;

	mutex_assert_held(&fs->tree.lock);
	fs_tell(fs, FS_REMOVED, dir, d->name, d->node);
	if (d->node->dentry->next_name)
		fs_inval_inode(fs, d->node, -1, 0);
	tree_unlink(&fs->tree, d);
	fs_prune(fs, dir);
}
