/* SPDX-License-Identifier: Apache-2.0 */

/* The first listing, and when a mount is served before it is complete. */

#include "fs/early.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/intent.h"
#include "util/clock.h"
#include "util/log.h"

/* A listing that is shorter is waited for. */
#define PATIENCE_MS 1000
/* Names that are kept, each of about its length and 24 bytes more. */
#define NAMES_MAX (1U << 20)
/* What so many names take is no matter. More are not read where the bucket has less for each
 * message: what takes the server long then are the names themselves, and twice would take it
 * longer. */
#define FEW_MESSAGES (1U << 16)
#define BYTES_EACH 8192
/* Intents, finished ones included, that are looked at before the mount is served. */
#define INTENTS_MAX 256

void early_init(struct early *e)
{
	mutex_init(&e->lock, LOCK_RANK_LEAF);
	cond_init(&e->changed);
}

void early_done(struct early *e)
{
	name_list_done(&e->names);
	cond_done(&e->changed);
	mutex_done(&e->lock);
}

struct starting {
	struct fs *fs;
	int (*then)(struct fs *fs);
};

static void *listing_main(void *arg)
{
	_cleanup_free_ struct starting *s = arg;
	struct fs *fs = s->fs;
	struct early *e = &fs->early;
	int err = store_watch(fs->store, &e->listener);

	if (!err)
		err = s->then(fs);
	LOCK_SCOPE(&e->lock);
	if (err && early_is_on(e) && !e->is_stopping)
		log_error("bucket %s could not be listed: %s; nothing more is served",
			  fs->store->bucket, strerror(-err));
	/* After a failure the tree stays incomplete: then nobody is served without the wait. */
	if (!err)
		atomic_store(&e->is_on, false);
	e->err = err;
	e->is_over = e->is_blind = true;
	cond_broadcast(&e->changed);
	return NULL;
}

static bool may_be_worth_it(const struct store_status *st)
{
	return st->messages <= FEW_MESSAGES || st->bytes / st->messages >= BYTES_EACH;
}

/* Whether the listing is over. */
static bool await_end(struct early *e, uint64_t deadline_ns)
{
	int err = 0;

	LOCK_SCOPE(&e->lock);
	while (!err && !e->is_over)
		err = cond_wait_until(&e->changed, &e->lock, deadline_ns);
	return e->is_over;
}

/* Names of intents, as far as they count: -EBUSY, several names are changing as one. */
static int check_intents(struct fs *fs, const struct name_list *names)
{
	size_t from = name_list_find(names, HIDDEN_INTENTS), n = 0, lens[INTENTS_MAX];
	struct obj_info *infos[INTENTS_MAX];
	int errs[INTENTS_MAX], err = 0;

	while (from + n < names->n &&
	       intent_is_name(names->items[from + n], strlen(names->items[from + n]))) {
		if (n == INTENTS_MAX)
			return -E2BIG;
		lens[n] = strlen(names->items[from + n]);
		n++;
	}
	if (n > 0)
		err = store_get_infos(fs->store, (const char *const *)names->items + from, lens, n,
				      infos, errs);
	if (err)
		return err;
	for (size_t i = 0; i < n; i++) {
		const char *kind = infos[i] ? obj_info_meta(infos[i], ATTR_INTENT) : NULL;

		if (errs[i] ? errs[i] != -ENOENT
			    : !infos[i]->is_deleted && (!kind || strcmp(kind, INTENT_JOURNAL) != 0))
			err = -EBUSY;
		obj_info_free(infos[i]);
		infos[i] = NULL;
	}
	return err;
}

/* The kernel looks up everything but the root. */
static int ask_root(struct fs *fs)
{
	struct name_list root CLEANUP(name_list_done) = {0};
	int err = name_list_add(&root, fs->prefix_len > 0 ? fs->prefix : HIDDEN_ROOT);

	return err ? err : early_ask(fs, &root, NULL);
}

/* The names are there, and enough for now: the mount can be used. */
static int begin(struct fs *fs)
{
	struct name_list names CLEANUP(name_list_done) = {0};
	struct early *e = &fs->early;
	unsigned names_of;
	int err;

	mutex_lock(&e->lock);
	names_of = e->n_begun;
	mutex_unlock(&e->lock);
	/* Announcements count from the beginning of the listing on. */
	if (names_of == 0)
		return -EAGAIN;
	err = store_names(fs->store, NAMES_MAX, &names);
	if (!err)
		err = check_intents(fs, &names);
	if (!err)
		err = ask_root(fs);
	if (err) {
		log_debug("%s: names only are not enough: %s", fs->store->bucket, strerror(-err));
		return -ENOTSUP;
	}
	LOCK_SCOPE(&e->lock);
	if (e->is_over)
		return -EALREADY;
	e->names = names;
	names = (struct name_list){0};
	e->names_of = names_of;
	atomic_store(&e->is_on, true);
	log_info("%s: %zu names are known, and can be read while the bucket is listed",
		 fs->store->bucket, e->names.n);
	return 0;
}

int early_start(struct fs *fs, const struct watch_listener *l, int (*then)(struct fs *fs))
{
	struct early *e = &fs->early;
	struct starting *s = malloc(sizeof(*s));
	struct store_status st;
	bool is_over;
	int err = store_status(fs->store, &st);

	if (err || !s) {
		free(s);
		return err ? err : -ENOMEM;
	}
	e->start_seq = st.last_seq;
	*s = (struct starting){.fs = fs, .then = then};
	e->listener = *l;
	err = thread_start(&e->thread, "listing", listing_main, s);
	if (err) {
		free(s);
		return err;
	}
	e->has_thread = true;
	do {
		is_over = await_end(e, clock_deadline_ms(PATIENCE_MS));
		err = is_over ? 0 : may_be_worth_it(&st) ? begin(fs) : -ENOTSUP;
	} while (err == -EAGAIN);
	if (!is_over && !err)
		return 0;
	(void)await_end(e, UINT64_MAX);
	pthread_join(e->thread, NULL);
	e->has_thread = false;
	return e->err;
}

void early_stop(struct fs *fs)
{
	struct early *e = &fs->early;
	bool is_over;

	if (!e->has_thread)
		return;
	mutex_lock(&e->lock);
	is_over = e->is_over;
	e->is_stopping = true;
	cond_broadcast(&e->changed);
	mutex_unlock(&e->lock);
	/* Nothing can be unsaved yet. */
	if (!is_over)
		store_shutdown(fs->store);
	pthread_join(e->thread, NULL);
	e->has_thread = false;
}

void early_note_listing(struct fs *fs, bool is_other_history)
{
	struct early *e = &fs->early;

	LOCK_SCOPE(&e->lock);
	e->n_begun++;
	if (is_other_history)
		e->is_blind = true;
}

int early_wait(struct fs *fs, const struct fs_ctx *ctx)
{
	struct early *e = &fs->early;

	if (!early_is_on(e))
		return 0;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	LOCK_SCOPE(&e->lock);
	while (!e->is_over && !e->is_stopping)
		cond_wait(&e->changed, &e->lock);
	return e->is_over ? e->err : -ESHUTDOWN;
}
