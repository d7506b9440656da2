/* SPDX-License-Identifier: Apache-2.0 */

/*
 * mount.natsobj: connects, mounts, and stays in the background until unmounted.
 *
 * The program forks before it has a thread or a connection. The parent waits on a pipe for the
 * child's verdict, which comes when the kernel has got its first answer, and exits with it; so
 * after a successful exit the mount works, and otherwise one sentence says why it does not.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/cache_dir.h"
#include "fs/disk_cache.h"
#include "fs/fs.h"
#include "fuse/farewell.h"
#include "fuse/guard.h"
#include "fuse/mountinfo.h"
#include "fuse/replay.h"
#include "fuse/session.h"
#include "fuse/share.h"
#include "objstore/conn.h"
#include "prog/mount_parts.h"
#include "prog/options.h"
#include "util/log.h"

/* mount(8), exit status */
enum exit_code { EXIT_OK = 0, EXIT_USAGE = 1, EXIT_SYSTEM = 2, EXIT_UNSAVED = 16, EXIT_MOUNT = 32 };

/* What the child tells the parent. */
struct verdict {
	int code;
	char text[1000];
};

struct startup {
	int fd; /* the parent's pipe; -1 in the foreground or when it was told */
	struct guard guard;
	struct replay_helper replay;
	const char *dir;
	struct farewell_host farewell;
};

static void tell(struct startup *s, int code, const char *text)
{
	struct verdict v = {.code = code};

	if (s->fd < 0) {
		if (text)
			(void)fprintf(stderr, "mount.natsobj: %s\n", text);
		return;
	}
	(void)snprintf(v.text, sizeof(v.text), "%s", text ? text : "");
	if (write(s->fd, &v, sizeof(v)) < 0)
		log_error("cannot tell the starting process: %s", strerror(errno));
	(void)close(steal_fd(&s->fd));
}

static void on_mounted(void *arg, dev_t dev)
{
	struct startup *s = arg;
	int err = farewell_listen(&s->farewell, dev);

	if (err)
		log_warn("umount will not wait for what is stored last: %s", strerror(-err));
	guard_watch(&s->guard, dev, s->dir);
}

static void on_unmounted(void *arg)
{
	struct startup *s = arg;

	farewell_gather(&s->farewell);
}

static void on_ready(void *arg)
{
	struct startup *s = arg;

	if (s->fd < 0)
		return;
	tell(s, EXIT_OK, NULL);
	log_use_syslog();
	/* From now on nobody reads the terminal. */
	(void)!freopen("/dev/null", "w", stdout);
	(void)!freopen("/dev/null", "w", stderr);
}

/* Makes dir absolute. A sentence for people, or NULL when it can be mounted on. */
static char *check_dir(const char *dir, char **ret_path)
{
	struct stat st;
	struct mountinfo m;
	char *text = NULL;
	int n = 0;

	*ret_path = realpath(dir, NULL);
	if (!*ret_path)
		n = asprintf(&text, "mount point %s: %s", dir, strerror(errno));
	else if (mountinfo_find(*ret_path, &m) && mountinfo_is_natsobj(&m))
		n = asprintf(&text, "mount point %s is already in use by another mount of natsobj",
			     dir);
	else if (stat(*ret_path, &st) < 0)
		n = asprintf(&text, "mount point %s: %s", dir, strerror(errno));
	else if (!S_ISDIR(st.st_mode))
		n = asprintf(&text, "mount point %s is not a directory", dir);
	return n < 0 ? strdup("out of memory") : text;
}

static int fail(struct startup *s, int code, const char *fmt, ...) PRINTF_LIKE(3, 4);

static int fail(struct startup *s, int code, const char *fmt, ...)
{
	char text[1000];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	tell(s, code, text);
	return code;
}

static int run_mounted(struct startup *s, const struct mount_options *o, const char *path,
		       const struct share_parts *parts)
{
	const struct share_source buckets = {.arg = (void *)(uintptr_t)o,
					     .dir = path,
					     .open_max = o->open_buckets,
					     .is_hard = !o->is_soft,
					     .open = mount_parts_open_share,
					     .close = mount_parts_close_share};
	struct session_config cfg = {.dir = path,
				     .source = o->source,
				     .kernel_options = o->kernel.data,
				     .is_debug = o->is_debug,
				     .has_acl = o->has_acl,
				     .has_locks = o->locks == LOCKS_CLUSTER,
				     /* The helper's calls know nothing of it. */
				     .has_passthrough = o->cache_size > 0 && !o->has_inotify &&
							o->passthrough != FS_PASSTHROUGH_OFF,
				     .drain_timeout_ms = o->drain_timeout_ms,
				     .buckets = *o->bucket ? NULL : &buckets,
				     .replay = o->has_inotify ? &s->replay : NULL,
				     .on_mounted = on_mounted,
				     .on_unmounted = on_unmounted,
				     .on_ready = on_ready,
				     .on_ready_arg = s};
	_cleanup_free_ char *reason = NULL;
	int err = session_run(parts->fs, parts->store, &cfg, &reason);

	if (err < 0)
		(void)fail(s, EXIT_MOUNT, "%s", reason ? reason : strerror(-err));
	return err;
}

static int run_connected(struct startup *s, const struct mount_options *o, const char *path)
{
	_cleanup_free_ char *reason = NULL;
	struct share_parts parts;
	sigset_t all, before;
	int err;

	/* The library's threads inherit the mask: signals are for the main thread. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = conn_library_init();
	if (!err)
		err = *o->bucket ? mount_parts_open(o, o->bucket, 0, &parts, &reason)
				 : mount_parts_open_directory(o, &parts, &reason);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (err)
		return fail(s, EXIT_MOUNT, "%s", reason ? reason : strerror(-err));
	err = run_mounted(s, o, path, &parts);
	mount_parts_close(&parts);
	conn_library_done();
	if (err > 0)
		log_error("%d file(s) could not be stored", err);
	return err < 0 ? EXIT_MOUNT : err > 0 ? EXIT_UNSAVED : EXIT_OK;
}

static int run(struct startup *s, const struct mount_options *o, const char *path)
{
	int err = cache_dir_make(o->cache_dir), code;

	if (err)
		return fail(s, EXIT_MOUNT, "cannot use cache directory %s: %s", o->cache_dir,
			    strerror(-err));
	err = o->cache_size > 0 ? disk_cache_check(o->cache_dir) : 0;
	if (err)
		return fail(s, EXIT_MOUNT, "cannot use %s/content for the disk cache: %s",
			    o->cache_dir,
			    err == -EPERM ? "it belongs to another user" : strerror(-err));
	err = guard_start(&s->guard);
	if (!err && o->has_inotify)
		err = replay_helper_start(&s->replay);
	if (err)
		return fail(s, EXIT_SYSTEM, "cannot start a process: %s", strerror(-err));
	s->dir = path;
	code = run_connected(s, o, path);
	replay_helper_reap(&s->replay);
	guard_stop(&s->guard);
	farewell_say(&s->farewell, code,
		     code == EXIT_UNSAVED ? "unmounted, but not everything could be stored: see "
					    "the log of its daemon"
					  : "");
	return code;
}

static int wait_for_child(int fd, pid_t child)
{
	struct verdict v;
	ssize_t n;
	int status;

	do
		n = read(fd, &v, sizeof(v));
	while (n < 0 && errno == EINTR);
	if (n != (ssize_t)sizeof(v)) {
		(void)waitpid(child, &status, 0);
		(void)fprintf(stderr, "mount.natsobj: ended before the mount was ready\n");
		return EXIT_SYSTEM;
	}
	v.text[sizeof(v.text) - 1] = '\0';
	if (v.text[0])
		(void)fprintf(stderr, "mount.natsobj: %s\n", v.text);
	return v.code;
}

static int run_in_background(const struct mount_options *o, const char *path)
{
	struct startup s = {.fd = -1,
			    .guard = GUARD_NONE,
			    .replay = REPLAY_HELPER_NONE,
			    .farewell = FAREWELL_NONE};
	int fds[2], null_fd;
	pid_t child;

	if (pipe2(fds, O_CLOEXEC) < 0) {
		perror("mount.natsobj: pipe");
		return EXIT_SYSTEM;
	}
	child = fork();
	if (child < 0) {
		perror("mount.natsobj: fork");
		return EXIT_SYSTEM;
	}
	if (child > 0) {
		(void)close(fds[1]);
		return wait_for_child(fds[0], child);
	}
	(void)close(fds[0]);
	s.fd = fds[1];
	(void)setsid();
	(void)!chdir("/");
	null_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (null_fd >= 0)
		(void)dup2(null_fd, STDIN_FILENO);
	return run(&s, o, path);
}

static int start(const struct mount_options *o)
{
	struct startup s = {.fd = -1,
			    .guard = GUARD_NONE,
			    .replay = REPLAY_HELPER_NONE,
			    .farewell = FAREWELL_NONE};
	_cleanup_free_ char *path = NULL;
	_cleanup_free_ char *problem = NULL;

	if (o->is_remount)
		return fail(&s, EXIT_MOUNT,
			    "a mount keeps its options: unmount %s and mount it again, or change "
			    "what the kernel does with \"mount -i -o remount,…\"",
			    o->dir);
	problem = check_dir(o->dir, &path);
	if (problem)
		return fail(&s, EXIT_MOUNT, "%s", problem);
	if (o->has_url_password)
		log_warn("a password in the URL can be seen by other users while the program "
			 "starts: use username= and password_file=");
	if (mount_options_is_user_mistaken(o))
		log_warn("user=%s is ignored, it is an option of mount(8): the NATS user is "
			 "username=",
			 o->mount_user);
	if (o->is_fake)
		return EXIT_OK;
	return o->is_foreground ? run(&s, o, path) : run_in_background(o, path);
}

int main(int argc, char **argv)
{
	_cleanup_free_ char *reason = NULL;
	struct mount_options o;
	int err = mount_options_parse(&o, argc, argv, &reason);
	/* A file that cannot be read is no mistake of the command line. */
	int code = err && err != -EINVAL && err != -ERANGE ? EXIT_MOUNT : EXIT_USAGE;

	log_init("mount.natsobj", o.is_debug ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	if (err) {
		(void)fprintf(stderr, "mount.natsobj: %s\n", reason ? reason : strerror(-err));
	} else if (o.want_help) {
		struct buf out CLEANUP(buf_done);

		buf_init(&out, 1 << 16);
		mount_options_usage(&out);
		(void)fputs(out.data, stdout);
		code = EXIT_OK;
	} else if (o.want_version) {
		(void)puts("mount.natsobj " NATSOBJ_VERSION);
		code = EXIT_OK;
	} else {
		code = start(&o);
	}
	mount_options_done(&o);
	return code;
}
