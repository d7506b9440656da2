/* SPDX-License-Identifier: Apache-2.0 */

/* RENAME_EXCHANGE of two files: one pair of names. */

#include "fs/exchange.h"
#include "fs/exchange_turn.h"

#include <errno.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/links.h"
#include "fs/place.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/log.h"

/* The node under an entry has the version that is stored there now. Tree lock held. */
static void set_entry(struct fs *fs, struct dentry *d, const struct obj_info *info)
{
	struct node *n = d->node;

	if (n->x->link_id) {
		d->seq = info->seq;
		links_note_ctime(fs, n, info);
	} else if (n->is_dirty) {
		n->seq = info->seq;
	} else if (fs_set_version(fs, n, info) < 0) {
		log_error("no memory to note a new version of %s", info->name);
	}
}

/* Whether the entry shows the content that info describes, or one that is not stored yet. */
static bool shows(const struct fs *fs, const struct dentry *d, const struct obj_info *info)
{
	const struct node *n = d->node;
	const char *link_id = links_id(fs, info);

	if (n->x->link_id || link_id)
		return n->x->link_id && link_id && strcmp(n->x->link_id, link_id) == 0;
	return n->is_dirty || n->seq == info->seq || fs_is_same_content(fs, n, info);
}

/* The entries of both names, if they are those of m's nodes. Tree lock held. */
static bool find_entries(struct fs *fs, const struct move *m, struct dentry **ret_old,
			 struct dentry **ret_new)
{
	*ret_old = move_entry(fs, m);
	*ret_new = move_target(fs, m);
	return *ret_old && *ret_new && (*ret_new)->node == m->target;
}

/* What is exchanged must be what the nodes are: they take it along. */
static bool is_shown(struct fs *fs, const struct move *m, const struct obj_info *old,
		     const struct obj_info *new)
{
	struct dentry *d_old, *d_new;

	LOCK_SCOPE(&fs->tree.lock);
	return find_entries(fs, m, &d_old, &d_new) && shows(fs, d_old, old) &&
	       shows(fs, d_new, new);
}

/* The nodes change their places. */
static void exchange_entries(struct fs *fs, const struct move *m, const struct obj_info *at_old,
			     const struct obj_info *at_new)
{
	struct dentry *d_old, *d_new;

	LOCK_SCOPE(&fs->tree.lock);
	if (!find_entries(fs, m, &d_old, &d_new))
		return;
	tree_exchange(&fs->tree, d_old, d_new);
	set_entry(fs, d_old, at_old);
	set_entry(fs, d_new, at_new);
	place_set_touched(m->old_dir, m->n->ctime_ns);
	place_set_touched(m->new_dir, m->n->ctime_ns);
}

static int get_both(struct fs *fs, const struct buf *first, const struct buf *second,
		    struct pair *p)
{
	const char *const names[2] = {first->data, second->data};
	const size_t lens[2] = {first->len, second->len};
	struct obj_info *infos[2] = {NULL, NULL};
	int errs[2], err = store_get_infos(fs->store, names, lens, 2, infos, errs);

	p->a.was = infos[0];
	p->b.was = infos[1];
	if (!err)
		err = errs[0] ? errs[0] : errs[1];
	if (!err && (p->a.was->is_deleted || p->b.was->is_deleted)) {
		fs_apply_held(fs, p->a.was);
		fs_apply_held(fs, p->b.was);
		err = -ENOENT;
	}
	return err;
}

/* After pairs_exchange. Where the nodes did not change their places the names get others. */
static void show(struct fs *fs, const struct move *m, const struct pair *p, bool is_swapped)
{
	const struct side *old = is_swapped ? &p->b : &p->a, *new = is_swapped ? &p->a : &p->b;

	exchange_entries(fs, m, old->now, new->now);
	fs_apply_held(fs, old->now);
	fs_apply_held(fs, new->now);
}

/* Both names are held, and have what the tree shows. */
static int exchange_pair(struct fs *fs, const struct move *m, struct pair *p, bool is_swapped)
{
	_cleanup_obj_info_ struct obj_info *intent = NULL;
	bool is_begun;
	int err = intent_new(fs, INTENT_EXCHANGE, &intent);

	if (err)
		return err;
	err = pairs_exchange(fs, p, 1, intent);
	is_begun = p->a.now && p->a.now->seq;
	if (!err && !p->err)
		show(fs, m, p, is_swapped);
	else if (is_begun && p->err != -EAGAIN)
		fs_apply_held(fs, p->a.now);
	/* Without a certain outcome somebody has to look at it again. */
	if (err && intent->seq && (is_begun || !store_is_certain(err)))
		intent_finish_later(fs, intent);
	else
		intent_remove(fs, intent);
	return err ? err : p->err;
}

/* Two exchanges of the same names contend for the same first one. */
static int exchange_held(struct fs *fs, const struct move *m, const struct buf *from,
			 const struct buf *to)
{
	bool is_swapped = bytes_compare(from->data, from->len, to->data, to->len) > 0;
	struct pair p CLEANUP(pair_done) = {0};
	int err = is_swapped ? get_both(fs, to, from, &p) : get_both(fs, from, to, &p);

	if (!err)
		err = turn_check(fs, (const struct obj_info *[]){p.a.was, p.b.was}, 2, NULL);
	if (err)
		return err;
	if (!is_shown(fs, m, is_swapped ? p.b.was : p.a.was, is_swapped ? p.a.was : p.b.was)) {
		fs_apply_held(fs, p.a.was);
		fs_apply_held(fs, p.b.was);
		return -EAGAIN;
	}
	return exchange_pair(fs, m, &p, is_swapped);
}

static int exchange_files(struct fs *fs, const struct move *m)
{
	struct buf from CLEANUP(buf_done) = {0};
	struct buf to CLEANUP(buf_done) = {0};
	int err;

	buf_init(&from, OBJ_META_MAX);
	buf_init(&to, OBJ_META_MAX);
	err = file_commit_of(fs, m->n);
	if (!err)
		err = file_commit_of(fs, m->target);
	if (err)
		return err;
	err = move_take_names(fs, m, &from, &to);
	/* Another node may have the name by now. */
	if (err)
		return err == -ENOENT ? -EAGAIN : err;
	err = exchange_held(fs, m, &from, &to);
	move_release_names(fs, &from, &to);
	return err;
}

int move_exchange(struct fs *fs, const struct move *m)
{
	return m->n->dir || m->target->dir ? move_exchange_dirs(fs, m) : exchange_files(fs, m);
}
