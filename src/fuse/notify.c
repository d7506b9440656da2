/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/notify.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "util/hash.h"
#include "util/list.h"
#include "util/lock.h"

#define RECENT 256

struct notice {
	struct list link;
	struct hash_node by_key;
	uint64_t nodeid;  /* of the inode, or of the directory */
	int64_t off, len; /* inode notices */
	size_t name_len;
	bool is_entry;
	char name[];
};

/* Keys of the last notices, to find what a reply may have overtaken. */
struct notify {
	struct notify_sink sink;
	atomic_uint_fast64_t issued; /* notices ever queued; changed under lock */
	struct mutex lock;	     /* leaf; protects all below */
	struct cond changed;
	struct list queue;
	struct hash keys;
	uint64_t recent[RECENT];
	bool is_sending, is_stopping;
	uint64_t sending; /* key of the notice that is being sent */
	pthread_t thread;
};

static uint64_t key_of(uint64_t nodeid, const char *name, size_t len)
{
	uint64_t h = nodeid * UINT64_C(0x9E3779B97F4A7C15);

	return name ? h ^ hash_bytes(name, len) : ~h;
}

static struct notice *find_locked(struct notify *n, uint64_t key, uint64_t nodeid, const char *name,
				  size_t len)
{
	hash_for_each (it, &n->keys, key) {
		struct notice *o = container_of(it, struct notice, by_key);

		if (it->hash == key && o->nodeid == nodeid && o->is_entry == (name != NULL) &&
		    o->name_len == len && (!name || memcmp(o->name, name, len) == 0))
			return o;
	}
	return NULL;
}

/* Widens a queued notice so that it covers both. */
static void merge(struct notice *o, int64_t off, int64_t len)
{
	if (o->off < 0) {
		o->off = off;
		o->len = len;
	} else if (off >= 0 && (off != o->off || len != o->len)) {
		o->off = off < o->off ? off : o->off;
		o->len = 0;
	}
}

static void queue(struct notify *n, uint64_t nodeid, const char *name, size_t name_len, int64_t off,
		  int64_t len)
{
	uint64_t key = key_of(nodeid, name, name_len);
	struct notice *o;

	LOCK_SCOPE(&n->lock);
	n->recent[atomic_fetch_add(&n->issued, 1) % RECENT] = key;
	o = find_locked(n, key, nodeid, name, name_len);
	if (o) {
		merge(o, off, len);
		return;
	}
	o = calloc(1, sizeof(*o) + name_len + 1);
	if (!o)
		return;
	o->nodeid = nodeid;
	o->off = off;
	o->len = len;
	o->is_entry = name != NULL;
	o->name_len = name_len;
	if (name)
		memcpy(o->name, name, name_len);
	if (hash_insert(&n->keys, &o->by_key, key) < 0) {
		free(o);
		return;
	}
	list_push_back(&n->queue, &o->link);
	cond_broadcast(&n->changed);
}

static struct notice *next_notice(struct notify *n)
{
	struct notice *o;
	struct list *l;

	LOCK_SCOPE(&n->lock);
	n->is_sending = false;
	cond_broadcast(&n->changed);
	while (!n->is_stopping && list_is_empty(&n->queue))
		cond_wait(&n->changed, &n->lock);
	if (n->is_stopping)
		return NULL;
	l = list_pop_front(&n->queue);
	o = list_entry(l, struct notice, link);
	n->sending = o->by_key.hash;
	hash_remove(&n->keys, &o->by_key);
	n->is_sending = true;
	return o;
}

static void *notify_main(void *arg)
{
	struct notify *n = arg;
	struct notice *o;

	while ((o = next_notice(n))) {
		if (o->is_entry)
			n->sink.entry(n->sink.arg, o->nodeid, o->name, o->name_len);
		else
			n->sink.inode(n->sink.arg, o->nodeid, o->off, o->len);
		free(o);
	}
	return NULL;
}

int notify_new(const struct notify_sink *sink, struct notify **ret)
{
	struct notify *n = calloc(1, sizeof(*n));
	int err;

	if (!n)
		return -ENOMEM;
	n->sink = *sink;
	mutex_init(&n->lock, LOCK_RANK_LEAF);
	cond_init(&n->changed);
	list_init(&n->queue);
	hash_init(&n->keys);
	err = thread_start(&n->thread, "natsobj-notify", notify_main, n);
	if (err) {
		free(n);
		return err;
	}
	*ret = n;
	return 0;
}

void notify_free(struct notify *n)
{
	struct list *l;

	if (!n)
		return;
	mutex_lock(&n->lock);
	n->is_stopping = true;
	cond_broadcast(&n->changed);
	mutex_unlock(&n->lock);
	pthread_join(n->thread, NULL);
	while ((l = list_pop_front(&n->queue)))
		free(list_entry(l, struct notice, link));
	hash_done(&n->keys);
	cond_done(&n->changed);
	mutex_done(&n->lock);
	free(n);
}

static void on_inode(void *arg, uint64_t nodeid, int64_t off, int64_t len)
{
	queue(arg, nodeid, NULL, 0, off, len);
}

static void on_entry(void *arg, uint64_t parent, const char *name, size_t len)
{
	queue(arg, parent, name, len, 0, 0);
}

void notify_entry(struct notify *n, uint64_t parent, const char *name)
{
	queue(n, parent, name, strlen(name), 0, 0);
}

struct fs_listener notify_listener(struct notify *n)
{
	return (struct fs_listener){.arg = n, .inval_inode = on_inode, .inval_entry = on_entry};
}

void notify_inode_now(struct notify *n, uint64_t nodeid)
{
	uint64_t key = key_of(nodeid, NULL, 0);
	struct notice *o;

	mutex_lock(&n->lock);
	o = find_locked(n, key, nodeid, NULL, 0);
	if (o) {
		hash_remove(&n->keys, &o->by_key);
		list_remove(&o->link);
		free(o);
		cond_broadcast(&n->changed);
	}
	while (n->is_sending && n->sending == key)
		cond_wait(&n->changed, &n->lock);
	mutex_unlock(&n->lock);
	n->sink.inode(n->sink.arg, nodeid, 0, 0);
}

uint64_t notify_mark(struct notify *n)
{
	return atomic_load(&n->issued);
}

static bool was_issued_since(struct notify *n, uint64_t mark, uint64_t key)
{
	uint64_t now;

	LOCK_SCOPE(&n->lock);
	now = atomic_load(&n->issued);
	if (now - mark > RECENT)
		return true;
	for (; mark < now; mark++)
		if (n->recent[mark % RECENT] == key)
			return true;
	return false;
}

void notify_recheck(struct notify *n, uint64_t mark, uint64_t nodeid, uint64_t parent,
		    const char *name)
{
	if (atomic_load(&n->issued) == mark)
		return;
	if (nodeid && was_issued_since(n, mark, key_of(nodeid, NULL, 0)))
		queue(n, nodeid, NULL, 0, -1, 0);
	if (name && was_issued_since(n, mark, key_of(parent, name, strlen(name))))
		queue(n, parent, name, strlen(name), 0, 0);
}

void notify_flush(struct notify *n)
{
	LOCK_SCOPE(&n->lock);
	while (n->is_sending || !list_is_empty(&n->queue))
		cond_wait(&n->changed, &n->lock);
}
