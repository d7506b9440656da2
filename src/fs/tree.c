/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/tree.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"

#define ROOT_INO 1

static uint64_t name_hash(const struct node *dir, const char *name, size_t len)
{
	uint64_t h = hash_bytes(name, len);

	return h ^ ((uint64_t)(uintptr_t)dir * UINT64_C(0x9E3779B97F4A7C15));
}

static uint64_t id_hash(uint64_t id)
{
	return id * UINT64_C(0x9E3779B97F4A7C15);
}

int tree_init(struct tree *t)
{
	*t = (struct tree){.next_id = 1};
	mutex_init(&t->lock, LOCK_RANK_TREE);
	hash_init(&t->ids);
	hash_init(&t->inos);
	hash_init(&t->nuids);
	hash_init(&t->names);
	hash_init(&t->links);
	LOCK_SCOPE(&t->lock);
	t->root = tree_node_new(t, S_IFDIR | 0755, "", 0, ROOT_INO);
	if (!t->root)
		return -ENOMEM;
	tree_pin(t->root);
	return tree_ref_lookup(t, t->root) == 1 ? 0 : -ENOMEM;
}

static void free_node(struct tree *t, struct node *n)
{
	if (n->is_hashed_ino)
		hash_remove(&t->inos, &n->by_ino);
	if (n->nlookup > 0)
		hash_remove(&t->ids, &n->by_id);
	if (n->link_id)
		hash_remove(&t->links, &n->by_link);
	if (n->dir)
		free(n->dir->slots);
	free(n->dir);
	free(n->link_id);
	free(n->nuid);
	free(n->target);
	xattrs_done(&n->xattrs);
	t->n_nodes--;
	free(n);
}

static void free_subtree(struct tree *t, struct node *n)
{
	struct dentry *d;

	while (n->dir && (d = tree_next(n, 0))) {
		if (d->node->dir)
			free_subtree(t, d->node);
		d->node->pins = 0;
		if (d->node->nlookup > 0)
			hash_remove(&t->ids, &d->node->by_id);
		d->node->nlookup = 0;
		tree_unlink(t, d);
	}
}

/* Nodes that have lost their name are found through the kernel's identifiers, and those that have
 * none yet through those of links. */
static void free_nameless(struct tree *t)
{
	for (size_t i = 0; i < t->links.n_buckets; i++) {
		while (t->links.buckets[i]) {
			struct node *n = container_of(t->links.buckets[i], struct node, by_link);

			if (n->nlookup > 0)
				hash_remove(&t->ids, &n->by_id);
			n->nlookup = 0;
			n->pins = 0;
			tree_drop(t, n);
		}
	}
	for (size_t i = 0; i < t->ids.n_buckets; i++) {
		while (t->ids.buckets[i]) {
			struct node *n = container_of(t->ids.buckets[i], struct node, by_id);

			hash_remove(&t->ids, &n->by_id);
			n->nlookup = 0;
			n->pins = 0;
			if (n != t->root)
				tree_drop(t, n);
		}
	}
}

void tree_done(struct tree *t)
{
	if (t->root) {
		LOCK_SCOPE(&t->lock);
		free_subtree(t, t->root);
		free_nameless(t);
		t->root->pins = 0;
		t->root->nlookup = 0;
		free_node(t, t->root);
	}
	hash_done(&t->ids);
	hash_done(&t->inos);
	hash_done(&t->nuids);
	hash_done(&t->names);
	hash_done(&t->links);
	mutex_done(&t->lock);
}

struct node *tree_node(struct tree *t, uint64_t id)
{
	mutex_assert_held(&t->lock);
	hash_for_each (it, &t->ids, id_hash(id)) {
		struct node *n = container_of(it, struct node, by_id);

		if (n->id == id)
			return n;
	}
	return NULL;
}

uint64_t tree_ref_lookup(struct tree *t, struct node *n)
{
	mutex_assert_held(&t->lock);
	if (n->nlookup == 0) {
		if (n->id == 0)
			n->id = t->next_id++;
		if (hash_insert(&t->ids, &n->by_id, id_hash(n->id)) < 0)
			return 0;
	}
	n->nlookup++;
	return n->id;
}

void tree_forget(struct tree *t, uint64_t id, uint64_t count)
{
	struct node *n = tree_node(t, id);

	if (!n || n == t->root)
		return;
	n->nlookup -= count < n->nlookup ? count : n->nlookup;
	if (n->nlookup == 0) {
		hash_remove(&t->ids, &n->by_id);
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

struct dentry *tree_lookup(struct tree *t, const struct node *dir, const char *name, size_t len)
{
	uint64_t h = name_hash(dir, name, len);

	mutex_assert_held(&t->lock);
	hash_for_each (it, &t->names, h) {
		struct dentry *d = container_of(it, struct dentry, by_name);

		if (it->hash == h && d->parent == dir && d->len == len &&
		    memcmp(d->name, name, len) == 0)
			return d;
	}
	return NULL;
}

/* Index of the first slot whose cookie is at least cookie. */
static size_t slot_lower_bound(const struct dir *dir, uint64_t cookie)
{
	size_t lo = 0, hi = dir->n_slots;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (dir->slots[mid].cookie < cookie)
			lo = mid + 1;
		else
			hi = mid;
	}
	return lo;
}

struct dentry *tree_next(const struct node *dir, uint64_t cookie)
{
	const struct dir *d = dir->dir;

	for (size_t i = slot_lower_bound(d, cookie + 1); i < d->n_slots; i++)
		if (d->slots[i].dentry)
			return d->slots[i].dentry;
	return NULL;
}

bool tree_is_ancestor(const struct node *maybe_above, const struct node *n)
{
	while (n) {
		if (n == maybe_above)
			return true;
		n = n->dentry ? n->dentry->parent : NULL;
	}
	return false;
}

struct node *tree_find_ino(struct tree *t, uint64_t ino)
{
	hash_for_each (it, &t->inos, id_hash(ino)) {
		struct node *n = container_of(it, struct node, by_ino);

		if (n->ino == ino)
			return n;
	}
	return NULL;
}

uint64_t tree_ino_seq(struct tree *t, uint64_t ino)
{
	mutex_assert_held(&t->lock);
	hash_for_each (it, &t->inos, id_hash(ino)) {
		const struct node *n = container_of(it, struct node, by_ino);

		if (n->ino == ino)
			return n->seq;
	}
	return 0;
}

/*
 * An inode number follows from the name, so that it is the same after the next mount; a number that
 * a living inode has taken along to another name is passed over.
 */
static uint64_t choose_ino(struct tree *t, const char *name, size_t len)
{
	uint64_t ino = hash_bytes_stable(name, len);

	while (ino <= ROOT_INO || tree_find_ino(t, ino))
		ino = ino * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return ino;
}

struct node *tree_node_new(struct tree *t, mode_t mode, const char *full_name, size_t len,
			   uint64_t ino)
{
	struct node *n = calloc(1, sizeof(*n));

	mutex_assert_held(&t->lock);
	if (!n)
		return NULL;
	t->n_nodes++;
	n->mode = mode;
	n->generation = t->generation;
	if (S_ISDIR(mode)) {
		n->dir = calloc(1, sizeof(*n->dir));
		if (!n->dir)
			goto fail;
		n->dir->next_cookie = 3; /* 1 and 2 are "." and ".." */
	}
	n->ino = ino ? ino : choose_ino(t, full_name, len);
	if (hash_insert(&t->inos, &n->by_ino, id_hash(n->ino)) < 0)
		goto fail;
	n->is_hashed_ino = true;
	return n;
fail:
	free_node(t, n);
	return NULL;
}

void tree_drop(struct tree *t, struct node *n)
{
	if (!n->dentry && n->nlookup == 0 && n->pins == 0 && n != t->root)
		free_node(t, n);
}

static int slots_append(struct dir *dir, struct dentry *d)
{
	if (dir->n_slots == dir->cap_slots) {
		size_t cap = dir->cap_slots ? dir->cap_slots * 2 : 4;
		struct dir_slot *s = reallocarray(dir->slots, cap, sizeof(*s));

		if (!s)
			return -ENOMEM;
		dir->slots = s;
		dir->cap_slots = cap;
	}
	d->cookie = dir->next_cookie++;
	dir->slots[dir->n_slots++] = (struct dir_slot){d->cookie, d};
	dir->n_children++;
	if (d->node->dir)
		dir->n_subdirs++;
	return 0;
}

static void slots_remove(struct dir *dir, const struct dentry *d)
{
	size_t i = slot_lower_bound(dir, d->cookie), n = 0;

	assert(i < dir->n_slots && dir->slots[i].dentry == d);
	dir->slots[i].dentry = NULL;
	dir->n_children--;
	if (d->node->dir)
		dir->n_subdirs--;
	if (dir->n_children * 2 >= dir->n_slots && dir->n_children > 0)
		return;
	for (i = 0; i < dir->n_slots; i++)
		if (dir->slots[i].dentry)
			dir->slots[n++] = dir->slots[i];
	dir->n_slots = n;
}

static void nuid_unindex(struct tree *t, struct node *n)
{
	if (n->dentry && n->nuid)
		hash_remove(&t->nuids, &n->by_nuid);
}

static int nuid_index(struct tree *t, struct node *n)
{
	if (!n->dentry || !n->nuid)
		return 0;
	return hash_insert(&t->nuids, &n->by_nuid, hash_bytes(n->nuid, strlen(n->nuid)));
}

static void attach(struct tree *t, struct dentry *d, struct node *n)
{
	d->node = n;
	d->next_name = NULL;
	n->n_names++;
	if (n->dentry) {
		d->next_name = n->dentry->next_name;
		n->dentry->next_name = d;
		return;
	}
	n->dentry = d;
	/* Only the very first insertion into a table can fail, and a node that is missing there is
	 * merely not found by its NUID. */
	if (nuid_index(t, n) < 0)
		assert(!"table of NUIDs");
}

static void detach(struct tree *t, struct dentry *d)
{
	struct node *n = d->node;
	struct dentry **at = &n->dentry;

	if (n->n_names == 1)
		nuid_unindex(t, n);
	while (*at != d)
		at = &(*at)->next_name;
	*at = d->next_name;
	d->next_name = NULL;
	n->n_names--;
}

int tree_link(struct tree *t, struct node *dir, const char *name, const char *raw, size_t raw_len,
	      bool is_shadowed, struct node *n)
{
	size_t len = strlen(name);
	struct dentry *d;

	mutex_assert_held(&t->lock);
	d = calloc(1, sizeof(*d) + len + 1);
	if (!d)
		return -ENOMEM;
	memcpy(d->name, name, len);
	d->len = (uint16_t)len;
	d->parent = dir;
	d->node = n;
	d->is_shadowed = is_shadowed;
	if (raw) {
		d->raw = malloc(raw_len);
		if (!d->raw)
			goto fail;
		memcpy(d->raw, raw, raw_len);
		d->raw_len = (uint32_t)raw_len;
	}
	if (hash_insert(&t->names, &d->by_name, name_hash(dir, name, len)) < 0)
		goto fail;
	if (slots_append(dir->dir, d) < 0) {
		hash_remove(&t->names, &d->by_name);
		goto fail;
	}
	attach(t, d, n);
	return 0;
fail:
	free(d->raw);
	free(d);
	return -ENOMEM;
}

void tree_unlink(struct tree *t, struct dentry *d)
{
	struct node *n = d->node;

	mutex_assert_held(&t->lock);
	detach(t, d);
	slots_remove(d->parent->dir, d);
	hash_remove(&t->names, &d->by_name);
	free(d->raw);
	free(d);
	tree_drop(t, n);
}

void tree_replace(struct tree *t, struct dentry *d, struct node *n)
{
	struct node *old = d->node;

	assert(!old->dir && !n->dir);
	detach(t, d);
	attach(t, d, n);
	tree_drop(t, old);
}

void tree_exchange(struct tree *t, struct dentry *a, struct dentry *b)
{
	struct node *na = a->node, *nb = b->node;

	mutex_assert_held(&t->lock);
	assert(!na->dir && !nb->dir);
	if (na == nb)
		return;
	detach(t, a);
	detach(t, b);
	attach(t, a, nb);
	attach(t, b, na);
}

int tree_move(struct tree *t, struct dentry *d, struct node *new_dir, const char *name,
	      const char *raw, size_t raw_len, bool is_shadowed)
{
	struct node *n = d->node;
	uint64_t seq = d->seq;
	uint32_t generation = d->generation;
	int err;

	tree_pin(n);
	detach(t, d);
	err = tree_link(t, new_dir, name, raw, raw_len, is_shadowed, n);
	if (err) {
		attach(t, d, n);
	} else {
		struct dentry *moved = tree_lookup(t, new_dir, name, strlen(name));

		moved->seq = seq;
		moved->generation = generation;
		slots_remove(d->parent->dir, d);
		hash_remove(&t->names, &d->by_name);
		free(d->raw);
		free(d);
	}
	tree_unpin(t, n);
	return err;
}

int tree_set_nuid(struct tree *t, struct node *n, const char *nuid)
{
	char *copy = NULL;

	if (nuid && nuid[0]) {
		if (n->nuid && strcmp(n->nuid, nuid) == 0)
			return 0;
		copy = strdup(nuid);
		if (!copy)
			return -ENOMEM;
	}
	nuid_unindex(t, n);
	free(n->nuid);
	n->nuid = copy;
	return nuid_index(t, n);
}

struct node *tree_find_nuid(struct tree *t, const char *nuid, const struct node *except)
{
	uint64_t h = hash_bytes(nuid, strlen(nuid));

	hash_for_each (it, &t->nuids, h) {
		struct node *n = container_of(it, struct node, by_nuid);

		if (it->hash == h && n != except && strcmp(n->nuid, nuid) == 0)
			return n;
	}
	return NULL;
}

int tree_set_link_id(struct tree *t, struct node *n, const char *id)
{
	char *copy = id ? strdup(id) : NULL;

	mutex_assert_held(&t->lock);
	if (id && !copy)
		return -ENOMEM;
	if (n->link_id)
		hash_remove(&t->links, &n->by_link);
	free(n->link_id);
	n->link_id = copy;
	if (!copy || hash_insert(&t->links, &n->by_link, hash_bytes(copy, strlen(copy))) == 0)
		return 0;
	free(steal_ptr(n->link_id));
	return -ENOMEM;
}

struct node *tree_find_link(struct tree *t, const char *id)
{
	uint64_t h = hash_bytes(id, strlen(id));

	mutex_assert_held(&t->lock);
	hash_for_each (it, &t->links, h) {
		struct node *n = container_of(it, struct node, by_link);

		if (it->hash == h && strcmp(n->link_id, id) == 0)
			return n;
	}
	return NULL;
}

uint64_t tree_entry_seq(const struct dentry *d)
{
	return d->node->link_id ? d->seq : d->node->seq;
}

void tree_object_name(const struct dentry *d, struct buf *out)
{
	char component[NAME_COMPONENT_MAX + 1];
	size_t len;
	bool is_shadowed;

	if (d->parent->dentry) {
		tree_object_name(d->parent->dentry, out);
		buf_append_char(out, '/');
	}
	if (d->raw)
		buf_append(out, d->raw, d->raw_len);
	else if (name_decode(d->name, d->len, component, &len, &is_shadowed) == 0)
		buf_append(out, component, len);
	else
		assert(!"an entry's name can be decoded");
}
