/* SPDX-License-Identifier: Apache-2.0 */

/*
 * umount.natsobj: unmounts, waits until the daemon has stored what is pending, and fails when it
 * could not. umount(8) calls it for mounts of this type.
 */

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuse/farewell.h"
#include "fuse/mountinfo.h"

/* umount(8), exit status */
enum exit_code { EXIT_OK = 0, EXIT_USAGE = 1, EXIT_SYSTEM = 2, EXIT_FAILED = 32 };

static const char usage[] =
	"Usage: umount.natsobj DIR|SOURCE [-f] [-l] [-v]\n\n"
	"Unmounts a directory and waits until everything written to it is stored.\n\n"
	"  -f  abort requests that wait for the server\n"
	"  -l  detach now, clean up when nobody uses it any more; waits for nothing\n"
	"  -v  say what is done\n"
	"-n, -r, -N and -t are accepted for umount(8).\n";

struct request {
	const char *what;
	bool is_forced, is_lazy, is_verbose;
};

static int complain(const char *what, const char *text)
{
	(void)fprintf(stderr, "umount.natsobj: %s: %s\n", what, text);
	return EXIT_FAILED;
}

/* Absolute, without asking the mount itself, whose daemon may not answer. */
static char *absolute(const char *path)
{
	_cleanup_free_ char *for_dir = strdup(path), *for_base = strdup(path);
	_cleanup_free_ char *dir = NULL;
	const char *base;
	char *out = NULL;

	if (!for_dir || !for_base)
		return NULL;
	base = basename(for_base);
	if (strcmp(base, ".") == 0 || strcmp(base, "..") == 0 || strcmp(base, "/") == 0)
		return realpath(path, NULL);
	dir = realpath(dirname(for_dir), NULL);
	if (dir && asprintf(&out, "%s/%s", strcmp(dir, "/") == 0 ? "" : dir, base) < 0)
		return NULL;
	return out;
}

/* The mount point that is meant: by its path, where it may be reached through a link, or by what is
 * mounted. The caller frees. */
static char *find_dir(const char *what, struct mountinfo *ret)
{
	char *dir = absolute(what);

	if (dir && mountinfo_find(dir, ret) && mountinfo_is_natsobj(ret))
		return dir;
	free(dir);
	dir = realpath(what, NULL);
	if (dir && mountinfo_find(dir, ret) && mountinfo_is_natsobj(ret))
		return dir;
	free(dir);
	return mountinfo_find_source(what, ret);
}

/* A user without privilege may unmount what is his through this program only. */
static int detach_by_helper(const struct request *q, const char *dir)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		if (q->is_lazy)
			(void)execlp("fusermount3", "fusermount3", "-u", "-z", "--", dir, NULL);
		else
			(void)execlp("fusermount3", "fusermount3", "-u", "--", dir, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0)
		return complain(dir, strerror(errno));
	/* It has said what is wrong. */
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? EXIT_OK : EXIT_FAILED;
}

static int detach(const struct request *q, const char *dir)
{
	int flags = UMOUNT_NOFOLLOW;

	if (q->is_forced)
		flags |= MNT_FORCE;
	if (q->is_lazy)
		flags |= MNT_DETACH;
	if (umount2(dir, flags) == 0)
		return EXIT_OK;
	if (errno == EPERM && geteuid() != 0)
		return detach_by_helper(q, dir);
	return complain(dir, errno == EBUSY ? "it is in use" : strerror(errno));
}

static int hear(const struct request *q, const char *dir, int fd)
{
	struct farewell words;
	int err = farewell_hear(fd, &words);

	if (err)
		return complain(dir, err == -EPIPE ? "unmounted, but its daemon died: what was not "
						     "stored is lost"
						   : strerror(-err));
	if (words.status)
		return complain(dir, words.text) ? words.status : EXIT_FAILED;
	if (q->is_verbose)
		(void)printf("umount.natsobj: %s: unmounted, everything is stored\n", dir);
	return EXIT_OK;
}

static int run(const struct request *q)
{
	struct mountinfo m;
	_cleanup_free_ char *dir = find_dir(q->what, &m);
	int fd = -1, code;

	if (!dir)
		return complain(q->what, "not a mount of natsobj");
	/* Who is still in use after a lazy unmount has no end that could be waited for. */
	if (!q->is_lazy && farewell_connect(m.dev, m.owner, &fd) < 0 && q->is_verbose)
		(void)printf("umount.natsobj: %s: its daemon cannot be asked\n", dir);
	code = detach(q, dir);
	if (fd < 0)
		return code;
	if (code == EXIT_OK)
		return hear(q, dir, fd);
	(void)close(fd);
	return code;
}

int main(int argc, char **argv)
{
	struct request q = {0};
	int c;

	while ((c = getopt(argc, argv, "flnrvhN:t:")) != -1) {
		switch (c) {
		case 'f':
			q.is_forced = true;
			break;
		case 'l':
			q.is_lazy = true;
			break;
		case 'v':
			q.is_verbose = true;
			break;
		case 'n':
		case 'r':
		case 'N':
		case 't':
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return EXIT_OK;
		default:
			(void)fputs(usage, stderr);
			return EXIT_USAGE;
		}
	}
	if (argc - optind != 1) {
		(void)fputs(usage, stderr);
		return EXIT_USAGE;
	}
	q.what = argv[optind];
	return run(&q);
}
