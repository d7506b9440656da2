/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_PURGE_INTERNAL_H
#define NATSOBJ_FS_PURGE_INTERNAL_H

/* What purge.c, which removes, and purge_queue.c, which knows what and when, share. */

#include "fs/internal.h"

/* The largest number that is worked on together. */
#define PURGE_BATCH_MAX 64

struct purge {
	struct list link;
	uint64_t due_ns;
	bool is_put_off; /* it could not go when it was due */
	bool is_needed;	 /* the tree has it */
	unsigned int n_failed;
	char nuid[OBJ_NUID_MAX + 1];
	struct obj_info *ours; /* NULL: none is to be restored */
	size_t name_len;
	char name[];
};

enum haste {
	HASTE_NONE,  /* what is due */
	HASTE_FULL,  /* what nobody here reads */
	HASTE_FINAL, /* everything */
};

void purge_free(struct purge *p);
/* Has the queue looked at by due_ns. */
void purge_schedule(struct fs *fs, uint64_t due_ns);
/* Takes up to n out of the queue: what is due, or everything that may go now. Unless it is 0,
 * purge_end_batch must follow. */
size_t purge_take(struct fs *fs, enum haste haste, struct purge **ret, size_t n);
void purge_end_batch(struct purges *q);
/* Back into the queue for a while. */
void purge_put_off(struct fs *fs, struct purge *p);
/* The newest version of ours of p's name, in the n of batch or in the queue; it is known no more,
 * and the caller frees it. NULL: none. */
struct obj_info *purge_take_newest(struct fs *fs, struct purge **batch, size_t n, struct purge *p);
/* For purge_schedule: works on what is due. */
void purge_look(void *arg, bool is_last);

#endif
