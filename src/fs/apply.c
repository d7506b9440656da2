/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What the bucket says becomes the tree. Every version of every name comes through here: the first
 * listing, changes of others, and own changes coming back. A version is taken only if its sequence
 * is above what the tree has, so order and repetition do not matter.
 */

#include "fs/apply.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/dir_rename.h"
#include "fs/expiry.h"
#include "fs/file.h"
#include "fs/halves.h"
#include "fs/intent.h"
#include "fs/links.h"
#include "fs/place.h"
#include "fs/removal.h"
#include "util/clock.h"
#include "util/log.h"

/* How long whoever looks for a name waits for an operation on it: longer than a server is away for
 * a moment. */
#define HELD_MS 10000
#define CLAIM_MAX_AGE_NS (24 * 3600 * NS_PER_SEC)

bool fs_info_is_live(const struct obj_info *info)
{
	if (!info->is_deleted)
		return true;
	return obj_info_meta(info, ATTR_CLAIM) &&
	       clock_wall_ns() - info->time_ns < CLAIM_MAX_AGE_NS;
}

static int set_target(struct fs *fs, struct node *n, const struct obj_info *info)
{
	char *target = NULL;

	if (S_ISLNK(n->mode)) {
		target = attr_link_target(&fs->cfg, info, fs->store->bucket);
		if (!target)
			return -ENOMEM;
	}
	return node_set_target(n, target);
}

int fs_set_version(struct fs *fs, struct node *n, const struct obj_info *info)
{
	bool is_dir = n->dir != NULL;
	struct xattrs xattrs = {0};
	struct attr attr;
	int err;

	attr_from_info(&fs->cfg, info, is_dir, &attr);
	err = attr_to_node(&attr, n);
	n->is_mtime_set = false;
	n->stored_ns = expiry_stored_on(n, info);
	n->seq = info->seq;
	n->generation = fs->tree.generation;
	if (!err)
		err = xattrs_from_info(info, &xattrs);
	if (!err)
		err = node_set_xattrs(n, &xattrs);
	if (err || is_dir)
		return err;
	n->is_malformed = info->is_malformed;
	n->is_foreign_token = info->foreign_token != NULL;
	if (!node_nuid_is(n, info->nuid))
		n->is_bad = n->is_tail_unverified = false;
	n->chunks = info->chunks;
	n->max_chunk_size = info->max_chunk_size;
	n->has_digest = info->has_digest;
	memcpy(n->digest, info->digest, sizeof(n->digest));
	err = set_target(fs, n, info);
	return err ? err : tree_set_nuid(&fs->tree, n, info->nuid);
}

int fs_set_own_version(struct fs *fs, struct node *n, const struct obj_info *info)
{
	int64_t atime_ns = n->atime_ns, mtime_ns = n->mtime_ns;
	bool keeps_times = fs_is_plain(fs) && n->is_mtime_set;
	int err = fs_set_version(fs, n, info);

	if (keeps_times) {
		n->atime_ns = atime_ns;
		n->mtime_ns = mtime_ns;
		n->is_mtime_set = true;
	}
	return err;
}

static bool is_same_target(const struct fs *fs, const struct node *n, const struct obj_info *info)
{
	_cleanup_free_ char *target = attr_link_target(&fs->cfg, info, fs->store->bucket);

	return target && n->x->target && strcmp(target, n->x->target) == 0;
}

bool fs_is_same_content(const struct fs *fs, const struct node *n, const struct obj_info *info)
{
	struct attr attr;

	attr_from_info(&fs->cfg, info, false, &attr);
	if (!n->seq || n->is_malformed || info->is_malformed ||
	    (attr.mode & S_IFMT) != (n->mode & S_IFMT))
		return false;
	if (S_ISLNK(n->mode))
		return is_same_target(fs, n, info);
	return node_nuid_is(n, info->nuid) && n->size == info->size;
}

static int add_entry(struct fs *fs, struct node *dir, const struct component *c, bool is_shadowed,
		     const struct obj_info *info)
{
	struct node *n = tree_node_new(&fs->tree, S_IFREG, info->name, info->name_len, 0);
	/* Cheaper before the node itself is found. */
	bool is_second = info->nuid[0] && tree_find_nuid(&fs->tree, info->nuid, NULL);
	int err = n ? fs_set_version(fs, n, info) : -ENOMEM;

	if (!err)
		err = place_link(fs, dir, c, is_shadowed, n);
	if (err) {
		if (n)
			tree_drop(&fs->tree, n);
		return err;
	}
	fs_inval_entry(fs, dir, c->name);
	fs_tell_new(fs, dir, c->name, n, info);
	place_touch_dir(fs, dir, attr_entry_time(info), info->seq);
	if (is_second)
		fs_note_second_name(fs, n, info);
	return 0;
}

/* Another content under an existing name: a new node with the old inode number. */
static int supersede(struct fs *fs, struct dentry *d, const struct obj_info *info)
{
	struct node *old = d->node, *n;
	int err;

	if (!old->id && old->pins == 0) {
		n = old;
		err = fs_set_version(fs, n, info);
	} else {
		tree_give_up_ino(&fs->tree, old);
		n = tree_node_new(&fs->tree, S_IFREG, NULL, 0, old->ino);
		err = n ? fs_set_version(fs, n, info) : -ENOMEM;
		if (err && n)
			tree_drop(&fs->tree, n);
		if (!err) {
			old->is_superseded = true;
			tree_replace(&fs->tree, d, n);
			if (old->x->file)
				file_rescue_later(fs, old->x->file);
		}
	}
	if (!err) {
		fs_inval_entry(fs, d->parent, d->name);
		fs_tell(fs, FS_CHANGED, d->parent, d->name, n);
		fs_note_second_name(fs, n, info);
	}
	return err;
}

int fs_renew(struct fs *fs, struct dentry *d, const struct obj_info *info, struct node **ret)
{
	int err = supersede(fs, d, info);

	*ret = d->node;
	return err;
}

/*
 * Whether n stands for this version of its name or one that counts more. What was known before a
 * listing of another history says nothing. Of two objects that say they have one name, under
 * different subjects, the canonical one counts.
 */
static bool is_known(const struct fs *fs, const struct node *n, const struct obj_info *info)
{
	bool is_foreign = info->foreign_token != NULL;

	if (fs->is_other_history && n->generation != fs->tree.generation)
		return false;
	return n->seq && n->is_foreign_token != is_foreign ? is_foreign : info->seq <= n->seq;
}

static int update_entry(struct fs *fs, struct dentry *d, const struct obj_info *info)
{
	struct node *n = d->node;
	bool is_old = is_known(fs, n, info);
	int err;

	if (n->x->link_id)
		return links_apply_plain(fs, d, info);
	n->generation = fs->tree.generation;
	if (is_old)
		return 0;
	if (n->is_dirty) {
		if (n->x->file && !fs_is_same_content(fs, n, info))
			file_rescue_later(fs, n->x->file);
		return 0;
	}
	if (!fs_is_same_content(fs, n, info))
		return supersede(fs, d, info);
	err = fs_set_version(fs, n, info);
	if (!err) {
		fs_inval_inode(fs, n, -1, 0);
		fs_tell(fs, FS_ATTRIBUTES, d->parent, d->name, n);
	}
	return err;
}

static void apply_marker(struct fs *fs, struct node *dir, const struct obj_info *info)
{
	int64_t touched_ns = dir->ctime_ns;
	uint64_t touched_seq = dir->dir->touched_seq;
	bool is_old = dir->dir->has_marker && is_known(fs, dir, info);

	dir->generation = fs->tree.generation;
	if (is_old)
		return;
	if (dir->dir->has_marker && dir->dentry)
		fs_tell(fs, FS_ATTRIBUTES, dir->dentry->parent, dir->dentry->name, dir);
	dir->dir->has_marker = true;
	if (fs_set_version(fs, dir, info) < 0)
		log_warn("no memory for the attributes of a directory");
	/* Entries that came or went since. */
	dir->dir->touched_seq = 0;
	place_touch_dir(fs, dir, touched_ns, touched_seq);
	if (dir->dentry)
		place_touch_dir(fs, dir->dentry->parent, attr_entry_time(info), info->seq);
	fs_inval_inode(fs, dir, -1, 0);
}

static bool is_marker(const struct fs *fs, const struct obj_info *info)
{
	return !fs_is_plain(fs) && obj_info_is_marker(info);
}

static int apply_live(struct fs *fs, const struct obj_info *info)
{
	const char *p = info->name + fs->prefix_len, *end = info->name + info->name_len;
	struct node *dir = fs->tree.root;
	struct component c;
	struct dentry *d;
	bool is_shadowed = false;

	if (removal_is_root(fs, info->name, info->name_len)) {
		apply_marker(fs, fs->tree.root, info);
		return 0;
	}
	while (p < end && place_cut(&p, end, &c)) {
		dir = place_make_dir(fs, dir, &c, info->name, (size_t)(p - info->name),
				     attr_entry_time(info), info->seq);
		if (!dir)
			return -ENOMEM;
		if (p == end)
			break;
	}
	if (p == end && (end == info->name + fs->prefix_len || end[-1] == '/')) {
		if (is_marker(fs, info)) {
			apply_marker(fs, dir, info);
			return 0;
		}
		/* An object with content whose name ends in a slash. */
		(void)place_cut(&p, end, &c);
	}
	d = tree_lookup(&fs->tree, dir, c.name, strlen(c.name));
	if (d && d->node->dir) {
		is_shadowed = true;
		c.is_raw_needed = name_encode_shadowed(c.raw, c.raw_len, c.name);
		d = tree_lookup(&fs->tree, dir, c.name, strlen(c.name));
	}
	d = halves_follow(fs, dir, d, &c, is_shadowed, info);
	if (links_id(fs, info))
		return links_apply_name(fs, dir, d, &c, is_shadowed, info);
	return d ? update_entry(fs, d, info) : add_entry(fs, dir, &c, is_shadowed, info);
}

static bool is_ours(const struct fs *fs, const char *name, size_t len)
{
	if (removal_is_root(fs, name, len))
		return true;
	/* No server can be asked for a longer name; metadata under another subject may have one. */
	return len <= fs->store->name_max && len >= fs->prefix_len &&
	       memcmp(name, fs->prefix, fs->prefix_len) == 0 && !name_is_hidden(name, len);
}

struct node *fs_find_dir(struct fs *fs, const char *name, size_t len)
{
	struct node *dir;

	mutex_assert_held(&fs->tree.lock);
	if (!is_ours(fs, name, len) || len <= fs->prefix_len || name[len - 1] != '/')
		return NULL;
	(void)place_find(fs, name, len, &dir);
	return dir;
}

struct dentry *fs_find_entry(struct fs *fs, const char *name, size_t len)
{
	struct node *dir;
	struct dentry *d;

	mutex_assert_held(&fs->tree.lock);
	if (!is_ours(fs, name, len))
		return NULL;
	d = place_find(fs, name, len, &dir);
	return d && !d->node->dir ? d : NULL;
}

struct dentry *fs_find_any(struct fs *fs, const char *name, size_t len)
{
	struct dentry *d = fs_find_entry(fs, name, len);
	const struct node *dir = d ? NULL : fs_find_dir(fs, name, len);

	return dir ? dir->dentry : d;
}

/* The reserved objects. True when info was one. Tree lock held. */
static bool apply_reserved(struct fs *fs, const struct obj_info *info)
{
	if (fs_is_plain(fs))
		return false;
	if (links_id_of_hidden(info->name, info->name_len)) {
		if (links_apply_hidden(fs, info) < 0)
			log_error("no memory for the file behind %s", info->name);
		return true;
	}
	if (!intent_is_name(info->name, info->name_len))
		return false;
	intent_apply(fs, info);
	return true;
}

/* When the removal that info tells of changed the directory; 0: it did not. */
static int64_t removal_time(const struct fs *fs, const struct obj_info *info, bool is_over)
{
	if (obj_info_meta(info, ATTR_MOVED))
		return 0;
	if (is_over)
		return fs->is_listing ? 0 : clock_wall_ns();
	/* By whichever clock is ahead, so that what was made before was made before. */
	return info->mtime_ns > info->time_ns ? info->mtime_ns : info->time_ns;
}

static void apply_locked(struct fs *fs, const struct obj_info *info)
{
	bool is_over;
	int err = 0;

	mutex_assert_held(&fs->tree.lock);
	fs->counts.events++;
	if (info->seq > fs->counts.last_seq)
		fs->counts.last_seq = info->seq;
	if (apply_reserved(fs, info) || !is_ours(fs, info->name, info->name_len))
		return;
	if (dir_rename_is_stale(fs, info) ||
	    (info->is_deleted && dir_follow_is_awaited(fs, info->name, info->name_len)))
		return;
	/* What another place has of the name, it had before this one was cleared, too. */
	if (!info->foreign_token &&
	    info->seq <= graves_seq(&fs->graves, info->name, info->name_len))
		return;
	dir_follow_note(fs, info);
	/* Its chunks are gone, and the version itself has nothing to show any more. */
	is_over = fs_info_is_live(info) && expiry_is_over(fs, expiry_stored_ns(info));
	if (fs_info_is_live(info) && !is_over) {
		graves_drop(&fs->graves, info->name, info->name_len);
		err = apply_live(fs, info);
	} else {
		if (!info->foreign_token &&
		    !removal_is_put_off(fs, info->name, info->name_len, info->seq + is_over))
			/* Under a longer limit the version itself may show again. */
			graves_note(&fs->graves, info->name, info->name_len, info->seq - is_over);
		removal_apply(fs, info->name, info->name_len, info->seq + is_over,
			      removal_time(fs, info, is_over),
			      info->foreign_token ? PLACE_FOREIGN : PLACE_CANONICAL);
	}
	if (err)
		log_error("cannot show object %s: %s", info->name, strerror(-err));
}

void fs_apply_held(struct fs *fs, const struct obj_info *info)
{
	LOCK_SCOPE(&fs->tree.lock);
	apply_locked(fs, info);
}

void fs_apply_own(struct fs *fs, const struct obj_info *info, const struct node *dir,
		  const char *name)
{
	LOCK_SCOPE(&fs->tree.lock);
	fs->told_dir = dir;
	fs->told_name = name;
	apply_locked(fs, info);
	fs->told_dir = NULL;
}

static void apply_foreign(struct fs *fs, struct obj_info *info)
{
	mutex_lock(&fs->tree.lock);
	fs->is_foreign = true;
	apply_locked(fs, info);
	fs->is_foreign = false;
	mutex_unlock(&fs->tree.lock);
	obj_info_free(info);
}

void fs_apply(struct fs *fs, struct obj_info *info)
{
	if (namelock_is_taken(&fs->names, info->name, info->name_len))
		fs_note_listed(fs, info);
	if (!namelock_put_aside(&fs->names, info))
		apply_foreign(fs, info);
}

void fs_apply_absent(struct fs *fs, const char *name, size_t len, uint64_t seq)
{
	if (!is_ours(fs, name, len))
		return;
	LOCK_SCOPE(&fs->tree.lock);
	if (!removal_is_put_off(fs, name, len, seq + 1))
		graves_note(&fs->graves, name, len, seq);
	fs->is_foreign = true;
	removal_apply(fs, name, len, seq + 1, fs->is_listing ? 0 : clock_wall_ns(), PLACE_ANY);
	fs->is_foreign = false;
}

void fs_note_gone(struct fs *fs, const char *name, size_t len, uint64_t seq)
{
	LOCK_SCOPE(&fs->tree.lock);
	graves_note(&fs->graves, name, len, seq);
}

void fs_release_name(struct fs *fs, const char *name, size_t len)
{
	struct obj_info *aside;

	while ((aside = namelock_release(&fs->names, name, len)))
		apply_foreign(fs, aside);
}

void fs_wait_released(struct fs *fs, const char *name, size_t len)
{
	if (!namelock_wait(&fs->names, name, len, clock_deadline_ms(HELD_MS)))
		log_debug("%s is being changed for long", name);
}
