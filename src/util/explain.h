/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_EXPLAIN_H
#define NATSOBJ_UTIL_EXPLAIN_H

#include "util/cleanup.h"

/*
 * Puts the text of an error for people into *ret_why, which the caller frees, in place of what is
 * there, and returns err: `return explain(-ENOENT, ret_why, "no bucket \"%s\"", name);`.
 * *ret_why is NULL when there is no memory for it. Does not wait.
 */
int explain(int err, char **ret_why, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Overwrites and frees a string that may be a secret. NULL is harmless. */
void wipe_and_free(char *s);

#endif
