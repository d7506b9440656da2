/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/mountinfo.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "util/cleanup.h"

/* Blanks, line ends and backslashes are octal escapes. In place. */
static void unescape(char *s)
{
	char *out = s;

	while (*s) {
		unsigned code;

		if (s[0] == '\\' && sscanf(s + 1, "%3o", &code) == 1 && code < 256) {
			*out++ = (char)code;
			s += 4;
		} else {
			*out++ = *s++;
		}
	}
	*out = '\0';
}

/* A line of the table. point and source are inside of line. */
struct line {
	struct mountinfo info;
	const char *point, *source;
};

static char *cut_word(char *s)
{
	s[strcspn(s, " \n")] = '\0';
	unescape(s);
	return s;
}

/* False for a line that is not understood. In place. */
static bool parse(char *line, struct line *ret)
{
	char *rest = strstr(line, " - "), *owner;
	int point_at = 0, source_at = 0;
	unsigned a, b;

	*ret = (struct line){0};
	if (!rest || sscanf(line, "%*d %*d %u:%u %*s %n", &a, &b, &point_at) != 2 || !point_at ||
	    sscanf(rest, " - %63s %n", ret->info.type, &source_at) != 1 || !source_at)
		return false;
	ret->info.dev = makedev(a, b);
	owner = strstr(rest, "user_id=");
	if (owner)
		ret->info.owner = (uid_t)strtoul(owner + strlen("user_id="), NULL, 10);
	ret->source = cut_word(rest + source_at);
	ret->point = cut_word(line + point_at);
	return true;
}

/* The last line that matches is the mount on top. */
static char *find(bool (*matches)(const struct line *l, const char *key), const char *key,
		  struct mountinfo *ret)
{
	_cleanup_free_ char *text = NULL;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	char *point = NULL;
	size_t cap = 0;

	if (!f)
		return NULL;
	while (getline(&text, &cap, f) > 0) {
		struct line l;

		if (!parse(text, &l) || !matches(&l, key))
			continue;
		free(point);
		point = strdup(l.point);
		*ret = l.info;
	}
	(void)fclose(f);
	return point;
}

static bool is_at(const struct line *l, const char *dir)
{
	return strcmp(l->point, dir) == 0;
}

static bool is_of(const struct line *l, const char *source)
{
	return strcmp(l->source, source) == 0 && mountinfo_is_natsobj(&l->info);
}

bool mountinfo_find(const char *dir, struct mountinfo *ret)
{
	_cleanup_free_ char *point = find(is_at, dir, ret);

	return point != NULL;
}

char *mountinfo_find_source(const char *source, struct mountinfo *ret)
{
	return find(is_of, source, ret);
}

dev_t mountinfo_device(const char *dir)
{
	struct mountinfo m;

	return mountinfo_find(dir, &m) ? m.dev : 0;
}

bool mountinfo_is_natsobj(const struct mountinfo *m)
{
	return strcmp(m->type, "fuse.natsobj") == 0;
}

static int open_control(dev_t dev, const char *name, int flags)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/%s", minor(dev), name);
	return open(path, flags | O_CLOEXEC);
}

int mountinfo_open_abort(dev_t dev)
{
	return open_control(dev, "abort", O_WRONLY);
}

int mountinfo_open_waiting(dev_t dev)
{
	return open_control(dev, "waiting", O_RDONLY);
}

bool mountinfo_is_gone(int waiting_fd)
{
	_cleanup_close_ int fd = -1;
	char path[32], digit;

	/* An open file of this kind is read but once. */
	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", waiting_fd);
	if (waiting_fd >= 0)
		fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd >= 0 && read(fd, &digit, 1) == 0;
}
