/* SPDX-License-Identifier: Apache-2.0 */
#include "fuse/mountinfo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>

#include "util/cleanup.h"

struct entry {
	dev_t dev;
	char type[64];
};

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

/* The mount point and what is there; false for a line that is not understood. */
static bool parse(char *line, char **ret_point, struct entry *ret)
{
	char *rest = strstr(line, " - ");
	unsigned a, b;
	int at = 0;

	if (!rest || sscanf(line, "%*d %*d %u:%u %*s %n", &a, &b, &at) != 2 || at == 0 ||
	    sscanf(rest, " - %63s", ret->type) != 1)
		return false;
	ret->dev = makedev(a, b);
	*ret_point = line + at;
	(*ret_point)[strcspn(*ret_point, " ")] = '\0';
	unescape(*ret_point);
	return true;
}

static bool find(const char *dir, struct entry *ret)
{
	_cleanup_free_ char *line = NULL;
	FILE *f = fopen("/proc/self/mountinfo", "re");
	bool found = false;
	size_t cap = 0;

	if (!f)
		return false;
	/* The last line with this mount point is the mount on top. */
	while (getline(&line, &cap, f) > 0) {
		struct entry e;
		char *point;

		if (parse(line, &point, &e) && strcmp(point, dir) == 0) {
			*ret = e;
			found = true;
		}
	}
	(void)fclose(f);
	return found;
}

dev_t mountinfo_device(const char *dir)
{
	struct entry e;

	return find(dir, &e) ? e.dev : 0;
}

bool mountinfo_is_natsobj(const char *dir)
{
	struct entry e;

	return find(dir, &e) && strcmp(e.type, "fuse.natsobj") == 0;
}
