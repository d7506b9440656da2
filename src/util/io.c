/* SPDX-License-Identifier: Apache-2.0 */
#include "util/io.h"

/* Counts what a call moved: nothing when a signal ended it. */
static int count(ssize_t n, size_t *done)
{
	if (n == 0)
		return -EIO;
	if (n < 0)
		return errno == EINTR ? 0 : -errno;
	*done += (size_t)n;
	return 0;
}

int pread_all(int fd, void *buf, size_t len, uint64_t off)
{
	size_t done = 0;
	int err = 0;

	while (!err && done < len)
		err = count(pread(fd, (char *)buf + done, len - done, (off_t)(off + done)), &done);
	return err;
}

int pwrite_all(int fd, const void *data, size_t len, uint64_t off)
{
	size_t done = 0;
	int err = 0;

	while (!err && done < len)
		err = count(pwrite(fd, (const char *)data + done, len - done, (off_t)(off + done)),
			    &done);
	return err;
}

int write_all(int fd, const void *data, size_t len)
{
	size_t done = 0;
	int err = 0;

	while (!err && done < len)
		err = count(write(fd, (const char *)data + done, len - done), &done);
	return err;
}
