/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_FS_HALVES_H
#define NATSOBJ_FS_HALVES_H

/*
 * Renames of which only the first half is known: the new name is stored, the old one is still
 * there. Mostly the second half follows at once and nothing is left to do. If it does not come for
 * a while, whoever renamed has crashed, and the old name gets its tombstone from here, provided
 * that neither name was changed since.
 *
 * Tree lock held where not said otherwise.
 */

#include "fs/place.h"

/* The old name, with sequence seq, should vanish in favour of the new one. Takes the tree lock
 * itself. */
void halves_note(struct fs *fs, const char *from, size_t from_len, uint64_t seq, const char *to,
		 size_t to_len);
void halves_note_locked(struct fs *fs, const char *from, size_t from_len, uint64_t seq,
			const char *to, size_t to_len);
/* Whether info is only the old name of what has a new one: to be overwritten, not to be respected.
 * Takes the tree lock itself. */
bool halves_is_old(struct fs *fs, const struct obj_info *info);
/* The old name is gone, or is something else. */
void halves_forget(struct fs *fs, const char *from, size_t len);
/*
 * Info, about to be shown as c in dir, where d is now (or NULL), says where it was renamed
 * from: if the tree has that version under the old name, its entry moves, so that those who have
 * the file open keep it. Returns what is at the new name then.
 */
struct dentry *halves_follow(struct fs *fs, struct node *dir, struct dentry *d,
			     const struct component *c, bool is_shadowed,
			     const struct obj_info *info);

void halves_init(struct fs *fs);
void halves_done(struct fs *fs);

#endif
