/* SPDX-License-Identifier: Apache-2.0 */

/*
 * One name of a file is left: its content goes back to it. The hidden object is marked first, which
 * keeps others from counting up; then the name becomes an ordinary object; then the hidden object
 * goes. Any mount may do this, or go on where another one stopped.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/links.h"
#include "fs/publish.h"
#include "util/log.h"
#include "util/parse.h"

/* A file whose content the hidden object has too, because whoever was about to lead its name there,
 * or had given it back, has crashed. */
static const struct node *plain_owner(struct fs *fs, const struct node *hidden)
{
	char nuid[OBJ_NUID_MAX + 1];
	const struct node *n;

	node_nuid(hidden, nuid);
	n = tree_find_nuid(&fs->tree, nuid, NULL);
	return n && !n->x->link_id ? n : NULL;
}

/* The last name of a file that nobody is writing; an empty buffer when there is none. */
static int last_name(struct fs *fs, const char *id, struct buf *ret)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_find_link(&fs->tree, id);
	if (n && !n->dentry)
		n = plain_owner(fs, n);
	/* A mount of a part of the bucket does not know all names. */
	if (n && node_has_one_name(n) && !n->is_dirty && fs->prefix_len == 0)
		fs_full_name(fs, n->dentry, ret);
	return buf_error(ret);
}

static int64_t ctime_of(const struct obj_info *info)
{
	const char *text = obj_info_meta(info, ATTR_CTIME);
	uint64_t ns;

	return text && parse_u64(text, 10, 0, INT64_MAX, &ns) == 0 ? (int64_t)ns : INT64_MIN;
}

/* Renames are noted at the name. */
static int take_ctime(const struct obj_info *name, struct obj_info *info)
{
	if (ctime_of(name) <= ctime_of(info))
		return 0;
	return obj_info_set_meta(info, ATTR_CTIME, obj_info_meta(name, ATTR_CTIME));
}

/* What the name holds once it is an ordinary object again. */
static int describe_folded(const struct obj_info *hidden, const struct obj_info *name,
			   struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = obj_info_dup(hidden);
	int err;

	if (!info)
		return -ENOMEM;
	err = fs_set_info_name(info, name->name, name->name_len);
	if (!err)
		err = obj_info_set_token(info, name->foreign_token);
	if (!err)
		err = obj_info_set_meta(info, ATTR_NLINK, NULL);
	if (!err)
		err = obj_info_set_meta(info, ATTR_FOLD, NULL);
	if (!err)
		err = take_ctime(name, info);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

/* The mark keeps others from counting up while the content is on its way. */
static int mark_fold(struct fs *fs, struct obj_info *hidden, const struct buf *name)
{
	int err;

	if (obj_info_meta(hidden, ATTR_FOLD))
		return 0;
	err = obj_info_set_meta(hidden, ATTR_FOLD, name->data);
	if (!err)
		err = store_put_info(fs->store, hidden, hidden->seq);
	if (!err)
		fs_apply_held(fs, hidden);
	return err;
}

/* The name has the content itself. If nobody said that it was to go back there, somebody may yet be
 * about to lead the name to the hidden object: a new version of it is in his way. */
static int drop_second(struct fs *fs, struct obj_info *now, struct obj_info *hidden)
{
	int err = obj_info_meta(hidden, ATTR_FOLD) ? 0 : store_put_info(fs->store, now, now->seq);

	if (err)
		return err;
	fs_apply_held(fs, now);
	return links_drop_hidden(fs, hidden);
}

/* Somebody else has folded the file, which the watch has yet to tell. */
static int learn_name(struct fs *fs, const struct buf *name)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;
	int err = store_get_info(fs->store, name->data, name->len, &now);

	if (!err && !now->is_deleted)
		fs_apply_held(fs, now);
	return err == -ENOENT ? 0 : err;
}

/* Both names are held. Any mount may do this, or go on where another one stopped. */
static int fold_held(struct fs *fs, const struct buf *name, const char *id, const char *hidden_name)
{
	_cleanup_obj_info_ struct obj_info *hidden = NULL;
	_cleanup_obj_info_ struct obj_info *now = NULL;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	const char *now_id;
	int err = links_get_hidden(fs, hidden_name, &hidden);

	if (err)
		return err == -EAGAIN ? learn_name(fs, name) : err;
	if (links_count(hidden) != 1)
		return 0;
	err = store_get_info(fs->store, name->data, name->len, &now);
	if (err)
		return err;
	now_id = links_id(fs, now);
	if (!now->is_deleted && !now_id && strcmp(now->nuid, hidden->nuid) == 0)
		return drop_second(fs, now, hidden);
	if (now->is_deleted || !now_id || strcmp(now_id, id) != 0)
		return 0;
	err = mark_fold(fs, hidden, name);
	if (!err)
		err = describe_folded(hidden, now, &info);
	if (!err)
		err = store_put_info(fs->store, info, now->seq);
	if (err)
		return err;
	fs_apply_held(fs, info);
	return links_drop_hidden(fs, hidden);
}

/* No name leads to the hidden object any more, and its content has gone back: whoever did that has
 * crashed before he could remove it, or the name has been changed since. */
static int drop_folded(struct fs *fs, const char *hidden_name)
{
	_cleanup_obj_info_ struct obj_info *hidden = NULL;
	int err = links_get_hidden(fs, hidden_name, &hidden);

	if (err)
		return err == -EAGAIN ? 0 : err;
	if (links_count(hidden) != 1 || !obj_info_meta(hidden, ATTR_FOLD))
		return 0;
	err = links_drop_hidden(fs, hidden);
	/* Stays while an object has it. */
	if (!err)
		fs_purge_later(fs, hidden->nuid, hidden->name, hidden->name_len);
	return err;
}

/* Whether the tree, which has all of the bucket, has no name for a hidden object that it has. */
static bool has_no_name(struct fs *fs, const char *id)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_find_link(&fs->tree, id);
	return n && !n->dentry && !n->x->file && fs->prefix_len == 0 && !fs->is_listing &&
	       atomic_load(&fs->is_connected);
}

static int fold_named(struct fs *fs, const struct buf *name, const char *id, const char *hidden)
{
	int err = namelock_take(&fs->names, name->data, name->len);

	if (err)
		return err;
	err = namelock_take(&fs->names, hidden, strlen(hidden));
	if (!err) {
		err = fold_held(fs, name, id, hidden);
		fs_release_name(fs, hidden, strlen(hidden));
	}
	fs_release_name(fs, name->data, name->len);
	return err;
}

static int fold_nameless(struct fs *fs, const char *hidden)
{
	int err = namelock_take(&fs->names, hidden, strlen(hidden));

	if (err)
		return err;
	err = drop_folded(fs, hidden);
	fs_release_name(fs, hidden, strlen(hidden));
	return err;
}

void links_fold(struct fs *fs, const char *id)
{
	struct buf name CLEANUP(buf_done) = {0};
	char hidden[LINKS_NAME_MAX];
	int err;

	buf_init(&name, OBJ_META_MAX);
	links_hidden_name(id, hidden);
	err = last_name(fs, id, &name);
	if (err || fs_may_change(fs) < 0)
		return;
	if (name.len > 0)
		err = fold_named(fs, &name, id, hidden);
	else if (has_no_name(fs, id))
		err = fold_nameless(fs, hidden);
	/* A change by somebody else brings an event, and with it the next attempt. */
	if (err && err != -ESTALE)
		log_debug("%s stays a hidden object: %s", hidden, strerror(-err));
}

struct fold {
	struct fs *fs;
	char id[OBJ_NUID_LEN + 1];
};

static void fold_run(void *arg, bool is_last)
{
	struct fold *f = arg;

	/* At the end of the mount the next one sees a single name and does it. */
	if (!is_last)
		links_fold(f->fs, f->id);
	free(f);
}

void links_fold_later(struct fs *fs, const char *id, uint64_t delay_ms)
{
	struct fold *f = calloc(1, sizeof(*f));

	if (!f)
		return;
	f->fs = fs;
	strcpy(f->id, id);
	if (later_run(&fs->later, delay_ms, fold_run, f) < 0)
		free(f);
}
