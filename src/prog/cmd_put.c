/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores a file or standard input as an object. The content goes out while it is read; the metadata
 * follows when every chunk is acknowledged, by compare and set against whatever version is the
 * newest then, so that the last put wins and no other client's version is replaced unseen.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "prog/cmd.h"
#include "prog/cmd_signal.h"
#include "util/log.h"
#include "util/parse.h"

#define SYNOPSIS "put BUCKET FILE|- [--name NAME]"
/* Each repetition means that somebody else stored the name in between. */
#define RETRIES 64

/* Attributes of the mount that belong to the replaced content or to the act of storing it. */
static const char *const dropped_keys[] = {
	"posix.mtime",
	"posix.ctime",
	"posix.target",
	"posix.rdev",
	"posix.claim",
	"posix.from",
	"posix.xattr.security.capability",
};

struct source {
	int fd;
	const char *path; /* for messages */
};

/* Fills a chunk as far as the source goes. 0 or -errno. */
static int read_chunk(const struct source *src, struct chunk *c)
{
	while (c->len < c->cap) {
		ssize_t n;
		int err = signal_wait_readable(src->fd);

		if (err)
			return err;
		n = read(src->fd, c->data + c->len, c->cap - c->len);
		if (n < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (n == 0)
			return 0;
		if (n > 0)
			c->len += (size_t)n;
	}
	return 0;
}

static int fail_interrupted(void)
{
	log_error("interrupted, nothing is stored");
	return CMD_FAILURE;
}

static int fail_read(const struct source *src, int err)
{
	if (err == -EINTR)
		return fail_interrupted();
	log_error("cannot read %s: %s", src->path, strerror(-err));
	return CMD_FAILURE;
}

static int fail_store(const struct store *s, const char *name, int err)
{
	log_error("cannot store %s in bucket %s: %s", name, s->bucket, cmd_strerror(err));
	return CMD_FAILURE;
}

static int upload(struct store *s, struct store_put *put, const struct source *src,
		  const char *name)
{
	bool is_end = false;
	uint64_t size = 0;

	while (!is_end) {
		_cleanup_chunk_ struct chunk *c = chunk_new(s->chunk_size);
		int err = c ? read_chunk(src, c) : -ENOMEM;

		if (err)
			return fail_read(src, err);
		is_end = c->len < c->cap;
		if (c->len == 0)
			break;
		size += c->len;
		err = s->max_object_size > 0 && size > s->max_object_size ? -EFBIG : 0;
		if (!err)
			err = store_put_wait_room(put);
		if (!err)
			err = store_put_add(put, steal_ptr(c));
		if (err)
			return fail_store(s, name, err);
	}
	return CMD_OK;
}

/* Only a regular file's mode means anything for the new content, and a program with privileges is
 * not replaced by one that nobody has given any. */
static int adjust_mode(struct obj_info *info)
{
	const char *text = obj_info_meta(info, "posix.mode");
	char changed[16];
	uint64_t mode;

	if (!text)
		return 0;
	if (parse_u64(text, 8, 0, 0177777, &mode) < 0 || !S_ISREG((mode_t)mode))
		return obj_info_set_meta(info, "posix.mode", NULL);
	(void)snprintf(changed, sizeof(changed), "%o", (unsigned int)mode & ~06000u);
	return obj_info_set_meta(info, "posix.mode", changed);
}

static int drop_attributes(struct obj_info *info)
{
	int err = adjust_mode(info);

	for (size_t i = 0; !err && i < ARRAY_LEN(dropped_keys); i++)
		err = obj_info_set_meta(info, dropped_keys[i], NULL);
	return err;
}

/* The new version: what the old one said beside its content, if there is one. */
static int describe(const struct obj_info *old, const char *name, const struct put_result *r,
		    struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	if (old && !old->is_deleted && !old->is_malformed)
		info = obj_info_dup(old);
	else
		info = obj_info_new(name, strlen(name));
	if (!info)
		return -ENOMEM;
	/* A version under a token of another client is replaced where it is. */
	if (old && old->foreign_token && !info->foreign_token) {
		info->foreign_token = strdup(old->foreign_token);
		if (!info->foreign_token)
			return -ENOMEM;
	}
	err = obj_info_set_link(info, NULL, NULL);
	if (!err)
		err = drop_attributes(info);
	if (err)
		return err;
	strcpy(info->nuid, r->nuid);
	info->size = r->size;
	info->chunks = r->chunks;
	info->max_chunk_size = r->max_chunk_size;
	info->has_digest = true;
	memcpy(info->digest, r->digest, sizeof(info->digest));
	*ret = steal_ptr(info);
	return 0;
}

/* *ret_replaced are the chunks that no name has any more. */
static int publish(struct store *s, const char *name, const struct put_result *r,
		   char ret_replaced[OBJ_NUID_MAX + 1])
{
	int err = -ESTALE;

	for (int i = 0; i < RETRIES && err == -ESTALE; i++) {
		_cleanup_obj_info_ struct obj_info *old = NULL, *info = NULL;

		err = store_get_info(s, name, strlen(name), &old);
		if (err && err != -ENOENT)
			return err;
		err = describe(old, name, r, &info);
		if (!err)
			err = store_put_info(s, info, old ? old->seq : 0);
		strcpy(ret_replaced, old && !old->is_deleted ? old->nuid : "");
	}
	return err;
}

/* After these nothing can have been stored. After others the metadata may be there, without an
 * answer, and need the chunks. */
static bool is_certain(int err)
{
	return err == -ESTALE || err == -ENOSPC || err == -EROFS || err == -EINVAL ||
	       err == -ENAMETOOLONG;
}

/* *ret_keep: the chunks have to stay. */
static int finish(struct store *s, struct store_put *put, const char *name,
		  char ret_replaced[OBJ_NUID_MAX + 1], bool *ret_keep)
{
	struct put_result r;
	int err = store_put_finish(put, &r);

	if (err)
		return fail_store(s, name, err);
	if (signal_pending())
		return fail_interrupted();
	err = publish(s, name, &r, ret_replaced);
	*ret_keep = !err || !is_certain(err);
	return err ? fail_store(s, name, err) : CMD_OK;
}

static int put_object(struct store *s, const struct source *src, const char *name)
{
	char replaced[OBJ_NUID_MAX + 1] = "";
	struct store_put *put;
	bool keep = false;
	int r, err;

	if (cmd_check_name(s, name))
		return CMD_FAILURE;
	err = store_put_open(s, &put);
	if (err)
		return fail_store(s, name, err);
	r = upload(s, put, src, name);
	if (!r)
		r = finish(s, put, name, replaced, &keep);
	store_put_close(put, keep);
	if (r || !replaced[0])
		return r;
	err = store_purge_chunks(s, replaced);
	if (err)
		log_warn("%s is stored, but the content it replaced (%s) stays in bucket %s: %s",
			 name, replaced, s->bucket, cmd_strerror(err));
	return CMD_OK;
}

static int open_source(const char *path, struct source *ret)
{
	struct stat st;

	if (strcmp(path, "-") == 0) {
		*ret = (struct source){STDIN_FILENO, "standard input"};
		return CMD_OK;
	}
	*ret = (struct source){open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY), path};
	if (ret->fd < 0) {
		log_error("cannot open %s: %s", path, strerror(errno));
		return CMD_FAILURE;
	}
	if (fstat(ret->fd, &st) == 0 && S_ISDIR(st.st_mode)) {
		log_error("%s is a directory", path);
		(void)close(ret->fd);
		return CMD_FAILURE;
	}
	(void)posix_fadvise(ret->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return CMD_OK;
}

static int choose_name(const char *path, const char *given, char **ret)
{
	int err;

	if (given && !*given)
		return cmd_usage("--name is empty");
	if (!given && strcmp(path, "-") == 0)
		return cmd_usage("standard input has no name: give one with --name");
	if (given)
		err = (*ret = strdup(given)) ? 0 : -ENOMEM;
	else
		err = cmd_object_name(path, ret);
	if (err == -EINVAL)
		return cmd_usage("\"%s\" cannot be the name of an object: give one with --name",
				 path);
	if (err) {
		log_error("%s", strerror(-err));
		return CMD_FAILURE;
	}
	return CMD_OK;
}

static int put_path(struct connect_opts *co, const char *bucket, const char *path, const char *name)
{
	static const struct bucket_options opts;
	_cleanup_store_ struct store *s = NULL;
	struct source src;
	int r = open_source(path, &src);

	if (r)
		return r;
	r = cmd_open(co, bucket, &opts, &s);
	if (!r) {
		/* What was sent already is taken back before the signal takes effect. */
		signal_defer();
		r = put_object(s, &src, name);
	}
	if (src.fd != STDIN_FILENO)
		(void)close(src.fd);
	return r;
}

int cmd_put(struct connect_opts *co, int argc, char **argv)
{
	static const struct option options[] = {
		CONNECT_LONG_OPTIONS,
		{"name", required_argument, NULL, 'n'},
		{0},
	};
	_cleanup_free_ char *name = NULL;
	const char *given = NULL;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			given = optarg;
		else if (!connect_opts_take(co, c, optarg))
			return CMD_USAGE;
	}
	r = cmd_check_args(argc - optind, 2, 2, SYNOPSIS);
	if (!r)
		r = choose_name(argv[optind + 1], given, &name);
	if (!r)
		r = put_path(co, argv[optind], argv[optind + 1], name);
	if (r)
		signal_finish();
	return r;
}
