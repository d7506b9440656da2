/* SPDX-License-Identifier: Apache-2.0 */

/* Removing the chunks of replaced and deleted content, later. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/internal.h"
#include "util/log.h"

#define RETRY_MS 5000

struct purge {
	struct fs *fs;
	char nuid[OBJ_NUID_MAX + 1];
	size_t name_len;
	char name[];
};

/* A name of the tree has these chunks, or somebody here is still reading them. */
static bool is_needed(struct fs *fs, const char *nuid, bool *ret_is_open)
{
	*ret_is_open = false;
	LOCK_SCOPE(&fs->tree.lock);
	if (tree_find_nuid(&fs->tree, nuid, NULL))
		return true;
	list_for_each (it, &fs->files) {
		const struct node *n = list_entry(it, struct file, link)->node;

		if (node_nuid_is(n, nuid))
			*ret_is_open = true;
	}
	return false;
}

/* The server's word on the name: whatever the tree says, live content is not purged. */
static int is_live_at_server(const struct purge *p)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	int err = store_get_info(p->fs->store, p->name, p->name_len, &info);

	if (err)
		return err == -ENOENT ? 0 : err;
	return !info->is_deleted && strcmp(info->nuid, p->nuid) == 0;
}

static void purge_run(void *arg, bool is_last)
{
	struct purge *p = arg;
	struct fs *fs = p->fs;
	bool is_open;
	int err;

	if (is_needed(fs, p->nuid, &is_open)) {
		free(p);
		return;
	}
	if (is_open && !is_last) {
		if (later_run(&fs->purges, RETRY_MS, purge_run, p) == 0)
			return;
	}
	err = is_live_at_server(p);
	if (err == 0)
		err = store_purge_chunks(fs->store, p->nuid);
	if (err < 0)
		log_warn("bucket %s: chunks %s of %s could not be removed: %s", fs->store->bucket,
			 p->nuid, p->name, strerror(-err));
	free(p);
}

void fs_purge_later(struct fs *fs, const char *nuid, const char *name, size_t name_len)
{
	struct purge *p;

	/* Plain content goes with the version it is. */
	if (!nuid || !nuid[0] || strlen(nuid) > OBJ_NUID_MAX || fs_is_plain(fs))
		return;
	p = calloc(1, sizeof(*p) + name_len + 1);
	if (!p)
		return;
	p->fs = fs;
	strcpy(p->nuid, nuid);
	p->name_len = name_len;
	memcpy(p->name, name, name_len);
	if (later_run(&fs->purges, fs->cfg.purge_delay_ms, purge_run, p) < 0)
		purge_run(p, true);
}
