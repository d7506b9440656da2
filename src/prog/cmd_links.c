/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/cmd_links.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd.h"
#include "util/log.h"
#include "util/parse.h"

/* Each repetition means that a mount counted meanwhile. */
#define RETRIES 64

const char *hard_link_target(const struct store *s, const struct obj_info *info)
{
	const char *id = info ? obj_info_meta(info, ATTR_INODE) : NULL;

	if (!id || info->is_deleted || !info->link_bucket || !info->link_name ||
	    strcmp(info->link_bucket, s->bucket) != 0 ||
	    strncmp(info->link_name, HIDDEN_INODES, strlen(HIDDEN_INODES)) != 0 ||
	    strcmp(info->link_name + strlen(HIDDEN_INODES), id) != 0)
		return NULL;
	return info->link_name;
}

bool hard_link_is_same(const struct store *s, const struct obj_info *a, const struct obj_info *b)
{
	const char *first = hard_link_target(s, a), *second = hard_link_target(s, b);

	return first && second && strcmp(first, second) == 0;
}

/* The hidden object with its last name gone. */
static int remove_hidden(struct store *s, const struct obj_info *hidden)
{
	int err = store_remove_info(s, hidden);

	if (!err && hidden->nuid[0])
		err = store_purge_chunks(s, hidden->nuid);
	return err;
}

static int count_down(struct store *s, const char *name)
{
	_cleanup_obj_info_ struct obj_info *hidden = NULL;
	const char *count;
	char text[24];
	uint64_t n;
	int err = store_get_info(s, name, strlen(name), &hidden);

	if (err || hidden->is_deleted)
		return err == -ENOENT ? 0 : err;
	count = obj_info_meta(hidden, ATTR_NLINK);
	if (!count || parse_u64(count, 10, 0, UINT32_MAX, &n) < 0)
		return -EIO;
	if (n <= 1)
		return remove_hidden(s, hidden);
	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)n - 1);
	err = obj_info_set_meta(hidden, ATTR_NLINK, text);
	return err ? err : store_put_info(s, hidden, hidden->seq);
}

void hard_link_drop(struct store *s, const struct obj_info *info)
{
	const char *name = hard_link_target(s, info);
	int err = name ? -ESTALE : 0;

	for (int i = 0; i < RETRIES && err == -ESTALE; i++)
		err = count_down(s, name);
	if (err)
		log_warn("%s in bucket %s counts a name too many: %s", name, s->bucket,
			 cmd_strerror(err));
}

int hard_link_look(struct store *s, struct obj_info **info)
{
	const char *name = hard_link_target(s, *info);
	_cleanup_obj_info_ struct obj_info *hidden = NULL;
	int err;

	if (!name)
		return 0;
	err = store_get_info(s, name, strlen(name), &hidden);
	if (!err && hidden->is_deleted)
		err = -ENOENT;
	if (!err)
		err = obj_info_rename(hidden, (*info)->name, (*info)->name_len);
	if (err)
		return err;
	obj_info_free(*info);
	*info = steal_ptr(hidden);
	return 0;
}
