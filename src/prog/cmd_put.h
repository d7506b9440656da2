/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_PUT_H
#define NATSOBJ_PROG_CMD_PUT_H

/* What storing one file and storing a tree share: cmd_put.c, cmd_put_describe.c and cmd_put_tree.c.
 */

#include <sys/stat.h>

#include "prog/cmd.h"
#include "prog/cmd_progress.h"

struct put_options {
	const char *name, *description;
	struct obj_pairs headers, metadata; /* to be set */
	uint32_t chunk_size;		    /* 0: the usual */
	bool is_recursive, is_preserving, must_be_new;
};

struct put_description {
	const struct put_options *options;
	const char *name;
	const struct stat *preserved; /* not NULL: permission bits and time to be kept */
	const char *link_target;      /* not NULL: a symbolic link */
};

/* A describe_fn (cmd_upload.h) whose arg is a put_description: keeps what the replaced version
 * says, and sets what the options name. */
int put_describe(void *arg, const struct obj_info *old, struct obj_info **ret) MUST_CHECK;

struct put_job {
	struct cmd *cmd;
	struct store *store;
	const struct put_options *options;
	struct progress *progress; /* NULL: each file has its own */
	bool is_first;		   /* of the JSON array of a tree */
	bool in_array;
};

/* Stores what path names, "-" being standard input: CMD_OK or CMD_FAILURE after saying why. */
int put_file(struct put_job *job, const char *path, const char *name) MUST_CHECK;
/* Stores every regular file, symbolic link and empty directory below a directory, under
 * "<base>/<path>"; base "" leaves the slash out. A file that cannot be stored does not keep the
 * others from it. */
int put_tree(struct put_job *job, const char *dir, const char *base) MUST_CHECK;
/* Stores the mark of a directory, "<name>/", the way mount.natsobj does: an empty object. */
int put_directory(struct put_job *job, const struct stat *st, const char *name) MUST_CHECK;
/* Stores the text of a symbolic link the way mount.natsobj does. */
int put_symlink(struct put_job *job, const char *path, const char *name) MUST_CHECK;

#endif
