/* SPDX-License-Identifier: Apache-2.0 */

/* Handlers for requests about extended attributes. */

#include <errno.h>
#include <string.h>

#include "fuse/mount.h"
#include "util/buf.h"

/* More than the kernel asks for (linux/limits.h, XATTR_SIZE_MAX and XATTR_LIST_MAX). */
#define ANSWER_MAX (1U << 20)

/* Bytes, or with a size of 0 how many they would be. */
static int reply_bytes(struct job *j, int err, const struct buf *bytes)
{
	if (!err && j->size > 0 && bytes->len > j->size)
		err = -ERANGE;
	if (err)
		return job_reply_err(j, err);
	if (!job_claim(j))
		return 0;
	if (j->size == 0)
		fuse_reply_xattr(j->req, bytes->len);
	else
		fuse_reply_buf(j->req, bytes->data, bytes->len);
	return 0;
}

static int run_getxattr(struct job *j)
{
	struct buf value CLEANUP(buf_done) = {0};
	int err;

	buf_init(&value, ANSWER_MAX);
	err = fs_getxattr(j->fs, &j->ctx, j->ino, j->name, &value);
	return reply_bytes(j, err, &value);
}

/* ls(1) asks for what concerns permissions of all that it lists; who asks for more wants to know.
 */
static enum job_way way_of(const char *name)
{
	return strncmp(name, "user.", 5) == 0 ? WAY_ENTER : WAY_LOOK;
}

void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	struct job j = {.nodeid = ino, .way = way_of(name), .name = name, .size = size};

	job_start(&j, req, run_getxattr);
}

static int run_listxattr(struct job *j)
{
	struct buf names CLEANUP(buf_done) = {0};
	int err;

	buf_init(&names, ANSWER_MAX);
	err = fs_listxattr(j->fs, &j->ctx, j->ino, &names);
	return reply_bytes(j, err, &names);
}

void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	struct job j = {.nodeid = ino, .way = WAY_LOOK, .size = size};

	job_start(&j, req, run_listxattr);
}

static int run_setxattr(struct job *j)
{
	return job_reply_err(
		j, fs_setxattr(j->fs, &j->ctx, j->ino, j->name, j->data, j->size, j->flags));
}

void op_setxattr(fuse_req_t req, fuse_ino_t ino, const char *name, const char *value, size_t size,
		 int flags)
{
	struct job j = {.nodeid = ino,
			.way = WAY_MAKE,
			.name = name,
			.data = value,
			.size = size,
			.flags = flags};

	job_start(&j, req, run_setxattr);
}

static int run_removexattr(struct job *j)
{
	return job_reply_err(j, fs_removexattr(j->fs, &j->ctx, j->ino, j->name));
}

void op_removexattr(fuse_req_t req, fuse_ino_t ino, const char *name)
{
	struct job j = {.nodeid = ino, .way = WAY_MAKE, .name = name};

	job_start(&j, req, run_removexattr);
}
