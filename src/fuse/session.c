/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Order of a mount's end, whatever began it: the loop stops taking requests; those that still wait
 * finish; unsaved files are stored; those that nobody took are aborted, because the notifier may
 * wait in the kernel for one of them; the kernel's side is unmounted; the notifier and the pool
 * end. The notifier's listener goes first, because the tree may still change until the store is
 * closed.
 */

#include "fuse/session.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "fuse/init_reply.h"
#include "fuse/mount.h"
#include "fuse/mountinfo.h"
#include "fuse/passthrough.h"
#include "fuse/replay.h"
#include "util/buf.h"
#include "util/clock.h"
#include "util/json_write.h"
#include "util/lock.h"
#include "util/log.h"

/* When the server is away each waiting request keeps a thread, and those that need no server but a
 * moment of patience must not stand in line behind them. */
#define POOL_THREADS 512
#define MAX_WRITE (1u << 20)
#define MAX_BACKGROUND 128
#define READ_AHEAD_KB "1024"
#define OPTIONS_MAX 65536
#define LET_GO_MS 500
#define LET_GO_POLL_US 2000

/* The kernel's sequential reads grow from 128 KiB to 1 MiB with this; it takes privilege. Before it
 * has the answer to INIT the kernel would set it back. */
static void raise_read_ahead(void *arg)
{
	const struct mount *m = arg;
	dev_t dev = mountinfo_device(m->dir);
	char path[64];
	FILE *f;

	(void)snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major(dev),
		       minor(dev));
	f = fopen(path, "we");
	if (!f)
		return;
	(void)fputs(READ_AHEAD_KB, f);
	(void)fclose(f);
}

static void set_backing(struct mount *m, struct fs *fs)
{
	const struct fs_backing b = passthrough_backing(m->session);

	if (m->has_passthrough)
		fs_set_backing(fs, &b);
}

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct mount *m = userdata;
	dev_t dev;

	conn->max_write = MAX_WRITE;
	conn->max_background = MAX_BACKGROUND;
	conn->congestion_threshold = MAX_BACKGROUND * 3 / 4;
	compat_want(conn, FUSE_CAP_ASYNC_READ);
	compat_want(conn, FUSE_CAP_ATOMIC_O_TRUNC);
	compat_want(conn, FUSE_CAP_PARALLEL_DIROPS);
	compat_want(conn, COMPAT_HANDLE_KILLPRIV_V2);
	compat_want(conn, FUSE_CAP_READDIRPLUS);
	compat_want(conn, FUSE_CAP_READDIRPLUS_AUTO);
	compat_want(conn, FUSE_CAP_CACHE_SYMLINKS);
	if (m->has_acl) {
		compat_want(conn, FUSE_CAP_POSIX_ACL);
		/* A directory's default list decides instead of the umask. */
		compat_want(conn, FUSE_CAP_DONT_MASK);
	}
	/* The kernel is told of every change, so it need not guess from sizes and times. */
	if (conn->capable & FUSE_CAP_EXPLICIT_INVAL_DATA) {
		compat_want(conn, FUSE_CAP_EXPLICIT_INVAL_DATA);
		compat_refuse(conn, FUSE_CAP_AUTO_INVAL_DATA);
	}
	/* Size and time belong to the tree, which others change too. */
	compat_refuse(conn, FUSE_CAP_WRITEBACK_CACHE);
	/* The data is copied once either way; a pipe only adds to it. */
	compat_refuse(conn, FUSE_CAP_SPLICE_READ);
	m->has_passthrough = m->has_passthrough && passthrough_want(conn);
	set_backing(m, m->root.fs);
	dev = mountinfo_device(m->dir);
	atomic_store(&m->dev, dev);
	fs_set_device(m->root.fs, dev);
	if (m->on_ready)
		m->on_ready(m->on_ready_arg);
}

const struct fuse_lowlevel_ops mount_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_rmdir,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.fallocate = op_fallocate,
	.lseek = op_lseek,
	.copy_file_range = op_copy_file_range,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsyncdir,
	.statfs = op_statfs,
	.create = op_create,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.setxattr = op_setxattr,
	.removexattr = op_removexattr,
};

static void sink_inode(void *arg, uint64_t nodeid, int64_t off, int64_t len)
{
	struct mount *m = arg;

	(void)fuse_lowlevel_notify_inval_inode(m->session, nodeid, off, len);
}

static void sink_entry(void *arg, uint64_t parent, const char *name, size_t len)
{
	struct mount *m = arg;

	(void)fuse_lowlevel_notify_inval_entry(m->session, parent, name, len);
}

/* libfuse splits at commas and takes a backslash for an escape. */
static void append_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == ',' || *text == '\\')
			buf_append_char(out, '\\');
		buf_append_char(out, *text);
	}
}

static int make_session(struct mount *m, const struct session_config *cfg)
{
	struct fuse_args args = FUSE_ARGS_INIT(0, NULL);
	struct fuse_lowlevel_ops ops = mount_ops;
	struct buf options CLEANUP(buf_done);
	int err = -ENOMEM;

	if (cfg->has_locks) {
		ops.getlk = op_getlk;
		ops.setlk = op_setlk;
		ops.flock = op_flock;
	}
	if (cfg->replay)
		replay_wrap(&ops);
	buf_init(&options, OPTIONS_MAX);
	buf_append_str(&options, "default_permissions,subtype=natsobj,fsname=");
	append_escaped(&options, cfg->source);
	if (cfg->kernel_options[0])
		buf_append_char(&options, ',');
	buf_append_str(&options, cfg->kernel_options);
	if (buf_error(&options))
		return buf_error(&options);
	if (fuse_opt_add_arg(&args, "mount.natsobj") == 0 && fuse_opt_add_arg(&args, "-o") == 0 &&
	    fuse_opt_add_arg(&args, options.data) == 0 &&
	    (!cfg->is_debug || fuse_opt_add_arg(&args, "-d") == 0)) {
		m->session = fuse_session_new(&args, &ops, sizeof(ops), m);
		err = m->session ? 0 : -EINVAL;
	}
	fuse_opt_free_args(&args);
	return err;
}

/* A bucket was opened. */
static void on_open(void *arg, struct share *s)
{
	const struct fs_listener l = share_listener(s);
	struct mount *m = arg;

	fs_set_device(s->fs, atomic_load(&m->dev));
	set_backing(m, s->fs);
	fs_set_listener(s->fs, &l);
}

/* What the status of the directory of buckets says besides. */
static void add_status(void *arg, struct json_writer *w)
{
	struct mount *m = arg;

	json_u64(w, "open_buckets", shares_count(m->shares));
	json_u64(w, "open_buckets_limit", shares_limit(m->shares));
}

static void end_locks(void *arg, struct share *s)
{
	(void)arg;
	fs_locks_shutdown(s->fs);
}

static void end_listing(void *arg, struct share *s)
{
	(void)arg;
	fs_stop_listing(s->fs);
}

static void end_listening(void *arg, struct share *s)
{
	(void)arg;
	fs_set_listener(s->fs, NULL);
}

/* Whether it was unmounted; else a signal ended the loop, or somebody has aborted the connection.
 * An unmount aborts it as well, a moment before it lets go. */
static bool is_unmounted(const struct mount *m, int waiting_fd)
{
	struct pollfd p = {.fd = fuse_session_fd(m->session)};
	uint64_t deadline_ns = clock_deadline_ms(LET_GO_MS);

	if (poll(&p, 1, 0) != 1 || !(p.revents & POLLERR))
		return false;
	while (waiting_fd >= 0 && !mountinfo_is_gone(waiting_fd)) {
		if (clock_now_ns() > deadline_ns)
			return false;
		(void)usleep(LET_GO_POLL_US);
	}
	return true;
}

static void tell_unmounted(const struct session_config *cfg)
{
	if (cfg->on_unmounted)
		cfg->on_unmounted(cfg->on_ready_arg);
}

static int serve(struct mount *m, const struct session_config *cfg, int waiting_fd)
{
	struct fs_listener l;
	int unsaved;

	m->up = notify_listener(m->notify);
	if (m->replay) {
		m->up.changed = replay_change;
		m->up.changed_arg = m->replay;
	}
	m->root.up = &m->up;
	if (cfg->buckets) {
		int err = shares_new(cfg->buckets, m->root.fs, &m->up, on_open, m, &m->shares);

		if (err)
			return err;
		m->root.all = m->shares;
		fs_set_status(m->root.fs, add_status, m);
	}
	l = share_listener(&m->root);
	fs_set_listener(m->root.fs, &l);
	if (fuse_set_signal_handlers(m->session) != 0)
		log_warn("cannot handle signals: stop with umount only");
	loop_run(m->loop);
	if (is_unmounted(m, waiting_fd))
		tell_unmounted(cfg);
	replay_stop(m->replay);
	if (m->shares)
		shares_shutdown(m->shares);
	mount_each(m, end_locks, NULL);
	mount_each(m, end_listing, NULL);
	unsaved = mount_drain(m, cfg->drain_timeout_ms);
	mount_each(m, end_listening, NULL);
	fuse_remove_signal_handlers(m->session);
	return unsaved;
}

/* Without the file of the connection, as in a container, there is umount(2) for those who may. An
 * unmount by libfuse comes first otherwise: of an aborted connection it believes that it was
 * unmounted. */
static void end_connection(struct mount *m, dev_t dev, int abort_fd)
{
	if (abort_fd < 0 && mountinfo_device(m->dir) == dev)
		(void)umount2(m->dir, MNT_FORCE | MNT_DETACH | UMOUNT_NOFOLLOW);
	fuse_session_unmount(m->session);
	if (abort_fd >= 0)
		(void)!write(abort_fd, "1", 1);
}

/* What is mounted is served until its end. Returns the number of files that are not stored. */
static int serve_mounted(struct mount *m, const struct session_config *cfg)
{
	dev_t dev = mountinfo_device(cfg->dir);
	_cleanup_close_ int abort_fd = mountinfo_open_abort(dev);
	_cleanup_close_ int waiting_fd = mountinfo_open_waiting(dev);
	int unsaved;

	if (cfg->on_mounted)
		cfg->on_mounted(cfg->on_ready_arg, dev);
	if (init_reply_install(m->session) < 0)
		log_warn("lookups in one directory will wait for each other");
	unsaved = serve(m, cfg, waiting_fd);
	end_connection(m, dev, abort_fd);
	tell_unmounted(cfg);
	return unsaved;
}

static void free_mount(struct mount *m)
{
	replay_free(m->replay);
	notify_free(m->notify);
	loop_free(m->loop);
	pool_free(m->pool);
	killed_free(m->killed);
	open_files_release(m);
	shares_free(m->shares);
	mutex_done(&m->lock);
	if (m->session)
		fuse_session_destroy(m->session);
}

int session_run(struct fs *fs, struct store *store, const struct session_config *cfg,
		char **ret_why)
{
	struct mount m = {.root = {.name = "", .fs = fs, .store = store},
			  .dir = cfg->dir,
			  .has_acl = cfg->has_acl,
			  .has_locks = cfg->has_locks,
			  .has_passthrough = cfg->has_passthrough,
			  .on_ready = cfg->on_ready,
			  .on_ready_arg = cfg->on_ready_arg};
	struct notify_sink sink = {.arg = &m, .inode = sink_inode, .entry = sink_entry};
	int err;

	*ret_why = NULL;
	mutex_init(&m.lock, LOCK_RANK_LEAF);
	list_init(&m.open_files);
	m.pool = pool_new(POOL_THREADS);
	err = m.pool ? notify_new(&sink, &m.notify) : -ENOMEM;
	if (!err)
		err = killed_new(NULL, &m.killed);
	if (!err)
		err = make_session(&m, cfg);
	if (!err)
		err = loop_new(m.session, raise_read_ahead, &m, &m.loop);
	if (!err && fuse_session_mount(m.session, cfg->dir) != 0) {
		err = -EIO;
		if (asprintf(ret_why, "cannot mount on %s (see above)", cfg->dir) < 0)
			*ret_why = NULL;
	}
	if (!err && cfg->replay) {
		err = replay_new(cfg->replay, cfg->dir, mountinfo_device(cfg->dir), m.notify,
				 &m.replay);
		if (err)
			fuse_session_unmount(m.session);
	}
	if (!err)
		err = serve_mounted(&m, cfg);
	free_mount(&m);
	return err;
}
