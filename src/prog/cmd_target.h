/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_TARGET_H
#define NATSOBJ_PROG_CMD_TARGET_H

/*
 * An object to be read: found by its name, through links, and read again from its new version when
 * it is replaced meanwhile.
 */

#include "prog/cmd.h"
#include "prog/cmd_download.h"
#include "prog/cmd_progress.h"

struct target {
	struct cmd *cmd;
	struct store *store;
	struct store *owned; /* a bucket that a link led to, closed in the end */
	struct obj_info *info;
};

/* Where the content goes. */
struct receiver {
	download_fn take;
	/* From the beginning again; NULL or a negative result: what was taken cannot be taken
	 * back. */
	int (*restart)(void *arg);
	void *arg;
	struct progress *progress;
	/* An error of take, to be told from those of the store, which use the same numbers. */
	int err;
};

/* A part of a content, as the user asked for it. */
struct byte_range {
	bool is_set, is_suffix; /* is_suffix: the last len bytes */
	uint64_t off, len;	/* len UINT64_MAX: to the end */
};

/* "A-B" (both included), "A-" or "-N" (the last N bytes): 0 or -EINVAL. */
int byte_range_parse(const char *text, struct byte_range *ret) MUST_CHECK;
/* Fits a range to a size: false when it begins behind the end. */
bool byte_range_fit(const struct byte_range *r, uint64_t size, uint64_t *ret_off,
		    uint64_t *ret_len);

/* Finds the object and follows links, at most 8, until there is content: CMD_OK, or CMD_FAILURE
 * after saying why not. s stays the caller's. Waits. */
int target_find(struct cmd *c, struct store *s, const char *name, struct target *ret) MUST_CHECK;
void target_done(struct target *t);
#define _cleanup_target_ CLEANUP(target_done)

/* Delivers the content; range NULL: all of it, checked. t->info is the version that was read.
 * Errors as for download; -EINTR after a deferred signal; -ERANGE the range is outside. Waits. */
int target_read(struct target *t, const struct byte_range *range, struct receiver *r) MUST_CHECK;

/* The line that a failed read ends with. */
int target_fail(const struct target *t, const char *name, int err);

#endif
