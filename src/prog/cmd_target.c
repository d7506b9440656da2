/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_target.h"

#include <errno.h>
#include <string.h>

#include "prog/cmd_signal.h"
#include "util/log.h"
#include "util/parse.h"

/* Links to links; more is a circle. */
#define LINKS_MAX 8
/* How often an object may be replaced under the reader. */
#define RETRIES 8

int byte_range_parse(const char *text, struct byte_range *ret)
{
	const char *dash = strchr(text, '-');
	_cleanup_free_ char *first = dash ? strndup(text, (size_t)(dash - text)) : NULL;
	struct byte_range r = {.is_set = true, .len = UINT64_MAX};
	uint64_t last;

	if (!first)
		return -EINVAL;
	if (!*first) {
		r.is_suffix = true;
		if (parse_u64(dash + 1, 10, 1, INT64_MAX, &r.len) < 0)
			return -EINVAL;
	} else {
		if (parse_u64(first, 10, 0, INT64_MAX, &r.off) < 0)
			return -EINVAL;
		if (dash[1] && parse_u64(dash + 1, 10, r.off, INT64_MAX, &last) < 0)
			return -EINVAL;
		if (dash[1])
			r.len = last - r.off + 1;
	}
	*ret = r;
	return 0;
}

bool byte_range_fit(const struct byte_range *r, uint64_t size, uint64_t *ret_off, uint64_t *ret_len)
{
	if (r->is_suffix) {
		*ret_len = r->len < size ? r->len : size;
		*ret_off = size - *ret_len;
		return true;
	}
	if (r->off >= size)
		return false;
	*ret_off = r->off;
	*ret_len = r->len < size - r->off ? r->len : size - r->off;
	return true;
}

void target_done(struct target *t)
{
	obj_info_free(t->info);
	store_close(t->owned);
	*t = (struct target){0};
}

int target_fail(const struct target *t, const char *name, int err)
{
	if (err == -EINTR)
		return cmd_fail("interrupted");
	if (err == -ERANGE)
		return cmd_fail("%s in bucket %s has only %llu bytes", name, t->store->bucket,
				(unsigned long long)t->info->size);
	return cmd_fail("cannot get %s from bucket %s: %s", name, t->store->bucket,
			cmd_strerror(err));
}

static int go_to_bucket(struct target *t, const char *name, const char *bucket)
{
	static const struct bucket_options opts = {.want_read_only = true};
	_cleanup_free_ char *why = NULL;
	struct store *s;
	int err;

	if (strcmp(bucket, t->store->bucket) == 0)
		return CMD_OK;
	err = bucket_open(&t->cmd->connect.config, bucket, &opts, &s, &why);
	if (err)
		return cmd_fail("%s is a link into another bucket: %s", name,
				why ? why : cmd_strerror(err));
	store_close(t->owned);
	t->owned = t->store = s;
	return CMD_OK;
}

int target_find(struct cmd *c, struct store *s, const char *name, struct target *ret)
{
	_cleanup_target_ struct target t = {.cmd = c, .store = s};
	int err;

	if (cmd_check_name(s, name))
		return CMD_FAILURE;
	err = cmd_find(s, name, &t.info);
	for (int i = 0; !err && t.info->link_bucket; i++) {
		_cleanup_obj_info_ struct obj_info *link = steal_ptr(t.info);

		if (!link->link_name)
			return cmd_fail("%s is a link to the whole of bucket %s", name,
					link->link_bucket);
		if (i == LINKS_MAX)
			return target_fail(&t, name, -ELOOP);
		if (go_to_bucket(&t, name, link->link_bucket))
			return CMD_FAILURE;
		err = cmd_find(t.store, link->link_name, &t.info);
	}
	if (err)
		return target_fail(&t, name, err);
	*ret = t;
	t = (struct target){0};
	return CMD_OK;
}

/* The newest version when that is another one than before: 0, else -ESTALE. */
static int renew(struct target *t)
{
	_cleanup_obj_info_ struct obj_info *now = NULL;
	int err = store_get_info(t->store, t->info->name, t->info->name_len, &now);

	if (err)
		return err;
	if (now->is_deleted)
		return -ENOENT;
	if (now->link_bucket || strcmp(now->nuid, t->info->nuid) == 0)
		return -ESTALE;
	obj_info_free(t->info);
	t->info = steal_ptr(now);
	return 0;
}

static int take(void *arg, const void *data, size_t len)
{
	struct receiver *r = arg;

	if (signal_pending())
		return -EINTR;
	r->err = r->take(r->arg, data, len);
	if (!r->err)
		progress_add(r->progress, len);
	return r->err;
}

static int read_once(struct target *t, const struct byte_range *range, struct receiver *r)
{
	uint64_t off, len;

	if (!range || !range->is_set)
		return download(t->store, t->info, take, r);
	if (!byte_range_fit(range, t->info->size, &off, &len))
		return -ERANGE;
	return download_range(t->store, t->info, off, len, take, r);
}

int target_read(struct target *t, const struct byte_range *range, struct receiver *r)
{
	int err = read_once(t, range, r);

	for (int i = 0; err == -ESTALE && !r->err && i < RETRIES; i++) {
		if (!r->restart || r->restart(r->arg) < 0)
			return -ESTALE;
		progress_reset(r->progress);
		err = renew(t);
		if (err == -ESTALE)
			/* The newest version, and its chunks are not there. */
			return -EIO;
		if (!err)
			err = read_once(t, range, r);
	}
	return err;
}
