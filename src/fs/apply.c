/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the bucket says becomes the tree. Every version of every name comes through here: the first
 * listing, changes of others, and own changes coming back. A version is taken only if its sequence
 * is above what the tree has, so order and repetition do not matter.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/name.h"
#include "util/clock.h"
#include "util/log.h"

#define HIDDEN ".natsobj/"
#define CLAIM_MAX_AGE_NS (24 * 3600 * NS_PER_SEC)

/* A component cut from an object's name, and the file name it has in its directory. */
struct component {
	const char *raw;
	size_t raw_len;
	bool is_raw_needed;
	char name[NAME_COMPONENT_MAX + 1];
};

bool fs_info_is_live(const struct obj_info *info)
{
	if (!info->is_deleted)
		return true;
	return obj_info_meta(info, ATTR_CLAIM) &&
	       clock_wall_ns() - info->time_ns < CLAIM_MAX_AGE_NS;
}

/* Cuts the next component off [*p, end); true when it was followed by a slash. */
static bool cut(const char **p, const char *end, struct component *c)
{
	const char *slash = memchr(*p, '/', (size_t)(end - *p));

	c->raw = *p;
	c->raw_len = (size_t)((slash ? slash : end) - *p);
	c->is_raw_needed = name_encode(c->raw, c->raw_len, c->name);
	*p = slash ? slash + 1 : end;
	return slash != NULL;
}

static void touch_dir(struct fs *fs, struct node *dir, int64_t time_ns)
{
	if (time_ns <= dir->mtime_ns)
		return;
	dir->mtime_ns = time_ns;
	if (dir->ctime_ns < time_ns)
		dir->ctime_ns = time_ns;
	fs_inval_inode(fs, dir, -1, 0);
}

static int link_component(struct fs *fs, struct node *dir, const struct component *c,
			  bool is_shadowed, struct node *n)
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

static struct node *make_dir(struct fs *fs, struct node *parent, const struct component *c,
			     const char *full, size_t full_len, int64_t time_ns)
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
	attr_to_node(&attr, n);
	if (link_component(fs, parent, c, false, n) < 0) {
		tree_drop(&fs->tree, n);
		return NULL;
	}
	fs_inval_entry(fs, parent, c->name);
	touch_dir(fs, parent, time_ns);
	return n;
}

static int set_target(struct fs *fs, struct node *n, const struct obj_info *info)
{
	char *target = NULL;

	if (S_ISLNK(n->mode)) {
		target = attr_link_target(info, fs->store->bucket);
		if (!target)
			return -ENOMEM;
	}
	free(n->target);
	n->target = target;
	return 0;
}

int fs_set_version(struct fs *fs, struct node *n, const struct obj_info *info)
{
	bool is_dir = n->dir != NULL;
	struct attr attr;
	int err = 0;

	attr_from_info(&fs->cfg, info, is_dir, &attr);
	attr_to_node(&attr, n);
	n->seq = info->seq;
	n->generation = fs->tree.generation;
	if (is_dir)
		return 0;
	n->is_malformed = info->is_malformed;
	n->is_foreign_token = info->foreign_token != NULL;
	if (!n->nuid || strcmp(n->nuid, info->nuid) != 0)
		n->is_bad = n->is_tail_unverified = false;
	n->chunks = info->chunks;
	n->max_chunk_size = info->max_chunk_size;
	n->has_digest = info->has_digest;
	memcpy(n->digest, info->digest, sizeof(n->digest));
	err = set_target(fs, n, info);
	return err ? err : tree_set_nuid(&fs->tree, n, info->nuid);
}

/* Whether info only changes what is around the same content. */
static bool is_same_content(const struct node *n, const struct obj_info *info)
{
	return n->nuid && n->seq && strcmp(n->nuid, info->nuid) == 0 && n->size == info->size &&
	       !n->is_malformed && !info->is_malformed && !S_ISLNK(n->mode);
}

static void note_second_name(struct fs *fs, struct node *n)
{
	struct node *other = n->nuid ? tree_find_nuid(&fs->tree, n->nuid, n) : NULL;
	struct buf name CLEANUP(buf_done) = {0};

	if (!other || !other->dentry)
		return;
	buf_init(&name, OBJ_META_MAX);
	fs_full_name(fs, other->dentry, &name);
	if (!buf_error(&name))
		fs_recheck_later(fs, name.data, name.len, other->seq);
}

static int add_entry(struct fs *fs, struct node *dir, const struct component *c, bool is_shadowed,
		     const struct obj_info *info)
{
	struct node *n = tree_node_new(&fs->tree, S_IFREG, info->name, info->name_len, 0);
	int err = n ? fs_set_version(fs, n, info) : -ENOMEM;

	if (!err)
		err = link_component(fs, dir, c, is_shadowed, n);
	if (err) {
		if (n)
			tree_drop(&fs->tree, n);
		return err;
	}
	fs_inval_entry(fs, dir, c->name);
	touch_dir(fs, dir, info->time_ns);
	note_second_name(fs, n);
	return 0;
}

/* Another content under an existing name: a new node with the old inode number. */
static int supersede(struct fs *fs, struct dentry *d, const struct obj_info *info)
{
	struct node *old = d->node, *n;
	int err;

	if (old->nlookup == 0 && old->pins == 0) {
		n = old;
		err = fs_set_version(fs, n, info);
	} else {
		hash_remove(&fs->tree.inos, &old->by_ino);
		old->is_hashed_ino = false;
		n = tree_node_new(&fs->tree, S_IFREG, NULL, 0, old->ino);
		err = n ? fs_set_version(fs, n, info) : -ENOMEM;
		if (err && n)
			tree_drop(&fs->tree, n);
		if (!err) {
			old->is_superseded = true;
			tree_replace(&fs->tree, d, n);
		}
	}
	if (!err) {
		fs_inval_entry(fs, d->parent, d->name);
		note_second_name(fs, n);
	}
	return err;
}

/* Of two objects that say they have one name, under different subjects, the canonical one counts.
 */
static bool is_newer(const struct node *n, const struct obj_info *info)
{
	bool is_foreign = info->foreign_token != NULL;

	return n->seq && n->is_foreign_token != is_foreign ? !is_foreign : info->seq > n->seq;
}

static int update_entry(struct fs *fs, struct dentry *d, const struct obj_info *info)
{
	struct node *n = d->node;
	int err;

	n->generation = fs->tree.generation;
	if (!is_newer(n, info) || n->is_dirty)
		return 0;
	if (!is_same_content(n, info))
		return supersede(fs, d, info);
	err = fs_set_version(fs, n, info);
	if (!err)
		fs_inval_inode(fs, n, -1, 0);
	return err;
}

static void apply_marker(struct fs *fs, struct node *dir, const struct obj_info *info)
{
	int64_t mtime = dir->mtime_ns;

	dir->generation = fs->tree.generation;
	if (dir->dir->has_marker && info->seq <= dir->seq)
		return;
	dir->dir->has_marker = true;
	if (fs_set_version(fs, dir, info) < 0)
		log_warn("no memory for the attributes of a directory");
	/* Entries that came or went since count too, unless the time was set explicitly. */
	if (!obj_info_meta(info, "posix.mtime") && mtime > dir->mtime_ns)
		dir->mtime_ns = mtime;
	fs_inval_inode(fs, dir, -1, 0);
}

static bool is_marker(const struct obj_info *info)
{
	return info->size == 0 && !info->link_bucket && info->name_len > 0 &&
	       info->name[info->name_len - 1] == '/';
}

static int apply_live(struct fs *fs, const struct obj_info *info)
{
	const char *p = info->name + fs->prefix_len, *end = info->name + info->name_len;
	struct node *dir = fs->tree.root;
	struct component c;
	struct dentry *d;
	bool is_shadowed = false;

	while (p < end && cut(&p, end, &c)) {
		dir = make_dir(fs, dir, &c, info->name, (size_t)(p - info->name), info->time_ns);
		if (!dir)
			return -ENOMEM;
		if (p == end)
			break;
	}
	if (p == end && (end == info->name + fs->prefix_len || end[-1] == '/')) {
		if (is_marker(info)) {
			apply_marker(fs, dir, info);
			return 0;
		}
		/* An object with content whose name ends in a slash. */
		(void)cut(&p, end, &c);
	}
	d = tree_lookup(&fs->tree, dir, c.name, strlen(c.name));
	if (d && d->node->dir) {
		is_shadowed = true;
		c.is_raw_needed = name_encode_shadowed(c.raw, c.raw_len, c.name);
		d = tree_lookup(&fs->tree, dir, c.name, strlen(c.name));
	}
	return d ? update_entry(fs, d, info) : add_entry(fs, dir, &c, is_shadowed, info);
}

/* The entry, or for a marker the directory, that an object name has in the tree; NULL if none. */
static struct dentry *find_entry(struct fs *fs, const char *name, size_t len, struct node **ret_dir)
{
	const char *p = name + fs->prefix_len, *end = name + len;
	struct node *dir = fs->tree.root;
	struct component c;
	struct dentry *d;

	*ret_dir = NULL;
	while (p < end) {
		bool is_dir = cut(&p, end, &c);

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

/* A file that a directory had hidden gets its plain name back. */
static void unshadow(struct fs *fs, struct node *dir, const char *name, size_t len)
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

		if (name)
			fs_inval_entry(fs, parent, name);
		tree_unlink(&fs->tree, dir->dentry);
		if (name)
			unshadow(fs, parent, name, strlen(name));
		dir = parent;
	}
}

void fs_remove_entry(struct fs *fs, struct dentry *d)
{
	struct node *dir = d->parent;

	mutex_assert_held(&fs->tree.lock);
	fs_inval_entry(fs, dir, d->name);
	touch_dir(fs, dir, clock_wall_ns());
	tree_unlink(&fs->tree, d);
	fs_prune(fs, dir);
}

static void remove_marker(struct fs *fs, struct node *dir)
{
	dir->dir->has_marker = false;
	dir->seq = 0;
	fs_prune(fs, dir);
}

/* Under which subjects of a name nothing is any more. */
enum place { PLACE_CANONICAL, PLACE_FOREIGN, PLACE_ANY };

static void apply_removal(struct fs *fs, const char *name, size_t len, uint64_t seq,
			  enum place place)
{
	struct node *dir;
	struct dentry *d = find_entry(fs, name, len, &dir);

	if (dir) {
		if (dir->dir->has_marker && dir->seq < seq)
			remove_marker(fs, dir);
		d = tree_lookup(&fs->tree, dir, "%=", 2);
	}
	if (d && !d->node->dir && d->node->seq < seq && !d->node->is_dirty &&
	    (place == PLACE_ANY || d->node->is_foreign_token == (place == PLACE_FOREIGN)))
		fs_remove_entry(fs, d);
}

static bool is_ours(const struct fs *fs, const char *name, size_t len)
{
	return len >= fs->prefix_len && memcmp(name, fs->prefix, fs->prefix_len) == 0 &&
	       (len < strlen(HIDDEN) || memcmp(name, HIDDEN, strlen(HIDDEN)) != 0);
}

void fs_apply_held(struct fs *fs, const struct obj_info *info)
{
	int err = 0;

	if (!is_ours(fs, info->name, info->name_len))
		return;
	LOCK_SCOPE(&fs->tree.lock);
	if (fs_info_is_live(info))
		err = apply_live(fs, info);
	else
		apply_removal(fs, info->name, info->name_len, info->seq,
			      info->foreign_token ? PLACE_FOREIGN : PLACE_CANONICAL);
	if (err)
		log_error("cannot show object %s: %s", info->name, strerror(-err));
}

void fs_apply(struct fs *fs, struct obj_info *info)
{
	if (namelock_put_aside(&fs->names, info))
		return;
	fs_apply_held(fs, info);
	obj_info_free(info);
}

void fs_apply_absent(struct fs *fs, const char *name, size_t len, uint64_t seq)
{
	if (!is_ours(fs, name, len))
		return;
	LOCK_SCOPE(&fs->tree.lock);
	apply_removal(fs, name, len, seq, PLACE_ANY);
}

void fs_release_name(struct fs *fs, const char *name, size_t len)
{
	struct obj_info *aside = namelock_release(&fs->names, name, len);

	if (aside)
		fs_apply(fs, aside);
}

void fs_reload_begin(struct fs *fs)
{
	LOCK_SCOPE(&fs->tree.lock);
	fs->tree.generation++;
}

static bool is_missing(const struct fs *fs, const struct node *n, uint64_t last_seq)
{
	if (!n->dentry || n->generation == fs->tree.generation || n->is_dirty)
		return false;
	return n->dir ? n->dir->has_marker && n->seq <= last_seq : n->seq && n->seq <= last_seq;
}

void fs_reload_end(struct fs *fs, uint64_t last_seq)
{
	struct hash *inos = &fs->tree.inos;
	_cleanup_free_ struct node **gone = NULL;
	size_t n_gone = 0;

	LOCK_SCOPE(&fs->tree.lock);
	gone = calloc(inos->count + 1, sizeof(*gone));
	if (!gone)
		return;
	for (size_t i = 0; i < inos->n_buckets; i++)
		for (struct hash_node *it = inos->buckets[i]; it; it = it->next) {
			struct node *n = container_of(it, struct node, by_ino);

			if (is_missing(fs, n, last_seq)) {
				tree_pin(n);
				gone[n_gone++] = n;
			}
		}
	for (size_t i = 0; i < n_gone; i++) {
		if (gone[i]->dentry && gone[i]->dir)
			remove_marker(fs, gone[i]);
		else if (gone[i]->dentry)
			fs_remove_entry(fs, gone[i]->dentry);
		tree_unpin(&fs->tree, gone[i]);
	}
}
