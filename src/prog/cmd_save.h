/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_SAVE_H
#define NATSOBJ_PROG_CMD_SAVE_H

/* From an object to a file or to standard output. */

#include "prog/cmd_target.h"

struct save_options {
	struct byte_range range;
	bool is_preserving;	   /* permission bits and time that the object carries */
	struct progress *progress; /* NULL: each file has its own */
};

/* Reads t, which the user calls name, into path ("-" is standard output), which appears or changes
 * only as a whole: CMD_OK, or CMD_FAILURE after saying why not. */
int save_object(struct target *t, const char *name, const char *path, const struct save_options *o)
	MUST_CHECK;

#endif
