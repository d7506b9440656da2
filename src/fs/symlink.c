/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/symlink.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/name.h"

/* Cuts the last component off; false when there is none. */
static bool go_up(struct buf *dir)
{
	if (dir->len == 0)
		return false;
	dir->len--;
	while (dir->len > 0 && dir->data[dir->len - 1] != '/')
		dir->len--;
	return true;
}

/* Appends the object name's component that a file name stands for. */
static bool go_down(struct buf *dir, const char *name, size_t len)
{
	char component[NAME_COMPONENT_MAX + 1];
	size_t component_len;
	bool is_shadowed;

	if (len > NAME_COMPONENT_MAX ||
	    name_decode(name, len, component, &component_len, &is_shadowed) < 0)
		return false;
	buf_append(dir, component, component_len);
	return true;
}

bool symlink_resolve(const char *link, size_t len, const char *target, struct buf *out)
{
	if (target[0] == '/')
		return false;
	buf_append(out, link, len);
	while (out->len > 0 && out->data[out->len - 1] != '/')
		out->len--;
	for (;;) {
		size_t n = strcspn(target, "/");
		bool is_last = target[n] == '\0';
		bool is_up = n == 2 && memcmp(target, "..", 2) == 0;
		bool is_name = !is_up && n > 0 && !(n == 1 && target[0] == '.');

		if (is_up && !go_up(out))
			return false;
		if (is_name && !go_down(out, target, n))
			return false;
		if (is_last)
			return is_name && buf_error(out) == 0 &&
			       !name_is_hidden(out->data, out->len);
		if (is_name)
			buf_append_char(out, '/');
		target += n + 1;
	}
}

int symlink_follow(struct obj_info *info)
{
	_cleanup_free_ char *bucket = NULL;
	struct buf name CLEANUP(buf_done) = {0};
	const char *target = obj_info_meta(info, ATTR_TARGET);

	if (!target || !info->link_bucket || !info->link_name)
		return 0;
	buf_init(&name, OBJ_META_MAX);
	if (!symlink_resolve(info->name, info->name_len, target, &name))
		return buf_error(&name);
	bucket = strdup(info->link_bucket);
	return bucket ? obj_info_set_link(info, bucket, name.data) : -ENOMEM;
}
