/* SPDX-License-Identifier: Apache-2.0 */

/*
 * Requests on their way from the kernel to a reply.
 *
 * A queued request whose caller is being killed is answered with EINTR at once, while its work goes
 * on: the caller must not wait for a server that may never come back (fuse/killed.h). libfuse
 * reports an interrupt with the request's lock held, so a reply must not be sent from there.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fuse/mount.h"

struct mount *mount_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

static void job_put(struct job *j)
{
	if (atomic_fetch_sub(&j->refs, 1) != 1)
		return;
	if (!j->is_borrowing) {
		free((void *)(uintptr_t)j->name);
		free((void *)(uintptr_t)j->name2);
		free((void *)(uintptr_t)j->data);
	}
	free(j);
}

enum { CLAIM_NONE, CLAIM_WORK, CLAIM_KILLED };

static bool claim_as(struct job *j, int who)
{
	int nobody = CLAIM_NONE;

	if (!atomic_compare_exchange_strong(&j->claim, &nobody, who))
		return false;
	if (j->is_queued) {
		/* Waits for a report under way, so that none comes when the job is gone. */
		fuse_req_interrupt_func(j->req, NULL, NULL);
		if (killed_remove(j->m->killed, &j->watch))
			job_put(j);
	}
	return true;
}

bool job_claim(struct job *j)
{
	return claim_as(j, CLAIM_WORK);
}

int job_reply_err(struct job *j, int err)
{
	if (err == -FS_WOULD_WAIT)
		return err;
	/* To a program ENOTCONN says that the daemon of a mount is dead, which it is not. */
	if (err == -ENOTCONN)
		err = -ETIMEDOUT;
	if (job_claim(j))
		fuse_reply_err(j->req, -err);
	return 0;
}

/* The kernel heard of an interrupt, and knows nothing of what was done then. */
static void forget_entries(struct job *j)
{
	if (j->name)
		notify_entry(j->m->notify, j->nodeid, j->name);
	if (j->name2 && j->nodeid2)
		notify_entry(j->m->notify, j->nodeid2, j->name2);
}

/* What an open file belongs to is open. */
static int find_way(struct job *j)
{
	if (j->of) {
		j->route =
			(struct route){.share = j->of->share, .ino = route_local(j->m, j->nodeid)};
		return 0;
	}
	return route_begin(j->m, j->nodeid, j->way, j->ctx.may_wait, &j->route);
}

/* One that concerns two nodes concerns one file system. */
static int check_way(const struct job *j)
{
	if (j->nodeid2 && !route_is_same(j->m, j->nodeid, j->nodeid2))
		return -EXDEV;
	if (!route_is_directory(j->m, &j->route))
		return 0;
	return j->way == WAY_MAKE ? -EPERM : j->way == WAY_MOVE ? -EXDEV : 0;
}

static int run_job(struct job *j)
{
	int err = find_way(j);

	if (err)
		return job_reply_err(j, err);
	j->fs = j->route.share->fs;
	j->ino = j->route.ino;
	j->ino2 = route_local(j->m, j->nodeid2);
	err = check_way(j);
	if (err)
		err = job_reply_err(j, err);
	else
		err = j->run(j);
	if (!j->of)
		route_end(&j->route);
	return err;
}

static void run_queued(struct pool_work *w)
{
	struct job *j = container_of(w, struct job, work);

	/* Nothing here says it would have to wait. */
	if (run_job(j) == -FS_WOULD_WAIT)
		job_reply_err(j, -EIO);
	if (atomic_load(&j->claim) == CLAIM_KILLED)
		forget_entries(j);
	if (j->of)
		open_file_put(j->of);
	if (j->of2)
		open_file_put(j->of2);
	job_put(j);
}

static void on_killed(struct killed_watch *w)
{
	struct job *j = container_of(w, struct job, watch);

	if (claim_as(j, CLAIM_KILLED))
		fuse_reply_err(j->req, EINTR);
	job_put(j);
}

static void watch_caller(struct job *j)
{
	/* Without a process identifier nothing can be found out about the caller. */
	if (j->ctx.pid <= 0)
		return;
	atomic_fetch_add(&j->refs, 1);
	if (!killed_add(j->m->killed, &j->watch))
		job_put(j);
}

/* While it registers this function libfuse calls it with a lock held that lies in the request, and
 * does nothing to keep the request: whoever answers has to wait until that is over. */
enum { REGISTERING, INTERRUPTED_EARLY, REGISTERED };

static void on_interrupt(fuse_req_t req, void *data)
{
	struct job *j = data;
	int state = REGISTERING;

	(void)req;
	if (!atomic_compare_exchange_strong(&j->registration, &state, INTERRUPTED_EARLY) &&
	    state == REGISTERED)
		watch_caller(j);
}

/* A copy of what the job points to, which ends with the handler. */
static bool own_data(struct job *q, const struct job *j)
{
	q->name = j->name ? strdup(j->name) : NULL;
	q->name2 = j->name2 ? strdup(j->name2) : NULL;
	q->data = NULL;
	if (j->data) {
		q->data = malloc(j->size);
		if (q->data)
			memcpy((void *)(uintptr_t)q->data, j->data, j->size);
	}
	return !q->name == !j->name && !q->name2 == !j->name2 && !q->data == !j->data;
}

static struct job *copy_job(const struct job *j, bool is_borrowing)
{
	struct job *q = malloc(sizeof(*q));

	if (!q)
		return NULL;
	memcpy(q, j, sizeof(*q));
	q->is_borrowing = is_borrowing;
	atomic_init(&q->claim, CLAIM_NONE);
	atomic_init(&q->refs, 1);
	if (!is_borrowing && !own_data(q, j)) {
		job_put(q);
		return NULL;
	}
	return q;
}

/* A copy of the job that may wait, and is answered if its caller is killed meanwhile. Without
 * memory it replies, and returns NULL. */
static struct job *make_patient(const struct job *j, bool is_here)
{
	struct job *q = copy_job(j, is_here);

	if (!q) {
		fuse_reply_err(j->req, ENOMEM);
		return NULL;
	}
	if (q->of)
		atomic_fetch_add(&q->of->refs, 1);
	if (q->of2)
		atomic_fetch_add(&q->of2->refs, 1);
	q->ctx.may_wait = true;
	q->is_queued = true;
	q->work.run = run_queued;
	list_init(&q->watch.link);
	q->watch.tid = q->ctx.pid;
	q->watch.fn = on_killed;
	/* Calls it at once when the caller was interrupted before. */
	atomic_init(&q->registration, REGISTERING);
	fuse_req_interrupt_func(q->req, on_interrupt, q);
	if (atomic_exchange(&q->registration, REGISTERED) == INTERRUPTED_EARLY)
		watch_caller(q);
	return q;
}

/* The job again, where it may wait: on this thread, or one of the pool's. */
static void run_patiently(const struct job *j)
{
	struct mount *m = j->m;
	bool is_here = loop_wait_begin(m->loop);
	struct job *q = make_patient(j, is_here);

	if (!is_here && q)
		pool_submit(m->pool, &q->work);
	else if (q)
		run_queued(&q->work);
	if (is_here)
		loop_wait_end(m->loop);
}

static void begin_job(struct job *j, fuse_req_t req, int (*run)(struct job *j))
{
	const struct fuse_ctx *c = fuse_req_ctx(req);

	j->m = mount_of(req);
	j->req = req;
	j->run = run;
	j->ctx = (struct fs_ctx){.uid = c->uid, .gid = c->gid, .pid = c->pid, .umask = c->umask};
	atomic_init(&j->claim, CLAIM_NONE);
}

void job_start(struct job *j, fuse_req_t req, int (*run)(struct job *j))
{
	begin_job(j, req, run);
	if (run_job(j) == -FS_WOULD_WAIT)
		run_patiently(j);
}

void job_start_queued(struct job *j, fuse_req_t req, int (*run)(struct job *j))
{
	struct job *q;

	begin_job(j, req, run);
	q = make_patient(j, false);
	if (q)
		pool_submit(j->m->pool, &q->work);
}

struct open_file *open_file_new(struct mount *m, struct share *s, struct fs_handle *h)
{
	struct open_file *of = calloc(1, sizeof(*of));

	if (!of)
		return NULL;
	atomic_init(&of->refs, 1);
	of->m = m;
	of->share = s;
	share_hold(s);
	of->h = h;
	LOCK_SCOPE(&m->lock);
	list_push_back(&m->open_files, &of->link);
	return of;
}

static bool release(struct open_file *of, bool may_wait)
{
	const struct fs_ctx ctx = {.may_wait = may_wait};

	if (fs_release(of->share->fs, &ctx, of->h) == -FS_WOULD_WAIT)
		return false;
	mutex_lock(&of->m->lock);
	list_remove(&of->link);
	mutex_unlock(&of->m->lock);
	share_leave(of->share);
	free(of);
	return true;
}

static void run_release(struct pool_work *w)
{
	(void)release(container_of(w, struct open_file, work), true);
}

void open_files_release(struct mount *m)
{
	/* No thread is left that could use the list. */
	while (!list_is_empty(&m->open_files))
		run_release(&list_entry(m->open_files.next, struct open_file, link)->work);
}

void open_file_put(struct open_file *of)
{
	struct mount *m = of->m;

	if (atomic_fetch_sub(&of->refs, 1) != 1)
		return;
	if (release(of, false))
		return;
	if (loop_wait_begin(m->loop)) {
		(void)release(of, true);
		loop_wait_end(m->loop);
		return;
	}
	of->work.run = run_release;
	pool_submit(m->pool, &of->work);
}
