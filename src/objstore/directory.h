/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_DIRECTORY_H
#define NATSOBJ_OBJSTORE_DIRECTORY_H

/*
 * The buckets of an account in the form of a store (objstore/store.h): its objects are the markers
 * of directories, "NAME/", one for each bucket. To store one makes the bucket, to remove one
 * deletes it if it is empty (else -ENOTEMPTY), the watch tells of buckets that others make and
 * delete. Sequences are of this store's own making. Nothing else can be stored (-EPERM).
 *
 * What the server announces of streams (advisories) makes the watch look at once; besides it looks
 * every now and then, which is all where the account may not subscribe to them. Buckets that are no
 * object stores, or whose streams hide their subjects (mirrors), are not seen.
 */

#include "objstore/bucket.h"
#include "objstore/store.h"

/* Where nothing is announced a change is seen after so long at most. */
#define DIRECTORY_LOOK_MS 10000

/*
 * Connects. cfg stays in use until the store is closed; of opts what concerns new buckets counts.
 * Errors and *ret_why as for bucket_open. Waits.
 */
int directory_open(const struct conn_config *cfg, const struct bucket_options *opts,
		   struct store **ret, char **ret_why) MUST_CHECK;

#endif
