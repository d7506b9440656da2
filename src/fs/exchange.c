/* SPDX-License-Identifier: Apache-2.0 */

/* RENAME_EXCHANGE of two files: one pair of names. */

#include "fs/exchange.h"

#include <errno.h>
#include <string.h>

#include "fs/links.h"
#include "util/log.h"

#define RETRIES 8

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

static void exchange_entries(struct fs *fs, const struct move *m, const struct pair *p)
{
	struct dentry *da, *db;

	LOCK_SCOPE(&fs->tree.lock);
	da = move_entry(fs, m);
	db = tree_lookup(&fs->tree, m->new_dir, m->new_name, strlen(m->new_name));
	if (!da || !db || db->node != m->target)
		return;
	tree_exchange(&fs->tree, da, db);
	set_entry(fs, da, p->a.now);
	set_entry(fs, db, p->b.now);
	m->old_dir->mtime_ns = m->old_dir->ctime_ns = m->n->ctime_ns;
	m->new_dir->mtime_ns = m->new_dir->ctime_ns = m->n->ctime_ns;
}

static int get_both(struct fs *fs, const struct buf *from, const struct buf *to, struct pair *p)
{
	const char *const names[2] = {from->data, to->data};
	const size_t lens[2] = {from->len, to->len};
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

static int exchange_held(struct fs *fs, const struct move *m, const struct buf *from,
			 const struct buf *to)
{
	_cleanup_obj_info_ struct obj_info *intent = NULL;
	struct pair p CLEANUP(pair_done) = {0};
	bool is_begun;
	int err = get_both(fs, from, to, &p);

	if (!err)
		err = intent_new(fs, INTENT_EXCHANGE, &intent);
	if (err)
		return err;
	err = pairs_exchange(fs, &p, 1, intent);
	if (!err && !p.err)
		exchange_entries(fs, m, &p);
	is_begun = p.a.now && p.a.now->seq;
	if (is_begun && p.err != -EAGAIN)
		fs_apply_held(fs, p.a.now);
	/* Without a certain outcome somebody has to look at it again. */
	if (err && intent->seq && (is_begun || !store_is_certain(err)))
		intent_finish_later(fs, intent);
	else
		intent_remove(fs, intent);
	return err ? err : p.err;
}

int move_exchange(struct fs *fs, const struct move *m)
{
	int err = -EAGAIN;

	if (m->n->dir || m->target->dir)
		return move_exchange_dirs(fs, m);
	for (int i = 0; err == -EAGAIN && i < RETRIES; i++) {
		struct buf from CLEANUP(buf_done) = {0};
		struct buf to CLEANUP(buf_done) = {0};

		buf_init(&from, OBJ_META_MAX);
		buf_init(&to, OBJ_META_MAX);
		err = file_commit_of(fs, m->n);
		if (!err)
			err = file_commit_of(fs, m->target);
		if (!err)
			err = move_take_names(fs, m, &from, &to);
		if (err)
			return err;
		err = exchange_held(fs, m, &from, &to);
		move_release_names(fs, &from, &to);
	}
	return err == -EAGAIN ? -EIO : err;
}
