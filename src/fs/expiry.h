/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_EXPIRY_H
#define NATSOBJ_FS_EXPIRY_H

/* Objects of a bucket with an age limit. */

#include "fs/internal.h"

/* Reads the limit and, if there is one, looks for what is over from then on. Waits. */
int expiry_start(struct fs *fs) MUST_CHECK;
/* Another limit, 0 for none, counts from now on: also for what is known already. */
void expiry_set_age(struct fs *fs, uint64_t max_age_ns);
/* Server time of the oldest message an object consists of, as far as the metadata tell. */
int64_t expiry_stored_ns(const struct obj_info *info);
/* The same for a version that n is about to get. What was written while there was no limit says
 * nothing of its content, which may have been known before. Tree lock held. */
int64_t expiry_stored_on(const struct node *n, const struct obj_info *info);
/* An event has just come, and tells how the server's clock goes. */
void expiry_note_clock(struct fs *fs, const struct obj_info *info);
/* Whether what was stored then is gone by now. Tree lock held. */
bool expiry_is_over(const struct fs *fs, int64_t stored_ns);

#endif
