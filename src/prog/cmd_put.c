/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stores a file or standard input as an object. The content goes out while it is read; the metadata
 * follows when every chunk is acknowledged, by compare and set against whatever version is the
 * newest then, so that the last put wins and no other client's version is replaced unseen.
 */
#include "prog/cmd_put.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "prog/cmd_print.h"
#include "prog/cmd_settings.h"
#include "prog/cmd_signal.h"
#include "prog/cmd_upload.h"
#include "util/log.h"
#include "util/parse.h"

/* Chunks as large as any server takes. */
#define CHUNK_SIZE_MAX (UINT32_C(8) << 20)

static const struct option options[] = {
	CMD_LONG_OPTIONS,
	{"name", required_argument, NULL, 'n'},
	{"description", required_argument, NULL, 'D'},
	{"header", required_argument, NULL, 'H'},
	{"metadata", required_argument, NULL, 'M'},
	{"chunk-size", required_argument, NULL, 'C'},
	{"recursive", no_argument, NULL, 'r'},
	{"preserve", no_argument, NULL, 'p'},
	{"no-clobber", no_argument, NULL, 'N'},
	{0},
};

static const struct cmd_spec spec = {
	.synopsis = "put BUCKET FILE|- [--name NAME] [--description TEXT] [-H|--header KEY:VALUE]…"
		    " [--metadata KEY=VALUE]… [--chunk-size SIZE] [-r|--recursive]"
		    " [-p|--preserve] [--no-clobber]",
	.help = "Stores a file, standard input (-), or with -r a directory tree. Without --name "
		"the\n"
		"object has the path of the file as given, less a leading slash and \"./\".\n\n"
		"  --name NAME               name of the object, or of a tree's directory\n"
		"  --description TEXT        what it is\n"
		"  -H, --header KEY:VALUE    set a header; may be repeated\n"
		"  --metadata KEY=VALUE      set a metadata field; may be repeated\n"
		"  --chunk-size SIZE         of the pieces it is stored in, default 128K\n"
		"  -r, --recursive           a directory with all files and symbolic links below\n"
		"  -p, --preserve            also store permission bits and times, as a mount "
		"does\n"
		"  --no-clobber              fail if the object exists\n",
	.examples = "  natsobj put photos beach.jpg --header content-type:image/jpeg\n"
		    "  tar c /etc | natsobj put backup - --name etc/today.tar\n"
		    "  natsobj put photos 2025 -r -p\n",
	.short_options = "H:rp",
	.options = options,
};

struct source {
	int fd;
	const char *path; /* for messages */
	struct stat st;
	bool is_regular;
	uint64_t n_read;
};

static int fail_store(const struct put_job *job, const char *name, int err)
{
	if (err == -EINTR)
		return cmd_fail("interrupted, nothing is stored");
	return cmd_fail("cannot store %s in bucket %s: %s", name, job->store->bucket,
			cmd_strerror(err));
}

static int fail_read(const struct source *src, int err)
{
	if (err == -EINTR)
		return cmd_fail("interrupted, nothing is stored");
	return cmd_fail("cannot read %s: %s", src->path, strerror(-err));
}

/* What can be had at once: a number of bytes, 0 at the end, or -errno. */
static ssize_t read_some(const struct source *src, void *data, size_t len)
{
	for (;;) {
		int err = signal_wait_readable(src->fd);
		ssize_t n;

		if (err)
			return err;
		n = read(src->fd, data, len);
		if (n >= 0)
			return n;
		if (errno != EINTR && errno != EAGAIN)
			return -errno;
	}
}

static int send_content(struct put_job *job, struct upload *u, struct source *src,
			struct progress *progress, const char *name)
{
	for (;;) {
		void *space;
		size_t len;
		ssize_t n;
		int err = upload_space(u, &space, &len);

		if (err)
			return fail_store(job, name, err);
		n = read_some(src, space, len);
		if (n < 0)
			return fail_read(src, (int)n);
		if (n == 0)
			return CMD_OK;
		src->n_read += (uint64_t)n;
		progress_add(progress, (uint64_t)n);
		err = upload_advance(u, (size_t)n);
		if (err)
			return fail_store(job, name, err);
	}
}

/* A file that somebody writes to meanwhile is stored in no state that it ever had. */
static int check_unchanged(const struct source *src)
{
	struct stat now;

	if (!src->is_regular)
		return CMD_OK;
	if (fstat(src->fd, &now) < 0)
		return fail_read(src, -errno);
	if (src->n_read == (uint64_t)src->st.st_size && now.st_size == src->st.st_size &&
	    now.st_mtim.tv_sec == src->st.st_mtim.tv_sec &&
	    now.st_mtim.tv_nsec == src->st.st_mtim.tv_nsec)
		return CMD_OK;
	return cmd_fail("%s changed while it was read, nothing is stored", src->path);
}

static int print_stored(struct put_job *job, const struct obj_info *info)
{
	if (!job->cmd->is_json)
		return CMD_OK;
	if (job->in_array)
		(void)fputs(job->is_first ? "[" : ",", stdout);
	job->is_first = false;
	return cmd_print_info_json(info, job->store->bucket);
}

static int put_source(struct put_job *job, struct source *src, const char *name,
		      struct progress *progress)
{
	const struct put_description d = {
		.options = job->options,
		.name = name,
		.preserved = src->is_regular && job->options->is_preserving ? &src->st : NULL,
	};
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_upload_ struct upload u = {0};
	int r, err = upload_open(&u, job->store);

	if (err)
		return fail_store(job, name, err);
	r = send_content(job, &u, src, progress, name);
	if (!r)
		r = check_unchanged(src);
	if (r)
		return r;
	err = upload_publish(&u, name, job->options->must_be_new, put_describe,
			     (void *)(uintptr_t)&d, &info);
	return err ? fail_store(job, name, err) : print_stored(job, info);
}

static int open_source(const char *path, struct source *ret)
{
	*ret = (struct source){.fd = STDIN_FILENO, .path = "standard input"};
	if (strcmp(path, "-") != 0) {
		ret->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		ret->path = path;
	}
	if (ret->fd < 0)
		return cmd_fail("cannot open %s: %s", path, strerror(errno));
	if (fstat(ret->fd, &ret->st) < 0)
		return fail_read(ret, -errno);
	ret->is_regular = S_ISREG(ret->st.st_mode) && ret->fd != STDIN_FILENO;
	if (!S_ISDIR(ret->st.st_mode)) {
		(void)posix_fadvise(ret->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
		return CMD_OK;
	}
	(void)close(steal_fd(&ret->fd));
	return cmd_fail("%s is a directory: use --recursive", path);
}

int put_file(struct put_job *job, const char *path, const char *name)
{
	_cleanup_progress_ struct progress *own = NULL;
	struct source src;
	int r = cmd_check_name(job->store, name);

	if (!r)
		r = open_source(path, &src);
	if (r)
		return r;
	if (!job->progress)
		own = progress_new(name,
				   src.is_regular ? (uint64_t)src.st.st_size : PROGRESS_UNKNOWN,
				   job->cmd->is_quiet);
	else
		progress_set_label(job->progress, name);
	r = put_source(job, &src, name, own ? own : job->progress);
	if (src.fd != STDIN_FILENO)
		(void)close(src.fd);
	return r;
}

int put_symlink(struct put_job *job, const char *path, const char *name)
{
	char target[PATH_MAX];
	const struct put_description d = {
		.options = job->options, .name = name, .link_target = target};
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_upload_ struct upload u = {0};
	ssize_t len = readlink(path, target, sizeof(target) - 1);
	int err;

	if (len < 0)
		return cmd_fail("cannot read the link %s: %s", path, strerror(errno));
	target[len] = '\0';
	if (cmd_check_name(job->store, name))
		return CMD_FAILURE;
	err = upload_open(&u, job->store);
	if (!err)
		err = upload_write(&u, target, (size_t)len);
	if (!err)
		err = upload_publish(&u, name, job->options->must_be_new, put_describe,
				     (void *)(uintptr_t)&d, &info);
	return err ? fail_store(job, name, err) : print_stored(job, info);
}

int put_directory(struct put_job *job, const struct stat *st, const char *name)
{
	_cleanup_free_ char *mark = NULL;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_upload_ struct upload u = {0};
	struct put_description d = {.options = job->options,
				    .preserved = job->options->is_preserving ? st : NULL};
	int err;

	if (asprintf(&mark, "%s/", name) < 0) {
		mark = NULL;
		return cmd_fail("out of memory");
	}
	if (cmd_check_name(job->store, mark))
		return CMD_FAILURE;
	d.name = mark;
	err = upload_open(&u, job->store);
	if (!err)
		err = upload_publish(&u, mark, job->options->must_be_new, put_describe, &d, &info);
	return err ? fail_store(job, mark, err) : print_stored(job, info);
}

static int choose_name(const char *path, const struct put_options *o, char **ret)
{
	const char *given = o->name;
	int err;

	if (given && !*given && !o->is_recursive)
		return cmd_usage("--name is empty");
	if (!given && strcmp(path, "-") == 0)
		return cmd_usage("standard input has no name: give one with --name");
	if (given)
		err = (*ret = strdup(given)) ? 0 : -ENOMEM;
	else
		err = cmd_object_name(path, ret);
	/* The working directory itself: its files, without a directory around them. */
	if (err == -EINVAL && o->is_recursive && !strstr(path, ".."))
		err = (*ret = strdup("")) ? 0 : -ENOMEM;
	if (err == -EINVAL)
		return cmd_usage("\"%s\" cannot be the name of an object: give one with --name",
				 path);
	return err ? cmd_fail("%s", strerror(-err)) : CMD_OK;
}

static int take_option(struct put_options *o, int opt, const char *arg)
{
	uint64_t n;

	switch (opt) {
	case 'n':
		o->name = arg;
		return CMD_OK;
	case 'D':
		o->description = arg;
		return CMD_OK;
	case 'H':
		return settings_take_pair(&o->headers, "--header", arg, ':');
	case 'M':
		return settings_take_pair(&o->metadata, "--metadata", arg, '=');
	case 'C':
		if (parse_size(arg, 1, CHUNK_SIZE_MAX, &n) < 0)
			return cmd_usage("--chunk-size %s is not a size of at most 8M", arg);
		o->chunk_size = (uint32_t)n;
		return CMD_OK;
	case 'r':
		o->is_recursive = true;
		return CMD_OK;
	case 'p':
		o->is_preserving = true;
		return CMD_OK;
	case 'N':
		o->must_be_new = true;
		return CMD_OK;
	default:
		return CMD_USAGE;
	}
}

static int put_path(struct cmd *c, const char *bucket, const char *path, const char *name,
		    const struct put_options *o)
{
	const struct bucket_options opts = {.chunk_size = o->chunk_size};
	_cleanup_store_ struct store *s = NULL;
	struct put_job job = {.cmd = c, .options = o};
	struct stat st = {0};
	int r;

	/* What is wrong with a file is said without asking a server. */
	if (strcmp(path, "-") != 0 && stat(path, &st) < 0)
		return cmd_fail("cannot open %s: %s", path, strerror(errno));
	r = cmd_open(c, bucket, &opts, &s);
	if (r)
		return r;
	job.store = s;
	if (o->chunk_size > s->chunk_size)
		log_warn("chunks have %u bytes, which is all that the server takes", s->chunk_size);
	/* What was sent already is taken back before the signal takes effect. */
	signal_defer();
	if (o->is_recursive && strcmp(path, "-") != 0 && S_ISDIR(st.st_mode))
		r = put_tree(&job, path, name);
	else
		r = put_file(&job, path, name);
	return r;
}

static int run(struct cmd *c, int argc, char **argv, struct put_options *o)
{
	_cleanup_free_ char *name = NULL;
	int opt, r;

	while ((opt = cmd_option(c, argc, argv, &spec)) != -1) {
		r = opt == '?' ? c->status : take_option(o, opt, optarg);
		if (r || opt == '?')
			return r;
	}
	r = cmd_check_args(argc - optind, 2, 2, &spec);
	if (!r)
		r = choose_name(argv[optind + 1], o, &name);
	return r ? r : put_path(c, argv[optind], argv[optind + 1], name, o);
}

int cmd_put(struct cmd *c, int argc, char **argv)
{
	struct put_options o = {0};
	int r = run(c, argc, argv, &o);

	obj_pairs_done(&o.headers);
	obj_pairs_done(&o.metadata);
	if (r)
		signal_finish();
	return r;
}
