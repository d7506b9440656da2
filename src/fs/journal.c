/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/file.h"
#include "fs/journal_internal.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/journal_record.h"
#include "util/clock.h"
#include "util/log.h"

/* The segments may be one part in so many of the file before they are merged. */
#define SEGMENTS_PART 2

struct journal *journal_new(struct fs *fs)
{
	struct journal *j = calloc(1, sizeof(*j));

	if (!j)
		return NULL;
	atomic_init(&j->refs, 1);
	j->fs = fs;
	mutex_init(&j->lock, LOCK_RANK_FILE_INNER);
	return j;
}

struct journal *journal_ref(struct journal *j)
{
	atomic_fetch_add(&j->refs, 1);
	return j;
}

void journal_unref(struct journal *j)
{
	if (!j || atomic_fetch_sub(&j->refs, 1) > 1)
		return;
	ranges_done(&j->all);
	obj_info_free(j->info);
	mutex_done(&j->lock);
	free(j);
}

void journal_set_active(struct journal *j, bool is_active)
{
	mutex_assert_held(&j->lock);
	if (is_active != j->is_active)
		atomic_fetch_add(&j->fs->journals.n_active, is_active ? 1 : -1);
	j->is_active = is_active;
}

void journal_attach(struct fs *fs, struct file *f, struct journal *j)
{
	mutex_assert_held(&f->lock);
	f->journal = j;
	LOCK_SCOPE(&fs->tree.lock);
	j->file = f;
}

bool journal_is_active(const struct file *f)
{
	mutex_assert_held(&f->lock);
	return f->journal && f->journal->is_active;
}

const char *journal_id(const struct file *f)
{
	return journal_is_active(f) ? f->journal->info->nuid : NULL;
}

bool journal_is_in(const struct file *f, const struct obj_info *now)
{
	const char *id = journal_id(f), *has = obj_info_meta(now, ATTR_JOURNAL);

	return id && has && strcmp(id, has) == 0;
}

bool journal_is_all(const struct file *f)
{
	return journal_is_active(f) && f->journal->is_recovered;
}

int journal_go_on_from(struct fs *fs, struct file *f, const struct obj_info *now)
{
	struct content *c = NULL;
	int err;

	mutex_assert_held(&f->lock);
	if (f->state != FILE_STAGED || f->base_put)
		return 0;
	err = content_new(fs->store, &fs->cache, NULL, now, &c);
	if (err)
		return err;
	content_unref(f->draft->base);
	f->draft->base = c;
	return 0;
}

static int64_t ctime_of(struct fs *fs, const struct file *f)
{
	LOCK_SCOPE(&fs->tree.lock);
	return f->node->ctime_ns;
}

bool journal_is_behind(const struct file *f)
{
	return f->state != FILE_STAGED || f->is_rewrite || f->draft->changed.n > 0 ||
	       f->size != f->journal->size;
}

static int join(struct ranges *all, const struct ranges *more)
{
	int err = 0;

	for (size_t i = 0; !err && i < more->n; i++) {
		err = ranges_reserve(all);
		if (!err)
			ranges_add(all, more->v[i].from, more->v[i].to);
	}
	return err;
}

/* The name as text; metadata have no NULs. */
static int content_name(struct fs *fs, const struct file *f, struct buf *ret)
{
	mutex_lock(&fs->tree.lock);
	fs_content_name(fs, f->node, ret);
	mutex_unlock(&fs->tree.lock);
	if (buf_error(ret))
		return buf_error(ret);
	return ret->len == 0 || memchr(ret->data, '\0', ret->len) ? -EINVAL : 0;
}

/* Nothing is in the bucket yet. */
static void begin(struct journal *j, const struct file *f)
{
	const struct obj_info *b = f->base;

	LOCK_SCOPE(&j->lock);
	j->is_lost = j->is_due = false;
	j->n_segments = 0;
	j->all.n = 0;
	strcpy(j->base.nuid, b->nuid);
	j->base.size = b->size;
	j->base.chunks = b->chunks;
	j->base.max_chunk_size = b->max_chunk_size;
	memcpy(j->base.digest, b->digest, sizeof(j->base.digest));
}

static uint64_t segment_bytes(const struct journal *j)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < j->n_segments; i++)
		sum += j->segments[i].size;
	return sum;
}

/* Whether one segment with all changes takes the place of all there are. */
static bool is_to_be_merged(struct journal *j, const struct file *f)
{
	LOCK_SCOPE(&j->lock);
	return j->n_segments == JOURNAL_SEGMENTS || segment_bytes(j) > f->size / SEGMENTS_PART;
}

/* The description could not be stored, or nobody knows: nothing is added to it any more. */
static void note_failure_locked(struct journal *j, struct obj_info *info, int err,
				const struct put_result *r)
{
	mutex_assert_held(&j->lock);
	j->next_seq = 0;
	if (j->is_active) {
		j->is_lost = true;
	} else {
		obj_info_free(j->info);
		j->info = NULL;
	}
	if (!info || store_is_certain(err))
		return;
	if (!j->is_active) {
		j->info = obj_info_dup(info);
		j->is_lost = j->info != NULL;
		journal_set_active(j, j->is_lost);
	}
	/* To be removed with the others. */
	if (j->n_segments < JOURNAL_SEGMENTS)
		j->segments[j->n_segments++] = *r;
}

/* Stores the description with one segment more, or with this one alone. */
static int list_segment(struct journal *j, const struct file *f, const char *of, bool is_merged,
			const struct put_result *r)
{
	struct put_result list[JOURNAL_SEGMENTS];
	_cleanup_obj_info_ struct obj_info *info = NULL;
	size_t n;
	int err;

	LOCK_SCOPE(&j->lock);
	if (j->is_lost)
		return -ESTALE;
	n = is_merged ? 0 : j->n_segments;
	memcpy(list, j->segments, n * sizeof(*list));
	list[n++] = *r;
	err = journal_describe(j, f->node, of, list, n, &info);
	if (!err)
		err = intent_store(j->fs, info);
	if (err) {
		note_failure_locked(j, info, err, r);
		return err;
	}
	if (is_merged)
		journal_purge_segments(j);
	memcpy(j->segments, list, n * sizeof(*list));
	j->n_segments = n;
	obj_info_free(j->info);
	j->info = steal_ptr(info);
	journal_set_active(j, true);
	j->stored_ns = clock_now_ns();
	return 0;
}

/* What changed since the last fsync becomes a segment. */
static int add_segment(struct fs *fs, struct file *f, const char *of)
{
	struct journal *j = f->journal;
	struct store_put *put = NULL;
	struct put_result r;
	bool is_merged = is_to_be_merged(j, f);
	int err = join(&j->all, &f->draft->changed);

	if (!err)
		err = journal_record_store(fs->store, f->draft,
					   is_merged ? &j->all : &f->draft->changed, f->size, &put,
					   &r);
	if (err)
		return err;
	err = list_segment(j, f, of, is_merged, &r);
	/* Without an answer the description may list it. */
	store_put_close(put, !err || !store_is_certain(err));
	return err;
}

static int store(struct fs *fs, struct file *f)
{
	struct buf of CLEANUP(buf_done) = {0};
	int64_t ctime_ns = ctime_of(fs, f);
	struct journal *j = f->journal;
	bool is_new = !journal_is_active(f);
	int err;

	if (!is_new && !journal_is_behind(f) && j->ctime_ns == ctime_ns)
		return 0;
	buf_init(&of, OBJ_META_MAX);
	err = content_name(fs, f, &of);
	if (err)
		return err;
	if (!j) {
		j = journal_new(fs);
		if (!j)
			return -ENOMEM;
		journal_attach(fs, f, j);
	}
	if (is_new)
		begin(j, f);
	err = add_segment(fs, f, of.data);
	if (err)
		return err;
	f->draft->changed.n = 0;
	j->size = f->size;
	j->ctime_ns = ctime_ns;
	if (is_new) {
		j->started_ns = clock_now_ns();
		journal_watch(j);
	}
	return 0;
}

int file_sync(struct fs *fs, struct file *f)
{
	int err;

	mutex_assert_held(&f->lock);
	if (f->state == FILE_FAILED)
		return f->error;
	if (!f->is_dirty)
		return 0;
	if (!journal_pays(fs, f))
		return file_commit(fs, f);
	err = store(fs, f);
	if (!err)
		return 0;
	if (err == -EACCES && !atomic_exchange(&fs->journals.is_refused, true))
		log_info("bucket %s: fsync stores files whole, because journals may not be stored",
			 fs->store->bucket);
	return file_commit(fs, f);
}
