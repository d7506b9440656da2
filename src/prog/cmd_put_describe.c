/* SPDX-License-Identifier: Apache-2.0 */
/* What a stored object says beside its content. */
#include <stdio.h>

#include "prog/cmd_put.h"
#include "prog/cmd_upload.h"
#include "util/clock.h"

static int set_headers(struct obj_info *info, const struct obj_pairs *headers)
{
	int err = 0;

	for (size_t i = 0; i < headers->count; i++)
		(void)obj_info_remove_header(info, headers->items[i].key);
	for (size_t i = 0; !err && i < headers->count; i++)
		err = obj_info_add_header(info, headers->items[i].key, headers->items[i].value);
	return err;
}

static int preserve(struct obj_info *info, const struct stat *st)
{
	long long mtime_ns = (long long)st->st_mtim.tv_sec * NS_PER_SEC + st->st_mtim.tv_nsec;
	char mode[16], mtime[32];
	int err;

	(void)snprintf(mode, sizeof(mode), "%o", st->st_mode & ~06000u);
	(void)snprintf(mtime, sizeof(mtime), "%lld", mtime_ns);
	err = obj_info_set_meta(info, ATTR_MODE, mode);
	return err ? err : obj_info_set_meta(info, ATTR_MTIME, mtime);
}

int put_describe(void *arg, const struct obj_info *old, struct obj_info **ret)
{
	const struct put_description *d = arg;
	const struct obj_pairs *metadata = &d->options->metadata;
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = upload_keep(old, d->name, &info);

	if (!err && d->preserved)
		err = preserve(info, d->preserved);
	if (!err && d->link_target)
		err = obj_info_set_meta(info, ATTR_TARGET, d->link_target);
	if (!err && d->link_target)
		err = obj_info_set_meta(info, ATTR_MODE, "120777");
	if (!err && d->options->description)
		err = obj_info_set_description(info, d->options->description);
	if (!err)
		err = set_headers(info, &d->options->headers);
	for (size_t i = 0; !err && i < metadata->count; i++)
		err = obj_info_set_meta(info, metadata->items[i].key, metadata->items[i].value);
	if (!err)
		*ret = steal_ptr(info);
	return err;
}
