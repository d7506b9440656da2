/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_XATTR_H
#define NATSOBJ_FS_XATTR_H

/*
 * Extended attributes and where an object keeps them.
 *
 *	user.X                    metadata X
 *	user.posix.X, user.nats.X metadata posix.xattr.user.posix.X: the keys posix.* and nats.*
 *	                          themselves are out of reach, or anyone could forge a mode
 *	trusted.X, security.X     metadata posix.xattr.<full name>
 *	system.posix_acl_*        likewise
 *	user.nats.description     the description
 *	user.nats.header.H        the header H, one value on each line
 *
 * A value that is not plain UTF-8 text is stored as "data:;base64," and its base64 form (RFC 2397),
 * and so is a text that begins like that.
 *
 * A node keeps what its object has of these as one packed block, the strings as they are in the
 * metadata, so that no question about an extended attribute needs the server.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/info.h"
#include "util/buf.h"
#include "util/cleanup.h"

#define XATTR_ACL_ACCESS "system.posix_acl_access"
#define XATTR_ACL_DEFAULT "system.posix_acl_default"
#define XATTR_CAPABILITY "security.capability"
#define XATTR_LABEL "security.selinux"

#define XATTR_NAME_LEN_MAX 255
#define XATTR_VALUE_LEN_MAX 65536
/* What all attributes of one inode may take together, as they are stored. */
#define XATTR_TOTAL_MAX (256 * 1024)

/* The attributes of one inode; all NULL and 0 when it has none. */
struct xattrs {
	char *data;
	uint32_t len;
};

void xattrs_done(struct xattrs *x);
/* Whether data from somewhere else consist of whole entries. */
bool xattrs_is_whole(const struct xattrs *x);
/* What info carries. */
int xattrs_from_info(const struct obj_info *info, struct xattrs *ret) MUST_CHECK;
/* Makes info carry exactly x; what is no extended attribute stays. */
int xattrs_to_info(const struct xattrs *x, struct obj_info *info) MUST_CHECK;
int xattrs_copy(const struct xattrs *from, struct xattrs *to) MUST_CHECK;

/*
 * Value of an attribute, appended to out. -ENODATA when x has none of this name, -EOPNOTSUPP for a
 * namespace that there is not.
 */
int xattrs_get(const struct xattrs *x, const char *name, struct buf *out) MUST_CHECK;
/* Sets (value not NULL) or removes. x is unchanged on failure: -ENODATA nothing to remove,
 * -EOPNOTSUPP as above, -EPERM for a name that cannot be written, -EILSEQ a name that is not UTF-8,
 * -EINVAL a value that its place cannot hold, -E2BIG, -ENOSPC too much together. */
int xattrs_set(struct xattrs *x, const char *name, const void *value, size_t len) MUST_CHECK;
bool xattrs_has(const struct xattrs *x, const char *name);
/* All names, each followed by a NUL; those of trusted.* only with is_privileged. */
void xattrs_list(const struct xattrs *x, bool is_privileged, struct buf *out);

/* Target of an object link, "bucket/name"; NULL when the object is none. */
const char *xattrs_link(const struct xattrs *x);

/* Whether a name is one of those that are computed and cannot be set; xattr_ops.c knows them. */
bool xattr_is_computed(const char *name);

#endif
