/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_NAME_SET_H
#define NATSOBJ_FS_NAME_SET_H

/* Several names that are held at once: taken in the order in which everybody takes several. */

#include "fs/internal.h"

#define NAME_SET_MAX 256

struct name_set {
	const struct buf *all[NAME_SET_MAX]; /* different; the caller's */
	size_t n;
	size_t n_held; /* all of them, or none */
};

void name_set_add(struct name_set *s, const struct buf *name);
/* Waits. */
int name_set_take(struct fs *fs, struct name_set *s) MUST_CHECK;
void name_set_release(struct fs *fs, struct name_set *s);

#endif
