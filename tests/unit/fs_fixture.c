/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/file.h"
#include "fs/internal.h"

#include "fs_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "util/buf.h"

struct fake *bucket;
struct mount m;
const struct fs_ctx root_ctx = {.uid = 0, .gid = 0, .umask = 022, .may_wait = true};

static char *tree_dir; /* where trees are kept from one mount to the next; NULL: they are not */

static const char *temporary(void)
{
	const char *tmp = getenv("TMPDIR");

	return tree_dir ? tree_dir : tmp ? tmp : "/tmp";
}

struct mount mount_with(const struct fs_config *special)
{
	const struct fs_config cfg = {.trust_watch = special->trust_watch,
				      .prefix = special->prefix ? special->prefix : "",
				      .uid = special->uid ? special->uid : 1000,
				      .gid = 1000,
				      .fmode = 0644,
				      .dmode = 0755,
				      .memory = 1 << 20,
				      .readahead = 16384,
				      .is_read_only = special->is_read_only,
				      .passthrough = special->passthrough,
				      .disk_cache_size = special->disk_cache_size,
				      .cache_dir =
					      special->cache_dir ? special->cache_dir : temporary(),
				      .saved_min = tree_dir ? 1 : 0,
				      .staging_memory = 1 << 20,
				      .negative_timeout_ms = 1000,
				      .purge_delay_ms = special->purge_delay_ms,
				      .commit_interval_ms = special->commit_interval_ms,
				      .max_file_size = UINT64_C(1) << 40};
	struct mount mount = {.store = fake_open(bucket)};

	ck_assert_int_eq(fs_new(mount.store, &cfg, &mount.fs), 0);
	return mount;
}

struct mount mount_bucket(void)
{
	return mount_with(&(struct fs_config){0});
}

void unmount_bucket(struct mount *mount)
{
	fs_drain(mount->fs, 10000);
	ck_assert_int_eq(fs_unstored(mount->fs), 0);
	/* Events still come until the store is closed, and they need the tree. */
	store_close(mount->store);
	fs_free(mount->fs);
	mount->fs = NULL;
}

void remount(void)
{
	unmount_bucket(&m);
	m = mount_bucket();
}

void fixture_keep_trees(void)
{
	const char *tmp = temporary();

	if (asprintf(&tree_dir, "%s/natsobj-test-XXXXXX", tmp) < 0 || !mkdtemp(tree_dir))
		abort();
}

const char *fixture_tree_dir(void)
{
	return tree_dir;
}

static void remove_trees(void)
{
	char command[4200];

	if (!tree_dir)
		return;
	(void)snprintf(command, sizeof(command), "rm -rf '%s'", tree_dir);
	if (system(command) != 0) /* NOLINT(cert-env33-c): our own directory */
		abort();
	free(steal_ptr(tree_dir));
}

void fixture_setup(void)
{
	if (getenv("KEEP_TREES"))
		fixture_keep_trees();
	bucket = fake_new(CHUNK);
	m = mount_bucket();
}

void fixture_teardown(void)
{
	if (m.fs)
		unmount_bucket(&m);
	fake_free(bucket);
	remove_trees();
}

int lookup(struct fs *fs, const char *path, struct fs_entry *ret)
{
	uint64_t dir = FS_ROOT_ID;

	for (;;) {
		const char *slash = strchrnul(path, '/');
		char name[4096];
		int err;

		ck_assert_uint_lt((size_t)(slash - path), sizeof(name));
		memcpy(name, path, (size_t)(slash - path));
		name[slash - path] = '\0';
		err = fs_lookup(fs, &root_ctx, dir, name, ret);
		if (dir != FS_ROOT_ID)
			fs_forget(fs, dir, 1);
		if (err || ret->nodeid == 0 || !*slash)
			return err;
		dir = ret->nodeid;
		path = slash + 1;
	}
}

bool exists(struct fs *fs, const char *path)
{
	struct fs_entry e = {0};
	int err = lookup(fs, path, &e);

	ck_assert_msg(err == 0 || err == -ENOENT, "lookup of %s: %s", path, strerror(-err));
	if (!err && e.nodeid)
		fs_forget(fs, e.nodeid, 1);
	return !err && e.nodeid;
}

uint64_t parent_of(struct fs *fs, const char *path, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	struct fs_entry e;
	char *dir;

	*ret_name = slash ? slash + 1 : path;
	if (!slash)
		return FS_ROOT_ID;
	dir = strndup(path, (size_t)(slash - path));
	ck_assert_int_eq(lookup(fs, dir, &e), 0);
	ck_assert_uint_ne(e.nodeid, 0);
	free(dir);
	return e.nodeid;
}

static void forget_parent(struct fs *fs, uint64_t parent)
{
	if (parent != FS_ROOT_ID)
		fs_forget(fs, parent, 1);
}

int create(struct fs *fs, const char *path, int flags, struct fs_handle **ret)
{
	struct fs_entry e;
	const char *name;
	uint64_t parent = parent_of(fs, path, &name);
	bool keep;
	int err;

	err = fs_create(fs, &root_ctx, parent, name, S_IFREG | 0666, flags | O_CREAT, &e, ret,
			&keep);
	if (!err)
		fs_forget(fs, e.nodeid, 1);
	forget_parent(fs, parent);
	return err;
}

int open_path(struct fs *fs, const char *path, int flags, struct fs_handle **ret)
{
	struct fs_entry e;
	bool keep;
	int err = lookup(fs, path, &e);

	if (err || !e.nodeid)
		return err ? err : -ENOENT;
	err = fs_open(fs, &root_ctx, e.nodeid, flags, ret, &keep);
	fs_forget(fs, e.nodeid, 1);
	return err;
}

int write_at(struct fs *fs, struct fs_handle *h, uint64_t off, const void *data, size_t len)
{
	return fs_write(fs, &root_ctx, h, off, data, len);
}

ssize_t read_at(struct fs *fs, struct fs_handle *h, uint64_t off, void *buf, size_t len)
{
	struct fs_data d;
	size_t at = 0;
	int err = fs_read(fs, &root_ctx, h, off, len, &d);

	if (err)
		return err;
	for (int i = 0; i < d.n; i++) {
		ck_assert_uint_le(d.iov[i].iov_len, len - at);
		memcpy((char *)buf + at, d.iov[i].iov_base, d.iov[i].iov_len);
		at += d.iov[i].iov_len;
	}
	ck_assert_uint_eq(at, d.len);
	fs_data_done(&d);
	fs_read_behind(fs, h);
	return (ssize_t)at;
}

int close_file(struct fs *fs, struct fs_handle *h)
{
	int err = fs_flush(fs, &root_ctx, h);

	(void)fs_release(fs, &root_ctx, h);
	return err;
}

int make_dir(struct fs *fs, const char *path)
{
	struct fs_entry e;
	const char *name;
	uint64_t parent = parent_of(fs, path, &name);
	int err = fs_mkdir(fs, &root_ctx, parent, name, 0777, &e);

	if (!err)
		fs_forget(fs, e.nodeid, 1);
	forget_parent(fs, parent);
	return err;
}

int unlink_path(struct fs *fs, const char *path)
{
	const char *name;
	uint64_t parent = parent_of(fs, path, &name);
	int err = fs_unlink(fs, &root_ctx, parent, name);

	forget_parent(fs, parent);
	return err;
}

int rmdir_path(struct fs *fs, const char *path)
{
	const char *name;
	uint64_t parent = parent_of(fs, path, &name);
	int err = fs_rmdir(fs, &root_ctx, parent, name);

	forget_parent(fs, parent);
	return err;
}

int rename_path(struct fs *fs, const char *old_path, const char *new_path, unsigned flags)
{
	const char *name, *new_name;
	uint64_t parent = parent_of(fs, old_path, &name);
	uint64_t new_parent = parent_of(fs, new_path, &new_name);
	int err = fs_rename(fs, &root_ctx, parent, name, new_parent, new_name, flags);

	forget_parent(fs, parent);
	forget_parent(fs, new_parent);
	return err;
}

void put_file(struct fs *fs, const char *path, const void *data, size_t len)
{
	struct fs_handle *h;

	ck_assert_int_eq(create(fs, path, O_WRONLY | O_TRUNC, &h), 0);
	if (len)
		ck_assert_int_eq(write_at(fs, h, 0, data, len), 0);
	ck_assert_int_eq(close_file(fs, h), 0);
}

void assert_file(struct fs *fs, const char *path, const void *data, size_t len)
{
	_cleanup_free_ char *got = malloc(len + 1);
	struct fs_handle *h;
	int err = open_path(fs, path, O_RDONLY, &h);

	ck_assert_msg(!err, "open of %s: %s", path, strerror(-err));
	ck_assert_int_eq(read_at(fs, h, 0, got, len + 1), (ssize_t)len);
	ck_assert_mem_eq(got, data, len);
	ck_assert_int_eq(close_file(fs, h), 0);
}

void assert_object(const char *name, const void *data, size_t len)
{
	size_t got_len = 0;
	_cleanup_free_ char *got = fake_content(bucket, name, &got_len);

	ck_assert_msg(got != NULL, "no object %s, or without its chunks", name);
	ck_assert_uint_eq(got_len, len);
	ck_assert_mem_eq(got, data, len);
}

struct listing {
	char *names[1000];
	unsigned int n, left;
	uint64_t cookie;
};

static int fill(void *arg, const char *name, const struct fs_entry *entry, uint64_t next)
{
	struct listing *l = arg;

	(void)entry;
	if (l->left == 0)
		return 1;
	l->left--;
	l->cookie = next;
	if (strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
		l->names[l->n++] = strdup(name);
	return 0;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

char *list_dir(struct fs *fs, const char *path, unsigned int step)
{
	struct listing l = {.n = 0};
	uint64_t id = FS_ROOT_ID;
	struct fs_entry e;
	struct buf out;

	if (path[0]) {
		ck_assert_int_eq(lookup(fs, path, &e), 0);
		ck_assert_uint_ne(e.nodeid, 0);
		id = e.nodeid;
	}
	do {
		l.left = step;
		ck_assert_int_eq(fs_readdir(fs, &root_ctx, id, l.cookie, false, fill, &l), 0);
	} while (l.left == 0);
	forget_parent(fs, id);
	qsort(l.names, l.n, sizeof(l.names[0]), compare);
	buf_init(&out, 1 << 20);
	for (unsigned int i = 0; i < l.n; i++) {
		buf_printf(&out, "%s ", l.names[i]);
		free(l.names[i]);
	}
	return out.len ? buf_steal(&out) : strdup("");
}

char *pattern(size_t len)
{
	char *p = malloc(len + 1);
	uint32_t x = 1;

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < len; i++) {
		x = x * 1664525u + 1013904223u;
		p[i] = (char)(x >> 24);
	}
	return p;
}

void assert_names(struct fs *fs, const char *path, const char *want)
{
	_cleanup_free_ char *got = list_dir(fs, path, 50);

	ck_assert_str_eq(got, want);
}

bool is_stored(const char *name)
{
	_cleanup_obj_info_ struct obj_info *info = fake_info(bucket, name);

	return info && !info->is_deleted;
}

int change_mode(struct fs *fs, const char *path, mode_t mode)
{
	const struct stat attr = {.st_mode = mode};
	struct fs_entry e;
	struct stat st;
	double timeout;
	int err = lookup(fs, path, &e);

	if (!err) {
		err = fs_setattr(fs, &root_ctx, e.nodeid, NULL, &attr, FS_SET_MODE, &st, &timeout);
		fs_forget(fs, e.nodeid, 1);
	}
	return err;
}

void wait_followed(struct fs *fs)
{
	bool is_over = false;

	for (int i = 0; i < 1000 && !is_over; i++) {
		mutex_lock(&fs->tree.lock);
		is_over = list_is_empty(&fs->dir_moves) && fs->n_errands == 0;
		mutex_unlock(&fs->tree.lock);
		if (!is_over)
			usleep(10000);
	}
	ck_assert(is_over);
}
