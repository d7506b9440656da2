/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_BUCKET_EMPTY_H
#define NATSOBJ_OBJSTORE_BUCKET_EMPTY_H

#include "util/cleanup.h"

struct bucket;

/*
 * Deletes a bucket that has no objects. What deleted objects left behind is no obstacle, nor is
 * what mounts keep in .natsobj/; a name that is being created is (a claim). Between the look and
 * the deletion the bucket refuses messages, so nothing that was acknowledged can be lost. A sealed
 * bucket is deleted as it is. b may have a borrowed control connection only.
 *
 * -ENOTEMPTY; -ENODEV: there is no such bucket; -EACCES no permission. Waits.
 */
int bucket_delete_empty(struct bucket *b) MUST_CHECK;

#endif
