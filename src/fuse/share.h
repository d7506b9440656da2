/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FUSE_SHARE_H
#define NATSOBJ_FUSE_SHARE_H

/*
 * Several file systems behind one mount: that of each bucket, and one whose directories are the
 * buckets.
 *
 * The kernel's node identifiers have the number of the file system above SHARE_SHIFT, and its own
 * identifier below. Number 0 is the directory of buckets, and the only one of a mount of a single
 * bucket. That of a bucket is the identifier its directory has there: so the root of bucket n is
 * n << SHARE_SHIFT | FS_ROOT_ID, which is known before the bucket is opened, and a bucket that is
 * made again has another number.
 *
 * Files about the mount itself, in the directory of buckets, have such numbers too, but no bucket.
 *
 * A bucket is opened by the first request that enters it. Looking at its directory is no such
 * request: until then the directory of buckets answers. The number of open buckets is bounded. One
 * that nobody uses gives its place up, at the latest when another one needs it.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include "fs/fs.h"
#include "util/cleanup.h"

#define SHARE_SHIFT 38

struct shares;

/* What the owner of the mount makes of a bucket's name. */
struct share_parts {
	struct fs *fs;
	struct store *store;
	void *more; /* the owner's */
};

struct share_source {
	void *arg;
	const char *dir; /* of the mount */
	size_t open_max; /* buckets at one time */
	bool is_hard;	 /* opening waits for a server that is away */
	/* ino: number of the bucket's directory. The reason of an error was logged. Waits. */
	int (*open)(void *arg, const char *bucket, uint64_t ino, struct share_parts *ret);
	/* Waits. */
	void (*close)(void *arg, struct share_parts *parts);
};

struct share {
	/* set before sharing */
	struct shares *all; /* NULL: the mount has no other */
	uint64_t number;
	const char *name; /* of the bucket; "" for the directory of buckets, and without one */
	const struct fs_listener *up;
	/* while it is open */
	struct fs *fs;
	struct store *store;
};

/* The kernel's identifier for one of the file system s. */
uint64_t share_nodeid(const struct share *s, uint64_t ino);
/* What s says of changes goes to up, with the kernel's identifiers and the mount's paths; arg is s.
 */
struct fs_listener share_listener(struct share *s);

/* Has the kernel forget what it knows of a bucket, as far as nobody uses it. Does nothing to one
 * that a process has its working directory in, which would lose its name. dir: of the mount. */
void share_trim(struct share *s, const char *dir);

/*
 * directory: the file system of buckets, which stays the caller's, as up does. on_open is told of
 * each bucket that was opened, before anybody uses it. -errno.
 */
int shares_new(const struct share_source *source, struct fs *directory,
	       const struct fs_listener *up, void (*on_open)(void *arg, struct share *s), void *arg,
	       struct shares **ret) MUST_CHECK;
/* Ends what waits in shares_enter, now and later. Does not wait. */
void shares_shutdown(struct shares *all);
/* Nobody uses a share any more; closes all. NULL is harmless. */
void shares_free(struct shares *all);

/*
 * The bucket with that number, open, and kept so until share_leave. -FS_WOULD_WAIT when it is not
 * and may_wait is false; -ENOTDIR: the number is that of another thing; -ESTALE: there is none of
 * the number any more, or its directory turned out to have other attributes than were shown of it
 * until now, by which the kernel admitted the caller: it will look again. -EMFILE: too many are in
 * use. Others as by opening it. Waits for the server, if at all.
 */
int shares_enter(struct shares *all, uint64_t number, bool may_wait, struct share **ret) MUST_CHECK;
/* The same if it is open, else NULL. Not counted as a use. */
struct share *shares_peek(struct shares *all, uint64_t number);
void share_leave(struct share *s);
/* Once more, for one that is held. */
void share_hold(struct share *s);
/* What was last seen of the directory of a bucket that is not open; false when that is nothing. */
bool shares_recall(struct shares *all, uint64_t number, struct stat *ret);
/* For each that is open, one after the other. */
void shares_each(struct shares *all, void (*fn)(void *arg, struct share *s), void *arg);
/* How many are open, and may be. */
size_t shares_count(struct shares *all);
size_t shares_limit(const struct shares *all);
/* Files of buckets that are closed by now which could not be stored. */
int shares_unstored(struct shares *all);

#endif
