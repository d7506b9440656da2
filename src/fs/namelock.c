/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/namelock.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "util/buf.h"

struct taken {
	struct hash_node by_name;
	struct obj_info *aside;
	bool is_told;	 /* something was put aside since the last listing began */
	uint64_t number; /* counts up */
	size_t len;
	char name[];
};

void namelock_init(struct namelock *nl)
{
	mutex_init(&nl->lock, LOCK_RANK_LEAF);
	cond_init(&nl->changed);
	hash_init(&nl->names);
}

void namelock_done(struct namelock *nl)
{
	assert(nl->names.count == 0);
	hash_done(&nl->names);
	cond_done(&nl->changed);
	mutex_done(&nl->lock);
}

static struct taken *find_locked(struct namelock *nl, const char *name, size_t len)
{
	uint64_t h = hash_bytes(name, len);

	mutex_assert_held(&nl->lock);
	hash_for_each (it, &nl->names, h) {
		struct taken *t = container_of(it, struct taken, by_name);

		if (it->hash == h && t->len == len && memcmp(t->name, name, len) == 0)
			return t;
	}
	return NULL;
}

static int take(struct namelock *nl, const char *name, size_t len, bool may_wait)
{
	struct taken *t = calloc(1, sizeof(*t) + len + 1);
	int err = -ENOMEM;

	if (!t)
		return -ENOMEM;
	memcpy(t->name, name, len);
	t->len = len;
	LOCK_SCOPE(&nl->lock);
	while (may_wait && find_locked(nl, name, len))
		cond_wait(&nl->changed, &nl->lock);
	if (!may_wait && find_locked(nl, name, len))
		err = -EAGAIN;
	else if (hash_insert(&nl->names, &t->by_name, hash_bytes(name, len)) == 0)
		err = 0;
	if (err)
		free(t);
	else
		t->number = ++nl->n_taken;
	return err;
}

bool namelock_is_taken(struct namelock *nl, const char *name, size_t len)
{
	LOCK_SCOPE(&nl->lock);
	return nl->names.count > 0 && find_locked(nl, name, len);
}

bool namelock_is_idle(struct namelock *nl)
{
	LOCK_SCOPE(&nl->lock);
	return nl->names.count == 0;
}

int namelock_take(struct namelock *nl, const char *name, size_t len)
{
	return take(nl, name, len, true);
}

int namelock_try(struct namelock *nl, const char *name, size_t len)
{
	return take(nl, name, len, false);
}

bool namelock_wait(struct namelock *nl, const char *name, size_t len, uint64_t deadline_ns)
{
	const struct taken *t;
	uint64_t number;
	int err = 0;

	LOCK_SCOPE(&nl->lock);
	number = nl->n_taken;
	while (!err && (t = find_locked(nl, name, len)) && t->number <= number)
		err = cond_wait_until(&nl->changed, &nl->lock, deadline_ns);
	return err == 0;
}

struct obj_info *namelock_release(struct namelock *nl, const char *name, size_t len)
{
	struct obj_info *aside;
	struct taken *t;

	LOCK_SCOPE(&nl->lock);
	t = find_locked(nl, name, len);
	assert(t);
	aside = steal_ptr(t->aside);
	if (aside)
		return aside;
	hash_remove(&nl->names, &t->by_name);
	free(t);
	cond_broadcast(&nl->changed);
	return NULL;
}

int namelock_take2(struct namelock *nl, const char *a, size_t a_len, const char *b, size_t b_len)
{
	int err, order = bytes_compare(a, a_len, b, b_len);
	struct obj_info *aside;

	if (order > 0)
		return namelock_take2(nl, b, b_len, a, a_len);
	assert(order != 0);
	err = namelock_take(nl, a, a_len);
	if (err)
		return err;
	err = namelock_take(nl, b, b_len);
	while (err && (aside = namelock_release(nl, a, a_len)))
		obj_info_free(aside);
	return err;
}

bool namelock_put_aside(struct namelock *nl, struct obj_info *info)
{
	struct taken *t;

	LOCK_SCOPE(&nl->lock);
	t = find_locked(nl, info->name, info->name_len);
	if (!t)
		return false;
	t->is_told = true;
	if (t->aside && t->aside->seq > info->seq) {
		obj_info_free(info);
		return true;
	}
	obj_info_free(t->aside);
	t->aside = info;
	return true;
}

void namelock_begin_listing(struct namelock *nl)
{
	LOCK_SCOPE(&nl->lock);
	for (size_t i = 0; i < nl->names.n_buckets; i++)
		for (struct hash_node *it = nl->names.buckets[i]; it; it = it->next) {
			struct taken *t = container_of(it, struct taken, by_name);

			obj_info_free(steal_ptr(t->aside));
			t->is_told = false;
		}
}

bool namelock_was_told(struct namelock *nl, const char *name, size_t len)
{
	const struct taken *t;

	LOCK_SCOPE(&nl->lock);
	t = find_locked(nl, name, len);
	return t && t->is_told;
}
