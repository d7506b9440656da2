/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_FS_FIXTURE_H
#define NATSOBJ_TESTS_FS_FIXTURE_H

/*
 * A mount on a bucket in memory, and short forms of what programs do with files. Paths are relative
 * to the root. All operations may wait. Functions that do not return an error fail the test.
 */

#include <check.h>
#include <fcntl.h>
#include <string.h>

#include "fake_store.h"
#include "fs/fs.h"

#define CHUNK 1024

struct mount {
	struct store *store;
	struct fs *fs;
};

extern struct fake *bucket;
extern struct mount m; /* most tests need one */
extern const struct fs_ctx root_ctx;

void fixture_setup(void);
void fixture_teardown(void);
/* From now on a mount takes over the tree that the one before it left. With KEEP_TREES in the
 * environment that is so from the start. */
void fixture_keep_trees(void);
const char *fixture_tree_dir(void);
struct mount mount_bucket(void);
/* With the settings of special that the fixture knows: trust_watch, purge_delay_ms,
 * commit_interval_ms, uid, is_read_only, passthrough, disk_cache_size with cache_dir. */
struct mount mount_with(const struct fs_config *special);
void unmount_bucket(struct mount *mount);
/* m, as after a new mount. */
void remount(void);

/* Looks path up from the root; no lookup stays counted on the way. 0, nodeid 0 included, or -errno.
 */
int lookup(struct fs *fs, const char *path, struct fs_entry *ret);
bool exists(struct fs *fs, const char *path);
/* Node identifier of the directory part; *ret_name points into path. */
uint64_t parent_of(struct fs *fs, const char *path, const char **ret_name);

int create(struct fs *fs, const char *path, int flags, struct fs_handle **ret);
int open_path(struct fs *fs, const char *path, int flags, struct fs_handle **ret);
int write_at(struct fs *fs, struct fs_handle *h, uint64_t off, const void *data, size_t len);
/* Bytes read, or -errno. */
ssize_t read_at(struct fs *fs, struct fs_handle *h, uint64_t off, void *buf, size_t len);
/* flush and release, as close(2) of the last descriptor; the error of flush. */
int close_file(struct fs *fs, struct fs_handle *h);
int make_dir(struct fs *fs, const char *path);
int unlink_path(struct fs *fs, const char *path);
int rmdir_path(struct fs *fs, const char *path);
/* Until all objects of renamed directories have followed. */
void wait_followed(struct fs *fs);
int change_mode(struct fs *fs, const char *path, mode_t mode);
int rename_path(struct fs *fs, const char *old_path, const char *new_path, unsigned flags);

void put_file(struct fs *fs, const char *path, const void *data, size_t len);
void assert_file(struct fs *fs, const char *path, const void *data, size_t len);
/* What is stored under an object name. */
void assert_object(const char *name, const void *data, size_t len);
/* Names in a directory, "." and ".." left out, sorted, each followed by a blank. At most step
 * entries are taken per call. */
char *list_dir(struct fs *fs, const char *path, unsigned int step);
/* A listing, as list_dir makes it. */
void assert_names(struct fs *fs, const char *path, const char *want);
/* Whether the bucket has an object of that name. */
bool is_stored(const char *name);
/* len bytes that differ everywhere. */
char *pattern(size_t len);

#endif
