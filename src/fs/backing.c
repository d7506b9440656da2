/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/backing.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/disk_cache.h"
#include "fs/file.h"
#include "util/clock.h"
#include "util/log.h"

/* The kernel comes back to write within that time, if it does. */
#define WAY_NS (UINT64_C(2) * NS_PER_SEC)
/* For as long as attributes are changed between a question and its answer. */
#define TRIES 8

void fs_set_backing(struct fs *fs, const struct fs_backing *b)
{
	LOCK_SCOPE(&fs->tree.lock);
	fs->backing.kernel = *b;
}

/* Tree lock held. */
static bool is_on(const struct fs *fs)
{
	if (!fs->backing.kernel.open || !fs->disk || atomic_load(&fs->backing.is_refused))
		return false;
	/* Who gets a lock reads the newest version through the descriptor that he has. */
	if (fs->locks)
		return false;
	return fs->cfg.passthrough == FS_PASSTHROUGH_ON ||
	       (fs->cfg.passthrough == FS_PASSTHROUGH_AUTO && fs->cfg.is_read_only);
}

/* Whether somebody who was sent to n to write may not have come yet. */
static bool is_awaited(const struct fs *fs, const struct node *n)
{
	return n->gives_way && clock_now_ns() < fs->backing.last_way_ns + WAY_NS;
}

/* Whether h may be the first that gets one, as far as can be told without the disk. Tree and file
 * lock held. */
static bool is_fit(const struct fs *fs, const struct fs_handle *h)
{
	const struct file *f = h->file;
	const struct node *n = f->node;

	return is_on(fs) && !file_wants_write(h->flags) && !(h->flags & O_DIRECT) &&
	       f->n_paged == 0 && f->state == FILE_CLEAN && !n->is_dirty && !n->is_bad &&
	       !is_awaited(fs, n) && (fs->cfg.is_read_only || !n->x->link_id);
}

static void take_locked(struct fs *fs, struct fs_handle *h)
{
	h->backing_id = h->file->backing_id;
	h->file->n_backed++;
	fs->backing.n_opens++;
}

/* Whether the kernel can be given files at all does not change. */
static void note_refused(struct fs *fs, int err)
{
	if (err != -EPERM && err != -ELOOP && err != -EOPNOTSUPP && err != -EINVAL &&
	    err != -ENOTTY)
		return;
	if (!atomic_exchange(&fs->backing.is_refused, true))
		log_debug("passthrough is not used: %s", strerror(-err));
}

/* Has the kernel take the file of the content in the disk cache; 0: there is none. */
static int open_backing(struct fs *fs, struct file *f, const struct fs_backing *kernel)
{
	_cleanup_content_ struct content *c = NULL;
	int fd = -1, id = 0;

	if (file_content(fs, f, &c) == 0 && c->is_on_disk)
		fd = disk_get_whole_fd(c->get);
	if (fd >= 0)
		id = kernel->open(kernel->arg, fd);
	if (id < 0)
		note_refused(fs, id);
	return id > 0 ? id : 0;
}

void backing_begin(struct fs *fs, struct fs_handle *h)
{
	struct file *f = h->file;
	struct fs_backing kernel;
	bool may_open;
	int id = 0;

	mutex_assert_held(&f->lock);
	mutex_lock(&fs->tree.lock);
	if (f->n_backed > 0)
		take_locked(fs, h);
	may_open = !h->backing_id && is_fit(fs, h);
	kernel = fs->backing.kernel;
	mutex_unlock(&fs->tree.lock);
	if (h->backing_id)
		return;
	/* Other opens of the file wait for its lock. */
	if (may_open)
		id = open_backing(fs, f, &kernel);
	LOCK_SCOPE(&fs->tree.lock);
	if (id > 0) {
		f->backing_id = id;
		take_locked(fs, h);
	} else {
		f->n_paged++;
	}
}

void backing_end(struct fs *fs, struct fs_handle *h)
{
	struct file *f = h->file;
	struct fs_backing kernel;
	int id = 0;

	mutex_lock(&fs->tree.lock);
	if (!h->backing_id)
		f->n_paged--;
	else if (--f->n_backed == 0)
		id = h->backing_id;
	kernel = fs->backing.kernel;
	mutex_unlock(&fs->tree.lock);
	if (id > 0)
		kernel.close(kernel.arg, id);
}

bool backing_is_used(struct fs *fs, const struct file *f)
{
	LOCK_SCOPE(&fs->tree.lock);
	return f->n_backed > 0;
}

/* What newest describes takes the place of the node, whose name is held. -EAGAIN: that has become
 * another version meanwhile. */
static int renew(struct fs *fs, struct node *n, const struct obj_info *newest)
{
	struct node *ret;
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	if (!n->dentry)
		return -ESTALE;
	if (newest->is_malformed || n->x->link_id)
		return -ETXTBSY;
	if (newest->seq < n->seq)
		return -EAGAIN;
	err = fs_renew(fs, n->dentry, newest, &ret);
	if (err)
		return err;
	ret->gives_way = n->gives_way = true;
	fs->backing.last_way_ns = clock_now_ns();
	return -ESTALE;
}

static int try_to_make_way(struct fs *fs, struct file *f)
{
	_cleanup_obj_info_ struct obj_info *newest = NULL;
	struct buf name CLEANUP(buf_done) = {0};
	int err = file_newest(fs, f, false, &newest);

	if (err)
		return err;
	buf_init(&name, OBJ_META_MAX);
	err = fs_take_content_name(fs, f->node, &name);
	if (err)
		return err == -ENOENT ? -ESTALE : err;
	err = renew(fs, f->node, newest);
	fs_release_name(fs, name.data, name.len);
	return err;
}

int backing_make_way(struct fs *fs, struct file *f)
{
	bool has_name;
	int err = -EAGAIN;

	mutex_assert_held(&f->lock);
	if (!backing_is_used(fs, f))
		return 0;
	mutex_lock(&fs->tree.lock);
	has_name = f->node->dentry || f->node->is_superseded;
	mutex_unlock(&fs->tree.lock);
	if (!has_name)
		return -ETXTBSY;
	for (int i = 0; err == -EAGAIN && i < TRIES; i++)
		err = try_to_make_way(fs, f);
	return err == -EAGAIN ? -ESTALE : err;
}

void backing_stats(struct fs *fs, struct backing_stats *ret)
{
	LOCK_SCOPE(&fs->tree.lock);
	*ret = (struct backing_stats){.opens = fs->backing.n_opens, .is_on = is_on(fs)};
}

int fs_backing(const struct fs_handle *h, bool *ret_is_direct)
{
	*ret_is_direct = h->backing_id && (h->flags & O_DIRECT);
	return h->backing_id;
}
