/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_GET_H
#define NATSOBJ_PROG_CMD_GET_H

#include "prog/cmd_save.h"

/* Copies every object below "<prefix>/" (prefix "": all) to its path below the directory dir, which
 * is made when it is missing. An object that cannot be copied does not keep the others from it. */
int get_tree(struct cmd *c, struct store *s, const char *prefix, const char *dir,
	     const struct save_options *o) MUST_CHECK;

#endif
