/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_H
#define NATSOBJ_PROG_CMD_H

/* The subcommands of natsobj, one per file cmd_<verb>.c, and what they share (cmd_common.c). */

#include <getopt.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/bucket.h"
#include "objstore/info.h"
#include "objstore/store.h"
#include "prog/connect_opts.h"
#include "util/cleanup.h"

/* Exit codes. */
#define CMD_OK 0
#define CMD_FAILURE 1
#define CMD_USAGE 2

/* What was given on the command line for every subcommand. */
struct cmd {
	struct connect_opts connect;
	bool is_json;
	bool is_quiet;	     /* no progress, no remarks about what went well */
	bool is_connectable; /* the connection options are complete */
	int status;	     /* what to end with after cmd_option returned something unknown */
};

/* argv[0] is "natsobj VERB", for getopt's messages; options start at argv[1]. */
typedef int cmd_fn(struct cmd *c, int argc, char **argv);

cmd_fn cmd_add, cmd_bench, cmd_cat, cmd_cp, cmd_del, cmd_edit, cmd_get, cmd_info, cmd_link, cmd_ls,
	cmd_meta, cmd_mount, cmd_mounts, cmd_mv, cmd_put, cmd_seal, cmd_status, cmd_umount,
	cmd_verify, cmd_watch;

/* The command line of one subcommand. */
struct cmd_spec {
	const char *synopsis; /* "put BUCKET FILE|- …" */
	const char *help;     /* about arguments and options */
	const char *examples;
	const char *short_options;    /* for getopt */
	const struct option *options; /* those of CMD_LONG_OPTIONS and its own */
};

#define CMD_OPT_JSON 2000
#define CMD_OPT_HELP 2001
#define CMD_SHORT_OPTIONS "qs:"
/* clang-format off */
#define CMD_LONG_OPTIONS                                                                           \
	CONNECT_LONG_OPTIONS,                                                                      \
	{"json", no_argument, NULL, CMD_OPT_JSON},                                                 \
	{"quiet", no_argument, NULL, 'q'},                                                         \
	{"help", no_argument, NULL, CMD_OPT_HELP}
/* clang-format on */

/*
 * The next option that is the subcommand's own, or -1 after the last. Common ones are taken on the
 * way. When one is wrong, or after --help was answered, the result is '?' and c->status what to end
 * with.
 */
int cmd_option(struct cmd *c, int argc, char **argv, const struct cmd_spec *spec);
/* For a subcommand whose only own option is -f: whether it was given. False: it ends with
 * c->status. */
bool cmd_take_force(struct cmd *c, int argc, char **argv, const struct cmd_spec *spec,
		    bool *ret_is_forced) MUST_CHECK;
/* An option of all subcommands, in or before them: false when it is none. */
bool cmd_take_common(struct cmd *c, int opt, char *arg);

DEFINE_CLEANUP(struct store *, store_close)
#define _cleanup_store_ CLEANUP(store_close_p)

/* One line on standard error; results in CMD_USAGE. */
int cmd_usage(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* The same for what is no fault of the command line: CMD_FAILURE. */
int cmd_fail(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Says that the arguments are wrong unless there are min to max of them: CMD_OK or CMD_USAGE. */
int cmd_check_args(int argc, int min, int max, const struct cmd_spec *spec) MUST_CHECK;
/* What an error of the store means to people. */
const char *cmd_strerror(int err);
/* Whether a sentence of the store, or else err, was an error: CMD_OK or CMD_FAILURE after saying
 * so. */
int cmd_report(int err, const char *why) MUST_CHECK;

/*
 * Completes the connection options and opens the bucket. CMD_OK, or what the command ends with
 * after one line on standard error. Waits.
 */
int cmd_open(struct cmd *c, const char *bucket, const struct bucket_options *opts,
	     struct store **ret) MUST_CHECK;
int cmd_open_read(struct cmd *c, const char *bucket, struct store **ret) MUST_CHECK;
int cmd_open_write(struct cmd *c, const char *bucket, struct store **ret) MUST_CHECK;
/* Completes the connection options and starts the client library, for calls that open no bucket. */
int cmd_connect(struct cmd *c) MUST_CHECK;
/* The same after a check of the bucket's name. */
int cmd_connect_for(struct cmd *c, const char *bucket) MUST_CHECK;

/* A name given by the user, against what the bucket takes: CMD_OK or CMD_FAILURE. */
int cmd_check_name(const struct store *s, const char *name) MUST_CHECK;
/* The newest version of a name, tombstones too. Where another client encoded a name that is no
 * UTF-8, a listing tells where it is. Waits. */
int cmd_get_info(struct store *s, const char *name, struct obj_info **ret) MUST_CHECK;
/* The newest version of an object that exists: -ENOENT for a tombstone too. Waits. */
int cmd_find(struct store *s, const char *name, struct obj_info **ret) MUST_CHECK;
/* True when the user at the terminal agrees. What cannot be answered is a no. */
bool cmd_confirm(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Name of the object for a file: the path without "." and empty components, relative. -EINVAL when
 * a ".." is in it or nothing remains. The caller frees.
 */
int cmd_object_name(const char *path, char **ret) MUST_CHECK;
/* File in the working directory for an object: the last component, borrowed from name. NULL when
 * that cannot be a file. */
const char *cmd_file_name(const char *name);

#endif
