/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/halves.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/file.h"
#include "fs/links.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

#define GRACE_NS (60 * NS_PER_SEC)
#define SWEEP_MS 15000
/* Beyond this many, old names stay until somebody looks for them. */
#define HALVES_MAX 65536

struct half {
	struct list link; /* in the order of their due times */
	struct hash_node by_name;
	uint64_t due_ns;
	uint64_t seq;
	size_t from_len, to_len;
	char names[]; /* both, each with a NUL */
};

static struct half *find(struct fs *fs, const char *from, size_t len, uint64_t h)
{
	hash_for_each (it, &fs->halves.names, h) {
		struct half *p = container_of(it, struct half, by_name);

		if (it->hash == h && p->from_len == len && memcmp(p->names, from, len) == 0)
			return p;
	}
	return NULL;
}

bool halves_is_old(struct fs *fs, const struct obj_info *info)
{
	const struct half *p;

	LOCK_SCOPE(&fs->tree.lock);
	p = find(fs, info->name, info->name_len, hash_bytes(info->name, info->name_len));
	return p && p->seq == info->seq;
}

static void take_out(struct fs *fs, struct half *p)
{
	list_remove(&p->link);
	hash_remove(&fs->halves.names, &p->by_name);
}

void halves_forget(struct fs *fs, const char *from, size_t len)
{
	struct half *p;

	mutex_assert_held(&fs->tree.lock);
	if (fs->halves.names.count == 0)
		return;
	p = find(fs, from, len, hash_bytes(from, len));
	if (!p)
		return;
	take_out(fs, p);
	free(p);
}

/* The next one that waited long enough; NULL when there is none. */
static struct half *pop_due(struct fs *fs)
{
	struct half *p;

	LOCK_SCOPE(&fs->tree.lock);
	if (list_is_empty(&fs->halves.all))
		return NULL;
	p = list_entry(fs->halves.all.next, struct half, link);
	if (p->due_ns > clock_now_ns())
		return NULL;
	take_out(fs, p);
	return p;
}

/* Whether the content of both is one, which only a rename brings about. */
static bool is_same_content(const struct fs *fs, const struct obj_info *a, const struct obj_info *b)
{
	const char *ia = links_id(fs, a), *ib = links_id(fs, b);

	if (ia || ib)
		return ia && ib && strcmp(ia, ib) == 0 && strcmp(a->nuid, b->nuid) == 0;
	return a->nuid[0] && strcmp(a->nuid, b->nuid) == 0;
}

/* Completes a rename whose author is gone. */
static void complete(struct fs *fs, const struct half *p)
{
	const char *const names[2] = {p->names, p->names + p->from_len + 1};
	const size_t lens[2] = {p->from_len, p->to_len};
	struct obj_info *infos[2] = {NULL, NULL};
	int errs[2], err = store_get_infos(fs->store, names, lens, 2, infos, errs);
	_cleanup_obj_info_ struct obj_info *from = infos[0];
	_cleanup_obj_info_ struct obj_info *to = infos[1];

	if (err || errs[0] || errs[1] || from->seq != p->seq || to->seq <= from->seq ||
	    from->is_deleted || to->is_deleted || obj_info_meta(to, ATTR_EXCHANGE) ||
	    !is_same_content(fs, from, to))
		return;
	err = store_remove_info(fs->store, from);
	if (err)
		return;
	log_info("bucket %s: completed the rename of %s to %s", fs->store->bucket, from->name,
		 to->name);
	fs_apply_absent(fs, from->name, from->name_len, from->seq);
}

static void sweep(void *arg, bool is_last)
{
	struct fs *fs = arg;
	struct half *p;

	while (!is_last && (p = pop_due(fs))) {
		if (fs_may_change(fs) == 0)
			complete(fs, p);
		free(p);
	}
	LOCK_SCOPE(&fs->tree.lock);
	fs->halves.is_sweeping = false;
	if (!is_last && !list_is_empty(&fs->halves.all))
		fs->halves.is_sweeping = later_run(&fs->later, SWEEP_MS, sweep, fs) == 0;
}

void halves_note_locked(struct fs *fs, const char *from, size_t from_len, uint64_t seq,
			const char *to, size_t to_len)
{
	struct half *p;

	mutex_assert_held(&fs->tree.lock);
	halves_forget(fs, from, from_len);
	if (fs->halves.names.count >= HALVES_MAX)
		return;
	p = calloc(1, sizeof(*p) + from_len + to_len + 2);
	if (!p)
		return;
	p->due_ns = clock_now_ns() + GRACE_NS;
	p->seq = seq;
	p->from_len = from_len;
	p->to_len = to_len;
	memcpy(p->names, from, from_len);
	memcpy(p->names + from_len + 1, to, to_len);
	if (hash_insert(&fs->halves.names, &p->by_name, hash_bytes(from, from_len)) < 0) {
		free(p);
		return;
	}
	list_push_back(&fs->halves.all, &p->link);
	if (!fs->halves.is_sweeping)
		fs->halves.is_sweeping = later_run(&fs->later, SWEEP_MS, sweep, fs) == 0;
}

void halves_note(struct fs *fs, const char *from, size_t from_len, uint64_t seq, const char *to,
		 size_t to_len)
{
	LOCK_SCOPE(&fs->tree.lock);
	halves_note_locked(fs, from, from_len, seq, to, to_len);
}

/* Splits "<name>@<sequence>". */
static bool parse_from(const struct obj_info *info, size_t *ret_len, uint64_t *ret_seq)
{
	const char *from = obj_info_meta(info, ATTR_FROM);
	const char *at = from ? strrchr(from, '@') : NULL;

	if (!at || parse_u64(at + 1, 10, 1, UINT64_MAX, ret_seq) < 0)
		return false;
	*ret_len = (size_t)(at - from);
	return true;
}

/* Whether what n shows under the name from is what info describes under the new one. What is being
 * stored there follows when that has failed (moved.c). */
static bool is_same_node(struct fs *fs, const struct node *n, const char *from, size_t len,
			 const struct obj_info *info)
{
	const char *id = links_id(fs, info);

	if (n->dir || (n->is_dirty && namelock_is_taken(&fs->names, from, len)))
		return false;
	if (n->x->link_id || id)
		return n->x->link_id && id && strcmp(n->x->link_id, id) == 0;
	return node_nuid_is(n, info->nuid);
}

/* Another client moved something to the entry's place. Whoever still comes by the old node is sent
 * to look again. */
static void take_over(struct fs *fs, struct dentry *d)
{
	struct node *n = d->node;

	if (node_has_one_name(n))
		n->is_removed = true;
	if (n->x->file && !n->x->link_id)
		file_rescue_later(fs, n->x->file);
	fs_inval_inode(fs, n, -1, 0);
	tree_unlink(&fs->tree, d);
}

struct dentry *halves_follow(struct fs *fs, struct node *dir, struct dentry *d,
			     const struct component *c, bool is_shadowed,
			     const struct obj_info *info)
{
	const char *from = obj_info_meta(info, ATTR_FROM);
	struct dentry *old;
	struct node *old_dir;
	uint64_t seq;
	size_t len;

	if (!parse_from(info, &len, &seq) || (d && (d->node->is_dirty || d->node->dir)))
		return d;
	old = fs_find_entry(fs, from, len);
	if (!old || old == d || tree_entry_seq(old) != seq ||
	    !is_same_node(fs, old->node, from, len, info))
		return d;
	if (d && tree_entry_seq(d) >= info->seq)
		return d;
	halves_note_locked(fs, from, len, seq, info->name, info->name_len);
	if (d && d->node == old->node)
		return d;
	old_dir = old->parent;
	fs_inval_entry(fs, old_dir, old->name);
	fs_inval_entry(fs, dir, c->name);
	graves_note(&fs->graves, from, len, seq);
	tree_pin(dir);
	if (d)
		take_over(fs, d);
	fs_tell_moved(fs, dir, c->name, old);
	if (tree_move(&fs->tree, old, dir, c->name, c->is_raw_needed ? c->raw : NULL, c->raw_len,
		      is_shadowed) == 0)
		fs_prune(fs, old_dir);
	d = tree_lookup(&fs->tree, dir, c->name, strlen(c->name));
	if (d && d->node->x->link_id)
		d->seq = info->seq;
	else if (d && d->node->is_dirty)
		d->node->seq = info->seq;
	else if (d && fs_set_version(fs, d->node, info) < 0)
		log_error("no memory to note a new version of %s", info->name);
	if (d)
		fs_inval_inode(fs, d->node, -1, 0);
	tree_unpin(&fs->tree, dir);
	return d;
}

void halves_init(struct fs *fs)
{
	list_init(&fs->halves.all);
	hash_init(&fs->halves.names);
}

void halves_done(struct fs *fs)
{
	struct list *l;

	while ((l = list_pop_front(&fs->halves.all)))
		free(list_entry(l, struct half, link));
	hash_done(&fs->halves.names);
}
