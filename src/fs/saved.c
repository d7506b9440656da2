/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/saved.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "fs/cache_dir.h"
#include "fs/internal.h"
#include "fs/saved_code.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/io.h"
#include "util/log.h"

#define MAGIC UINT64_C(0x6565727453544e01) /* differs in the other byte order */
/* Removals may be forgotten by then. */
#define AGE_MAX_NS (7 * 24 * 3600 * NS_PER_SEC)
/* Files that no mount has written for so long go. */
#define KEEP_S (30 * 24 * 3600)
#define FIRST_MS (60 * 1000)
#define EVERY_MS (15 * 60 * 1000)
/* Entries for which the tree is locked at a time. */
#define BATCH 4096
/* More than any batch needs. */
#define BATCH_BYTES ((size_t)1 << 30)
#define PATH_LEN 64

/* Begins the file; zeroed where it has room. */
struct header {
	uint64_t magic;
	uint32_t format;
	uint32_t uid, gid, fmode, dmode; /* what objects without attributes got */
	uint32_t is_among_buckets;
	uint64_t ino_base;
	int64_t saved_ns;
	struct watch_mark mark;
	uint64_t n_nodes;
	uint64_t len, sum;   /* of the records */
	uint64_t header_sum; /* of all before it */
};

static void fill_header(const struct fs *fs, struct header *h)
{
	memset(h, 0, sizeof(*h));
	h->magic = MAGIC;
	h->format = SAVED_FORMAT;
	h->uid = fs->cfg.uid;
	h->gid = fs->cfg.gid;
	h->fmode = fs->cfg.fmode;
	h->dmode = fs->cfg.dmode;
	h->is_among_buckets = fs->cfg.is_among_buckets;
	h->ino_base = fs->cfg.ino_base;
}

static uint64_t header_sum(const struct header *h)
{
	return hash_sum(1, h, offsetof(struct header, header_sum));
}

static bool is_enabled(const struct fs *fs)
{
	return fs->cfg.cache_dir && fs->cfg.saved_min > 0;
}

/* The directory, made when it is missing; nobody else may write there. */
static int open_dir(const struct fs *fs)
{
	mode_t mode;
	_cleanup_close_ int fd = cache_dir_open(fs->cfg.cache_dir, "tree", &mode);

	return fd >= 0 && (mode & 022) ? -EPERM : steal_fd(&fd);
}

/* Bucket, its creation and the prefix make the file's name. */
static void file_name(const struct fs *fs, int64_t created_ns, char ret[PATH_LEN])
{
	uint64_t sums[3] = {hash_bytes_stable(fs->store->bucket, strlen(fs->store->bucket)),
			    hash_bytes_stable(fs->prefix, fs->prefix_len), (uint64_t)created_ns};

	(void)snprintf(ret, PATH_LEN, "%016" PRIx64 "%016" PRIx64, sums[0],
		       hash_bytes_stable(sums, sizeof(sums)));
}

/* ---- reading ---- */

struct mapped {
	const uint8_t *data;
	size_t len;
};

static void mapped_done(struct mapped *m)
{
	if (m->data)
		(void)munmap((void *)(uintptr_t)m->data, m->len);
}

static int map_file(int dir, const char *name, struct mapped *ret)
{
	_cleanup_close_ int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;
	void *data;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077) ||
	    (size_t)st.st_size < sizeof(struct header))
		return -EPERM;
	data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, fd, 0);
	if (data == MAP_FAILED)
		return -errno;
	*ret = (struct mapped){data, (size_t)st.st_size};
	return 0;
}

/* NULL when it may be taken, else why not. */
static const char *what_is_wrong(const struct fs *fs, const struct mapped *m, struct header *h)
{
	struct header want;
	int64_t age_ns;

	fill_header(fs, &want);
	memcpy(h, m->data, sizeof(*h));
	if (h->magic != want.magic || h->format != want.format)
		return "it is of another version";
	if (h->header_sum != header_sum(h) || h->len != m->len - sizeof(*h) ||
	    h->sum != hash_sum(0, m->data + sizeof(*h), h->len))
		return "it is damaged";
	if (h->uid != want.uid || h->gid != want.gid || h->fmode != want.fmode ||
	    h->dmode != want.dmode || h->ino_base != want.ino_base ||
	    h->is_among_buckets != want.is_among_buckets)
		return "it was made with other options";
	age_ns = clock_wall_ns() - h->saved_ns;
	return age_ns < 0 || age_ns > AGE_MAX_NS ? "it is too old" : NULL;
}

static bool take(struct fs *fs, const struct mapped *m, const struct header *h,
		 struct watch_mark *ret)
{
	int err;

	LOCK_SCOPE(&fs->tree.lock);
	tree_reserve(&fs->tree, h->n_nodes < h->len ? h->n_nodes : h->len);
	err = saved_read(&fs->tree, m->data + sizeof(*h), h->len);
	*ret = h->mark;
	if (err) {
		/* What is in the tree now goes with a listing of another history. */
		log_warn("the saved tree cannot be read: %s", strerror(-err));
		*ret = (struct watch_mark){.seq = UINT64_MAX};
		return false;
	}
	fs->saved_mark = h->mark;
	fs->counts.last_seq = h->mark.seq;
	return true;
}

bool saved_load(struct fs *fs, struct watch_mark *ret)
{
	struct mapped m CLEANUP(mapped_done) = {0};
	_cleanup_close_ int dir = -1;
	struct store_status st;
	char name[PATH_LEN];
	struct header h;
	const char *why;

	*ret = (struct watch_mark){0};
	if (!is_enabled(fs) || store_status(fs->store, &st) < 0)
		return false;
	dir = open_dir(fs);
	file_name(fs, st.created_ns, name);
	if (dir < 0 || map_file(dir, name, &m) < 0)
		return false;
	why = what_is_wrong(fs, &m, &h);
	if (why) {
		log_info("the saved tree is not used: %s", why);
		return false;
	}
	return take(fs, &m, &h, ret);
}

/* ---- writing ---- */

/* A directory being saved: its entries with a cookie above at and below end. What is added
 * meanwhile is newer than the mark. */
struct level {
	struct node *dir; /* pinned */
	uint64_t at, end;
};

struct walk {
	struct fs *fs;
	struct level *levels;
	size_t n, cap;
	bool is_impossible;
};

static void push(struct walk *w, struct node *dir)
{
	if (w->n == w->cap) {
		size_t cap = w->cap ? w->cap * 2 : 16;
		struct level *levels = reallocarray(w->levels, cap, sizeof(*levels));

		if (!levels) {
			w->is_impossible = true;
			return;
		}
		w->levels = levels;
		w->cap = cap;
	}
	tree_pin(dir);
	w->levels[w->n++] = (struct level){dir, 0, dir->dir->next_cookie};
}

static void pop(struct walk *w)
{
	w->n--;
	tree_unpin(&w->fs->tree, w->levels[w->n].dir);
}

/* Some thousand entries more. False at the end, or when the tree cannot be saved now. */
static bool walk_on(struct walk *w, struct buf *out)
{
	struct tree *t = &w->fs->tree;

	LOCK_SCOPE(&t->lock);
	for (int i = 0; i < BATCH && w->n > 0 && !w->is_impossible; i++) {
		struct level *level = &w->levels[w->n - 1];
		struct dentry *d = tree_next(level->dir, level->at);

		if (!d || d->cookie >= level->end) {
			saved_put_up(out);
			pop(w);
			continue;
		}
		level->at = d->cookie;
		if (!saved_put_entry(t, d, out))
			w->is_impossible = true;
		else if (d->node->dir)
			push(w, d->node);
	}
	while (w->is_impossible && w->n > 0)
		pop(w);
	return w->n > 0;
}

/* What is not in the entries, but changes what they mean. */
static bool is_quiet(struct fs *fs)
{
	mutex_assert_held(&fs->tree.lock);
	return !fs->is_listing && list_is_empty(&fs->intents) && list_is_empty(&fs->dir_moves) &&
	       list_is_empty(&fs->halves.all) && namelock_is_idle(&fs->names) &&
	       atomic_load(&fs->n_unstored) == 0 && !atomic_load(&fs->is_half_done);
}

static bool walk_start(struct walk *w, struct buf *out)
{
	struct tree *t = &w->fs->tree;

	LOCK_SCOPE(&t->lock);
	if (!is_quiet(w->fs))
		return false;
	saved_put_linked(t, out);
	if (!saved_put_entry(t, NULL, out))
		return false;
	push(w, t->root);
	return true;
}

struct output {
	int fd;
	struct header *h;
	struct buf buf;
};

/* Writes what there is, but for an odd end unless it is the last. */
static int flush(struct output *o, bool is_last)
{
	size_t len = is_last ? o->buf.len : o->buf.len & ~(size_t)7;
	int err = buf_error(&o->buf);

	if (!err)
		err = write_all(o->fd, o->buf.data, len);
	if (err)
		return err;
	o->h->sum = hash_sum(o->h->sum, o->buf.data, len);
	o->h->len += len;
	if (len > 0)
		memmove(o->buf.data, o->buf.data + len, o->buf.len - len);
	o->buf.len -= len;
	return 0;
}

/* -EAGAIN: the tree cannot be saved now. */
static int write_records(struct fs *fs, struct output *o)
{
	struct walk w = {.fs = fs};
	int err = walk_start(&w, &o->buf) ? 0 : -EAGAIN;
	bool is_more = !err;

	while (is_more) {
		is_more = walk_on(&w, &o->buf);
		if (!err)
			err = flush(o, !is_more);
		if (err || atomic_load(&fs->is_gone))
			w.is_impossible = true;
	}
	free(w.levels);
	return err ? err : w.is_impossible ? -EAGAIN : 0;
}

static int write_file(struct fs *fs, int fd, struct header *h)
{
	struct output o = {.fd = fd, .h = h};
	int err;

	if (lseek(fd, sizeof(*h), SEEK_SET) < 0)
		return -errno;
	buf_init(&o.buf, BATCH_BYTES);
	err = write_records(fs, &o);
	buf_done(&o.buf);
	if (err)
		return err;
	h->header_sum = header_sum(h);
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	err = write_all(fd, h, sizeof(*h));
	return err ? err : fdatasync(fd) < 0 ? -errno : 0;
}

/* Of buckets that are not mounted any more. */
static void remove_old(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	int64_t now_s = clock_wall_ns() / NS_PER_SEC;
	const struct dirent *e;
	struct stat st;

	if (!d) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((e = readdir(d)))
		if (fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
		    now_s - st.st_mtime > KEEP_S)
			(void)unlinkat(dir, e->d_name, 0);
	(void)closedir(d);
}

static int save(struct fs *fs, struct header *h)
{
	char name[PATH_LEN], temporary[PATH_LEN * 2];
	_cleanup_close_ int dir = open_dir(fs), fd = -1;
	int err;

	if (dir < 0)
		return dir;
	file_name(fs, h->mark.created_ns, name);
	(void)snprintf(temporary, sizeof(temporary), "%s.%s", name, fs->claim_id);
	fd = openat(dir, temporary, O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	err = write_file(fs, fd, h);
	if (!err && renameat(dir, temporary, dir, name) < 0)
		err = -errno;
	if (err)
		(void)unlinkat(dir, temporary, 0);
	remove_old(dir);
	return err;
}

static bool is_large(struct fs *fs, uint64_t *ret_nodes)
{
	LOCK_SCOPE(&fs->tree.lock);
	*ret_nodes = fs->tree.n_nodes;
	return *ret_nodes >= fs->cfg.saved_min;
}

void saved_store(struct fs *fs, bool is_doubtful)
{
	uint64_t start_ns = clock_now_ns(), n_nodes;
	struct header h;
	int err;

	if (!is_enabled(fs) || !is_large(fs, &n_nodes))
		return;
	fill_header(fs, &h);
	h.n_nodes = n_nodes;
	h.saved_ns = clock_wall_ns();
	err = store_watch_mark(fs->store, &h.mark);
	if (is_doubtful)
		h.mark.messages = 0;
	if (!err && memcmp(&h.mark, &fs->saved_mark, sizeof(h.mark)) == 0)
		return;
	if (!err)
		err = save(fs, &h);
	if (!err) {
		fs->saved_mark = h.mark;
		log_debug("saved the tree of %" PRIu64 " in %" PRIu64 " ms", n_nodes,
			  (clock_now_ns() - start_ns) / (uint64_t)NS_PER_MS);
	} else if (err != -EAGAIN && err != -ENOTSUP) {
		log_warn("cannot save the tree in %s: %s", fs->cfg.cache_dir, strerror(-err));
	}
}

static void save_regularly(void *arg, bool is_last)
{
	struct fs *fs = arg;

	/* The mount's end saves by itself. */
	if (is_last)
		return;
	saved_store(fs, false);
	if (later_run(&fs->saver, EVERY_MS, save_regularly, fs) < 0)
		log_debug("the tree is saved at the end only");
}

int saved_start(struct fs *fs)
{
	int err = is_enabled(fs) ? later_start(&fs->saver) : 0;

	return err || !is_enabled(fs) ? err : later_run(&fs->saver, FIRST_MS, save_regularly, fs);
}
