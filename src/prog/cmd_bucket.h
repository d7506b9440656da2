/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_BUCKET_H
#define NATSOBJ_PROG_CMD_BUCKET_H

#include "prog/cmd.h"

/* Shows a bucket and the number of its objects, as a table or as JSON, after cmd_connect. Waits. */
int bucket_show(struct cmd *c, const char *bucket) MUST_CHECK;
/* After a change: shows the bucket when JSON is wanted, else says nothing. */
int bucket_show_json(struct cmd *c, const char *bucket) MUST_CHECK;

#endif
