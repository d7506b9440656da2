/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_SAVED_CODE_H
#define NATSOBJ_FS_SAVED_CODE_H

/*
 * The records of a saved tree:
 *
 *	LINKED   a file with several names: link_id, count, whether it is held, node
 *	…
 *	DIR      name, node, how many entries: what follows is in it
 *	FILE     name, node
 *	NAME     name, sequence, link_id: of a LINKED
 *	UP       the directory is complete
 *
 * The first DIR is the root. Numbers have 7 bits in a byte, the least first; texts have their
 * length before them.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fs/tree.h"
#include "util/buf.h"

/* Changes with every change of what a record has or means. */
#define SAVED_FORMAT 1

/* --- writing; tree lock held --- */

/* All files with several names. */
void saved_put_linked(struct tree *t, struct buf *out);
/* An entry, or NULL for the root. False: it cannot be saved now. */
bool saved_put_entry(const struct tree *t, const struct dentry *d, struct buf *out);
void saved_put_up(struct buf *out);

/* --- reading; tree lock held --- */

/* Makes a tree that has only a root of what records say. -EIO: they say nonsense, and the tree has
 * a part of it; -ENOMEM. */
int saved_read(struct tree *t, const uint8_t *data, size_t len) MUST_CHECK;

#endif
