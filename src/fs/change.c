/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A change of attributes: made on the newest metadata that the bucket has, stored only if they are
 * still the newest, and only then in the tree. So what others changed meanwhile stays, and nobody
 * sees an attribute that was not stored.
 *
 * Unsaved content takes the attributes of its node along when it is committed: those change in the
 * tree only. The name is held in both cases, as a commit holds it from reading the attributes until
 * the new version is in the tree.
 */

#include <errno.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/internal.h"
#include "fs/name_ops.h"
#include "fs/publish.h"

/* The object that keeps a node's attributes; empty when it has no name. Tree lock held. */
static void object_of(struct fs *fs, const struct node *n, struct buf *out)
{
	if (n->dentry)
		fs_content_name(fs, n, out);
	else if (n == fs->tree.root)
		buf_append_str(out, fs->prefix_len ? fs->prefix : HIDDEN_ROOT);
}

/* Holds the node's object, which a rename may move until then; ret stays empty when it has none. */
static int take_object(struct fs *fs, const struct node *n, struct buf *ret)
{
	for (;;) {
		struct buf again CLEANUP(buf_done) = {0};
		int err;

		buf_reset(ret);
		buf_init(&again, OBJ_META_MAX);
		mutex_lock(&fs->tree.lock);
		object_of(fs, n, ret);
		mutex_unlock(&fs->tree.lock);
		if (ret->len == 0 || buf_error(ret))
			return buf_error(ret);
		err = fs_take_name(fs, ret->data, ret->len);
		if (err)
			return err;
		mutex_lock(&fs->tree.lock);
		object_of(fs, n, &again);
		mutex_unlock(&fs->tree.lock);
		if (again.len == ret->len && memcmp(again.data, ret->data, ret->len) == 0)
			return 0;
		fs_release_name(fs, ret->data, ret->len);
	}
}

/* Metadata of an empty object for a directory that exists only because of what is in it. */
static int new_marker(struct fs *fs, const struct node *dir, const struct buf *name,
		      struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(name->data, name->len);
	int err = info ? fs_upload_text(fs, NULL, info) : -ENOMEM;

	if (!err) {
		LOCK_SCOPE(&fs->tree.lock);
		err = attr_to_info(dir, info);
	}
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

/* Makes the change on metadata. */
static int change_info(struct fs *fs, const struct node *n, struct obj_info *info,
		       fs_change_fn change, const void *arg)
{
	struct node as_stored = {.x = &node_no_extra, .dir = n->dir, .mode = n->dir ? S_IFDIR : 0};
	struct xattrs xattrs = {0};
	struct attr attr;
	int err;

	attr_from_info(&fs->cfg, info, n->dir != NULL, &attr);
	err = attr_to_node(&attr, &as_stored);
	/* Entries that came and went since then are not in what is stored. */
	if (n->dir) {
		LOCK_SCOPE(&fs->tree.lock);
		as_stored.mtime_ns = n->mtime_ns;
	}
	if (!err)
		err = xattrs_from_info(info, &xattrs);
	if (!err)
		err = node_set_xattrs(&as_stored, &xattrs);
	if (!err)
		err = change(arg, &as_stored);
	if (!err)
		err = attr_to_info(&as_stored, info);
	node_done(&as_stored);
	return err;
}

/* One attempt on the newest metadata; -ESTALE when they were replaced in between. */
static int change_stored(struct fs *fs, struct node *n, const struct buf *name, fs_change_fn change,
			 const void *arg)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	uint64_t expected = 0;
	bool is_dirty;
	int err = store_get_info(fs->store, name->data, name->len, &info);

	if (err && (err != -ENOENT || !n->dir))
		return err;
	if (!err)
		expected = info->seq;
	if (n->dir && (err || info->is_deleted)) {
		obj_info_free(steal_ptr(info));
		err = new_marker(fs, n, name, &info);
	} else if (info->is_deleted) {
		fs_apply_held(fs, info);
		return -ENOENT;
	}
	if (!err)
		err = change_info(fs, n, info, change, arg);
	if (!err)
		err = store_put_info(fs->store, info, expected);
	if (err)
		return err;
	mutex_lock(&fs->tree.lock);
	is_dirty = n->is_dirty;
	/* Content that became unsaved meanwhile carries the node's attributes. */
	if (is_dirty)
		err = change(arg, n);
	mutex_unlock(&fs->tree.lock);
	if (!is_dirty)
		fs_apply_held(fs, info);
	return err;
}

int fs_change(struct fs *fs, struct node *n, fs_change_fn change, const void *arg)
{
	struct buf name CLEANUP(buf_done) = {0};
	bool is_unsaved;
	int err;

	buf_init(&name, OBJ_META_MAX);
	err = take_object(fs, n, &name);
	if (err)
		return err;
	mutex_lock(&fs->tree.lock);
	is_unsaved = name.len == 0 || n->is_dirty || fs_is_plain(fs);
	if (is_unsaved)
		err = n->is_superseded ? -ESTALE : change(arg, n);
	mutex_unlock(&fs->tree.lock);
	if (name.len == 0)
		return err;
	if (!is_unsaved) {
		do
			err = change_stored(fs, n, &name, change, arg);
		while (err == -ESTALE);
	}
	fs_release_name(fs, name.data, name.len);
	return err;
}
