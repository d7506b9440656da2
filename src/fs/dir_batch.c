/* SPDX-License-Identifier: Apache-2.0 */

#include "fs/dir_batch.h"

#include <errno.h>
#include <stdlib.h>

#include "fs/apply.h"
#include "fs/rename.h"

void dir_batch_free(struct dir_batch *b)
{
	for (size_t i = 0; b && i < b->n; i++) {
		struct dir_item *it = &b->items[i];

		buf_done(&it->from);
		buf_done(&it->to);
		obj_info_free(it->old);
		obj_info_free(it->info);
		obj_info_free(it->replaced);
		obj_info_free(it->tombstone);
	}
	free(b);
}

int dir_batch_fill(struct dir_batch *b, const struct dir_move *mv, const struct dir_names *names,
		   size_t *at)
{
	const char *name;
	size_t len;

	while (b->n < DIR_BATCH && dir_names_next(names, at, &name, &len)) {
		struct dir_item *it = &b->items[b->n++];

		buf_init(&it->from, OBJ_META_MAX);
		buf_init(&it->to, OBJ_META_MAX);
		buf_append(&it->from, mv->from.data, mv->from.len);
		buf_append(&it->from, name, len);
		buf_append(&it->to, mv->to.data, mv->to.len);
		buf_append(&it->to, name, len);
		if (buf_error(&it->from) || buf_error(&it->to))
			return -ENOMEM;
		name_set_add(&b->held, &it->from);
		name_set_add(&b->held, &it->to);
	}
	return 0;
}

bool dir_objects_is_own(struct fs *fs, const struct obj_info *info, const struct buf *new_name)
{
	const struct dentry *d;

	LOCK_SCOPE(&fs->tree.lock);
	d = fs_find_entry(fs, new_name->data, new_name->len);
	return d && tree_entry_seq(d) == info->seq;
}

int dir_item_describe(struct fs *fs, const struct dir_move *mv, struct dir_item *it)
{
	if (it->from.len == mv->from.len)
		return renamed_info(fs, it->old, it->to.data, it->to.len, &it->info);
	return moved_info(fs, it->old, it->to.data, it->to.len, &it->info);
}

struct obj_info *dir_item_tombstone(const struct dir_item *it)
{
	_cleanup_obj_info_ struct obj_info *t = obj_info_tombstone(it->old);

	return !t || obj_info_set_meta(t, ATTR_MOVED, it->to.data) < 0 ? NULL : steal_ptr(t);
}
