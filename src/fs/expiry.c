/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bucket with an age limit loses its oldest messages without an event. So entries expire by our
 * own clock, corrected by what events tell of the server's: an object goes with the first of its
 * messages, which is a chunk when the metadata was written anew since.
 */

#include "fs/expiry.h"

#include <errno.h>
#include <string.h>

#include "objstore/info.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

/* Between two looks at the tree. */
#define LOOK_MIN_MS 500
#define LOOK_MAX_MS 60000
/* Names asked for at one time. */
#define BATCH 256

int64_t expiry_stored_ns(const struct obj_info *info)
{
	const char *text = obj_info_meta(info, OBJ_META_BORN);
	uint64_t born;

	if (!text || parse_u64(text, 10, 1, INT64_MAX, &born) < 0 || (int64_t)born > info->time_ns)
		return info->time_ns;
	return (int64_t)born;
}

void expiry_note_clock(struct fs *fs, const struct obj_info *info)
{
	int64_t lead = clock_wall_ns() - info->time_ns;

	LOCK_SCOPE(&fs->tree.lock);
	/* A listing tells of old messages. */
	if (!fs->is_listing && (!fs->has_clock_lead || lead < fs->clock_lead_ns)) {
		fs->clock_lead_ns = lead;
		fs->has_clock_lead = true;
	}
}

/* When something stored at stored_ns expires, by our clock. */
static int64_t end_of(const struct fs *fs, int64_t stored_ns)
{
	int64_t age = atomic_load(&fs->max_age_ns);

	return stored_ns > INT64_MAX - age ? INT64_MAX : stored_ns + age + fs->clock_lead_ns;
}

bool expiry_is_over(const struct fs *fs, int64_t stored_ns)
{
	mutex_assert_held(&fs->tree.lock);
	return atomic_load(&fs->max_age_ns) > 0 && end_of(fs, stored_ns) <= clock_wall_ns();
}

struct expired {
	struct node *nodes[BATCH]; /* pinned */
	size_t n;
	int64_t next_ns; /* when the first of the others expires */
};

static void collect(struct fs *fs, struct expired *ret)
{
	int64_t now = clock_wall_ns();

	ret->n = 0;
	ret->next_ns = INT64_MAX;
	LOCK_SCOPE(&fs->tree.lock);
	index_each(it, &fs->tree.inos)
	{
		struct node *n = container_of(it, struct node, by_ino);
		int64_t end;

		if (!n->dentry || n->seq == 0 || n->is_dirty)
			continue;
		end = end_of(fs, n->stored_ns);
		if (end <= now && ret->n < BATCH) {
			tree_pin(n);
			ret->nodes[ret->n++] = n;
		} else if (end < ret->next_ns) {
			ret->next_ns = end;
		}
	}
}

/* The server's word counts; it may be a moment late. */
static void ask(struct fs *fs, struct node *n)
{
	struct buf name CLEANUP(buf_done) = {0};
	uint64_t seq;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (n->dentry)
		fs_full_name(fs, n->dentry, &name);
	mutex_unlock(&fs->tree.lock);
	if (name.len > 0 && !buf_error(&name))
		(void)!fs_refresh(fs, name.data, name.len, &seq);
}

static void look(void *arg, bool is_last)
{
	struct expired expired;
	struct fs *fs = arg;
	int64_t wait_ms = LOOK_MAX_MS;

	if (is_last)
		return;
	collect(fs, &expired);
	for (size_t i = 0; i < expired.n; i++) {
		ask(fs, expired.nodes[i]);
		fs_unpin(fs, expired.nodes[i]);
	}
	if (expired.next_ns != INT64_MAX)
		wait_ms = (expired.next_ns - clock_wall_ns()) / NS_PER_MS;
	if (wait_ms < LOOK_MIN_MS || expired.n > 0)
		wait_ms = LOOK_MIN_MS;
	if (wait_ms > LOOK_MAX_MS)
		wait_ms = LOOK_MAX_MS;
	if (later_run(&fs->later, (uint64_t)wait_ms, look, fs) < 0)
		log_debug("expiry ends with the mount");
}

int expiry_start(struct fs *fs)
{
	struct store_status st;
	int err = store_status(fs->store, &st);

	if (err)
		return err;
	atomic_store(&fs->max_age_ns, st.max_age_ns > INT64_MAX ? 0 : (int64_t)st.max_age_ns);
	return st.max_age_ns > 0 ? later_run(&fs->later, LOOK_MIN_MS, look, fs) : 0;
}
