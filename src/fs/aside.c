/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Content that must not replace what its name has: the loser of a conflict, and what a writer that
 * was killed had written so far. It is stored beside the file, under a name that says why, where
 * and when.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/journal.h"
#include "fs/links.h"
#include "fs/procfd.h"
#include "fs/publish.h"
#include "util/log.h"

#define NAMES_MAX 100

/* "NAME.conflict-HOST-TIME", the second in one second with "-2" behind. */
static int aside_name(const char *name, size_t len, const char *why, unsigned number,
		      struct buf *out)
{
	char host[65] = "", when[32];
	time_t now = time(NULL);
	struct tm tm;

	(void)gethostname(host, sizeof(host) - 1);
	(void)gmtime_r(&now, &tm);
	(void)strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
	buf_append(out, name, len);
	buf_printf(out, ".%s-%s-%s", why, host, when);
	if (number > 1)
		buf_printf(out, "-%u", number);
	return buf_error(out);
}

/* A file with several names is stored under a hidden one, beside which nobody would look. */
static void visible_name(struct fs *fs, const struct file *f, const struct obj_info *info,
			 struct buf *ret)
{
	const char *id = links_id_of_hidden(info->name, info->name_len);
	const struct node *n = f->node;

	LOCK_SCOPE(&fs->tree.lock);
	/* The names went to the version that took the place of this one. */
	if (id && !n->dentry)
		n = tree_find_link(&fs->tree, id);
	if (id && (!n || !n->dentry))
		n = tree_find_ino(&fs->tree, f->node->ino);
	if (id && n && n->dentry)
		fs_full_name(fs, n->dentry, ret);
	else
		buf_append(ret, info->name, info->name_len);
}

/* Stores info under the first name beside this one that is free. */
static int publish_beside(struct fs *fs, struct obj_info *info, const struct buf *name,
			  const char *why)
{
	int err = -EEXIST;

	for (unsigned i = 1; err == -EEXIST && i <= NAMES_MAX; i++) {
		struct buf aside CLEANUP(buf_done) = {0};

		buf_init(&aside, OBJ_META_MAX);
		err = aside_name(name->data, name->len, why, i, &aside);
		if (!err)
			err = obj_info_rename(info, aside.data, aside.len);
		if (!err)
			err = fs_publish_new(fs, info);
	}
	return err;
}

/* Stores info beside its name. The chunks belong to it from then on. */
static int store_beside(struct fs *fs, struct file *f, struct obj_info *info, const char *why)
{
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	buf_init(&name, OBJ_META_MAX);
	visible_name(fs, f, info, &name);
	err = buf_error(&name);
	if (!err)
		err = obj_info_set_meta(info, ATTR_NLINK, NULL);
	if (!err)
		err = publish_beside(fs, info, &name, why);
	if (!store_is_certain(err))
		store_put_close(steal_ptr(f->put), true);
	if (err)
		return err;
	fs_apply_held(fs, info);
	return 0;
}

int file_store_conflict(struct fs *fs, struct file *f, struct obj_info *info)
{
	_cleanup_free_ char *name = strdup(info->name);
	int err;

	mutex_assert_held(&f->lock);
	/* There is no writer to be told of what his mount left. */
	if (fs->cfg.conflict == FS_CONFLICT_FAIL && !journal_is_all(f)) {
		log_warn("bucket %s: %s was changed by somebody else meanwhile", fs->store->bucket,
			 info->name);
		return -ESTALE;
	}
	err = store_beside(fs, f, info, "conflict");
	if (err)
		return err;
	log_warn("bucket %s: %s was changed by somebody else meanwhile; stored as %s",
		 fs->store->bucket, name ? name : "", info->name);
	return -ESTALE;
}

bool file_is_kept_when_killed(struct fs *fs, struct file *f, const struct fs_ctx *ctx)
{
	bool is_replacing = f->is_rewrite && f->base && !f->base->is_deleted;

	mutex_assert_held(&f->lock);
	return is_replacing && !fs->cfg.is_committed_when_killed && ctx->is_dying &&
	       !procfd_is_written_by_any(atomic_load(&fs->dev), f->node->ino);
}

static int store_partial(struct fs *fs, struct file *f, const struct buf *name)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct put_result r;
	int err;

	if (f->size == 0)
		return 0;
	err = writer_finish(fs, f, &r);
	if (!err)
		err = file_describe(fs, f, name, &r, &info);
	if (!err)
		err = store_beside(fs, f, info, "partial");
	if (!err)
		log_warn("bucket %s: the writer of %s was killed; what it had written is %s",
			 fs->store->bucket, name->data, info->name);
	return err;
}

int file_keep_old(struct fs *fs, struct file *f)
{
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	mutex_assert_held(&f->lock);
	buf_init(&name, OBJ_META_MAX);
	err = file_take_name(fs, f, &name);
	if (err)
		return err;
	err = store_partial(fs, f, &name);
	if (err)
		log_error("bucket %s: the writer of %s was killed, and what it had written could "
			  "not be stored: %s",
			  fs->store->bucket, name.data, strerror(-err));
	file_show_stored(fs, f, &name);
	file_drop_content(f);
	fs_release_name(fs, name.data, name.len);
	return err;
}

/* In fs->restores when fs->later takes nothing any more. */
struct restore {
	struct list link;
	struct fs *fs;
	struct obj_info *info;
};

static void restore_run(void *arg, bool is_last)
{
	struct restore *r = arg;
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	(void)is_last;
	buf_init(&name, OBJ_META_MAX);
	buf_append(&name, r->info->name, r->info->name_len);
	err = buf_error(&name);
	if (!err)
		err = publish_beside(r->fs, r->info, &name, "conflict");
	if (err)
		log_error(
			"bucket %s: an older version of %s was brought back by another client, and "
			"ours could not be stored beside it: %s",
			r->fs->store->bucket, name.data, strerror(-err));
	else
		log_warn("bucket %s: an older version of %s was brought back by another client; "
			 "ours "
			 "is stored as %s",
			 r->fs->store->bucket, name.data, r->info->name);
	if (!err)
		fs_apply(r->fs, r->info);
	else
		obj_info_free(r->info);
	free(r);
}

void fs_restore_later(struct fs *fs, struct obj_info *info)
{
	struct restore *r = malloc(sizeof(*r));

	/* The hidden object of a file with several names has no place beside it. */
	if (!r || links_id_of_hidden(info->name, info->name_len)) {
		log_error("bucket %s: an older version of %s was brought back by another client",
			  fs->store->bucket, info->name);
		free(r);
		obj_info_free(info);
		return;
	}
	*r = (struct restore){.fs = fs, .info = info};
	if (later_run(&fs->later, 0, restore_run, r) == 0)
		return;
	LOCK_SCOPE(&fs->tree.lock);
	list_push_back(&fs->restores, &r->link);
}

static struct restore *next_restore(struct fs *fs)
{
	struct list *l;

	LOCK_SCOPE(&fs->tree.lock);
	l = list_pop_front(&fs->restores);
	return l ? list_entry(l, struct restore, link) : NULL;
}

void fs_restore_left(struct fs *fs)
{
	struct restore *r;

	while ((r = next_restore(fs)))
		restore_run(r, true);
}

void fs_restore_none(struct fs *fs)
{
	struct restore *r;

	while ((r = next_restore(fs))) {
		log_error("bucket %s: an older version of %s was brought back by another client, "
			  "and ours could not be stored beside it any more",
			  fs->store->bucket, r->info->name);
		obj_info_free(r->info);
		free(r);
	}
}

/* Whether the chunks are there and no name has them, as far as is known here. */
static int check_unnamed(struct fs *fs, const struct obj_info *info, bool *ret)
{
	struct store_get *get;
	int err;

	(void)fs_catch_up(fs);
	mutex_lock(&fs->tree.lock);
	*ret = !tree_find_nuid(&fs->tree, info->nuid, NULL);
	mutex_unlock(&fs->tree.lock);
	if (!*ret || info->chunks == 0)
		return 0;
	err = store_get_open(fs->store, info, &get);
	if (err)
		return err;
	err = store_get_index(get, true);
	store_get_close(get);
	*ret = err != -ESTALE;
	return err == -ESTALE ? 0 : err;
}

int fs_store_unnamed(struct fs *fs, const struct obj_info *info)
{
	_cleanup_obj_info_ struct obj_info *copy = NULL;
	struct buf name CLEANUP(buf_done) = {0};
	bool is_unnamed = false;
	int err = 0;

	/* A directory's marker says nothing that would be missed. */
	if (info->name[info->name_len - 1] != '/')
		err = check_unnamed(fs, info, &is_unnamed);
	if (err || !is_unnamed)
		return err;
	copy = obj_info_dup(info);
	buf_init(&name, OBJ_META_MAX);
	buf_append(&name, info->name, info->name_len);
	err = copy ? buf_error(&name) : -ENOMEM;
	/* It is neither a step of a rename nor of an exchange. */
	if (!err)
		err = obj_info_set_meta(copy, ATTR_FROM, NULL);
	if (!err)
		err = obj_info_set_meta(copy, ATTR_EXCHANGE, NULL);
	if (!err)
		err = fs_set_info_name(copy, info->name, info->name_len);
	if (!err)
		err = publish_beside(fs, copy, &name, "conflict");
	if (err)
		return err;
	log_warn("bucket %s: what %s had had no name any more; stored as %s", fs->store->bucket,
		 info->name, copy->name);
	fs_apply(fs, steal_ptr(copy));
	return 0;
}
