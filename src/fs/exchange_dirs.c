/* SPDX-License-Identifier: Apache-2.0 */

/*
 * RENAME_EXCHANGE where one of the two is a directory, or both. An intent says what is to happen,
 * then the two entries change places in the tree, then the objects follow:
 *
 *	posix.old, posix.new  the two names; a directory's with its slash
 *	posix.seq             objects up to this sequence are exchanged
 *
 * Names that are below both directories are pairs (exchange.h); the others are moved from one side
 * to the other like those of a renamed directory (dir_objects.c). All that was done has a sequence
 * above posix.seq, so whoever finishes the intent does what is left.
 */

#include "fs/exchange_dirs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/name.h"
#include "fs/place.h"
#include "fs/publish.h"
#include "util/clock.h"

static bool is_dir_name(const char *name, size_t len)
{
	return len > 0 && name[len - 1] == '/';
}

/* What is called from goes where to is, with the slash that it needs. */
static int set_way(struct dir_move *mv, const char *from, size_t from_len, const char *to,
		   size_t to_len)
{
	mv->is_exchange = true;
	mv->is_file = !is_dir_name(from, from_len);
	buf_append(&mv->from, from, from_len);
	buf_append(&mv->to, to, is_dir_name(to, to_len) ? to_len - 1 : to_len);
	if (!mv->is_file)
		buf_append_char(&mv->to, '/');
	return buf_error(&mv->from) ? buf_error(&mv->from) : buf_error(&mv->to);
}

static int set_ways(struct exchange *x, const char *a, size_t a_len, const char *b, size_t b_len)
{
	int err = set_way(&x->ab, a, a_len, b, b_len);

	return err ? err : set_way(&x->ba, b, b_len, a, a_len);
}

/* --- the tree --- */

/* What an entry brings along: all below a directory, or itself. Tree lock held. */
static int collect(struct fs *fs, struct dentry *d, size_t skip, uint64_t max_seq,
		   struct dir_names *l)
{
	uint64_t seq = tree_entry_seq(d);

	if (d->node->dir)
		return dir_names_collect(fs, d->node, skip, max_seq, l);
	if (seq == 0 || seq > max_seq)
		return 0;
	if (max_seq == UINT64_MAX)
		d->is_behind = true;
	return dir_names_add(l, "", 0, seq);
}

/* Tree lock held. */
static int collect_both(struct fs *fs, struct dentry *da, struct dentry *db, uint64_t max_seq,
			struct exchange *x)
{
	struct dir_names a CLEANUP(dir_names_done) = {0};
	struct dir_names b CLEANUP(dir_names_done) = {0};
	int err = 0;

	dir_names_init(&a);
	dir_names_init(&b);
	if (da)
		err = collect(fs, da, x->ab.from.len, max_seq, &a);
	if (!err && db)
		err = collect(fs, db, x->ba.from.len, max_seq, &b);
	if (err)
		return err;
	if (x->ab.to.len + a.max_len > fs->store->name_max ||
	    x->ba.to.len + b.max_len > fs->store->name_max)
		return -ENAMETOOLONG;
	x->ab.seq = x->ba.seq = a.max_seq > b.max_seq ? a.max_seq : b.max_seq;
	/* A file and a directory have no names in common. */
	if (x->ab.is_file || x->ba.is_file) {
		x->only_a.count = a.count;
		x->only_b.count = b.count;
		x->only_a.bytes = a.bytes;
		x->only_b.bytes = b.bytes;
		buf_init(&a.bytes, OBJ_META_MAX);
		buf_init(&b.bytes, OBJ_META_MAX);
		return 0;
	}
	return dir_names_split(&a, &b, &x->only_a, &x->only_b, &x->both);
}

static struct dentry *target_entry(struct fs *fs, const struct move *m)
{
	struct dentry *d = move_target(fs, m);

	return d && d->node == m->target ? d : NULL;
}

/* Whether the other can have the name of this one: not when only an escape shows it, nor when it is
 * a directory that hides a file and the other is a file. Tree lock held. */
static bool is_place_for(struct fs *fs, const struct dentry *d, const struct node *other)
{
	char component[NAME_COMPONENT_MAX + 1], hidden[NAME_COMPONENT_MAX + 1];
	bool is_shadowed;
	size_t len;

	if (dentry_raw(d) || d->is_shadowed)
		return false;
	if (!d->node->dir || other->dir)
		return true;
	if (name_decode(d->name, d->len, component, &len, &is_shadowed) < 0)
		return false;
	(void)name_encode_shadowed(component, len, hidden);
	return !tree_lookup(&fs->tree, d->parent, hidden, strlen(hidden));
}

static int find_both(struct fs *fs, const struct move *m, struct dentry **da, struct dentry **db)
{
	*da = move_entry(fs, m);
	*db = target_entry(fs, m);
	if (!*da || !*db)
		return -ENOENT;
	if (tree_is_ancestor(m->n, m->new_dir) || tree_is_ancestor(m->target, m->old_dir) ||
	    !is_place_for(fs, *da, m->target) || !is_place_for(fs, *db, m->n))
		return -EINVAL;
	return 0;
}

static void stop_following(struct fs *fs, struct node *n)
{
	if (n->dir)
		dir_names_uncollect(fs, n);
	else if (n->dentry)
		n->dentry->is_behind = false;
}

/* The names of the two, which tell how they are found. Tree lock held. */
static int names_of_both(struct fs *fs, const struct move *m, struct buf *a, struct buf *b)
{
	struct dentry *da, *db;
	int err;

	buf_init(a, OBJ_META_MAX);
	buf_init(b, OBJ_META_MAX);
	err = find_both(fs, m, &da, &db);
	if (err)
		return err;
	fs_path(fs, da, a);
	fs_path(fs, db, b);
	return buf_error(a) ? buf_error(a) : buf_error(b);
}

/* Nothing may be on its way above or below the two. */
static int wait_for_others(struct fs *fs, const struct move *m)
{
	struct buf a CLEANUP(buf_done) = {0};
	struct buf b CLEANUP(buf_done) = {0};
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	err = names_of_both(fs, m, &a, &b);
	return err ? err : dir_move_wait(fs, &a, &b);
}

/* Both ways, and the bytes that they need in the bucket. */
static int prepare(struct fs *fs, const struct move *m, struct exchange *x, uint64_t *ret_need)
{
	struct buf a CLEANUP(buf_done) = {0};
	struct buf b CLEANUP(buf_done) = {0};
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	err = names_of_both(fs, m, &a, &b);
	if (!err)
		err = set_ways(x, a.data, a.len, b.data, b.len);
	if (!err)
		*ret_need =
			dir_names_need(fs, m->n, &x->ab) + dir_names_need(fs, m->target, &x->ba);
	return err;
}

/* -EAGAIN: another mount was first to move one of the two, or what is above. Tree lock held. */
static int check_current(struct fs *fs, const struct move *m, const struct exchange *x)
{
	struct buf a CLEANUP(buf_done) = {0};
	struct buf b CLEANUP(buf_done) = {0};
	int err = names_of_both(fs, m, &a, &b);

	if (!err && (dir_move_is_barred(fs, &a, &b, x->ab.plan) || !buf_equal(&a, &x->ab.from) ||
		     !buf_equal(&b, &x->ba.from)))
		err = -EAGAIN;
	return err;
}

static int exchange_tree(struct fs *fs, const struct move *m, struct exchange *x)
{
	uint64_t intent_seq = x->ab.seq;
	struct dentry *da, *db;
	int64_t now_ns = clock_wall_ns();
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	err = find_both(fs, m, &da, &db);
	if (!err)
		err = check_current(fs, m, x);
	if (!err)
		err = collect_both(fs, da, db, UINT64_MAX, x);
	if (err) {
		stop_following(fs, m->n);
		stop_following(fs, m->target);
		return err;
	}
	if (intent_seq > x->ab.seq)
		x->ab.seq = x->ba.seq = intent_seq;
	tree_exchange(&fs->tree, da, db);
	m->n->ctime_ns = m->target->ctime_ns = now_ns;
	place_set_touched(m->old_dir, now_ns);
	place_set_touched(m->new_dir, now_ns);
	dir_move_begin(fs, &x->ab);
	dir_move_begin(fs, &x->ba);
	return 0;
}

static int describe(struct fs *fs, const struct exchange *x, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = intent_new(fs, INTENT_EXCHANGE_DIRS, &info);

	if (!err)
		err = intent_set_names(info, x->ab.from.data, x->ba.from.data);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

/* After an error the tree shows what is where until the rest is done. What that is it has to know:
 * else the rest is left to others, or to the next mount. */
static void leave(struct fs *fs, const struct exchange *x, struct obj_info *intent, bool is_others)
{
	if (exchange_show_stored(fs, x) < 0)
		atomic_store(&fs->is_half_done, true);
	else if (!is_others)
		intent_finish_later(fs, intent);
}

/* The intent is stored. */
static int exchange_stored(struct fs *fs, const struct move *m, struct exchange *x,
			   struct obj_info *intent)
{
	bool is_begun = false;
	int err;

	x->ab.seq = x->ab.plan = x->ba.plan = intent->seq;
	/* What others stored before belongs to it. The second time finds an earlier plan that
	 * became an intent before the watch came to it: see dir_plan.c. */
	err = fs_catch_up(fs) && fs_catch_up(fs) ? exchange_tree(fs, m, x) : -EAGAIN;
	if (err) {
		intent_remove(fs, intent);
		return err;
	}
	err = intent_set_seq(intent, x->ab.seq);
	if (!err)
		err = exchange_objects(fs, x, intent, &is_begun);
	mutex_lock(&fs->tree.lock);
	dir_move_end(fs, &x->ab);
	dir_move_end(fs, &x->ba);
	stop_following(fs, m->n);
	stop_following(fs, m->target);
	mutex_unlock(&fs->tree.lock);
	if (err)
		leave(fs, x, intent, err == -ECANCELED || !is_begun);
	if (!err || (err != -ECANCELED && !is_begun))
		intent_remove(fs, intent);
	return err == -ECANCELED ? 0 : err;
}

static int try_exchange(struct fs *fs, const struct move *m)
{
	_cleanup_obj_info_ struct obj_info *intent = NULL;
	struct exchange x CLEANUP(exchange_done) = {0};
	uint64_t need;
	int err = wait_for_others(fs, m);

	if (err)
		return err;
	exchange_init(&x);
	LOCK_SCOPE(&fs->dir_rename);
	err = prepare(fs, m, &x, &need);
	if (!err)
		err = dir_names_check_room(fs, need, NULL);
	if (!err)
		err = describe(fs, &x, &intent);
	if (!err)
		err = intent_store(fs, intent);
	return err ? err : exchange_stored(fs, m, &x, intent);
}

int move_exchange_dirs(struct fs *fs, const struct move *m)
{
	int err = 0;

	if (!m->n->dir)
		err = file_commit_of(fs, m->n);
	if (!err && !m->target->dir)
		err = file_commit_of(fs, m->target);
	if (!err)
		err = fs_keep_directory(fs, m->old_dir);
	if (!err)
		err = fs_keep_directory(fs, m->new_dir);
	return err ? err : try_exchange(fs, m);
}

/* --- what another mount began --- */

static int parse(const struct fs *fs, const struct obj_info *info, struct exchange *x)
{
	struct intent_names names;
	int err = intent_get_names(info, &names);

	if (!err)
		err = intent_check_names(fs, &names);
	if (err)
		return err;
	x->ab.seq = names.seq;
	return set_ways(x, names.old, strlen(names.old), names.new, strlen(names.new));
}

int exchange_dirs_finish(struct fs *fs, struct obj_info *info)
{
	struct exchange x CLEANUP(exchange_done) = {0};
	bool is_begun;
	uint64_t seq;
	int err;

	exchange_init(&x);
	err = parse(fs, info, &x);
	if (err)
		return err == -EINVAL ? 0 : err;
	seq = x.ab.seq;
	LOCK_SCOPE(&fs->dir_rename);
	err = pairs_finish(fs, info);
	if (!err) {
		LOCK_SCOPE(&fs->tree.lock);
		err = collect_both(fs, fs_find_any(fs, x.ab.from.data, x.ab.from.len),
				   fs_find_any(fs, x.ba.from.data, x.ba.from.len), seq, &x);
	}
	x.ab.seq = x.ba.seq = seq;
	pairs_forget(info);
	if (!err)
		err = exchange_objects(fs, &x, info, &is_begun);
	return err;
}
