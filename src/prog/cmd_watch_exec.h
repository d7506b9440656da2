/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_WATCH_EXEC_H
#define NATSOBJ_PROG_CMD_WATCH_EXEC_H

#include "objstore/info.h"
#include "util/buf.h"
#include "util/cleanup.h"

/* Runs a command with the shell for one change and waits for its end; json becomes its standard
 * input. A command that fails is a warning. CMD_OK, or CMD_FAILURE when none can be run. */
int watch_exec(const char *command, const char *event, const struct obj_info *info,
	       const char *bucket, const struct buf *json) MUST_CHECK;

#endif
