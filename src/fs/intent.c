/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/intent.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/dir_rename.h"
#include "fs/exchange.h"
#include "fs/journal.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/log.h"
#include "util/parse.h"

/* Long enough for an owner that waits for a slow server; spread, so that not all mounts try. */
#define LEASE_MS 12000
#define SPREAD_MS 3000

/* What is above has a meaning of its own where names are collected (dir_rename.h). */
#define SEQ_MAX (UINT64_MAX - 2)

/* What a call of this mount left half done, because something failed. */
#define AGAIN_MS 1000
/* While a renamed directory is followed: whoever wants to rename it next waits so long. */
#define FOLLOW_MS 200
/* So often the time is doubled after which one that could not be finished is tried again. */
#define BACKOFF_MAX 5

/* An intent that somebody left, or is at; one look follows the other until it is gone. */
struct watched {
	struct list link; /* in fs->intents */
	struct fs *fs;
	struct later *finisher; /* which may wait for long */
	uint64_t seq, seen_ns;	/* since when it has this sequence */
	uint64_t patience_ns;
	unsigned int n_failed;
	char name[INTENT_NAME_MAX];
	bool is_journal;
	char base[OBJ_NUID_LEN + 1]; /* of a journal, else empty; tree lock */
};

bool intent_is_name(const char *name, size_t len)
{
	size_t skip = strlen(HIDDEN_INTENTS);

	return len > skip && len < INTENT_NAME_MAX && memcmp(name, HIDDEN_INTENTS, skip) == 0;
}

int intent_new(struct fs *fs, const char *kind, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	char name[INTENT_NAME_MAX], id[OBJ_NUID_LEN + 1];
	int err;

	obj_nuid_new(id);
	(void)snprintf(name, sizeof(name), HIDDEN_INTENTS "%s", id);
	info = obj_info_new(name, strlen(name));
	if (!info)
		return -ENOMEM;
	obj_nuid_new(info->nuid);
	info->mtime_ns = clock_wall_ns();
	err = obj_info_set_meta(info, ATTR_INTENT, kind);
	if (!err)
		err = obj_info_set_meta(info, ATTR_OWNER, fs->claim_id);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

int intent_set_number(struct obj_info *info, const char *key, uint64_t n)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n);
	return obj_info_set_meta(info, key, text);
}

int intent_set_seq(struct obj_info *info, uint64_t seq)
{
	return intent_set_number(info, ATTR_INTENT_SEQ, seq);
}

int intent_set_names(struct obj_info *info, const char *old, const char *new)
{
	int err = obj_info_set_meta(info, ATTR_INTENT_OLD, old);

	return err ? err : obj_info_set_meta(info, ATTR_INTENT_NEW, new);
}

/* A sequence in a key, or the intent's own. */
static int get_seq(const struct obj_info *info, const char *key, uint64_t *ret)
{
	const char *text = obj_info_meta(info, key);

	*ret = info->seq;
	return !text || parse_u64(text, 10, 1, SEQ_MAX, ret) == 0 ? 0 : -EINVAL;
}

int intent_get_names(const struct obj_info *info, struct intent_names *ret)
{
	int err;

	ret->old = obj_info_meta(info, ATTR_INTENT_OLD);
	ret->new = obj_info_meta(info, ATTR_INTENT_NEW);
	if (!ret->old || !ret->new || !ret->old[0] || !ret->new[0] ||
	    strcmp(ret->old, ret->new) == 0 || name_is_hidden(ret->old, strlen(ret->old)) ||
	    name_is_hidden(ret->new, strlen(ret->new)))
		return -EINVAL;
	err = get_seq(info, ATTR_INTENT_SEQ, &ret->seq);
	return err ? err : get_seq(info, ATTR_INTENT_PLAN, &ret->plan);
}

int intent_check_names(const struct fs *fs, const struct intent_names *names)
{
	bool is_known = strncmp(names->old, fs->prefix, fs->prefix_len) == 0 &&
			strncmp(names->new, fs->prefix, fs->prefix_len) == 0;

	return is_known ? 0 : -EXDEV;
}

int intent_store(struct fs *fs, struct obj_info *info)
{
	return store_put_info(fs->store, info, info->seq);
}

void intent_remove(struct fs *fs, struct obj_info *info)
{
	int err = info->seq ? store_remove_info(fs->store, info) : 0;

	/* What is left of it is found void by the next who looks. */
	if (err && err != -ESTALE) {
		log_warn("bucket %s: %s could not be removed: %s", fs->store->bucket, info->name,
			 strerror(-err));
		atomic_store(&fs->is_half_done, true);
	}
}

/* Whether all it tells of is below this mount's root. */
static int check_reach(const struct fs *fs, const struct obj_info *info)
{
	struct intent_names names;

	return intent_get_names(info, &names) < 0 ? 0 : intent_check_names(fs, &names);
}

int intent_finish(struct fs *fs, struct obj_info *info)
{
	const char *kind = obj_info_meta(info, ATTR_INTENT);
	int err = obj_info_set_meta(info, ATTR_OWNER, fs->claim_id);

	if (!err && journal_of(info))
		err = journal_set_host(info);
	if (!err && !obj_info_meta(info, ATTR_INTENT_SEQ))
		err = intent_set_seq(info, info->seq);
	/* Before it is taken from those who can finish it. */
	if (!err)
		err = check_reach(fs, info);
	if (!err)
		err = intent_store(fs, info);
	if (err)
		return err;
	log_info("bucket %s: finishing %s, which its mount left", fs->store->bucket, info->name);
	/* It removes its object itself, and says what it can. */
	if (kind && strcmp(kind, INTENT_JOURNAL) == 0)
		return journal_finish(fs, info);
	if (kind && strcmp(kind, INTENT_EXCHANGE) == 0)
		err = pairs_finish(fs, info);
	else if (kind && strcmp(kind, INTENT_EXCHANGE_DIRS) == 0)
		err = exchange_dirs_finish(fs, info);
	else if (kind && strcmp(kind, INTENT_RENAME) == 0)
		err = dir_rename_finish(fs, info);
	else if (kind && strcmp(kind, INTENT_PLAN) == 0)
		err = 0;
	else
		err = -EINVAL;
	if (err)
		log_warn("bucket %s: %s is not finished: %s", fs->store->bucket, info->name,
			 strerror(-err));
	else
		intent_remove(fs, info);
	return err;
}

static uint64_t patience_ms(const struct fs *fs)
{
	return LEASE_MS + hash_bytes(fs->claim_id, strlen(fs->claim_id)) % SPREAD_MS;
}

/* What is left of it can be told from nothing but the intent, which only a listing shows again. */
static void drop(struct watched *w, bool is_over)
{
	if (!is_over)
		atomic_store(&w->fs->is_half_done, true);
	mutex_lock(&w->fs->tree.lock);
	list_remove(&w->link);
	mutex_unlock(&w->fs->tree.lock);
	free(w);
}

/* There will be no more looks. What a journal builds on is not purged at the end either. */
static void end_watching(struct watched *w)
{
	if (!w->is_journal)
		drop(w, false);
}

/* How long until it has to be looked at again. Tree lock held. */
static uint64_t delay_ms(const struct watched *w)
{
	if (dir_follow_find(w->fs, w->name))
		return FOLLOW_MS;
	return w->patience_ns / NS_PER_MS;
}

static void look(void *arg, bool is_last);

static void look_later(struct watched *w)
{
	struct fs *fs = w->fs;
	uint64_t delay;

	mutex_lock(&fs->tree.lock);
	delay = delay_ms(w);
	mutex_unlock(&fs->tree.lock);
	if (later_run(&fs->later, delay, look, w) < 0)
		end_watching(w);
}

/* Its mount has gone, if the intent is still what it was. */
static void finish(void *arg, bool is_last)
{
	struct watched *w = arg;
	struct fs *fs = w->fs;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = is_last ? -ESHUTDOWN : store_get_info(fs->store, w->name, strlen(w->name), &info);

	if (!err && info->seq == w->seq && !info->is_deleted && fs_may_change(fs) == 0)
		err = intent_finish(fs, info);
	if (err == -EXDEV) {
		drop(w, true);
		return;
	}
	/* Once more: it is being worked on, or could not be finished. */
	if (err && w->n_failed < BACKOFF_MAX)
		w->n_failed++;
	w->seen_ns = clock_now_ns();
	w->patience_ns = (patience_ms(fs) << w->n_failed) * NS_PER_MS;
	look_later(w);
}

static void look(void *arg, bool is_last)
{
	struct watched *w = arg;
	struct fs *fs = w->fs;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = is_last ? -ESHUTDOWN : store_get_info(fs->store, w->name, strlen(w->name), &info);

	if (err == -ESHUTDOWN) {
		end_watching(w);
		return;
	}
	if (err == -ENOENT || (!err && info->is_deleted)) {
		if (dir_follow_end(fs, w->name) == 0)
			drop(w, true);
		else
			look_later(w);
		return;
	}
	if (!err && info->seq != w->seq) {
		w->seq = info->seq;
		w->seen_ns = clock_now_ns();
	}
	if (clock_now_ns() - w->seen_ns < w->patience_ns)
		look_later(w);
	else if (later_run(w->finisher, 0, finish, w) < 0)
		end_watching(w);
}

static struct watched *find_watched(const struct fs *fs, const char *name)
{
	list_for_each (it, &fs->intents) {
		struct watched *w = list_entry(it, struct watched, link);

		if (strcmp(w->name, name) == 0)
			return w;
	}
	return NULL;
}

static void watch_locked(struct fs *fs, const struct obj_info *info, uint64_t patience)
{
	struct watched *w = find_watched(fs, info->name);

	if (w) {
		journal_base_nuid(info, w->base);
		return;
	}
	w = calloc(1, sizeof(*w));
	if (w) {
		w->fs = fs;
		/* To finish a journal may take as long as an upload. */
		w->is_journal = journal_of(info) != NULL;
		w->finisher = w->is_journal ? &fs->journals.commits : &fs->mover;
		w->seq = info->seq;
		w->seen_ns = clock_now_ns();
		w->patience_ns = patience * (uint64_t)NS_PER_MS;
		memcpy(w->name, info->name, info->name_len);
		journal_base_nuid(info, w->base);
	}
	if (w && (later_run(&fs->later, delay_ms(w), look, w) == 0 || w->is_journal)) {
		list_push_back(&fs->intents, &w->link);
		return;
	}
	/* Left to the next mount, which has to find it. */
	atomic_store(&fs->is_half_done, true);
	free(w);
}

/* A mount of a part of the bucket leaves journals of other parts to others. */
static bool is_elsewhere(const struct fs *fs, const struct obj_info *info)
{
	const char *of = journal_of(info);

	return of && strncmp(of, fs->prefix, fs->prefix_len) != 0;
}

static bool moves_dirs(const char *kind)
{
	return strcmp(kind, INTENT_RENAME) == 0 || strcmp(kind, INTENT_PLAN) == 0 ||
	       strcmp(kind, INTENT_EXCHANGE_DIRS) == 0;
}

void intent_apply(struct fs *fs, const struct obj_info *info)
{
	const char *owner = obj_info_meta(info, ATTR_OWNER);
	const char *kind = obj_info_meta(info, ATTR_INTENT);

	if (info->is_deleted)
		dir_follow_over(fs, info->name);
	if (info->is_deleted || !kind || (owner && strcmp(owner, fs->claim_id) == 0) ||
	    is_elsewhere(fs, info))
		return;
	if (moves_dirs(kind))
		dir_follow_begin(fs, info);
	if (!fs->cfg.is_read_only || dir_follow_find(fs, info->name))
		watch_locked(fs, info, patience_ms(fs));
}

void intents_done(struct fs *fs)
{
	struct list *l;

	while ((l = list_pop_front(&fs->intents)))
		free(list_entry(l, struct watched, link));
}

bool intent_needs(const struct fs *fs, const char *nuid)
{
	mutex_assert_held(&fs->tree.lock);
	list_for_each (it, &fs->intents)
		if (strcmp(list_entry(it, struct watched, link)->base, nuid) == 0)
			return true;
	return false;
}

static size_t count_journals_locked(const struct fs *fs)
{
	size_t n = 0;

	list_for_each (it, &fs->intents)
		n += list_entry(it, struct watched, link)->base[0] != '\0';
	return n;
}

bool intent_has_journals(struct fs *fs)
{
	LOCK_SCOPE(&fs->tree.lock);
	return count_journals_locked(fs) > 0;
}

size_t intent_journals(struct fs *fs, char (**ret)[INTENT_NAME_MAX])
{
	size_t n = 0;

	LOCK_SCOPE(&fs->tree.lock);
	*ret = calloc(count_journals_locked(fs) + 1, sizeof(**ret));
	if (!*ret)
		return 0;
	list_for_each (it, &fs->intents) {
		const struct watched *w = list_entry(it, struct watched, link);

		if (w->base[0])
			memcpy((*ret)[n++], w->name, sizeof(w->name));
	}
	return n;
}

void intent_finish_later(struct fs *fs, const struct obj_info *info)
{
	LOCK_SCOPE(&fs->tree.lock);
	watch_locked(fs, info, AGAIN_MS);
}
