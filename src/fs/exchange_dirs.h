/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_EXCHANGE_DIRS_H
#define NATSOBJ_FS_EXCHANGE_DIRS_H

/* RENAME_EXCHANGE with a directory: what exchange_dirs.c, rules and tree, and exchange_objects.c,
 * the bucket's side, share. */

#include "fs/dir_rename.h"
#include "fs/exchange.h"

/* Both ways; a is what the call names first. */
struct exchange {
	struct dir_move ab, ba;
	struct dir_names only_a, only_b, both;
};

void exchange_init(struct exchange *x);
void exchange_done(struct exchange *x);
/* Moves all objects. *ret_is_begun: something may have changed. -ECANCELED: another mount has taken
 * over. Waits. */
int exchange_objects(struct fs *fs, struct exchange *x, struct obj_info *intent, bool *ret_is_begun)
	MUST_CHECK;
/* After an error: the tree learns which names have which objects. Waits. */
int exchange_show_stored(struct fs *fs, const struct exchange *x) MUST_CHECK;

#endif
