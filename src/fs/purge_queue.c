/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of what is to be removed: see purge.h. */
#include <stdlib.h>
#include <string.h>

#include "fs/purge_internal.h"
#include "util/clock.h"

/* Somebody here has the content open, or the server did not answer. */
#define RETRY_MS 5000
/* Versions that are remembered in case somebody brings the one before back. */
#define KEPT_MAX 10000

void purges_init(struct purges *p)
{
	mutex_init(&p->lock, LOCK_RANK_LEAF);
	cond_init(&p->changed);
	list_init(&p->queue);
	later_init(&p->looks);
	p->n_queued = p->n_kept = p->n_left = 0;
	p->is_refused = false;
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

void purge_free(struct purge *p)
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

void purge_schedule(struct fs *fs, uint64_t due_ns)
{
	struct purges *q = &fs->purges;
	uint64_t before_ns;

	mutex_lock(&q->lock);
	if (q->next_ns <= due_ns) {
		mutex_unlock(&q->lock);
		return;
	}
	before_ns = q->next_ns;
	q->next_ns = due_ns;
	mutex_unlock(&q->lock);
	if (later_run(&q->looks, clock_left_ms(due_ns), purge_look, fs) == 0)
		return;
	/* The next who asks tries again. While the mount ends purges_finish works on the queue. */
	mutex_lock(&q->lock);
	if (q->next_ns == due_ns)
		q->next_ns = before_ns;
	mutex_unlock(&q->lock);
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
	purge_schedule(fs, clock_deadline_ms((int64_t)delay_ms));
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

size_t purge_take(struct fs *fs, enum haste haste, struct purge **ret, size_t n)
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

		/* The others are due even later. */
		if (n_taken == n || (is_early && !is_all))
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

void purge_end_batch(struct purges *q)
{
	LOCK_SCOPE(&q->lock);
	q->n_running--;
	cond_broadcast(&q->changed);
}

void purge_put_off(struct fs *fs, struct purge *p)
{
	p->is_put_off = true;
	enqueue(fs, p, RETRY_MS);
}

static bool is_newer(const struct purge *p, const struct purge *other, const struct purge *newest)
{
	return other->ours && other->name_len == p->name_len &&
	       memcmp(other->name, p->name, p->name_len) == 0 &&
	       (!newest->ours || other->ours->seq > newest->ours->seq);
}

struct obj_info *purge_take_newest(struct fs *fs, struct purge **batch, size_t n, struct purge *p)
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
