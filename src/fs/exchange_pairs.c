/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/apply.h"
#include "fs/exchange.h"
#include "fs/file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "util/parse.h"

/* Pairs that are under way at once, and what part of an intent their metadata may fill. */
#define PAIRS_MAX 64
#define KEEP_PART 4
#define KEY_MAX 32
/* How often a name that was changed meanwhile is looked at again. */
#define UNDO_TRIES 8

void pair_done(struct pair *p)
{
	obj_info_free(p->a.was);
	obj_info_free(p->a.now);
	obj_info_free(p->b.was);
	obj_info_free(p->b.now);
}

/* --- what the intent keeps --- */

static const char *const keys[] = {"posix.a",	    "posix.b",	     "posix.a.seq", "posix.b.seq",
				   "posix.a.token", "posix.b.token", "posix.undo"};
enum key { KEY_A, KEY_B, KEY_A_SEQ, KEY_B_SEQ, KEY_A_TOKEN, KEY_B_TOKEN, KEY_UNDO, N_KEYS };

static void key_of(enum key key, size_t i, char ret[KEY_MAX])
{
	(void)snprintf(ret, KEY_MAX, "%s.%zu", keys[key], i);
}

static int set_key(struct obj_info *intent, enum key key, size_t i, const char *value)
{
	char name[KEY_MAX];

	key_of(key, i, name);
	return obj_info_set_meta(intent, name, value);
}

static const char *get_key(const struct obj_info *intent, enum key key, size_t i)
{
	char name[KEY_MAX];

	key_of(key, i, name);
	return obj_info_meta(intent, name);
}

static int set_seq(struct obj_info *intent, enum key key, size_t i, uint64_t seq)
{
	char name[KEY_MAX];

	key_of(key, i, name);
	return intent_set_number(intent, name, seq);
}

void pairs_forget(struct obj_info *intent)
{
	for (size_t i = 0; i < PAIRS_MAX && get_key(intent, KEY_A, i); i++)
		for (enum key key = 0; key < N_KEYS; key++)
			(void)!set_key(intent, key, i, NULL);
}

static int keep_pair(struct obj_info *intent, size_t i, const struct pair *p,
		     const struct buf *json)
{
	int err = set_key(intent, KEY_A, i, json->data);

	if (!err)
		err = set_key(intent, KEY_B, i, p->b.was->name);
	if (!err)
		err = set_seq(intent, KEY_A_SEQ, i, p->a.was->seq);
	if (!err)
		err = set_seq(intent, KEY_B_SEQ, i, p->b.was->seq);
	if (!err && p->a.was->foreign_token)
		err = set_key(intent, KEY_A_TOKEN, i, p->a.was->foreign_token);
	if (!err && p->b.was->foreign_token)
		err = set_key(intent, KEY_B_TOKEN, i, p->b.was->foreign_token);
	return err;
}

/* Keeps as many of n pairs as there is room for, one at least. */
static int keep(struct fs *fs, const struct pair *all, size_t n, struct obj_info *intent,
		size_t *ret_n)
{
	size_t bytes = 0, i;
	int err = 0;

	pairs_forget(intent);
	for (i = 0; !err && i < n && i < PAIRS_MAX; i++) {
		struct buf json CLEANUP(buf_done) = {0};

		buf_init(&json, OBJ_META_MAX);
		err = obj_info_format(all[i].a.was, fs->store->bucket, &json);
		bytes += json.len + all[i].b.was->name_len;
		if (i > 0 && bytes > fs->store->meta_max / KEEP_PART)
			break;
		if (!err)
			err = keep_pair(intent, i, &all[i], &json);
	}
	*ret_n = i;
	return err ? err : intent_store(fs, intent);
}

/* --- what the names are to hold --- */

/* Below directories that change their places times stay as they are. */
static bool is_below(const struct obj_info *intent, size_t name_len)
{
	const char *old = obj_info_meta(intent, ATTR_INTENT_OLD);

	return old && name_len != strlen(old);
}

static int describe(struct fs *fs, const struct obj_info *content, const struct obj_info *place,
		    bool is_deep, const struct obj_info *intent, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = is_deep ? moved_info(fs, content, place->name, place->name_len, &info)
			  : renamed_info(fs, content, place->name, place->name_len, &info);

	if (!err)
		err = obj_info_set_meta(info, ATTR_FROM, NULL);
	if (!err)
		err = obj_info_set_meta(info, ATTR_EXCHANGE, intent->name);
	if (!err)
		err = obj_info_set_token(info, place->foreign_token);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

/* --- the exchange --- */

/* First all first names. */
static int store_firsts(struct fs *fs, struct pair *all, size_t n, const struct obj_info *intent)
{
	struct obj_info *infos[PAIRS_MAX] = {NULL};
	uint64_t expected[PAIRS_MAX] = {0};
	int errs[PAIRS_MAX], err = 0;

	for (size_t i = 0; !err && i < n; i++) {
		struct pair *p = &all[i];
		bool is_deep = is_below(intent, p->a.was->name_len);

		err = describe(fs, p->b.was, p->a.was, is_deep, intent, &p->a.now);
		if (!err)
			err = describe(fs, p->a.was, p->b.was, is_deep, intent, &p->b.now);
		infos[i] = p->a.now;
		expected[i] = p->a.was->seq;
	}
	if (!err)
		err = store_put_infos(fs->store, infos, expected, n, errs);
	for (size_t i = 0; !err && i < n; i++)
		all[i].err = errs[i] == -ESTALE ? -EAGAIN : errs[i];
	return err;
}

static bool is_marked(const struct obj_info *info, const char *intent_name)
{
	const char *mark = obj_info_meta(info, ATTR_EXCHANGE);

	return mark && strcmp(mark, intent_name) == 0;
}

/* The second name is not what it was, and need not have got what the first had, of which the intent
 * has the last description: then that is stored beside the first name. */
static int keep_first(struct fs *fs, const struct obj_info *intent, const struct pair *p)
{
	_cleanup_obj_info_ struct obj_info *at_b = NULL;
	int err = store_get_info(fs->store, p->b.was->name, p->b.was->name_len, &at_b);

	if (err && err != -ENOENT)
		return err;
	if (!err && is_marked(at_b, intent->name))
		return 0;
	return fs_store_unnamed(fs, p->a.was);
}

/* That it must be so is noted first, because nobody could tell later. */
static int note_undo(struct fs *fs, const struct pair *all, size_t n, struct obj_info *intent)
{
	int err = 0;

	for (size_t i = 0; !err && i < n; i++)
		if (all[i].err == -ESTALE)
			err = set_key(intent, KEY_UNDO, i, "1");
	return err ? err : intent_store(fs, intent);
}

/* The first name gets its content back. Who changed but the attributes of what it got meanwhile
 * did so for what has the second name; who stored something else had no description of what was
 * there before, which is then stored beside the name, if no other has it. */
static int take_back(struct fs *fs, struct pair *p, const struct obj_info *intent)
{
	uint64_t seq = p->a.now->seq;
	int err = -ESTALE;

	for (int i = 0; err == -ESTALE && i < UNDO_TRIES; i++) {
		_cleanup_obj_info_ struct obj_info *now = NULL;

		err = store_put_info(fs->store, p->a.was, seq);
		if (err != -ESTALE)
			break;
		err = store_get_info(fs->store, p->a.was->name, p->a.was->name_len, &now);
		if (err == -ENOENT)
			fs_apply_absent(fs, p->a.was->name, p->a.was->name_len, seq);
		if (!err)
			fs_apply_held(fs, now);
		if (err == -ENOENT || (!err && (now->is_deleted || !is_marked(now, intent->name))))
			return keep_first(fs, intent, p);
		if (!err) {
			seq = now->seq;
			err = -ESTALE;
		}
	}
	if (!err)
		fs_apply_held(fs, p->a.was);
	return err;
}

/* What second names had is lost to others: the first names get their content back. */
static int undo(struct fs *fs, struct pair *all, size_t n, struct obj_info *intent)
{
	int noted = note_undo(fs, all, n, intent), err = 0;

	/* Another mount is at it. */
	if (noted == -ESTALE)
		return noted;
	/* In a full bucket it is done without. */
	for (size_t i = 0; !err && i < n; i++) {
		if (all[i].err != -ESTALE)
			continue;
		err = take_back(fs, &all[i], intent);
		all[i].err = -EAGAIN;
	}
	return err ? err : store_is_certain(noted) ? 0 : noted;
}

/* Then the second names of those that went well. */
static int store_seconds(struct fs *fs, struct pair *all, size_t n, struct obj_info *intent)
{
	struct obj_info *infos[PAIRS_MAX] = {NULL};
	uint64_t expected[PAIRS_MAX] = {0};
	struct pair *pairs[PAIRS_MAX];
	int errs[PAIRS_MAX], err = 0;
	bool has_lost = false;
	size_t m = 0;

	for (size_t i = 0; i < n; i++) {
		if (all[i].err)
			continue;
		infos[m] = all[i].b.now;
		expected[m] = all[i].b.was->seq;
		pairs[m++] = &all[i];
	}
	if (m > 0)
		err = store_put_infos(fs->store, infos, expected, m, errs);
	for (size_t i = 0; !err && i < m; i++) {
		pairs[i]->err = errs[i];
		has_lost = has_lost || errs[i] == -ESTALE;
	}
	return !err && has_lost ? undo(fs, all, n, intent) : err;
}

/* The first error that is not merely somebody's change. */
static int first_error(const struct pair *all, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (all[i].err && all[i].err != -EAGAIN)
			return all[i].err;
	return 0;
}

int pairs_exchange(struct fs *fs, struct pair *all, size_t n, struct obj_info *intent)
{
	int err = 0;

	for (size_t done = 0, some; !err && done < n; done += some) {
		err = keep(fs, all + done, n - done, intent, &some);
		if (!err)
			err = store_firsts(fs, all + done, some, intent);
		if (!err)
			err = store_seconds(fs, all + done, some, intent);
		if (!err)
			err = first_error(all + done, some);
	}
	return err;
}

/* --- what is left of one --- */

static int parse_side(const char *seq, const char *token, struct obj_info *info)
{
	if (!seq || parse_u64(seq, 10, 1, UINT64_MAX, &info->seq) < 0)
		return -EINVAL;
	return obj_info_set_token(info, token);
}

static int get_pair(const struct obj_info *intent, size_t i, struct pair *ret)
{
	const char *json = get_key(intent, KEY_A, i), *b = get_key(intent, KEY_B, i);
	int err;

	if (!json || !b || !b[0])
		return -EINVAL;
	err = obj_info_parse(json, strlen(json), "", 0, &ret->a.was);
	if (err)
		return err;
	if (ret->a.was->is_malformed)
		return -EINVAL;
	ret->b.was = obj_info_new(b, strlen(b));
	if (!ret->b.was)
		return -ENOMEM;
	err = parse_side(get_key(intent, KEY_A_SEQ, i), get_key(intent, KEY_A_TOKEN, i),
			 ret->a.was);
	if (!err)
		err = parse_side(get_key(intent, KEY_B_SEQ, i), get_key(intent, KEY_B_TOKEN, i),
				 ret->b.was);
	return err;
}

/* Both names are held. */
static int finish_held(struct fs *fs, const struct obj_info *intent, struct pair *p, bool is_undone)
{
	_cleanup_obj_info_ struct obj_info *at_a = NULL;
	struct obj_info *info = p->a.was;
	uint64_t expected;
	int err = store_get_info(fs->store, p->a.was->name, p->a.was->name_len, &at_a);

	if (err && err != -ENOENT)
		return err;
	/* It was removed, or moved while its content was still to go to the second name. */
	if (err || at_a->is_deleted)
		return keep_first(fs, intent, p);
	/* Nothing was done yet, or something else was stored since: then all is well as it is. */
	if (!is_marked(at_a, intent->name))
		return 0;
	expected = at_a->seq;
	if (!is_undone) {
		err = describe(fs, p->a.was, p->b.was, is_below(intent, p->a.was->name_len), intent,
			       &p->b.now);
		if (err)
			return err;
		info = p->b.now;
		expected = p->b.was->seq;
	}
	err = store_put_info(fs->store, info, expected);
	if (!err)
		fs_apply_held(fs, info);
	if (err == -ESTALE && !is_undone)
		err = keep_first(fs, intent, p);
	return err == -ESTALE ? 0 : err;
}

bool pairs_have_first(const struct obj_info *intent, const struct obj_info *info)
{
	for (size_t i = 0; i < PAIRS_MAX && get_key(intent, KEY_A, i); i++) {
		struct pair p CLEANUP(pair_done) = {0};

		/* What says nothing that could be done keeps nobody. */
		if (get_pair(intent, i, &p) == 0 && p.a.was->name_len == info->name_len &&
		    memcmp(p.a.was->name, info->name, info->name_len) == 0)
			return true;
	}
	return false;
}

int pairs_finish(struct fs *fs, const struct obj_info *intent)
{
	int err = 0;

	for (size_t i = 0; !err && i < PAIRS_MAX && get_key(intent, KEY_A, i); i++) {
		struct pair p CLEANUP(pair_done) = {0};
		const struct obj_info *a, *b;

		err = get_pair(intent, i, &p);
		a = p.a.was;
		b = p.b.was;
		if (err == -EINVAL || (!err && a->name_len == b->name_len &&
				       memcmp(a->name, b->name, a->name_len) == 0)) {
			log_warn("bucket %s: %s says nothing that could be done", fs->store->bucket,
				 intent->name);
			return 0;
		}
		if (!err)
			err = namelock_take2(&fs->names, a->name, a->name_len, b->name,
					     b->name_len);
		if (err)
			return err;
		err = finish_held(fs, intent, &p, get_key(intent, KEY_UNDO, i) != NULL);
		fs_release_name(fs, a->name, a->name_len);
		fs_release_name(fs, b->name, b->name_len);
	}
	return err;
}
