/* SPDX-License-Identifier: Apache-2.0 */

/*
 * RENAME_EXCHANGE of two files. The first store over one of the names would lose the only
 * description of its content, so both are kept in an intent before anything is changed:
 *
 *	posix.a, posix.b              the metadata, as JSON
 *	posix.a.seq, posix.b.seq      the versions they were
 *	posix.a.token, posix.b.token  subject tokens, where not canonical
 *
 * Then a gets what b had and b what a had, each by compare-and-set and marked with the intent's
 * name. What was changed by others meanwhile stays theirs.
 */

#include "fs/intent.h"
#include "fs/rename.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "util/log.h"
#include "util/parse.h"

#define RETRIES 8

/* One of the two names, as it was before. */
struct side {
	struct obj_info *was;
	struct obj_info *now; /* what is stored instead */
};

static void side_done(struct side *s)
{
	obj_info_free(s->was);
	obj_info_free(s->now);
}

static int put_side(struct obj_info *intent, const char *key, const struct obj_info *was,
		    const char *bucket)
{
	struct buf json CLEANUP(buf_done) = {0};
	char name[32], seq[32];
	int err;

	buf_init(&json, OBJ_META_MAX);
	err = obj_info_format(was, bucket, &json);
	if (!err)
		err = obj_info_set_meta(intent, key, json.data);
	(void)snprintf(name, sizeof(name), "%s.seq", key);
	(void)snprintf(seq, sizeof(seq), "%llu", (unsigned long long)was->seq);
	if (!err)
		err = obj_info_set_meta(intent, name, seq);
	(void)snprintf(name, sizeof(name), "%s.token", key);
	if (!err && was->foreign_token)
		err = obj_info_set_meta(intent, name, was->foreign_token);
	return err;
}

static int get_side(const struct obj_info *intent, const char *key, struct side *ret)
{
	const char *json = obj_info_meta(intent, key), *seq, *token;
	char name[32];
	uint64_t value;
	int err;

	(void)snprintf(name, sizeof(name), "%s.seq", key);
	seq = obj_info_meta(intent, name);
	(void)snprintf(name, sizeof(name), "%s.token", key);
	token = obj_info_meta(intent, name);
	if (!json || !seq || parse_u64(seq, 10, 1, UINT64_MAX, &value) < 0)
		return -EINVAL;
	/* The token of any name does: it only tells which is not canonical. */
	err = obj_info_parse(json, strlen(json), token ? token : "eA==", token ? strlen(token) : 4,
			     &ret->was);
	if (err)
		return err;
	if (ret->was->is_malformed)
		return -EINVAL;
	if (!token)
		free(steal_ptr(ret->was->foreign_token));
	ret->was->seq = value;
	return 0;
}

/* What one name is to have: the content of the other. */
static int describe(const struct obj_info *content, const struct obj_info *place,
		    const char *intent_name, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = renamed_info(content, place->name, place->name_len, &info);

	if (!err)
		err = obj_info_set_meta(info, ATTR_FROM, NULL);
	if (!err)
		err = obj_info_set_meta(info, ATTR_EXCHANGE, intent_name);
	if (!err && place->foreign_token) {
		info->foreign_token = strdup(place->foreign_token);
		err = info->foreign_token ? 0 : -ENOMEM;
	}
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

static int describe_both(struct side *a, struct side *b, const char *intent_name)
{
	int err = describe(b->was, a->was, intent_name, &a->now);

	return err ? err : describe(a->was, b->was, intent_name, &b->now);
}

/* Both names are held and the intent is stored. -EAGAIN: a name was changed meanwhile, and all is
 * as it was. */
static int exchange_objects(struct fs *fs, struct side *a, struct side *b)
{
	int err = store_put_info(fs->store, a->now, a->was->seq);

	if (err)
		return err == -ESTALE ? -EAGAIN : err;
	err = store_put_info(fs->store, b->now, b->was->seq);
	if (err == -ESTALE) {
		err = store_put_info(fs->store, a->was, a->now->seq);
		return err && err != -ESTALE ? err : -EAGAIN;
	}
	return err;
}

/* The node under an entry has the version that is stored there now. Tree lock held. */
static void set_entry(struct fs *fs, struct dentry *d, const struct obj_info *info)
{
	struct node *n = d->node;

	if (n->x->link_id)
		d->seq = info->seq;
	else if (n->is_dirty)
		n->seq = info->seq;
	else if (fs_set_version(fs, n, info) < 0)
		log_error("no memory to note a new version of %s", info->name);
}

static void exchange_entries(struct fs *fs, const struct move *m, const struct side *a,
			     const struct side *b)
{
	struct dentry *da, *db;

	LOCK_SCOPE(&fs->tree.lock);
	da = move_entry(fs, m);
	db = tree_lookup(&fs->tree, m->new_dir, m->new_name, strlen(m->new_name));
	if (!da || !db || db->node != m->target)
		return;
	tree_exchange(&fs->tree, da, db);
	set_entry(fs, da, a->now);
	set_entry(fs, db, b->now);
	m->old_dir->mtime_ns = m->old_dir->ctime_ns = m->n->ctime_ns;
	m->new_dir->mtime_ns = m->new_dir->ctime_ns = m->n->ctime_ns;
}

static int get_both(struct fs *fs, const struct buf *from, const struct buf *to, struct side *a,
		    struct side *b)
{
	const char *const names[2] = {from->data, to->data};
	const size_t lens[2] = {from->len, to->len};
	struct obj_info *infos[2] = {NULL, NULL};
	int errs[2], err = store_get_infos(fs->store, names, lens, 2, infos, errs);

	a->was = infos[0];
	b->was = infos[1];
	if (!err)
		err = errs[0] ? errs[0] : errs[1];
	if (!err && (a->was->is_deleted || b->was->is_deleted)) {
		fs_apply_held(fs, a->was);
		fs_apply_held(fs, b->was);
		err = -ENOENT;
	}
	return err;
}

static int exchange_held(struct fs *fs, const struct move *m, const struct buf *from,
			 const struct buf *to)
{
	_cleanup_obj_info_ struct obj_info *intent = NULL;
	struct side a CLEANUP(side_done) = {0};
	struct side b CLEANUP(side_done) = {0};
	int err = get_both(fs, from, to, &a, &b);

	if (!err)
		err = intent_new(fs, INTENT_EXCHANGE, &intent);
	if (!err)
		err = put_side(intent, "posix.a", a.was, fs->store->bucket);
	if (!err)
		err = put_side(intent, "posix.b", b.was, fs->store->bucket);
	if (!err)
		err = describe_both(&a, &b, intent->name);
	if (!err)
		err = intent_store(fs, intent);
	if (err)
		return err;
	err = exchange_objects(fs, &a, &b);
	if (!err)
		exchange_entries(fs, m, &a, &b);
	if (a.now->seq)
		fs_apply_held(fs, a.now);
	/* Without a certain outcome somebody has to look at it again. */
	if (!err || err == -EAGAIN)
		intent_remove(fs, intent);
	return err;
}

int move_exchange(struct fs *fs, const struct move *m)
{
	int err = -EAGAIN;

	for (int i = 0; err == -EAGAIN && i < RETRIES; i++) {
		struct buf from CLEANUP(buf_done) = {0};
		struct buf to CLEANUP(buf_done) = {0};

		buf_init(&from, OBJ_META_MAX);
		buf_init(&to, OBJ_META_MAX);
		err = file_commit_of(fs, m->n);
		if (!err)
			err = file_commit_of(fs, m->target);
		if (!err)
			err = move_take_names(fs, m, &from, &to);
		if (err)
			return err;
		err = exchange_held(fs, m, &from, &to);
		move_release_names(fs, &from, &to);
	}
	return err == -EAGAIN ? -EIO : err;
}

static bool is_marked(const struct obj_info *info, const char *intent_name)
{
	const char *mark = obj_info_meta(info, ATTR_EXCHANGE);

	return mark && strcmp(mark, intent_name) == 0;
}

/* Both names are held. */
static int finish_held(struct fs *fs, const struct obj_info *intent, struct side *a, struct side *b)
{
	_cleanup_obj_info_ struct obj_info *at_a = NULL;
	int err = store_get_info(fs->store, a->was->name, a->was->name_len, &at_a);

	if (err && err != -ENOENT)
		return err;
	/* Nothing was done yet, or the name has been changed since: then all is well as it is. */
	if (err || !is_marked(at_a, intent->name))
		return 0;
	err = store_put_info(fs->store, b->now, b->was->seq);
	if (!err)
		fs_apply_held(fs, b->now);
	return err == -ESTALE ? 0 : err;
}

int exchange_finish(struct fs *fs, const struct obj_info *info)
{
	struct side a CLEANUP(side_done) = {0};
	struct side b CLEANUP(side_done) = {0};
	int err = get_side(info, "posix.a", &a);

	if (!err)
		err = get_side(info, "posix.b", &b);
	if (!err)
		err = describe_both(&a, &b, info->name);
	if (err)
		return err == -EINVAL ? 0 : err;
	if (a.was->name_len == b.was->name_len &&
	    memcmp(a.was->name, b.was->name, a.was->name_len) == 0)
		return 0;
	err = namelock_take2(&fs->names, a.was->name, a.was->name_len, b.was->name,
			     b.was->name_len);
	if (err)
		return err;
	err = finish_held(fs, info, &a, &b);
	fs_release_name(fs, a.was->name, a.was->name_len);
	fs_release_name(fs, b.was->name, b.was->name_len);
	return err;
}
