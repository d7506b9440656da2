/* SPDX-License-Identifier: Apache-2.0 */

/* Small steps that several operations share: exclusive creation, deletion, directory markers. */

#include "fs/publish.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/halves.h"
#include "fs/journal.h"
#include "fs/links.h"
#include "fs/name_ops.h"
#include "fs/sibling.h"
#include "util/log.h"

#define RETRIES 16

bool fs_is_known_absent(struct fs *fs, const char *name, size_t len, uint64_t *ret_seq)
{
	LOCK_SCOPE(&fs->tree.lock);
	return absent_take(&fs->absent, name, len, ret_seq);
}

int fs_set_info_name(struct obj_info *info, const char *name, size_t len)
{
	int err = obj_info_rename(info, name, len);

	if (!err)
		free(steal_ptr(info->foreign_token));
	/* It was not made there. */
	return err ? err : sibling_unmark(info);
}

int fs_publish_new(struct fs *fs, struct obj_info *info)
{
	uint64_t expected;
	int err;

	if (info->name_len > fs->store->name_max)
		return -ENAMETOOLONG;
	(void)fs_is_known_absent(fs, info->name, info->name_len, &expected);
	for (int i = 0; i < RETRIES; i++) {
		_cleanup_obj_info_ struct obj_info *now = NULL;

		err = store_put_info(fs->store, info, expected);
		if (err != -ESTALE)
			return err;
		err = store_get_info(fs->store, info->name, info->name_len, &now);
		if (err && err != -ENOENT)
			return err;
		expected = err ? 0 : now->seq;
		if (!err && fs_info_is_live(now) && !halves_is_old(fs, now)) {
			fs_apply_held(fs, now);
			return -EEXIST;
		}
	}
	return -EIO;
}

bool fs_take_back(struct fs *fs, const struct obj_info *info)
{
	uint64_t seq;
	int err = store_bury_info(fs->store, info, &seq);

	if (!err)
		fs_apply_absent(fs, info->name, info->name_len, seq);
	else if (err != -ESTALE)
		log_warn("bucket %s: %s was made in vain and could not be removed: %s",
			 fs->store->bucket, info->name, strerror(-err));
	return err != -ESTALE;
}

int fs_claim_content(struct fs *fs, struct obj_info *info)
{
	/* Whoever makes the same key elsewhere has to see that it is there. */
	if (fs_is_plain(fs))
		return fs_upload_text(fs, NULL, info);
	obj_nuid_new(info->nuid);
	info->is_deleted = true;
	return 0;
}

int fs_publish_exclusive(struct fs *fs, struct obj_info *info)
{
	int err = sibling_mark(fs, info);

	if (!err)
		err = fs_publish_new(fs, info);
	if (err)
		return err;
	err = sibling_contest(fs, info);
	/* Nobody would finish what a failed call left. */
	if (err)
		(void)fs_take_back(fs, info);
	return err;
}

/* What info described has lost its name: its chunks go, or one name of a hidden object. */
static void drop_content(struct fs *fs, const struct obj_info *info)
{
	const char *id = links_id(fs, info);

	if (info->is_deleted)
		return;
	if (id)
		links_count_down(fs, id);
	else
		fs_purge_later(fs, info->nuid, info->name, info->name_len);
}

void fs_drop_replaced(struct fs *fs, const struct obj_info *info, const struct obj_info *by)
{
	if (info && strcmp(info->nuid, by->nuid) != 0)
		drop_content(fs, info);
}

int fs_remove_object(struct fs *fs, const char *name, size_t len, uint64_t seq, bool *ret_is_other)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(name, len);
	uint64_t tombstone_seq;
	int err = -EIO;

	*ret_is_other = false;
	if (!info)
		return -ENOMEM;
	info->seq = seq;
	for (int i = 0; i < RETRIES; i++) {
		err = info->seq ? store_bury_info(fs->store, info, &tombstone_seq) : -ESTALE;
		if (!err)
			fs_note_buried(fs, info, seq, tombstone_seq);
		if (!err && *ret_is_other)
			drop_content(fs, info);
		if (err != -ESTALE)
			return err;
		*ret_is_other = true;
		obj_info_free(steal_ptr(info));
		err = store_get_info(fs->store, name, len, &info);
		if (err)
			return err;
		if (!fs_info_is_live(info)) {
			(void)fs_catch_up(fs);
			fs_apply_held(fs, info);
			return -ENOENT;
		}
	}
	return -EIO;
}

/* Metadata of dir's marker, which has no content. Tree lock held. */
static int describe_marker(struct node *dir, const struct buf *name, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(name->data, name->len);
	int err = info ? attr_to_info(dir, info) : -ENOMEM;

	if (!err)
		*ret = steal_ptr(info);
	return err;
}

/* Stores a marker, whose name is held. One that is there is as good. */
static int store_marker(struct fs *fs, struct obj_info *info)
{
	int err = fs_upload_text(fs, NULL, info);

	if (!err)
		err = fs_publish_new(fs, info);
	if (!err)
		fs_apply_held(fs, info);
	return err == -EEXIST ? 0 : err;
}

int fs_keep_directory(struct fs *fs, struct node *dir)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct buf name CLEANUP(buf_done) = {0};
	int err = 0;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (dir != fs->tree.root && dir->dentry && !dir->dir->has_marker &&
	    dir->dir->n_children == 1) {
		dir->dir->has_marker = fs_is_plain(fs);
		fs_full_name(fs, dir->dentry, &name);
		err = buf_error(&name);
		if (!err && !fs_is_plain(fs))
			err = describe_marker(dir, &name, &info);
	}
	mutex_unlock(&fs->tree.lock);
	if (err || !info)
		return err;
	err = fs_take_name(fs, info->name, info->name_len);
	if (err)
		return err;
	err = store_marker(fs, info);
	fs_release_name(fs, name.data, name.len);
	return err;
}

/* Whether the directory is empty; info is then NULL, else its marker's metadata. */
static int check_empty(struct fs *fs, struct node *dir, const struct buf *name,
		       struct obj_info **ret)
{
	LOCK_SCOPE(&fs->tree.lock);
	if (dir->dir->n_children == 0)
		return 0;
	return describe_marker(dir, name, ret);
}

int fs_bury_marker(struct fs *fs, struct node *dir, const struct buf *name, uint64_t seq)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	bool unused;
	int err = 0;

	if (fs_is_plain(fs))
		return 0;
	err = fs_remove_object(fs, name->data, name->len, seq, &unused);
	if (err)
		return err;
	/* What was stored below it before the tombstone is shown first. */
	(void)fs_catch_up(fs);
	err = check_empty(fs, dir, name, &info);
	if (err || !info)
		return err;
	err = store_marker(fs, info);
	return err ? err : -ENOTEMPTY;
}

/* A rename may move the name until its lock is taken. */
int file_take_name(struct fs *fs, struct file *f, struct buf *ret_name)
{
	for (;;) {
		struct buf again CLEANUP(buf_done) = {0};
		int err;

		buf_reset(ret_name);
		mutex_lock(&fs->tree.lock);
		if (f->node->dentry)
			fs_content_name(fs, f->node, ret_name);
		else
			buf_append_str(ret_name, f->name);
		mutex_unlock(&fs->tree.lock);
		err = buf_error(ret_name);
		if (!err)
			err = fs_take_name(fs, ret_name->data, ret_name->len);
		if (err)
			return err;
		buf_init(&again, OBJ_META_MAX);
		mutex_lock(&fs->tree.lock);
		if (f->node->dentry)
			fs_content_name(fs, f->node, &again);
		mutex_unlock(&fs->tree.lock);
		if (again.len == 0 || (again.len == ret_name->len &&
				       memcmp(again.data, ret_name->data, again.len) == 0))
			return 0;
		fs_release_name(fs, ret_name->data, ret_name->len);
	}
}

int file_describe(struct fs *fs, struct file *f, const struct buf *name, const struct put_result *r,
		  struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	info = f->base && !f->is_fresh ? obj_info_dup(f->base)
				       : obj_info_new(name->data, name->len);
	if (!info)
		return -ENOMEM;
	info->is_deleted = false;
	err = obj_info_rename(info, name->data, name->len);
	if (!err)
		err = obj_info_set_link(info, NULL, NULL);
	if (!err)
		err = obj_info_set_meta(info, ATTR_FROM, NULL);
	if (!err)
		err = obj_info_set_meta(info, ATTR_EXCHANGE, NULL);
	if (!err)
		err = obj_info_set_meta(info, ATTR_JOURNAL, journal_id(f));
	put_result_describe(r, info);
	if (!err) {
		LOCK_SCOPE(&fs->tree.lock);
		err = attr_to_info(f->node, info);
	}
	if (!err)
		*ret = steal_ptr(info);
	return err;
}
