/* SPDX-License-Identifier: Apache-2.0 */

/* What an append-only change added goes behind the end of a newer version. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file.h"
#include "fs/internal.h"

#define COPY_STEP (UINT64_C(1) << 20)

bool writer_is_on(const struct file *f, const struct obj_info *base)
{
	const char *have = "", *want = "";

	if (f->state == FILE_STAGED && !f->base_put && f->draft->base)
		have = f->draft->base->nuid;
	if (base && !base->is_deleted && base->size > 0)
		want = base->nuid;
	return strcmp(have, want) == 0;
}

int writer_rebase(struct fs *fs, struct file *f, const struct obj_info *base)
{
	_cleanup_content_ struct content *c = NULL;
	_cleanup_draft_ struct draft *d = NULL;
	_cleanup_free_ uint8_t *buf = malloc(COPY_STEP);
	uint64_t to = base && !base->is_deleted ? base->size : 0, from = f->append_from, base_len;
	int err = buf ? writer_stage(fs, f) : -ENOMEM;

	mutex_assert_held(&f->lock);
	if (!err && to > 0)
		err = content_new(fs->store, &fs->cache, NULL, base, &c);
	if (!err)
		err = draft_new(&fs->staging, c, to, &d);
	base_len = to;
	while (!err && from < f->size) {
		size_t n = f->size - from < COPY_STEP ? (size_t)(f->size - from) : COPY_STEP;

		err = draft_read(f->draft, from, buf, n, true);
		if (!err)
			err = draft_write(d, to, buf, n);
		from += n;
		to += n;
	}
	if (err)
		return err;
	draft_free(f->draft);
	f->draft = steal_ptr(d);
	store_put_close(steal_ptr(f->base_put), false);
	f->append_from = base_len;
	f->size = to;
	f->is_rebased = true;
	return 0;
}
