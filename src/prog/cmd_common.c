/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "objstore/subject.h"
#include "prog/cmd.h"
#include "util/log.h"

int cmd_usage(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_error("%s", line);
	return CMD_USAGE;
}

int cmd_check_args(int argc, int min, int max, const char *synopsis)
{
	if (argc >= min && argc <= max)
		return CMD_OK;
	return cmd_usage("usage: natsobj %s", synopsis);
}

const char *cmd_strerror(int err)
{
	switch (-err) {
	case ENOENT:
		return "no such object";
	case ENOSPC:
		return "the bucket or the account is full";
	case EROFS:
		return "the bucket cannot be written";
	case EACCES:
		return "no permission";
	case ENAMETOOLONG:
		return "the name is too long for this server";
	case EFBIG:
		return "the object is too large";
	case ETIMEDOUT:
		return "no answer from the server in time";
	case ENOTCONN:
		return "the connection to the server is lost";
	case ENODEV:
		return "the bucket is gone";
	case ESTALE:
		return "it was changed by somebody else at the same time";
	case EBADMSG:
		return "the content does not match its SHA-256 digest";
	case EIO:
		return "the bucket's data is damaged or the server refused the request";
	default:
		return strerror(-err);
	}
}

/* Threads of the client library must not take the signals that are meant for the command. */
static int start_library(void)
{
	sigset_t all, old;
	int err;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	err = conn_library_init();
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return err;
}

int cmd_connect(struct connect_opts *co)
{
	_cleanup_free_ char *why = NULL;
	int err = connect_opts_finish(co, &why);

	if (err)
		return cmd_usage("%s", why ? why : strerror(-err));
	err = start_library();
	if (err) {
		log_error("cannot start the NATS client: %s", strerror(-err));
		return CMD_FAILURE;
	}
	return CMD_OK;
}

/* Checks what can be checked without a server. */
static int prepare(struct connect_opts *co, const char *bucket)
{
	if (!obj_bucket_is_valid(bucket))
		return cmd_usage("\"%s\" cannot be the name of a bucket", bucket);
	return cmd_connect(co);
}

static int report_open(int err, const char *why)
{
	if (!err)
		return CMD_OK;
	log_error("%s", why ? why : strerror(-err));
	return CMD_FAILURE;
}

/* What the bucket or the server could do better is for the log of a daemon, not for every command.
 */
static int open_quietly(struct connect_opts *co, const char *bucket,
			const struct bucket_options *opts, struct store **ret, char **ret_why)
{
	int err;

	log_set_level(LOG_LEVEL_ERROR);
	err = bucket_open(&co->config, bucket, opts, ret, ret_why);
	log_set_level(LOG_LEVEL_WARN);
	return err;
}

int cmd_open(struct connect_opts *co, const char *bucket, const struct bucket_options *opts,
	     struct store **ret)
{
	_cleanup_free_ char *why = NULL;
	int err, r = prepare(co, bucket);

	if (r)
		return r;
	err = open_quietly(co, bucket, opts, ret, &why);
	return report_open(err, why);
}

int cmd_open_any(struct connect_opts *co, const char *bucket, struct store **ret)
{
	struct bucket_options opts = {0};
	_cleanup_free_ char *why = NULL;
	int err, r = prepare(co, bucket);

	if (r)
		return r;
	err = open_quietly(co, bucket, &opts, ret, &why);
	if (err == -EROFS) {
		free(steal_ptr(why));
		opts.want_read_only = true;
		err = open_quietly(co, bucket, &opts, ret, &why);
	}
	return report_open(err, why);
}

int cmd_check_name(const struct store *s, const char *name)
{
	size_t len = strlen(name);

	if (!obj_utf8_is_valid(name, len))
		log_error("%s: the name of an object has to be UTF-8 text", name);
	else if (len > s->name_max)
		log_error("%.64s…: the name is longer than %zu bytes", name, s->name_max);
	else
		return CMD_OK;
	return CMD_FAILURE;
}

int cmd_find(struct store *s, const char *name, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = store_get_info(s, name, strlen(name), &info);

	if (err)
		return err;
	if (info->is_deleted)
		return -ENOENT;
	*ret = steal_ptr(info);
	return 0;
}

int cmd_object_name(const char *path, char **ret)
{
	_cleanup_free_ char *name = malloc(strlen(path) + 1);
	size_t len = 0;

	if (!name)
		return -ENOMEM;
	while (*path) {
		size_t n = strcspn(path, "/");

		if (n == 2 && path[0] == '.' && path[1] == '.')
			return -EINVAL;
		if (n > 1 || (n == 1 && path[0] != '.')) {
			if (len > 0)
				name[len++] = '/';
			memcpy(name + len, path, n);
			len += n;
		}
		path += n + (path[n] == '/');
	}
	if (len == 0)
		return -EINVAL;
	name[len] = '\0';
	*ret = steal_ptr(name);
	return 0;
}

const char *cmd_file_name(const char *name)
{
	const char *slash = strrchr(name, '/');

	if (slash)
		name = slash + 1;
	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return NULL;
	return name;
}
