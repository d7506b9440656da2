/* SPDX-License-Identifier: Apache-2.0 */

/* The port's operations on the buckets of a directory. */

#include <string.h>

#include "objstore/account.h"
#include "objstore/directory_internal.h"
#include "objstore/subject.h"
#include "util/clock.h"

/* The bucket's name in that of a marker: 0, or -ENOENT when it is no marker of one. */
static int bucket_in(const char *name, size_t len, char ret[DIRECTORY_NAME_MAX + 1])
{
	if (len < 2 || len > DIRECTORY_NAME_MAX + 1 || name[len - 1] != '/')
		return -ENOENT;
	memcpy(ret, name, len - 1);
	ret[len - 1] = '\0';
	return strlen(ret) == len - 1 && obj_bucket_is_valid(ret) ? 0 : -ENOENT;
}

static bool recall(struct directory *d, const char *name, uint64_t *ret_seq, int64_t *ret_made_ns)
{
	const struct directory_entry *e;

	LOCK_SCOPE(&d->lock);
	e = directory_find_locked(d, name);
	if (!e)
		return false;
	*ret_seq = e->seq;
	*ret_made_ns = e->made_ns;
	return true;
}

static int get_info(struct store *s, const char *name, size_t len, struct obj_info **ret)
{
	struct directory *d = directory_of(s);
	char bucket[DIRECTORY_NAME_MAX + 1];
	int64_t made_ns = 0;
	uint64_t seq = 0;
	bool is_there;
	int err = bucket_in(name, len, bucket);

	*ret = NULL;
	if (!err)
		err = directory_ask(d, bucket, &is_there);
	if (err)
		return err;
	if (is_there)
		seq = directory_note(d, bucket, true, clock_wall_ns());
	else if (recall(d, bucket, &seq, &made_ns))
		seq = directory_note(d, bucket, false, 0);
	if (!is_there && !seq)
		return -ENOENT;
	if (!recall(d, bucket, &seq, &made_ns))
		return -ENOMEM;
	return directory_marker(bucket, seq, made_ns, is_there, ret);
}

static int get_infos(struct store *s, const char *const *names, const size_t *lens, size_t n,
		     struct obj_info **ret, int *ret_errs)
{
	for (size_t i = 0; i < n; i++)
		ret_errs[i] = get_info(s, names[i], lens[i], &ret[i]);
	return 0;
}

static int put_info(struct store *s, struct obj_info *info, uint64_t expected_seq)
{
	struct directory *d = directory_of(s);
	char bucket[DIRECTORY_NAME_MAX + 1];
	int err = bucket_in(info->name, info->name_len, bucket);

	(void)expected_seq;
	/* Only a name with a slash at its end is one that a directory could have. */
	if (err)
		return info->name_len > 0 && info->name[info->name_len - 1] == '/' ? -EINVAL
										   : -EPERM;
	err = directory_make(d, bucket);
	if (err)
		return err == -EEXIST ? -ESTALE : err;
	info->time_ns = clock_wall_ns();
	info->seq = directory_note(d, bucket, true, info->time_ns);
	return info->seq ? 0 : -ENOMEM;
}

static int put_infos(struct store *s, struct obj_info *const *infos, const uint64_t *expected_seqs,
		     size_t n, int *ret_errs)
{
	for (size_t i = 0; i < n; i++)
		ret_errs[i] = put_info(s, infos[i], expected_seqs[i]);
	return 0;
}

static int remove_info(struct store *s, const struct obj_info *info, uint64_t *ret_seq)
{
	struct directory *d = directory_of(s);
	char bucket[DIRECTORY_NAME_MAX + 1];
	int err = bucket_in(info->name, info->name_len, bucket);

	if (!err)
		err = directory_delete(d, bucket);
	if (err && err != -ENOENT)
		return err;
	*ret_seq = directory_note(d, bucket, false, 0);
	return *ret_seq ? 0 : err;
}

static void purge_all_op(struct store *s, const char *const *nuids, size_t n, int *ret_errs)
{
	(void)s;
	(void)nuids;
	memset(ret_errs, 0, n * sizeof(*ret_errs));
}

/* All that is known was told, or will be looked up by whoever misses it. */
static int watch_mark(struct store *s, struct watch_mark *ret)
{
	(void)s;
	(void)ret;
	return -ENOTSUP;
}

static bool catch_up(struct store *s)
{
	(void)s;
	return true;
}

static int status(struct store *s, struct store_status *ret)
{
	struct directory *d = directory_of(s);
	struct bucket *b = d->bucket;
	const struct stream_info info = {.replicas = d->opts.replicas ? d->opts.replicas : 1,
					 .is_memory = d->opts.memory_storage};
	bool is_up = rpc_is_up(b->control.rpc);
	int err = bucket_enter(b);

	if (err)
		return err;
	*ret = (struct store_status){
		.free_bytes = is_up ? account_free(b, &info) : UINT64_MAX,
		.is_connected = is_up,
		.replicas = info.replicas,
	};
	ret->bytes = account_used(b);
	bucket_leave(b);
	return 0;
}

/* ---- content: there is none ---- */

static int put_open_op(struct store *s, struct store_put **ret)
{
	*ret = calloc(1, sizeof(**ret));
	if (!*ret)
		return -ENOMEM;
	(*ret)->ops = s->ops;
	return 0;
}

static int put_add_op(struct store_put *p, struct chunk *chunk)
{
	(void)p;
	chunk_unref(chunk);
	return -EPERM;
}

static bool put_has_room_op(struct store_put *p)
{
	(void)p;
	return true;
}

static int put_wait_room_op(struct store_put *p)
{
	(void)p;
	return 0;
}

static int put_finish_op(struct store_put *p, struct put_result *ret)
{
	(void)p;
	*ret = (struct put_result){.size = 0};
	obj_nuid_new(ret->nuid);
	return 0;
}

static void put_close_op(struct store_put *p, bool keep)
{
	(void)keep;
	free(p);
}

static int get_open_op(struct store *s, const struct obj_info *info, struct store_get **ret)
{
	(void)s;
	(void)info;
	*ret = NULL;
	return -EPERM;
}

static void get_close_op(struct store_get *g)
{
	(void)g;
}

static int get_index_op(struct store_get *g, bool may_wait)
{
	(void)g;
	(void)may_wait;
	return -EPERM;
}

static void get_locate_op(struct store_get *g, uint64_t off, uint32_t *ret_idx, uint64_t *ret_off)
{
	(void)g;
	*ret_idx = 0;
	*ret_off = off;
}

static int get_chunk_op(struct store_get *g, uint32_t idx, bool may_wait, get_chunk_fn fn,
			void *arg)
{
	(void)g;
	(void)idx;
	(void)may_wait;
	(void)fn;
	(void)arg;
	return -EPERM;
}

const struct store_ops directory_ops = {
	.close = directory_close,
	.shutdown = directory_shut_down,
	.status = status,
	.get_info = get_info,
	.get_infos = get_infos,
	.put_info = put_info,
	.put_infos = put_infos,
	.remove_info = remove_info,
	.purge_all = purge_all_op,
	.watch = directory_watch,
	.watch_mark = watch_mark,
	.catch_up = catch_up,
	.put_open = put_open_op,
	.put_add = put_add_op,
	.put_has_room = put_has_room_op,
	.put_wait_room = put_wait_room_op,
	.put_finish = put_finish_op,
	.put_close = put_close_op,
	.get_open = get_open_op,
	.get_close = get_close_op,
	.get_index = get_index_op,
	.get_locate = get_locate_op,
	.get_chunk = get_chunk_op,
};
