/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/sibling.h"

#include <errno.h>
#include <time.h>

#include "fs/apply.h"
#include "fs/halves.h"
#include "fs/internal.h"
#include "util/clock.h"

/* Much more than it takes a mount to look and to go, if it is still there. */
#define PATIENCE_MS 5000
#define POLL_MAX_NS (32 * NS_PER_MS)

/* The name that info would have as the other kind, a file's or a directory's. */
static int sibling_name(const struct obj_info *info, struct buf *out)
{
	buf_append(out, info->name, info->name_len);
	if (info->name[info->name_len - 1] == '/')
		out->len--;
	else
		buf_append_char(out, '/');
	return buf_error(out);
}

/* What others made and took back again, the tree may still show. */
static void show_gone(struct fs *fs, struct obj_info *sibling)
{
	bool is_shown;

	mutex_lock(&fs->tree.lock);
	is_shown = fs_find_any(fs, sibling->name, sibling->name_len) != NULL;
	mutex_unlock(&fs->tree.lock);
	if (!is_shown) {
		obj_info_free(sibling);
		return;
	}
	(void)fs_catch_up(fs);
	fs_apply(fs, sibling);
}

static const char *mark_of(const struct obj_info *info)
{
	return info->is_deleted ? ATTR_CLAIM : ATTR_MADE;
}

int sibling_mark(const struct fs *fs, struct obj_info *info)
{
	return fs_is_plain(fs) ? 0 : obj_info_set_meta(info, mark_of(info), fs->claim_id);
}

int sibling_unmark(struct obj_info *info)
{
	int err = obj_info_set_meta(info, ATTR_CLAIM, NULL);

	return err ? err : obj_info_set_meta(info, ATTR_MADE, NULL);
}

/* Whether the sibling was made after info: whoever did that sees info, and takes it back. */
static bool is_later(const struct obj_info *sibling, const struct obj_info *info)
{
	return sibling->seq > info->seq && obj_info_meta(sibling, mark_of(sibling));
}

static int look(struct fs *fs, const struct obj_info *info, const struct buf *name, bool is_last)
{
	_cleanup_obj_info_ struct obj_info *sibling = NULL;
	int err = store_get_info(fs->store, name->data, name->len, &sibling);

	if (err)
		return err == -ENOENT ? 0 : err;
	if (!fs_info_is_live(sibling)) {
		show_gone(fs, steal_ptr(sibling));
		return 0;
	}
	if (halves_is_old(fs, sibling))
		return 0;
	if (!is_last && is_later(sibling, info))
		return -EAGAIN;
	fs_apply(fs, steal_ptr(sibling));
	return -EEXIST;
}

int sibling_contest(struct fs *fs, const struct obj_info *info)
{
	struct timespec pause = {.tv_nsec = NS_PER_MS};
	uint64_t deadline_ns = clock_deadline_ms(PATIENCE_MS);
	struct buf name CLEANUP(buf_done) = {0};
	int err;

	/* A directory is no object that could be in the way. */
	if (fs_is_plain(fs))
		return 0;
	buf_init(&name, OBJ_META_MAX);
	err = sibling_name(info, &name);
	if (err || name.len == 0 || name.len > fs->store->name_max)
		return err;
	for (;;) {
		err = look(fs, info, &name, clock_now_ns() >= deadline_ns);
		if (err != -EAGAIN)
			return err;
		(void)nanosleep(&pause, NULL);
		if (pause.tv_nsec < POLL_MAX_NS)
			pause.tv_nsec *= 2;
	}
}
