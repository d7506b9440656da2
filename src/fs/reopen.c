/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/reopen.h"

#include "fs/apply.h"
#include "fs/internal.h"
#include "util/clock.h"

/* The kernel comes back at once, unless the thread does not run. */
#define RETURN_NS (5 * (uint64_t)NS_PER_SEC)
/* Operations of others on a name that an open waits for. */
#define WAITS_MAX 64

void reopen_note(struct reopen *r, pid_t tid, uint64_t ino)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;

	r->slots[slot].tid = tid;
	r->slots[slot].is_told = false;
	r->slots[slot].ino = ino;
	r->slots[slot].until_ns = clock_now_ns() + RETURN_NS;
}

static bool was_sent(const struct reopen *r, pid_t tid, uint64_t ino)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;

	return r->slots[slot].tid == tid && (tid != 0 || r->slots[slot].ino == ino) &&
	       r->slots[slot].until_ns > clock_now_ns();
}

bool reopen_must_tell(struct reopen *r, pid_t tid, uint64_t ino)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;

	if (!was_sent(r, tid, ino))
		return false;
	r->slots[slot].ino = ino;
	return !r->slots[slot].is_told;
}

void reopen_tell(struct reopen *r, pid_t tid, uint64_t seq)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;

	if (r->slots[slot].tid != tid)
		return;
	r->slots[slot].is_told = true;
	r->slots[slot].seq = seq;
	r->slots[slot].until_ns = clock_now_ns() + RETURN_NS;
}

void reopen_end(struct reopen *r, pid_t tid)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;

	if (r->slots[slot].tid == tid)
		r->slots[slot].tid = 0;
}

enum reopen_try reopen_take(struct reopen *r, pid_t tid, uint64_t ino, uint64_t seq)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;
	bool was = was_sent(r, tid, ino), is_same = r->slots[slot].ino == ino;
	bool is_told = is_same && r->slots[slot].is_told && seq >= r->slots[slot].seq;

	reopen_end(r, tid);
	if (!was || tid == 0)
		return REOPEN_FIRST;
	return is_told ? REOPEN_BACK : is_same ? REOPEN_AGAIN : REOPEN_FIRST;
}

int reopen_why_gone(struct reopen *r, pid_t tid, uint64_t ino)
{
	size_t slot = (size_t)tid % REOPEN_SLOTS;
	uint64_t now = clock_now_ns();
	bool has_come_back = tid != 0 && r->dirs[slot].tid == tid && r->dirs[slot].ino == ino &&
			     r->dirs[slot].until_ns > now;

	r->dirs[slot].tid = has_come_back ? 0 : tid;
	r->dirs[slot].ino = ino;
	r->dirs[slot].until_ns = now + RETURN_NS;
	return has_come_back ? -ENOENT : -ESTALE;
}

/* The name is left empty where the file has lost it. */
static bool must_tell(struct fs *fs, const struct fs_ctx *ctx, uint64_t ino, struct buf *name,
		      uint64_t *ret_seq)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_find_ino(&fs->tree, ino);
	if ((n && !S_ISREG(n->mode)) || !reopen_must_tell(&fs->reopen, ctx->pid, ino))
		return false;
	*ret_seq = n ? n->seq : 0;
	if (n && n->dentry)
		fs_content_name(fs, n, name);
	return true;
}

/* Whether the tree shows a version of the inode that is not older than *seq, or unsaved content,
 * which is what this host's opens see: then *seq is that of what it is based on. */
static bool shows(struct fs *fs, uint64_t ino, uint64_t *seq)
{
	const struct node *n;

	LOCK_SCOPE(&fs->tree.lock);
	n = tree_find_ino(&fs->tree, ino);
	if (n && n->is_dirty && n->seq < *seq)
		*seq = n->seq;
	return !n || n->seq >= *seq;
}

/* What the leader says waits for operations on the name, and of many at a time the next one may
 * begin before it is heard. */
int fs_look_again(struct fs *fs, const struct fs_ctx *ctx, uint64_t ino)
{
	struct buf name CLEANUP(buf_done) = {0};
	uint64_t seq;

	buf_init(&name, OBJ_META_MAX);
	if (!must_tell(fs, ctx, ino, &name, &seq))
		return 0;
	if (!ctx->may_wait)
		return -FS_WOULD_WAIT;
	if (buf_error(&name) || name.len == 0 || fs_refresh(fs, name.data, name.len, &seq) < 0)
		return 1;
	for (int i = 0; i < WAITS_MAX; i++) {
		fs_wait_released(fs, name.data, name.len);
		if (shows(fs, ino, &seq))
			break;
	}
	LOCK_SCOPE(&fs->tree.lock);
	reopen_tell(&fs->reopen, ctx->pid, seq);
	return 1;
}
