/* SPDX-License-Identifier: Apache-2.0 */

/* How journals end: their file is stored, or gone, or its content was given up. */

#include <errno.h>
#include <string.h>

#include "fs/file.h"
#include "fs/journal_internal.h"
#include "util/log.h"

void journal_purge_segments(struct journal *j)
{
	mutex_assert_held(&j->lock);
	for (size_t i = 0; i < j->n_segments; i++)
		fs_purge_later(j->fs, j->segments[i].nuid, j->info->name, j->info->name_len);
	j->n_segments = 0;
}

/* -ESTALE: another mount has it. */
static int bury_locked(struct journal *j)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;
	struct store *s = j->fs->store;
	const char *owner;
	int err = -ESTALE;

	mutex_assert_held(&j->lock);
	if (!j->is_lost && j->info->seq)
		err = store_bury_info(s, j->info, &j->next_seq);
	if (err != -ESTALE)
		return err;
	err = store_get_info(s, j->info->name, j->info->name_len, &now);
	if (err == -ENOENT || (!err && now->is_deleted))
		return 0;
	if (err)
		return err;
	owner = obj_info_meta(now, ATTR_OWNER);
	/* An answer to this one may have been lost. */
	if (!owner || strcmp(owner, j->fs->claim_id) != 0)
		return -ESTALE;
	return store_bury_info(s, now, &j->next_seq);
}

void journal_remove(struct journal *j)
{
	int err;

	mutex_assert_held(&j->lock);
	j->next_seq = 0;
	err = bury_locked(j);
	if (!err)
		journal_purge_segments(j);
	else if (err != -ESTALE)
		intent_finish_later(j->fs, j->info);
}

/* What the name has now is not always known: then the next journal gets another. */
static void rest_locked(struct journal *j)
{
	mutex_assert_held(&j->lock);
	journal_set_active(j, false);
	j->n_segments = 0;
	if (j->next_seq == 0)
		obj_info_free(steal_ptr(j->info));
}

void journal_end(struct file *f)
{
	struct journal *j = f->journal;

	if (!journal_is_active(f))
		return;
	LOCK_SCOPE(&j->lock);
	journal_remove(j);
	rest_locked(j);
}

void journal_leave(struct file *f)
{
	struct journal *j = f->journal;

	if (!journal_is_active(f))
		return;
	log_warn("bucket %s: what fsync stored of %s is kept, to be put in its place later",
		 j->fs->store->bucket, f->name);
	LOCK_SCOPE(&j->lock);
	intent_finish_later(j->fs, j->info);
	j->next_seq = 0;
	rest_locked(j);
}

void journal_end_of(struct fs *fs, struct node *n)
{
	struct file *f = file_find(fs, n);
	bool is_nameless;

	if (!f)
		return;
	mutex_lock(&f->lock);
	mutex_lock(&fs->tree.lock);
	is_nameless = !n->dentry && !n->is_superseded;
	mutex_unlock(&fs->tree.lock);
	if (is_nameless)
		journal_end(f);
	mutex_unlock(&f->lock);
	file_put(fs, f);
}

void journal_let_go(struct file *f)
{
	if (f->journal)
		f->journal->file = NULL;
}

void journal_close(struct file *f)
{
	if (!f->journal)
		return;
	mutex_lock(&f->lock);
	journal_leave(f);
	mutex_unlock(&f->lock);
	journal_unref(steal_ptr(f->journal));
}
