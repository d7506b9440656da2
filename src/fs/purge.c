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

#include "fs/purge.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fs/internal.h"
#include "util/clock.h"
#include "util/log.h"

/* Somebody here has the content open, or the server did not answer. */
#define RETRY_MS 5000
#define TRIES_MAX 20
#define BATCH 16
#define BATCH_HURRIED 64
/* With more than that in the queue there is no resting. */
#define QUEUE_LONG 10000
/* Versions that are remembered in case somebody brings the one before back. */
#define KEPT_MAX 10000
/* Of the time before the end of a mount the last part is left to whatever must be told. */
#define END_MS 1000

struct purge {
	struct list link;
	uint64_t due_ns;
	bool is_put_off; /* it could not go when it was due */
	bool is_needed;	 /* the tree has it */
	unsigned int n_failed;
	char nuid[OBJ_NUID_MAX + 1];
	struct obj_info *ours; /* NULL: none is to be restored */
	size_t name_len;
	char name[];
};

enum haste {
	HASTE_NONE,  /* what is due */
	HASTE_FULL,  /* what nobody here reads */
	HASTE_FINAL, /* everything */
};

void purges_init(struct purges *p)
{
	mutex_init(&p->lock, LOCK_RANK_LEAF);
	cond_init(&p->changed);
	list_init(&p->queue);
	later_init(&p->looks);
	p->n_queued = p->n_kept = 0;
	p->n_running = 0;
	p->next_ns = UINT64_MAX;
}

int purges_start(struct purges *p)
{
	return later_start(&p->looks);
}

void purges_stop(struct purges *p)
{
	later_stop(&p->looks);
}

static void purge_free(struct purge *p)
{
	obj_info_free(p->ours);
	free(p);
}

void purges_done(struct purges *q)
{
	struct list *l;

	while ((l = list_pop_front(&q->queue)))
		purge_free(list_entry(l, struct purge, link));
	later_done(&q->looks);
	cond_done(&q->changed);
	mutex_done(&q->lock);
}

uint64_t purges_count(struct purges *q)
{
	LOCK_SCOPE(&q->lock);
	return q->n_queued;
}

static void look(void *arg, bool is_last);

/* Has the queue looked at by due_ns. */
static void schedule(struct fs *fs, uint64_t due_ns)
{
	struct purges *q = &fs->purges;

	mutex_lock(&q->lock);
	if (q->next_ns <= due_ns) {
		mutex_unlock(&q->lock);
		return;
	}
	q->next_ns = due_ns;
	mutex_unlock(&q->lock);
	/* While the mount ends purges_finish works on the queue. */
	(void)!later_run(&q->looks, clock_left_ms(due_ns), look, fs);
}

static void enqueue(struct fs *fs, struct purge *p, uint64_t delay_ms)
{
	struct purges *q = &fs->purges;
	struct list *at;

	p->due_ns = clock_deadline_ms((int64_t)delay_ms);
	mutex_lock(&q->lock);
	/* Most have the same delay, so the place is found at the end. */
	for (at = q->queue.prev; at != &q->queue; at = at->prev)
		if (list_entry(at, struct purge, link)->due_ns <= p->due_ns)
			break;
	list_push_front(at, &p->link);
	q->n_queued++;
	q->n_kept += p->ours != NULL;
	mutex_unlock(&q->lock);
	schedule(fs, clock_deadline_ms((int64_t)delay_ms));
}

static void add(struct fs *fs, const char *nuid, const char *name, size_t name_len,
		struct obj_info *ours)
{
	bool is_tight = atomic_load(&fs->store->is_tight);
	struct purge *p = NULL;

	/* Plain content goes with the version it is. */
	if (nuid && nuid[0] && strlen(nuid) <= OBJ_NUID_MAX && !fs_is_plain(fs))
		p = calloc(1, sizeof(*p) + name_len + 1);
	if (!p) {
		obj_info_free(ours);
		return;
	}
	strcpy(p->nuid, nuid);
	p->name_len = name_len;
	memcpy(p->name, name, name_len);
	p->ours = ours;
	enqueue(fs, p, is_tight ? 0 : fs->cfg.purge_delay_ms);
}

void fs_purge_later(struct fs *fs, const char *nuid, const char *name, size_t name_len)
{
	add(fs, nuid, name, name_len, NULL);
}

void fs_purge_replaced(struct fs *fs, const char *nuid, const struct obj_info *ours)
{
	struct purges *q = &fs->purges;
	bool has_room;

	mutex_lock(&q->lock);
	has_room = q->n_kept < KEPT_MAX;
	mutex_unlock(&q->lock);
	add(fs, nuid, ours->name, ours->name_len, has_room ? obj_info_dup(ours) : NULL);
}

/* Takes up to n out of the queue: what is due, or everything that may go now. */
static size_t take(struct fs *fs, enum haste haste, struct purge **ret, size_t n)
{
	bool is_all = haste != HASTE_NONE || atomic_load(&fs->store->is_tight);
	struct purges *q = &fs->purges;
	uint64_t now = clock_now_ns();
	size_t n_taken = 0;

	LOCK_SCOPE(&q->lock);
	list_for_each_safe (it, &q->queue) {
		struct purge *p = list_entry(it, struct purge, link);
		/* What could not go a moment ago will not go now. */
		bool is_early = p->due_ns > now && (p->is_put_off || !is_all);

		if (n_taken == n)
			break;
		if (is_early && haste != HASTE_FINAL)
			continue;
		list_remove(&p->link);
		q->n_queued--;
		q->n_kept -= p->ours != NULL;
		ret[n_taken++] = p;
	}
	q->n_running += n_taken > 0;
	return n_taken;
}

static void finish_batch(struct purges *q)
{
	LOCK_SCOPE(&q->lock);
	q->n_running--;
	cond_broadcast(&q->changed);
}

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

static void put_off(struct fs *fs, struct purge *p)
{
	p->is_put_off = true;
	enqueue(fs, p, RETRY_MS);
}

/* Later again, a limited number of times; at the end of the mount there is no later. */
static void fail(struct fs *fs, enum haste haste, struct purge *p, int err)
{
	if (haste != HASTE_FINAL && ++p->n_failed < TRIES_MAX) {
		put_off(fs, p);
		return;
	}
	log_debug("bucket %s: chunks %s of %s could not be removed: %s", fs->store->bucket, p->nuid,
		  p->name, strerror(-err));
	mutex_lock(&fs->purges.lock);
	fs->purges.n_left++;
	mutex_unlock(&fs->purges.lock);
	purge_free(p);
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
			put_off(fs, batch[i]);
		else
			batch[n_left++] = batch[i];
	}
	return n_left;
}

static bool is_newer(const struct purge *p, const struct purge *other, const struct purge *newest)
{
	return other->ours && other->name_len == p->name_len &&
	       memcmp(other->name, p->name, p->name_len) == 0 &&
	       (!newest->ours || other->ours->seq > newest->ours->seq);
}

/* The newest version of ours of a name, as far as it is known; it is known no more. */
static struct obj_info *take_newest(struct fs *fs, struct purge **batch, size_t n, struct purge *p)
{
	struct purges *q = &fs->purges;
	struct purge *newest = p;
	bool is_queued = false;

	LOCK_SCOPE(&q->lock);
	for (size_t i = 0; i < n; i++)
		if (is_newer(p, batch[i], newest))
			newest = batch[i];
	list_for_each (it, &q->queue) {
		struct purge *other = list_entry(it, struct purge, link);

		if (is_newer(p, other, newest)) {
			newest = other;
			is_queued = true;
		}
	}
	q->n_kept -= is_queued;
	return steal_ptr(newest->ours);
}

static bool is_live(const struct purge *p, const struct obj_info *now)
{
	return now && !now->is_deleted && strcmp(now->nuid, p->nuid) == 0;
}

/* Somebody who had read the old metadata may have stored them again over ours. */
static void restore(struct fs *fs, struct purge **batch, size_t n, struct purge *p,
		    const struct obj_info *now)
{
	struct obj_info *ours = take_newest(fs, batch, n, p);

	if (ours && ours->seq < now->seq && strcmp(ours->nuid, now->nuid) != 0)
		fs_restore_later(fs, ours);
	else
		obj_info_free(ours);
}

/* Asks the server for the names of a batch: 0 or -errno each. */
static void ask(struct fs *fs, struct purge **batch, size_t n, struct obj_info **ret, int *ret_errs)
{
	const char *names[BATCH_HURRIED];
	size_t lens[BATCH_HURRIED];
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
	struct obj_info *infos[BATCH_HURRIED] = {NULL};
	int errs[BATCH_HURRIED] = {0};
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
		const char *nuids[BATCH_HURRIED];
		int errs[BATCH_HURRIED];

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
	struct purge *batch[BATCH_HURRIED];
	size_t n_taken = take(fs, haste, batch, haste == HASTE_NONE ? BATCH : BATCH_HURRIED), n;

	if (n_taken == 0)
		return 0;
	n = drop_needed(fs, haste, batch, n_taken);
	n = drop_live(fs, haste, batch, n);
	remove_all(fs, haste, batch, n);
	finish_batch(&fs->purges);
	return n_taken;
}

static void look(void *arg, bool is_last)
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
		schedule(fs, due > rest_until ? due : rest_until);
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
	while (clock_left_ms(deadline_ns) > END_MS && run_batch(fs, HASTE_FINAL) > 0)
		;
	LOCK_SCOPE(&q->lock);
	if (q->n_queued + q->n_left > 0)
		log_warn("bucket %s: the chunks of %" PRIu64 " replaced or deleted contents were "
			 "not removed in time and stay behind",
			 fs->store->bucket, q->n_queued + q->n_left);
}
