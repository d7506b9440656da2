/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_TREE_INTERNAL_H
#define NATSOBJ_FS_TREE_INTERNAL_H

/* What tree.c and tree_dir.c share. Nobody else includes it. */

#include "fs/tree.h"

uint64_t dentry_hash(struct index_link *l);
void dentry_free(struct tree *t, struct dentry *d);
int tree_insert(struct tree *t, struct index *x, struct index_link *l, uint64_t hv) MUST_CHECK;
/* To be called when a node has got its first name, or is about to lose its last. */
int tree_index_nuid(struct tree *t, struct node *n) MUST_CHECK;
void tree_unindex_nuid(struct tree *t, struct node *n);

#endif
