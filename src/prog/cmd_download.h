/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_DOWNLOAD_H
#define NATSOBJ_PROG_CMD_DOWNLOAD_H

/* The content of one object version, or a part of it, in order, with many requests under way. */

#include <stddef.h>
#include <stdint.h>

#include "objstore/info.h"
#include "objstore/store.h"
#include "util/cleanup.h"

/* Takes bytes in order; a negative result ends the download with it. */
typedef int (*download_fn)(void *arg, const void *data, size_t len);

/*
 * Delivers the content to fn on the calling thread, with at most 16 MiB requested ahead. 0 only if
 * its length is info's size and its digest, where info has one, is right: what fn was given before
 * counts only then. -EBADMSG: digest or length is wrong. -ESTALE: the chunks are gone, most likely
 * because the object was replaced. Otherwise errors of the store, or fn's. Waits.
 */
int download(struct store *s, const struct obj_info *info, download_fn fn, void *arg) MUST_CHECK;

/*
 * The len bytes from off on, which lie within the content, in the same way. Less than the whole
 * cannot be checked against the digest.
 */
int download_range(struct store *s, const struct obj_info *info, uint64_t off, uint64_t len,
		   download_fn fn, void *arg) MUST_CHECK;

#endif
