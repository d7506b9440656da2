/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_NAME_H
#define NATSOBJ_FS_NAME_H

/*
 * Components of object names as file names.
 *
 * An object name is cut at each '/'. Most components are file names as they stand. Those that POSIX
 * cannot hold are shown escaped; every escape starts with "%=", and a component that really starts
 * so is escaped itself, which makes the mapping reversible:
 *
 *	%=         the empty component ("a//b" is a/%=/b)
 *	%=.  %=..  "." and ".."
 *	%=x…       anything with a NUL or a leading "%="; NUL and '%' as %00 and %25
 *	%=f…       an object that has the name of a directory beside it
 *	%=l…       a component whose name would exceed 255 bytes: a hash of it and its first bytes;
 *	           the true text is kept by the directory entry
 *	%=g…       the same for an object that has the name of a directory beside it
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

#define NAME_COMPONENT_MAX 255

/* File name of a component; out has room for NAME_COMPONENT_MAX + 1 bytes. True when the text
 * itself cannot be recovered from the result and has to be kept (the long form). */
bool name_encode(const char *component, size_t len, char *out);
/* File name of an object that a directory of the same name hides. As name_encode. */
bool name_encode_shadowed(const char *component, size_t len, char *out);

/*
 * Component that a file name stands for, in out (at least as long as the name). -EINVAL: it looks
 * like an escape but is not one that name_encode makes, or it is a long form, whose text only the
 * directory entry knows. -EILSEQ: not UTF-8. *ret_is_shadowed: an object hidden by a directory.
 */
int name_decode(const char *file_name, size_t len, char *out, size_t *ret_len,
		bool *ret_is_shadowed) MUST_CHECK;

#endif
