/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Owners of uploads that wait: for room in the window, or for the last acknowledgement. Each sleeps
 * on a condition of its own, because an acknowledgement, of which there are thousands a second,
 * mostly concerns nobody.
 */
#include "objstore/put_internal.h"

/* Who waits for room is woken when this part of the window is free. */
#define ROOM_PARTS 4

/* Room for one more chunk, or for that and spare bytes besides. */
static bool has_room_for_locked(const struct put *p, uint64_t spare)
{
	const struct uploads *u = &p->bucket->uploads;
	uint64_t len = p->bucket->store.chunk_size, share;
	size_t n_active = 1;

	mutex_assert_held(&u->lock);
	if (!list_is_empty(&p->queue))
		return p->is_held;
	if (u->in_flight == 0)
		return true;
	if (p->trouble)
		return false;
	list_for_each (it, &u->puts) {
		const struct put *other = list_entry(it, struct put, link);

		if (other != p && (other->own_bytes > 0 || !list_is_empty(&other->queue)))
			n_active++;
	}
	share = u->window / n_active;
	return u->in_flight + len + spare <= u->window &&
	       (p->own_bytes == 0 || p->own_bytes + len + spare / n_active <= share);
}

bool put_has_room_locked(const struct put *p)
{
	return has_room_for_locked(p, 0);
}

static bool is_settled_locked(const struct put *p)
{
	return list_is_empty(&p->queue) && list_is_empty(&p->flight) && !p->trouble &&
	       !p->is_resuming;
}

static bool is_over_locked(const struct put *p)
{
	const struct uploads *u = &p->bucket->uploads;

	if (p->err || u->is_shut)
		return true;
	/* Waking for each acknowledgement would cost more than sending the chunk. */
	return p->waits_for == PUT_WAITS_END ? is_settled_locked(p)
					     : has_room_for_locked(p, u->window / ROOM_PARTS);
}

int put_wait_locked(struct put *p, enum put_wait what)
{
	struct uploads *u = &p->bucket->uploads;

	mutex_assert_held(&u->lock);
	p->waits_for = what;
	if (what == PUT_WAITS_END || !put_has_room_locked(p)) {
		list_push_back(&u->waiting, &p->in_waiting);
		while (!is_over_locked(p))
			cond_wait(&p->turn, &u->lock);
		list_remove(&p->in_waiting);
	}
	return p->err ? p->err : u->is_shut ? -ESHUTDOWN : 0;
}

void uploads_tell_locked(struct uploads *u)
{
	mutex_assert_held(&u->lock);
	list_for_each (it, &u->waiting) {
		struct put *p = list_entry(it, struct put, in_waiting);

		if (is_over_locked(p))
			cond_signal(&p->turn);
	}
}
