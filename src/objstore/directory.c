/* SPDX-License-Identifier: Apache-2.0 */

/* The table of buckets, and how a directory comes and goes. */

#include <string.h>

#include "objstore/api.h"
#include "objstore/directory_internal.h"
#include "objstore/layout.h"
#include "util/explain.h"

/* ---- the table ---- */

struct directory_entry *directory_find_locked(struct directory *d, const char *name)
{
	uint64_t hv = hash_bytes(name, strlen(name));

	mutex_assert_held(&d->lock);
	hash_for_each (it, &d->names, hv) {
		struct directory_entry *e = container_of(it, struct directory_entry, by_name);

		if (it->hash == hv && strcmp(e->name, name) == 0)
			return e;
	}
	return NULL;
}

static struct directory_entry *add_locked(struct directory *d, const char *name)
{
	struct directory_entry *e = calloc(1, sizeof(*e) + strlen(name) + 1);

	if (!e)
		return NULL;
	strcpy(e->name, name);
	if (hash_insert(&d->names, &e->by_name, hash_bytes(name, strlen(name))) < 0) {
		free(e);
		return NULL;
	}
	return e;
}

uint64_t directory_note(struct directory *d, const char *name, bool is_there, int64_t made_ns)
{
	struct directory_entry *e;

	LOCK_SCOPE(&d->lock);
	e = directory_find_locked(d, name);
	if (!e)
		e = add_locked(d, name);
	if (!e)
		return 0;
	if (e->is_there != is_there) {
		e->is_there = is_there;
		e->seq = ++d->seq;
		e->made_ns = made_ns;
	}
	return e->seq;
}

int directory_marker(const char *name, uint64_t seq, int64_t made_ns, bool is_there,
		     struct obj_info **ret)
{
	_cleanup_free_ char *full = NULL;
	struct obj_info *info;

	if (asprintf(&full, "%s/", name) < 0) {
		full = NULL;
		return -ENOMEM;
	}
	info = obj_info_new(full, strlen(full));
	if (!info)
		return -ENOMEM;
	obj_nuid_new(info->nuid);
	info->seq = seq;
	info->time_ns = made_ns;
	info->is_deleted = !is_there;
	*ret = info;
	return 0;
}

/* ---- life ---- */

void directory_shut_down(struct store *s)
{
	struct directory *d = directory_of(s);

	bucket_ops.shutdown(&d->bucket->store);
	LOCK_SCOPE(&d->lock);
	d->is_stopping = true;
	cond_broadcast(&d->changed);
}

void directory_close(struct store *s)
{
	struct directory *d = directory_of(s);

	if (d->bucket)
		directory_shut_down(s);
	directory_watch_stop(d);
	bucket_free(d->bucket);
	for (size_t i = 0; i < d->names.n_buckets; i++)
		while (d->names.buckets[i]) {
			struct directory_entry *e =
				container_of(d->names.buckets[i], struct directory_entry, by_name);

			hash_remove(&d->names, &e->by_name);
			free(e);
		}
	hash_done(&d->names);
	cond_done(&d->changed);
	mutex_done(&d->lock);
	free(d);
}

static struct directory *directory_new(const struct conn_config *cfg,
				       const struct bucket_options *opts)
{
	static const char *const advisories[PUSH_HINTS] = {"$JS.EVENT.ADVISORY.STREAM.CREATED.>",
							   "$JS.EVENT.ADVISORY.STREAM.DELETED.>"};
	struct directory *d = calloc(1, sizeof(*d));

	if (!d)
		return NULL;
	d->cfg = cfg;
	d->opts = *opts;
	d->store.ops = &directory_ops;
	d->store.chunk_size = OBJ_DEFAULT_CHUNK_SIZE;
	d->store.name_max = DIRECTORY_NAME_MAX + 1;
	d->store.meta_max = OBJ_META_MAX;
	mutex_init(&d->lock, LOCK_RANK_STORE);
	cond_init(&d->changed);
	hash_init(&d->names);
	d->bucket = bucket_new(cfg, "", &layout_objects);
	if (d->bucket)
		d->bucket->control.push = push_new(d->bucket);
	if (!d->bucket || !d->bucket->control.push ||
	    push_set_hints(d->bucket->control.push, advisories, directory_hint, d) < 0) {
		directory_close(&d->store);
		return NULL;
	}
	strcpy(d->store.server, d->bucket->store.server);
	return d;
}

int directory_open(const struct conn_config *cfg, const struct bucket_options *opts,
		   struct store **ret, char **ret_why)
{
	struct directory *d = directory_new(cfg, opts);
	_cleanup_free_ char *why = NULL;
	struct bucket *b;
	bool unused;
	int err;

	*ret_why = NULL;
	if (!d)
		return -ENOMEM;
	b = d->bucket;
	err = bucket_connect(b, cfg, CONN_CONTROL, &b->control, &why);
	if (err) {
		err = explain(err, ret_why, "cannot connect to %s", why ? why : b->where);
	} else {
		struct api_error none = {0};

		b->version = conn_server_version(rpc_conn(b->control.rpc));
		/* While a refusal is final. */
		err = directory_ask(d, "x", &unused);
		if (err)
			err = admin_explain_api(b, err, &none, "list", ret_why);
	}
	if (err) {
		directory_close(&d->store);
		return err;
	}
	mutex_lock(&b->lock);
	b->is_hard = cfg->is_hard;
	b->is_open = true;
	mutex_unlock(&b->lock);
	*ret = &d->store;
	return 0;
}
