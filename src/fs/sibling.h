/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_SIBLING_H
#define NATSOBJ_FS_SIBLING_H

/*
 * A file and a directory of one name are two subjects, so no compare-and-set keeps both from being
 * made at once. Who makes one stores it first and looks for the other kind then, so at least one of
 * two sees the other, and has the name only once that is not there. Of two that see each other the
 * later one goes, the earlier one waits for that.
 *
 * Which is the earlier one cannot be told from the sequence of something that was changed since,
 * as when the commit of a file has replaced its claim. So what makes a name says so (posix.made,
 * or posix.claim), and what is stored over it does not: without the mark something has been there
 * for longer.
 *
 * Not for other layers.
 */

#include "util/cleanup.h"

struct fs;
struct obj_info;

/* Says in info that a name is made with it, and that none is. */
int sibling_mark(const struct fs *fs, struct obj_info *info) MUST_CHECK;
int sibling_unmark(struct obj_info *info) MUST_CHECK;
/* Has been stored as something new, marked: 0 when it has the name alone. -EEXIST: it has to go,
 * because the other kind stays, which the tree was told. Waits for one that goes. */
int sibling_contest(struct fs *fs, const struct obj_info *info) MUST_CHECK;

#endif
