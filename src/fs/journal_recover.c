/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Finishing the journal of a mount that is gone. The file becomes what it was for that mount,
 * unsaved content over a base, and is committed like any other; until that is done whoever opens it
 * here waits for its lock. For the tree the new version is news, as if another mount had stored it:
 * the kernel has not seen its bytes.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/backing.h"
#include "fs/file.h"
#include "fs/journal_internal.h"
#include "fs/journal_record.h"
#include "fs/links.h"
#include "util/clock.h"
#include "util/log.h"

/* A mount is announced after so long, whatever is left to recover. */
#define ORPHANS_MS 20000

/* ---- which file ---- */

/* The node that shows the base, by whatever name. */
static struct node *find_base_locked(struct fs *fs, const char *nuid)
{
	struct node *n = NULL, *best = NULL;

	mutex_assert_held(&fs->tree.lock);
	/* Of two names, which are half a rename, the newer stays. */
	while ((n = tree_find_nuid(&fs->tree, nuid, n)))
		if (!n->dir && (!best || n->seq > best->seq))
			best = n;
	return best;
}

static struct node *find_name_locked(struct fs *fs, const char *name)
{
	const char *id = links_id_of_hidden(name, strlen(name));
	struct dentry *d;

	if (id)
		return tree_find_link(&fs->tree, id);
	d = fs_find_entry(fs, name, strlen(name));
	return d ? d->node : NULL;
}

/* What has the name, where no name has the base: 0 with *ret_is_void when the journal has become
 * void, -EAGAIN when the tree does not show it yet. */
static int ask_name(struct fs *fs, const struct journal *j, bool *ret_is_void)
{
	const char *of = journal_of(j->info);
	_cleanup_obj_info_ struct obj_info *now = NULL;
	const char *has;
	int err = store_get_info(fs->store, of, strlen(of), &now);

	*ret_is_void = true;
	if (err == -ENOENT || (!err && now->is_deleted)) {
		/* It may have another name that is none of this mount's. */
		return fs->prefix_len > 0 ? -EAGAIN : 0;
	}
	if (err)
		return err;
	has = obj_info_meta(now, ATTR_JOURNAL);
	if (has && strcmp(has, j->info->nuid) == 0)
		return 0;
	*ret_is_void = false;
	fs_apply(fs, steal_ptr(now));
	return 0;
}

/* *ret: the file, referenced; NULL: the journal is void. */
static int find_file(struct fs *fs, const struct journal *j, struct file **ret, bool *ret_is_base)
{
	struct node *n;
	bool is_void;
	int err;

	(void)fs_catch_up(fs);
	mutex_lock(&fs->tree.lock);
	n = find_base_locked(fs, j->base.nuid);
	*ret_is_base = n != NULL;
	*ret = n ? file_get_locked(fs, n) : NULL;
	mutex_unlock(&fs->tree.lock);
	if (n)
		return *ret ? 0 : -ENOMEM;
	err = ask_name(fs, j, &is_void);
	if (err || is_void)
		return err;
	LOCK_SCOPE(&fs->tree.lock);
	n = find_name_locked(fs, journal_of(j->info));
	if (!n || n->dir)
		return -EAGAIN;
	*ret = file_get_locked(fs, n);
	return *ret ? 0 : -ENOMEM;
}

/* ---- its content ---- */

/* What the change builds on: the version that the file has, or what the journal says of it. */
static int load_base(struct fs *fs, struct file *f, const struct journal *j, bool is_base)
{
	const char *of = journal_of(j->info);
	struct obj_info *info = NULL;
	int err = 0;

	if (is_base) {
		err = file_newest(fs, f, false, &info);
		/* It has just become another one. */
		if (!err && strcmp(info->nuid, j->base.nuid) != 0)
			err = -EAGAIN;
	} else {
		info = obj_info_new(of, strlen(of));
		err = info ? 0 : -ENOMEM;
		if (!err)
			put_result_describe(&j->base, info);
	}
	if (err) {
		obj_info_free(info);
		return err == -ESTALE ? -EAGAIN : err;
	}
	obj_info_free(f->base);
	f->base = info;
	f->base_seq = info->seq;
	return 0;
}

/* The base as far as it is there: a conflict's may be gone with its chunks. That of a version that
 * is there may not. */
static int open_base(struct fs *fs, const struct file *f, bool is_base, struct content **ret)
{
	int err = content_new(fs->store, &fs->cache, NULL, f->base, ret);

	if (!err && (*ret)->get)
		err = store_get_index((*ret)->get, true);
	if (err != -ESTALE || is_base)
		return err;
	content_unref(steal_ptr(*ret));
	log_error("bucket %s: %s was replaced, and its old content is gone: of what fsync stored "
		  "of it only the changes are left",
		  fs->store->bucket, f->base->name);
	return 0;
}

static int apply_segment(struct fs *fs, struct file *f, const struct put_result *r)
{
	_cleanup_content_ struct content *c = NULL;
	struct obj_info info = {0};
	int err;

	put_result_describe(r, &info);
	err = content_new(fs->store, &fs->cache, NULL, &info, &c);
	if (!err)
		err = journal_record_apply(c, f->draft, fs->cfg.max_file_size, &f->size);
	return err;
}

static int load_content(struct fs *fs, struct file *f, const struct journal *j, bool is_base)
{
	_cleanup_content_ struct content *c = NULL;
	int err = open_base(fs, f, is_base, &c);

	if (!err)
		err = draft_new(&fs->staging, c, j->base.size, &f->draft);
	if (err)
		return err;
	f->state = FILE_STAGED;
	f->size = j->base.size;
	f->node_size = file_stored_size(fs, f);
	f->is_rewrite = f->is_fresh = f->is_append_only = false;
	f->is_rebased = true;
	for (size_t i = 0; !err && i < j->n_segments; i++)
		err = apply_segment(fs, f, &j->segments[i]);
	if (err)
		log_error("bucket %s: %s cannot be read: %s", fs->store->bucket, j->info->name,
			  strerror(-err));
	return err;
}

/* The attributes that the file had at its last fsync. Tree lock held. */
static int load_attributes_locked(struct fs *fs, const struct file *f, const struct obj_info *info)
{
	struct xattrs xattrs = {0};
	struct attr attr;
	int err;

	attr_from_info(&fs->cfg, info, false, &attr);
	attr.size = f->size;
	err = attr_to_node(&attr, f->node);
	if (!err)
		err = xattrs_from_info(info, &xattrs);
	return err ? err : node_set_xattrs(f->node, &xattrs);
}

/* ---- all of it ---- */

static void detach(struct fs *fs, struct file *f)
{
	mutex_lock(&fs->tree.lock);
	journal_let_go(f);
	mutex_unlock(&fs->tree.lock);
	journal_unref(steal_ptr(f->journal));
}

/* In the place of the one that the file may have had. */
static void attach(struct fs *fs, struct file *f, struct journal *j)
{
	detach(fs, f);
	journal_attach(fs, f, journal_ref(j));
}

/* Nobody who has the file open here has to do with what became of it. */
static void clean_up(struct file *f)
{
	if (f->state != FILE_CLEAN)
		writer_reset(f);
	obj_info_free(steal_ptr(f->base));
	f->base_seq = 0;
}

static int commit(struct fs *fs, struct file *f, const struct journal *j, bool is_base)
{
	int err = 0;

	mutex_lock(&fs->tree.lock);
	f->is_dirty = f->node->is_dirty = true;
	if (is_base)
		err = load_attributes_locked(fs, f, j->info);
	mutex_unlock(&fs->tree.lock);
	if (err)
		file_give_up(fs, f, err);
	else
		err = file_commit(fs, f);
	/* Stored beside what has the name now. */
	return err == -ESTALE ? 0 : err;
}

static int recover_locked(struct fs *fs, struct file *f, struct journal *j, bool is_base)
{
	int err;

	mutex_assert_held(&f->lock);
	/* Unsaved changes of this host come first. Those whom the kernel gives what they read
	 * without asking would not see this one. */
	if (f->state != FILE_CLEAN || f->is_dirty || backing_is_used(fs, f))
		return -EAGAIN;
	err = load_base(fs, f, j, is_base);
	if (!err) {
		attach(fs, f, j);
		err = load_content(fs, f, j, is_base);
		if (!err)
			err = commit(fs, f, j, is_base);
		detach(fs, f);
	}
	clean_up(f);
	return err;
}

static int recover(struct fs *fs, struct journal *j)
{
	struct file *f = NULL;
	bool is_base;
	int err = find_file(fs, j, &f, &is_base);

	if (err)
		return err;
	if (!f) {
		LOCK_SCOPE(&j->lock);
		journal_remove(j);
		journal_set_active(j, false);
		return 0;
	}
	mutex_lock(&f->lock);
	err = recover_locked(fs, f, j, is_base);
	mutex_unlock(&f->lock);
	file_put(fs, f);
	return err;
}

int journal_finish(struct fs *fs, struct obj_info *info)
{
	struct journal *j = journal_new(fs);
	int err = -ENOMEM;

	if (!j)
		return err;
	j->info = obj_info_dup(info);
	err = j->info ? journal_read(j, info) : -ENOMEM;
	if (!err) {
		j->is_recovered = true;
		mutex_lock(&j->lock);
		journal_set_active(j, true);
		j->stored_ns = clock_now_ns();
		mutex_unlock(&j->lock);
		journal_renew(j);
		err = recover(fs, j);
		/* Whoever looks next goes on. */
		mutex_lock(&j->lock);
		journal_set_active(j, false);
		mutex_unlock(&j->lock);
	}
	journal_unref(j);
	return err;
}

/* ---- at the start of a mount ---- */

struct round {
	struct fs *fs;
	struct mutex lock;
	struct cond changed;
	unsigned refs;
	bool is_done;
};

static void round_end(struct round *r)
{
	bool is_last;

	mutex_lock(&r->lock);
	r->is_done = true;
	is_last = --r->refs == 0;
	cond_broadcast(&r->changed);
	mutex_unlock(&r->lock);
	if (!is_last)
		return;
	cond_done(&r->changed);
	mutex_done(&r->lock);
	free(r);
}

static void finish_orphan(struct fs *fs, const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;

	if (store_get_info(fs->store, name, strlen(name), &info) == 0 && !info->is_deleted &&
	    journal_is_orphan(info))
		(void)!intent_finish(fs, info);
}

static void finish_orphans(void *arg, bool is_last)
{
	struct round *r = arg;
	_cleanup_free_ char(*names)[INTENT_NAME_MAX] = NULL;
	size_t n = is_last ? 0 : intent_journals(r->fs, &names);

	for (size_t i = 0; i < n && fs_may_change(r->fs) == 0; i++)
		finish_orphan(r->fs, names[i]);
	round_end(r);
}

void journals_recover(struct fs *fs)
{
	uint64_t deadline_ns = clock_deadline_ms(ORPHANS_MS);
	struct round *r;

	if (fs_may_change(fs) < 0 || !intent_has_journals(fs))
		return;
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	r->fs = fs;
	r->refs = 2;
	mutex_init(&r->lock, LOCK_RANK_LEAF);
	cond_init(&r->changed);
	if (later_run(&fs->journals.commits, 0, finish_orphans, r) < 0)
		round_end(r);
	mutex_lock(&r->lock);
	while (!r->is_done && cond_wait_until(&r->changed, &r->lock, deadline_ns) != -ETIMEDOUT)
		;
	mutex_unlock(&r->lock);
	round_end(r);
}
