/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_MOUNT_STATE_H
#define NATSOBJ_PROG_CMD_MOUNT_STATE_H

/* Mounts of natsobj on this host, and what they say about themselves. */

#include <stdbool.h>
#include <stddef.h>

#include "util/buf.h"
#include "util/cleanup.h"

struct mount_entry {
	char *dir, *source;
	bool is_read_only;
};

/* Those that this process sees; the caller frees with mount_entries_free. 0 or -errno. */
int mount_entries_read(struct mount_entry **ret, size_t *ret_count) MUST_CHECK;
void mount_entries_free(struct mount_entry *entries, size_t count);

/*
 * Asks a mount for its status (.natsobj/status) from a process of its own, as a mount whose daemon
 * hangs does not answer: 0 and the text in out; -ENOENT a mount that has no such file; -ENOTCONN
 * its daemon is gone; -ETIMEDOUT no answer in that time. Call before there are threads.
 */
int mount_status_read(const char *dir, int timeout_ms, struct buf *out) MUST_CHECK;

#endif
