/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_EXCHANGE_H
#define NATSOBJ_FS_EXCHANGE_H

/*
 * What RENAME_EXCHANGE of files and of directories share: pairs of names that change what they
 * hold. The first store over one of two names would lose the only description of its content, so
 * that is kept in the intent before anything is changed. For the pair number I it has
 *
 *	posix.a.I                     metadata of the first name, as JSON
 *	posix.b.I                     the second name
 *	posix.a.seq.I, posix.b.seq.I  the versions they were
 *	posix.a.token.I, …            subject tokens, where not canonical
 *	posix.undo.I                  the second was changed meanwhile: the first gets its own back
 *
 * Then the first gets what the second had, and the second what the first had, each by
 * compare-and-set and marked with the intent's name. What was changed by others stays theirs: where
 * the second name was, the first gets its own back, and if that was changed too, its own is stored
 * beside it unless another name has it.
 *
 * Of the names of two files the smaller is the first, so that the first store decides between two
 * exchanges. Nobody begins one with a name that is the first of another that is not over.
 */

#include "fs/intent.h"
#include "fs/rename.h"

/* One of two names: what it held, and what it is to hold. */
struct side {
	struct obj_info *was, *now;
};

struct pair {
	struct side a, b;
	size_t place; /* the caller's */
	int err;      /* -EAGAIN: others changed it meanwhile, and nothing was exchanged */
};

void pair_done(struct pair *p);

/* Exchanges n pairs, whose names the caller holds and which have what was there. The result is 0
 * although pairs have an err of their own; else the intent has to be finished. Waits. */
int pairs_exchange(struct fs *fs, struct pair *all, size_t n, struct obj_info *intent) MUST_CHECK;
/* Whether info's name is the first of a pair that the intent keeps. */
bool pairs_have_first(const struct obj_info *intent, const struct obj_info *info);
/* Takes what is kept out of the intent, which is not stored. */
void pairs_forget(struct obj_info *intent);
/* Finishes the pairs that an intent keeps and of which one name was stored. Takes names. Waits. */
int pairs_finish(struct fs *fs, const struct obj_info *intent) MUST_CHECK;

/* exchange_dirs.c: one of the two at least is a directory. Waits. */
int move_exchange_dirs(struct fs *fs, const struct move *m) MUST_CHECK;

#endif
