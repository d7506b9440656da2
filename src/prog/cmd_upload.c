/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_upload.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "prog/cmd.h"
#include "prog/cmd_links.h"
#include "prog/cmd_signal.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

/* Each repetition means that somebody else stored the name in between. */
#define RETRIES 64

/* Attributes of the mount that belong to the replaced content or to the act of storing it. */
static const char *const dropped_keys[] = {
	ATTR_MTIME,
	ATTR_CTIME,
	ATTR_TARGET,
	ATTR_RDEV,
	ATTR_CLAIM,
	ATTR_MADE,
	ATTR_FROM,
	ATTR_XATTR_CAPABILITY,
	/* of a file with several names, and of a name of one */
	ATTR_INODE,
	ATTR_NLINK,
	ATTR_FOLD,
};

int upload_open(struct upload *u, struct store *s)
{
	*u = (struct upload){.store = s};
	return store_put_open(s, &u->put);
}

static int send_chunk(struct upload *u)
{
	int err = store_put_wait_room(u->put);

	/* store_put_add takes the chunk even when it fails. */
	return err ? err : store_put_add(u->put, steal_ptr(u->chunk));
}

int upload_space(struct upload *u, void **ret, size_t *ret_len)
{
	if (!u->chunk)
		u->chunk = chunk_new(u->store->chunk_size);
	if (!u->chunk)
		return -ENOMEM;
	*ret = u->chunk->data + u->chunk->len;
	*ret_len = u->chunk->cap - u->chunk->len;
	return 0;
}

int upload_advance(struct upload *u, size_t len)
{
	u->chunk->len += len;
	u->size += len;
	if (u->store->max_object_size > 0 && u->size > u->store->max_object_size)
		return -EFBIG;
	return u->chunk->len == u->chunk->cap ? send_chunk(u) : 0;
}

int upload_write(struct upload *u, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		void *space;
		size_t n;
		int err = upload_space(u, &space, &n);

		if (err)
			return err;
		n = n < len ? n : len;
		memcpy(space, p, n);
		err = upload_advance(u, n);
		if (err)
			return err;
		p += n;
		len -= n;
	}
	return 0;
}

void upload_close(struct upload *u)
{
	chunk_unref(u->chunk);
	store_put_close(u->put, u->is_kept);
	*u = (struct upload){0};
}

/* Only a regular file's mode means anything for the new content, and a program with privileges is
 * not replaced by one that nobody has given any. */
static int adjust_mode(struct obj_info *info)
{
	const char *text = obj_info_meta(info, ATTR_MODE);
	char changed[16];
	uint64_t mode;

	if (!text)
		return 0;
	if (parse_u64(text, 8, 0, 0177777, &mode) < 0 || !S_ISREG((mode_t)mode))
		return obj_info_set_meta(info, ATTR_MODE, NULL);
	(void)snprintf(changed, sizeof(changed), "%o", (unsigned int)mode & ~06000u);
	return obj_info_set_meta(info, ATTR_MODE, changed);
}

int upload_keep(const struct obj_info *old, const char *name, struct obj_info **ret)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err;

	if (old && !old->is_deleted && !old->is_malformed)
		info = obj_info_dup(old);
	else
		info = obj_info_new(name, strlen(name));
	if (!info)
		return -ENOMEM;
	err = obj_info_set_link(info, NULL, NULL);
	if (!err)
		err = adjust_mode(info);
	for (size_t i = 0; !err && i < ARRAY_LEN(dropped_keys); i++)
		err = obj_info_set_meta(info, dropped_keys[i], NULL);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}

static bool is_live(const struct obj_info *info)
{
	return info && !info->is_deleted;
}

int upload_store_info(struct store *s, const char *name, bool must_be_new, describe_fn describe,
		      void *arg, struct obj_info **ret, char ret_replaced[OBJ_NUID_MAX + 1])
{
	int err = -ESTALE;

	for (int i = 0; i < RETRIES && err == -ESTALE; i++) {
		_cleanup_obj_info_ struct obj_info *old = NULL, *info = NULL;

		err = cmd_get_info(s, name, &old);
		if (err && err != -ENOENT)
			return err;
		if (must_be_new && is_live(old))
			return -EEXIST;
		err = describe(arg, old, &info);
		if (err)
			return err;
		err = obj_info_set_token(info, old ? old->foreign_token : NULL);
		info->mtime_ns = clock_wall_ns();
		if (!err)
			err = store_put_info(s, info, old ? old->seq : 0);
		strcpy(ret_replaced,
		       is_live(old) && strcmp(old->nuid, info->nuid) != 0 ? old->nuid : "");
		if (!err && !hard_link_is_same(s, old, info))
			hard_link_drop(s, old);
		if (!err)
			*ret = steal_ptr(info);
	}
	return err;
}

void upload_purge(struct store *s, const char *name, const char *nuid)
{
	int err = *nuid ? store_purge_chunks(s, nuid) : 0;

	if (err)
		log_warn("%s is stored, but the content it replaced (%s) stays in bucket %s: %s",
			 name, nuid, s->bucket, cmd_strerror(err));
}

struct content {
	const struct put_result *result;
	describe_fn describe;
	void *arg;
};

static int describe_content(void *arg, const struct obj_info *old, struct obj_info **ret)
{
	const struct content *c = arg;
	const struct put_result *r = c->result;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = c->describe(c->arg, old, &info);

	if (err)
		return err;
	put_result_describe(r, info);
	info->is_deleted = info->is_malformed = false;
	*ret = steal_ptr(info);
	return 0;
}

int upload_publish(struct upload *u, const char *name, bool must_be_new, describe_fn describe,
		   void *arg, struct obj_info **ret)
{
	char replaced[OBJ_NUID_MAX + 1] = "";
	struct put_result result;
	struct content content = {&result, describe, arg};
	int err = u->chunk && u->chunk->len > 0 ? send_chunk(u) : 0;

	if (!err)
		err = store_put_finish(u->put, &result);
	if (err)
		return err;
	if (signal_pending())
		return -EINTR;
	err = upload_store_info(u->store, name, must_be_new, describe_content, &content, ret,
				replaced);
	u->is_kept = !err || !store_is_certain(err);
	if (!err)
		upload_purge(u->store, name, replaced);
	return err;
}
