/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/apply.h"
#include "fs/exchange_dirs.h"
#include "fs/exchange_turn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name_set.h"
#include "util/log.h"

#define BATCH 64
/* How long exchanges of single files are waited for, in all: less than others wait for this one. */
#define PATIENCE_MS 8000

void exchange_init(struct exchange *x)
{
	*x = (struct exchange){0};
	dir_move_init(&x->ab);
	dir_move_init(&x->ba);
	dir_names_init(&x->only_a);
	dir_names_init(&x->only_b);
	dir_names_init(&x->both);
}

void exchange_done(struct exchange *x)
{
	dir_move_done(&x->ab);
	dir_move_done(&x->ba);
	dir_names_done(&x->only_a);
	dir_names_done(&x->only_b);
	dir_names_done(&x->both);
}

static void pairs_done(struct pair *all)
{
	for (size_t i = 0; all && i < BATCH; i++)
		pair_done(&all[i]);
	free(all);
}
DEFINE_CLEANUP(struct pair *, pairs_done)

struct batch {
	struct buf a[BATCH], b[BATCH];
	size_t n;
	struct name_set held;
};

static void batch_free(struct batch *b)
{
	for (size_t i = 0; b && i < b->n; i++) {
		buf_done(&b->a[i]);
		buf_done(&b->b[i]);
	}
	free(b);
}
DEFINE_CLEANUP(struct batch *, batch_free)

/* Takes the next names of a list, as they are under from and under to; *at is the place in it. */
static int fill(struct batch *b, const struct dir_names *names, const struct buf *from,
		const struct buf *to, size_t *at)
{
	const char *name;
	size_t len;

	while (b->n < BATCH && dir_names_next(names, at, &name, &len)) {
		struct buf *pa = &b->a[b->n], *pb = &b->b[b->n];

		b->n++;
		buf_init(pa, OBJ_META_MAX);
		buf_init(pb, OBJ_META_MAX);
		buf_append(pa, from->data, from->len);
		buf_append(pa, name, len);
		buf_append(pb, to->data, to->len);
		buf_append(pb, name, len);
		if (buf_error(pa) || buf_error(pb))
			return -ENOMEM;
		name_set_add(&b->held, pa);
		name_set_add(&b->held, pb);
	}
	return 0;
}

/* Whether a version that was read is what is to be exchanged: not what others stored since. What
 * this mount stored for a file of the tree, which has it at its new place, is. */
static bool is_wanted(struct fs *fs, const struct obj_info *info, uint64_t max_seq,
		      const struct buf *new_name)
{
	return !info->is_deleted &&
	       (info->seq <= max_seq || dir_objects_is_own(fs, info, new_name));
}

/* Name i of 2 * n. */
static const struct buf *name_of(const struct batch *b, size_t i)
{
	return i % 2 ? &b->b[i / 2] : &b->a[i / 2];
}

static int read_both(struct fs *fs, const struct batch *b, struct obj_info **ret, int *ret_errs)
{
	const char *names[2 * BATCH];
	size_t lens[2 * BATCH];

	for (size_t i = 0; i < 2 * b->n; i++) {
		names[i] = name_of(b, i)->data;
		lens[i] = name_of(b, i)->len;
	}
	return store_get_infos(fs->store, names, lens, 2 * b->n, ret, ret_errs);
}

/* Reads both names of each. Those of which not both are to be exchanged have no pair. */
static int load(struct fs *fs, const struct batch *b, uint64_t max_seq, struct pair *all,
		size_t *ret_n)
{
	struct obj_info *infos[2 * BATCH];
	int errs[2 * BATCH], err = read_both(fs, b, infos, errs);
	size_t n = 0;

	if (err)
		return err;
	for (size_t i = 0; i < b->n; i++) {
		struct pair p = {.a.was = infos[2 * i], .b.was = infos[2 * i + 1], .place = i};

		for (size_t j = 2 * i; j < 2 * i + 2; j++)
			if (errs[j] && errs[j] != -ENOENT)
				err = errs[j];
		if (p.a.was && p.b.was && is_wanted(fs, p.a.was, max_seq, &b->b[i]) &&
		    is_wanted(fs, p.b.was, max_seq, &b->a[i]))
			all[n++] = p;
		else
			pair_done(&p);
	}
	*ret_n = n;
	return err;
}

static void arrive(struct fs *fs, const struct buf *a, const struct buf *b)
{
	LOCK_SCOPE(&fs->tree.lock);
	dir_rename_arrived(fs, a->data, a->len);
	dir_rename_arrived(fs, b->data, b->len);
}

/* What is no pair, because others made or changed one of the two, or it is a mere claim, is left to
 * the moves: each of the two goes its way if it still should. */
static int sort_out(struct fs *fs, struct exchange *x, const struct batch *b,
		    const struct pair *all, size_t n)
{
	const size_t skip = x->ab.from.len;
	int err = 0;

	for (size_t i = 0, j = 0; !err && i < b->n; i++) {
		const struct pair *p = j < n && all[j].place == i ? &all[j++] : NULL;

		if (p && !p->err) {
			arrive(fs, &b->a[i], &b->b[i]);
			dir_objects_settle(fs, p->a.now);
			dir_objects_settle(fs, p->b.now);
			continue;
		}
		err = dir_names_add(&x->only_a, b->a[i].data + skip, b->a[i].len - skip, 0);
		if (!err)
			err = dir_names_add(&x->only_b, b->a[i].data + skip, b->a[i].len - skip, 0);
	}
	return err;
}

/* -EAGAIN: one of the names is being exchanged by another mount. */
static int check_turn(struct fs *fs, const struct pair *all, size_t n, const char *intent)
{
	const struct obj_info *infos[2 * BATCH];

	for (size_t i = 0; i < n; i++) {
		infos[2 * i] = all[i].a.was;
		infos[2 * i + 1] = all[i].b.was;
	}
	return turn_check(fs, infos, 2 * n, intent);
}

static int exchange_batch(struct fs *fs, struct exchange *x, const struct batch *b,
			  struct obj_info *intent, const struct turn *turn)
{
	struct pair *all CLEANUP(pairs_done_p) = calloc(BATCH, sizeof(*all));
	size_t n = 0;
	int err = all ? load(fs, b, x->ab.seq, all, &n) : -ENOMEM;

	if (!err && !turn_is_over(turn))
		err = check_turn(fs, all, n, intent->name);
	if (!err)
		err = pairs_exchange(fs, all, n, intent);
	return err ? err : sort_out(fs, x, b, all, n);
}

static int exchange_pairs(struct fs *fs, struct exchange *x, struct obj_info *intent)
{
	size_t at = 0;
	struct turn turn;
	int err = 0;

	turn_begin(&turn, PATIENCE_MS);
	while (!err && at < x->both.bytes.len) {
		struct batch *b CLEANUP(batch_free_p) = calloc(1, sizeof(*b));
		size_t next = at;

		err = b ? fill(b, &x->both, &x->ab.from, &x->ba.from, &next) : -ENOMEM;
		if (!err)
			err = name_set_take(fs, &b->held);
		if (err)
			return err;
		err = exchange_batch(fs, x, b, intent, &turn);
		name_set_release(fs, &b->held);
		if (err == -EAGAIN && turn_wait(fs, &turn))
			err = 0;
		else
			at = next;
	}
	pairs_forget(intent);
	return err == -ESTALE ? -ECANCELED : err;
}

int exchange_objects(struct fs *fs, struct exchange *x, struct obj_info *intent, bool *ret_is_begun)
{
	uint64_t intent_seq = intent->seq;
	size_t at = 0;
	int err = exchange_pairs(fs, x, intent);

	*ret_is_begun = !err || intent->seq != intent_seq || !store_is_certain(err);
	if (!err)
		err = dir_objects_move(fs, &x->ab, &x->only_a, intent, &at);
	at = 0;
	if (!err)
		err = dir_objects_move(fs, &x->ba, &x->only_b, intent, &at);
	if (err)
		log_error("bucket %s: %s and %s were exchanged only in part: %s", fs->store->bucket,
			  x->ab.from.data, x->ba.from.data, strerror(-err));
	return err;
}

/* --- after an error --- */

/* The names are held. *ret_gone: sequences that say which names are none, else 0. */
static int show_held(struct fs *fs, const struct batch *b, uint64_t *ret_gone)
{
	struct obj_info *infos[2 * BATCH];
	int errs[2 * BATCH], err = read_both(fs, b, infos, errs);

	for (size_t i = 0; !err && i < 2 * b->n; i++) {
		_cleanup_obj_info_ struct obj_info *info = infos[i];

		ret_gone[i] = errs[i] == -ENOENT ? 1 : info && info->is_deleted ? info->seq : 0;
		if (info && fs_info_is_live(info))
			fs_apply_held(fs, info);
	}
	return err;
}

static int show_batch(struct fs *fs, struct batch *b)
{
	uint64_t gone[2 * BATCH] = {0};
	int err = name_set_take(fs, &b->held);

	if (err)
		return err;
	err = show_held(fs, b, gone);
	name_set_release(fs, &b->held);
	for (size_t i = 0; i < 2 * b->n; i++)
		if (gone[i])
			fs_apply_absent(fs, name_of(b, i)->data, name_of(b, i)->len, gone[i]);
	return err;
}

static int doubt_batch(struct fs *fs, struct batch *b)
{
	LOCK_SCOPE(&fs->tree.lock);
	for (size_t i = 0; i < 2 * b->n; i++)
		dir_objects_doubt(fs, name_of(b, i));
	return 0;
}

static int for_names(struct fs *fs, const struct dir_names *names, const struct dir_move *mv,
		     int (*fn)(struct fs *fs, struct batch *b))
{
	size_t at = 0;
	int err = 0;

	while (!err && at < names->bytes.len) {
		struct batch *b CLEANUP(batch_free_p) = calloc(1, sizeof(*b));

		err = b ? fill(b, names, &mv->from, &mv->to, &at) : -ENOMEM;
		if (!err)
			err = fn(fs, b);
	}
	return err;
}

static int for_all(struct fs *fs, const struct exchange *x,
		   int (*fn)(struct fs *fs, struct batch *b))
{
	int err = for_names(fs, &x->both, &x->ab, fn);

	if (!err)
		err = for_names(fs, &x->only_a, &x->ab, fn);
	return err ? err : for_names(fs, &x->only_b, &x->ba, fn);
}

int exchange_show_stored(struct fs *fs, const struct exchange *x)
{
	/* Where the bucket cannot be asked now, its listing tells. */
	int err = for_all(fs, x, doubt_batch);

	return err ? err : for_all(fs, x, show_batch);
}
