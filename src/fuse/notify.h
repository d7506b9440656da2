/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_NOTIFY_H
#define NATSOBJ_FUSE_NOTIFY_H

/*
 * Tells the kernel to forget what changed. Changes are queued from anywhere; one thread speaks to
 * the kernel, because such a call may wait for requests of ours in the same directory or inode.
 *
 * Equal notices are merged, so the queue never holds more than one for each inode and each name the
 * tree knows.
 *
 * An invalidation that overtakes a reply with older attributes would be lost. So a handler takes a
 * mark before it looks, and after its reply asks for what was queued since to be sent once more.
 */

#include <stdint.h>

#include "fs/fs.h"
#include "util/cleanup.h"

/* Where notices go; the kernel, or a test. Results are ignored: what is not cached needs nothing.
 */
struct notify_sink {
	void *arg;
	void (*inode)(void *arg, uint64_t nodeid, int64_t off, int64_t len);
	void (*entry)(void *arg, uint64_t parent, const char *name, size_t len);
};

struct notify;

int notify_new(const struct notify_sink *sink, struct notify **ret) MUST_CHECK;
/* Drops what is queued and joins the thread. NULL is harmless. */
void notify_free(struct notify *n);
/* The listener that queues into n. */
struct fs_listener notify_listener(struct notify *n);

/* An entry of which the kernel does not know what became of it. */
void notify_entry(struct notify *n, uint64_t parent, const char *name);

/* The kernel forgets the inode before this returns, and is not told once more by what was queued:
 * it ignores what a reply says of the size while it is told, and would go on with the old one.
 * Waits for reads that are under way, and for stores through mappings. */
void notify_inode_now(struct notify *n, uint64_t nodeid);

uint64_t notify_mark(struct notify *n);
/* After a reply that told about nodeid, or about name in parent (NULL: no name). */
void notify_recheck(struct notify *n, uint64_t mark, uint64_t nodeid, uint64_t parent,
		    const char *name);
/* Waits until everything queued so far was sent; for tests. */
void notify_flush(struct notify *n);

#endif
