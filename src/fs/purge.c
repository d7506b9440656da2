/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The removal of chunks that no name has any more.
 *
 * Before it, the tree and the server are asked: whatever this mount believes, live content is not
 * removed. What is due goes in small batches, one removal after the other, because each visits all
 * of a bucket, and with rests between, on a thread for which nothing else waits. In a bucket that
 * is nearly full nothing is kept for later, and in a full one or at the end of the mount many
 * removals are under way at a time.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/intent.h"
#include "fs/purge_internal.h"
#include "util/clock.h"
#include "util/log.h"

#define TRIES_MAX 20
#define BATCH 16
/* With more than that in the queue there is no resting. */
#define QUEUE_LONG 10000
/* Of the time before the end of a mount the last part is left to whatever must be told. */
#define END_MS 1000

/* A name of the tree has these chunks, or somebody here is still reading them. */
static bool is_needed(struct fs *fs, const char *nuid, bool *ret_is_open)
{
	*ret_is_open = false;
	LOCK_SCOPE(&fs->tree.lock);
	if (tree_find_nuid(&fs->tree, nuid, NULL))
		return true;
	list_for_each (it, &fs->files) {
		const struct node *n = list_entry(it, struct file, link)->node;

		if (node_nuid_is(n, nuid))
			*ret_is_open = true;
	}
	return false;
}

/* Whether another try would be answered alike. */
static bool is_refusal(int err)
{
	return err == -EACCES || err == -EROFS || err == -EINVAL;
}

static void give_up(struct fs *fs, struct purge *p, int err)
{
	struct purges *q = &fs->purges;
	bool is_news;

	mutex_lock(&q->lock);
	q->n_left++;
	is_news = is_refusal(err) && !q->is_refused;
	q->is_refused = q->is_refused || is_news;
	mutex_unlock(&q->lock);
	if (is_news)
		log_warn("bucket %s: the chunks of replaced and deleted contents may not be "
			 "removed and stay behind: %s",
			 fs->store->bucket, strerror(-err));
	log_debug("bucket %s: chunks %s of %s could not be removed: %s", fs->store->bucket, p->nuid,
		  p->name, strerror(-err));
	purge_free(p);
}

/* The journal of another mount builds on them. */
static bool is_reserved(struct fs *fs, const char *nuid)
{
	LOCK_SCOPE(&fs->tree.lock);
	return intent_needs(fs, nuid);
}

/* Later again, a limited number of times; at the end of the mount there is no later. */
static void fail(struct fs *fs, enum haste haste, struct purge *p, int err)
{
	if (haste != HASTE_FINAL && !is_refusal(err) && ++p->n_failed < TRIES_MAX)
		purge_put_off(fs, p);
	else
		give_up(fs, p, err);
}

/* As long as that is so, and if need be for ever. */
static void keep(struct fs *fs, enum haste haste, struct purge *p)
{
	if (haste != HASTE_FINAL)
		purge_put_off(fs, p);
	else
		fail(fs, haste, p, -EBUSY);
}

/* Drops from a batch what the tree needs, and puts off what is open. */
static size_t drop_needed(struct fs *fs, enum haste haste, struct purge **batch, size_t n)
{
	size_t n_left = 0;

	for (size_t i = 0; i < n; i++) {
		bool is_open;

		/* It may have been brought back over ours. */
		batch[i]->is_needed = is_needed(fs, batch[i]->nuid, &is_open);
		if (batch[i]->is_needed && !batch[i]->ours)
			purge_free(batch[i]);
		else if (!batch[i]->is_needed && is_open && haste != HASTE_FINAL)
			purge_put_off(fs, batch[i]);
		else if (!batch[i]->is_needed && is_reserved(fs, batch[i]->nuid))
			keep(fs, haste, batch[i]);
		else
			batch[n_left++] = batch[i];
	}
	return n_left;
}

static bool is_live(const struct purge *p, const struct obj_info *now)
{
	return now && !now->is_deleted && strcmp(now->nuid, p->nuid) == 0;
}

/* Somebody who had read the old metadata may have stored them again over ours. */
static void restore(struct fs *fs, struct purge **batch, size_t n, struct purge *p,
		    const struct obj_info *now)
{
	struct obj_info *ours = purge_take_newest(fs, batch, n, p);

	if (ours && ours->seq < now->seq && strcmp(ours->nuid, now->nuid) != 0)
		fs_restore_later(fs, ours);
	else
		obj_info_free(ours);
}

/* Asks the server for the names of a batch: 0 or -errno each. */
static void ask(struct fs *fs, struct purge **batch, size_t n, struct obj_info **ret, int *ret_errs)
{
	const char *names[PURGE_BATCH_MAX];
	size_t lens[PURGE_BATCH_MAX];
	int err;

	for (size_t i = 0; i < n; i++) {
		names[i] = batch[i]->name;
		lens[i] = batch[i]->name_len;
	}
	err = n > 0 ? store_get_infos(fs->store, names, lens, n, ret, ret_errs) : 0;
	for (size_t i = 0; i < n; i++)
		ret_errs[i] = err ? err : ret_errs[i] == -ENOENT ? 0 : ret_errs[i];
}

/* Drops from a batch what is live at the server, and puts off what is not known. */
static size_t drop_live(struct fs *fs, enum haste haste, struct purge **batch, size_t n)
{
	struct obj_info *infos[PURGE_BATCH_MAX] = {NULL};
	int errs[PURGE_BATCH_MAX] = {0};
	size_t n_left = 0;

	ask(fs, batch, n, infos, errs);
	for (size_t i = 0; i < n; i++)
		if (is_live(batch[i], infos[i]))
			restore(fs, batch, n, batch[i], infos[i]);
	for (size_t i = 0; i < n; i++) {
		struct purge *p = batch[i];

		if (errs[i])
			fail(fs, haste, p, errs[i]);
		else if (p->is_needed || is_live(p, infos[i]))
			purge_free(p);
		else
			batch[n_left++] = p;
		obj_info_free(infos[i]);
	}
	return n_left;
}

/* Removes one after the other, or all at once. */
static void remove_all(struct fs *fs, enum haste haste, struct purge **batch, size_t n)
{
	size_t step = haste == HASTE_NONE ? 1 : n;

	for (size_t i = 0; i < n; i += step) {
		const char *nuids[PURGE_BATCH_MAX];
		int errs[PURGE_BATCH_MAX];

		for (size_t k = 0; k < step; k++)
			nuids[k] = batch[i + k]->nuid;
		store_purge_all(fs->store, nuids, step, errs);
		for (size_t k = 0; k < step; k++) {
			if (errs[k])
				fail(fs, haste, batch[i + k], errs[k]);
			else
				purge_free(batch[i + k]);
		}
	}
}

/* Works on what is taken out of the queue at one time; returns how much that was. */
static size_t run_batch(struct fs *fs, enum haste haste)
{
	struct purge *batch[PURGE_BATCH_MAX];
	size_t n_taken =
		       purge_take(fs, haste, batch, haste == HASTE_NONE ? BATCH : PURGE_BATCH_MAX),
	       n;

	if (n_taken == 0)
		return 0;
	/* A second name that others have just given to a content is to be in the tree. */
	(void)fs_catch_up(fs);
	n = drop_needed(fs, haste, batch, n_taken);
	n = drop_live(fs, haste, batch, n);
	remove_all(fs, haste, batch, n);
	purge_end_batch(&fs->purges);
	return n_taken;
}

void purge_look(void *arg, bool is_last)
{
	struct fs *fs = arg;
	struct purges *q = &fs->purges;
	uint64_t start = clock_now_ns(), due = UINT64_MAX, rest_until;
	bool is_long, is_awaited;

	mutex_lock(&q->lock);
	/* Else another look is under way. */
	is_awaited = q->next_ns <= start;
	if (is_awaited)
		q->next_ns = UINT64_MAX;
	is_long = q->n_queued > QUEUE_LONG;
	mutex_unlock(&q->lock);
	if (is_last || !is_awaited)
		return;
	(void)run_batch(fs, is_long ? HASTE_FULL : HASTE_NONE);
	/* As long as it took. */
	rest_until = is_long ? 0 : 2 * clock_now_ns() - start;
	mutex_lock(&q->lock);
	if (!list_is_empty(&q->queue))
		due = list_entry(q->queue.next, struct purge, link)->due_ns;
	mutex_unlock(&q->lock);
	if (due != UINT64_MAX)
		purge_schedule(fs, due > rest_until ? due : rest_until);
}

bool purges_hurry(struct fs *fs)
{
	struct purges *q = &fs->purges;
	bool has_done = false;

	while (run_batch(fs, HASTE_FULL) > 0)
		has_done = true;
	/* Others may be at work on what matters. */
	LOCK_SCOPE(&q->lock);
	while (q->n_running > 0) {
		has_done = true;
		cond_wait(&q->changed, &q->lock);
	}
	return has_done;
}

void purges_finish(struct fs *fs, uint64_t deadline_ns)
{
	struct purges *q = &fs->purges;

	purges_stop(q);
	/* What is to be stored beside a name may need room, for which no batch must be under way.
	 */
	do
		fs_restore_left(fs);
	while (clock_left_ms(deadline_ns) > END_MS && run_batch(fs, HASTE_FINAL) > 0);
	LOCK_SCOPE(&q->lock);
	if (q->n_queued + q->n_left > 0)
		log_warn("bucket %s: the chunks of %" PRIu64 " replaced or deleted contents were "
			 "not removed in time and stay behind",
			 fs->store->bucket, q->n_queued + q->n_left);
}
