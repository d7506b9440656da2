/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_CACHE_DIR_H
#define NATSOBJ_FS_CACHE_DIR_H

#include <sys/types.h>

#include "util/cleanup.h"

/*
 * Makes the directory, and what is missing above it. 0, or why it is none that can be written to.
 * Waits for the disk.
 */
int cache_dir_make(const char *cache_dir) MUST_CHECK;

/*
 * Opens the directory name below cache_dir, which is made, for its owner alone, when it is missing,
 * as is what is above it.
 * It must be ours: what others may do in it, *ret_mode tells. A descriptor, or a negative errno:
 * -EPERM somebody else's. Waits for the disk.
 */
int cache_dir_open(const char *cache_dir, const char *name, mode_t *ret_mode) MUST_CHECK;

#endif
