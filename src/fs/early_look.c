/* SPDX-License-Identifier: Apache-2.0 */

/* What is asked for at the leader while the first listing is under way. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/early.h"
#include "fs/links.h"

/* Requests in one round trip, and for one call: what needs more waits for the listing, which would
 * not be faster for it. */
#define BATCH 128
#define ASKED_MAX 1024
/* Names below a directory that are asked for first. */
#define FIRST_NAMES 4

/* Takes over info. */
static int apply_answer(struct fs *fs, const char *name, uint64_t known_seq, struct obj_info *info,
			int err, bool *ret_is_live)
{
	size_t len = strlen(name);

	*ret_is_live = false;
	if (err == -ENOENT && known_seq > 0)
		fs_apply_absent(fs, name, len, known_seq);
	if (err)
		return err == -ENOENT ? 0 : err;
	if (links_id(fs, info)) {
		obj_info_free(info);
		return -EAGAIN;
	}
	*ret_is_live = fs_info_is_live(info);
	fs_apply(fs, info);
	return 0;
}

static int ask_batch(struct fs *fs, char *const *names, size_t n, bool *ret_is_live)
{
	struct obj_info *infos[BATCH];
	uint64_t seqs[BATCH];
	size_t lens[BATCH];
	int errs[BATCH], err, r = 0;

	for (size_t i = 0; i < n; i++) {
		lens[i] = strlen(names[i]);
		seqs[i] = fs_known_seq(fs, names[i], lens[i]);
	}
	err = store_get_infos(fs->store, (const char *const *)names, lens, n, infos, errs);
	for (size_t i = 0; !err && i < n; i++) {
		bool is_live;
		int e = apply_answer(fs, names[i], seqs[i], infos[i], errs[i], &is_live);

		if (e && !r)
			r = e;
		if (ret_is_live)
			ret_is_live[i] = is_live;
	}
	return err ? err : r;
}

int early_ask(struct fs *fs, const struct name_list *names, bool *ret_is_live)
{
	int err = 0;

	for (size_t i = 0; !err && i < names->n; i += BATCH)
		err = ask_batch(fs, names->items + i, names->n - i < BATCH ? names->n - i : BATCH,
				ret_is_live ? ret_is_live + i : NULL);
	return err;
}

static bool has_prefix(const char *name, const char *prefix)
{
	return strncmp(name, prefix, strlen(prefix)) == 0;
}

/* Adds names below a directory that come after one of them (NULL: from the first on), at most max.
 */
static int add_below_locked(const struct early *e, const char *dir, const char *after, size_t max,
			    struct name_list *ret)
{
	size_t i = name_list_find(&e->names, after ? after : dir);
	int err = 0;

	mutex_assert_held(&e->lock);
	while (after && i < e->names.n && strcmp(e->names.items[i], after) == 0)
		i++;
	for (; !err && max > 0 && i < e->names.n && has_prefix(e->names.items[i], dir); i++) {
		if (name_is_hidden(e->names.items[i], strlen(e->names.items[i])))
			continue;
		err = name_list_add(ret, e->names.items[i]);
		max--;
	}
	return err;
}

static int add_below(struct early *e, const char *dir, const char *after, size_t max,
		     struct name_list *ret)
{
	LOCK_SCOPE(&e->lock);
	return add_below_locked(e, dir, after, max, ret);
}

static bool any(const bool *is_live, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (is_live[i])
			return true;
	return false;
}

/* Asks for what may be below a directory behind one name, until something is there: 1, or 0 if
 * nothing is. *asked counts. */
static int prove(struct fs *fs, const char *dir, const char *after, size_t *asked)
{
	_cleanup_free_ char *last = strdup(after);

	while (last) {
		struct name_list names CLEANUP(name_list_done) = {0};
		bool is_live[BATCH];
		int err = add_below(&fs->early, dir, last, BATCH, &names);

		if (!err && (*asked += names.n) > ASKED_MAX)
			err = -EAGAIN;
		if (!err)
			err = early_ask(fs, &names, is_live);
		if (err || names.n == 0)
			return err;
		if (any(is_live, names.n))
			return 1;
		free(last);
		last = strdup(names.items[names.n - 1]);
	}
	return -ENOMEM;
}

/* The names as of the present connection; what came since was announced. */
static int renew_names(struct fs *fs)
{
	struct name_list names CLEANUP(name_list_done) = {0}, old;
	struct early *e = &fs->early;
	unsigned now;
	bool is_blind, is_old;
	int err;

	mutex_lock(&e->lock);
	now = e->n_begun;
	is_blind = e->is_blind;
	is_old = e->names_of != now;
	mutex_unlock(&e->lock);
	if (is_blind || !is_old)
		return is_blind ? -EAGAIN : 0;
	err = store_names(fs->store, SIZE_MAX - 1, &names);
	if (err)
		return err == -EOPNOTSUPP ? -EAGAIN : err;
	LOCK_SCOPE(&e->lock);
	old = e->names;
	e->names = names;
	e->names_of = now;
	names = old;
	return 0;
}

/* What was announced is in the tree now, and no directory is on its way elsewhere. */
static int catch_up(struct fs *fs)
{
	if (!fs_catch_up(fs))
		return -EAGAIN;
	return atomic_load(&fs->n_dir_moves) > 0 ? -EAGAIN : 0;
}

/* --- lookups --- */

/* File and marker, and some of what may be below. */
static int add_candidates(struct fs *fs, struct node *dir, const char *name, struct name_list *ret)
{
	struct buf file CLEANUP(buf_done) = {0};
	int err;

	buf_init(&file, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	err = fs_child_name(fs, dir, name, &file);
	mutex_unlock(&fs->tree.lock);
	if (err)
		return err == -ENOMEM ? err : -ENOENT;
	if (file.len + 1 > fs->store->name_max)
		return -ENAMETOOLONG;
	err = name_list_add(ret, file.data);
	buf_append_char(&file, '/');
	if (!err)
		err = buf_error(&file);
	if (!err)
		err = name_list_add(ret, file.data);
	return err ? err : add_below(&fs->early, file.data, file.data, FIRST_NAMES, ret);
}

static int look(struct fs *fs, struct node *dir, const char *name)
{
	struct name_list names CLEANUP(name_list_done) = {0};
	bool is_live[2 + FIRST_NAMES] = {false};
	size_t asked = 0;
	int err;

	/* Some of these forms only the tree can read. */
	if (has_prefix(name, "%="))
		return -EAGAIN;
	err = renew_names(fs);
	if (!err)
		err = add_candidates(fs, dir, name, &names);
	if (!err)
		err = early_ask(fs, &names, is_live);
	if (!err && names.n == 2 + FIRST_NAMES && !any(is_live + 1, names.n - 1))
		err = prove(fs, names.items[1], names.items[names.n - 1], &asked);
	if (err < 0)
		return err;
	/* Others may have made a directory without a marker since the names were read. */
	return err > 0 || any(is_live, names.n) ? 0 : catch_up(fs);
}

/* After -EAGAIN the tree has to be complete. */
static int wait_if_needed(struct fs *fs, const struct fs_ctx *ctx, int err)
{
	if (!err)
		return 1;
	return err == -EAGAIN ? early_wait(fs, ctx) : err;
}

int early_look(struct fs *fs, const struct fs_ctx *ctx, struct node *dir, const char *name)
{
	if (!early_is_on(&fs->early))
		return 0;
	return ctx->may_wait ? wait_if_needed(fs, ctx, look(fs, dir, name)) : -FS_WOULD_WAIT;
}

/* --- directories --- */

/* A directory in the one that is listed: its name, and which names were asked for to prove it. */
struct child {
	char *name;
	size_t first, n;
};

struct listing {
	struct name_list names;
	struct child *children;
	size_t n_children;
};

static void listing_done(struct listing *l)
{
	name_list_done(&l->names);
	for (size_t i = 0; i < l->n_children; i++)
		free(l->children[i].name);
	free(l->children);
}

/* A directory whose name, with its slash, is the first len bytes of name. */
static int add_child(const struct early *e, struct listing *l, const char *name, size_t len)
{
	struct child *children = reallocarray(l->children, l->n_children + 1, sizeof(*l->children));
	struct child *c;
	int err;

	if (!children)
		return -ENOMEM;
	l->children = children;
	c = &children[l->n_children];
	*c = (struct child){.name = strndup(name, len), .first = l->names.n};
	if (!c->name)
		return -ENOMEM;
	l->n_children++;
	/* Its marker comes first if there is one. */
	err = add_below_locked(e, c->name, NULL, 2, &l->names);
	c->n = l->names.n - c->first;
	return err;
}

/* All that may be directly in the directory whose objects' names begin with prefix. */
static int collect(struct early *e, const char *prefix, struct listing *l)
{
	size_t prefix_len = strlen(prefix), i;
	const struct name_list *all = &e->names;
	int err = 0;

	LOCK_SCOPE(&e->lock);
	i = name_list_find(all, prefix);
	while (!err && i < all->n && has_prefix(all->items[i], prefix)) {
		const char *name = all->items[i], *slash = strchr(name + prefix_len, '/');

		if (l->names.n > ASKED_MAX)
			return -EAGAIN;
		if (!slash) {
			err = name_list_add(&l->names, name);
			i++;
			continue;
		}
		if (!name_is_hidden(name, strlen(name)))
			err = add_child(e, l, name, (size_t)(slash + 1 - name));
		i = name_list_find_behind(all, i, (size_t)(slash + 1 - name));
	}
	return err;
}

static int list(struct fs *fs, const char *prefix)
{
	struct listing l CLEANUP(listing_done) = {0};
	_cleanup_free_ bool *is_live = NULL;
	size_t asked = 0;
	int err = renew_names(fs);

	if (!err)
		err = collect(&fs->early, prefix, &l);
	if (err)
		return err;
	is_live = calloc(l.names.n + 1, sizeof(*is_live));
	if (!is_live)
		return -ENOMEM;
	err = early_ask(fs, &l.names, is_live);
	for (size_t i = 0; err >= 0 && i < l.n_children; i++) {
		const struct child *c = &l.children[i];

		if (c->n > 0 && !any(is_live + c->first, c->n))
			err = prove(fs, c->name, l.names.items[c->first + c->n - 1], &asked);
	}
	return err < 0 ? err : catch_up(fs);
}

/* What names of objects in a directory begin with. -ENOENT: it is none of the tree's. */
static int prefix_of(struct fs *fs, uint64_t nodeid, struct buf *out)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_node(&fs->tree, nodeid);
	if (!n || !n->dir || n->virtual_kind || (n != fs->tree.root && !n->dentry))
		return -ENOENT;
	if (n == fs->tree.root)
		buf_append_str(out, fs->prefix);
	else
		fs_path(fs, n->dentry, out);
	return buf_error(out);
}

int early_list(struct fs *fs, const struct fs_ctx *ctx, uint64_t nodeid)
{
	struct buf prefix CLEANUP(buf_done) = {0};
	int err;

	if (!early_is_on(&fs->early))
		return 0;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	buf_init(&prefix, OBJ_META_MAX);
	err = prefix_of(fs, nodeid, &prefix);
	if (err)
		return err == -ENOENT ? 1 : err;
	return wait_if_needed(fs, ctx, list(fs, prefix.data ? prefix.data : ""));
}
