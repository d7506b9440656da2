/* SPDX-License-Identifier: Apache-2.0 */

/* Small steps that several operations share: exclusive creation, deletion, directory markers. */

#include <errno.h>
#include <string.h>

#include "fs/internal.h"
#include "util/clock.h"

#define RETRIES 16

int fs_set_content(struct obj_info *info, const struct put_result *r)
{
	/* What was stored before is not part of it. */
	info->time_ns = 0;
	strcpy(info->nuid, r->nuid);
	info->size = r->size;
	info->chunks = r->chunks;
	info->max_chunk_size = r->max_chunk_size;
	info->has_digest = true;
	memcpy(info->digest, r->digest, sizeof(info->digest));
	return 0;
}

bool fs_is_known_absent(struct fs *fs, const char *name, size_t len, uint64_t *ret_seq)
{
	LOCK_SCOPE(&fs->tree.lock);
	return absent_take(&fs->absent, name, len, ret_seq);
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
		if (!err && fs_info_is_live(now)) {
			fs_apply_held(fs, now);
			return -EEXIST;
		}
	}
	return -EIO;
}

int fs_remove_object(struct fs *fs, const char *name, size_t len, uint64_t seq)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(name, len);
	uint64_t tombstone_seq;
	int err = -EIO;

	if (!info)
		return -ENOMEM;
	info->seq = seq;
	for (int i = 0; i < RETRIES; i++) {
		err = store_bury_info(fs->store, info, &tombstone_seq);
		if (!err)
			fs_note_buried(fs, info, seq, tombstone_seq);
		if (err != -ESTALE)
			return err;
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

int fs_keep_directory(struct fs *fs, struct node *dir)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct buf name CLEANUP(buf_done) = {0};
	struct put_result empty;
	struct store_put *put;
	int err = 0;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (dir != fs->tree.root && dir->dentry && !dir->dir->has_marker &&
	    dir->dir->n_children == 1) {
		fs_full_name(fs, dir->dentry, &name);
		err = buf_error(&name);
		info = err ? NULL : obj_info_new(name.data, name.len);
		err = err ? err : info ? attr_to_info(dir, info) : -ENOMEM;
	}
	mutex_unlock(&fs->tree.lock);
	if (err || !info)
		return err;
	err = store_put_open(fs->store, &put);
	if (err)
		return err;
	err = store_put_finish(put, &empty);
	store_put_close(put, true);
	if (!err)
		err = fs_set_content(info, &empty);
	if (!err)
		err = namelock_take(&fs->names, info->name, info->name_len);
	if (err)
		return err;
	err = fs_publish_new(fs, info);
	if (!err)
		fs_apply_held(fs, info);
	fs_release_name(fs, info->name, info->name_len);
	return err == -EEXIST ? 0 : err;
}
