/* SPDX-License-Identifier: Apache-2.0 */

/*
 * A bucket with an age limit loses its oldest messages without an event. So entries expire by our
 * own clock, corrected by what events tell of the server's: an object goes with the first of its
 * messages, which is a chunk when the metadata was written anew since.
 */

#include "fs/expiry.h"

#include <errno.h>
#include <string.h>

#include "fs/apply.h"
#include "fs/links.h"
#include "objstore/info.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

/* Between two looks at the tree. */
#define LOOK_MIN_MS 500
#define LOOK_MAX_MS 60000
/* How long an estimate of the server's clock is good; two of these. */
#define WINDOW_NS (5 * 60 * NS_PER_SEC)
/* Names asked for at one time. */
#define BATCH 256

int64_t expiry_stored_ns(const struct obj_info *info)
{
	const char *text = obj_info_meta(info, ATTR_BORN);
	uint64_t born;

	if (!text || parse_u64(text, 10, 1, INT64_MAX, &born) < 0 || (int64_t)born > info->time_ns)
		return info->time_ns;
	return (int64_t)born;
}

int64_t expiry_stored_on(const struct node *n, const struct obj_info *info)
{
	int64_t stored_ns = expiry_stored_ns(info);
	bool is_rewritten = n->seq > 0 && n->seq < info->seq && !n->dir && info->chunks > 0 &&
			    node_nuid_is(n, info->nuid);

	return is_rewritten && n->stored_ns < stored_ns ? n->stored_ns : stored_ns;
}

void expiry_note_clock(struct fs *fs, const struct obj_info *info)
{
	int64_t now = clock_boot_ns(), lead = now - info->time_ns;
	struct server_clock *c = &fs->server_clock;

	LOCK_SCOPE(&fs->tree.lock);
	/* A listing tells of old messages. */
	if (fs->is_listing)
		return;
	/* The lowest lead is that of the event that was the shortest time on its way. Either clock
	 * may be set anew, so only those of the last minutes count. */
	if (!c->is_known || now >= c->window_end_ns) {
		c->lead_ns = c->is_known ? c->window_lead_ns : lead;
		c->window_lead_ns = lead;
		c->window_end_ns = now + WINDOW_NS;
		c->is_known = true;
	}
	if (lead < c->window_lead_ns)
		c->window_lead_ns = lead;
	if (lead < c->lead_ns)
		c->lead_ns = lead;
}

/* What the server's clock says, as far as it is known. */
static int64_t server_now(const struct fs *fs)
{
	const struct server_clock *c = &fs->server_clock;

	mutex_assert_held(&fs->tree.lock);
	return c->is_known ? clock_boot_ns() - c->lead_ns : clock_wall_ns();
}

/* When something stored at stored_ns expires, by the server's clock. */
static int64_t end_of(const struct fs *fs, int64_t stored_ns)
{
	int64_t age = atomic_load(&fs->max_age_ns);

	return stored_ns > INT64_MAX - age ? INT64_MAX : stored_ns + age;
}

bool expiry_is_over(const struct fs *fs, int64_t stored_ns)
{
	return atomic_load(&fs->max_age_ns) > 0 && end_of(fs, stored_ns) <= server_now(fs);
}

struct expired {
	struct node *nodes[BATCH]; /* pinned */
	size_t n;
	int64_t wait_ns; /* until the first of the others expires */
};

static void collect(struct fs *fs, struct expired *ret)
{
	int64_t now;

	ret->n = 0;
	ret->wait_ns = INT64_MAX;
	LOCK_SCOPE(&fs->tree.lock);
	now = server_now(fs);
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
		} else if (end - now < ret->wait_ns) {
			ret->wait_ns = end - now;
		}
	}
}

/* The server's word counts; it may be a moment late. */
static void ask_name(struct fs *fs, struct node *n)
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

/* One name of a file whose content is gone leads nowhere: removed, if it is still the one known
 * here, so that no host shows it any longer. False: it stays. */
static bool drop_name(struct fs *fs, struct node *n)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct buf name CLEANUP(buf_done) = {0};
	uint64_t seq = 0;

	buf_init(&name, OBJ_META_MAX);
	mutex_lock(&fs->tree.lock);
	if (n->dentry && !n->is_dirty) {
		fs_full_name(fs, n->dentry, &name);
		seq = tree_entry_seq(n->dentry);
	}
	mutex_unlock(&fs->tree.lock);
	if (name.len == 0 || buf_error(&name))
		return false;
	info = obj_info_new(name.data, name.len);
	if (!info)
		return false;
	info->seq = seq;
	if (fs_may_change(fs) == 0 && fs_take_name(fs, name.data, name.len) == 0) {
		(void)!store_remove_info(fs->store, info);
		fs_release_name(fs, name.data, name.len);
	}
	(void)!fs_refresh(fs, name.data, name.len, &seq);
	return fs_known_seq(fs, name.data, name.len) != info->seq;
}

/* A file with several names is as old as its hidden object, of which the names know nothing. */
static void ask_hidden(struct fs *fs, struct node *n, const char *id)
{
	char hidden[LINKS_NAME_MAX];
	uint64_t seq;

	links_hidden_name(id, hidden);
	if (fs_refresh(fs, hidden, strlen(hidden), &seq) != -ENOENT)
		return;
	for (int i = 0; i < LINKS_MAX && drop_name(fs, n); i++)
		;
	mutex_lock(&fs->tree.lock);
	links_apply_absent(fs, id);
	mutex_unlock(&fs->tree.lock);
}

/* The name of a file that is there although its content is over, if it is. */
static void name_left(struct fs *fs, struct node *n, struct buf *ret)
{
	LOCK_SCOPE(&fs->tree.lock);
	if (n->dentry && !n->dir && !n->is_dirty && n->seq > 0 && expiry_is_over(fs, n->stored_ns))
		fs_full_name(fs, n->dentry, ret);
}

/* The server is late with the content: the next look at it. */
static void put_off(struct fs *fs, struct node *n, const struct obj_info *info)
{
	int64_t age = atomic_load(&fs->max_age_ns), pause = age / 10, again;

	if (pause > LOOK_MAX_MS * NS_PER_MS)
		pause = LOOK_MAX_MS * NS_PER_MS;
	LOCK_SCOPE(&fs->tree.lock);
	again = server_now(fs) - age + pause;
	if (n->seq == info->seq)
		n->stored_ns = again < expiry_stored_ns(info) ? again : expiry_stored_ns(info);
}

/* Metadata that were written while there was no limit outlive the content. */
static void ask_content(struct fs *fs, struct node *n)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	struct buf name CLEANUP(buf_done) = {0};
	struct store_get *get;
	int err;

	buf_init(&name, OBJ_META_MAX);
	name_left(fs, n, &name);
	if (name.len == 0 || buf_error(&name) ||
	    store_get_info(fs->store, name.data, name.len, &info) < 0 || info->is_deleted)
		return;
	err = store_get_open(fs->store, info, &get);
	if (err)
		return;
	err = store_get_index(get, true);
	store_get_close(get);
	if (err != -ESTALE || !drop_name(fs, n))
		put_off(fs, n, info);
}

static void ask(struct fs *fs, struct node *n)
{
	char id[OBJ_NUID_LEN + 1] = "";

	mutex_lock(&fs->tree.lock);
	if (n->x->link_id)
		strcpy(id, n->x->link_id);
	mutex_unlock(&fs->tree.lock);
	if (id[0]) {
		ask_hidden(fs, n, id);
		return;
	}
	ask_name(fs, n);
	ask_content(fs, n);
}

/* True when a look is due: of those planned for later, one that was planned for earlier came first.
 */
static bool take_look(struct fs *fs)
{
	LOCK_SCOPE(&fs->tree.lock);
	if (fs->expiry_due_ns == 0 || fs->expiry_due_ns > clock_now_ns())
		return false;
	fs->expiry_due_ns = 0;
	return atomic_load(&fs->max_age_ns) > 0;
}

static void look(void *arg, bool is_last);

/* Looks no later than that. */
static int plan(struct fs *fs, uint64_t wait_ms)
{
	uint64_t due_ns = clock_deadline_ms((int64_t)wait_ms);

	mutex_lock(&fs->tree.lock);
	if (fs->expiry_due_ns > 0 && fs->expiry_due_ns <= due_ns) {
		mutex_unlock(&fs->tree.lock);
		return 0;
	}
	fs->expiry_due_ns = due_ns;
	mutex_unlock(&fs->tree.lock);
	return later_run(&fs->later, wait_ms, look, fs);
}

static void look(void *arg, bool is_last)
{
	struct expired expired;
	struct fs *fs = arg;
	int64_t wait_ms = LOOK_MAX_MS;

	if (is_last || !take_look(fs))
		return;
	collect(fs, &expired);
	for (size_t i = 0; i < expired.n; i++) {
		ask(fs, expired.nodes[i]);
		fs_unpin(fs, expired.nodes[i]);
	}
	if (expired.wait_ns != INT64_MAX)
		wait_ms = expired.wait_ns / NS_PER_MS;
	if (wait_ms < LOOK_MIN_MS || expired.n > 0)
		wait_ms = LOOK_MIN_MS;
	if (wait_ms > LOOK_MAX_MS)
		wait_ms = LOOK_MAX_MS;
	if (plan(fs, (uint64_t)wait_ms) < 0)
		log_debug("expiry ends with the mount");
}

void expiry_set_age(struct fs *fs, uint64_t max_age_ns)
{
	int64_t age = max_age_ns > INT64_MAX ? 0 : (int64_t)max_age_ns;
	int err = 0;

	if (atomic_exchange(&fs->max_age_ns, age) != age && age > 0)
		err = plan(fs, LOOK_MIN_MS);
	if (err < 0 && err != -ESHUTDOWN)
		log_error("objects that expire stay listed: %s", strerror(-err));
}

int expiry_start(struct fs *fs)
{
	struct store_status st;
	int err = store_status(fs->store, &st);

	if (err)
		return err;
	expiry_set_age(fs, st.max_age_ns);
	return 0;
}
