/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "objstore/subject.h"
#include "prog/cmd.h"
#include "prog/cmd_print.h"
#include "util/log.h"

bool cmd_take_common(struct cmd *c, int opt, char *arg)
{
	if (opt == CMD_OPT_JSON)
		c->is_json = true;
	else if (opt == 'q')
		c->is_quiet = true;
	else
		return connect_opts_take(&c->connect, opt == 's' ? CONNECT_OPT_SERVER : opt, arg);
	return true;
}

static int print_help(const struct cmd_spec *spec)
{
	(void)printf("Usage: natsobj %s\n\n%s\n", spec->synopsis, spec->help);
	(void)printf("Of all commands: --json, -q/--quiet, --server, --context and others for the\n"
		     "connection; see natsobj --help.\n\nExamples:\n%s",
		     spec->examples);
	return cmd_flush();
}

int cmd_option(struct cmd *c, int argc, char **argv, const struct cmd_spec *spec)
{
	char letters[64];
	int opt;

	(void)snprintf(letters, sizeof(letters), CMD_SHORT_OPTIONS "%s", spec->short_options);
	do {
		opt = getopt_long(argc, argv, letters, spec->options, NULL);
	} while (opt != -1 && cmd_take_common(c, opt, optarg));
	c->status = CMD_USAGE;
	if (opt != CMD_OPT_HELP)
		return opt;
	c->status = print_help(spec);
	return '?';
}

bool cmd_take_force(struct cmd *c, int argc, char **argv, const struct cmd_spec *spec,
		    bool *ret_is_forced)
{
	int opt;

	*ret_is_forced = false;
	while ((opt = cmd_option(c, argc, argv, spec)) == 'f')
		*ret_is_forced = true;
	return opt == -1;
}

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

int cmd_fail(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	log_error("%s", line);
	return CMD_FAILURE;
}

int cmd_check_args(int argc, int min, int max, const struct cmd_spec *spec)
{
	if (argc >= min && argc <= max)
		return CMD_OK;
	return cmd_usage("usage: natsobj %s", spec->synopsis);
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
	case EEXIST:
		return "there is an object of that name already";
	case ELOOP:
		return "too many links, or a circle of them";
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

int cmd_connect(struct cmd *c)
{
	_cleanup_free_ char *why = NULL;
	int err;

	if (c->is_connectable)
		return CMD_OK;
	err = connect_opts_finish(&c->connect, &why);

	if (err)
		return cmd_usage("%s", why ? why : strerror(-err));
	err = start_library();
	c->is_connectable = !err;
	return err ? cmd_fail("cannot start the NATS client: %s", strerror(-err)) : CMD_OK;
}

int cmd_connect_for(struct cmd *c, const char *bucket)
{
	if (!obj_bucket_is_valid(bucket))
		return cmd_usage("\"%s\" cannot be the name of a bucket", bucket);
	return cmd_connect(c);
}

int cmd_report(int err, const char *why)
{
	return err ? cmd_fail("%s", why ? why : strerror(-err)) : CMD_OK;
}

int cmd_open(struct cmd *c, const char *bucket, const struct bucket_options *opts,
	     struct store **ret)
{
	_cleanup_free_ char *why = NULL;
	int err, r = cmd_connect_for(c, bucket);

	if (r)
		return r;
	/* What the bucket or the server could do better is for the log of a daemon, not for every
	 * command. */
	log_set_level(LOG_LEVEL_ERROR);
	err = bucket_open(&c->connect.config, bucket, opts, ret, &why);
	log_set_level(c->is_quiet ? LOG_LEVEL_ERROR : LOG_LEVEL_WARN);
	return cmd_report(err, why);
}

int cmd_open_read(struct cmd *c, const char *bucket, struct store **ret)
{
	static const struct bucket_options opts = {.want_read_only = true};

	return cmd_open(c, bucket, &opts, ret);
}

int cmd_open_write(struct cmd *c, const char *bucket, struct store **ret)
{
	static const struct bucket_options opts;

	return cmd_open(c, bucket, &opts, ret);
}

bool cmd_confirm(const char *fmt, ...)
{
	char answer[16];
	va_list ap;

	va_start(ap, fmt);
	(void)vfprintf(stderr, fmt, ap);
	va_end(ap);
	(void)fputs(" [y/N] ", stderr);
	return fgets(answer, sizeof(answer), stdin) && (answer[0] == 'y' || answer[0] == 'Y');
}

int cmd_check_name(const struct store *s, const char *name)
{
	size_t len = strlen(name);

	if (len == 0)
		log_error("the name of the object is empty");
	else if (!obj_utf8_is_valid(name, len))
		log_error("%s: the name of an object has to be UTF-8 text", name);
	else if (len > s->name_max)
		log_error("%.64s…: the name is longer than %zu bytes", name, s->name_max);
	else
		return CMD_OK;
	return CMD_FAILURE;
}

static void on_reload_begin(void *arg, bool is_other_history)
{
	(void)arg;
	(void)is_other_history;
}

static void on_reload_end(void *arg, uint64_t last_seq)
{
	(void)arg;
	(void)last_seq;
}

static void on_info(void *arg, struct obj_info *info)
{
	(void)arg;
	obj_info_free(info);
}

static void on_state(void *arg, enum watch_state state)
{
	(void)arg;
	(void)state;
}

/* The store remembers of each name where its watch has seen it. */
static int learn_names(struct store *s)
{
	static const struct watch_listener listener = {
		.on_reload_begin = on_reload_begin,
		.on_reload_end = on_reload_end,
		.on_info = on_info,
		.on_state = on_state,
	};

	return store_watch(s, &listener);
}

int cmd_get_info(struct store *s, const char *name, struct obj_info **ret)
{
	int err = store_get_info(s, name, strlen(name), ret);

	/* The replacement character stands for bytes that only the token has. */
	if (err != -ENOENT || !strstr(name, "\xef\xbf\xbd"))
		return err;
	err = learn_names(s);
	return err ? err : store_get_info(s, name, strlen(name), ret);
}

int cmd_find(struct store *s, const char *name, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = cmd_get_info(s, name, &info);

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
