/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/passthrough.h"

#include <errno.h>
#include <sys/ioctl.h>

#if COMPAT_HAS_PASSTHROUGH

/* <linux/fuse.h> may be older than the kernel. */
struct backing_map {
	int32_t fd;
	uint32_t flags;
	uint64_t padding;
};
#define BACKING_OPEN _IOW(229, 1, struct backing_map)
#define BACKING_CLOSE _IOW(229, 2, uint32_t)

/* These are fuse_passthrough_open and fuse_passthrough_close but for two things: libfuse wants a
 * request, which a file that is let go behind its last read has not, and logs every refusal. */
static int open_backing(void *arg, int fd)
{
	const struct backing_map map = {.fd = fd};
	int id = ioctl(fuse_session_fd(arg), BACKING_OPEN, &map);

	return id < 0 ? -errno : id;
}

static void close_backing(void *arg, int id)
{
	const uint32_t which = (uint32_t)id;

	/* The end of the connection has closed all. */
	(void)ioctl(fuse_session_fd(arg), BACKING_CLOSE, &which);
}

bool passthrough_want(struct fuse_conn_info *conn)
{
	if (!(conn->capable & FUSE_CAP_PASSTHROUGH))
		return false;
	compat_want(conn, FUSE_CAP_PASSTHROUGH);
	conn->max_backing_stack_depth = FUSE_BACKING_STACKED_UNDER;
	return true;
}

struct fs_backing passthrough_backing(struct fuse_session *se)
{
	return (struct fs_backing){.arg = se, .open = open_backing, .close = close_backing};
}

#else

bool passthrough_want(struct fuse_conn_info *conn)
{
	(void)conn;
	return false;
}

struct fs_backing passthrough_backing(struct fuse_session *se)
{
	(void)se;
	return (struct fs_backing){0};
}

#endif

void passthrough_fill(struct fuse_file_info *fi, const struct fs_handle *h, bool keep_cache)
{
	bool is_direct;

	compat_set_backing(fi, fs_backing(h, &is_direct));
	fi->keep_cache = keep_cache;
	fi->direct_io = fs_is_virtual(h) || is_direct;
}
