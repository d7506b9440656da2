/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_ACL_H
#define NATSOBJ_FS_ACL_H

/*
 * POSIX access control lists as the kernel hands them over: the value of the extended attributes
 * system.posix_acl_access and system.posix_acl_default (linux/posix_acl_xattr.h, acl(5)). Only the
 * arithmetic between a list and the permission bits; the kernel checks accesses.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/cleanup.h"

/* A list that acl(5) calls valid: known tags in order, user, group and other once, a mask where
 * there are named entries. */
bool acl_is_valid(const uint8_t *acl, size_t len);
/* Permission bits that a valid list stands for; true when they say all there is in it. */
bool acl_to_mode(const uint8_t *acl, size_t len, mode_t *ret);
/* chmod(2): the entries that the permission bits show take the bits of mode. acl is valid. */
void acl_chmod(uint8_t *acl, size_t len, mode_t mode);
/* A new file under a default list: acl, a copy of that list, loses what mode does not ask for and
 * *mode what acl does not allow. True when the new mode says all there is in the list. */
bool acl_inherit(uint8_t *acl, size_t len, mode_t *mode);

#endif
