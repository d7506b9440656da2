/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/fs.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/dir_rename.h"
#include "fs/expiry.h"
#include "fs/file.h"
#include "fs/halves.h"
#include "fs/history.h"
#include "fs/intent.h"
#include "fs/journal.h"
#include "fs/saved.h"
#include "fs/virtual.h"
#include "util/clock.h"
#include "util/log.h"

/* Seconds the kernel may believe what it was told: while the watch is connected it is told of every
 * change, so the time only bounds the harm of a fault. */
#define TIMEOUT_CONNECTED 600.0
#define TIMEOUT_DISCONNECTED 1.0

static void on_reload_begin(void *arg, bool is_other_history)
{
	early_note_listing(arg, is_other_history);
	fs_reload_begin(arg, is_other_history);
}

static void on_reload_size(void *arg, uint64_t n_names)
{
	fs_reload_size(arg, n_names);
}

static void on_reload_end(void *arg, uint64_t last_seq)
{
	fs_reload_end(arg, last_seq);
}

static void on_info(void *arg, struct obj_info *info)
{
	expiry_note_clock(arg, info);
	fs_apply(arg, info);
}

static void on_purged(void *arg, const char *name, size_t len, uint64_t below_seq)
{
	fs_note_purged(arg, name, len, below_seq);
}

static bool on_full(void *arg)
{
	return purges_hurry(arg);
}

static void on_state(void *arg, enum watch_state state)
{
	struct fs *fs = arg;

	atomic_store(&fs->is_connected, state == WATCH_CONNECTED);
	if (!atomic_exchange(&fs->is_gone, state == WATCH_GONE) && state == WATCH_GONE)
		log_error("bucket %s was deleted", fs->store->bucket);
}

static void on_max_age(void *arg, uint64_t max_age_ns)
{
	expiry_set_age(arg, max_age_ns);
}

static bool make_room(void *arg, uint64_t bytes)
{
	return disk_cache_make_room(arg, bytes);
}

/* A mount works without it. */
static void start_disk_cache(struct fs *fs, const struct fs_config *cfg)
{
	int err = 0;

	if (cfg->disk_cache_size > 0)
		err = disk_cache_new(cfg->cache_dir, cfg->disk_cache_size, cfg->disk_min_free,
				     &fs->disk);
	if (err)
		log_warn("disk cache in %s: %s: it is off", cfg->cache_dir, strerror(-err));
	if (fs->disk) {
		fs->staging.make_room = make_room;
		fs->staging.arg = fs->disk;
	}
}

static int init(struct fs *fs, struct store *store, const struct fs_config *cfg)
{
	int err;

	fs->store = store;
	fs->cfg = *cfg;
	fs->prefix = strdup(cfg->prefix ? cfg->prefix : "");
	fs->prefix_len = fs->prefix ? strlen(fs->prefix) : 0;
	fs->cfg.prefix = fs->prefix;
	if (store->max_object_size > 0 && store->max_object_size < cfg->max_file_size)
		fs->cfg.max_file_size = store->max_object_size;
	obj_nuid_new(fs->claim_id);
	list_init(&fs->files);
	list_init(&fs->intents);
	list_init(&fs->dir_moves);
	list_init(&fs->restores);
	mutex_init(&fs->dir_rename, LOCK_RANK_FILE);
	cond_init(&fs->dir_moved);
	halves_init(fs);
	history_init(fs);
	graves_init(&fs->graves);
	namelock_init(&fs->names);
	early_init(&fs->early);
	later_init(&fs->later);
	later_init(&fs->saver);
	later_init(&fs->mover);
	later_init(&fs->journals.renewals);
	later_init(&fs->journals.commits);
	purges_init(&fs->purges);
	chunk_cache_init(&fs->cache, cfg->memory);
	atomic_init(&fs->is_connected, true);
	err = staging_area_init(&fs->staging, cfg->cache_dir, cfg->staging_max,
				cfg->staging_memory);
	if (!err)
		err = tree_init(&fs->tree, cfg->ino_base);
	return err ? err : fs->prefix ? 0 : -ENOMEM;
}

/* A root that nobody has touched is as old as its bucket. */
static int64_t made_ns(struct store *store)
{
	struct store_status st;

	return store_status(store, &st) == 0 && st.created_ns > 0 ? st.created_ns : clock_wall_ns();
}

/* What is done with a tree that is complete. */
static int begin_upkeep(struct fs *fs)
{
	int err = saved_start(fs);

	if (!err)
		journals_recover(fs);
	return err;
}

static int start_watch(struct fs *fs, const struct watch_listener *l)
{
	struct watch_mark from;
	bool is_saved = saved_load(fs, &from);
	int err;

	if (!is_saved && from.seq == 0)
		return early_start(fs, l, begin_upkeep);
	err = store_watch_from(fs->store, l, &from);
	return err ? err : begin_upkeep(fs);
}

int fs_new(struct store *store, const struct fs_config *cfg, struct fs **ret)
{
	const struct watch_listener listener = {.on_reload_begin = on_reload_begin,
						.on_reload_size = on_reload_size,
						.on_reload_end = on_reload_end,
						.on_info = on_info,
						.on_full = on_full,
						.on_purged = on_purged,
						.on_state = on_state,
						.on_max_age = on_max_age};
	struct watch_listener l = listener;
	struct fs *fs = calloc(1, sizeof(*fs));
	struct attr root;
	int err;

	if (!fs)
		return -ENOMEM;
	err = init(fs, store, cfg);
	if (err)
		goto fail;
	attr_implied_dir(&fs->cfg, made_ns(store), &root);
	err = attr_to_node(&root, fs->tree.root);
	if (err)
		goto fail;
	fs->counts.since_ns = clock_now_ns();
	start_disk_cache(fs, cfg);
	err = virtual_init(fs);
	if (!err)
		err = later_start(&fs->later);
	if (!err)
		err = later_start(&fs->mover);
	if (!err)
		err = journals_start(fs);
	if (!err)
		err = purges_start(&fs->purges);
	if (err)
		goto fail;
	l.arg = fs;
	err = expiry_start(fs);
	if (err)
		goto fail;
	err = start_watch(fs, &l);
	if (err)
		goto fail;
	*ret = fs;
	return 0;
fail:
	fs_free(fs);
	return err;
}

void fs_set_listener(struct fs *fs, const struct fs_listener *l)
{
	LOCK_SCOPE(&fs->tree.lock);
	fs->listener = l ? *l : (struct fs_listener){0};
}

void fs_set_device(struct fs *fs, dev_t dev)
{
	atomic_store(&fs->dev, dev);
}

/* The next open file with something unsaved, referenced; NULL when there is none. Files that failed
 * are not dirty any more, so this ends. */
static struct file *next_dirty(struct fs *fs)
{
	LOCK_SCOPE(&fs->tree.lock);
	list_for_each (it, &fs->files) {
		struct file *f = list_entry(it, struct file, link);

		if (f->node->is_dirty &&
		    (f->node->dentry || f->node->is_superseded || f->node->is_removed)) {
			f->refs++;
			return f;
		}
	}
	return NULL;
}

void fs_stop_listing(struct fs *fs)
{
	if (fs)
		early_stop(fs);
}

void fs_drain(struct fs *fs, uint64_t timeout_ms)
{
	uint64_t deadline = clock_deadline_ms((int64_t)timeout_ms);
	bool is_doubtful;
	struct file *f;

	atomic_store(&fs->is_draining, true);
	early_stop(fs);
	while ((f = next_dirty(fs))) {
		mutex_lock(&f->lock);
		(void)!file_commit_last(fs, f);
		mutex_unlock(&f->lock);
		file_put(fs, f);
		if (clock_now_ns() >= deadline) {
			log_error("not all unsaved files could be stored in time");
			atomic_fetch_add(&fs->n_unstored, 1);
			break;
		}
	}
	journals_stop(fs);
	/* Second looks at names that may be gone. */
	is_doubtful = later_count(&fs->later) > 0 || later_count(&fs->mover) > 0;
	dir_rename_drain(fs, deadline);
	if (clock_now_ns() < deadline)
		later_stop(&fs->later);
	purges_finish(fs, deadline);
	later_stop(&fs->saver);
	/* One that was not listed in full is of no use. */
	if (!early_is_on(&fs->early))
		saved_store(fs, is_doubtful);
}

int fs_unstored(struct fs *fs)
{
	return atomic_load(&fs->n_unstored);
}

void fs_free(struct fs *fs)
{
	if (!fs)
		return;
	atomic_store(&fs->is_closing, true);
	later_stop(&fs->mover);
	journals_stop(fs);
	later_stop(&fs->later);
	purges_stop(&fs->purges);
	later_stop(&fs->saver);
	fs_restore_none(fs);
	later_done(&fs->later);
	later_done(&fs->journals.renewals);
	later_done(&fs->journals.commits);
	later_done(&fs->saver);
	later_done(&fs->mover);
	purges_done(&fs->purges);
	history_done(fs);
	virtual_done(fs);
	halves_done(fs);
	intents_done(fs);
	mutex_done(&fs->dir_rename);
	mutex_lock(&fs->tree.lock);
	dir_follow_forget_all(fs);
	mutex_unlock(&fs->tree.lock);
	cond_done(&fs->dir_moved);
	tree_done(&fs->tree);
	graves_done(&fs->graves);
	chunk_cache_done(&fs->cache);
	disk_cache_free(fs->disk);
	staging_area_done(&fs->staging);
	namelock_done(&fs->names);
	early_done(&fs->early);
	free(fs->prefix);
	free(fs);
}

bool fs_is_forgotten(struct fs *fs)
{
	LOCK_SCOPE(&fs->tree.lock);
	return fs->tree.ids.count == 1 && list_is_empty(&fs->files);
}

bool fs_is_empty(struct fs *fs)
{
	LOCK_SCOPE(&fs->tree.lock);
	return fs->tree.root->dir->n_children == 0;
}

int fs_hold(struct fs *fs, uint64_t nodeid)
{
	struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (!n)
		return -ESTALE;
	return tree_ref_lookup(&fs->tree, n) ? 0 : -ENOMEM;
}

int fs_entry_name(struct fs *fs, uint64_t nodeid, char **ret)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (n && (n->virtual_kind || !n->dir))
		return -ENOTDIR;
	if (!n || !n->dentry || n->dentry->parent != fs->tree.root)
		return -ESTALE;
	*ret = strdup(n->dentry->name);
	return *ret ? 0 : -ENOMEM;
}

struct node *fs_pin(struct fs *fs, uint64_t nodeid)
{
	struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (n)
		tree_pin(n);
	return n;
}

void fs_unpin(struct fs *fs, struct node *n)
{
	if (!n)
		return;
	LOCK_SCOPE(&fs->tree.lock);
	tree_unpin(&fs->tree, n);
}

double fs_timeout(const struct fs *fs)
{
	if (early_is_on(&fs->early))
		return 0;
	return atomic_load(&fs->is_connected) ? TIMEOUT_CONNECTED : TIMEOUT_DISCONNECTED;
}

int fs_make_entry(struct fs *fs, struct node *n, struct fs_entry *ret)
{
	*ret = (struct fs_entry){.entry_timeout = fs_timeout(fs), .attr_timeout = fs_timeout(fs)};
	ret->nodeid = tree_ref_lookup(&fs->tree, n);
	if (!ret->nodeid)
		return -ENOMEM;
	fs_stat(fs, n, &ret->st);
	return 0;
}

void fs_stat(const struct fs *fs, const struct node *n, struct stat *ret)
{
	attr_stat(n, ret);
	/* That of a directory says how many are in it; 1 is for those who do not know. */
	if (n->dir && early_is_on(&fs->early))
		ret->st_nlink = 1;
}

int fs_may_change(const struct fs *fs)
{
	if (fs->cfg.is_read_only || atomic_load(&fs->store->why_read_only))
		return -EROFS;
	if (atomic_load(&fs->is_gone))
		return -ENODEV;
	return atomic_load(&fs->is_draining) ? -ESHUTDOWN : 0;
}

int fs_begin_change(struct fs *fs, const struct fs_ctx *ctx)
{
	int err = fs_may_change(fs);

	return err ? err : early_wait(fs, ctx);
}

void fs_inval_inode(struct fs *fs, const struct node *n, int64_t off, int64_t len)
{
	mutex_assert_held(&fs->tree.lock);
	if (n->id && fs->listener.inval_inode)
		fs->listener.inval_inode(fs->listener.arg, n->id, off, len);
}

void fs_inval_entry(struct fs *fs, const struct node *dir, const char *name)
{
	mutex_assert_held(&fs->tree.lock);
	if (dir == fs->told_dir && strcmp(name, fs->told_name) == 0)
		return;
	/* It believes none. */
	if (early_is_on(&fs->early))
		return;
	if (dir->id && fs->listener.inval_entry)
		fs->listener.inval_entry(fs->listener.arg, dir->id, name, strlen(name));
}

#define BLOCK 4096
/* Shown where nothing limits a bucket: nobody knows how much the server's disks hold. */
#define ROOM_MAX (UINT64_C(1) << 50)

int fs_statfs(struct fs *fs, const struct fs_ctx *ctx, struct statvfs *ret)
{
	struct store_status st;
	uint64_t free_bytes;
	int err;

	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	err = store_status(fs->store, &st);
	if (err)
		return err;
	free_bytes = st.free_bytes < ROOM_MAX ? st.free_bytes : ROOM_MAX;
	/* Both sizes are the same for programs that take one for the other. */
	*ret = (struct statvfs){.f_bsize = BLOCK,
				.f_frsize = BLOCK,
				.f_blocks = st.bytes / BLOCK + free_bytes / BLOCK,
				.f_bfree = free_bytes / BLOCK,
				.f_bavail = free_bytes / BLOCK,
				.f_ffree = 1000000000,
				.f_favail = 1000000000,
				.f_namemax = 255};
	LOCK_SCOPE(&fs->tree.lock);
	ret->f_files = ret->f_ffree + fs->tree.n_nodes - fs->n_virtual;
	return 0;
}
