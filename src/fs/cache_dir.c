/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/cache_dir.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int cache_dir_make(const char *cache_dir)
{
	_cleanup_free_ char *copy = strdup(cache_dir);

	if (!copy)
		return -ENOMEM;
	for (char *p = copy + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		(void)mkdir(copy, 0755);
		*p = '/';
	}
	if (mkdir(copy, 0700) < 0 && errno != EEXIST)
		return -errno;
	return access(copy, W_OK | X_OK) < 0 ? -errno : 0;
}

static int make_below(const char *cache_dir, const char *path)
{
	int err;

	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return 0;
	err = errno == ENOENT ? cache_dir_make(cache_dir) : -errno;
	return err ? err : mkdir(path, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int cache_dir_open(const char *cache_dir, const char *name, mode_t *ret_mode)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int fd = -1;
	struct stat st;
	int err;

	if (asprintf(&path, "%s/%s", cache_dir, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	err = make_below(cache_dir, path);
	if (err)
		return err;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	*ret_mode = st.st_mode;
	return steal_fd(&fd);
}
