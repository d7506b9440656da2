/* SPDX-License-Identifier: Apache-2.0 */

/* The table of buckets that were opened, and what requests want of it. */

#include "fuse/share_internal.h"

#include <errno.h>
#include <stdlib.h>

#include "util/clock.h"

static uint64_t hash_of(uint64_t number)
{
	return number * UINT64_C(0x9E3779B97F4A7C15);
}

static struct share_slot *find_locked(struct shares *all, uint64_t number)
{
	mutex_assert_held(&all->lock);
	hash_for_each (it, &all->slots, hash_of(number)) {
		struct share_slot *slot = container_of(it, struct share_slot, by_number);

		if (slot->s.number == number)
			return slot;
	}
	return NULL;
}

void share_slot_free(struct shares *all, struct share_slot *slot)
{
	if (slot->s.number)
		fs_forget(all->directory, slot->s.number, 1);
	free(slot->name);
	free(slot);
}

/* The slot of a bucket that has none yet. -ENOTDIR, -ESTALE: as shares_enter. */
static int add_slot(struct shares *all, uint64_t number)
{
	struct share_slot *slot = calloc(1, sizeof(*slot));
	int err;

	if (!slot)
		return -ENOMEM;
	err = fs_entry_name(all->directory, number, &slot->name);
	/* What is remembered under the number outlives the kernel's memory. */
	if (!err)
		err = fs_hold(all->directory, number);
	if (!err) {
		slot->s = (struct share){
			.all = all, .number = number, .name = slot->name, .up = &all->up};
		mutex_lock(&all->lock);
		err = find_locked(all, number)
			      ? -EEXIST
			      : hash_insert(&all->slots, &slot->by_number, hash_of(number));
		mutex_unlock(&all->lock);
	}
	if (err)
		share_slot_free(all, slot);
	return err == -EEXIST ? 0 : err;
}

struct share_slot *share_next_slot(struct shares *all, uint64_t behind,
				   bool (*fits)(const struct share_slot *slot))
{
	struct share_slot *best = NULL;

	LOCK_SCOPE(&all->lock);
	for (size_t i = 0; i < all->slots.n_buckets; i++)
		for (struct hash_node *it = all->slots.buckets[i]; it; it = it->next) {
			struct share_slot *slot = container_of(it, struct share_slot, by_number);

			if (slot->s.number > behind && fits(slot) &&
			    (!best || slot->s.number < best->s.number))
				best = slot;
		}
	if (best)
		best->refs++;
	return best;
}

static bool is_open_slot(const struct share_slot *slot)
{
	return slot->state == SLOT_OPEN;
}

bool shares_pause(struct shares *all, uint64_t ms)
{
	uint64_t until_ns = clock_deadline_ms((int64_t)ms);

	LOCK_SCOPE(&all->lock);
	while (!all->is_stopping && clock_now_ns() < until_ns)
		(void)!cond_wait_until(&all->changed, &all->lock, until_ns);
	return !all->is_stopping;
}

/* One step towards an open bucket: 0 when it is, 1 to try again. */
static int enter_locked(struct shares *all, struct share_slot *slot, bool may_wait)
{
	int err;

	if (slot->state == SLOT_OPEN)
		return 0;
	if (slot->error && clock_now_ns() < slot->error_until_ns)
		return slot->error;
	if (!may_wait)
		return -FS_WOULD_WAIT;
	if (all->is_stopping)
		return -ESHUTDOWN;
	if (slot->state != SLOT_CLOSED) {
		cond_wait(&all->changed, &all->lock);
		return 1;
	}
	if (all->n_open >= all->source.open_max) {
		mutex_unlock(&all->lock);
		err = shares_make_room(all);
		mutex_lock(&all->lock);
		return err ? err : 1;
	}
	slot->state = SLOT_OPENING;
	all->n_open++;
	return share_open_locked(all, slot);
}

int shares_enter(struct shares *all, uint64_t number, bool may_wait, struct share **ret)
{
	struct share_slot *slot;
	bool was_closed;
	int err = 0;

	mutex_lock(&all->lock);
	while (!(slot = find_locked(all, number))) {
		mutex_unlock(&all->lock);
		err = add_slot(all, number);
		if (err)
			return err;
		mutex_lock(&all->lock);
	}
	slot->refs++;
	was_closed = slot->state != SLOT_OPEN;
	do
		err = enter_locked(all, slot, may_wait);
	while (err == 1);
	/* Whoever waited was admitted by what was shown before, too. */
	if (!err && was_closed && !slot->is_as_shown)
		err = -ESTALE;
	if (err)
		slot->refs--;
	else
		slot->n_entered++;
	slot->used_ns = clock_now_ns();
	mutex_unlock(&all->lock);
	*ret = &slot->s;
	return err;
}

struct share *shares_peek(struct shares *all, uint64_t number)
{
	struct share_slot *slot;

	LOCK_SCOPE(&all->lock);
	slot = find_locked(all, number);
	if (!slot || slot->state != SLOT_OPEN)
		return NULL;
	slot->refs++;
	return &slot->s;
}

void share_leave(struct share *s)
{
	if (!s || !s->all || !s->number)
		return;
	LOCK_SCOPE(&s->all->lock);
	container_of(s, struct share_slot, s)->refs--;
}

void share_hold(struct share *s)
{
	if (!s->all || !s->number)
		return;
	LOCK_SCOPE(&s->all->lock);
	container_of(s, struct share_slot, s)->refs++;
}

bool shares_recall(struct shares *all, uint64_t number, struct stat *ret)
{
	const struct share_slot *slot;

	LOCK_SCOPE(&all->lock);
	slot = find_locked(all, number);
	if (!slot || !slot->has_seen)
		return false;
	*ret = slot->seen;
	return true;
}

void shares_each(struct shares *all, void (*fn)(void *arg, struct share *s), void *arg)
{
	uint64_t behind = 0;
	struct share_slot *slot;

	while ((slot = share_next_slot(all, behind, is_open_slot))) {
		behind = slot->s.number;
		fn(arg, &slot->s);
		share_leave(&slot->s);
	}
}

size_t shares_count(struct shares *all)
{
	LOCK_SCOPE(&all->lock);
	return all->n_open;
}

size_t shares_limit(const struct shares *all)
{
	return all->source.open_max;
}

int shares_unstored(struct shares *all)
{
	LOCK_SCOPE(&all->lock);
	return all->n_unstored;
}

/* ---- life ---- */

int shares_new(const struct share_source *source, struct fs *directory,
	       const struct fs_listener *up, void (*on_open)(void *arg, struct share *s), void *arg,
	       struct shares **ret)
{
	struct shares *all = calloc(1, sizeof(*all));
	int err;

	if (!all)
		return -ENOMEM;
	all->source = *source;
	all->directory = directory;
	all->up = *up;
	all->on_open = on_open;
	all->on_open_arg = arg;
	mutex_init(&all->lock, LOCK_RANK_LEAF);
	cond_init(&all->changed);
	hash_init(&all->slots);
	err = thread_start(&all->thread, "natsobj-buckets", shares_main, all);
	all->has_thread = !err;
	if (err) {
		shares_free(all);
		return err;
	}
	*ret = all;
	return 0;
}

void shares_shutdown(struct shares *all)
{
	LOCK_SCOPE(&all->lock);
	all->is_stopping = true;
	cond_broadcast(&all->changed);
}

void shares_free(struct shares *all)
{
	if (!all)
		return;
	shares_shutdown(all);
	if (all->has_thread)
		pthread_join(all->thread, NULL);
	for (size_t i = 0; i < all->slots.n_buckets; i++)
		while (all->slots.buckets[i]) {
			struct share_slot *slot =
				container_of(all->slots.buckets[i], struct share_slot, by_number);

			hash_remove(&all->slots, &slot->by_number);
			if (slot->state == SLOT_OPEN)
				all->source.close(all->source.arg, &slot->parts);
			share_slot_free(all, slot);
		}
	hash_done(&all->slots);
	cond_done(&all->changed);
	mutex_done(&all->lock);
	free(all);
}
