/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Which buckets there are, by the server's list of names: an advisory says only that it is time to
 * look. So order and number of advisories do not matter, and one path covers buckets that were made
 * before, behind a lost connection, or unannounced.
 *
 * A list was made while it was on its way, and calls of this process change the table meanwhile.
 * What they noted since the look began is newer than what it brings.
 */

#include <stdlib.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/directory_internal.h"
#include "util/clock.h"
#include "util/log.h"

/* Several changes in a row cost one look. */
#define GATHER_MS 20
/* How soon a lost connection is noticed. */
#define TICK_MS 500
/* So many new buckets are asked for one by one when they were made. */
#define ASK_MAX 8

struct change {
	struct list link;
	uint64_t seq;
	int64_t made_ns;
	bool is_there;
	char name[];
};

void directory_hint(void *arg, natsMsg *msg)
{
	struct directory *d = arg;

	msg_free(msg);
	LOCK_SCOPE(&d->lock);
	d->is_told = true;
	cond_broadcast(&d->changed);
}

/* ---- one look ---- */

static int add_change(struct list *changes, const char *name, bool is_there)
{
	struct change *c = calloc(1, sizeof(*c) + strlen(name) + 1);

	if (!c)
		return -ENOMEM;
	strcpy(c->name, name);
	c->is_there = is_there;
	list_push_back(changes, &c->link);
	return 0;
}

static void free_changes(struct list *changes)
{
	struct list *it;

	while ((it = list_pop_front(changes)))
		free(list_entry(it, struct change, link));
}

/* What the names say that the table does not know. */
static int compare(struct directory *d, char *const *names, size_t n, uint64_t began_seq,
		   struct list *changes)
{
	int err = 0;

	LOCK_SCOPE(&d->lock);
	for (size_t i = 0; i < n && !err; i++) {
		struct directory_entry *e = directory_find_locked(d, names[i]);

		if (e)
			e->is_listed = true;
		if (!e || (!e->is_there && e->seq <= began_seq))
			err = add_change(changes, names[i], true);
	}
	for (size_t i = 0; i < d->names.n_buckets; i++)
		for (struct hash_node *it = d->names.buckets[i], *next; it; it = next) {
			struct directory_entry *e =
				container_of(it, struct directory_entry, by_name);
			bool is_old = e->seq <= began_seq;

			next = it->next;
			if (!err && e->is_there && !e->is_listed && is_old)
				err = add_change(changes, e->name, false);
			if (!e->is_there && !e->is_listed && is_old) {
				hash_remove(&d->names, &e->by_name);
				free(e);
			} else {
				e->is_listed = false;
			}
		}
	return err;
}

static int64_t made_ns(struct directory *d, const char *name)
{
	_cleanup_json_ cJSON *json = NULL;
	_cleanup_free_ char *verb = NULL;
	const char *created;
	int64_t ns;

	if (asprintf(&verb, "STREAM.INFO.OBJ_%s", name) < 0) {
		verb = NULL;
		return 0;
	}
	if (api_call(d->bucket, d->bucket->control.rpc, verb, NULL, 0, &json, NULL) < 0)
		return 0;
	created = api_string(json, "created");
	return created && obj_time_parse(created, &ns) == 0 ? ns : 0;
}

static int compare_name(const void *name, const void *desc)
{
	return strcmp(name, (*(struct bucket_desc *const *)desc)->name);
}

/* Of one change among those whose names are sorted. */
static int64_t time_in(struct bucket_desc *const *descs, size_t n, const char *name)
{
	struct bucket_desc *const *found =
		n > 0 ? bsearch(name, descs, n, sizeof(*descs), compare_name) : NULL;

	return found ? (*found)->created_ns : 0;
}

/* When the new ones were made; now, where the server does not tell. */
static void add_times(struct directory *d, struct list *changes)
{
	struct bucket_desc **descs = NULL;
	struct api_error error;
	size_t n_new = 0, n = 0;

	list_for_each (it, changes)
		n_new += list_entry(it, struct change, link)->is_there;
	if (n_new > ASK_MAX && admin_describe_all(d->bucket, &descs, &n, &error) < 0)
		n = 0;
	list_for_each (it, changes) {
		struct change *c = list_entry(it, struct change, link);

		if (c->is_there)
			c->made_ns =
				n_new > ASK_MAX ? time_in(descs, n, c->name) : made_ns(d, c->name);
		if (!c->made_ns)
			c->made_ns = clock_wall_ns();
	}
	for (size_t i = 0; i < n; i++)
		bucket_desc_free(descs[i]);
	free(descs);
}

static void tell(struct directory *d, struct list *changes)
{
	list_for_each (it, changes) {
		struct change *c = list_entry(it, struct change, link);
		uint64_t seq = directory_note(d, c->name, c->is_there, c->made_ns);
		struct obj_info *info;

		if (!seq || directory_marker(c->name, seq, c->made_ns, c->is_there, &info) < 0)
			log_warn("out of memory: bucket %s is not shown as it is", c->name);
		else
			d->listener.on_info(d->listener.arg, info);
	}
}

static int look(struct directory *d)
{
	struct list changes = LIST_INITIALIZER(changes);
	uint64_t began_seq;
	char **names = NULL;
	size_t n = 0;
	int err;

	mutex_lock(&d->lock);
	began_seq = d->seq;
	mutex_unlock(&d->lock);
	err = admin_list(d->bucket, &names, &n);
	if (!err)
		err = compare(d, names, n, began_seq, &changes);
	if (!err) {
		add_times(d, &changes);
		tell(d, &changes);
	}
	free_changes(&changes);
	for (size_t i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return err;
}

/* ---- the thread ---- */

static void set_state(struct directory *d, enum watch_state state)
{
	if (d->has_state && d->state == state)
		return;
	d->has_state = true;
	d->state = state;
	d->listener.on_state(d->listener.arg, state);
}

static int load(struct directory *d)
{
	uint64_t last_seq;
	int err;

	d->listener.on_reload_begin(d->listener.arg, false);
	err = look(d);
	mutex_lock(&d->lock);
	last_seq = err ? 0 : d->seq;
	d->is_loaded = true;
	d->first_err = err;
	mutex_unlock(&d->lock);
	d->listener.on_reload_end(d->listener.arg, last_seq);
	LOCK_SCOPE(&d->lock);
	cond_broadcast(&d->changed);
	return err;
}

/* Until something may have changed, or the connection; false at the end. */
static bool rest(struct directory *d)
{
	uint64_t until_ns = clock_deadline_ms(DIRECTORY_LOOK_MS);
	bool was_up = rpc_is_up(d->bucket->control.rpc), is_told = false;

	while (!is_told && clock_now_ns() < until_ns &&
	       rpc_is_up(d->bucket->control.rpc) == was_up) {
		uint64_t tick_ns = clock_deadline_ms(TICK_MS);

		LOCK_SCOPE(&d->lock);
		while (!d->is_told && !d->is_stopping && clock_now_ns() < tick_ns)
			(void)!cond_wait_until(&d->changed, &d->lock, tick_ns);
		is_told = d->is_told || d->is_stopping;
	}
	if (is_told)
		(void)!bucket_pause(d->bucket, GATHER_MS, UINT64_MAX);
	LOCK_SCOPE(&d->lock);
	d->is_told = false;
	return !d->is_stopping;
}

static void *directory_main(void *arg)
{
	struct directory *d = arg;
	int err = load(d);
	bool is_on = !err;

	while (is_on) {
		set_state(d, err ? WATCH_DISCONNECTED : WATCH_CONNECTED);
		is_on = rest(d);
		/* A look waits for a server that is away. */
		if (!rpc_is_up(d->bucket->control.rpc))
			set_state(d, WATCH_DISCONNECTED);
		if (is_on)
			err = look(d);
	}
	nats_ReleaseThreadMemory();
	return NULL;
}

int directory_watch(struct store *s, const struct watch_listener *l, const struct watch_mark *from)
{
	struct directory *d = directory_of(s);
	int err;

	if (from)
		return -ENOTSUP;
	if (d->has_thread)
		return -EBUSY;
	d->listener = *l;
	err = thread_start(&d->thread, "natsobj-list", directory_main, d);
	d->has_thread = !err;
	if (err)
		return err;
	LOCK_SCOPE(&d->lock);
	while (!d->is_loaded)
		cond_wait(&d->changed, &d->lock);
	return d->first_err;
}

void directory_watch_stop(struct directory *d)
{
	mutex_lock(&d->lock);
	d->is_stopping = true;
	cond_broadcast(&d->changed);
	mutex_unlock(&d->lock);
	if (d->has_thread)
		pthread_join(d->thread, NULL);
	d->has_thread = false;
}
