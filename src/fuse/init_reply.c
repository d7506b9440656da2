/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/init_reply.h"

#if COMPAT_FORGETS_WANTED

#include <errno.h>
#include <linux/fuse.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

/* With the second the kernel leaves it to us to take privileges away on a write, and does not ask
 * for a file capability before each one: see fs/setattr.c. */
#define WANTED (FUSE_PARALLEL_DIROPS | FUSE_HANDLE_KILLPRIV_V2)

/* FUSE_INIT comes first and alone, so one exchange is remembered: what the kernel offered until it
 * was answered, 0 before and behind. One session for each process. */
static _Atomic uint64_t init_unique;
static _Atomic uint32_t init_flags;

static ssize_t read_request(int fd, void *buf, size_t len, void *userdata)
{
	ssize_t n = read(fd, buf, len);
	struct fuse_in_header header;
	struct fuse_init_in in;

	(void)userdata;
	if (n < (ssize_t)(sizeof(header) + offsetof(struct fuse_init_in, flags) + sizeof(in.flags)))
		return n;
	memcpy(&header, buf, sizeof(header));
	if (header.opcode != FUSE_INIT)
		return n;
	memcpy(&in, (const char *)buf + sizeof(header),
	       offsetof(struct fuse_init_in, flags) + sizeof(in.flags));
	atomic_store(&init_flags, in.flags & WANTED);
	atomic_store(&init_unique, header.unique);
	return n;
}

static void add_flags(const struct iovec *iov, int count)
{
	struct fuse_out_header header;
	struct fuse_init_out *out;

	if (count < 2 || iov[0].iov_len != sizeof(header) ||
	    iov[1].iov_len < offsetof(struct fuse_init_out, flags) + sizeof(out->flags))
		return;
	memcpy(&header, iov[0].iov_base, sizeof(header));
	if (header.unique != atomic_load(&init_unique) || header.error != 0)
		return;
	out = iov[1].iov_base;
	out->flags |= atomic_load(&init_flags);
	atomic_store(&init_flags, 0);
}

static ssize_t write_reply(int fd, struct iovec *iov, int count, void *userdata)
{
	(void)userdata;
	if (atomic_load(&init_flags) != 0)
		add_flags(iov, count);
	return writev(fd, iov, count);
}

int init_reply_install(struct fuse_session *se)
{
	const struct fuse_custom_io io = {.writev = write_reply, .read = read_request};

	return fuse_session_custom_io(se, &io, fuse_session_fd(se)) == 0 ? 0 : -EINVAL;
}

#else

int init_reply_install(struct fuse_session *se)
{
	(void)se;
	return 0;
}

#endif
