/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/links.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/publish.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

#define RETRIES 16
/* Programs that link and then unlink the first name do the second at once. */
#define FOLD_MS 500

static bool is_id(const char *id, size_t len)
{
	return len == OBJ_NUID_LEN &&
	       strspn(id, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == len;
}

const char *links_id_of_hidden(const char *name, size_t len)
{
	size_t skip = strlen(HIDDEN_INODES);

	if (len <= skip || memcmp(name, HIDDEN_INODES, skip) != 0)
		return NULL;
	return is_id(name + skip, len - skip) ? name + skip : NULL;
}

const char *links_id(const struct fs *fs, const struct obj_info *info)
{
	const char *id = obj_info_meta(info, ATTR_INODE), *at;

	if (!id || !info->link_bucket || !info->link_name ||
	    strcmp(info->link_bucket, fs->store->bucket) != 0)
		return NULL;
	at = links_id_of_hidden(info->link_name, strlen(info->link_name));
	return at && strcmp(at, id) == 0 ? id : NULL;
}

void links_hidden_name(const char *id, char ret[LINKS_NAME_MAX])
{
	(void)snprintf(ret, LINKS_NAME_MAX, HIDDEN_INODES "%s", id);
}

uint32_t links_count(const struct obj_info *info)
{
	const char *text = obj_info_meta(info, ATTR_NLINK);
	uint64_t count;

	return text && parse_u64(text, 10, 0, UINT32_MAX, &count) == 0 ? (uint32_t)count : 1;
}

void links_learn(struct fs *fs, const struct obj_info *name)
{
	const char *id = name->is_deleted ? NULL : links_id(fs, name);
	const struct node *n;
	bool is_known;
	uint64_t seq;

	if (!id)
		return;
	mutex_lock(&fs->tree.lock);
	n = tree_find_link(&fs->tree, id);
	is_known = n && n->is_link_held;
	mutex_unlock(&fs->tree.lock);
	/* What cannot be told now the watch will tell. */
	if (!is_known)
		(void)!fs_refresh(fs, name->link_name, strlen(name->link_name), &seq);
}

static int set_count(struct obj_info *info, uint32_t count)
{
	char text[24];
	int err;

	(void)snprintf(text, sizeof(text), "%u", count);
	err = obj_info_set_meta(info, ATTR_NLINK, text);
	(void)snprintf(text, sizeof(text), "%lld", (long long)clock_wall_ns());
	return err ? err : obj_info_set_meta(info, ATTR_CTIME, text);
}

int links_describe(const struct fs *fs, const char *name, size_t len, const char *id,
		   struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_new(name, len);
	char hidden[LINKS_NAME_MAX];
	int err;

	if (!info)
		return -ENOMEM;
	links_hidden_name(id, hidden);
	obj_nuid_new(info->nuid);
	info->mtime_ns = clock_wall_ns();
	err = obj_info_set_link(info, fs->store->bucket, hidden);
	if (!err)
		err = obj_info_set_meta(info, ATTR_INODE, id);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

/* The hidden object for what is now stored as source. */
static int describe_hidden(struct fs *fs, struct node *n, const struct obj_info *source,
			   const char *id, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_dup(source);
	char name[LINKS_NAME_MAX];
	int err;

	if (!info)
		return -ENOMEM;
	links_hidden_name(id, name);
	err = fs_set_info_name(info, name, strlen(name));
	mutex_lock(&fs->tree.lock);
	if (!err)
		err = attr_to_info(n, info);
	mutex_unlock(&fs->tree.lock);
	if (!err)
		err = obj_info_set_meta(info, ATTR_FROM, NULL);
	if (!err)
		err = set_count(info, 1);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

/* The object at name, held, becomes a link to a new hidden object with its content. */
static int convert_held(struct fs *fs, struct node *n, const struct buf *name, const char *id)
{
	_cleanup_obj_info_ struct obj_info *source = NULL;
	_cleanup_obj_info_ struct obj_info *hidden = NULL;
	_cleanup_obj_info_ struct obj_info *link = NULL;
	int err = store_get_info(fs->store, name->data, name->len, &source);

	if (err)
		return err;
	if (source->is_deleted || links_id(fs, source)) {
		links_learn(fs, source);
		fs_apply_held(fs, source);
		return -EAGAIN;
	}
	err = describe_hidden(fs, n, source, id, &hidden);
	if (!err)
		err = links_describe(fs, name->data, name->len, id, &link);
	if (!err)
		err = store_put_info(fs->store, hidden, 0);
	if (err)
		return err;
	link->foreign_token = steal_ptr(source->foreign_token);
	err = store_put_info(fs->store, link, source->seq);
	if (err) {
		/* Not the content: it still belongs to the name, or to nobody here. Where the name
		 * may lead to the hidden object now, that has to stay. */
		if (store_is_certain(err))
			(void)!store_remove_info(fs->store, hidden);
		return err == -ESTALE ? -EAGAIN : err;
	}
	fs_apply_held(fs, hidden);
	fs_apply_held(fs, link);
	return 0;
}

/* One attempt; -EAGAIN: the name changed meanwhile. */
static int convert_once(struct fs *fs, struct node *n, char ret_id[OBJ_NUID_LEN + 1])
{
	struct buf name CLEANUP(buf_done) = {0};
	char hidden[LINKS_NAME_MAX];
	bool is_linked = false;
	int err;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	err = n->dentry ? 0 : n->is_superseded ? -ESTALE : -ENOENT;
	if (!err && n->x->link_id) {
		is_linked = true;
		strcpy(ret_id, n->x->link_id);
	} else if (!err) {
		fs_full_name(fs, n->dentry, &name);
	}
	mutex_unlock(&fs->tree.lock);
	if (err || is_linked)
		return err;
	obj_nuid_new(ret_id);
	links_hidden_name(ret_id, hidden);
	err = buf_error(&name);
	if (!err)
		err = namelock_take(&fs->names, name.data, name.len);
	if (err)
		return err;
	err = namelock_take(&fs->names, hidden, strlen(hidden));
	if (!err) {
		err = convert_held(fs, n, &name, ret_id);
		fs_release_name(fs, hidden, strlen(hidden));
	}
	fs_release_name(fs, name.data, name.len);
	return err;
}

int links_convert(struct fs *fs, struct node *n, char ret_id[OBJ_NUID_LEN + 1])
{
	int err = -EAGAIN;

	for (int i = 0; err == -EAGAIN && i < RETRIES; i++)
		err = convert_once(fs, n, ret_id);
	return err == -EAGAIN ? -EIO : err;
}

int links_get_hidden(struct fs *fs, const char *name, struct obj_info **ret)
{
	int err = store_get_info(fs->store, name, strlen(name), ret);

	if (!err && (*ret)->is_deleted) {
		fs_apply_held(fs, *ret);
		obj_info_free(steal_ptr(*ret));
		err = -ENOENT;
	}
	return err == -ENOENT ? -EAGAIN : err;
}

static int count_up_held(struct fs *fs, const char *hidden)
{
	int err = -ESTALE;

	for (int i = 0; err == -ESTALE && i < RETRIES; i++) {
		_cleanup_obj_info_ struct obj_info *info = NULL;
		uint32_t count;

		err = links_get_hidden(fs, hidden, &info);
		if (err)
			return err;
		if (obj_info_meta(info, ATTR_FOLD))
			return -EAGAIN;
		count = links_count(info);
		if (count >= LINKS_MAX)
			return -EMLINK;
		err = set_count(info, count + 1);
		if (!err)
			err = store_put_info(fs->store, info, info->seq);
		if (!err)
			fs_apply_held(fs, info);
	}
	return err == -ESTALE ? -EIO : err;
}

int links_count_up(struct fs *fs, const char *id)
{
	char hidden[LINKS_NAME_MAX];
	int err;

	links_hidden_name(id, hidden);
	err = namelock_take(&fs->names, hidden, strlen(hidden));
	if (err)
		return err;
	err = count_up_held(fs, hidden);
	fs_release_name(fs, hidden, strlen(hidden));
	return err;
}

int links_drop_hidden(struct fs *fs, struct obj_info *hidden)
{
	int err = store_remove_info(fs->store, hidden);

	if (err)
		return err;
	hidden->is_deleted = true;
	hidden->seq++;
	fs_apply_held(fs, hidden);
	return 0;
}

/* Nothing leads to the hidden object any more. */
static int delete_hidden(struct fs *fs, struct obj_info *info)
{
	int err = links_drop_hidden(fs, info);

	if (!err)
		fs_purge_later(fs, info->nuid, info->name, info->name_len);
	return err;
}

static int count_down_held(struct fs *fs, const char *hidden, uint32_t *ret_left)
{
	int err = -ESTALE;

	for (int i = 0; err == -ESTALE && i < RETRIES; i++) {
		_cleanup_obj_info_ struct obj_info *info = NULL;
		uint32_t count;

		err = links_get_hidden(fs, hidden, &info);
		if (err)
			return err == -EAGAIN ? 0 : err;
		count = links_count(info);
		*ret_left = count > 0 ? count - 1 : 0;
		if (*ret_left == 0) {
			err = delete_hidden(fs, info);
			continue;
		}
		err = set_count(info, *ret_left);
		if (!err)
			err = store_put_info(fs->store, info, info->seq);
		if (!err)
			fs_apply_held(fs, info);
	}
	return err;
}

void links_count_down(struct fs *fs, const char *id)
{
	char hidden[LINKS_NAME_MAX];
	uint32_t left = 0;
	int err;

	links_hidden_name(id, hidden);
	err = namelock_take(&fs->names, hidden, strlen(hidden));
	if (!err) {
		err = count_down_held(fs, hidden, &left);
		fs_release_name(fs, hidden, strlen(hidden));
	}
	if (err)
		log_warn("bucket %s: %s counts a name that is gone: %s", fs->store->bucket, hidden,
			 strerror(-err));
	else if (left == 1)
		links_fold_later(fs, id, FOLD_MS);
}
