/* SPDX-License-Identifier: Apache-2.0 */

/* Directories of the tree and their entries. */

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"
#include "fs/tree_internal.h"

static uint64_t name_hash(const struct node *dir, const char *name, size_t len)
{
	uint64_t h = hash_bytes(name, len);

	return h ^ ((uint64_t)(uintptr_t)dir * UINT64_C(0x9E3779B97F4A7C15));
}

uint64_t dentry_hash(struct index_link *l)
{
	const struct dentry *d = container_of(l, struct dentry, by_name);

	return name_hash(d->parent, d->name, d->len);
}

struct dentry *tree_lookup(struct tree *t, const struct node *dir, const char *name, size_t len)
{
	mutex_assert_held(&t->lock);
	index_for_each(it, &t->names, name_hash(dir, name, len))
	{
		struct dentry *d = container_of(it, struct dentry, by_name);

		if (d->parent == dir && d->len == len && memcmp(d->name, name, len) == 0)
			return d;
	}
	return NULL;
}

/* An entry is a pointer, and so even; a hole keeps the cookie that was there, shifted, and is odd.
 */
struct dentry *tree_slot_entry(uintptr_t slot)
{
	return slot & 1 ? NULL : (struct dentry *)slot;
}

uint64_t tree_slot_cookie(uintptr_t slot)
{
	return slot & 1 ? slot >> 1 : tree_slot_entry(slot)->cookie;
}

/* Index of the first slot whose cookie is at least cookie. */
static size_t slot_lower_bound(const struct dir *dir, uint64_t cookie)
{
	size_t lo = dir->first, hi = dir->n_slots;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (tree_slot_cookie(dir->slots[mid]) < cookie)
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
		if (tree_slot_entry(d->slots[i]))
			return tree_slot_entry(d->slots[i]);
	return NULL;
}

struct dentry *tree_newest(const struct node *dir)
{
	return tree_slot_entry(dir->dir->slots[dir->dir->n_slots - 1]);
}

static int slots_resize(struct dir *dir, size_t cap)
{
	uintptr_t *s = reallocarray(dir->slots, cap, sizeof(*s));

	if (!s)
		return -ENOMEM;
	dir->slots = s;
	dir->cap_slots = cap;
	return 0;
}

void tree_reserve_dir(struct node *dir, size_t n_entries)
{
	if (n_entries > dir->dir->cap_slots)
		(void)!slots_resize(dir->dir, n_entries);
}

static int slots_append(struct dir *dir, struct dentry *d)
{
	if (dir->n_slots == dir->cap_slots &&
	    slots_resize(dir, dir->cap_slots + dir->cap_slots / 2 + 4) < 0)
		return -ENOMEM;
	d->cookie = dir->next_cookie++;
	dir->slots[dir->n_slots++] = (uintptr_t)d;
	dir->n_children++;
	if (d->node->dir)
		dir->n_subdirs++;
	return 0;
}

static void slots_pack(struct dir *dir)
{
	size_t n = 0;

	for (size_t i = 0; i < dir->n_slots; i++)
		if (tree_slot_entry(dir->slots[i]))
			dir->slots[n++] = dir->slots[i];
	dir->n_slots = n;
	dir->first = 0;
}

static void slots_remove(struct dir *dir, const struct dentry *d)
{
	size_t i = slot_lower_bound(dir, d->cookie);

	assert(i < dir->n_slots && tree_slot_entry(dir->slots[i]) == d);
	dir->slots[i] = (uintptr_t)(d->cookie << 1 | 1);
	dir->n_children--;
	if (d->node->dir)
		dir->n_subdirs--;
	while (dir->first < dir->n_slots && !tree_slot_entry(dir->slots[dir->first]))
		dir->first++;
	if (dir->n_children * 2 < dir->n_slots || dir->n_children == 0)
		slots_pack(dir);
}

static void attach(struct tree *t, struct dentry *d, struct node *n)
{
	d->node = n;
	d->next_name = NULL;
	if (n->dentry) {
		d->next_name = n->dentry->next_name;
		n->dentry->next_name = d;
		return;
	}
	n->dentry = d;
	/* Only the very first insertion into a table can fail, and a node that is missing there is
	 * merely not found by its NUID. */
	if (tree_index_nuid(t, n) < 0)
		assert(!"table of NUIDs");
}

static void detach(struct tree *t, struct dentry *d)
{
	struct node *n = d->node;
	struct dentry **at = &n->dentry;

	if (node_has_one_name(n))
		tree_unindex_nuid(t, n);
	while (*at != d)
		at = &(*at)->next_name;
	*at = d->next_name;
	d->next_name = NULL;
}

static size_t dentry_size(size_t len, size_t raw_len)
{
	return sizeof(struct dentry) + len + 1 + raw_len;
}

void dentry_free(struct tree *t, struct dentry *d)
{
	slab_free(&t->slab, d, dentry_size(d->len, d->raw_len));
}

static struct dentry *dentry_new(struct tree *t, const char *name, const char *raw, size_t raw_len)
{
	size_t len = strlen(name);
	struct dentry *d;

	if (!raw)
		raw_len = 0;
	if (len > NAME_COMPONENT_MAX || raw_len > UINT16_MAX)
		return NULL;
	d = slab_alloc(&t->slab, dentry_size(len, raw_len));
	if (!d)
		return NULL;
	memcpy(d->name, name, len + 1);
	d->len = (uint8_t)len;
	d->raw_len = (uint16_t)raw_len;
	if (raw_len > 0)
		memcpy(d->name + len + 1, raw, raw_len);
	return d;
}

int tree_link(struct tree *t, struct node *dir, const char *name, const char *raw, size_t raw_len,
	      bool is_shadowed, struct node *n)
{
	struct dentry *d;

	mutex_assert_held(&t->lock);
	d = dentry_new(t, name, raw, raw_len);
	if (!d)
		return -ENOMEM;
	d->parent = dir;
	d->node = n;
	d->is_shadowed = is_shadowed;
	if (tree_insert(t, &t->names, &d->by_name, dentry_hash(&d->by_name)) < 0)
		goto fail;
	if (slots_append(dir->dir, d) < 0) {
		if (t->queue)
			index_queue_flush(t->queue);
		index_remove(&t->names, &d->by_name);
		goto fail;
	}
	attach(t, d, n);
	return 0;
fail:
	dentry_free(t, d);
	return -ENOMEM;
}

static void remove_entry(struct tree *t, struct dentry *d)
{
	slots_remove(d->parent->dir, d);
	index_remove(&t->names, &d->by_name);
	dentry_free(t, d);
}

void tree_unlink(struct tree *t, struct dentry *d)
{
	struct node *n = d->node;

	mutex_assert_held(&t->lock);
	detach(t, d);
	remove_entry(t, d);
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
	if (na == nb)
		return;
	if (!na->dir != !nb->dir) {
		(na->dir ? a : b)->parent->dir->n_subdirs--;
		(na->dir ? b : a)->parent->dir->n_subdirs++;
	}
	detach(t, a);
	detach(t, b);
	attach(t, a, nb);
	attach(t, b, na);
}

int tree_move(struct tree *t, struct dentry *d, struct node *new_dir, const char *name,
	      const char *raw, size_t raw_len, bool is_shadowed)
{
	struct node *n = d->node;
	int err;

	tree_pin(n);
	detach(t, d);
	err = tree_link(t, new_dir, name, raw, raw_len, is_shadowed, n);
	if (err) {
		attach(t, d, n);
	} else {
		struct dentry *moved = tree_lookup(t, new_dir, name, strlen(name));

		moved->seq = d->seq;
		moved->generation = d->generation;
		remove_entry(t, d);
	}
	tree_unpin(t, n);
	return err;
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

uint64_t tree_entry_seq(const struct dentry *d)
{
	return d->node->x->link_id ? d->seq : d->node->seq;
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
	if (d->raw_len > 0)
		buf_append(out, dentry_raw(d), d->raw_len);
	else if (name_decode(d->name, d->len, component, &len, &is_shadowed) == 0)
		buf_append(out, component, len);
	else
		assert(!"an entry's name can be decoded");
}
