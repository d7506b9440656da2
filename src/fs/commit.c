/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Unsaved content becomes the object's next version: all chunks first, then the metadata, only if
 * the version the change builds on is still the newest. If it is not, a rewrite replaces whatever
 * is there (the last close wins), and any other change is stored beside it under a name that says
 * so, because it would otherwise undo somebody else's work; the writer is told by ESTALE.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/internal.h"
#include "util/clock.h"
#include "util/log.h"

#define RETRIES 64

/* Takes the lock of the file's present object name; a rename may move it until then. */
static int take_name(struct fs *fs, struct file *f, struct buf *ret_name)
{
	for (;;) {
		struct buf again CLEANUP(buf_done) = {0};
		int err;

		buf_reset(ret_name);
		mutex_lock(&fs->tree.lock);
		if (f->node->dentry)
			fs_full_name(fs, f->node->dentry, ret_name);
		else
			buf_append_str(ret_name, f->name);
		mutex_unlock(&fs->tree.lock);
		err = buf_error(ret_name);
		if (!err)
			err = namelock_take(&fs->names, ret_name->data, ret_name->len);
		if (err)
			return err;
		buf_init(&again, OBJ_META_MAX);
		mutex_lock(&fs->tree.lock);
		if (f->node->dentry)
			fs_full_name(fs, f->node->dentry, &again);
		mutex_unlock(&fs->tree.lock);
		if (again.len == 0 || (again.len == ret_name->len &&
				       memcmp(again.data, ret_name->data, again.len) == 0))
			return 0;
		fs_release_name(fs, ret_name->data, ret_name->len);
	}
}

/* The metadata of the new version: what the old one carried, with our content and attributes. */
static int describe(struct fs *fs, struct file *f, const struct buf *name,
		    const struct put_result *r, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char *copy;
	int err;

	info = f->base ? obj_info_dup(f->base) : obj_info_new(name->data, name->len);
	copy = malloc(name->len + 1);
	if (!info || !copy) {
		free(copy);
		return -ENOMEM;
	}
	memcpy(copy, name->data, name->len + 1);
	free(info->name);
	info->name = copy;
	info->name_len = name->len;
	info->is_deleted = false;
	err = obj_info_set_link(info, NULL, NULL);
	if (!err)
		err = obj_info_set_meta(info, ATTR_CLAIM, NULL);
	if (!err)
		err = obj_info_set_meta(info, ATTR_FROM, NULL);
	if (!err)
		err = fs_set_content(info, r);
	if (!err) {
		LOCK_SCOPE(&fs->tree.lock);
		err = attr_to_info(f->node, info);
	}
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

static int conflict_name(const char *name, size_t len, struct buf *out)
{
	char host[65] = "", when[32];
	time_t now = time(NULL);
	struct tm tm;

	(void)gethostname(host, sizeof(host) - 1);
	(void)gmtime_r(&now, &tm);
	(void)strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	buf_append(out, name, len);
	buf_printf(out, ".conflict-%s-%s", host, when);
	return buf_error(out);
}

/* Stores info beside the version of somebody else. */
static int store_conflict(struct fs *fs, struct obj_info *info)
{
	struct buf name CLEANUP(buf_done) = {0};
	char *copy;
	int err;

	buf_init(&name, OBJ_META_MAX);
	err = conflict_name(info->name, info->name_len, &name);
	if (err)
		return err;
	log_warn("bucket %s: %s was changed by somebody else meanwhile; stored as %s",
		 fs->store->bucket, info->name, name.data);
	info->name_len = name.len;
	copy = buf_steal(&name);
	free(info->name);
	info->name = copy;
	err = fs_publish_new(fs, info);
	if (!err)
		fs_apply_held(fs, info);
	return err;
}

/*
 * Publishes info, whose name is held. *ret_replaced is the chunk identifier that no name has any
 * more. -ESTALE: it was stored as a conflict.
 */
static int publish(struct fs *fs, struct file *f, struct obj_info *info,
		   char ret_replaced[OBJ_NUID_MAX + 1])
{
	int err = -EIO;

	ret_replaced[0] = '\0';
	if (f->base && !f->base->is_deleted)
		strcpy(ret_replaced, f->base->nuid);
	for (int i = 0; i < RETRIES; i++) {
		_cleanup_obj_info_ struct obj_info *now = NULL;

		err = store_put_info(fs->store, info, f->base_seq);
		if (err != -ESTALE)
			return err;
		err = store_get_info(fs->store, info->name, info->name_len, &now);
		if (err && err != -ENOENT)
			return err;
		if (!err && !now->is_deleted && !f->is_rewrite &&
		    (!f->base || strcmp(now->nuid, f->base->nuid) != 0)) {
			err = store_conflict(fs, info);
			return err ? err : -ESTALE;
		}
		f->base_seq = err ? 0 : now->seq;
		strcpy(ret_replaced, err || now->is_deleted ? "" : now->nuid);
	}
	return err;
}

static void settle(struct fs *fs, struct file *f, struct obj_info *info, const char *replaced)
{
	struct node *n = f->node;
	bool has_name;
	int err = 0;

	mutex_lock(&fs->tree.lock);
	has_name = n->dentry != NULL;
	n->is_dirty = false;
	if (has_name)
		err = fs_set_version(fs, n, info);
	mutex_unlock(&fs->tree.lock);
	if (err)
		log_error("no memory to note a new version of %s", info->name);
	/* The name belongs to another node by now; this version replaces that one's. */
	if (!has_name)
		fs_apply_held(fs, info);
	if (strcmp(replaced, info->nuid) != 0)
		fs_purge_later(fs, replaced, info->name, info->name_len);
	obj_info_free(f->base);
	f->base = info;
	f->base_seq = info->seq;
	f->is_claimed = false;
	f->is_dirty = false;
	f->is_rewrite = false;
}

/* What was unsaved is given up; the tree shows what the bucket has. name is held. */
static void give_up(struct fs *fs, struct file *f, int error, const struct buf *name)
{
	struct node *n = f->node;
	_cleanup_obj_info_ struct obj_info *now = NULL;
	int err;

	if (f->is_claimed)
		(void)!fs_remove_object(fs, name->data, name->len, f->base_seq);
	writer_reset(f);
	f->state = FILE_FAILED;
	f->error = error;
	f->is_dirty = f->is_claimed = false;
	mutex_lock(&fs->tree.lock);
	n->is_dirty = false;
	if (f->base && !f->base->is_deleted && n->dentry && fs_set_version(fs, n, f->base) < 0)
		log_error("no memory to restore %s", name->data);
	fs_inval_inode(fs, n, 0, 0);
	if (n->dentry && (!f->base || f->base->is_deleted))
		fs_remove_entry(fs, n->dentry);
	mutex_unlock(&fs->tree.lock);
	err = store_get_info(fs->store, name->data, name->len, &now);
	if (!err)
		fs_apply_held(fs, now);
}

void file_give_up(struct fs *fs, struct file *f, int error)
{
	struct buf name CLEANUP(buf_done) = {0};

	buf_init(&name, OBJ_META_MAX);
	if (take_name(fs, f, &name) < 0) {
		writer_reset(f);
		f->state = FILE_FAILED;
		f->error = error;
		return;
	}
	give_up(fs, f, error, &name);
	fs_release_name(fs, name.data, name.len);
}

static int commit_named(struct fs *fs, struct file *f, const struct buf *name,
			struct store_put **ret_put)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char replaced[OBJ_NUID_MAX + 1];
	struct put_result r;
	int err;

	if (name->len > fs->store->name_max)
		return -ENAMETOOLONG;
	err = writer_finish(fs, f, ret_put, &r);
	if (!err)
		err = describe(fs, f, name, &r, &info);
	if (!err)
		err = publish(fs, f, info, replaced);
	if (err)
		return err;
	settle(fs, f, steal_ptr(info), replaced);
	return 0;
}

int file_commit(struct fs *fs, struct file *f)
{
	struct buf name CLEANUP(buf_done) = {0};
	struct store_put *put = NULL;
	bool has_name;
	int err;

	mutex_assert_held(&f->lock);
	if (f->state == FILE_FAILED)
		return f->error;
	if (!f->is_dirty)
		return 0;
	mutex_lock(&fs->tree.lock);
	has_name = f->node->dentry || f->node->is_superseded;
	mutex_unlock(&fs->tree.lock);
	if (!has_name)
		return 0;
	buf_init(&name, OBJ_META_MAX);
	err = take_name(fs, f, &name);
	if (err)
		return err;
	err = commit_named(fs, f, &name, &put);
	if (!err) {
		store_put_close(put, true);
		store_put_close(steal_ptr(f->put), true);
		writer_reset(f);
		file_drop_content(f);
	} else {
		log_error("bucket %s: %s could not be stored: %s", fs->store->bucket, name.data,
			  strerror(-err));
		/* A conflict copy has taken the chunks over. */
		store_put_close(put, err == -ESTALE);
		if (err == -ESTALE)
			store_put_close(steal_ptr(f->put), true);
		give_up(fs, f, err, &name);
	}
	fs_release_name(fs, name.data, name.len);
	return err;
}

/* One attempt on the newest metadata; -ESTALE when it was replaced in between. */
static int store_attributes_once(struct fs *fs, struct node *n, const struct buf *name)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	uint64_t expected = 0;
	int err = store_get_info(fs->store, name->data, name->len, &info);

	if (err && (err != -ENOENT || !n->dir))
		return err;
	if (!err)
		expected = info->seq;
	if (n->dir && (err || info->is_deleted)) {
		struct put_result empty;
		struct store_put *put;

		obj_info_free(steal_ptr(info));
		info = obj_info_new(name->data, name->len);
		err = info ? store_put_open(fs->store, &put) : -ENOMEM;
		if (err)
			return err;
		err = store_put_finish(put, &empty);
		store_put_close(put, true);
		if (!err)
			err = fs_set_content(info, &empty);
		if (err)
			return err;
	} else if (info->is_deleted) {
		fs_apply_held(fs, info);
		return -ENOENT;
	}
	mutex_lock(&fs->tree.lock);
	err = attr_to_info(n, info);
	mutex_unlock(&fs->tree.lock);
	if (!err)
		err = store_put_info(fs->store, info, expected);
	if (!err)
		fs_apply_held(fs, info);
	return err;
}

int fs_store_attributes(struct fs *fs, struct node *n)
{
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (n->dentry)
		fs_full_name(fs, n->dentry, &name);
	else if (n == fs->tree.root)
		buf_append_str(&name, fs->prefix);
	mutex_unlock(&fs->tree.lock);
	/* The root of the bucket has no object, and a nameless node nothing to store. */
	if (name.len == 0)
		return buf_error(&name);
	err = namelock_take(&fs->names, name.data, name.len);
	if (err)
		return err;
	do
		err = store_attributes_once(fs, n, &name);
	while (err == -ESTALE);
	fs_release_name(fs, name.data, name.len);
	return err;
}
