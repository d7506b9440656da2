/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_OPTION_INTERNAL_H
#define NATSOBJ_PROG_OPTION_INTERNAL_H

/* What the parts of the command line's parser share. */

#include "prog/options.h"

/* Sets *ret, unless it is set already, to a sentence for people. */
void option_why(char **ret, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Replaces an owned string. */
int option_set_text(char **field, const char *value) MUST_CHECK;
void option_add_kernel(struct mount_options *o, const char *text);
/* Options separated by commas, as behind -o; "\," is a comma inside a value. */
int option_set_list(struct mount_options *o, const char *list, char **ret_why) MUST_CHECK;
/* Reads the files that hold secrets, and checks those that the library will read. */
int option_read_secrets(struct mount_options *o, char **ret_why) MUST_CHECK;

#endif
