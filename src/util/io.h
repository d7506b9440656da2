/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_IO_H
#define NATSOBJ_UTIL_IO_H

/*
 * Reads and writes of exactly len bytes: they go on after a signal and after a part. They return
 * when all is done, or with a negative errno; then any part may have been read or written. They
 * block as long as the descriptor does; -EAGAIN where it does not.
 */

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

/* -EIO when the file ends before. */
int pread_all(int fd, void *buf, size_t len, uint64_t off) MUST_CHECK;
/* -EIO when the file takes nothing more without an error. */
int pwrite_all(int fd, const void *data, size_t len, uint64_t off) MUST_CHECK;
/* The same where the descriptor stands. */
int write_all(int fd, const void *data, size_t len) MUST_CHECK;

#endif
