/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/cache_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

int cache_dir_open(const char *cache_dir, const char *name, mode_t *ret_mode)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (asprintf(&path, "%s/%s", cache_dir, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	*ret_mode = st.st_mode;
	return steal_fd(&fd);
}
