/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/name_set.h"

#include <assert.h>
#include <stdlib.h>

#include "fs/apply.h"

void name_set_add(struct name_set *s, const struct buf *name)
{
	assert(s->n < NAME_SET_MAX);
	s->all[s->n++] = name;
}

static int compare(const void *a, const void *b)
{
	const struct buf *x = *(const struct buf *const *)a, *y = *(const struct buf *const *)b;

	return bytes_compare(x->data, x->len, y->data, y->len);
}

int name_set_take(struct fs *fs, struct name_set *s)
{
	int err = 0;

	qsort(s->all, s->n, sizeof(s->all[0]), compare);
	while (!err && s->n_held < s->n) {
		const struct buf *name = s->all[s->n_held];

		err = namelock_take(&fs->names, name->data, name->len);
		if (!err)
			s->n_held++;
	}
	if (err)
		name_set_release(fs, s);
	return err;
}

void name_set_release(struct fs *fs, struct name_set *s)
{
	for (size_t i = 0; i < s->n_held; i++)
		fs_release_name(fs, s->all[i]->data, s->all[i]->len);
	s->n_held = 0;
}
