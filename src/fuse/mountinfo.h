/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_MOUNTINFO_H
#define NATSOBJ_FUSE_MOUNTINFO_H

/* What is mounted where, as the kernel tells without asking the mount (proc(5), mountinfo). */

#include <stdbool.h>
#include <sys/types.h>

/* Device number of what is mounted on top at dir, which is absolute; 0 when nothing is found. */
dev_t mountinfo_device(const char *dir);
/* Whether what is on top at dir is a mount of this program's type. */
bool mountinfo_is_natsobj(const char *dir);

#endif
