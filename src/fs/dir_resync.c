/* SPDX-License-Identifier: Apache-2.0 */

/* The bucket's word on what a tree shows of a directory that was renamed. */

#include <errno.h>
#include <stdlib.h>

#include "fs/apply.h"
#include "fs/dir_batch.h"

void dir_objects_doubt(struct fs *fs, const struct buf *name)
{
	struct dentry *d = fs_find_any(fs, name->data, name->len);

	mutex_assert_held(&fs->tree.lock);
	if (!d || d->node->is_dirty || tree_entry_seq(d) <= 1)
		return;
	if (d->node->x->link_id)
		d->seq = 1;
	else
		d->node->seq = 1;
}

/* What was exchanged in the tree only has the sequences of the other names. */
static void doubt_exchanged(struct fs *fs, const struct dir_move *mv,
			    const struct buf *const *names, size_t n)
{
	LOCK_SCOPE(&fs->tree.lock);
	for (size_t i = 0; mv->is_exchange && i < n; i++)
		dir_objects_doubt(fs, names[i]);
}

/* The bucket's word on n names, where the tree may be wrong. What it has up to mv's sequence is no
 * object's that has such a name. */
static int resync(struct fs *fs, const struct dir_move *mv, const struct buf *const *names,
		  size_t n)
{
	struct obj_info *infos[DIR_BATCH];
	const char *texts[DIR_BATCH];
	size_t lens[DIR_BATCH];
	int errs[DIR_BATCH], err;

	for (size_t i = 0; i < n; i++) {
		texts[i] = names[i]->data;
		lens[i] = names[i]->len;
	}
	doubt_exchanged(fs, mv, names, n);
	err = n ? store_get_infos(fs->store, texts, lens, n, infos, errs) : 0;
	for (size_t i = 0; !err && i < n; i++) {
		bool is_gone = infos[i] ? !fs_info_is_live(infos[i]) : errs[i] == -ENOENT;
		uint64_t seq = infos[i] ? infos[i]->seq : 0;

		/* A tombstone that was applied before the entry came back is no news. */
		if (is_gone)
			fs_apply_absent(fs, texts[i], lens[i], seq > mv->seq ? seq : mv->seq);
		if (infos[i])
			fs_apply(fs, infos[i]);
	}
	for (size_t i = 0; !err && i < n; i++)
		err = errs[i] == -ENOENT ? 0 : errs[i];
	return err;
}

int dir_batch_resync(struct fs *fs, const struct dir_move *mv, struct dir_batch *b, bool is_all)
{
	const struct buf *from[DIR_BATCH], *to[DIR_BATCH];
	size_t n = 0;
	int err;

	for (size_t i = 0; i < b->n; i++) {
		struct dir_item *it = &b->items[i];

		if (!is_all && !it->err && it->old && it->info)
			continue;
		from[n] = &it->from;
		to[n++] = &it->to;
	}
	err = resync(fs, mv, to, n);
	return err ? err : resync(fs, mv, from, n);
}

int dir_objects_resync(struct fs *fs, const struct dir_move *mv, const struct dir_names *names,
		       size_t at)
{
	int err = 0;

	while (!err && at < names->bytes.len) {
		struct dir_batch *b CLEANUP(dir_batch_free_p) = calloc(1, sizeof(*b));

		err = b ? dir_batch_fill(b, mv, names, &at) : -ENOMEM;
		if (!err)
			err = dir_batch_resync(fs, mv, b, true);
	}
	return err;
}
