/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/apply.h"
#include "fs/file.h"
#include "fs/links.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A hidden object with one name may be what somebody who crashed left. */
#define FOLD_GRACE_MS 10000

/* A node whose hidden object or name is not known yet. */
static struct node *new_node(struct fs *fs, const char *id, uint64_t ino)
{
	char hidden[LINKS_NAME_MAX];
	struct node *n;

	links_hidden_name(id, hidden);
	n = tree_node_new(&fs->tree, S_IFREG, hidden, strlen(hidden), ino);
	if (!n)
		return NULL;
	n->is_malformed = true;
	if (tree_set_link_id(&fs->tree, n, id) < 0) {
		tree_drop(&fs->tree, n);
		return NULL;
	}
	return n;
}

static void hold(struct node *n)
{
	if (!n->is_link_held)
		tree_pin(n);
	n->is_link_held = true;
}

/* The node may be gone afterwards. */
static void release(struct fs *fs, struct node *n)
{
	if (!n->is_link_held)
		return;
	n->is_link_held = false;
	tree_unpin(&fs->tree, n);
}

/* Whoever still comes by a node that has lost its last name so is sent to look again. */
static void replace(struct fs *fs, struct dentry *d, struct node *n)
{
	struct node *old = d->node;

	tree_pin(old);
	tree_replace(&fs->tree, d, n);
	if (!old->dentry) {
		old->is_superseded = true;
		if (old->x->file)
			file_rescue_later(fs, old->x->file);
	}
	tree_unpin(&fs->tree, old);
}

static void lead_to(struct fs *fs, struct dentry *d, struct node *n)
{
	fs_inval_entry(fs, d->parent, d->name);
	tree_replace(&fs->tree, d, n);
}

/* Another content in the same hidden object: all names go to a new node with the old inode number,
 * and the old one stays with those who have it open. */
static int supersede(struct fs *fs, struct node *old, const char *id, struct node **ret)
{
	struct node *n;
	int err;

	tree_give_up_ino(&fs->tree, old);
	err = tree_set_link_id(&fs->tree, old, NULL);
	n = err ? NULL : new_node(fs, id, old->ino);
	if (!n)
		return -ENOMEM;
	tree_pin(old);
	old->is_superseded = true;
	while (old->dentry)
		lead_to(fs, old->dentry, n);
	if (old->x->file)
		file_rescue_later(fs, old->x->file);
	release(fs, old);
	tree_unpin(&fs->tree, old);
	*ret = n;
	return 0;
}

/* Where only some of the names can be seen here; info NULL: the file has one. */
static void note_count(const struct fs *fs, struct node *n, const struct obj_info *info)
{
	struct node_extra *x = node_extra(n);

	if (x)
		x->link_count = info && fs->prefix_len ? links_count(info) : 0;
}

/* Which of the names it was changed by nobody knows. */
static void tell_all_names(struct fs *fs, enum fs_change_kind kind, const struct node *n)
{
	for (const struct dentry *d = n->dentry; d; d = d->next_name)
		fs_tell(fs, kind, d->parent, d->name, n);
}

static bool has_attributes_of(const struct node *n, const struct attr *old)
{
	return n->mode == old->mode && n->uid == old->uid && n->gid == old->gid &&
	       n->mtime_ns == old->mtime_ns;
}

static int set_version(struct fs *fs, struct node *n, const char *id, const struct obj_info *info)
{
	bool is_new = n->seq == 0, is_same = fs_is_same_content(fs, n, info);
	const struct attr old = {
		.mode = n->mode, .uid = n->uid, .gid = n->gid, .mtime_ns = n->mtime_ns};
	bool is_known = n->id || n->pins > (n->is_link_held ? 1U : 0U);
	int64_t ctime_ns = n->ctime_ns;
	int err = 0;

	if (n->is_dirty) {
		/* What is unsaved here will replace it, or find that it conflicts. */
		if (n->x->file && !is_same)
			file_rescue_later(fs, n->x->file);
		note_count(fs, n, info);
		fs_inval_inode(fs, n, -1, 0);
		return 0;
	}
	if (is_known && !is_same)
		err = supersede(fs, n, id, &n);
	if (!err)
		err = fs_set_version(fs, n, info);
	if (err)
		return err;
	/* Perhaps of one of its names, which the hidden object does not know. */
	if (ctime_ns > n->ctime_ns)
		n->ctime_ns = ctime_ns;
	hold(n);
	note_count(fs, n, info);
	fs_inval_inode(fs, n, -1, 0);
	if (!is_new && !is_same)
		tell_all_names(fs, FS_CHANGED, n);
	else if (!is_new && !has_attributes_of(n, &old))
		tell_all_names(fs, FS_ATTRIBUTES, n);
	return 0;
}

static int apply_live(struct fs *fs, const char *id, const struct obj_info *info)
{
	struct node *n = tree_find_link(&fs->tree, id);
	bool is_new;

	if (!n) {
		n = new_node(fs, id, 0);
		if (!n)
			return -ENOMEM;
	}
	is_new = info->seq > n->seq ||
		 (fs->is_other_history && n->generation != fs->tree.generation);
	n->generation = fs->tree.generation;
	hold(n);
	if (links_count(info) == 1)
		links_fold_later(fs, id, FOLD_GRACE_MS);
	return is_new ? set_version(fs, n, id, info) : 0;
}

/* The hidden object is gone; names that are left lead nowhere. */
static void apply_removal(struct fs *fs, struct node *n)
{
	n->is_malformed = n->dentry != NULL;
	fs_inval_inode(fs, n, 0, 0);
	release(fs, n);
}

void links_apply_absent(struct fs *fs, const char *id)
{
	struct node *n = tree_find_link(&fs->tree, id);

	mutex_assert_held(&fs->tree.lock);
	if (n && !n->is_dirty)
		apply_removal(fs, n);
}

int links_apply_hidden(struct fs *fs, const struct obj_info *info)
{
	const char *id = links_id_of_hidden(info->name, info->name_len);
	struct node *n;

	mutex_assert_held(&fs->tree.lock);
	if (!id)
		return 0;
	if (!info->is_deleted)
		return apply_live(fs, id, info);
	n = tree_find_link(&fs->tree, id);
	if (n && n->x->file)
		file_rescue_later(fs, n->x->file);
	if (n && info->seq > n->seq && !n->is_dirty) {
		n->seq = info->seq;
		apply_removal(fs, n);
	}
	return 0;
}

/* Whether the entry already stands for this version of its name. */
static bool is_known(const struct fs *fs, const struct dentry *d, const struct obj_info *info)
{
	uint32_t generation = d->node->x->link_id ? d->generation : d->node->generation;

	if (fs->is_other_history && generation != fs->tree.generation)
		return false;
	return info->seq <= tree_entry_seq(d);
}

bool links_may_remove(const struct fs *fs, const struct dentry *d, uint64_t seq)
{
	if (d->seq >= seq || (d->node->is_dirty && node_has_one_name(d->node)))
		return false;
	return !fs->is_listing || d->generation == fs->tree.generation;
}

/* A rename is noted at the name alone, but it is the file's change. */
void links_note_ctime(struct fs *fs, struct node *n, const struct obj_info *name)
{
	struct attr attr;

	if (!obj_info_meta(name, ATTR_CTIME))
		return;
	attr_from_info(&fs->cfg, name, false, &attr);
	if (attr.ctime_ns > n->ctime_ns)
		n->ctime_ns = attr.ctime_ns;
}

/* The entry leads to n. */
static void note_name(struct fs *fs, struct dentry *d, const struct obj_info *info)
{
	d->seq = info->seq;
	d->generation = fs->tree.generation;
	links_note_ctime(fs, d->node, info);
}

/* Whether hidden is where the content of old was moved to, and old, which programs know, is to take
 * its place. Once a name has led to it that is worth it only for what is unsaved. */
static bool is_moved_to(const struct node *old, const struct node *hidden)
{
	if (!old || !hidden || old == hidden || old->x->link_id || old->dir ||
	    (old->mode & S_IFMT) != (hidden->mode & S_IFMT) || old->seq >= hidden->seq ||
	    !node_nuid_equal(old, hidden))
		return false;
	if (old->is_dirty)
		return !hidden->is_dirty;
	return !hidden->dentry && !hidden->id && old->size == hidden->size;
}

/* What was changed since is stored there; what is unsaved stays. */
static int take_attributes(struct node *old, const struct node *hidden)
{
	struct xattrs xattrs = {0};
	int err = xattrs_copy(&hidden->x->xattrs, &xattrs);

	if (err)
		return err;
	old->seq = hidden->seq;
	old->stored_ns = hidden->stored_ns;
	old->mode = hidden->mode;
	old->uid = hidden->uid;
	old->gid = hidden->gid;
	old->mtime_ns = hidden->mtime_ns;
	old->ctime_ns = hidden->ctime_ns;
	old->is_mtime_set = false;
	return node_set_xattrs(old, &xattrs);
}

int links_take_place(struct fs *fs, struct node *old, struct node *hidden, const char *id)
{
	int err = tree_set_link_id(&fs->tree, hidden, NULL);

	tree_pin(hidden);
	hidden->is_superseded = hidden->dentry != NULL;
	while (hidden->dentry)
		lead_to(fs, hidden->dentry, old);
	if (!err)
		err = tree_set_link_id(&fs->tree, old, id);
	if (!err && !old->is_dirty)
		err = take_attributes(old, hidden);
	old->generation = hidden->generation;
	if (hidden->x->link_count && node_extra(old))
		node_extra(old)->link_count = hidden->x->link_count;
	hold(old);
	release(fs, hidden);
	tree_unpin(&fs->tree, hidden);
	return err;
}

int links_apply_name(struct fs *fs, struct node *dir, struct dentry *d, const struct component *c,
		     bool is_shadowed, const struct obj_info *info)
{
	const char *id = links_id(fs, info);
	struct node *n = tree_find_link(&fs->tree, id), *old = d ? d->node : NULL;
	int err = 0;

	mutex_assert_held(&fs->tree.lock);
	if (d && is_known(fs, d, info)) {
		d->generation = old->generation = fs->tree.generation;
		return 0;
	}
	if (is_moved_to(old, n)) {
		err = links_take_place(fs, old, n, id);
		if (err)
			return err;
		n = old;
		fs_inval_inode(fs, n, -1, 0);
	}
	if (old && old != n && old->is_dirty && node_has_one_name(old))
		return 0;
	if (!n)
		n = new_node(fs, id, 0);
	if (!n)
		return -ENOMEM;
	if (!d)
		err = place_link(fs, dir, c, is_shadowed, n);
	else if (old != n)
		replace(fs, d, n);
	if (err) {
		tree_drop(&fs->tree, n);
		return err;
	}
	n->is_superseded = false;
	note_name(fs, tree_lookup(&fs->tree, dir, c->name, strlen(c->name)), info);
	if (old == n)
		return 0;
	fs_inval_entry(fs, dir, c->name);
	fs_tell(fs, d ? FS_CHANGED : FS_LINKED, dir, c->name, n);
	fs_inval_inode(fs, n, -1, 0);
	place_touch_dir(fs, dir, attr_entry_time(info), info->seq);
	return 0;
}

/* The one name a file has left holds the content itself again. */
static int unfold(struct fs *fs, struct node *n, const struct obj_info *info)
{
	int err;

	tree_pin(n);
	err = tree_set_link_id(&fs->tree, n, NULL);
	n->dentry->seq = 0;
	note_count(fs, n, NULL);
	release(fs, n);
	if (n->is_dirty)
		n->seq = info->seq;
	else if (!err)
		err = fs_set_version(fs, n, info);
	fs_inval_inode(fs, n, -1, 0);
	tree_unpin(&fs->tree, n);
	return err;
}

/* A node with the inode number of old, which is about to lose its last name to it. */
static struct node *take_over(struct fs *fs, struct node *old)
{
	tree_give_up_ino(&fs->tree, old);
	old->is_superseded = true;
	if (old->x->file)
		file_rescue_later(fs, old->x->file);
	return tree_node_new(&fs->tree, S_IFREG, NULL, 0, old->ino);
}

int links_apply_plain(struct fs *fs, struct dentry *d, const struct obj_info *info)
{
	struct node *old = d->node, *n;
	int err;

	mutex_assert_held(&fs->tree.lock);
	if (is_known(fs, d, info)) {
		d->generation = fs->tree.generation;
		return 0;
	}
	d->generation = fs->tree.generation;
	if (node_has_one_name(old) && node_nuid_is(old, info->nuid))
		return unfold(fs, old, info);
	/* What is unsaved is stored beside what took its last name: see publish in commit.c. */
	if (node_has_one_name(old) && old->is_dirty)
		n = take_over(fs, old);
	else
		n = tree_node_new(&fs->tree, S_IFREG, info->name, info->name_len, 0);
	err = n ? fs_set_version(fs, n, info) : -ENOMEM;
	if (err) {
		if (n)
			tree_drop(&fs->tree, n);
		return err;
	}
	fs_inval_inode(fs, old, -1, 0);
	d->seq = 0;
	replace(fs, d, n);
	fs_inval_entry(fs, d->parent, d->name);
	fs_tell(fs, FS_CHANGED, d->parent, d->name, n);
	return 0;
}

static struct dentry *find_missing(struct fs *fs, const struct node *n, uint64_t last_seq)
{
	for (struct dentry *d = n->dentry; d; d = d->next_name)
		if (d->generation != fs->tree.generation && d->seq &&
		    (fs->is_other_history || d->seq <= last_seq) && !fs_is_put_aside(fs, d))
			return d;
	return NULL;
}

/* Whether the listing did not report the hidden object. */
static bool is_missing(struct fs *fs, const struct node *n, uint64_t last_seq)
{
	char name[LINKS_NAME_MAX];

	if (!n->is_link_held || n->generation == fs->tree.generation || n->is_dirty)
		return false;
	if (fs->is_other_history)
		return true;
	links_hidden_name(n->x->link_id, name);
	return n->seq <= last_seq && !namelock_was_told(&fs->names, name, strlen(name));
}

/* Drops what the listing did not report of one file with several names. */
static void reload_node(struct fs *fs, struct node *n, uint64_t last_seq)
{
	struct dentry *d;

	tree_pin(n);
	/* The removal of one may show another one under its plain name, as another entry. */
	while ((d = find_missing(fs, n, last_seq)))
		fs_remove_entry(fs, d);
	if (is_missing(fs, n, last_seq))
		apply_removal(fs, n);
	tree_unpin(&fs->tree, n);
}

void links_reload_end(struct fs *fs, uint64_t last_seq)
{
	struct hash *links = &fs->tree.links;
	_cleanup_free_ struct node **all = calloc(links->count + 1, sizeof(*all));
	size_t n = 0;

	mutex_assert_held(&fs->tree.lock);
	if (!all)
		return;
	for (size_t i = 0; i < links->n_buckets; i++)
		for (struct hash_node *it = links->buckets[i]; it; it = it->next) {
			all[n] = container_of(it, struct node_extra, by_link)->node;
			tree_pin(all[n++]);
		}
	for (size_t i = 0; i < n; i++) {
		reload_node(fs, all[i], last_seq);
		tree_unpin(&fs->tree, all[i]);
	}
}
