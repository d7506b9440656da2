/* SPDX-License-Identifier: Apache-2.0 */

/*
 * rename(2): the rules about what may replace what, and the tree's side. How the objects move is in
 * rename_file.c, dir_rename.c and exchange.c.
 */

#include "fs/rename.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/exchange_turn.h"
#include "fs/links.h"
#include "fs/name_ops.h"
#include "fs/place.h"
#include "fs/plain.h"
#include "fs/publish.h"
#include "fs/symlink.h"
#include "util/clock.h"

#define RETRIES 16
/* How long others that change the same names are waited for: for an exchange whose mount crashed as
 * long as another takes to finish it. */
#define PATIENCE_MS 30000

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

/* What may replace what. Tree lock held. */
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
	/* Onto a directory above the old place too: that one is not empty. */
	return t->dir && t->dir->n_children > 0 ? -ENOTEMPTY : 0;
}

/* Both must be there, and neither below the other. Tree lock held. */
static int check_exchange(const struct move *m)
{
	if (!m->target)
		return -ENOENT;
	if (tree_is_ancestor(m->n, m->new_dir) || tree_is_ancestor(m->target, m->old_dir))
		return -EINVAL;
	return 0;
}

static int find_all(struct fs *fs, uint64_t parent, const char *name, uint64_t new_parent,
		    const char *new_name, bool is_exchange, struct move *m)
{
	struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	m->old_dir = pin_locked(tree_node(&fs->tree, parent));
	m->new_dir = pin_locked(tree_node(&fs->tree, new_parent));
	if (!m->old_dir || !m->new_dir)
		return -ESTALE;
	if (!m->old_dir->dir || !m->new_dir->dir)
		return -ENOTDIR;
	d = tree_lookup(&fs->tree, m->old_dir, name, strlen(name));
	if (!d)
		return fs_why_absent(fs, m->old_dir, name);
	m->n = pin_locked(d->node);
	d = tree_lookup(&fs->tree, m->new_dir, new_name, strlen(new_name));
	m->target = pin_locked(d ? d->node : NULL);
	m->old_name = name;
	m->new_name = new_name;
	return is_exchange ? check_exchange(m) : check_target(m);
}

struct dentry *move_entry(struct fs *fs, const struct move *m)
{
	struct dentry *d = tree_lookup(&fs->tree, m->old_dir, m->old_name, strlen(m->old_name));

	return d && d->node == m->n ? d : NULL;
}

struct dentry *move_target(struct fs *fs, const struct move *m)
{
	return tree_lookup(&fs->tree, m->new_dir, m->new_name, strlen(m->new_name));
}

int move_names(struct fs *fs, const struct move *m, struct buf *from, struct buf *to)
{
	const struct dentry *d;
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	d = move_entry(fs, m);
	if (!d)
		return -ENOENT;
	buf_reset(from);
	buf_reset(to);
	fs_full_name(fs, d, from);
	err = fs_child_name(fs, m->new_dir, m->new_name, to);
	if (m->new_dir == fs->tree.root && strcmp(m->new_name, HIDDEN_DIR) == 0)
		err = -EPERM;
	if (m->n->dir)
		buf_append_char(to, '/');
	if (!err)
		err = buf_error(from) ? buf_error(from) : buf_error(to);
	if (!err && to->len > fs->store->name_max)
		err = -ENAMETOOLONG;
	return err;
}

int move_take_names(struct fs *fs, const struct move *m, struct buf *from, struct buf *to)
{
	for (int i = 0; i < RETRIES; i++) {
		struct buf from2 CLEANUP(buf_done) = {0};
		struct buf to2 CLEANUP(buf_done) = {0};
		int err = move_names(fs, m, from, to);

		buf_init(&from2, OBJ_META_MAX);
		buf_init(&to2, OBJ_META_MAX);
		if (!err)
			err = fs_take_names(fs, from, to);
		if (err == -EAGAIN) {
			/* Not counted while directories move, which ends. */
			i -= atomic_load(&fs->n_dir_moves) > 0;
			continue;
		}
		if (err)
			return err;
		err = move_names(fs, m, &from2, &to2);
		if (!err && buf_equal(from, &from2) && buf_equal(to, &to2))
			return 0;
		move_release_names(fs, from, to);
		if (err)
			return err;
	}
	return -EIO;
}

void move_release_names(struct fs *fs, const struct buf *from, const struct buf *to)
{
	fs_release_name(fs, from->data, from->len);
	fs_release_name(fs, to->data, to->len);
}

static int set_time(struct obj_info *info, const char *key, int64_t time_ns)
{
	char number[32];

	(void)snprintf(number, sizeof(number), "%lld", (long long)time_ns);
	return obj_info_set_meta(info, key, number);
}

/* Times that an object of others has from its message only would change with every rename. */
static int keep_times(struct obj_info *copy, int64_t message_ns)
{
	static const char *const times[] = {ATTR_MTIME, ATTR_CTIME, ATTR_BTIME};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof(times) / sizeof(times[0]); i++)
		if (!obj_info_meta(copy, times[i]))
			err = set_time(copy, times[i], message_ns);
	return err;
}

/* The directory that the tree shows for this version of a marker, wherever it is by now. */
static const struct node *dir_of(struct fs *fs, const struct obj_info *marker, const char *to,
				 size_t len)
{
	const struct node *dir = fs_find_dir(fs, to, len);

	if (dir && dir->seq == marker->seq)
		return dir;
	dir = fs_find_dir(fs, marker->name, marker->name_len);
	return dir && dir->seq == marker->seq ? dir : NULL;
}

/* Entries that came and went since the marker was stored left their traces under the old name. */
static int keep_dir_time(struct fs *fs, const struct obj_info *marker, struct obj_info *copy)
{
	const struct node *dir;
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	dir = dir_of(fs, marker, copy->name, copy->name_len);
	if (!dir)
		return 0;
	err = set_time(copy, ATTR_MTIME, dir->mtime_ns);
	return err ? err : set_time(copy, ATTR_CTIME, dir->ctime_ns);
}

int moved_info(struct fs *fs, const struct obj_info *info, const char *to, size_t len,
	       struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *copy = obj_info_dup(info);
	struct buf from CLEANUP(buf_done) = {0};
	int err;

	buf_init(&from, OBJ_META_MAX);
	err = copy ? fs_set_info_name(copy, to, len) : -ENOMEM;
	/* Whether it has been stored is told by its sequence. */
	if (!err)
		copy->seq = 0;
	buf_append(&from, info->name, info->name_len);
	buf_printf(&from, "@%llu", (unsigned long long)info->seq);
	if (!err)
		err = buf_error(&from);
	if (!err)
		err = symlink_follow(copy);
	if (!err)
		err = obj_info_set_meta(copy, ATTR_FROM, from.data);
	if (!err)
		err = obj_info_set_meta(copy, ATTR_EXCHANGE, NULL);
	if (!err)
		err = keep_times(copy, info->time_ns);
	if (!err)
		err = keep_dir_time(fs, info, copy);
	if (!err)
		*ret = steal_ptr(copy);
	return err;
}

int renamed_info(struct fs *fs, const struct obj_info *info, const char *to, size_t len,
		 struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *copy = NULL;
	int64_t now_ns = clock_wall_ns();
	int err = moved_info(fs, info, to, len, &copy);

	if (!err)
		err = set_time(copy, ATTR_CTIME, now_ns);
	if (!err)
		err = set_time(copy, ATTR_SINCE, now_ns);
	if (!err)
		*ret = steal_ptr(copy);
	return err;
}

int move_in_tree(struct fs *fs, const struct move *m)
{
	char component[NAME_COMPONENT_MAX + 1];
	struct dentry *d = move_entry(fs, m), *at;
	bool is_shadowed;
	size_t len;
	int err;

	if (!d || (m->new_dir != fs->tree.root && !m->new_dir->dentry))
		return -ENOENT;
	/* An escape that only its entry could tell cannot be a new name. */
	err = name_decode(m->new_name, strlen(m->new_name), component, &len, &is_shadowed);
	if (err)
		return err;
	at = move_target(fs, m);
	if (at == d)
		return 0;
	if (at) {
		if (node_has_one_name(at->node))
			at->node->is_dirty = false;
		at->node->ctime_ns = clock_wall_ns();
		fs_inval_inode(fs, at->node, -1, 0);
		tree_unlink(&fs->tree, at);
	}
	err = tree_move(&fs->tree, d, m->new_dir, m->new_name, NULL, 0, is_shadowed);
	if (!err && m->n->dir)
		place_unshadow(fs, m->old_dir, m->old_name, strlen(m->old_name));
	m->n->ctime_ns = clock_wall_ns();
	place_set_touched(m->old_dir, m->n->ctime_ns);
	place_set_touched(m->new_dir, m->n->ctime_ns);
	return err;
}

/* The directory an entry left vanishes if it was its last. */
static void prune_old(struct fs *fs, const struct move *m)
{
	LOCK_SCOPE(&fs->tree.lock);
	fs_prune(fs, m->old_dir);
}

/* Whether one of the names has another file now, as somebody else replaced it. */
static bool is_replaced(struct fs *fs, const struct move *m)
{
	const struct dentry *d, *at;

	LOCK_SCOPE(&fs->tree.lock);
	if (!m->n)
		return false;
	d = tree_lookup(&fs->tree, m->old_dir, m->old_name, strlen(m->old_name));
	at = move_target(fs, m);
	return d && (d->node != m->n || (at && m->target && at->node != m->target));
}

static int rename_nodes(struct fs *fs, const struct move *m, bool is_exchange)
{
	int err;

	if (m->n == m->target)
		return 0;
	if (is_exchange)
		err = move_exchange(fs, m);
	else if (m->n->dir)
		err = fs_is_plain(fs) ? plain_move_dir(fs, m) : move_dir(fs, m);
	else
		err = move_file(fs, m);
	if (!err)
		prune_old(fs, m);
	return err;
}

int fs_rename(struct fs *fs, const struct fs_ctx *ctx, uint64_t parent, const char *name,
	      uint64_t new_parent, const char *new_name, unsigned flags)
{
	bool is_exchange = flags & RENAME_EXCHANGE;
	struct turn turn;
	int err = fs_begin_change(fs, ctx);

	if (err)
		return err;
	if ((flags & ~(unsigned)(RENAME_NOREPLACE | RENAME_EXCHANGE)) ||
	    (is_exchange && ((flags & RENAME_NOREPLACE) || fs_is_plain(fs))))
		return -EINVAL;
	if (strlen(new_name) > NAME_COMPONENT_MAX)
		return -ENAMETOOLONG;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	turn_begin(&turn, PATIENCE_MS);
	do {
		struct move m = {.is_exclusive = flags & RENAME_NOREPLACE};

		err = find_all(fs, parent, name, new_parent, new_name, is_exchange, &m);
		if (!err)
			err = rename_nodes(fs, &m, is_exchange);
		if (err == -ENOENT && is_replaced(fs, &m))
			err = -EAGAIN;
		move_done(fs, &m);
	} while (err == -EAGAIN && turn_wait(fs, &turn));
	return err == -EAGAIN ? -EBUSY : err;
}
