/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A content that turns up under another name. A rename by another client removes the old name
 * without a trace in the watch, a moment after the new one came, and one by a mount that crashed
 * leaves it: the older name is asked for a few times, less and less often.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/halves.h"
#include "fs/internal.h"

#define RECHECK_TRIES 4
/* Names with one content that are looked at together. */
#define SAME_CONTENT_MAX 16

struct recheck {
	struct fs *fs;
	uint64_t seq;
	bool is_awaited; /* an event of the name, which was purged before that came */
	unsigned tries;
	size_t len;
	char name[];
};

static uint64_t recheck_delay_ms(unsigned tries)
{
	static const uint64_t delay[RECHECK_TRIES] = {20, 200, 1000, 5000};

	return delay[tries];
}

/* Asks for the name. False: it is to be asked for once more. */
static bool recheck(struct recheck *r)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	uint64_t seq = fs_known_seq(r->fs, r->name, r->len);
	bool is_known = true;
	int err;

	if (!seq && r->is_awaited)
		return false;
	/* It may have been asked for already. */
	if (!seq && r->seq)
		return true;
	r->seq = seq;
	err = store_get_info(r->fs->store, r->name, r->len, &info);
	if (err == -ENOENT || (!err && info && info->is_deleted))
		is_known = fs_catch_up(r->fs);
	if (is_known && err == -ENOENT) {
		fs_apply_absent(r->fs, r->name, r->len, seq);
		/* A listing puts this off, and may still tell of the name from before. */
		return !seq || fs_known_seq(r->fs, r->name, r->len) != seq;
	}
	if (!is_known || err || !info || info->seq <= seq)
		return false;
	fs_apply(r->fs, steal_ptr(info));
	return true;
}

static void recheck_run(void *arg, bool is_last)
{
	struct recheck *r = arg;

	if (is_last || recheck(r) || ++r->tries == RECHECK_TRIES ||
	    later_run(&r->fs->later, recheck_delay_ms(r->tries), recheck_run, r) < 0)
		free(r);
}

static void recheck_later(struct fs *fs, const char *name, size_t len, uint64_t seq,
			  bool is_awaited)
{
	struct recheck *r = calloc(1, sizeof(*r) + len + 1);

	if (!r)
		return;
	*r = (struct recheck){.fs = fs, .seq = seq, .is_awaited = is_awaited, .len = len};
	memcpy(r->name, name, len);
	if (later_run(&fs->later, recheck_delay_ms(0), recheck_run, r) < 0)
		free(r);
}

void fs_recheck_later(struct fs *fs, const char *name, size_t len, uint64_t seq)
{
	recheck_later(fs, name, len, seq, false);
}

void fs_note_purged(struct fs *fs, const char *name, size_t len, uint64_t below_seq)
{
	uint64_t seq = fs_known_seq(fs, name, len);

	/* What is replaced or was removed with an event is purged up to a sequence. */
	if (below_seq == 0 || (seq > 0 && seq < below_seq))
		recheck_later(fs, name, len, seq, seq == 0);
}

/* Two nodes have one content, of which n has just come, as info: the older name is looked at again.
 */
static void note_pair(struct fs *fs, struct node *n, struct node *other,
		      const struct obj_info *info)
{
	struct buf name CLEANUP(buf_done) = {0};

	if (!other->dentry || !n->dentry)
		return;
	if (other->seq > n->seq)
		other = n;
	buf_init(&name, OBJ_META_MAX);
	fs_full_name(fs, other->dentry, &name);
	if (buf_error(&name))
		return;
	/* A mount leaves a tombstone under the old name, of which the watch tells. */
	if (other == n || !obj_info_meta(info, ATTR_FROM))
		fs_recheck_later(fs, name.data, name.len, other->seq);
	if (other->seq && other->seq < n->seq && !other->x->link_id &&
	    !obj_info_meta(info, ATTR_EXCHANGE))
		halves_note_locked(fs, name.data, name.len, other->seq, info->name, info->name_len);
}

void fs_note_second_name(struct fs *fs, struct node *n, const struct obj_info *info)
{
	struct node *other = info->nuid[0] ? tree_find_nuid(&fs->tree, info->nuid, NULL) : NULL;

	for (int i = 0; other && i < SAME_CONTENT_MAX; i++) {
		if (other != n)
			note_pair(fs, n, other, info);
		other = tree_find_nuid(&fs->tree, info->nuid, other);
	}
}
