/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/journal.h"
#include "util/clock.h"

struct file *file_get_locked(struct fs *fs, struct node *n)
{
	struct file *f = n->x->file;
	struct buf name CLEANUP(buf_done) = {0};
	struct node_extra *x;
	const struct node *shown;

	mutex_assert_held(&fs->tree.lock);
	if (f) {
		f->refs++;
		return f;
	}
	x = node_extra(n);
	f = x ? calloc(1, sizeof(*f)) : NULL;
	if (!f)
		return NULL;
	buf_init(&name, OBJ_META_MAX);
	/* The name of a version that was replaced is that of the one in its place. */
	shown = n->is_superseded ? tree_find_ino(&fs->tree, n->ino) : n;
	if (shown)
		fs_content_name(fs, shown, &name);
	f->name = buf_steal(&name);
	if (!f->name)
		f->name = strdup("");
	if (!f->name) {
		free(f);
		return NULL;
	}
	mutex_init(&f->lock, LOCK_RANK_FILE);
	f->refs = 1;
	f->node = n;
	x->file = f;
	tree_pin(n);
	list_push_back(&fs->files, &f->link);
	return f;
}

struct file *file_find(struct fs *fs, struct node *n)
{
	LOCK_SCOPE(&fs->tree.lock);
	if (n->x->file)
		n->x->file->refs++;
	return n->x->file;
}

void file_drop_content(struct file *f)
{
	content_unref(steal_ptr(f->content));
}

/* What was learnt about the content outlives the open file. */
static void note_quality_locked(struct fs *fs, struct node *n, struct content *c)
{
	mutex_assert_held(&fs->tree.lock);
	if (atomic_load(&c->is_tail_unchecked))
		n->is_tail_unverified = true;
	if (!atomic_load(&c->is_bad) || n->is_bad)
		return;
	n->is_bad = true;
	fs_inval_inode(fs, n, 0, 0);
}

int file_read_error(struct fs *fs, struct file *f, struct content *c, int err)
{
	LOCK_SCOPE(&fs->tree.lock);
	note_quality_locked(fs, f->node, c);
	return err == -ESTALE && f->node->dentry ? -EIO : err;
}

void file_put(struct fs *fs, struct file *f)
{
	if (!f)
		return;
	mutex_lock(&fs->tree.lock);
	if (--f->refs > 0) {
		mutex_unlock(&fs->tree.lock);
		return;
	}
	list_remove(&f->link);
	journal_let_go(f);
	node_forget_file(f->node);
	f->node->is_dirty = false;
	if (f->content)
		note_quality_locked(fs, f->node, f->content);
	tree_unpin(&fs->tree, f->node);
	mutex_unlock(&fs->tree.lock);
	file_drop_content(f);
	journal_close(f);
	writer_reset(f);
	obj_info_free(f->base);
	free(f->name);
	mutex_done(&f->lock);
	free(f);
}

int file_lock(struct file *f, const struct fs_ctx *ctx)
{
	if (ctx->may_wait)
		mutex_lock(&f->lock);
	else if (!mutex_trylock(&f->lock))
		return -FS_WOULD_WAIT;
	return 0;
}

uint64_t file_stored_size(struct fs *fs, struct file *f)
{
	LOCK_SCOPE(&fs->tree.lock);
	return f->node->size;
}

/* The node's content as metadata tell of it; -EIO when nothing can be read. */
static int describe_content(struct fs *fs, const struct node *n, struct obj_info *info)
{
	LOCK_SCOPE(&fs->tree.lock);
	if (n->is_malformed || n->is_bad || (n->size > 0 && !node_has_nuid(n)))
		return -EIO;
	node_nuid(n, info->nuid);
	info->size = n->size;
	info->chunks = n->chunks;
	info->max_chunk_size = n->max_chunk_size;
	info->has_digest = n->has_digest;
	memcpy(info->digest, n->digest, sizeof(info->digest));
	return 0;
}

int file_content(struct fs *fs, struct file *f, struct content **ret)
{
	struct obj_info info = {0};
	int err;

	mutex_assert_held(&f->lock);
	err = describe_content(fs, f->node, &info);
	if (!err && !f->content)
		err = content_new(fs->store, &fs->cache, fs->disk, &info, &f->content);
	if (err)
		return err;
	*ret = content_ref(f->content);
	return 0;
}

void file_set_base(struct file *f, struct obj_info *info)
{
	obj_info_free(f->base);
	f->base_seq = info->seq;
	f->base = info->is_malformed ? NULL : info;
	if (info->is_malformed)
		obj_info_free(info);
}

void file_touch(struct fs *fs, struct file *f, bool is_content)
{
	struct node *n = f->node;
	int64_t now = clock_wall_ns();

	mutex_assert_held(&f->lock);
	LOCK_SCOPE(&fs->tree.lock);
	n->size = f->size;
	if (is_content) {
		n->mtime_ns = now;
		n->is_mtime_set = false;
	}
	n->ctime_ns = now;
	n->is_dirty = true;
	f->is_dirty = true;
}

int file_commit_of(struct fs *fs, struct node *n)
{
	struct file *f = file_find(fs, n);
	int err;

	if (!f)
		return 0;
	mutex_lock(&f->lock);
	err = file_commit(fs, f);
	mutex_unlock(&f->lock);
	file_put(fs, f);
	return err;
}
