/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What happens to journals as time goes by, on two threads: one renews descriptions, which is
 * quick, the other commits files and recovers those of others, which is not.
 */

#include <errno.h>

#include "fs/file.h"
#include "fs/journal_internal.h"
#include "util/clock.h"

/* Well below the patience that others have with an owner. */
#define RENEW_MS 4000
/* A file that is due, but has something that no fsync has seen. */
#define BEHIND_MS 1000
/* What could not be committed. */
#define AGAIN_MS 10000

int journals_start(struct fs *fs)
{
	int err = later_start(&fs->journals.renewals);

	return err ? err : later_start(&fs->journals.commits);
}

void journals_stop(struct fs *fs)
{
	later_stop(&fs->journals.commits);
	later_stop(&fs->journals.renewals);
}

/* ---- renewal ---- */

/* False when it has ended, or is another mount's. */
static bool renew_once(struct journal *j)
{
	bool is_recent;
	int err;

	LOCK_SCOPE(&j->lock);
	j->is_renewed = j->is_active && !j->is_lost;
	if (!j->is_renewed)
		return false;
	is_recent = clock_now_ns() - j->stored_ns < RENEW_MS * (uint64_t)NS_PER_MS / 2;
	err = is_recent ? 0 : intent_store(j->fs, j->info);
	if (!err && !is_recent)
		j->stored_ns = clock_now_ns();
	/* The commit finds out what has become of it. */
	if (err && (err == -ESTALE || !store_is_certain(err)))
		j->is_lost = true;
	j->is_renewed = !j->is_lost;
	return j->is_renewed;
}

static void end_renewal(struct journal *j)
{
	mutex_lock(&j->lock);
	j->is_renewed = false;
	mutex_unlock(&j->lock);
	journal_unref(j);
}

static void renew(void *arg, bool is_last)
{
	struct journal *j = arg;

	if (is_last || !renew_once(j)) {
		journal_unref(j);
		return;
	}
	if (later_run(&j->fs->journals.renewals, RENEW_MS, renew, j) < 0)
		end_renewal(j);
}

void journal_renew(struct journal *j)
{
	bool is_renewed;

	mutex_lock(&j->lock);
	is_renewed = j->is_renewed;
	j->is_renewed = true;
	mutex_unlock(&j->lock);
	if (is_renewed)
		return;
	(void)journal_ref(j);
	if (later_run(&j->fs->journals.renewals, RENEW_MS, renew, j) < 0)
		end_renewal(j);
}

/* ---- commit_interval ---- */

/* The file of a journal, referenced, or NULL. */
static struct file *file_of(struct journal *j)
{
	LOCK_SCOPE(&j->fs->tree.lock);
	if (j->file)
		j->file->refs++;
	return j->file;
}

static uint64_t age_ms(const struct journal *j)
{
	return (clock_now_ns() - j->started_ns) / (uint64_t)NS_PER_MS;
}

/* Milliseconds until the next look; 0: the journal has ended. */
static uint64_t look_at(struct fs *fs, struct file *f, struct journal *j)
{
	uint64_t interval_ms = fs->cfg.commit_interval_ms;

	mutex_assert_held(&f->lock);
	if (j->is_active && age_ms(j) >= interval_ms) {
		j->is_due = true;
		if (journal_is_behind(f))
			return BEHIND_MS;
		(void)!file_commit_by_clock(fs, f);
	}
	j->is_waiting = j->is_active;
	if (!j->is_active)
		return 0;
	return j->is_due ? AGAIN_MS : interval_ms - age_ms(j) + 1;
}

static void look(void *arg, bool is_last)
{
	struct journal *j = arg;
	struct fs *fs = j->fs;
	struct file *f = is_last ? NULL : file_of(j);
	uint64_t next_ms = 0;

	if (f) {
		mutex_lock(&f->lock);
		next_ms = look_at(fs, f, j);
		mutex_unlock(&f->lock);
		file_put(fs, f);
	}
	if (next_ms == 0 || later_run(&fs->journals.commits, next_ms, look, j) < 0)
		journal_unref(j);
}

void journal_watch(struct journal *j)
{
	journal_renew(j);
	if (j->is_waiting)
		return;
	j->is_waiting = true;
	if (later_run(&j->fs->journals.commits, j->fs->cfg.commit_interval_ms, look,
		      journal_ref(j)) < 0) {
		j->is_waiting = false;
		journal_unref(j);
	}
}
