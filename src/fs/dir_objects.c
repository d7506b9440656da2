/* SPDX-License-Identifier: Apache-2.0 */

/* The bucket's side of a directory rename: batches of objects, each step of a batch in one go. */

#include "fs/apply.h"
#include "fs/dir_rename.h"
#include "fs/exchange_turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/intent.h"
#include "fs/name_set.h"
#include "fs/publish.h"
#include "fs/rename.h"
#include "util/clock.h"

#define BATCH DIR_BATCH
#define RETRIES 16
/* Much less than the patience of other mounts (intent.c). */
#define BEAT_NS (4 * NS_PER_SEC)
/* How long exchanges of files that are to be moved are waited for, in all. */
#define PATIENCE_MS 8000

struct item {
	struct buf from, to;
	struct obj_info *old; /* NULL: there is nothing to move (any more) */
	struct obj_info *info;
	struct obj_info *replaced;
	struct obj_info *tombstone;
	int err;
};

struct batch {
	struct item items[BATCH];
	size_t n;
	struct name_set held;
};

static void batch_free(struct batch *b)
{
	for (size_t i = 0; b && i < b->n; i++) {
		struct item *it = &b->items[i];

		buf_done(&it->from);
		buf_done(&it->to);
		obj_info_free(it->old);
		obj_info_free(it->info);
		obj_info_free(it->replaced);
		obj_info_free(it->tombstone);
	}
	free(b);
}
DEFINE_CLEANUP(struct batch *, batch_free)

/* Takes the next names of the list; *at is the place in it. */
static int fill(struct batch *b, const struct dir_move *mv, const struct dir_names *names,
		size_t *at)
{
	const char *name;
	size_t len;

	while (b->n < BATCH && dir_names_next(names, at, &name, &len)) {
		struct item *it = &b->items[b->n++];

		buf_init(&it->from, OBJ_META_MAX);
		buf_init(&it->to, OBJ_META_MAX);
		buf_append(&it->from, mv->from.data, mv->from.len);
		buf_append(&it->from, name, len);
		buf_append(&it->to, mv->to.data, mv->to.len);
		buf_append(&it->to, name, len);
		if (buf_error(&it->from) || buf_error(&it->to))
			return -ENOMEM;
		name_set_add(&b->held, &it->from);
		name_set_add(&b->held, &it->to);
	}
	return 0;
}

bool dir_objects_is_own(struct fs *fs, const struct obj_info *info, const struct buf *new_name)
{
	const struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	d = fs_find_entry(fs, new_name->data, new_name->len);
	return d && tree_entry_seq(d) == info->seq;
}

/* What the new name gets. Times below the directory do not change. */
static int describe(struct fs *fs, const struct dir_move *mv, struct item *it)
{
	if (it->from.len == mv->from.len)
		return renamed_info(fs, it->old, it->to.data, it->to.len, &it->info);
	return moved_info(fs, it->old, it->to.data, it->to.len, &it->info);
}

/* Whether somebody who did not know of the rename has changed the file that the tree shows under
 * its new name. */
static bool is_change(struct fs *fs, const struct item *it)
{
	const struct dentry *d;
	struct attr attr;

	if (it->old->is_deleted || !obj_info_meta(it->old, ATTR_BTIME))
		return false;
	attr_from_info(&fs->cfg, it->old, false, &attr);
	LOCK_SCOPE(&fs->tree.lock);
	d = fs_find_entry(fs, it->to.data, it->to.len);
	return d && d->is_behind && d->node->btime_ns == attr.btime_ns;
}

/* What was changed after an exchange stays: under the other name is what should come from there,
 * and would be lost. */
static bool is_to_move(struct fs *fs, const struct dir_move *mv, const struct item *it)
{
	return fs_info_is_live(it->old) &&
	       (it->old->seq <= mv->seq || dir_objects_is_own(fs, it->old, &it->to) ||
		(!mv->is_exchange && is_change(fs, it)));
}

/* Reads what is to be moved. What others stored after the rename, or what is gone, stays. -EAGAIN:
 * something is being exchanged (not asked for without an intent). */
static int load(struct fs *fs, const struct dir_move *mv, struct batch *b, const char *intent)
{
	struct obj_info *infos[BATCH];
	const char *names[BATCH];
	size_t lens[BATCH];
	int errs[BATCH], err;

	for (size_t i = 0; i < b->n; i++) {
		names[i] = b->items[i].from.data;
		lens[i] = b->items[i].from.len;
	}
	err = store_get_infos(fs->store, names, lens, b->n, infos, errs);
	if (err)
		return err;
	for (size_t i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];

		it->old = infos[i];
		if (errs[i] && errs[i] != -ENOENT)
			err = errs[i];
		if (it->old && !is_to_move(fs, mv, it))
			obj_info_free(steal_ptr(it->old));
		infos[i] = it->old;
		/* A claim: nothing but a name, which is not wanted any more. */
		if (it->old && !it->old->is_deleted && !err)
			err = describe(fs, mv, it);
	}
	if (!err && intent)
		err = turn_check(fs, (const struct obj_info *const *)infos, b->n, intent);
	return err;
}

/* Whether another version is one of the file that is to be moved: changed, not another file in its
 * place. */
static bool is_same_file(const struct item *it, const struct obj_info *other)
{
	const char *born = obj_info_meta(it->old, ATTR_BTIME),
		   *its = obj_info_meta(other, ATTR_BTIME);

	return strcmp(other->nuid, it->old->nuid) == 0 || (born && its && strcmp(born, its) == 0);
}

/* Others stored something else under the new name after the rename, or exchanged it for this very
 * object: that stays, and so does what was to be moved there. Of two markers there is no need for
 * the other. */
static bool is_taken(const struct dir_move *mv, const struct item *it)
{
	return it->replaced &&
	       !(obj_info_is_marker(it->info) && obj_info_is_marker(it->replaced)) &&
	       fs_info_is_live(it->replaced) && it->replaced->seq > mv->seq &&
	       (obj_info_meta(it->replaced, ATTR_EXCHANGE) || !is_same_file(it, it->replaced));
}

/* Whoever began the rename had come so far: what has been done with the new name since stays. */
static bool has_come(const struct dir_move *mv, const struct item *it)
{
	return it->replaced && fs_info_is_live(it->replaced) && it->replaced->seq > mv->seq;
}

static int take_as_moved(struct item *it)
{
	obj_info_free(it->info);
	it->info = obj_info_dup(it->replaced);
	return it->info ? 0 : -ENOMEM;
}

/* The newest version of the new names where another one was found; drops the items that are not to
 * be moved. */
static int reread(struct fs *fs, const struct dir_move *mv, struct item **items, size_t *n_items)
{
	size_t n = *n_items, left = 0;
	struct obj_info *infos[BATCH];
	const char *names[BATCH];
	size_t lens[BATCH];
	int errs[BATCH], err;

	for (size_t i = 0; i < n; i++) {
		names[i] = items[i]->to.data;
		lens[i] = items[i]->to.len;
	}
	err = store_get_infos(fs->store, names, lens, n, infos, errs);
	for (size_t i = 0; !err && i < n; i++) {
		obj_info_free(items[i]->replaced);
		items[i]->replaced = infos[i];
	}
	for (size_t i = 0; !err && i < n; i++) {
		if (errs[i] && errs[i] != -ENOENT)
			err = errs[i];
		if (is_taken(mv, items[i]))
			obj_info_free(steal_ptr(items[i]->old));
		else if (!err && has_come(mv, items[i]))
			err = take_as_moved(items[i]);
		else
			items[left++] = items[i];
	}
	*n_items = left;
	return err;
}

/* One round; the items that met another version are what is left. */
static int store_round(struct fs *fs, struct item **items, size_t *n)
{
	struct obj_info *infos[BATCH];
	uint64_t expected[BATCH];
	int errs[BATCH], err;
	size_t left = 0;

	for (size_t i = 0; i < *n; i++) {
		infos[i] = items[i]->info;
		expected[i] = items[i]->replaced ? items[i]->replaced->seq : 0;
	}
	err = store_put_infos(fs->store, infos, expected, *n, errs);
	for (size_t i = 0; !err && i < *n; i++) {
		if (errs[i] == -ESTALE)
			items[left++] = items[i];
		else if (errs[i])
			items[i]->err = errs[i];
	}
	*n = left;
	return err;
}

/* Stores everything under the new names. */
static int store_new(struct fs *fs, const struct dir_move *mv, struct batch *b)
{
	struct item *items[BATCH];
	size_t n = 0;
	int err = 0;

	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].info)
			items[n++] = &b->items[i];
	for (int i = 0; !err && n > 0 && i < RETRIES; i++) {
		if (i > 0)
			err = reread(fs, mv, items, &n);
		if (!err && n > 0)
			err = store_round(fs, items, &n);
	}
	for (size_t i = 0; i < n; i++)
		items[i]->err = err ? err : -EIO;
	return err;
}

/* It says where the object went, to who was changing it. */
static struct obj_info *tombstone(const struct item *it)
{
	_cleanup_obj_info_ struct obj_info *t = obj_info_tombstone(it->old);

	return !t || obj_info_set_meta(t, ATTR_MOVED, it->to.data) < 0 ? NULL : steal_ptr(t);
}

/* Whether what the old name has now says that its content is not this directory's any more: it was
 * renamed away, or replaced by another file's, and who did so purges it. */
static bool has_left(const struct item *it, const struct obj_info *now)
{
	return now->is_deleted ? obj_info_meta(now, ATTR_TO) != NULL : !is_same_file(it, now);
}

/* Two names would lead to what is stored under the new one, or one to nothing. */
static void take_back(struct fs *fs, struct item *it)
{
	uint64_t seq;

	if (store_bury_info(fs->store, it->info, &seq) < 0)
		return;
	fs_note_gone(fs, it->to.data, it->to.len, seq);
	obj_info_free(steal_ptr(it->info));
	obj_info_free(steal_ptr(it->old));
}

/* A version stored under the old name by who did not know of the rename follows. -ESTALE: it is not
 * the last. Takes over now. */
static int move_newer(struct fs *fs, const struct dir_move *mv, struct item *it,
		      struct obj_info *now)
{
	struct obj_info *before = steal_ptr(it->info);
	int err;

	obj_info_free(it->old);
	it->old = now;
	err = describe(fs, mv, it);
	if (!err)
		err = obj_info_set_token(it->info, before->foreign_token);
	if (!err && store_put_info(fs->store, it->info, before->seq) < 0)
		err = -EBUSY;
	if (err) {
		obj_info_free(it->info);
		it->info = before;
		return err;
	}
	obj_info_free(before);
	it->tombstone = tombstone(it);
	return it->tombstone ? store_put_info(fs->store, it->tombstone, it->old->seq) : -ENOMEM;
}

/* The old name was changed since it was read. */
static void meet_newer(struct fs *fs, const struct dir_move *mv, struct item *it)
{
	int err = -ESTALE;

	/* Somebody else has moved it. */
	if (!it->info || strcmp(it->info->nuid, it->old->nuid) != 0)
		return;
	for (int i = 0; err == -ESTALE && i < RETRIES; i++) {
		_cleanup_obj_info_ struct obj_info *now = NULL;

		obj_info_free(steal_ptr(it->tombstone));
		err = store_get_info(fs->store, it->from.data, it->from.len, &now);
		if (err)
			return;
		if (has_left(it, now)) {
			take_back(fs, it);
			return;
		}
		if (now->is_deleted)
			return;
		err = move_newer(fs, mv, it, steal_ptr(now));
	}
	if (err)
		obj_info_free(steal_ptr(it->tombstone));
}

/* The old names go, where their content has a new one (and claims, which have none). */
static int remove_old(struct fs *fs, const struct dir_move *mv, struct batch *b)
{
	struct obj_info *infos[BATCH];
	uint64_t expected[BATCH];
	struct item *items[BATCH];
	int errs[BATCH], err;
	size_t n = 0;

	for (size_t i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];

		if (!it->old || it->err)
			continue;
		it->tombstone = tombstone(it);
		if (!it->tombstone)
			return -ENOMEM;
		items[n] = it;
		infos[n] = it->tombstone;
		expected[n++] = it->old->seq;
	}
	err = n ? store_put_infos(fs->store, infos, expected, n, errs) : 0;
	for (size_t i = 0; !err && i < n; i++) {
		/* The way that works in a full bucket too. */
		if (errs[i] && errs[i] != -ESTALE)
			errs[i] = store_remove_info(fs->store, items[i]->old);
		if (errs[i] && errs[i] != -ESTALE)
			items[i]->err = errs[i];
		if (errs[i])
			obj_info_free(steal_ptr(items[i]->tombstone));
		if (errs[i] == -ESTALE)
			meet_newer(fs, mv, items[i]);
	}
	return err;
}

void dir_objects_settle(struct fs *fs, const struct obj_info *info)
{
	const struct dentry *d;

	if (!info || !info->seq)
		return;
	mutex_lock(&fs->tree.lock);
	d = fs_find_entry(fs, info->name, info->name_len);
	if (d && d->node->is_dirty && !d->node->x->link_id && node_nuid_is(d->node, info->nuid))
		d->node->seq = info->seq;
	mutex_unlock(&fs->tree.lock);
	fs_apply_held(fs, info);
}

/* The tree learns that one object has its new name, or that nothing comes from the old one. */
static void settle(struct fs *fs, const struct item *it, int err)
{
	bool is_moved = it->info && it->info->seq;

	if (!is_moved && (err || it->err))
		return;
	mutex_lock(&fs->tree.lock);
	dir_rename_arrived(fs, it->to.data, it->to.len);
	mutex_unlock(&fs->tree.lock);
	dir_objects_settle(fs, it->info);
	/* The name that another mount had claimed; what it stores comes as something new. */
	if (it->old && it->old->is_deleted)
		fs_apply_absent(fs, it->to.data, it->to.len, it->old->seq);
	if (is_moved && it->tombstone)
		fs_apply_held(fs, it->tombstone);
}

static int move_held(struct fs *fs, const struct dir_move *mv, struct batch *b, const char *intent)
{
	int err = load(fs, mv, b, intent);

	if (!err)
		err = store_new(fs, mv, b);
	if (!err)
		err = remove_old(fs, mv, b);
	for (size_t i = 0; i < b->n; i++) {
		settle(fs, &b->items[i], err);
		if (!err)
			err = b->items[i].err;
	}
	return err;
}

void dir_objects_doubt(struct fs *fs, const struct buf *name)
{
	struct dentry *d = fs_find_any(fs, name->data, name->len);

	mutex_assert_held(&fs->tree.lock);
	if (!d || d->node->is_dirty || tree_entry_seq(d) <= 1)
		return;
	if (d->node->x->link_id)
		d->seq = 1;
	else
		d->node->seq = 1;
}

/* What was exchanged in the tree only has the sequences of the other names. */
static void doubt_exchanged(struct fs *fs, const struct dir_move *mv,
			    const struct buf *const *names, size_t n)
{
	LOCK_SCOPE(&fs->tree.lock);
	for (size_t i = 0; mv->is_exchange && i < n; i++)
		dir_objects_doubt(fs, names[i]);
}

/* The bucket's word on n names, where the tree may be wrong. What it has up to mv's sequence is no
 * object's that has such a name. */
static int resync(struct fs *fs, const struct dir_move *mv, const struct buf *const *names,
		  size_t n)
{
	struct obj_info *infos[BATCH];
	const char *texts[BATCH];
	size_t lens[BATCH];
	int errs[BATCH], err;

	for (size_t i = 0; i < n; i++) {
		texts[i] = names[i]->data;
		lens[i] = names[i]->len;
	}
	doubt_exchanged(fs, mv, names, n);
	err = n ? store_get_infos(fs->store, texts, lens, n, infos, errs) : 0;
	for (size_t i = 0; !err && i < n; i++) {
		bool is_gone = infos[i] ? !fs_info_is_live(infos[i]) : errs[i] == -ENOENT;
		uint64_t seq = infos[i] ? infos[i]->seq : 0;

		/* A tombstone that was applied before the entry came back is no news. */
		if (is_gone)
			fs_apply_absent(fs, texts[i], lens[i], seq > mv->seq ? seq : mv->seq);
		if (infos[i])
			fs_apply(fs, infos[i]);
	}
	for (size_t i = 0; !err && i < n; i++)
		err = errs[i] == -ENOENT ? 0 : errs[i];
	return err;
}

/* Objects that did not move, and claims, which never do, are shown where they are. */
static int resync_left(struct fs *fs, const struct dir_move *mv, struct batch *b, bool is_all)
{
	const struct buf *from[BATCH], *to[BATCH];
	size_t n = 0;
	int err;

	for (size_t i = 0; i < b->n; i++) {
		struct item *it = &b->items[i];

		if (!is_all && !it->err && it->old && it->info)
			continue;
		from[n] = &it->from;
		to[n++] = &it->to;
	}
	err = resync(fs, mv, to, n);
	return err ? err : resync(fs, mv, from, n);
}

static int move_batch(struct fs *fs, const struct dir_move *mv, struct batch *b, const char *intent)
{
	int err = name_set_take(fs, &b->held);

	if (err)
		return err;
	err = move_held(fs, mv, b, intent);
	name_set_release(fs, &b->held);
	for (size_t i = 0; i < b->n; i++)
		if (b->items[i].info && b->items[i].info->seq)
			fs_drop_replaced(fs, b->items[i].replaced, b->items[i].info);
	return err;
}

int dir_objects_resync(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		       size_t at)
{
	int err = 0;

	while (!err && at < names->bytes.len) {
		struct batch *b CLEANUP(batch_free_p) = calloc(1, sizeof(*b));

		err = b ? fill(b, mv, names, &at) : -ENOMEM;
		if (!err)
			err = resync_left(fs, mv, b, true);
	}
	return err;
}

/* Moves the names from *at on that are moved at once, and goes on behind them, unless it is not
 * their turn yet. */
static int move_some(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		     const char *intent, struct turn *turn, size_t *at)
{
	struct batch *b CLEANUP(batch_free_p) = calloc(1, sizeof(*b));
	size_t next = *at;
	int err = !b ? -ENOMEM : atomic_load(&fs->is_closing) ? -ESHUTDOWN : 0;

	if (!err)
		err = fill(b, mv, names, &next);
	if (!err)
		err = move_batch(fs, mv, b, turn_is_over(turn) ? NULL : intent);
	if (err == -EAGAIN && turn_wait(fs, turn))
		return 0;
	if (err)
		return err == -EAGAIN && atomic_load(&fs->is_closing) ? -ESHUTDOWN : err;
	(void)!resync_left(fs, mv, b, false);
	*at = next;
	return 0;
}

int dir_objects_move(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		     struct obj_info *intent, size_t *at)
{
	uint64_t beat_ns = clock_now_ns() + BEAT_NS;
	struct turn turn;
	int err = 0;

	turn_begin(&turn, PATIENCE_MS);
	while (!err && *at < names->bytes.len) {
		err = move_some(fs, mv, names, intent->name, &turn, at);
		if (!err && clock_now_ns() >= beat_ns) {
			err = intent_store(fs, intent);
			err = err == -ESTALE ? -ECANCELED : err;
			beat_ns = clock_now_ns() + BEAT_NS;
		}
	}
	return err;
}
