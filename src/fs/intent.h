/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_INTENT_H
#define NATSOBJ_FS_INTENT_H

/*
 * What must not stay half done, such as changes of several names: what is to happen is stored
 * first, in an object .natsobj/intent/<id>, and any mount can finish it.
 *
 *	posix.intent  "exchange", "exchange-dirs", "plan", "rename" or "journal"
 *	posix.owner   mount that is at it
 *	posix.seq     where it is missing: the sequence of the intent itself
 *	posix.old, posix.new  of those about directories: what goes where
 *	posix.plan    of a rename: the sequence that the intent had as a plan (dir_plan.c)
 *	other keys    see exchange.h, exchange_dirs.c, dir_rename.c and journal.h
 *
 * The owner stores a long intent again and again while it works. Other mounts take one over only
 * when it has not changed for a while by their own clock, by a compare-and-set that replaces the
 * owner.
 */

#include "fs/internal.h"

#define INTENT_NAME_MAX (sizeof(HIDDEN_INTENTS) + OBJ_NUID_LEN)
#define ATTR_INTENT "posix.intent"
#define ATTR_OWNER "posix.owner"
#define ATTR_INTENT_SEQ "posix.seq"
#define ATTR_INTENT_PLAN "posix.plan"
#define ATTR_INTENT_OLD "posix.old"
#define ATTR_INTENT_NEW "posix.new"
#define INTENT_EXCHANGE "exchange"
#define INTENT_EXCHANGE_DIRS "exchange-dirs"
#define INTENT_PLAN "plan"
#define INTENT_RENAME "rename"
#define INTENT_JOURNAL "journal"

/* Of which two names an intent tells, up to which sequence, and since which. Borrowed from it. */
struct intent_names {
	const char *old, *new;
	uint64_t seq, plan;
};

bool intent_is_name(const char *name, size_t len);
/* An event about an intent; tree lock held. */
void intent_apply(struct fs *fs, const struct obj_info *info);
/* Forgets those that are still there when the mount has ended. */
void intents_done(struct fs *fs);
/* A new intent of this mount, not stored yet, with a name of its own. */
int intent_new(struct fs *fs, const char *kind, struct obj_info **ret) MUST_CHECK;
/* Sets a key to a number. */
int intent_set_number(struct obj_info *info, const char *key, uint64_t n) MUST_CHECK;
int intent_set_seq(struct obj_info *info, uint64_t seq) MUST_CHECK;
int intent_set_names(struct obj_info *info, const char *old, const char *new) MUST_CHECK;
/* -EINVAL: there are not two different names that programs may have, or the sequence is none. */
int intent_get_names(const struct obj_info *info, struct intent_names *ret) MUST_CHECK;
/* -EXDEV: this is a mount of a part of the bucket, which does not know all of it. */
int intent_check_names(const struct fs *fs, const struct intent_names *names) MUST_CHECK;
/* Stores a new intent, or an own one again. -ESTALE: another mount has taken it over. Waits. */
int intent_store(struct fs *fs, struct obj_info *info) MUST_CHECK;
/* It is done, or void. Waits. */
void intent_remove(struct fs *fs, struct obj_info *info);

/* Takes an intent over and finishes it. -ESTALE: somebody else is at it. Waits. */
int intent_finish(struct fs *fs, struct obj_info *info) MUST_CHECK;

/* An own intent whose call failed half-way: finished in the background. Does not wait. */
void intent_finish_later(struct fs *fs, const struct obj_info *info);

/* Whether a journal of another mount, or one that was left, builds on the content. Tree lock held.
 */
bool intent_needs(const struct fs *fs, const char *nuid);
/* Whether there are any such journals; their names, in an array that the caller frees. */
bool intent_has_journals(struct fs *fs);
size_t intent_journals(struct fs *fs, char (**ret)[INTENT_NAME_MAX]);

/* Finish what an intent, now owned by this mount, says. 0: nothing is left to do. All wait. */
int exchange_dirs_finish(struct fs *fs, struct obj_info *info) MUST_CHECK;
int dir_rename_finish(struct fs *fs, struct obj_info *info) MUST_CHECK;

#endif
