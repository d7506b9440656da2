/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of objects are anybody's: a component that is no file name is refused, no symbolic link of
 * the target directory is gone through, and links from the bucket are made last, so that no object
 * is written through one of them.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "prog/cmd_get.h"
#include "prog/cmd_listing.h"
#include "prog/cmd_print.h"
#include "util/log.h"

struct tree {
	struct cmd *cmd;
	struct store *store;
	const char *dir;
	size_t prefix_len; /* of each name, with the slash */
	const struct save_options *options;
	size_t n_objects;
	bool is_failed;
};

static int fail_path(struct tree *t, const char *path, int err)
{
	t->is_failed = true;
	return cmd_fail("cannot write %s: %s", path, strerror(-err));
}

/* Every component between slashes is a name that a directory can hold. */
static bool is_safe(const char *rest, size_t len, bool is_dir)
{
	if (len == 0 || strlen(rest) != len + is_dir)
		return false;
	while (*rest) {
		size_t n = strcspn(rest, "/");

		if (n == 0 || n > NAME_MAX || (n == 1 && rest[0] == '.') ||
		    (n == 2 && rest[0] == '.' && rest[1] == '.'))
			return false;
		rest += n;
		if (*rest == '/' && !rest[1])
			return is_dir;
		rest += *rest == '/';
	}
	return true;
}

/* Makes the directories of path behind its first dir_len bytes. */
static int make_parents(char *path, size_t dir_len)
{
	for (char *p = path + dir_len + 1; (p = strchr(p, '/')); p++) {
		struct stat st;
		int err = 0;

		*p = '\0';
		if (mkdir(path, 0777) < 0 && errno != EEXIST)
			err = -errno;
		else if (lstat(path, &st) < 0)
			err = -errno;
		else if (!S_ISDIR(st.st_mode))
			err = S_ISLNK(st.st_mode) ? -ELOOP : -ENOTDIR;
		*p = '/';
		if (err)
			return err;
	}
	return 0;
}

static bool is_symlink(const struct obj_info *info)
{
	const char *mode = obj_info_meta(info, ATTR_MODE);

	return obj_info_meta(info, ATTR_TARGET) && mode && strncmp(mode, "120", 3) == 0;
}

static int copy_link(struct tree *t, const struct obj_info *info, const char *path)
{
	const char *target = obj_info_meta(info, ATTR_TARGET);

	if (unlink(path) < 0 && errno != ENOENT)
		return fail_path(t, path, -errno);
	return symlink(target, path) < 0 ? fail_path(t, path, -errno) : CMD_OK;
}

static int copy_object(struct tree *t, const struct obj_info *info, const char *path)
{
	_cleanup_target_ struct target target = {0};
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return fail_path(t, path, -ELOOP);
	progress_set_label(t->options->progress, info->name);
	if (target_find(t->cmd, t->store, info->name, &target) ||
	    save_object(&target, info->name, path, t->options)) {
		t->is_failed = true;
		return CMD_FAILURE;
	}
	t->n_objects++;
	return CMD_OK;
}

static void copy_entry(struct tree *t, const struct obj_info *info)
{
	const char *rest = info->name + t->prefix_len;
	bool is_dir = obj_info_is_marker(info);
	_cleanup_free_ char *path = NULL;
	int err;

	/* What mounts keep there for themselves is no file of anybody. */
	if (name_is_hidden(info->name, info->name_len))
		return;
	/* That of the tree's own directory, which is there. */
	if (is_dir && !*rest)
		return;
	if (!is_safe(rest, info->name_len - t->prefix_len - is_dir, is_dir)) {
		t->is_failed = true;
		(void)cmd_fail("%s cannot be the path of a file", info->name);
		return;
	}
	if (asprintf(&path, "%s/%s", t->dir, rest) < 0) {
		path = NULL;
		(void)fail_path(t, rest, -ENOMEM);
		return;
	}
	err = make_parents(path, strlen(t->dir));
	if (err)
		(void)fail_path(t, path, err);
	else if (is_dir)
		t->n_objects++;
	else if (is_symlink(info))
		(void)copy_link(t, info, path);
	else
		(void)copy_object(t, info, path);
}

static uint64_t count_bytes(const struct object_list *l, const struct object_filter *f)
{
	const struct obj_info *info;
	uint64_t bytes = 0;
	size_t pos = 0;

	while ((info = object_list_next(l, f, &pos)))
		bytes += info->size;
	return bytes;
}

static void copy_all(struct tree *t, const struct object_list *l, const struct object_filter *f)
{
	for (int links = 0; links < 2; links++) {
		const struct obj_info *info;
		size_t pos = 0;

		while ((info = object_list_next(l, f, &pos)))
			if (is_symlink(info) == (links == 1))
				copy_entry(t, info);
	}
}

static int print_result(const struct tree *t)
{
	_cleanup_buf_ struct buf out = {0};
	struct json_writer w;

	if (!t->cmd->is_json)
		return CMD_OK;
	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	json_begin_object(&w, NULL);
	json_string(&w, "directory", t->dir);
	json_u64(&w, "objects", t->n_objects);
	json_bool(&w, "complete", !t->is_failed);
	json_end_object(&w);
	return cmd_print_buf(&out);
}

/* With the slash that separates it from what is below; "" stays as it is. */
static char *with_slash(const char *prefix)
{
	size_t len = strlen(prefix);
	char *s;

	return asprintf(&s, "%s%s", prefix, len > 0 && prefix[len - 1] != '/' ? "/" : "") < 0 ? NULL
											      : s;
}

int get_tree(struct cmd *c, struct store *s, const char *prefix, const char *dir,
	     const struct save_options *o)
{
	_cleanup_free_ char *below = with_slash(prefix);
	_cleanup_object_list_ struct object_list *l = NULL;
	_cleanup_progress_ struct progress *progress = NULL;
	struct object_filter filter = {.prefix = below};
	struct save_options options = *o;
	struct tree t = {.cmd = c, .store = s, .dir = dir, .options = &options};
	size_t pos = 0;
	int r, err = below ? object_list_new(s, &l) : -ENOMEM;

	if (err)
		return cmd_fail("cannot list bucket %s: %s", s->bucket, cmd_strerror(err));
	t.prefix_len = strlen(below);
	if (!object_list_next(l, &filter, &pos))
		return cmd_fail("there is no object below %s in bucket %s", *below ? below : "/",
				s->bucket);
	if (mkdir(dir, 0777) < 0 && errno != EEXIST)
		return fail_path(&t, dir, -errno);
	progress = progress_new(prefix, count_bytes(l, &filter), c->is_quiet);
	options.progress = progress;
	copy_all(&t, l, &filter);
	r = print_result(&t);
	return t.is_failed ? CMD_FAILURE : r;
}
