/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_LONG_NAME_H
#define NATSOBJ_OBJSTORE_LONG_NAME_H

/*
 * Names too long for a subject. Their metadata is the object .natsobj/long/<SHA-256 of the name in
 * hex>, the alias, which says the name in its metadata. Everything above the JSON and the subject
 * sees the name only. The limit is the same for every bucket and connection, because all hosts have
 * to look for a name at the same place.
 */

#include <stdbool.h>
#include <stddef.h>

#include "objstore/info.h"
#include "util/cleanup.h"

/* Longest name, in bytes, that is its own subject: in the longest bucket name there is, and with
 * more than a hundred bytes to spare for reply subjects, it fits a server's default control line of
 * 4096 bytes. */
#define OBJ_NAME_PLAIN_MAX 2700
/* Longest name at all. */
#define OBJ_NAME_MAX 16384

#define OBJ_ALIAS_LEN (sizeof(HIDDEN_LONG_NAMES) - 1 + 2 * OBJ_DIGEST_LEN)

/* The alias of a name, whatever its length. 0 or -ENOMEM. */
int obj_alias(const char *name, size_t len, char ret[OBJ_ALIAS_LEN + 1]) MUST_CHECK;

/* Whether an info is stored under the alias of its name. A foreign token that is too long for an
 * alias is that of the name itself. */
bool obj_info_has_alias(const struct obj_info *info);

/* Gives what was read under an alias the name it stands for, and takes that out of its metadata. An
 * alias that is not true keeps its own name. 0 or -ENOMEM. */
int obj_info_resolve_alias(struct obj_info *info) MUST_CHECK;

/*
 * The same for the answer to a request for a name, which is known then: where its alias does not
 * say it, a mark of the server's takes the name, and anything else is malformed. 0 or -ENOMEM.
 */
int obj_info_expect_name(struct obj_info *info, const char *name, size_t len) MUST_CHECK;

#endif
