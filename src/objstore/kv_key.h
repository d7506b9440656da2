/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_KV_KEY_H
#define NATSOBJ_OBJSTORE_KV_KEY_H

/*
 * Names of objects, whose parts are divided by '/', as keys of a key-value bucket (NATS ADR-8) and
 * back. Keys may consist of letters, digits and "-/_=." only and have no dot at the beginning, at
 * the end, or beside another one. What a name has besides, and a dot at such a place, becomes "="
 * and two capital hexadecimal digits of each byte: "my file" is the key "my=20file". An "=" that
 * could be taken for such an escape is escaped itself, so every name has one key and no two names
 * share one.
 *
 * The separator is the letter of a key that divides directories: '/' or '.'. With '.' a dot of a
 * name is escaped in the key ("a.txt" is "a=2Etxt"), and a slash of a key in the name.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/cleanup.h"

/* Longest key: with the longest bucket's name it fits a server's default control line. */
#define KV_KEY_LEN_MAX 3400

/* Appends the key of a name. -EINVAL: it is empty or has a NUL; -ENAMETOOLONG; -ENOMEM. */
int kv_key_from_name(char separator, const char *name, size_t len, struct buf *out) MUST_CHECK;

/*
 * Appends the name of a key. Keys that clients should not have been able to store get a name as
 * well, one that has another key: *ret_is_canonical is false then. -EINVAL: it is empty; -ENOMEM.
 */
int kv_name_from_key(char separator, const char *key, struct buf *out, bool *ret_is_canonical)
	MUST_CHECK;

#endif
