/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_REMOVAL_H
#define NATSOBJ_FS_REMOVAL_H

/*
 * Names that the bucket says are gone. Everything here is called with the tree locked.
 */

#include "fs/internal.h"

/* Under which subjects of a name nothing is any more. */
enum place { PLACE_CANONICAL, PLACE_FOREIGN, PLACE_ANY };

/* Whether the name is that of the object with the attributes of the mount's root. */
bool removal_is_root(const struct fs *fs, const char *name, size_t len);
/*
 * The name was removed by something with the sequence seq, at time_ns (0: no change of its
 * directory): takes it out of the tree, unless what is there is not older or has unsaved changes.
 * During a listing what was there before stays until its end: see reconcile.c.
 */
void removal_apply(struct fs *fs, const char *name, size_t len, uint64_t seq, int64_t time_ns,
		   enum place place);
/* Whether that cannot be done yet: the removal must not count as known then, or what repeats it is
 * taken for old. */
bool removal_is_put_off(struct fs *fs, const char *name, size_t len, uint64_t seq);

#endif
