/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_UPLOAD_H
#define NATSOBJ_PROG_CMD_UPLOAD_H

/*
 * Content on its way to an object, with at most one window of it in memory:
 *
 *	upload_open, then upload_space and upload_advance (or upload_write) as often as there are
 *	bytes, then upload_publish, and upload_close in any case.
 *
 * Nothing is visible to anyone before upload_publish, and without it nothing stays.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/info.h"
#include "objstore/store.h"
#include "util/cleanup.h"

struct upload {
	struct store *store;
	/* private */
	struct store_put *put;
	struct chunk *chunk;
	uint64_t size;
	bool is_kept;
};

/* Makes the description of the new version from the one that it replaces, which is NULL, a
 * tombstone or malformed where there is none to keep anything of. The content's members are filled
 * in afterwards. 0 or -errno. */
typedef int (*describe_fn)(void *arg, const struct obj_info *old, struct obj_info **ret);

/* 0 or -errno, here and below those of the store; -EFBIG. */
int upload_open(struct upload *u, struct store *s) MUST_CHECK;
/* Room for at least one byte. Waits for the server when the window is full. */
int upload_space(struct upload *u, void **ret, size_t *ret_len) MUST_CHECK;
/* So many bytes were put there. */
int upload_advance(struct upload *u, size_t len) MUST_CHECK;
int upload_write(struct upload *u, const void *data, size_t len) MUST_CHECK;

/*
 * Waits for every acknowledgement and stores the metadata by compare and set against whatever
 * version is the newest then. With must_be_new an object that exists is -EEXIST. -EINTR after a
 * deferred signal, nothing is stored then. Content that was replaced is removed from the bucket.
 */
int upload_publish(struct upload *u, const char *name, bool must_be_new, describe_fn describe,
		   void *arg, struct obj_info **ret) MUST_CHECK;
/* Removes what was sent and not published. */
void upload_close(struct upload *u);
#define _cleanup_upload_ CLEANUP(upload_close)

/* A description with what old says beside its content, or a new one. The caller frees. */
int upload_keep(const struct obj_info *old, const char *name, struct obj_info **ret) MUST_CHECK;

/* A new version of metadata that has no content of its own, or that of src: links, renames. The
 * loop around store_put_info that describe makes possible. *ret_replaced, if not NULL, are chunks
 * that no name has any more, or empty. */
int upload_store_info(struct store *s, const char *name, bool must_be_new, describe_fn describe,
		      void *arg, struct obj_info **ret, char ret_replaced[OBJ_NUID_MAX + 1])
	MUST_CHECK;
/* Removes replaced chunks; a failure is a warning. */
void upload_purge(struct store *s, const char *name, const char *nuid);

#endif
