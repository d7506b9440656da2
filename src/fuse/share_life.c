/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The table of buckets that were opened, and who opens and closes them.
 *
 * A bucket goes CLOSED → OPENING → OPEN → CLOSING → CLOSED; whoever makes the first and third step
 * does the work without the lock, the others wait. It is closed only while nobody holds it. If the
 * kernel still knew nodes in it, they would be without meaning afterwards, so that is done to a
 * bucket that is gone, or when the kernel has forgotten all but its directory.
 */

#include "fuse/share_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/log.h"

/* Between two looks at what could be closed, and how long a bucket is kept that nobody uses. */
#define LOOK_MS 5000
#define IDLE_MS 60000
/* A bucket that could not be opened is not tried again for so long. */
#define REFUSED_MS 1000
/* Between tries while the server is away, and what the kernel gets to forget a bucket. */
#define AWAY_MS 500
#define TRIM_MS 2000
#define TRIM_STEP_MS 5
/* Nothing is unsaved in a bucket that nobody uses. */
#define DRAIN_MS 5000

static bool is_away(int err)
{
	return err == -ECONNREFUSED || err == -ETIMEDOUT || err == -EHOSTUNREACH ||
	       err == -ENOTCONN;
}

static const struct fs_ctx nobody = {.may_wait = true};

static int open_slot(struct shares *all, struct share_slot *slot)
{
	struct stat st;
	double timeout;
	int err = fs_getattr(all->directory, &nobody, slot->s.number, &st, &timeout);

	if (err)
		return err;
	do
		err = all->source.open(all->source.arg, slot->name, st.st_ino, &slot->parts);
	while (is_away(err) && all->source.is_hard && shares_pause(all, AWAY_MS));
	if (err)
		return err;
	slot->s.fs = slot->parts.fs;
	slot->s.store = slot->parts.store;
	if (!slot->has_seen)
		slot->seen = st;
	all->on_open(all->on_open_arg, &slot->s);
	return 0;
}

/* Whether what the kernel was told of the directory still decides the same about who may enter. */
static bool looks_as_shown(struct share_slot *slot)
{
	struct stat st;
	double timeout;

	return fs_getattr(slot->s.fs, &nobody, FS_ROOT_ID, &st, &timeout) == 0 &&
	       st.st_mode == slot->seen.st_mode && st.st_uid == slot->seen.st_uid &&
	       st.st_gid == slot->seen.st_gid;
}

static void close_slot(struct shares *all, struct share_slot *slot, struct stat *ret_seen,
		       int *ret_unstored)
{
	double timeout;

	fs_set_listener(slot->s.fs, NULL);
	if (fs_getattr(slot->s.fs, &nobody, FS_ROOT_ID, ret_seen, &timeout) != 0)
		*ret_seen = slot->seen;
	fs_drain(slot->s.fs, DRAIN_MS);
	*ret_unstored = fs_unstored(slot->s.fs);
	slot->s.fs = NULL;
	slot->s.store = NULL;
	all->source.close(all->source.arg, &slot->parts);
}

static void close_locked(struct shares *all, struct share_slot *slot)
{
	struct stat seen;
	int n;

	slot->state = SLOT_CLOSING;
	mutex_unlock(&all->lock);
	close_slot(all, slot, &seen, &n);
	/* From now on others may change them unseen. */
	all->up.inval_inode(all->up.arg, share_nodeid(&slot->s, FS_ROOT_ID), -1, 0);
	mutex_lock(&all->lock);
	slot->seen = seen;
	slot->has_seen = true;
	slot->state = SLOT_CLOSED;
	all->n_unstored += n;
	all->n_open--;
	cond_broadcast(&all->changed);
}

/* ---- what can be closed ---- */

static bool is_gone(struct shares *all, const struct share_slot *slot)
{
	_cleanup_free_ char *name = NULL;

	return fs_entry_name(all->directory, slot->s.number, &name) == -ESTALE;
}

static bool is_idle(const struct share_slot *slot)
{
	return slot->refs == 0 &&
	       (slot->state == SLOT_CLOSED ||
		(slot->state == SLOT_OPEN &&
		 clock_now_ns() - slot->used_ns >= (uint64_t)IDLE_MS * (uint64_t)NS_PER_MS));
}

/* Whether what is in the bucket can be given up, as of *ret_epoch. Lookups only come by requests
 * that enter, and those are counted. */
static bool is_unused(struct shares *all, struct share_slot *slot, uint64_t *ret_epoch)
{
	bool is_there;

	mutex_lock(&all->lock);
	*ret_epoch = slot->n_entered;
	is_there = slot->state == SLOT_OPEN;
	mutex_unlock(&all->lock);
	return is_there && fs_is_forgotten(slot->s.fs);
}

/* Closes or frees what the caller alone holds, if it may be. Takes the reference back. */
static bool give_up(struct shares *all, struct share_slot *slot)
{
	uint64_t epoch;
	bool is_over = is_gone(all, slot), is_free = is_unused(all, slot, &epoch);

	mutex_lock(&all->lock);
	if (--slot->refs > 0) {
		mutex_unlock(&all->lock);
		return false;
	}
	is_free = slot->state == SLOT_OPEN && (is_over || (is_free && slot->n_entered == epoch));
	if (is_free)
		close_locked(all, slot);
	is_over = is_over && slot->state == SLOT_CLOSED && slot->refs == 0;
	if (is_over)
		hash_remove(&all->slots, &slot->by_number);
	mutex_unlock(&all->lock);
	if (is_over)
		share_slot_free(all, slot);
	return is_free;
}

static void look(struct shares *all)
{
	struct share_slot *slot;
	uint64_t behind = 0;

	while ((slot = share_next_slot(all, behind, is_idle))) {
		behind = slot->s.number;
		(void)give_up(all, slot);
	}
}

void *shares_main(void *arg)
{
	struct shares *all = arg;

	while (shares_pause(all, LOOK_MS))
		look(all);
	return NULL;
}

/* The one that was used longest ago, held. */
static struct share_slot *oldest(struct shares *all)
{
	struct share_slot *best = NULL;

	LOCK_SCOPE(&all->lock);
	for (size_t i = 0; i < all->slots.n_buckets; i++)
		for (struct hash_node *it = all->slots.buckets[i]; it; it = it->next) {
			struct share_slot *slot = container_of(it, struct share_slot, by_number);

			if (slot->state == SLOT_OPEN && slot->refs == 0 &&
			    (!best || slot->used_ns < best->used_ns))
				best = slot;
		}
	if (best) {
		best->refs++;
		/* Whatever comes of it, others are next. */
		best->used_ns = clock_now_ns();
	}
	return best;
}

/* Nobody uses what the bucket holds, but the kernel may remember it. */
static void trim(struct shares *all, struct share_slot *slot)
{
	uint64_t until_ns = clock_deadline_ms(TRIM_MS);

	if (!fs_is_forgotten(slot->s.fs))
		share_trim(&slot->s, all->source.dir);
	while (!fs_is_forgotten(slot->s.fs) && clock_now_ns() < until_ns)
		if (!shares_pause(all, TRIM_STEP_MS))
			return;
}

int shares_make_room(struct shares *all)
{
	struct share_slot *slot;

	for (size_t tries = all->source.open_max; tries > 0 && (slot = oldest(all)); tries--) {
		trim(all, slot);
		if (give_up(all, slot))
			return 0;
	}
	log_warn("all of the %zu buckets that may be open at one time are in use",
		 all->source.open_max);
	return -EMFILE;
}

int share_open_locked(struct shares *all, struct share_slot *slot)
{
	bool is_as_shown = false;
	int err;

	mutex_unlock(&all->lock);
	err = open_slot(all, slot);
	if (!err)
		is_as_shown = looks_as_shown(slot);
	mutex_lock(&all->lock);
	slot->state = err ? SLOT_CLOSED : SLOT_OPEN;
	slot->is_as_shown = is_as_shown;
	slot->error = err;
	slot->error_until_ns = clock_deadline_ms(REFUSED_MS);
	slot->used_ns = clock_now_ns();
	if (err)
		all->n_open--;
	cond_broadcast(&all->changed);
	return err;
}
