/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_JOURNAL_H
#define NATSOBJ_FS_JOURNAL_H

/*
 * The journal of fsync: a large file that stays open is not uploaded whole by each fsync. What
 * changed since the last one is stored beside it, in the chunks of a journal object, and the whole
 * file when it is closed, or after commit_interval.
 *
 * What fsync promises. After it has returned 0 the content as it was can be had from the bucket
 * alone, whatever becomes of this host. Other mounts and clients go on seeing the last version that
 * was stored whole; they see the new one after the commit. While a journal exists its file is
 * unsaved (is_dirty), so everything that holds for unsaved files holds for it.
 *
 * The object. .natsobj/intent/<id> (see intent.h), one for each open file, without content:
 *
 *	posix.intent    "journal"
 *	posix.owner     the mount that writes it
 *	posix.host      process of that mount, so that the same host knows when it has died
 *	posix.of        object that holds the file's content
 *	posix.base      content that the changes build on
 *	posix.segments  contents with the changes, in order
 *	and attributes and extended attributes of the file
 *
 * A segment is an upload of its own that is never added to (an identifier is closed by the first
 * metadata that name it); it has the bytes and the holes of one fsync (journal_record.h), and its
 * digest is checked before anything of it is believed. An fsync is complete when the description
 * that lists its segment is stored, by compare-and-set; a segment that no description lists is
 * none. After JOURNAL_SEGMENTS of them, one with all changes since the base takes their place.
 *
 * When it pays. For stored files of JOURNAL_MIN bytes and more, of which the changes since the base
 * are at most a quarter. Everything else is committed whole, as is a file on which this mount has
 * had a lock that counts on every host: whoever gets the lock next has to see the content. The same
 * is done when the journal could not be stored, for whatever reason, and when the bucket has no
 * room for the whole file anyway; the commit's error is then that of the fsync.
 *
 * Who finishes it. The owner stores the description again every few seconds. A mount that has seen
 * no change of it for the patience that intents need (intent.c) takes it over by compare-and-set;
 * the host of a dead owner does so before its next mount is announced. The finisher makes the
 * unsaved file that the owner had, base and segments in order, and commits it like any other, with
 * the conflict policy (journal_recover.c). It finds the file by the base's identifier, whatever its
 * name has become meanwhile.
 *
 * Nothing is applied twice. A version that takes a journal in says so: posix.journal is the
 * description's own identifier (nuid), a fresh one each time a journal begins. A finisher who finds
 * it under the name has nothing to do. An owner who was only slow finds it too: then the content
 * there is the old base with a part of his own changes, so his draft may go on from that.
 *
 *	crash after the segment, before its description     the fsync had not returned; not applied
 *	crash after the description                         applied
 *	crash after the commit, before the journal's end    the version says that it has it
 *	name removed                                        the changes went with it
 *	content replaced                                    a conflict: NAME.conflict-<host>-<utc>
 *	content replaced and its chunks gone                the same, zeros where the base is needed
 *	commit failed (bucket full, server away)            the journal stays, somebody tries again
 *
 * Mounts do not purge the chunks of a base while they know of its journal (intent_needs).
 *
 * After commit_interval the next fsync commits, or the clock when nothing was written since the
 * last one: a state that no fsync has seen is not shown to others.
 *
 * There is no recovery of staging files to agree with: they are unlinked from the start.
 */

#include "fs/file.h"
#include "fs/internal.h"

#define JOURNAL_MIN (UINT64_C(1) << 20)
#define JOURNAL_SEGMENTS 64
/* In a version's metadata: the journal that it has taken in. */
#define ATTR_JOURNAL "posix.journal"

int journals_start(struct fs *fs) MUST_CHECK;
/* Ends the threads, after what they are at. May be called twice. */
void journals_stop(struct fs *fs);

/* fsync: what is unsaved can be had from the bucket when this returns 0. File lock held. Waits. */
int file_sync(struct fs *fs, struct file *f) MUST_CHECK;

/* --- the file's journal, if it has one; file lock held --- */

/* Its identifier for the version that takes it in; NULL: there is none. */
const char *journal_id(const struct file *f);
/* Whether a version has taken in the journal of f. */
bool journal_is_in(const struct file *f, const struct obj_info *now);
/* Whether f was made from a journal, so that a version that has taken it in is as good. */
bool journal_is_all(const struct file *f);
/* now, which has taken in the journal, becomes the base of the draft. */
int journal_go_on_from(struct fs *fs, struct file *f, const struct obj_info *now) MUST_CHECK;
/* What it has is stored, or not wanted any more: the object is removed. Waits. */
void journal_end(struct file *f);
/* The unsaved content was given up: what had been promised is stored later from the journal. */
void journal_leave(struct file *f);
/* n has lost its last name to a rename: its journal, if any, ends. Takes the file's lock. */
void journal_end_of(struct fs *fs, struct node *n);

/* f is about to be freed. Tree lock held. */
void journal_let_go(struct file *f);
/* After that, without a lock. */
void journal_close(struct file *f);

/* --- journal_recover.c --- */

/* Stores what a journal, now owned by this mount, promises. 0: nothing is left to do; -EAGAIN: not
 * now. Waits. */
int journal_finish(struct fs *fs, struct obj_info *info) MUST_CHECK;
/* Finishes the journals of processes of this host that have ended. Waits some seconds at most; what
 * is left goes on behind. */
void journals_recover(struct fs *fs);

/* --- journal_info.c: of a description --- */

/* This process has it now. */
int journal_set_host(struct obj_info *info) MUST_CHECK;
/* Whether the process that wrote it ran on this host and has ended. */
bool journal_is_orphan(const struct obj_info *info);
/* The object that holds the file's content; NULL: it is no journal. */
const char *journal_of(const struct obj_info *info);
/* Identifier of the base; "" when there is none. */
void journal_base_nuid(const struct obj_info *info, char ret[OBJ_NUID_LEN + 1]);

#endif
