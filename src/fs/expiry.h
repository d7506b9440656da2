/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_EXPIRY_H
#define NATSOBJ_FS_EXPIRY_H

/* Objects of a bucket with an age limit. */

#include "fs/internal.h"

/* Reads the limit and, if there is one, looks for what is over from then on. Waits. */
int expiry_start(struct fs *fs) MUST_CHECK;
/* Server time of the oldest message an object consists of, as far as the metadata tell. */
int64_t expiry_stored_ns(const struct obj_info *info);
/* An event has just come, and tells how the server's clock goes. */
void expiry_note_clock(struct fs *fs, const struct obj_info *info);
/* Whether what was stored then is gone by now. Tree lock held. */
bool expiry_is_over(const struct fs *fs, int64_t stored_ns);

#endif
