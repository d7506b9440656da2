/* SPDX-License-Identifier: Apache-2.0 */

/* From the kernel's node identifiers to a file system, and back. */

#include <errno.h>

#include "fuse/mount.h"

static uint64_t number_of(const struct mount *m, uint64_t nodeid)
{
	return m->shares ? nodeid >> SHARE_SHIFT : 0;
}

uint64_t route_local(const struct mount *m, uint64_t nodeid)
{
	return m->shares ? nodeid & ((UINT64_C(1) << SHARE_SHIFT) - 1) : nodeid;
}

bool route_is_same(const struct mount *m, uint64_t a, uint64_t b)
{
	return number_of(m, a) == number_of(m, b);
}

/* To what stands in the directory of buckets. */
static int lead_to_entry(struct mount *m, uint64_t number, bool is_closed, struct route *ret)
{
	*ret = (struct route){.share = &m->root, .ino = number, .is_closed = is_closed};
	return 0;
}

int route_begin(struct mount *m, uint64_t nodeid, enum job_way way, bool may_wait,
		struct route *ret)
{
	uint64_t number = number_of(m, nodeid);
	int err;

	*ret = (struct route){.share = &m->root, .ino = route_local(m, nodeid)};
	if (number == 0)
		return 0;
	if (way == WAY_LOOK && ret->ino == FS_ROOT_ID) {
		ret->share = shares_peek(m->shares, number);
		return ret->share ? 0 : lead_to_entry(m, number, true, ret);
	}
	err = shares_enter(m->shares, number, may_wait, &ret->share);
	/* A file about the mount. */
	if (err == -ENOTDIR && ret->ino == FS_ROOT_ID)
		return lead_to_entry(m, number, false, ret);
	return err == -ENOTDIR ? -ESTALE : err;
}

void route_end(struct route *r)
{
	share_leave(r->share);
}

void route_forget(struct mount *m, uint64_t nodeid, uint64_t n)
{
	uint64_t number = number_of(m, nodeid), ino = route_local(m, nodeid);
	struct share *s;

	if (number == 0) {
		fs_forget(m->root.fs, ino, n);
	} else if (ino == FS_ROOT_ID) {
		/* The directory of buckets counts its own entries. */
		fs_forget(m->root.fs, number, n);
	} else {
		s = shares_peek(m->shares, number);
		if (!s)
			return;
		fs_forget(s->fs, ino, n);
		share_leave(s);
	}
}

void route_show(struct mount *m, uint64_t nodeid, struct stat *st, double *timeout)
{
	const struct fs_ctx ctx = {0};
	uint64_t number = number_of(m, nodeid);
	struct share *s;

	if (number == 0 || !S_ISDIR(st->st_mode))
		return;
	s = shares_peek(m->shares, number);
	if (s) {
		if (fs_getattr(s->fs, &ctx, FS_ROOT_ID, st, timeout) != 0)
			*timeout = 0;
		share_leave(s);
		return;
	}
	/* Others may change them unseen: the kernel asks each time, and so it does when somebody
	 * was sent back because the open bucket shows others. */
	(void)shares_recall(m->shares, number, st);
	*timeout = 0;
}
