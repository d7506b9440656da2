/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rename moves no content: the metadata is stored under the new name, then a tombstone under the
 * old one. A crash between the two leaves both names with one content, and posix.from in the new
 * metadata says which was first.
 *
 * A directory is moved in the tree first, so that names and nodes stay together, then object by
 * object in the bucket. Objects that could not be moved are shown under their old names again.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/internal.h"
#include "fs/name.h"
#include "util/clock.h"
#include "util/log.h"

#define RETRIES 16

/* Everything a rename is about; nodes are pinned. */
struct move {
	struct node *old_dir, *new_dir;
	struct node *n;
	struct node *target; /* what has the new name, or NULL */
	const char *old_name, *new_name;
	bool is_exclusive;
};

static void move_done(struct fs *fs, struct move *m)
{
	fs_unpin(fs, m->target);
	fs_unpin(fs, m->n);
	fs_unpin(fs, m->new_dir);
	fs_unpin(fs, m->old_dir);
}

static struct node *pin_locked(struct node *n)
{
	if (n)
		tree_pin(n);
	return n;
}

/* The rules of rename(2) about what may replace what. Tree lock held. */
static int check_target(const struct move *m)
{
	const struct node *n = m->n, *t = m->target;

	if (n->dir && tree_is_ancestor(n, m->new_dir))
		return -EINVAL;
	if (!t)
		return 0;
	if (m->is_exclusive)
		return -EEXIST;
	if (n->dir && !t->dir)
		return -ENOTDIR;
	if (!n->dir && t->dir)
		return -EISDIR;
	return t->dir && t->dir->n_children > 0 ? -ENOTEMPTY : 0;
}

static int find_all(struct fs *fs, uint64_t parent, const char *name, uint64_t new_parent,
		    const char *new_name, struct move *m)
{
	struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	m->old_dir = pin_locked(tree_node(&fs->tree, parent));
	m->new_dir = pin_locked(tree_node(&fs->tree, new_parent));
	if (!m->old_dir || !m->new_dir)
		return -ESTALE;
	d = tree_lookup(&fs->tree, m->old_dir, name, strlen(name));
	if (!d)
		return -ENOENT;
	m->n = pin_locked(d->node);
	d = tree_lookup(&fs->tree, m->new_dir, new_name, strlen(new_name));
	m->target = pin_locked(d ? d->node : NULL);
	m->old_name = name;
	m->new_name = new_name;
	return check_target(m);
}

/* The newest live version of a name. */
static int get_live(struct fs *fs, const struct buf *name, struct obj_info **ret)
{
	int err = store_get_info(fs->store, name->data, name->len, ret);

	if (!err && !fs_info_is_live(*ret)) {
		(void)fs_catch_up(fs);
		fs_apply_held(fs, *ret);
		obj_info_free(steal_ptr(*ret));
		return -ENOENT;
	}
	return err;
}

/* A copy of info under another name, saying where it comes from. */
static int renamed_info(const struct obj_info *info, const struct buf *to, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *copy = obj_info_dup(info);
	struct buf from CLEANUP(buf_done) = {0};
	char *name = malloc(to->len + 1);
	char number[32];
	int err;

	buf_init(&from, OBJ_META_MAX);
	if (!copy || !name) {
		free(name);
		return -ENOMEM;
	}
	memcpy(name, to->data, to->len + 1);
	free(copy->name);
	copy->name = name;
	copy->name_len = to->len;
	free(steal_ptr(copy->foreign_token));
	buf_append(&from, info->name, info->name_len);
	buf_printf(&from, "@%llu", (unsigned long long)info->seq);
	err = buf_error(&from);
	if (!err)
		err = obj_info_set_meta(copy, ATTR_FROM, from.data);
	(void)snprintf(number, sizeof(number), "%lld", (long long)clock_wall_ns());
	if (!err)
		err = obj_info_set_meta(copy, "posix.ctime", number);
	if (!err)
		err = obj_info_set_meta(copy, ATTR_SINCE, number);
	/* A rename alone does not change the modification time, which others' objects only have
	 * from the message. */
	if (!err && !obj_info_meta(copy, "posix.mtime")) {
		(void)snprintf(number, sizeof(number), "%lld", (long long)info->time_ns);
		err = obj_info_set_meta(copy, "posix.mtime", number);
	}
	if (!err)
		*ret = steal_ptr(copy);
	return err;
}

/*
 * Moves one object in the bucket; both names are held. ret_replaced is the chunk identifier that
 * lost its name, or empty. *ret_info is the new metadata.
 */
static int move_object(struct fs *fs, const struct buf *from, const struct buf *to,
		       bool is_exclusive, char ret_replaced[OBJ_NUID_MAX + 1],
		       struct obj_info **ret_info)
{
	_cleanup_obj_info_ struct obj_info *old = NULL;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	uint64_t expected = 0, tombstone_seq;
	int err = get_live(fs, from, &old);

	ret_replaced[0] = '\0';
	if (!err)
		err = renamed_info(old, to, &info);
	for (int i = 0; !err; i++) {
		_cleanup_obj_info_ struct obj_info *now = NULL;

		err = store_put_info(fs->store, info, expected);
		if (err != -ESTALE || i == RETRIES)
			break;
		err = store_get_info(fs->store, to->data, to->len, &now);
		if (err && err != -ENOENT)
			return err;
		expected = err ? 0 : now->seq;
		if (!err && fs_info_is_live(now) && is_exclusive) {
			fs_apply_held(fs, now);
			return -EEXIST;
		}
		strcpy(ret_replaced, err || now->is_deleted ? "" : now->nuid);
		err = 0;
	}
	if (err)
		return err;
	err = store_bury_info(fs->store, old, &tombstone_seq);
	if (!err)
		fs_note_gone(fs, old->name, old->name_len, tombstone_seq);
	/* Somebody stored another version under the old name meanwhile: that one stays. */
	if (err == -ESTALE)
		err = 0;
	if (err)
		log_error("bucket %s: %s has a second name %s, because the old one could not be "
			  "removed: %s",
			  fs->store->bucket, old->name, info->name, strerror(-err));
	*ret_info = steal_ptr(info);
	return err;
}

/* The entry of m->n becomes new_name in new_dir; what was there goes. Tree lock held. */
static int move_entry(struct fs *fs, struct move *m)
{
	char component[NAME_COMPONENT_MAX + 1];
	struct dentry *at;
	bool is_shadowed;
	size_t len;
	int err;

	if (!m->n->dentry || (m->new_dir != fs->tree.root && !m->new_dir->dentry))
		return -ENOENT;
	/* An escape that only its entry could tell cannot be a new name. */
	err = name_decode(m->new_name, strlen(m->new_name), component, &len, &is_shadowed);
	if (err)
		return err;
	at = tree_lookup(&fs->tree, m->new_dir, m->new_name, strlen(m->new_name));
	if (at && at->node == m->n)
		return 0;
	if (at) {
		at->node->is_dirty = false;
		at->node->ctime_ns = clock_wall_ns();
		tree_unlink(&fs->tree, at);
	}
	err = tree_move(&fs->tree, m->n->dentry, m->new_dir, m->new_name, NULL, 0, is_shadowed);
	m->n->ctime_ns = clock_wall_ns();
	m->old_dir->mtime_ns = m->old_dir->ctime_ns = m->n->ctime_ns;
	m->new_dir->mtime_ns = m->new_dir->ctime_ns = m->n->ctime_ns;
	return err;
}

/* The directory an entry left vanishes if it was its last. */
static void prune_old(struct fs *fs, const struct move *m)
{
	LOCK_SCOPE(&fs->tree.lock);
	fs_prune(fs, m->old_dir);
}

static int names_of(struct fs *fs, const struct move *m, struct buf *from, struct buf *to)
{
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	if (!m->n->dentry)
		return -ENOENT;
	fs_full_name(fs, m->n->dentry, from);
	err = fs_child_name(fs, m->new_dir, m->new_name, to);
	if (m->n->dir)
		buf_append_char(to, '/');
	if (!err)
		err = buf_error(from) ? buf_error(from) : buf_error(to);
	if (!err && to->len > fs->store->name_max)
		err = -ENAMETOOLONG;
	return err;
}

static void set_file_name(struct file *f, const struct buf *name)
{
	char *copy = f ? strdup(name->data) : NULL;

	if (!copy)
		return;
	free(f->name);
	f->name = copy;
}

static int move_file_held(struct fs *fs, struct move *m, struct file *f, const struct buf *from,
			  const struct buf *to)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char replaced[OBJ_NUID_MAX + 1];
	int err = move_object(fs, from, to, m->is_exclusive, replaced, &info);

	if (err && !info)
		return err;
	mutex_lock(&fs->tree.lock);
	if (move_entry(fs, m) == 0)
		(void)!fs_set_version(fs, m->n, info);
	mutex_unlock(&fs->tree.lock);
	/* Where the entry could not be moved the event's way leads to the same names. */
	fs_apply_held(fs, info);
	fs_purge_later(fs, replaced, to->data, to->len);
	set_file_name(f, to);
	if (f) {
		obj_info_free(f->base);
		f->base = steal_ptr(info);
		f->base_seq = f->base->seq;
	}
	return err;
}

/* Unsaved content is committed under the old name first, so that what moves is in the bucket. */
static int move_file(struct fs *fs, struct move *m)
{
	struct file *f = file_find(fs, m->n);
	struct buf from CLEANUP(buf_done) = {0};
	struct buf to CLEANUP(buf_done) = {0};
	int err = 0;

	buf_init(&from, OBJ_META_MAX);
	buf_init(&to, OBJ_META_MAX);
	if (f) {
		mutex_lock(&f->lock);
		err = file_commit(fs, f);
	}
	if (!err)
		err = fs_keep_directory(fs, m->old_dir);
	if (!err)
		err = names_of(fs, m, &from, &to);
	if (!err)
		err = namelock_take2(&fs->names, from.data, from.len, to.data, to.len);
	if (!err) {
		err = move_file_held(fs, m, f, &from, &to);
		fs_release_name(fs, from.data, from.len);
		fs_release_name(fs, to.data, to.len);
	}
	if (f)
		mutex_unlock(&f->lock);
	file_put(fs, f);
	return err;
}

/* --- directories --- */

struct names {
	struct buf *items; /* object names relative to the directory, "" being its marker */
	size_t n, cap;
};

static void names_done(struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		buf_done(&l->items[i]);
	free(l->items);
}

static int names_add(struct names *l, const char *name, size_t len)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 64;
		struct buf *items = reallocarray(l->items, cap, sizeof(*items));

		if (!items)
			return -ENOMEM;
		l->items = items;
		l->cap = cap;
	}
	buf_init(&l->items[l->n], OBJ_META_MAX);
	buf_append(&l->items[l->n], name, len);
	return buf_error(&l->items[l->n++]);
}

/* All objects below dir, markers included, with skip bytes of their names left out. Tree lock held.
 */
static int collect(struct fs *fs, const struct node *dir, size_t skip, struct names *l)
{
	const struct dentry *d;
	uint64_t cookie = 0;
	int err = 0;

	if (dir->dir->has_marker) {
		struct buf name CLEANUP(buf_done) = {0};

		buf_init(&name, OBJ_META_MAX);
		fs_full_name(fs, dir->dentry, &name);
		err = buf_error(&name);
		if (!err)
			err = names_add(l, name.data + skip, name.len - skip);
	}
	while (!err && (d = tree_next(dir, cookie))) {
		struct buf name CLEANUP(buf_done) = {0};

		cookie = d->cookie;
		if (d->node->dir) {
			err = collect(fs, d->node, skip, l);
			continue;
		}
		buf_init(&name, OBJ_META_MAX);
		fs_full_name(fs, d, &name);
		err = buf_error(&name);
		if (!err)
			err = names_add(l, name.data + skip, name.len - skip);
		/* What moves now is not brought back by its last event. */
		if (!err)
			graves_note(&fs->graves, name.data, name.len, d->node->seq);
	}
	return err;
}

/* A file below dir with unsaved changes, referenced; NULL when there is none. */
static struct file *next_unsaved_below(struct fs *fs, const struct node *dir)
{
	LOCK_SCOPE(&fs->tree.lock);
	list_for_each (it, &fs->files) {
		struct file *f = list_entry(it, struct file, link);

		if (f->node->is_dirty && f->node->dentry &&
		    tree_is_ancestor(dir, f->node->dentry->parent)) {
			f->refs++;
			return f;
		}
	}
	return NULL;
}

static int commit_below(struct fs *fs, const struct node *dir)
{
	struct file *f;
	int err = 0;

	while (!err && (f = next_unsaved_below(fs, dir))) {
		mutex_lock(&f->lock);
		err = file_commit(fs, f);
		mutex_unlock(&f->lock);
		file_put(fs, f);
	}
	return err;
}

static int concat(const struct buf *prefix, const struct buf *rest, struct buf *ret)
{
	buf_init(ret, OBJ_META_MAX);
	buf_append(ret, prefix->data, prefix->len);
	buf_append(ret, rest->data ? rest->data : "", rest->len);
	return buf_error(ret);
}

static int move_below(struct fs *fs, const struct buf *from_dir, const struct buf *to_dir,
		      const struct buf *rest)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char replaced[OBJ_NUID_MAX + 1];
	struct buf from CLEANUP(buf_done) = {0};
	struct buf to CLEANUP(buf_done) = {0};
	int err = concat(from_dir, rest, &from);

	if (concat(to_dir, rest, &to) < 0 || err)
		return -ENOMEM;
	if (to.len > fs->store->name_max)
		return -ENAMETOOLONG;
	err = namelock_take2(&fs->names, from.data, from.len, to.data, to.len);
	if (err)
		return err;
	err = move_object(fs, &from, &to, false, replaced, &info);
	if (info)
		fs_apply_held(fs, info);
	fs_release_name(fs, from.data, from.len);
	fs_release_name(fs, to.data, to.len);
	if (!err)
		fs_purge_later(fs, replaced, to.data, to.len);
	/* Gone before it could be moved. */
	return err == -ENOENT ? 0 : err;
}

/* After a failure: the bucket's word on both names of everything that was to be moved. */
static void resync(struct fs *fs, const struct buf *dir, const struct buf *rest)
{
	struct buf name CLEANUP(buf_done) = {0};

	if (concat(dir, rest, &name) == 0)
		(void)!fs_refresh(fs, name.data, name.len);
}

static int move_objects(struct fs *fs, const struct buf *from, const struct buf *to,
			const struct names *l)
{
	size_t i = 0;
	int err = 0;

	while (!err && i < l->n)
		err = move_below(fs, from, to, &l->items[i++]);
	if (!err)
		return 0;
	log_error("bucket %s: %s was moved to %s only in part: %s", fs->store->bucket, from->data,
		  to->data, strerror(-err));
	for (i = i - 1; i < l->n; i++) {
		resync(fs, to, &l->items[i]);
		resync(fs, from, &l->items[i]);
	}
	return err;
}

/* The empty directory that has the new name gives way. */
static int remove_target_dir(struct fs *fs, const struct move *m, const struct buf *to)
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
	err = fs_remove_object(fs, to->data, to->len, seq);
	fs_release_name(fs, to->data, to->len);
	return err == -ENOENT ? 0 : err;
}

/* All components and their names must fit under the longer prefix before anything is moved. */
static int check_lengths(struct fs *fs, const struct buf *to, const struct names *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (to->len + l->items[i].len > fs->store->name_max)
			return -ENAMETOOLONG;
	return 0;
}

static int move_dir(struct fs *fs, struct move *m)
{
	struct buf from CLEANUP(buf_done) = {0};
	struct buf to CLEANUP(buf_done) = {0};
	struct names list CLEANUP(names_done) = {0};
	int err;

	buf_init(&from, OBJ_META_MAX);
	buf_init(&to, OBJ_META_MAX);
	err = commit_below(fs, m->n);
	if (!err)
		err = fs_keep_directory(fs, m->old_dir);
	if (!err)
		err = names_of(fs, m, &from, &to);
	if (!err)
		err = remove_target_dir(fs, m, &to);
	if (err)
		return err;
	mutex_lock(&fs->tree.lock);
	err = m->n->dentry ? collect(fs, m->n, from.len, &list) : -ENOENT;
	if (!err)
		err = check_lengths(fs, &to, &list);
	if (!err)
		err = move_entry(fs, m);
	mutex_unlock(&fs->tree.lock);
	return err ? err : move_objects(fs, &from, &to, &list);
}

int fs_rename(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	      uint64_t new_parent, const char *new_name, unsigned flags)
{
	struct move m = {.is_exclusive = flags & RENAME_NOREPLACE};
	int err = fs_may_change(fs);

	if (err)
		return err;
	if (flags & ~(unsigned)RENAME_NOREPLACE)
		return -EINVAL;
	if (strlen(new_name) > NAME_COMPONENT_MAX)
		return -ENAMETOOLONG;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	err = find_all(fs, parent, name, new_parent, new_name, &m);
	if (!err && m.n != m.target)
		err = m.n->dir ? move_dir(fs, &m) : move_file(fs, &m);
	if (!err)
		prune_old(fs, &m);
	move_done(fs, &m);
	return err;
}
