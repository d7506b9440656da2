/* SPDX-License-Identifier: Apache-2.0 */
/* What a key-value bucket keeps of older values: read from the stream when somebody asks. */
#include "objstore/kv_values.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/kv_key.h"
#include "objstore/layout.h"
#include "objstore/name_list.h"

/* Versions of one key, and keys altogether, beyond which nothing is listed. */
#define VERSIONS_MAX 4096
#define NAMES_MAX (1U << 20)
/* Names that are remembered: whoever walks through all keys asks for them at each. */
#define KNOWN_MAX (1U << 17)

struct versions {
	struct obj_info **items;
	size_t n, cap;
};

/* All names, in byte order, and the state of the stream from which on they are right: none comes
 * without a new sequence, and none goes without a message less or a new sequence. */
struct kv_names {
	uint64_t last_seq, messages;
	int64_t created_ns;
	struct name_list all;
};

static void versions_done(struct versions *v)
{
	for (size_t i = 0; i < v->n; i++)
		obj_info_free(v->items[i]);
	free(v->items);
}

/* The first message of a subject from seq on: -ENOENT there is none. */
static int read_next(struct bucket *b, const char *subject, uint64_t seq, struct stored *ret)
{
	_cleanup_buf_ struct buf body;

	buf_init(&body, 64 * 1024);
	buf_printf(&body, "{\"seq\":%" PRIu64 ",\"next_by_subj\":", seq);
	api_append_string(&body, subject);
	buf_append_char(&body, '}');
	return stored_read(b, &body, ret);
}

/* Room for one more. */
static int grow(struct versions *v)
{
	size_t cap = v->cap ? 2 * v->cap : 16;
	struct obj_info **items;

	if (v->n < v->cap)
		return 0;
	items = reallocarray(v->items, cap, sizeof(*items));
	if (!items)
		return -ENOMEM;
	v->items = items;
	v->cap = cap;
	return 0;
}

static int add_version(struct bucket *b, struct stored *stored, struct versions *v)
{
	struct obj_info *info;
	int err = grow(v);

	if (!err)
		err = meta_decode(b, stored->subject, stored->data, stored->len, stored->is_removal,
				  stored->seq, stored->time_ns, &info);
	if (err)
		return err;
	/* Whoever looks at the list is likely to read one. */
	b->layout->note(b, info, stored);
	v->items[v->n++] = info;
	return 0;
}

static int read_versions(struct bucket *b, const char *subject, struct versions *v)
{
	uint64_t seq = 1;
	int err = 0;

	while (!err && v->n < VERSIONS_MAX) {
		_cleanup_stored_ struct stored stored = {0};

		err = read_next(b, subject, seq, &stored);
		if (!err && (strcmp(stored.subject, subject) != 0 || stored.seq < seq))
			err = -EIO;
		if (!err)
			err = add_version(b, &stored, v);
		seq = stored.seq + 1;
	}
	return err == -ENOENT ? 0 : err;
}

int kv_history(struct store *s, const char *name, size_t len, struct obj_info ***ret, size_t *ret_n)
{
	struct versions v CLEANUP(versions_done) = {0};
	_cleanup_free_ char *token = NULL;
	_cleanup_free_ char *subject = NULL;
	struct bucket *b = bucket_of(s);
	int err = b->layout->token(b, name, len, &token);

	if (!err) {
		subject = meta_token_subject(b, token);
		err = subject ? 0 : -ENOMEM;
	}
	if (!err)
		err = bucket_enter(b);
	if (err)
		return err;
	err = read_versions(b, subject, &v);
	bucket_leave(b);
	if (!err && v.n == 0)
		err = -ENOENT;
	if (err)
		return err;
	*ret = steal_ptr(v.items);
	*ret_n = v.n;
	v.n = 0;
	return 0;
}

struct reading {
	const struct bucket *bucket;
	struct name_list *names;
};

static int add_name(void *arg, const char *subject)
{
	struct reading *r = arg;
	const char *key = meta_token_in(r->bucket, subject);
	_cleanup_buf_ struct buf name;
	bool is_canonical;
	int err;

	if (!key || r->names->n == NAMES_MAX)
		return 0;
	buf_init(&name, 16 * KV_KEY_LEN_MAX);
	err = kv_name_from_key(r->bucket->separator, key, &name, &is_canonical);
	if (err || !is_canonical)
		return err == -ENOMEM ? err : 0;
	return name_list_take(r->names, buf_steal(&name));
}

void kv_names_free(struct kv_names *k)
{
	if (k)
		name_list_done(&k->all);
	free(k);
}
DEFINE_CLEANUP(struct kv_names *, kv_names_free)

static int read_names(struct bucket *b, struct name_list *v)
{
	struct reading r = {.bucket = b, .names = v};
	int err = stream_subjects_each(b, add_name, &r);

	name_list_settle(v);
	return err;
}

/* Copies of those that begin with prefix. */
static int copy_names(const struct name_list *all, const char *prefix, struct name_list *ret)
{
	size_t len = strlen(prefix);

	for (size_t i = name_list_find(all, prefix);
	     i < all->n && strncmp(all->items[i], prefix, len) == 0; i++) {
		int err = name_list_add(ret, all->items[i]);

		if (err)
			return err;
	}
	return 0;
}

/* From the names that are remembered: -EAGAIN if they are of another state of the stream. */
static int copy_known(struct bucket *b, const struct stream_info *info, const char *prefix,
		      struct name_list *ret)
{
	const struct kv_names *k;

	LOCK_SCOPE(&b->values->lock);
	k = b->values->names;
	if (!k || k->last_seq != info->last_seq || k->messages != info->messages ||
	    k->created_ns != info->created_ns)
		return -EAGAIN;
	return copy_names(&k->all, prefix, ret);
}

/* From the server. info was read before. */
static int copy_stored(struct bucket *b, const struct stream_info *info, const char *prefix,
		       struct name_list *ret)
{
	struct kv_names *k CLEANUP(kv_names_free_p) = calloc(1, sizeof(*k));
	struct kv_names *old;
	int err = k ? read_names(b, &k->all) : -ENOMEM;

	if (!err)
		err = copy_names(&k->all, prefix, ret);
	if (err || k->all.n > KNOWN_MAX)
		return err;
	k->last_seq = info->last_seq;
	k->messages = info->messages;
	k->created_ns = info->created_ns;
	LOCK_SCOPE(&b->values->lock);
	old = b->values->names;
	b->values->names = k;
	k = old;
	return 0;
}

int kv_history_names(struct store *s, const char *prefix, char ***ret, size_t *ret_n)
{
	struct name_list v CLEANUP(name_list_done) = {0};
	struct bucket *b = bucket_of(s);
	struct stream_info info;
	int err = bucket_enter(b);

	if (err)
		return err;
	err = stream_info_read(b, &info);
	if (err == -ENOENT)
		err = -ENODEV;
	if (!err)
		err = copy_known(b, &info, prefix, &v);
	if (err == -EAGAIN)
		err = copy_stored(b, &info, prefix, &v);
	bucket_leave(b);
	if (err)
		return err;
	*ret = steal_ptr(v.items);
	*ret_n = v.n;
	v.n = 0;
	return 0;
}
