/* SPDX-License-Identifier: Apache-2.0 */

/* Files that hold secrets. */

#include "prog/option_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SECRET_MAX 4096

/* First line of a file that only its owner may read. */
static int read_secret(const char *path, char **ret, char **ret_why)
{
	/* A pipe nobody writes to is refused, not waited for. */
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[SECRET_MAX + 1];
	struct stat st;
	ssize_t n;

	if (fd < 0 || fstat(fd, &st) < 0) {
		option_why(ret_why, "cannot read %s: %s", path, strerror(errno));
		return -EACCES;
	}
	if (!S_ISREG(st.st_mode)) {
		option_why(ret_why, "%s must be a file, and is something else", path);
		return -EACCES;
	}
	if (st.st_mode & 077) {
		option_why(ret_why,
			   "%s must be a file that nobody but its owner can read (chmod 600)",
			   path);
		return -EACCES;
	}
	n = read(fd, text, SECRET_MAX);
	if (n < 0) {
		option_why(ret_why, "cannot read %s: %s", path, strerror(errno));
		return -EACCES;
	}
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	return option_set_text(ret, text);
}

static int check_secret_file(const char *path, char **ret_why)
{
	char *text = NULL;
	int err = path ? read_secret(path, &text, ret_why) : 0;

	free(text);
	return err;
}

int option_read_secrets(struct mount_options *o, char **ret_why)
{
	int err = 0;

	if (o->password_file)
		err = read_secret(o->password_file, &o->password, ret_why);
	if (!err && o->token_file)
		err = read_secret(o->token_file, &o->token, ret_why);
	if (!err)
		err = check_secret_file(o->creds, ret_why);
	if (!err)
		err = check_secret_file(o->nkey, ret_why);
	return err ? err : check_secret_file(o->tlskey, ret_why);
}
