/* SPDX-License-Identifier: Apache-2.0 */

/* When fsync stores the changes only: see journal.h. */

#include <string.h>

#include "fs/file.h"
#include "fs/journal_internal.h"
#include "fs/journal_record.h"
#include "util/clock.h"

/* The changes may be one part in so many of the file. */
#define CHANGES_PART 4
/* Each is renewed every few seconds. */
#define JOURNALS_MAX 256
/* Of the time after which a bucket forgets, a journal may take one part in so many. */
#define AGE_PART 20

static bool has_place(struct fs *fs, const struct file *f)
{
	const struct node *n = f->node;

	LOCK_SCOPE(&fs->tree.lock);
	return n->dentry && !n->is_superseded && !n->is_removed;
}

/* A draft of the version that has the name, as far as this mount knows. */
static bool is_possible(struct fs *fs, const struct file *f)
{
	const struct obj_info *base = f->base;
	uint64_t max_age_ms = (uint64_t)(atomic_load(&fs->max_age_ns) / NS_PER_MS);

	return fs->cfg.commit_interval_ms > 0 && !fs_is_plain(fs) && fs_may_change(fs) == 0 &&
	       !atomic_load(&fs->journals.is_refused) &&
	       (max_age_ms == 0 || max_age_ms / AGE_PART > fs->cfg.commit_interval_ms) &&
	       f->state == FILE_STAGED && !f->base_put && !f->is_rewrite && !f->is_fresh &&
	       !atomic_load(&f->is_outdated) && base && !base->is_deleted && !base->is_malformed &&
	       base->has_digest && !base->link_bucket && strlen(base->nuid) <= OBJ_NUID_LEN &&
	       writer_is_on(f, base) && has_place(fs, f);
}

/* Whoever gets a lock on another host must see what was written under it here. */
static bool is_locked_by_hosts(struct fs *fs, const struct file *f)
{
	LOCK_SCOPE(&fs->tree.lock);
	return fs->locks && f->lock_key[0];
}

static bool is_short_of_room(struct fs *fs, const struct file *f)
{
	struct staging_area *a = &fs->staging;
	struct store_status st;
	bool is_full;

	mutex_lock(&a->lock);
	is_full = a->max_bytes > 0 && a->used > a->max_bytes / 2;
	mutex_unlock(&a->lock);
	if (is_full || atomic_load(&fs->store->is_tight))
		return true;
	return !journal_is_active(f) &&
	       (store_status(fs->store, &st) < 0 || st.free_bytes / 2 < f->size);
}

static bool is_small_change(const struct file *f)
{
	uint64_t n = ranges_count(&f->draft->changed, 0, f->size);

	if (journal_is_active(f))
		n += ranges_count(&f->journal->all, 0, f->size);
	return f->size >= JOURNAL_MIN && n <= f->size / CHANGES_PART;
}

static bool is_usable(struct fs *fs, const struct file *f)
{
	const struct journal *j = f->journal;

	if (!journal_is_active(f))
		return atomic_load(&fs->journals.n_active) < JOURNALS_MAX;
	return !j->is_recovered && !j->is_due &&
	       j->all.n + f->draft->changed.n <= JOURNAL_RANGES_MAX &&
	       strcmp(j->base.nuid, f->base->nuid) == 0;
}

bool journal_pays(struct fs *fs, const struct file *f)
{
	return is_possible(fs, f) && is_usable(fs, f) && is_small_change(f) &&
	       !is_locked_by_hosts(fs, f) && !is_short_of_room(fs, f);
}
