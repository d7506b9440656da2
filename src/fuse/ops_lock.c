/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Handlers for requests about locks, on mounts whose locks count on every host. On other mounts
 * they are not registered, and the kernel keeps locks itself.
 *
 * A request that waits for a lock occupies no thread: it is known by a number, under which an
 * interrupt ends it, and the thread of the locks replies. A lock that is granted becomes a job once
 * more, because the file is brought to its newest version before the reply.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/file.h>

#include "fs/locks.h"
#include "fuse/mount.h"

struct lock_request {
	fuse_req_t req;
	struct mount *m;
	struct open_file *of;
	int err; /* said already by what came before */
	enum lock_op_kind kind;
	uint64_t nodeid;
	struct lock_entry lock;
};

static void reply_holder(fuse_req_t req, const struct lock_entry *e, bool is_local)
{
	struct flock answer = {.l_type = F_UNLCK, .l_whence = SEEK_SET};

	if (e) {
		answer.l_type = e->mode == LOCK_EXCLUSIVE ? F_WRLCK : F_RDLCK;
		answer.l_start = (off_t)e->start;
		/* 0: to the end */
		answer.l_len = e->end == LOCK_RANGE_END ? 0 : (off_t)(e->end - e->start + 1);
		/* A process of another host has no number here. */
		answer.l_pid = is_local ? (pid_t)e->pid : 0;
	}
	fuse_reply_lock(req, &answer);
}

static int start_request(struct job *j, enum lock_op_kind kind, bool is_heard, int err);

/* The lock is granted. Who does not hear of that, because it cannot be said what is newest, gives
 * it back. */
static int run_follow(struct job *j)
{
	bool is_new;
	int err = fs_lock_follow(j->fs, &j->ctx, j->of->h, &is_new);

	if (err == -FS_WOULD_WAIT)
		return err;
	if (is_new)
		notify_inode_now(j->m->notify, j->nodeid);
	if (!job_claim(j))
		return 0;
	if (err)
		return start_request(j, LOCK_OP_UNLOCK, true, err);
	fuse_reply_err(j->req, 0);
	return 0;
}

static void follow_later(const struct lock_request *lr)
{
	struct job j = {.nodeid = lr->nodeid, .of = lr->of, .lock = lr->lock};

	job_start_queued(&j, lr->req, run_follow);
}

static void on_done(void *arg, int err, const struct lock_entry *conflict, bool is_local)
{
	struct lock_request *lr = arg;

	if (lr->req && !err && (lr->kind == LOCK_OP_TRY || lr->kind == LOCK_OP_WAIT))
		follow_later(lr);
	else if (lr->req && !err && lr->kind == LOCK_OP_TEST)
		reply_holder(lr->req, conflict, is_local);
	else if (lr->req)
		fuse_reply_err(lr->req, err ? -err : -lr->err);
	open_file_put(lr->of);
	free(lr);
}

static void cancel(void *arg, struct share *s)
{
	fs_lock_cancel(s->fs, (uintptr_t)arg);
}

static void on_interrupt(fuse_req_t req, void *data)
{
	struct mount *m = mount_of(req);

	/* The number is no other's, in whatever bucket the lock is. */
	fs_lock_cancel(m->root.fs, (uintptr_t)data);
	if (m->shares)
		shares_each(m->shares, cancel, data);
}

/* Hands the job's reply over to a request about locks. is_heard: the reply is still to be given. */
static int start_request(struct job *j, enum lock_op_kind kind, bool is_heard, int err)
{
	struct lock_request *lr = calloc(1, sizeof(*lr));
	struct lock_op *op;
	int failure = -ENOMEM;

	if (lr)
		failure = fs_lock_op(j->fs, j->of->h, kind, &j->lock, on_done, lr, &op);
	if (failure) {
		free(lr);
		if (is_heard)
			fuse_reply_err(j->req, err ? -err : -failure);
		return 0;
	}
	*lr = (struct lock_request){.req = is_heard ? j->req : NULL,
				    .m = j->m,
				    .of = j->of,
				    .err = err,
				    .kind = kind,
				    .nodeid = j->nodeid,
				    .lock = j->lock};
	atomic_fetch_add(&j->of->refs, 1);
	/* Before it starts, because the request is gone with its reply. */
	if (is_heard && (kind == LOCK_OP_WAIT || kind == LOCK_OP_TRY))
		fuse_req_interrupt_func(j->req, on_interrupt,
					(void *)(uintptr_t)cluster_lock_op_id(op));
	fs_lock_submit(j->fs, op);
	return 0;
}

static int run_lock(struct job *j)
{
	bool gives_back = j->lock_op == LOCK_OP_UNLOCK;
	int err = 0;

	if (j->lock_op != LOCK_OP_TEST && j->lock.mode != LOCK_EXCLUSIVE)
		err = fs_lock_prepare(j->fs, &j->ctx, j->of->h, &j->lock);
	if (err == -FS_WOULD_WAIT)
		return err;
	/* Who is gone wants no lock; what is given back is given back. */
	if (!job_claim(j))
		return gives_back ? start_request(j, j->lock_op, false, 0) : 0;
	return start_request(j, j->lock_op, true, gives_back ? err : 0);
}

static enum lock_mode mode_of(short type)
{
	switch (type) {
	case F_RDLCK:
		return LOCK_SHARED;
	case F_WRLCK:
		return LOCK_EXCLUSIVE;
	default:
		return LOCK_OFF;
	}
}

static struct lock_entry entry_of(const struct flock *l, uint64_t owner)
{
	return (struct lock_entry){
		.kind = LOCK_POSIX,
		.mode = mode_of(l->l_type),
		.owner = {.id = owner},
		.start = (uint64_t)l->l_start,
		.end = l->l_len ? (uint64_t)(l->l_start + l->l_len - 1) : LOCK_RANGE_END,
		.pid = (uint32_t)l->l_pid,
	};
}

void op_getlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock)
{
	struct job j = {.nodeid = ino,
			.of = open_file_of(fi),
			.lock = entry_of(lock, fi->lock_owner),
			.lock_op = LOCK_OP_TEST};

	job_start(&j, req, run_lock);
}

void op_setlk(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, struct flock *lock,
	      int sleep)
{
	struct job j = {.nodeid = ino,
			.of = open_file_of(fi),
			.lock = entry_of(lock, fi->lock_owner),
			.lock_op = sleep ? LOCK_OP_WAIT : LOCK_OP_TRY};

	if (j.lock.mode == LOCK_OFF)
		j.lock_op = LOCK_OP_UNLOCK;
	job_start(&j, req, run_lock);
}

void op_flock(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi, int op)
{
	struct job j = {.nodeid = ino, .of = open_file_of(fi)};

	j.lock = (struct lock_entry){.kind = LOCK_FLOCK,
				     .mode = op & LOCK_EX   ? LOCK_EXCLUSIVE
					     : op & LOCK_SH ? LOCK_SHARED
							    : LOCK_OFF,
				     .owner = {.id = fi->lock_owner},
				     .end = LOCK_RANGE_END,
				     .pid = (uint32_t)fuse_req_ctx(req)->pid};
	if (j.lock.mode == LOCK_OFF)
		j.lock_op = LOCK_OP_UNLOCK;
	else
		j.lock_op = op & LOCK_NB ? LOCK_OP_TRY : LOCK_OP_WAIT;
	job_start(&j, req, run_lock);
}

int job_reply_flush(struct job *j, int err)
{
	int stored;

	if (err == -FS_WOULD_WAIT || !fs_lock_is_locked(j->fs, j->of->h))
		return job_reply_err(j, err);
	/* close(2) gives back all fcntl locks that the process has on the file. */
	j->lock = (struct lock_entry){
		.kind = LOCK_POSIX, .owner = {.id = j->fi.lock_owner}, .end = LOCK_RANGE_END};
	/* Another descriptor of the process may have kept it from being stored. */
	stored = fs_lock_prepare(j->fs, &j->ctx, j->of->h, &j->lock);
	if (stored == -FS_WOULD_WAIT)
		return stored;
	if (!err)
		err = stored;
	/* Whom a signal ends must not wait for the server. After the reply the file may be gone. */
	if (fs_is_dying(j->ctx.pid)) {
		(void)start_request(j, LOCK_OP_DROP_OWNER, false, 0);
		return job_reply_err(j, err);
	}
	return start_request(j, LOCK_OP_DROP_OWNER, job_claim(j), err);
}
