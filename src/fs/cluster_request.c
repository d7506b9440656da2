/* SPDX-License-Identifier: Apache-2.0 */

/*
 * What other threads may call: requests on their way into the inbox, and the questions that must
 * not wait for the thread of the locks.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cluster_internal.h"
#include "objstore/digest.h"
#include "util/base64url.h"
#include "util/clock.h"

struct view {
	struct hash_node by_key;
	char key[LOCK_KEY_LEN + 1];
	bool is_lost;
	struct lock_table held; /* empty without memory for it */
};

void cluster_post_locked(struct cluster_locks *cl, struct message *m)
{
	mutex_assert_held(&cl->lock);
	list_push_back(&cl->inbox, &m->link);
	cond_signal(&cl->wake);
}

/* Of all mounts of this process, so that a number says whose request it is. */
static atomic_uint_fast64_t last_id;

static void free_op(struct lock_op *op)
{
	free(op->name);
	free(op);
}

void cluster_finish(struct cluster_locks *cl, struct lock_op *op, int err)
{
	bool is_local = strcmp(op->conflict.owner.session, cl->session.id) == 0;

	list_remove(&op->link);
	if (op->done)
		op->done(op->arg, err, op->has_conflict ? &op->conflict : NULL, is_local);
	mutex_lock(&cl->lock);
	hash_remove(&cl->ops, &op->by_id);
	list_remove(&op->message.link);
	list_remove(&op->cancellation.link);
	if (cl->ops.count == 0)
		cond_broadcast(&cl->idle);
	mutex_unlock(&cl->lock);
	free_op(op);
}

struct lock_op *cluster_lock_op(struct cluster_locks *cl, enum lock_op_kind kind, const char *key,
				const char *name, const struct lock_entry *want, lock_done_fn done,
				void *arg)
{
	struct lock_op *op = calloc(1, sizeof(*op));
	int err;

	if (!op)
		return NULL;
	op->name = strdup(name);
	op->kind = kind;
	memcpy(op->key, key, sizeof(op->key));
	op->want = *want;
	op->want.owner.session[0] = '\0';
	op->done = done;
	op->arg = arg;
	op->message.kind = MESSAGE_OP;
	op->cancellation.kind = MESSAGE_CANCEL;
	list_init(&op->link);
	list_init(&op->message.link);
	list_init(&op->cancellation.link);
	op->deadline_ns = cl->timeout_ns ? clock_now_ns() + cl->timeout_ns : UINT64_MAX;
	mutex_lock(&cl->lock);
	op->id = atomic_fetch_add(&last_id, 1) + 1;
	err = op->name ? hash_insert(&cl->ops, &op->by_id, op->id) : -ENOMEM;
	mutex_unlock(&cl->lock);
	if (err) {
		free_op(op);
		return NULL;
	}
	return op;
}

uint64_t cluster_lock_op_id(const struct lock_op *op)
{
	return op->id;
}

void cluster_lock_submit(struct cluster_locks *cl, struct lock_op *op)
{
	LOCK_SCOPE(&cl->lock);
	cluster_post_locked(cl, &op->message);
}

void cluster_lock_cancel(struct cluster_locks *cl, uint64_t id)
{
	LOCK_SCOPE(&cl->lock);
	hash_for_each (it, &cl->ops, id) {
		struct lock_op *op = container_of(it, struct lock_op, by_id);

		if (op->id != id || atomic_exchange(&op->is_cancelled, true))
			continue;
		cluster_post_locked(cl, &op->cancellation);
		return;
	}
}

int cluster_lock_key(const char *name, size_t len, char ret[LOCK_KEY_LEN + 1])
{
	uint8_t sum[OBJ_DIGEST_LEN];
	struct digest *d = digest_new();

	_Static_assert(BASE64_LEN(OBJ_DIGEST_LEN) == LOCK_KEY_LEN, "a key is a padded hash");
	if (!d)
		return -ENOMEM;
	digest_add(d, name, len);
	digest_finish(d, sum);
	digest_free(d);
	base64url_encode(sum, sizeof(sum), ret);
	return 0;
}

/* ---- what other threads may ask ---- */

static struct view *find_view_locked(struct cluster_locks *cl, const char *key)
{
	uint64_t h = hash_bytes(key, strlen(key));

	hash_for_each (it, &cl->views, h) {
		struct view *v = container_of(it, struct view, by_key);

		if (it->hash == h && strcmp(v->key, key) == 0)
			return v;
	}
	return NULL;
}

void cluster_show(struct cluster_locks *cl, const struct record *r)
{
	bool is_needed = r->held.n_held > 0 || r->lost.n_held > 0;
	struct view *v;

	LOCK_SCOPE(&cl->lock);
	v = find_view_locked(cl, r->key);
	if (v && !is_needed) {
		hash_remove(&cl->views, &v->by_key);
		lock_table_done(&v->held);
		free(v);
		atomic_fetch_sub(&cl->n_views, 1);
	} else if (!v && is_needed) {
		v = calloc(1, sizeof(*v));
		if (!v)
			return;
		memcpy(v->key, r->key, sizeof(v->key));
		if (hash_insert(&cl->views, &v->by_key, hash_bytes(v->key, strlen(v->key))) < 0) {
			free(v);
			return;
		}
		atomic_fetch_add(&cl->n_views, 1);
	}
	if (!is_needed)
		return;
	v->is_lost = r->lost.n_held > 0;
	lock_table_done(&v->held);
	(void)!lock_table_copy(&r->held, &v->held);
}

bool cluster_lock_is_used(struct cluster_locks *cl)
{
	return atomic_load(&cl->n_views) > 0;
}

bool cluster_lock_is_locked(struct cluster_locks *cl, const char *key)
{
	LOCK_SCOPE(&cl->lock);
	return find_view_locked(cl, key) != NULL;
}

static bool is_by(const struct lock_entry *e, const struct lock_entry *by)
{
	return by->via ? e->via == by->via : e->kind == by->kind && e->owner.id == by->owner.id;
}

bool cluster_lock_is_held(struct cluster_locks *cl, const char *key, const struct lock_entry *by)
{
	const struct view *v;

	LOCK_SCOPE(&cl->lock);
	v = find_view_locked(cl, key);
	if (!v || v->is_lost || v->held.n_held == 0)
		return v != NULL;
	for (size_t i = 0; i < v->held.n_held; i++)
		if (is_by(&v->held.held[i], by))
			return true;
	return false;
}

int cluster_lock_check(struct cluster_locks *cl, const char *key)
{
	const struct view *v;

	LOCK_SCOPE(&cl->lock);
	v = find_view_locked(cl, key);
	return v && (v->is_lost || !session_is_good(cl)) ? -EIO : 0;
}
