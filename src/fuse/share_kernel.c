/* SPDX-License-Identifier: Apache-2.0 */

/* What the kernel knows of a bucket, and what it is told. */

#include "fuse/share.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "util/buf.h"

#define PATH_LIMIT 8192

uint64_t share_nodeid(const struct share *s, uint64_t ino)
{
	if (!s->all || (s->number == 0 && ino == FS_ROOT_ID))
		return ino;
	/* What is in the directory of buckets has a number of its own. */
	if (s->number == 0)
		return ino << SHARE_SHIFT | FS_ROOT_ID;
	return s->number << SHARE_SHIFT | ino;
}

/* ---- changes ---- */

static void on_inode(void *arg, uint64_t ino, int64_t off, int64_t len)
{
	const struct share *s = arg;

	s->up->inval_inode(s->up->arg, share_nodeid(s, ino), off, len);
}

static void on_entry(void *arg, uint64_t parent, const char *name, size_t len)
{
	const struct share *s = arg;

	s->up->inval_entry(s->up->arg, share_nodeid(s, parent), name, len);
}

/* The path of a directory of the bucket, as one of the mount. */
static const char *mount_path(const struct share *s, const char *dir, struct buf *out)
{
	buf_init(out, PATH_LIMIT);
	buf_append_str(out, s->name);
	if (*s->name && dir && *dir)
		buf_append_char(out, '/');
	buf_append_str(out, dir ? dir : "");
	return buf_error(out) ? NULL : out->data;
}

static void on_change(void *arg, const struct fs_change *c)
{
	const struct share *s = arg;
	struct buf dir CLEANUP(buf_done) = {0}, old_dir CLEANUP(buf_done) = {0};
	struct fs_change mapped = *c;

	mapped.parent = share_nodeid(s, c->parent);
	mapped.dir = mount_path(s, c->dir, &dir);
	if (c->kind == FS_MOVED) {
		mapped.old_parent = share_nodeid(s, c->old_parent);
		mapped.old_dir = mount_path(s, c->old_dir, &old_dir);
	}
	if (mapped.dir)
		s->up->changed(s->up->changed_arg, &mapped);
}

struct fs_listener share_listener(struct share *s)
{
	return (struct fs_listener){.arg = s,
				    .changed = s->up->changed ? on_change : NULL,
				    .changed_arg = s,
				    .inval_inode = on_inode,
				    .inval_entry = on_entry};
}

/* ---- memory ---- */

/* Whether the link leads to the directory, or below it. */
static bool leads_below(const char *link, const char *dir, size_t len)
{
	char target[PATH_LIMIT];
	ssize_t n = readlink(link, target, sizeof(target));

	return n >= (ssize_t)len && memcmp(target, dir, len) == 0 &&
	       ((size_t)n == len || target[len] == '/');
}

/* Of no process may the working directory lose its name. */
static bool is_cwd(const char *dir)
{
	size_t len = strlen(dir);
	DIR *proc = opendir("/proc");
	bool is_found = !proc;
	struct dirent *e;

	while (!is_found && (e = readdir(proc))) {
		char link[300];

		if (e->d_name[0] < '1' || e->d_name[0] > '9')
			continue;
		(void)snprintf(link, sizeof(link), "/proc/%s/cwd", e->d_name);
		is_found = leads_below(link, dir, len);
	}
	if (proc)
		(void)closedir(proc);
	return is_found;
}

void share_trim(struct share *s, const char *dir)
{
	_cleanup_free_ char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, s->name) < 0)
		path = NULL;
	if (path && !is_cwd(path))
		s->up->inval_entry(s->up->arg, FS_ROOT_ID, s->name, strlen(s->name));
}
