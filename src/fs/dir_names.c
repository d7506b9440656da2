/* SPDX-License-Identifier: Apache-2.0 */

/* The objects below a directory, as names relative to it. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/dir_rename.h"

#define NAMES_MAX (UINT64_C(1) << 30)

void dir_names_init(struct dir_names *l)
{
	*l = (struct dir_names){0};
	buf_init(&l->bytes, NAMES_MAX);
}

void dir_names_done(struct dir_names *l)
{
	buf_done(&l->bytes);
}

int dir_names_add(struct dir_names *l, const char *name, size_t len, uint64_t seq)
{
	uint32_t n = (uint32_t)len;

	buf_append(&l->bytes, &n, sizeof(n));
	buf_append(&l->bytes, name, len);
	l->count++;
	l->max_len = len > l->max_len ? len : l->max_len;
	l->max_seq = seq > l->max_seq ? seq : l->max_seq;
	return buf_error(&l->bytes);
}

bool dir_names_next(const struct dir_names *l, size_t *at, const char **ret, size_t *ret_len)
{
	uint32_t len;

	if (*at >= l->bytes.len)
		return false;
	memcpy(&len, l->bytes.data + *at, sizeof(len));
	*ret = l->bytes.data + *at + sizeof(len);
	*ret_len = len;
	*at += sizeof(len) + len;
	return true;
}

static int add_entry(struct fs *fs, struct dentry *d, size_t skip, uint64_t max_seq,
		     struct dir_names *l)
{
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	buf_init(&name, OBJ_META_MAX);
	fs_path(fs, d, &name);
	err = buf_error(&name);
	if (!err)
		err = dir_names_add(l, name.data + skip, name.len - skip, tree_entry_seq(d));
	if (!err && max_seq == UINT64_MAX)
		d->is_behind = true;
	return err;
}

/* A claim of the old name is in the list and vanishes; a commit that comes later goes to the new
 * one. */
static void forget_claim(struct node *n)
{
	if (n->is_dirty && !node_has_nuid(n) && !n->x->link_id)
		n->seq = 0;
}

/* The first commit of a file may be under way, to the old name. */
static bool is_maybe_stored(const struct node *n, uint64_t max_seq)
{
	return n->is_dirty && max_seq == UINT64_MAX;
}

int dir_names_collect(struct fs *fs, const struct node *dir, size_t skip, uint64_t max_seq,
		      struct dir_names *l)
{
	struct dentry *d;
	uint64_t cookie = 0;
	int err = 0;

	mutex_assert_held(&fs->tree.lock);
	if (dir->dir->has_marker && dir->seq <= max_seq)
		err = add_entry(fs, dir->dentry, skip, max_seq, l);
	while (!err && (d = tree_next(dir, cookie))) {
		uint64_t seq = tree_entry_seq(d);

		cookie = d->cookie;
		if (d->node->dir)
			err = dir_names_collect(fs, d->node, skip, max_seq, l);
		else if (seq ? seq <= max_seq : is_maybe_stored(d->node, max_seq))
			err = add_entry(fs, d, skip, max_seq, l);
		if (!d->node->dir && max_seq == UINT64_MAX)
			forget_claim(d->node);
	}
	return err;
}

int dir_names_behind(struct fs *fs, const struct node *dir, size_t skip, struct dir_names *l)
{
	struct dentry *d = dir->dentry;
	uint64_t cookie = 0;
	int err = 0;

	mutex_assert_held(&fs->tree.lock);
	if (d && d->is_behind)
		err = add_entry(fs, d, skip, 0, l);
	while (!err && (d = tree_next(dir, cookie))) {
		cookie = d->cookie;
		if (d->node->dir)
			err = dir_names_behind(fs, d->node, skip, l);
		else if (d->is_behind)
			err = add_entry(fs, d, skip, 0, l);
	}
	return err;
}

void dir_names_uncollect(struct fs *fs, const struct node *dir)
{
	struct dentry *d;
	uint64_t cookie = 0;

	mutex_assert_held(&fs->tree.lock);
	if (dir->dentry)
		dir->dentry->is_behind = false;
	while ((d = tree_next(dir, cookie))) {
		cookie = d->cookie;
		d->is_behind = false;
		if (d->node->dir)
			dir_names_uncollect(fs, d->node);
	}
}

int dir_names_invert(struct fs *fs, const struct node *dir, size_t skip, struct dir_names *l)
{
	struct dentry *d = dir->dentry;
	uint64_t cookie = 0;
	int err = 0;

	mutex_assert_held(&fs->tree.lock);
	if (d && dir->dir->has_marker && !d->is_behind)
		err = add_entry(fs, d, skip, UINT64_MAX, l);
	else if (d)
		d->is_behind = false;
	while (!err && (d = tree_next(dir, cookie))) {
		cookie = d->cookie;
		if (d->node->dir)
			err = dir_names_invert(fs, d->node, skip, l);
		else if (!d->is_behind && tree_entry_seq(d))
			err = add_entry(fs, d, skip, UINT64_MAX, l);
		else
			d->is_behind = false;
	}
	return err;
}

/* --- two lists --- */

struct part {
	const char *name;
	size_t len;
};

static int compare(const void *a, const void *b)
{
	const struct part *x = a, *y = b;

	return bytes_compare(x->name, x->len, y->name, y->len);
}

static struct part *sorted(const struct dir_names *l)
{
	struct part *all = calloc(l->count + 1, sizeof(*all));
	size_t at = 0;

	if (!all)
		return NULL;
	for (size_t i = 0; i < l->count; i++)
		if (!dir_names_next(l, &at, &all[i].name, &all[i].len))
			break;
	qsort(all, l->count, sizeof(*all), compare);
	return all;
}

int dir_names_split(const struct dir_names *a, const struct dir_names *b, struct dir_names *only_a,
		    struct dir_names *only_b, struct dir_names *both)
{
	_cleanup_free_ struct part *in_a = sorted(a), *in_b = sorted(b);
	size_t i = 0, j = 0;
	int err = in_a && in_b ? 0 : -ENOMEM;

	while (!err && (i < a->count || j < b->count)) {
		int order = i == a->count ? 1 : j == b->count ? -1 : compare(&in_a[i], &in_b[j]);
		const struct part *p = order <= 0 ? &in_a[i] : &in_b[j];

		err = dir_names_add(order < 0	? only_a
				    : order > 0 ? only_b
						: both,
				    p->name, p->len, 0);
		i += order <= 0;
		j += order >= 0;
	}
	return err;
}

/* --- their room in the bucket --- */

/* What an object costs beyond what its names do: a tombstone, longer metadata, the messages' own
 * bytes; and for those that are under way, whose old metadata are still there. */
#define MOVED_COST 616
#define UNDER_WAY_COST 1500
/* What is replaced is not removed at once, others store something too, and figures are old. */
#define AMPLE 8

struct figures {
	uint64_t count, name_bytes;
};

static void count(struct figures *f, size_t len)
{
	f->count++;
	f->name_bytes += len;
}

/* What is stored below dir, whose entries have names len bytes longer than their own. */
static void measure(const struct node *dir, size_t len, struct figures *f)
{
	struct dentry *d;
	uint64_t cookie = 0;

	if (dir->dir->has_marker)
		count(f, len);
	while ((d = tree_next(dir, cookie))) {
		cookie = d->cookie;
		if (d->node->dir)
			measure(d->node, len + d->len + 1, f);
		else if (tree_entry_seq(d))
			count(f, len + d->len);
	}
}

uint64_t dir_names_need(const struct fs *fs, const struct node *n, const struct dir_move *mv)
{
	struct figures f = {0};
	uint64_t under_way;

	mutex_assert_held(&fs->tree.lock);
	if (n->dir)
		measure(n, 0, &f);
	else
		count(&f, 0);
	under_way = f.count < DIR_BATCH ? f.count : DIR_BATCH;
	/* Each name is in a subject, as base64, and in two values. */
	return 4 * (f.name_bytes + f.count * (mv->from.len + mv->to.len)) + f.count * MOVED_COST +
	       under_way * UNDER_WAY_COST;
}

int dir_names_check_room(struct fs *fs, uint64_t need, bool *ret_is_ample)
{
	struct store_status st;
	int err = store_status(fs->store, &st);

	if (err)
		return err;
	if (ret_is_ample)
		*ret_is_ample = need < st.free_bytes / AMPLE;
	return need > st.free_bytes ? -ENOSPC : 0;
}
