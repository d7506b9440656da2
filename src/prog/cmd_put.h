/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_PUT_H
#define NATSOBJ_PROG_CMD_PUT_H

/* What storing one file and storing a tree share: cmd_put.c and cmd_put_tree.c. */

#include "prog/cmd.h"
#include "prog/cmd_progress.h"

struct put_options {
	const char *name, *description;
	struct obj_pairs headers, metadata; /* to be set */
	uint32_t chunk_size;		    /* 0: the usual */
	bool is_recursive, is_preserving, must_be_new;
};

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
/* Stores every regular file and symbolic link below a directory, under "<base>/<path>"; base ""
 * leaves the slash out. A file that cannot be stored does not keep the others from it. */
int put_tree(struct put_job *job, const char *dir, const char *base) MUST_CHECK;
/* Stores the text of a symbolic link the way mount.natsobj does. */
int put_symlink(struct put_job *job, const char *path, const char *name) MUST_CHECK;

#endif
