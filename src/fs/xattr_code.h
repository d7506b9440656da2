/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_XATTR_CODE_H
#define NATSOBJ_FS_XATTR_CODE_H

/* How names and values of extended attributes are written in an object's description: the rules
 * that fs/xattr.h states. */

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/cleanup.h"

#define XATTR_DESCRIPTION "user.nats.description"
#define XATTR_HEADER "user.nats.header."

enum xattr_kind {
	XATTR_KIND_METADATA = 'm',
	XATTR_KIND_HEADER = 'h',
	XATTR_KIND_DESCRIPTION = 'd',
	XATTR_KIND_LINK = 'l', /* of an object link; no attribute by itself */
};

/* Where an attribute is kept. *ret_key points into name or, escaped, into buf. -EOPNOTSUPP for
 * namespaces that there are not, -EINVAL for an empty name. */
int xattr_locate(const char *name, struct buf *buf, char *ret_kind, const char **ret_key)
	MUST_CHECK;
/* Appends the attribute's name of a metadata key; false when the key is none. */
bool xattr_append_name(const char *key, struct buf *out);
bool xattr_is_key(const char *key);

/* UTF-8 text without control characters, which JSON would blow up. */
bool xattr_is_plain(const char *value, size_t len);
/* A value as it is stored. */
void xattr_append_encoded(struct buf *out, const char *value, size_t len);
/* The bytes of a stored value; false, and nothing appended, when it is not in the marked form. */
bool xattr_append_decoded(const char *value, struct buf *out);

#endif
