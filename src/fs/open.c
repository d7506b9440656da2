/* SPDX-License-Identifier: Apache-2.0 */

/* Opening files and letting them go. */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/backing.h"
#include "fs/file.h"
#include "fs/history.h"
#include "fs/links.h"
#include "fs/procfd.h"
#include "fs/publish.h"
#include "fs/virtual.h"

/* Names that an object gets while it is asked for. */
#define MOVES_MAX 8

bool file_wants_write(int flags)
{
	return (flags & O_ACCMODE) != O_RDONLY || (flags & (O_TRUNC | O_CREAT));
}

/* Takes over the reference to f on success. File lock held. */
int file_new_handle(struct fs *fs, struct file *f, const struct fs_ctx *ctx, int flags,
		    struct fs_handle **ret)
{
	struct fs_handle *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->file = f;
	h->flags = flags;
	h->opener = file_wants_write(flags) ? procfd_tgid(ctx->pid) : 0;
	mutex_init(&h->lock, LOCK_RANK_LEAF);
	if (file_wants_write(flags))
		f->n_writers++;
	backing_begin(fs, h);
	*ret = h;
	return 0;
}

/* What an open says after the server's word that the name is gone was applied. During a listing the
 * tree keeps the name, so looking again would lead back here. */
static int after_gone(struct fs *fs, const struct node *n, bool is_patient)
{
	LOCK_SCOPE(&fs->tree.lock);
	return is_patient && n->dentry ? -ENOENT : -ESTALE;
}

bool fs_has_other_name(struct fs *fs, const struct node *n, const struct buf *name)
{
	struct buf now CLEANUP(buf_done) = {0};

	buf_init(&now, OBJ_META_MAX);
	LOCK_SCOPE(&fs->tree.lock);
	if (n->dentry)
		fs_content_name(fs, n, &now);
	return now.len > 0 && !buf_error(&now) && !buf_equal(&now, name);
}

/* As file_newest. -EAGAIN: the object has followed its directory to another name, or the content
 * has another one now that only one of several is left. */
static int ask_newest(struct fs *fs, struct file *f, bool is_patient, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_obj_info_ struct obj_info *copy = NULL;
	struct buf name CLEANUP(buf_done) = {0};
	struct node *n = f->node;
	bool is_same, is_gone, is_current;
	uint64_t seq;
	int err;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (n->dentry)
		fs_content_name(fs, n, &name);
	seq = n->seq;
	mutex_unlock(&fs->tree.lock);
	if (name.len == 0)
		return buf_error(&name) ? buf_error(&name) : -ESTALE;
	err = store_get_info(fs->store, name.data, name.len, &info);
	is_gone = err == -ENOENT || (!err && !fs_info_is_live(info));
	is_current = !is_gone || fs_catch_up(fs);
	/* The operation that took the object away may be this mount's, and not in the tree yet. */
	if (is_gone)
		fs_wait_released(fs, name.data, name.len);
	if (is_gone && fs_has_other_name(fs, n, &name))
		return -EAGAIN;
	if (!is_current && is_patient)
		return -ENOENT;
	if (err == -ENOENT) {
		fs_apply_absent(fs, name.data, name.len, seq);
		return after_gone(fs, n, is_patient);
	}
	if (err)
		return err;
	copy = obj_info_dup(info);
	if (!copy)
		return -ENOMEM;
	mutex_lock(&fs->tree.lock);
	is_same = fs_info_is_live(info) &&
		  (n->is_malformed ? n->seq == info->seq : node_nuid_same(n, info->nuid));
	mutex_unlock(&fs->tree.lock);
	links_learn(fs, info);
	fs_apply(fs, steal_ptr(copy));
	if (!is_same)
		fs_wait_released(fs, name.data, name.len);
	if (!is_same && fs_has_other_name(fs, n, &name))
		return -EAGAIN;
	if (!fs_info_is_live(info))
		return after_gone(fs, n, is_patient);
	if (!is_same)
		return -ESTALE;
	*ret = steal_ptr(info);
	return 0;
}

int file_newest(struct fs *fs, struct file *f, bool is_patient, struct obj_info **ret)
{
	int err = -EAGAIN;

	for (int i = 0; err == -EAGAIN && i < MOVES_MAX; i++)
		err = ask_newest(fs, f, is_patient, ret);
	return err == -EAGAIN ? -ESTALE : err;
}

/* What has the name now, for an append through a descriptor of an older version. */
static int newest_of_name(struct fs *fs, struct file *f, struct obj_info **ret)
{
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (f->node->dentry)
		fs_content_name(fs, f->node, &name);
	else
		buf_append_str(&name, f->name);
	mutex_unlock(&fs->tree.lock);
	err = name.len ? buf_error(&name) : -ESTALE;
	if (!err)
		err = store_get_info(fs->store, name.data, name.len, ret);
	return err == -ENOENT ? 0 : err;
}

int file_load_base(struct fs *fs, struct file *f, bool is_append)
{
	struct obj_info *info = NULL;
	bool is_nameless;
	int err;

	mutex_assert_held(&f->lock);
	mutex_lock(&fs->tree.lock);
	is_nameless = !f->node->dentry && !f->node->is_superseded;
	mutex_unlock(&fs->tree.lock);
	if (f->base || is_nameless)
		return 0;
	err = file_newest(fs, f, false, &info);
	if (err == -ESTALE && is_append)
		err = newest_of_name(fs, f, &info);
	if (err)
		return err;
	f->base = info;
	f->base_seq = info ? info->seq : 0;
	return 0;
}

/* With trust_watch what the watch has told is enough for a reader, as long as it tells; with
 * offline, when it cannot tell more. */
static bool may_trust(const struct fs *fs, int flags)
{
	bool is_connected = atomic_load(&fs->is_connected);

	return !file_wants_write(flags) && !atomic_load(&fs->is_gone) &&
	       (is_connected ? fs->cfg.trust_watch : fs->cfg.is_offline_allowed);
}

/* What open does beyond finding the file: the newest version, truncation. Who comes back takes any
 * version that was the newest a moment ago. File lock held. */
static int open_locked(struct fs *fs, struct file *f, int flags, enum reopen_try try)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	bool is_unsaved, is_nameless, is_left;
	int err = 0;

	mutex_lock(&fs->tree.lock);
	is_left = file_wants_write(flags) && backing_has_made_way(f->node);
	is_unsaved = f->node->is_dirty || f->state != FILE_CLEAN;
	is_nameless = !f->node->dentry && !f->node->is_superseded && !f->node->is_removed;
	mutex_unlock(&fs->tree.lock);
	/* By way of a descriptor, or of a name that is being removed by another thread: the second
	 * comes to something else when it tries again. */
	if (is_nameless && try == REOPEN_FIRST)
		return -ESTALE;
	if (f->state == FILE_FAILED && !(flags & O_TRUNC))
		return f->error;
	/* While this host has unsaved changes, its own opens see those. */
	if (!is_unsaved && !is_nameless && !may_trust(fs, flags))
		err = file_newest(fs, f, !file_wants_write(flags), &info);
	if (err == -ESTALE && try == REOPEN_BACK && !is_left)
		err = 0;
	if (!err && file_wants_write(flags))
		err = backing_make_way(fs, f);
	if (err)
		return err;
	if (info && file_wants_write(flags))
		file_set_base(f, steal_ptr(info));
	if (flags & O_TRUNC) {
		writer_start(f, true);
		file_drop_content(f);
		file_touch(fs, f, true);
	}
	return 0;
}

static void warm(struct fs *fs, struct file *f)
{
	_cleanup_content_ struct content *c = NULL;

	if (f->state == FILE_CLEAN && file_content(fs, f, &c) == 0)
		content_warm(c);
}

/* The name is another node's or nobody's; without a name a file can only be opened again by way of
 * a descriptor. */
static bool is_outdated(const struct node *n, bool is_back, bool is_writer)
{
	if (n->is_superseded)
		return !is_back;
	/* What is written to a file that has lost its name is lost. */
	if (is_back && !is_writer)
		return false;
	return n->is_removed || (!n->dentry && !n->dir && !n->x->file);
}

/* Whether the pages that the kernel holds are those an open shows: of the stored version, checked
 * as far as they can be, and not hidden by what is unsaved. */
static bool may_keep_cache(struct fs *fs, struct node *n, int flags)
{
	bool may_keep;

	LOCK_SCOPE(&fs->tree.lock);
	may_keep = !n->is_tail_unverified && !n->is_bad && !n->is_dirty && !(flags & O_TRUNC);
	n->is_tail_unverified = false;
	return may_keep;
}

/* The node to open, its open state referenced. *ret_ino: of the node, also on error; 0 when there
 * is none. */
static int find_file(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, int flags,
		     struct file **ret, enum reopen_try *ret_try, uint64_t *ret_ino)
{
	struct node *n;
	bool is_back;
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (!n)
		return -ESTALE;
	*ret_ino = n->ino;
	*ret_try = reopen_take(&fs->reopen, ctx->pid, n->ino, n->seq);
	is_back = *ret_try == REOPEN_BACK && !(file_wants_write(flags) && backing_has_made_way(n));
	err = is_outdated(n, is_back, file_wants_write(flags)) ? -ESTALE : n->dir ? -EISDIR : 0;
	if (!err && n->is_malformed && !(flags & O_TRUNC))
		err = -EIO;
	if (err)
		return err;
	*ret = file_get_locked(fs, n);
	return *ret ? 0 : -ENOMEM;
}

/* Who empties a file has no use for what is being stored of it. */
static void lock_to_open(struct file *f, int flags)
{
	if (flags & O_TRUNC)
		atomic_fetch_add(&f->n_impatient, 1);
	mutex_lock(&f->lock);
	if (flags & O_TRUNC)
		atomic_fetch_sub(&f->n_impatient, 1);
}

/* Takes over the reference to f. */
static int open_file(struct fs *fs, const struct fs_ctx *ctx, struct file *f, int flags,
		     enum reopen_try try, struct fs_handle **ret, bool *ret_keep_cache)
{
	int err;

	lock_to_open(f, flags);
	/* The first chunks are asked for while the metadata is. */
	if (!(flags & O_TRUNC) &&
	    ((flags & O_ACCMODE) != O_WRONLY || file_stored_size(fs, f) <= FILE_SMALL))
		warm(fs, f);
	err = open_locked(fs, f, flags, try);
	if (!err && (flags & O_TRUNC))
		fs_drop_privileges(fs, ctx, f->node);
	if (!err)
		err = file_new_handle(fs, f, ctx, flags, ret);
	/* With a backing file there must be no pages. */
	if (!err)
		*ret_keep_cache = may_keep_cache(fs, f->node, flags) && !(*ret)->backing_id;
	/* A commit may have given way to this call. */
	if (err && f->n_writers == 0)
		(void)!file_commit_last(fs, f);
	mutex_unlock(&f->lock);
	if (err)
		file_put(fs, f);
	return err;
}

static enum virtual_kind virtual_kind_of(struct fs *fs, uint64_t nodeid)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	return n ? n->virtual_kind : VIRTUAL_NONE;
}

int fs_open(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid, int flags,
	    struct fs_handle **ret, bool *ret_keep_cache)
{
	struct file *f = NULL;
	enum virtual_kind kind;
	enum reopen_try try = REOPEN_FIRST;
	uint64_t ino = 0;
	int err = file_wants_write(flags) ? fs_begin_change(fs, ctx) : 0;

	if (err)
		return err;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	kind = virtual_kind_of(fs, nodeid);
	if (kind == VIRTUAL_VERSION)
		return history_open(fs, nodeid, flags, ret);
	if (kind)
		return virtual_open(fs, kind, flags, ret);
	err = find_file(fs, ctx, nodeid, flags, &f, &try, &ino);
	if (!err)
		err = open_file(fs, ctx, f, flags, try, ret, ret_keep_cache);
	if (err == -ESTALE && try == REOPEN_FIRST) {
		LOCK_SCOPE(&fs->tree.lock);
		reopen_note(&fs->reopen, ctx->pid, ino);
	}
	return err;
}

/* Whoever waits to empty or unlink the file sees to what is unsaved then. */
static int close_last(struct fs *fs, struct file *f)
{
	int err = file_commit_at_close(fs, f);

	return err ? file_commit_last(fs, f) : 0;
}

/* Whether there is something to store, or content to give up, whose requests have to end. */
static bool release_would_wait(struct file *f)
{
	bool would_wait;

	if (!mutex_trylock(&f->lock))
		return true;
	would_wait = f->is_dirty || f->state != FILE_CLEAN || f->content;
	mutex_unlock(&f->lock);
	return would_wait;
}

int fs_release(struct fs *fs, const struct fs_ctx *ctx, struct fs_handle *h)
{
	struct file *f = h->file;
	int err = 0;

	if (h->text) {
		virtual_close(h);
		return 0;
	}
	if (!ctx->may_wait && release_would_wait(f))
		return -FS_WOULD_WAIT;
	if (file_wants_write(h->flags)) {
		mutex_lock(&f->lock);
		/* Stores through a mapping can come after the last flush. */
		if (--f->n_writers == 0)
			err = close_last(fs, f);
		mutex_unlock(&f->lock);
	}
	backing_end(fs, h);
	fs_lock_release(fs, ctx, h);
	mutex_done(&h->lock);
	free(h);
	file_put(fs, f);
	return err;
}
