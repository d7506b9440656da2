/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Rename of a file moves no content: the metadata is stored under the new name, then a tombstone
 * under the old one. A crash between the two leaves both names with one content; posix.from in the
 * new metadata says which was first, and whoever sees it completes the rename (halves.h). The
 * tombstone says where the content went, so that of two mounts that rename one file at once the
 * second learns that it came too late, and takes its new name back.
 *
 * A file that was never stored is renamed in the tree alone: its commit goes to the new name, and
 * what was there stays until then.
 */

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/publish.h"
#include "fs/rename.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/exchange_turn.h"
#include "fs/halves.h"
#include "fs/journal.h"
#include "fs/links.h"
#include "fs/sibling.h"
#include "util/log.h"

#define RETRIES 16
/* How long a name is tried to be removed that others change all the time. */
#define PATIENCE_MS 2000

/* The newest metadata of both names; *ret_to is NULL when nothing was ever stored there. */
static int get_both(struct fs *fs, const struct buf *from, const struct buf *to,
		    struct obj_info **ret_from, struct obj_info **ret_to)
{
	const char *const names[2] = {from->data, to->data};
	const size_t lens[2] = {from->len, to->len};
	struct obj_info *infos[2] = {NULL, NULL};
	int errs[2], err = store_get_infos(fs->store, names, lens, 2, infos, errs);

	if (!err)
		err = errs[0] ? errs[0] : errs[1] == -ENOENT ? 0 : errs[1];
	if (!err && !fs_info_is_live(infos[0])) {
		(void)fs_catch_up(fs);
		fs_apply_held(fs, infos[0]);
		err = -ENOENT;
	}
	if (err) {
		obj_info_free(infos[0]);
		obj_info_free(infos[1]);
		return err;
	}
	*ret_from = infos[0];
	*ret_to = infos[1];
	return 0;
}

/* Stores info over now, or whatever is there instead; *now becomes what was replaced. */
static int store_over(struct fs *fs, struct obj_info *info, bool is_exclusive,
		      struct obj_info **now)
{
	int err = -ESTALE;

	for (int i = 0; err == -ESTALE && i < RETRIES; i++) {
		if (*now && fs_info_is_live(*now) && is_exclusive && !halves_is_old(fs, *now)) {
			fs_apply_held(fs, *now);
			return -EEXIST;
		}
		err = obj_info_set_token(info, *now ? (*now)->foreign_token : NULL);
		if (err)
			return err;
		err = store_put_info(fs->store, info, *now ? (*now)->seq : 0);
		if (err != -ESTALE)
			break;
		obj_info_free(steal_ptr(*now));
		err = store_get_info(fs->store, info->name, info->name_len, now);
		if (err && err != -ENOENT)
			return err;
		err = -ESTALE;
	}
	return err == -ESTALE ? -EIO : err;
}

/* Nobody else may have the old name any more; what somebody stored there meanwhile is old then. */
static int bury(struct fs *fs, struct obj_info *old, const struct obj_info *info)
{
	uint64_t tombstone_seq;
	int err = obj_info_set_meta(old, ATTR_TO, info->name);

	if (!err)
		err = store_bury_info(fs->store, old, &tombstone_seq);
	if (!err)
		fs_note_gone(fs, old->name, old->name_len, tombstone_seq);
	return err;
}

/* The new name has again what it had. What somebody stored there since stays. */
static int give_back(struct fs *fs, const struct obj_info *info, const struct obj_info *replaced)
{
	_cleanup_obj_info_ struct obj_info *copy = NULL;
	uint64_t seq;
	int err;

	if (!replaced || !fs_info_is_live(replaced)) {
		err = store_bury_info(fs->store, info, &seq);
		if (!err)
			fs_note_gone(fs, info->name, info->name_len, seq);
	} else if (strcmp(replaced->nuid, info->nuid) == 0) {
		err = 0;
	} else {
		copy = obj_info_dup(replaced);
		err = copy ? store_put_info(fs->store, copy, info->seq) : -ENOMEM;
		if (!err)
			fs_apply_held(fs, copy);
	}
	if (err && err != -ESTALE)
		log_error("bucket %s: %s could not be taken back: %s", fs->store->bucket,
			  info->name, strerror(-err));
	return -ENOENT;
}

/* Somebody changed the old name between the two steps. -EAGAIN: *old is what it has now, which is
 * what moves. -ESTALE: it is being exchanged. 0: it is gone, and nothing says that it has another
 * name. -ENOENT: it has. */
static int meet_newer(struct fs *fs, struct obj_info **old, const struct obj_info *info,
		      const struct obj_info *replaced)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;
	int err = store_get_info(fs->store, (*old)->name, (*old)->name_len, &now);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (!now->is_deleted) {
		err = turn_check(fs, (const struct obj_info *[]){now}, 1, NULL);
		if (err)
			return err == -EAGAIN ? -ESTALE : err;
		obj_info_free(*old);
		*old = steal_ptr(now);
		return -EAGAIN;
	}
	if (!obj_info_is_elsewhere(now, info->name))
		return 0;
	err = give_back(fs, info, replaced);
	fs_apply_held(fs, now);
	return err;
}

/* The new name is a directory's: the object goes from there, and where it was counts again for
 * those that have seen it move. */
static int return_version(struct fs *fs, struct obj_info *old, const struct obj_info *info)
{
	int err;

	(void)fs_take_back(fs, info);
	err = store_put_info(fs->store, old, old->seq);
	if (!err)
		fs_apply_held(fs, old);
	else if (err != -ESTALE)
		log_warn("bucket %s: %s may be shown late: %s", fs->store->bucket, old->name,
			 strerror(-err));
	return -EEXIST;
}

/* Stores what must be the only one to have the new name, as a file's or a directory's. */
static int store_alone(struct fs *fs, struct obj_info *old, struct obj_info *info,
		       struct obj_info **now)
{
	int err = sibling_mark(fs, info);

	if (!err)
		err = store_over(fs, info, true, now);
	if (err)
		return err;
	err = sibling_contest(fs, info);
	if (err == -EEXIST)
		return return_version(fs, old, info);
	/* Without an answer nothing else speaks against it. */
	return 0;
}

/* One attempt: the new name gets what the old one has. *now, what the new name had, becomes what
 * was replaced. -ESTALE: the old name has something else since. */
static int move_version(struct fs *fs, struct obj_info *old, const struct buf *to,
			bool is_exclusive, struct obj_info **now, struct obj_info **ret)
{
	int err = renamed_info(fs, old, to->data, to->len, ret);

	if (!err)
		err = is_exclusive ? store_alone(fs, old, *ret, now)
				   : store_over(fs, *ret, false, now);
	if (err) {
		obj_info_free(steal_ptr(*ret));
		return err;
	}
	return bury(fs, old, *ret);
}

/* The same with what the old name has now; *info is what the new one got before. */
static int move_newer(struct fs *fs, struct obj_info *old, const struct buf *to,
		      struct obj_info **info)
{
	_cleanup_obj_info_ struct obj_info *next = NULL;
	int err = renamed_info(fs, old, to->data, to->len, &next);

	if (!err)
		err = obj_info_set_token(next, (*info)->foreign_token);
	if (!err)
		err = store_put_info(fs->store, next, (*info)->seq);
	if (err)
		return err;
	obj_info_free(*info);
	*info = steal_ptr(next);
	return bury(fs, old, *info);
}

/* Moves one object in the bucket; both names are held. *ret_replaced: what the new name had, or
 * NULL. An error with *ret_info set: the old name could not be removed yet. */
static int move_object(struct fs *fs, const struct buf *from, const struct buf *to,
		       bool is_exclusive, struct obj_info **ret_info,
		       struct obj_info **ret_replaced)
{
	_cleanup_obj_info_ struct obj_info *old = NULL;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_obj_info_ struct obj_info *replaced = NULL;
	struct turn turn;
	int err = get_both(fs, from, to, &old, &replaced);

	if (!err)
		err = turn_check(fs, (const struct obj_info *[]){old}, 1, NULL);
	if (!err)
		err = move_version(fs, old, to, is_exclusive, &replaced, &info);
	if (!info)
		return err;
	turn_begin(&turn, PATIENCE_MS);
	while (err == -ESTALE && turn_wait(fs, &turn)) {
		err = meet_newer(fs, &old, info, replaced);
		if (err == -EAGAIN)
			err = move_newer(fs, old, to, &info);
	}
	if (err == -ENOENT)
		return err;
	/* One of the names is changed all the time. */
	if (err == -ESTALE)
		err = 0;
	if (err) {
		log_error("bucket %s: %s has a second name %s, because the old one could not be "
			  "removed: %s",
			  fs->store->bucket, old->name, info->name, strerror(-err));
		halves_note(fs, old->name, old->name_len, old->seq, info->name, info->name_len);
	}
	*ret_info = steal_ptr(info);
	*ret_replaced = steal_ptr(replaced);
	return err;
}

static void set_file_name(struct file *f, const struct buf *name)
{
	char *copy = strdup(name->data);

	if (!copy)
		return;
	free(f->name);
	f->name = copy;
}

/* The tree and the open state follow; info is what the new name has. */
static void settle(struct fs *fs, const struct move *m, struct file *f, struct obj_info *info)
{
	struct node *n = m->n;
	bool is_link = links_id(fs, info) != NULL;
	int64_t ctime_ns;

	mutex_lock(&fs->tree.lock);
	ctime_ns = n->ctime_ns;
	/* What a plain object tells is the time of the rename. */
	n->is_mtime_set = true;
	if (move_in_tree(fs, m) == 0) {
		if (is_link) {
			/* What is stored counts, not the time of this step. */
			n->ctime_ns = ctime_ns;
			links_note_ctime(fs, n, info);
		} else if (n->is_dirty) {
			n->seq = info->seq;
		} else if (fs_is_plain(fs) || fs_is_same_content(fs, n, info)) {
			(void)!fs_set_own_version(fs, n, info);
		}
	}
	mutex_unlock(&fs->tree.lock);
	/* Where the entry could not be moved the event's way leads to the same names. */
	fs_apply_held(fs, info);
	if (!f || is_link)
		return;
	obj_info_free(f->base);
	f->base = obj_info_dup(info);
	f->base_seq = info->seq;
}

static int move_stored(struct fs *fs, const struct move *m, struct file *f, const struct buf *from,
		       const struct buf *to)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_obj_info_ struct obj_info *replaced = NULL;
	int err = move_object(fs, from, to, m->is_exclusive, &info, &replaced);

	if (err && !info)
		return err;
	settle(fs, m, f, info);
	fs_drop_replaced(fs, replaced, info);
	return err;
}

/* The new name must not exist: a claim decides that at once. */
static int claim(struct fs *fs, struct file *f, const struct buf *to)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(to->data, to->len);
	int err;

	if (!info)
		return -ENOMEM;
	mutex_lock(&fs->tree.lock);
	err = attr_to_info(f->node, info);
	mutex_unlock(&fs->tree.lock);
	if (!err)
		err = fs_claim_content(fs, info);
	if (!err)
		err = fs_publish_exclusive(fs, info);
	if (!err)
		f->base_seq = info->seq;
	return err;
}

/* Nothing of the file is in the bucket but perhaps the claim of its old name. */
static int move_unsaved(struct fs *fs, const struct move *m, struct file *f, const struct buf *from,
			const struct buf *to)
{
	uint64_t old_claim = f->is_claimed ? f->base_seq : 0;
	bool has_replaced = f->is_fresh, is_other;
	int err = 0;

	f->base_seq = 0;
	if (m->is_exclusive)
		err = claim(fs, f, to);
	if (err) {
		f->base_seq = old_claim;
		return err;
	}
	f->is_claimed = m->is_exclusive;
	/* It replaces what has the new name, and takes nothing over from that. */
	f->is_rewrite = f->is_fresh = true;
	/* What was appended to a new file does not go behind the file whose name it takes. */
	f->is_append_only = false;
	/* What the file took the old name from is still stored there. */
	if (old_claim || has_replaced)
		(void)!fs_remove_object(fs, from->data, from->len, old_claim, &is_other);
	LOCK_SCOPE(&fs->tree.lock);
	m->n->seq = f->base_seq;
	/* That was not this file. */
	if (has_replaced)
		m->n->is_removed = false;
	return move_in_tree(fs, m);
}

/* Whether the rename needs the bucket only for the new name's sake. */
static bool is_unsaved(struct fs *fs, const struct move *m, const struct file *f)
{
	if (!f || !f->is_dirty || f->base)
		return false;
	LOCK_SCOPE(&fs->tree.lock);
	/* A name of several that is replaced has to be counted down. */
	return !m->n->x->link_id && !(m->target && m->target->x->link_id);
}

static int move_locked(struct fs *fs, const struct move *m, struct file *f)
{
	struct buf from CLEANUP(buf_done) = {0};
	struct buf to CLEANUP(buf_done) = {0};
	bool only_tree = is_unsaved(fs, m, f);
	int err = 0;

	buf_init(&from, OBJ_META_MAX);
	buf_init(&to, OBJ_META_MAX);
	if (f && !f->base && !only_tree)
		err = file_commit(fs, f);
	if (!err)
		err = fs_keep_directory(fs, m->old_dir);
	if (!err)
		err = move_take_names(fs, m, &from, &to);
	if (err)
		return err;
	err = f && only_tree ? move_unsaved(fs, m, f, &from, &to)
			     : move_stored(fs, m, f, &from, &to);
	if (f && !err)
		set_file_name(f, &to);
	move_release_names(fs, &from, &to);
	return err;
}

int move_file(struct fs *fs, const struct move *m)
{
	struct file *f = file_find(fs, m->n);
	int err;

	if (f)
		mutex_lock(&f->lock);
	err = move_locked(fs, m, f);
	if (f)
		mutex_unlock(&f->lock);
	file_put(fs, f);
	if (!err && m->target)
		journal_end_of(fs, m->target);
	return err;
}
