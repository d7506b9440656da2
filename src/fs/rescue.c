/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Somebody replaced or removed the version that a draft builds on, or that is open for reading. Its
 * chunks will be purged, by us after purge_delay, by other clients at once: what the draft still
 * needs is fetched now, and a small file is kept in memory for those who read it.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/file.h"
#include "fs/internal.h"
#include "util/log.h"

/* Other work waits for one step at most. */
#define STEP_BYTES (UINT64_C(8) << 20)
#define BUSY_MS 20
#define KEPT_SIZE (UINT64_C(1) << 20)

struct rescue {
	struct fs *fs;
	struct file *file; /* a reference */
};

static void rescue_end(struct rescue *r)
{
	mutex_lock(&r->fs->tree.lock);
	r->file->is_rescuing = false;
	mutex_unlock(&r->fs->tree.lock);
	file_put(r->fs, r->file);
	free(r);
}

/* Whether nobody has the file any more but the rescue. */
static bool is_alone(const struct rescue *r)
{
	LOCK_SCOPE(&r->fs->tree.lock);
	return r->file->refs == 1;
}

static void rescue_run(void *arg, bool is_last)
{
	struct rescue *r = arg;
	struct file *f = r->file;
	_cleanup_content_ struct content *c = NULL;
	int more = 0;

	if (is_last || is_alone(r)) {
		rescue_end(r);
		return;
	}
	/* A file is busy for long only while it is committed, which fetches the same. */
	if (!mutex_trylock(&f->lock)) {
		if (later_run(&r->fs->later, BUSY_MS, rescue_run, r) < 0)
			rescue_end(r);
		return;
	}
	/* An append goes to the end of whatever is there, without the old content. */
	if (f->state == FILE_STAGED && !f->base_put && !f->is_append_only)
		more = draft_fetch(f->draft, f->size, STEP_BYTES);
	else if (f->state == FILE_CLEAN && file_stored_size(r->fs, f) <= KEPT_SIZE)
		(void)!file_content(r->fs, f, &c);
	mutex_unlock(&f->lock);
	/* Nothing was promised that would be broken without. */
	if (c)
		(void)!content_keep(c);
	if (more < 0)
		log_error("bucket %s: %s was replaced while it was being changed, and its old "
			  "content could not be fetched: %s",
			  r->fs->store->bucket, f->name, strerror(-more));
	if (more <= 0 || later_run(&r->fs->later, 0, rescue_run, r) < 0)
		rescue_end(r);
}

void file_rescue_later(struct fs *fs, struct file *f)
{
	struct rescue *r;

	mutex_assert_held(&fs->tree.lock);
	atomic_store(&f->is_outdated, true);
	if (f->is_rescuing)
		return;
	r = calloc(1, sizeof(*r));
	if (!r)
		return;
	*r = (struct rescue){fs, f};
	if (later_run(&fs->later, 0, rescue_run, r) < 0) {
		free(r);
		return;
	}
	f->is_rescuing = true;
	f->refs++;
}
