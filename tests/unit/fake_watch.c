/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Events: a thread per store goes through the messages in the order of their sequences, as a
 * consumer of the newest message per subject does. Versions that were replaced before their turn
 * are never seen.
 */

#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "fake_internal.h"
#include "objstore/long_name.h"
#include "util/clock.h"
#include "util/hash.h"

/* The next message above the sequence that was handled last. */
static struct fake_meta *next_meta(struct fake_store *s)
{
	list_for_each (it, &s->b->metas) {
		struct fake_meta *m = list_entry(it, struct fake_meta, link);

		if (m->seq > s->watched_seq)
			return m;
	}
	return NULL;
}

static bool has_reload(const struct fake_store *s)
{
	return !s->is_listed || s->n_reloads != s->b->n_reloads;
}

static bool has_event(struct fake_store *s)
{
	if (s->b->is_deleted)
		return !s->is_told_gone;
	return has_reload(s) || next_meta(s);
}

/* Delivers all messages up to last_seq; the lock is held before and after. */
static void deliver(struct fake_store *s, uint64_t last_seq)
{
	const struct watch_listener *l = &s->listener;
	struct fake_meta *m;

	while (!s->is_closing && (m = next_meta(s)) && m->seq <= last_seq) {
		struct obj_info *info = fake_meta_parse(m);
		uint64_t seq = m->seq;
		unsigned int delay_ms = s->b->delay_ms;

		mutex_unlock(&s->b->lock);
		if (delay_ms)
			usleep(delay_ms * 1000);
		l->on_info(l->arg, info);
		mutex_lock(&s->b->lock);
		s->watched_seq = seq;
	}
	/* Sequences of chunks count as seen too, but not those of messages still to come. */
	if (!s->is_closing && s->watched_seq < last_seq)
		s->watched_seq = last_seq;
}

/* What was stored since last_seq, for those who ask; the lock is held before and after. */
static void deliver_newer(struct fake_store *s, uint64_t last_seq)
{
	unsigned int n_asked = s->n_asked;
	struct fake_meta *m;

	s->watched_seq = last_seq;
	while (!s->is_closing && (m = next_meta(s))) {
		struct obj_info *info = fake_meta_parse(m);
		uint64_t seq = m->seq;

		mutex_unlock(&s->b->lock);
		s->listener.on_info(s->listener.arg, info);
		mutex_lock(&s->b->lock);
		s->watched_seq = seq;
	}
	s->n_caught_up = n_asked;
	cond_broadcast(&s->b->cond);
}

/* A listing with a stop in it. False: it has to begin anew. */
static bool deliver_listing(struct fake_store *s, uint64_t last_seq, uint64_t n_reloads)
{
	struct fake *b = s->b;
	uint64_t until = 0;
	unsigned int n = 0;

	list_for_each (it, &b->metas) {
		if (n++ == b->listed_max)
			break;
		until = list_entry(it, struct fake_meta, link)->seq;
	}
	deliver(s, until < last_seq ? until : last_seq);
	s->is_stopped = b->listed_max != UINT_MAX;
	while (b->listed_max != UINT_MAX && !s->is_closing && b->n_reloads == n_reloads) {
		if (s->n_asked != s->n_caught_up)
			deliver_newer(s, last_seq);
		else
			cond_wait(&b->cond, &b->lock);
	}
	s->is_stopped = false;
	if (s->is_closing || b->n_reloads != n_reloads)
		return false;
	s->watched_seq = until;
	deliver(s, last_seq);
	return true;
}

static void reload(struct fake_store *s)
{
	bool is_whole;

	const struct watch_listener *l = &s->listener;
	uint64_t last_seq = s->b->seq, n = s->b->n_reloads, n_names = 0;
	uint64_t max_age_ns = s->b->max_age_ns;
	bool was_listed = s->is_listed;

	list_for_each (it, &s->b->metas)
		n_names++;
	mutex_unlock(&s->b->lock);
	if (was_listed)
		l->on_state(l->arg, WATCH_DISCONNECTED);
	if (l->on_max_age)
		l->on_max_age(l->arg, max_age_ns);
	l->on_reload_begin(l->arg, s->is_from_refused);
	if (l->on_reload_size)
		l->on_reload_size(l->arg, n_names);
	mutex_lock(&s->b->lock);
	s->watched_seq = 0;
	is_whole = deliver_listing(s, last_seq, n);
	if (!is_whole)
		return;
	mutex_unlock(&s->b->lock);
	l->on_reload_end(l->arg, last_seq);
	l->on_state(l->arg, WATCH_CONNECTED);
	mutex_lock(&s->b->lock);
	s->n_reloads = n;
	s->is_from_refused = false;
	s->is_listed = true;
}

static void *watch_main(void *arg)
{
	struct fake_store *s = arg;
	struct fake *b = s->b;

	mutex_lock(&b->lock);
	while (!s->is_closing) {
		if (!has_event(s)) {
			cond_wait(&b->cond, &b->lock);
			continue;
		}
		if (b->is_deleted) {
			mutex_unlock(&b->lock);
			s->listener.on_state(s->listener.arg, WATCH_GONE);
			mutex_lock(&b->lock);
			s->is_told_gone = true;
		} else if (has_reload(s)) {
			reload(s);
		} else {
			deliver(s, b->seq);
		}
		cond_broadcast(&b->cond);
	}
	mutex_unlock(&b->lock);
	return NULL;
}

static uint64_t token_hash(const struct fake_meta *m)
{
	return hash_bytes_stable(m->token, strlen(m->token));
}

static bool has_mark(const struct fake *b, const struct watch_mark *mark)
{
	list_for_each (it, &b->metas) {
		const struct fake_meta *m = list_entry(it, struct fake_meta, link);

		if (m->seq == mark->seq)
			return m->time_ns == mark->time_ns && token_hash(m) == mark->subject_hash;
	}
	return false;
}

/* Either goes on behind the mark, or lists another history. */
static void start_from(struct fake_store *s, const struct watch_mark *from)
{
	s->is_from_refused = !has_mark(s->b, from);
	if (s->is_from_refused)
		return;
	s->watched_seq = from->seq;
	s->is_listed = true;
	deliver(s, s->b->seq);
	mutex_unlock(&s->b->lock);
	s->listener.on_state(s->listener.arg, WATCH_CONNECTED);
	mutex_lock(&s->b->lock);
}

int fake_watch_mark(struct store *store, struct watch_mark *ret)
{
	struct fake_store *s = fake_store_of(store);

	if (!fake_catch_up(store))
		return -EAGAIN;
	LOCK_SCOPE(&s->b->lock);
	*ret = (struct watch_mark){.created_ns = 1, .last_seq = s->b->seq};
	list_for_each (it, &s->b->metas) {
		const struct fake_meta *m = list_entry(it, struct fake_meta, link);

		if (m->seq > s->watched_seq)
			return -EAGAIN;
		ret->messages++;
		ret->seq = m->seq;
		ret->time_ns = m->time_ns;
		ret->subject_hash = token_hash(m);
	}
	return ret->seq ? 0 : -EAGAIN;
}

int fake_watch(struct store *store, const struct watch_listener *l, const struct watch_mark *from)
{
	struct fake_store *s = fake_store_of(store);
	struct fake *b = s->b;
	int err;

	LOCK_SCOPE(&b->lock);
	err = fake_enter(s, FAKE_WATCH);
	if (err)
		return err;
	/* A store has one watch. */
	if (s->is_watching)
		abort();
	s->listener = *l;
	s->n_reloads = b->n_reloads;
	if (from)
		start_from(s, from);
	if (thread_start(&s->watcher, "fake-watch", watch_main, s) < 0)
		abort();
	s->is_watching = true;
	while (!s->is_listed && !s->is_shutdown)
		cond_wait(&b->cond, &b->lock);
	return s->is_listed ? 0 : -ESHUTDOWN;
}

bool fake_catch_up(struct store *store)
{
	struct fake_store *s = fake_store_of(store);

	uint64_t deadline = clock_deadline_ms(1000);
	int err = 0;

	LOCK_SCOPE(&s->b->lock);
	if (s->is_stopped) {
		unsigned int ticket = ++s->n_asked;

		cond_broadcast(&s->b->cond);
		while (!err && s->n_caught_up < ticket && s->is_stopped && !s->is_shutdown)
			err = cond_wait_until(&s->b->cond, &s->b->lock, deadline);
		return s->n_caught_up >= ticket;
	}
	while (!err && s->is_watching && !s->is_shutdown && has_event(s))
		err = cond_wait_until(&s->b->cond, &s->b->lock, deadline);
	return !err && s->is_watching && !s->is_shutdown;
}

static bool is_settled(struct fake *b)
{
	list_for_each (it, &b->stores) {
		struct fake_store *s = list_entry(it, struct fake_store, link);

		if (s->is_watching && has_event(s))
			return false;
	}
	return true;
}

void fake_sync(struct fake *b)
{
	LOCK_SCOPE(&b->lock);
	while (!is_settled(b))
		cond_wait(&b->cond, &b->lock);
}

void fake_hold_listing(struct fake *b, unsigned int after)
{
	LOCK_SCOPE(&b->lock);
	b->listed_max = after;
	cond_broadcast(&b->cond);
}

int fake_names(struct store *store, size_t max, struct name_list *ret)
{
	struct fake_store *s = fake_store_of(store);
	int err;

	LOCK_SCOPE(&s->b->lock);
	err = fake_enter(s, FAKE_NAMES);
	list_for_each (it, &s->b->metas) {
		_cleanup_obj_info_ struct obj_info *info =
			fake_meta_parse(list_entry(it, struct fake_meta, link));

		if (!err && s->b->is_plain)
			err = -EOPNOTSUPP;
		if (!err && info->name_len > OBJ_NAME_PLAIN_MAX)
			err = -EOPNOTSUPP;
		if (!err)
			err = name_list_add(ret, info->name);
		if (!err && ret->n > max)
			err = -E2BIG;
	}
	name_list_settle(ret);
	return err;
}

void fake_reconnect(struct fake *b)
{
	LOCK_SCOPE(&b->lock);
	b->n_reloads++;
	cond_broadcast(&b->cond);
}

void fake_set_max_age(struct fake *b, uint64_t ns)
{
	LOCK_SCOPE(&b->lock);
	b->max_age_ns = ns;
	b->n_reloads++;
	cond_broadcast(&b->cond);
}

void fake_delete_bucket(struct fake *b)
{
	LOCK_SCOPE(&b->lock);
	b->is_deleted = true;
	cond_broadcast(&b->cond);
}
