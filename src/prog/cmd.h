/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_H
#define NATSOBJ_PROG_CMD_H

/* The subcommands of natsobj, one per file cmd_<verb>.c, and what they share (cmd_common.c). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/bucket.h"
#include "objstore/info.h"
#include "objstore/store.h"
#include "prog/connect_opts.h"
#include "util/cleanup.h"
#include "util/json_write.h"

/* Exit codes. */
#define CMD_OK 0
#define CMD_FAILURE 1
#define CMD_USAGE 2

/* argv[0] is "natsobj VERB", for getopt's messages; options start at argv[1]. */
typedef int cmd_fn(struct connect_opts *co, int argc, char **argv);

cmd_fn cmd_add, cmd_ls, cmd_put, cmd_get, cmd_info, cmd_del;

DEFINE_CLEANUP(struct store *, store_close)
#define _cleanup_store_ CLEANUP(store_close_p)

/* One line on standard error; results in CMD_USAGE. */
int cmd_usage(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Says that the arguments are wrong unless there are min to max of them: CMD_OK or CMD_USAGE. */
int cmd_check_args(int argc, int min, int max, const char *synopsis) MUST_CHECK;
/* What an error of the store means to people. */
const char *cmd_strerror(int err);

/*
 * Completes co and opens the bucket. CMD_OK, or what the command ends with after one line on
 * standard error. Waits.
 */
int cmd_open(struct connect_opts *co, const char *bucket, const struct bucket_options *opts,
	     struct store **ret) MUST_CHECK;
/* The same for reading a bucket whose own write protection is of interest: opened for writing if it
 * can be. */
int cmd_open_any(struct connect_opts *co, const char *bucket, struct store **ret) MUST_CHECK;
/* Completes co and starts the client library, for calls that open no bucket. */
int cmd_connect(struct connect_opts *co) MUST_CHECK;

/* A name given by the user, against what the bucket takes: CMD_OK or CMD_FAILURE. */
int cmd_check_name(const struct store *s, const char *name) MUST_CHECK;
/* The newest version of an object that exists: -ENOENT for a tombstone too. Waits. */
int cmd_find(struct store *s, const char *name, struct obj_info **ret) MUST_CHECK;

/*
 * Name of the object for a file: the path without "." and empty components, relative. -EINVAL when
 * a ".." is in it or nothing remains. The caller frees.
 */
int cmd_object_name(const char *path, char **ret) MUST_CHECK;
/* File in the working directory for an object: the last component, borrowed from name. NULL when
 * that cannot be a file. */
const char *cmd_file_name(const char *name);

/* ---- cmd_print.c ---- */

#define CMD_TIME_LEN 32

/* RFC 3339 in UTC, with seconds, or with nanoseconds. */
void cmd_format_time(int64_t ns, char ret[CMD_TIME_LEN]);
void cmd_format_time_ns(int64_t ns, char ret[CMD_TIME_LEN]);
/* When the content was last changed. */
int64_t cmd_mtime_ns(const struct obj_info *info);
/* The name as a terminal may see it: control characters become '?' when it is one. */
void cmd_print_name(const char *name, size_t len);
/* All of an object, with the member names of NATS ADR-20 and its sequence. */
void cmd_json_info(struct json_writer *w, const struct obj_info *info, const char *bucket);
void cmd_json_status(struct json_writer *w, const char *bucket, const struct store_status *st);
/* Prints a finished text with a newline. CMD_OK or CMD_FAILURE. */
int cmd_print_buf(const struct buf *b) MUST_CHECK;
/* Standard output has taken everything: CMD_OK, or CMD_FAILURE after saying so. A reader that went
 * away is no news and stays unmentioned. */
int cmd_flush(void) MUST_CHECK;

#endif
