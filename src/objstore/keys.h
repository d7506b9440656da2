/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_KEYS_H
#define NATSOBJ_OBJSTORE_KEYS_H

/*
 * Words that stand in buckets and on the wire, and that more than one file speaks of. Mounts of
 * other versions read and write the same buckets, so none is ever changed.
 */

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

/* Objects that belong to mounts. They are not listed; `.natsobj` is a name nobody else may use. */
#define HIDDEN_DIR ".natsobj"
#define HIDDEN_PREFIX HIDDEN_DIR "/"
#define HIDDEN_INODES HIDDEN_PREFIX "inode/"
#define HIDDEN_INTENTS HIDDEN_PREFIX "intent/"
#define HIDDEN_LONG_NAMES HIDDEN_PREFIX "long/"
/* Keeps the attributes of the root when that has no prefix and so no marker. */
#define HIDDEN_ROOT HIDDEN_PREFIX "root"

static inline bool name_is_hidden(const char *name, size_t len)
{
	return len >= sizeof(HIDDEN_PREFIX) - 1 &&
	       memcmp(name, HIDDEN_PREFIX, sizeof(HIDDEN_PREFIX) - 1) == 0;
}

/* Keys of metadata; fs/attr.h says what the values of the first are. */
#define ATTR_MODE "posix.mode"
#define ATTR_UID "posix.uid"
#define ATTR_GID "posix.gid"
#define ATTR_RDEV "posix.rdev"
#define ATTR_ATIME "posix.atime"
#define ATTR_MTIME "posix.mtime"
#define ATTR_CTIME "posix.ctime"
#define ATTR_BTIME "posix.btime"
#define ATTR_TARGET "posix.target"
#define ATTR_CLAIM "posix.claim"
/* Of a version with which a name was made; not ATTR_CLAIM, because clients that delete an object
 * keep its metadata in the tombstone. */
#define ATTR_MADE "posix.made"
#define ATTR_FROM "posix.from"
#define ATTR_SINCE "posix.since"
#define ATTR_EXCHANGE "posix.exchange"
/* On a tombstone: the object went along with its directory, to this name; that does not change the
 * directory's times. */
#define ATTR_MOVED "posix.moved"
/* Of a tombstone: the name that the content of the file has now. */
#define ATTR_TO "posix.to"
/* What follows is the name of an extended attribute. */
#define ATTR_XATTR "posix.xattr."
#define ATTR_XATTR_CAPABILITY "posix.xattr.security.capability"
/* Files with several names: see fs/links.h. */
#define ATTR_INODE "posix.inode"
#define ATTR_NLINK "posix.nlink"
#define ATTR_FOLD "posix.fold"
/* The name of an object whose own is too long for a subject: see long_name.h. */
#define ATTR_NAME "posix.name"
/* Metadata rewritten in a bucket with an age limit keep the time of the object's first message
 * here, so that it does not live longer. */
#define ATTR_BORN "posix.born"

/* Headers of messages. */
#define HEADER_EXPECTED_SEQ "Nats-Expected-Last-Subject-Sequence"
#define HEADER_EXPECTED_STREAM "Nats-Expected-Stream"
/* The server stores no second message with the same one, for a while. */
#define HEADER_MSG_ID "Nats-Msg-Id"
/* "sub": what the message replaces under its subject goes. */
#define HEADER_ROLLUP "Nats-Rollup"
#define HEADER_MARKER "Nats-Marker-Reason"
/* What a message of a key-value bucket does (NATS ADR-8), and a mark that tells one writer's
 * attempts from another's. */
#define HEADER_KV_OPERATION "KV-Operation"
#define HEADER_KV_COMMIT "Natsobj-Commit"

#endif
