/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_MOUNT_LOCKS_H
#define NATSOBJ_PROG_MOUNT_LOCKS_H

/* The locks of a mount with locks=cluster. */

#include "prog/options.h"
#include "util/cleanup.h"

struct fs;
struct store;
struct mount_locks;

/* Opens the lock bucket, which is made when it is missing, and gives fs its locks. *ret is NULL for
 * mounts that did not ask for it. 0, or -errno with a sentence in *ret_why (freed by the caller).
 * Waits. */
int mount_locks_open(const struct mount_options *o, struct store *store, struct fs *fs,
		     struct mount_locks **ret, char **ret_why) MUST_CHECK;
/* After the last request and before fs is freed; gives everything back. NULL is harmless. */
void mount_locks_close(struct mount_locks *l);

#endif
