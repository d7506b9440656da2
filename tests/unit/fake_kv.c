/* SPDX-License-Identifier: Apache-2.0 */
#include "fake_kv.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/list.h"
#include "util/lock.h"

struct item {
	struct list link;
	char key[KV_KEY_MAX + 1];
	char *value;
	size_t len;
	uint64_t seq;
};

struct client {
	struct kv base; /* first */
	struct list link;
	struct fake_kv *f;
	struct kv_listener listener;
	bool is_cut;
	unsigned int n_lose;
};

struct fake_kv {
	struct mutex lock;
	struct list items, clients;
	uint64_t seq, n_puts;
	bool is_gone;
};

static struct client *client_of(struct kv *kv)
{
	return container_of(kv, struct client, base);
}

static struct item *find_locked(struct fake_kv *f, const char *key)
{
	list_for_each (it, &f->items) {
		struct item *i = list_entry(it, struct item, link);

		if (strcmp(i->key, key) == 0)
			return i;
	}
	return NULL;
}

static void tell_locked(struct client *c, const struct item *i)
{
	if (!c->is_cut && c->listener.on_entry)
		c->listener.on_entry(c->listener.arg, i->key, i->value, i->len, i->seq);
}

static void store_locked(struct fake_kv *f, const char *key, const void *value, size_t len)
{
	struct item *i = find_locked(f, key);

	if (!i) {
		i = calloc(1, sizeof(*i));
		snprintf(i->key, sizeof(i->key), "%s", key);
		list_push_back(&f->items, &i->link);
	}
	free(i->value);
	i->value = malloc(len + 1);
	if (len > 0)
		memcpy(i->value, value, len);
	i->len = len;
	i->seq = ++f->seq;
	f->n_puts++;
	list_for_each (it, &f->clients)
		tell_locked(list_entry(it, struct client, link), i);
}

static int get_op(struct kv *kv, const char *key, uint64_t timeout_ms, kv_done_fn done, void *arg)
{
	struct client *c = client_of(kv);
	const struct item *i;

	(void)timeout_ms;
	LOCK_SCOPE(&c->f->lock);
	i = find_locked(c->f, key);
	if (c->is_cut)
		done(arg, -ENOTCONN, 0, NULL, 0);
	else if (c->f->is_gone)
		done(arg, -ENODEV, 0, NULL, 0);
	else
		done(arg, 0, i ? i->seq : 0, i ? i->value : NULL, i ? i->len : 0);
	return 0;
}

static int put_op(struct kv *kv, const char *key, const void *value, size_t len,
		  uint64_t expected_seq, uint64_t timeout_ms, kv_done_fn done, void *arg)
{
	struct client *c = client_of(kv);
	const struct item *i;

	(void)timeout_ms;
	LOCK_SCOPE(&c->f->lock);
	i = find_locked(c->f, key);
	if (c->is_cut || c->f->is_gone) {
		done(arg, -ENOTCONN, 0, NULL, 0);
	} else if ((i ? i->seq : 0) != expected_seq) {
		done(arg, -ESTALE, 0, NULL, 0);
	} else {
		store_locked(c->f, key, value, len);
		if (c->n_lose > 0) {
			c->n_lose--;
			done(arg, -ETIMEDOUT, 0, NULL, 0);
		} else {
			done(arg, 0, c->f->seq, NULL, 0);
		}
	}
	return 0;
}

static void tell_all_locked(struct client *c)
{
	list_for_each (it, &c->f->items)
		tell_locked(c, list_entry(it, struct item, link));
}

static int watch_op(struct kv *kv, const struct kv_listener *l)
{
	struct client *c = client_of(kv);

	LOCK_SCOPE(&c->f->lock);
	c->listener = *l;
	tell_all_locked(c);
	return 0;
}

static void close_op(struct kv *kv)
{
	struct client *c = client_of(kv);

	mutex_lock(&c->f->lock);
	list_remove(&c->link);
	mutex_unlock(&c->f->lock);
	free(c);
}

static const struct kv_ops ops = {
	.close = close_op, .watch = watch_op, .get = get_op, .put = put_op};

struct fake_kv *fake_kv_new(void)
{
	struct fake_kv *f = calloc(1, sizeof(*f));

	mutex_init(&f->lock, LOCK_RANK_STORE);
	list_init(&f->items);
	list_init(&f->clients);
	return f;
}

void fake_kv_free(struct fake_kv *f)
{
	struct list *l;

	while ((l = list_pop_front(&f->items))) {
		free(list_entry(l, struct item, link)->value);
		free(list_entry(l, struct item, link));
	}
	mutex_done(&f->lock);
	free(f);
}

struct kv *fake_kv_open(struct fake_kv *f)
{
	struct client *c = calloc(1, sizeof(*c));

	c->base.ops = &ops;
	c->base.max_value = 65536;
	snprintf(c->base.bucket, sizeof(c->base.bucket), "fake");
	c->f = f;
	LOCK_SCOPE(&f->lock);
	list_push_back(&f->clients, &c->link);
	return &c->base;
}

void fake_kv_cut(struct kv *kv, bool is_cut)
{
	struct client *c = client_of(kv);

	LOCK_SCOPE(&c->f->lock);
	c->is_cut = is_cut;
	if (!is_cut)
		tell_all_locked(c);
}

void fake_kv_lose_answers(struct kv *kv, unsigned int n)
{
	LOCK_SCOPE(&client_of(kv)->f->lock);
	client_of(kv)->n_lose = n;
}

uint64_t fake_kv_puts(struct fake_kv *f)
{
	LOCK_SCOPE(&f->lock);
	return f->n_puts;
}

void fake_kv_store(struct fake_kv *f, const char *key, const char *value)
{
	LOCK_SCOPE(&f->lock);
	store_locked(f, key, value, strlen(value));
}

static void forget_locked(struct fake_kv *f, const char *key_prefix)
{
	list_for_each_safe (it, &f->items) {
		struct item *i = list_entry(it, struct item, link);

		if (strncmp(i->key, key_prefix, strlen(key_prefix)) != 0)
			continue;
		list_remove(&i->link);
		free(i->value);
		free(i);
	}
}

void fake_kv_forget(struct fake_kv *f, const char *key_prefix)
{
	LOCK_SCOPE(&f->lock);
	forget_locked(f, key_prefix);
}

void fake_kv_lose(struct fake_kv *f)
{
	LOCK_SCOPE(&f->lock);
	f->is_gone = true;
	f->seq = 0;
	forget_locked(f, "");
}

void fake_kv_tell_lost(struct kv *kv, int err)
{
	struct client *c = client_of(kv);

	LOCK_SCOPE(&c->f->lock);
	c->f->is_gone = err < 0;
	c->listener.on_lost(c->listener.arg, err);
	if (!err)
		tell_all_locked(c);
}
