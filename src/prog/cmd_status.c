/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/json_rows.h"
#include "objstore/keys.h"
#include "objstore/subject.h"
#include "prog/cmd.h"
#include "prog/cmd_bucket.h"
#include "prog/cmd_mount_state.h"
#include "prog/cmd_print.h"

#define ANSWER_MS 5000
#define STATUS_MAX (1 << 20)

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "status DIR|BUCKET",
	.help = "Shows what a mount says about itself: connection, memory, unsaved files. With "
		"the\n"
		"name of a bucket it is the same as info BUCKET.\n",
	.examples = "  natsobj status /mnt/photos\n"
		    "  natsobj status . --json\n",
	.short_options = "",
	.options = options,
};

/* Whether a mount shows all buckets: its source ends with the server. */
static bool has_all_buckets(const char *source)
{
	const char *host = strstr(source, "://"), *slash = host ? strchr(host + 3, '/') : NULL;

	return slash && !slash[1];
}

/* Where the status of path is, below a mount at dir: of a bucket among others, that of the bucket.
 */
static char *status_dir(const char *path, const struct mount_entry *e)
{
	size_t len = strlen(e->dir);

	if (has_all_buckets(e->source) && path[len] == '/' &&
	    strncmp(path + len, "/" HIDDEN_DIR, strlen("/" HIDDEN_DIR)) != 0)
		len += 1 + strcspn(path + len + 1, "/");
	return strndup(path, len);
}

/* The directory of the mount that a path lies in, or of the bucket there; NULL: it lies in none. */
static char *find_mount(const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	struct mount_entry *entries = NULL;
	size_t count = 0, best_len = 0;
	char *best = NULL;

	/* What a dead mount answers to realpath leaves the path as it was given. */
	if (!real && *path == '/')
		real = strdup(path);
	if (!real || mount_entries_read(&entries, &count) < 0)
		return NULL;
	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(entries[i].dir);

		if (len < best_len || strncmp(real, entries[i].dir, len) != 0 ||
		    (real[len] && real[len] != '/'))
			continue;
		free(best);
		best = status_dir(real, &entries[i]);
		best_len = len;
	}
	mount_entries_free(entries, count);
	return best;
}

static int print_row(void *arg, const char *path, const char *value)
{
	(void)arg;
	(void)printf("%28s: ", path);
	cmd_print_name(value, strlen(value));
	(void)putchar('\n');
	return 0;
}

static int print_text(const struct cmd *c, const char *dir, struct buf *text)
{
	while (text->len > 0 && text->data[text->len - 1] == '\n')
		text->data[--text->len] = '\0';
	if (c->is_json)
		return cmd_print_buf(text);
	if (json_rows(text->data ? text->data : "", text->len, print_row, NULL) < 0)
		return cmd_fail("the status of %s cannot be understood", dir);
	return cmd_flush();
}

/* All that is known of a mount without a status of its own. */
static int show_bare(const struct cmd *c, const char *dir)
{
	_cleanup_buf_ struct buf text = {0};
	struct json_writer w;

	buf_init(&text, STATUS_MAX);
	json_init(&w, &text);
	json_begin_object(&w, NULL);
	json_string(&w, "directory", dir);
	json_string(&w, "state", "mounted");
	json_end_object(&w);
	return buf_error(&text) ? cmd_fail("out of memory") : print_text(c, dir, &text);
}

static int show_mount(const struct cmd *c, const char *dir)
{
	_cleanup_buf_ struct buf text = {0};
	int err;

	buf_init(&text, STATUS_MAX);
	err = mount_status_read(dir, ANSWER_MS, &text);
	switch (-err) {
	case 0:
		return print_text(c, dir, &text);
	case ENOTCONN:
		return cmd_fail("the daemon of the mount at %s is gone: unmount it", dir);
	case ETIMEDOUT:
		return cmd_fail("the mount at %s does not answer", dir);
	case ENOENT:
		return show_bare(c, dir);
	default:
		return cmd_fail("cannot read the status of the mount at %s: %s", dir,
				strerror(-err));
	}
}

int cmd_status(struct cmd *c, int argc, char **argv)
{
	_cleanup_free_ char *dir = NULL;
	int r;

	if (cmd_option(c, argc, argv, &spec) != -1)
		return c->status;
	r = cmd_check_args(argc - optind, 1, 1, &spec);
	if (r)
		return r;
	dir = find_mount(argv[optind]);
	if (dir)
		return show_mount(c, dir);
	if (!obj_bucket_is_valid(argv[optind]))
		return cmd_fail("%s is not in a mount of natsobj", argv[optind]);
	r = cmd_connect(c);
	return r ? r : bucket_show(c, argv[optind]);
}
