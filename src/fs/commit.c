/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unsaved content becomes the object's next version: all chunks first, then the metadata, only if
 * the version the change builds on is still the newest. If it is not, the kind of the change
 * decides. One that began with an empty file replaces whatever is there (the last close wins). One
 * that only appended is moved to the end of the newer content. Any other would undo somebody else's
 * work: it is stored beside it (fs/aside.c), and the writer is told by ESTALE.
 */

#include <errno.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/journal.h"
#include "fs/links.h"
#include "util/log.h"

#define RETRIES 64

/* Whether a newer version can take an appended end: a plain file that is understood. */
static bool can_be_appended(const struct obj_info *info)
{
	return !info->is_malformed && !info->link_bucket;
}

bool file_is_nothing(const struct file *f)
{
	return (!f->is_rewrite || f->is_claimed) && f->size == 0 && f->node_size == 0;
}

/* The file has several names now, and its content another place: -EAGAIN. 0: it is another file's
 * name now. */
static int follow(struct fs *fs, const struct file *f, const struct buf *name,
		  const struct obj_info *now)
{
	uint64_t seq;
	int err = fs_refresh(fs, now->link_name, strlen(now->link_name), &seq);

	if (err && err != -ENOENT && err != -EAGAIN)
		return err;
	fs_apply_held(fs, now);
	return fs_has_other_name(fs, f->node, name) ? -EAGAIN : 0;
}

enum outcome {
	OUTCOME_AGAIN, /* with the newer base */
	OUTCOME_ASIDE, /* a conflict */
	OUTCOME_ADOPT, /* there is nothing to store */
};

/* Another version is there: takes it as the base of the change, unless that is impossible. */
static int meet_newer(struct fs *fs, struct file *f, const struct buf *name, enum outcome *ret)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;
	int err = store_get_info(fs->store, name->data, name->len, &now);

	if (err && err != -ENOENT)
		return err;
	if (!err && !now->is_deleted && links_id(fs, now)) {
		err = follow(fs, f, name, now);
		if (err)
			return err;
	}
	if (!err && now->is_deleted) {
		err = file_follow_renamed(fs, f, now);
		if (err)
			return err;
	}
	*ret = OUTCOME_AGAIN;
	f->base_seq = err ? 0 : now->seq;
	/* Nothing leads to a hidden object that was deleted. */
	if ((err || now->is_deleted) && links_id_of_hidden(name->data, name->len)) {
		*ret = OUTCOME_ASIDE;
		return 0;
	}
	if (err || now->is_deleted) {
		/* What was there before the removal was meant to go. */
		if (f->is_append_only && f->base)
			f->base->is_deleted = true;
		return 0;
	}
	/* It has what was promised here, or, of a mount that has finished our journal, a part of
	 * what is unsaved. */
	if (file_is_nothing(f) || (journal_is_in(f, now) && journal_is_all(f)))
		*ret = OUTCOME_ADOPT;
	else if (journal_is_in(f, now))
		err = journal_go_on_from(fs, f, now);
	else if (!f->is_rewrite && !writer_is_on(f, now) &&
		 !(f->is_append_only && can_be_appended(now)))
		*ret = OUTCOME_ASIDE;
	if (*ret == OUTCOME_ASIDE && fs->cfg.conflict == FS_CONFLICT_OVERWRITE) {
		f->is_rewrite = true;
		*ret = OUTCOME_AGAIN;
	}
	if (!err && *ret == OUTCOME_AGAIN) {
		obj_info_free(f->base);
		f->base = now->is_malformed ? NULL : steal_ptr(now);
	}
	return err;
}

/* Uploads what is not uploaded yet, but for what goes out with the metadata, behind the end of
 * another version if that is where it belongs. -ESTALE: the version it builds on is gone. */
static int upload(struct fs *fs, struct file *f, bool *is_uploaded, struct put_result *r)
{
	int err = 0;

	if (f->is_append_only && !writer_is_on(f, f->base)) {
		err = writer_rebase(fs, f, f->base);
		*is_uploaded = false;
	}
	if (!err && !*is_uploaded) {
		err = writer_foretell(fs, f, r);
		*is_uploaded = !err;
	}
	return err;
}

/* Another client's object took the last name of a file that had several: nobody would find what is
 * stored in the hidden one. */
static bool has_lost_names(struct fs *fs, const struct file *f)
{
	const struct node *n = f->node;

	LOCK_SCOPE(&fs->tree.lock);
	return !n->dentry && n->is_superseded && n->x->link_id;
}

static int publish_aside(struct fs *fs, struct file *f, struct obj_info *info)
{
	struct put_result r;
	int err = store_put_finish(f->put, &r);

	if (err)
		return err;
	put_result_describe(&r, info);
	return file_store_conflict(fs, f, info);
}

/* Publishes the content under its name, which is held. *ret: the new version, or NULL when the
 * present one was adopted. */
static int publish(struct fs *fs, struct file *f, const struct buf *name, struct obj_info **ret)
{
	enum outcome outcome = has_lost_names(fs, f) ? OUTCOME_ASIDE : OUTCOME_AGAIN;
	bool is_uploaded = false;
	struct put_result r = {0};

	for (int i = 0; i < RETRIES; i++) {
		_cleanup_obj_info_ struct obj_info *info = NULL;
		int err = upload(fs, f, &is_uploaded, &r);

		if (err == -ESTALE && journal_id(f) && i == 0) {
			err = meet_newer(fs, f, name, &outcome);
			if (!err && outcome != OUTCOME_ADOPT)
				continue;
			return err;
		}
		if (err == -ESTALE && (!f->is_append_only || i > 0))
			return -EIO;
		/* What takes long is done now. */
		if (!err)
			err = fs_lock_check(fs, f);
		if (!err)
			err = file_describe(fs, f, name, &r, &info);
		if (!err && !f->is_rewrite && !writer_is_on(f, f->base))
			outcome = OUTCOME_ASIDE;
		if (!err && outcome == OUTCOME_ASIDE)
			return publish_aside(fs, f, info);
		if (!err)
			err = store_put_commit(fs->store, f->put, info, f->base_seq);
		/* Without an answer the version may be there, so its chunks stay. */
		if (info && err && !store_is_certain(err))
			store_put_close(steal_ptr(f->put), true);
		if (!err)
			*ret = steal_ptr(info);
		if (err != -ESTALE)
			return err;
		err = info ? store_put_finish(f->put, &r) : 0;
		if (!err)
			err = meet_newer(fs, f, name, &outcome);
		if (err || outcome == OUTCOME_ADOPT)
			return err;
	}
	return -EIO;
}

/* The content of the node is the new version; where another node has the name, or the change was
 * moved to the end of other content, the version is news for the tree as if another client had
 * stored it. */
static void settle(struct fs *fs, struct file *f, struct obj_info *info)
{
	struct node *n = f->node;
	bool is_news;
	int err = 0;

	mutex_lock(&fs->tree.lock);
	is_news = !n->dentry || f->is_rebased;
	n->is_dirty = false;
	if (f->is_rebased) {
		n->size = f->node_size;
		fs_inval_inode(fs, n, 0, 0);
	} else {
		err = fs_set_own_version(fs, n, info);
	}
	mutex_unlock(&fs->tree.lock);
	if (err)
		log_error("no memory to note a new version of %s", info->name);
	if (is_news)
		fs_apply_held(fs, info);
	if (f->base && !f->base->is_deleted && strcmp(f->base->nuid, info->nuid) != 0)
		fs_purge_replaced(fs, f->base->nuid, info);
	obj_info_free(f->base);
	f->base = info;
	f->base_seq = info->seq;
}

/* The present version is shown instead of a new file that was made in vain. */
static void adopt(struct fs *fs, struct file *f, const struct buf *name)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;

	mutex_lock(&fs->tree.lock);
	f->node->is_dirty = false;
	if (f->is_rebased)
		f->node->size = f->node_size;
	mutex_unlock(&fs->tree.lock);
	if (store_get_info(fs->store, name->data, name->len, &now) == 0)
		fs_apply_held(fs, now);
}

static int commit_named(struct fs *fs, struct file *f, const struct buf *name)
{
	struct obj_info *info = NULL;
	int err;

	if (name->len > fs->store->name_max)
		return -ENAMETOOLONG;
	err = publish(fs, f, name, &info);
	/* A conflict: the change is beside the file now, if that is the policy. */
	if (err == -ESTALE)
		journal_end(f);
	if (err)
		return err;
	if (info) {
		settle(fs, f, info);
		store_put_close(steal_ptr(f->put), true);
	} else {
		adopt(fs, f, name);
	}
	journal_end(f);
	writer_reset(f);
	file_drop_content(f);
	f->is_dirty = f->is_claimed = f->is_rewrite = f->is_fresh = false;
	return 0;
}

/* Whether the file has a name, or one that somebody else took from it. */
static bool has_name(struct fs *fs, const struct file *f)
{
	const struct node *n = f->node;

	LOCK_SCOPE(&fs->tree.lock);
	return n->dentry || ((n->is_superseded || n->is_removed) && f->name[0]);
}

/* *name is held afterwards, unless it is empty because of an error. */
static int commit_where_it_belongs(struct fs *fs, struct file *f, struct buf *name)
{
	int err = -EAGAIN;

	for (int i = 0; err == -EAGAIN && i < RETRIES; i++) {
		if (i > 0)
			fs_release_name(fs, name->data, name->len);
		err = file_take_name(fs, f, name);
		if (err)
			buf_reset(name);
		/* Whoever held it may have removed the file, or put another in its place. */
		else if (has_name(fs, f))
			err = commit_named(fs, f, name);
	}
	return err == -EAGAIN ? -EIO : err;
}

static int commit_dirty(struct fs *fs, struct file *f)
{
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	if (!has_name(fs, f))
		return 0;
	err = fs_lock_check(fs, f);
	if (err) {
		/* The server may be away; the last close waits for it, and shows what it has. */
		f->state = FILE_FAILED;
		f->error = err;
		return err;
	}
	buf_init(&name, OBJ_META_MAX);
	err = commit_where_it_belongs(fs, f, &name);
	if (name.len == 0)
		return err;
	if (err == -ECANCELED) {
		/* Whoever waits for the file puts something else in the content's place. */
		err = 0;
	} else if (err && err != -ESTALE && f->keeps_unsaved) {
		log_info("bucket %s: %s could not be stored yet: %s", fs->store->bucket, name.data,
			 strerror(-err));
	} else if (err) {
		log_error("bucket %s: %s could not be stored: %s", fs->store->bucket, name.data,
			  strerror(-err));
		file_give_up_held(fs, f, err, &name);
	}
	fs_release_name(fs, name.data, name.len);
	return err;
}

int file_commit(struct fs *fs, struct file *f)
{
	bool is_ours;
	int err;

	mutex_assert_held(&f->lock);
	/* What another mount has left is still there for the next one. */
	is_ours = !journal_is_all(f);
	if (f->state == FILE_FAILED)
		return f->error;
	err = f->is_dirty ? commit_dirty(fs, f) : 0;
	/* No program may be left to be told, so the mount's end tells. */
	if (is_ours && (err == -ESHUTDOWN || (err && atomic_load(&fs->is_draining))))
		atomic_fetch_add(&fs->n_unstored, 1);
	return err;
}

int file_commit_at_close(struct fs *fs, struct file *f)
{
	int err;

	f->gives_way = true;
	err = file_commit(fs, f);
	f->gives_way = false;
	return err;
}

int file_commit_by_clock(struct fs *fs, struct file *f)
{
	int err;

	f->keeps_unsaved = true;
	err = file_commit(fs, f);
	f->keeps_unsaved = false;
	return err;
}

int file_commit_last(struct fs *fs, struct file *f)
{
	int err = file_commit(fs, f);

	if (f->is_dirty)
		file_give_up(fs, f, err ? err : -ESTALE);
	return err;
}
