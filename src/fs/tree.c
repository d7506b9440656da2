/* SPDX-License-Identifier: Apache-2.0 */

/* Nodes of the tree: their lives, and the tables that find them. */

#include "fs/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/tree_internal.h"

#define ROOT_INO 1

static uint64_t id_hash(uint64_t id)
{
	return id * UINT64_C(0x9E3779B97F4A7C15);
}

static uint64_t ino_hash(struct index_link *l)
{
	return id_hash(container_of(l, struct node, by_ino)->ino);
}

static uint64_t nuid_hash(struct index_link *l)
{
	char nuid[OBJ_NUID_MAX + 1];

	node_nuid(container_of(l, struct node, by_nuid), nuid);
	return hash_bytes(nuid, strlen(nuid));
}

int tree_init(struct tree *t, uint64_t ino_base)
{
	*t = (struct tree){.ino_base = ino_base};
	mutex_init(&t->lock, LOCK_RANK_TREE);
	idmap_init(&t->ids);
	hash_init(&t->links);
	index_init(&t->inos, ino_hash);
	index_init(&t->nuids, nuid_hash);
	index_init(&t->names, dentry_hash);
	slab_init(&t->slab);
	LOCK_SCOPE(&t->lock);
	t->root = tree_node_new(t, S_IFDIR | 0755, "", 0, ino_base ? ino_base : ROOT_INO);
	if (!t->root)
		return -ENOMEM;
	tree_pin(t->root);
	return tree_ref_lookup(t, t->root) == 1 ? 0 : -ENOMEM;
}

static void forget_id(struct tree *t, struct node *n)
{
	if (n->id)
		idmap_remove(&t->ids, n->id);
	n->id = n->n_lookups = 0;
}

/* Frees what a node owns, without regard to the tables. */
static void free_memory(struct tree *t, struct node *n)
{
	if (n->dir)
		free(n->dir->slots);
	free(n->dir);
	node_done(n);
	slab_free(&t->slab, n, sizeof(*n));
}

static void free_node(struct tree *t, struct node *n)
{
	if (t->queue)
		index_queue_flush(t->queue);
	if (n->is_hashed_ino)
		index_remove(&t->inos, &n->by_ino);
	forget_id(t, n);
	if (n->x->link_id)
		hash_remove(&t->links, &node_extra(n)->by_link);
	t->n_nodes--;
	free_memory(t, n);
}

static void free_nameless(void *arg, void *thing)
{
	struct tree *t = arg;
	struct node *n = thing;

	if (!n->dentry && !n->x->link_id && n != t->root)
		free_memory(t, n);
}

/* Everything is in the table of names, of identifiers or of links; nothing is unlinked one by one.
 */
static void free_all(struct tree *t)
{
	struct index_link *next;

	/* A node that is found by its identifier, or by its link, may have names. */
	idmap_each(&t->ids, free_nameless, t);
	for (size_t i = 0; i < t->links.n_buckets; i++)
		for (struct hash_node *it = t->links.buckets[i]; it;) {
			struct node *n = container_of(it, struct node_extra, by_link)->node;

			it = it->next;
			if (!n->dentry)
				free_memory(t, n);
		}
	for (size_t i = 0; i < t->names.n_buckets; i++)
		for (struct index_link *it = t->names.buckets[i]; it; it = next) {
			struct dentry *d = container_of(it, struct dentry, by_name);

			next = it->next;
			if (d->node->dentry == d) {
				/* The next name takes the node over, the last one frees it. */
				d->node->dentry = d->next_name;
				if (!d->next_name)
					free_memory(t, d->node);
			} else {
				struct dentry *before = d->node->dentry;

				while (before->next_name != d)
					before = before->next_name;
				before->next_name = d->next_name;
			}
			dentry_free(t, d);
		}
	free_memory(t, t->root);
}

void tree_done(struct tree *t)
{
	if (t->root) {
		LOCK_SCOPE(&t->lock);
		free_all(t);
	}
	idmap_done(&t->ids);
	hash_done(&t->links);
	index_done(&t->inos);
	index_done(&t->nuids);
	index_done(&t->names);
	slab_done(&t->slab);
	mutex_done(&t->lock);
}

void tree_reserve(struct tree *t, size_t n_nodes)
{
	mutex_assert_held(&t->lock);
	index_reserve(&t->inos, t->inos.count + n_nodes);
	index_reserve(&t->nuids, t->nuids.count + n_nodes);
	index_reserve(&t->names, t->names.count + n_nodes);
}

void tree_fill_begin(struct tree *t, struct index_queue *queue)
{
	mutex_assert_held(&t->lock);
	/* Without memory for tables of that size they grow as they need. */
	if (t->inos.n_buckets > 0 && t->nuids.n_buckets > 0 && t->names.n_buckets > 0)
		t->queue = queue;
}

void tree_fill_end(struct tree *t)
{
	mutex_assert_held(&t->lock);
	if (t->queue)
		index_queue_flush(t->queue);
	t->queue = NULL;
}

int tree_insert(struct tree *t, struct index *x, struct index_link *l, uint64_t hv)
{
	if (!t->queue)
		return index_insert(x, l, hv);
	index_queue_add(t->queue, x, l, hv);
	return 0;
}

struct node *tree_node(struct tree *t, uint64_t id)
{
	mutex_assert_held(&t->lock);
	return idmap_get(&t->ids, id);
}

static uint64_t new_id(struct tree *t, struct node *n)
{
	uint64_t id = idmap_add(&t->ids, n);

	if (id >> NODE_ID_BITS == 0)
		return id;
	idmap_remove(&t->ids, id);
	return 0;
}

uint64_t tree_ref_lookup(struct tree *t, struct node *n)
{
	mutex_assert_held(&t->lock);
	if (!n->id)
		n->id = new_id(t, n) & ((UINT64_C(1) << NODE_ID_BITS) - 1);
	if (n->id && n->n_lookups < NODE_LOOKUPS_MAX)
		n->n_lookups++;
	return n->id;
}

void tree_forget(struct tree *t, uint64_t id, uint64_t count)
{
	struct node *n = tree_node(t, id);

	if (!n || n == t->root || n->n_lookups == NODE_LOOKUPS_MAX)
		return;
	n->n_lookups -= count < n->n_lookups ? count : n->n_lookups;
	if (n->n_lookups == 0) {
		forget_id(t, n);
		tree_drop(t, n);
	}
}

void tree_pin(struct node *n)
{
	n->pins++;
}

void tree_unpin(struct tree *t, struct node *n)
{
	mutex_assert_held(&t->lock);
	assert(n->pins > 0);
	n->pins--;
	tree_drop(t, n);
}

struct node *tree_find_ino(struct tree *t, uint64_t ino)
{
	index_for_each(it, &t->inos, id_hash(ino))
	{
		struct node *n = container_of(it, struct node, by_ino);

		if (n->ino == ino)
			return n;
	}
	return NULL;
}

/*
 * An inode number follows from the name, so that it is the same after the next mount; a number that
 * a living inode has taken along to another name is passed over.
 */
static uint64_t choose_ino(struct tree *t, const char *name, size_t len)
{
	uint64_t ino = hash_bytes_stable(name, len) ^ t->ino_base;

	while (ino <= ROOT_INO || tree_find_ino(t, ino))
		ino = ino * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return ino;
}

struct node *tree_node_new(struct tree *t, mode_t mode, const char *full_name, size_t len,
			   uint64_t ino)
{
	struct node *n = slab_alloc(&t->slab, sizeof(*n));

	mutex_assert_held(&t->lock);
	if (!n)
		return NULL;
	t->n_nodes++;
	n->x = &node_no_extra;
	n->mode = (uint16_t)mode;
	n->generation = t->generation;
	if (S_ISDIR(mode)) {
		n->dir = calloc(1, sizeof(*n->dir));
		if (!n->dir)
			goto fail;
		n->dir->next_cookie = 3; /* 1 and 2 are "." and ".." */
	}
	n->ino = ino ? ino : choose_ino(t, full_name, len);
	if (tree_insert(t, &t->inos, &n->by_ino, id_hash(n->ino)) < 0)
		goto fail;
	n->is_hashed_ino = true;
	return n;
fail:
	free_node(t, n);
	return NULL;
}

void tree_give_up_ino(struct tree *t, struct node *n)
{
	mutex_assert_held(&t->lock);
	if (n->is_hashed_ino)
		index_remove(&t->inos, &n->by_ino);
	n->is_hashed_ino = false;
}

int tree_take_ino(struct tree *t, struct node *n, struct node *old)
{
	if (!n->is_hashed_ino && tree_insert(t, &t->inos, &n->by_ino, id_hash(n->ino)) < 0)
		return -ENOMEM;
	n->is_hashed_ino = true;
	tree_give_up_ino(t, old);
	return 0;
}

void tree_drop(struct tree *t, struct node *n)
{
	if (!n->dentry && !n->id && n->pins == 0 && n != t->root)
		free_node(t, n);
}

void tree_unindex_nuid(struct tree *t, struct node *n)
{
	if (n->dentry && node_has_nuid(n))
		index_remove(&t->nuids, &n->by_nuid);
}

int tree_index_nuid(struct tree *t, struct node *n)
{
	if (!n->dentry || !node_has_nuid(n))
		return 0;
	return tree_insert(t, &t->nuids, &n->by_nuid, nuid_hash(&n->by_nuid));
}

int tree_set_nuid(struct tree *t, struct node *n, const char *nuid)
{
	int err, index_err;

	if (node_nuid_is(n, nuid))
		return 0;
	tree_unindex_nuid(t, n);
	err = node_set_nuid(n, nuid);
	index_err = tree_index_nuid(t, n);
	return err ? err : index_err;
}

struct node *tree_find_nuid(struct tree *t, const char *nuid, const struct node *after)
{
	struct index_link *it = after ? after->by_nuid.next
				      : index_first(&t->nuids, hash_bytes(nuid, strlen(nuid)));

	for (; it; it = it->next) {
		struct node *n = container_of(it, struct node, by_nuid);

		if (node_nuid_is(n, nuid))
			return n;
	}
	return NULL;
}

int tree_set_link_id(struct tree *t, struct node *n, const char *id)
{
	char *copy = id ? strdup(id) : NULL;
	struct node_extra *x;

	mutex_assert_held(&t->lock);
	if (!id && !n->x->link_id)
		return 0;
	x = node_extra(n);
	if (!x || (id && !copy)) {
		free(copy);
		return -ENOMEM;
	}
	if (x->link_id)
		hash_remove(&t->links, &x->by_link);
	free(x->link_id);
	x->link_id = copy;
	if (!copy || hash_insert(&t->links, &x->by_link, hash_bytes(copy, strlen(copy))) == 0)
		return 0;
	free(steal_ptr(x->link_id));
	return -ENOMEM;
}

struct node *tree_find_link(struct tree *t, const char *id)
{
	uint64_t h = hash_bytes(id, strlen(id));

	mutex_assert_held(&t->lock);
	hash_for_each (it, &t->links, h) {
		const struct node_extra *x = container_of(it, struct node_extra, by_link);

		if (it->hash == h && strcmp(x->link_id, id) == 0)
			return x->node;
	}
	return NULL;
}
