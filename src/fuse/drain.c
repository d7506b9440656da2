/* SPDX-License-Identifier: Apache-2.0 */

/* The end of a mount: what is unsaved is stored, in all of its buckets. */

#include <errno.h>

#include "fuse/mount.h"
#include "objstore/store.h"
#include "util/clock.h"
#include "util/log.h"

/* What a shut-down store leaves undone ends at once. */
#define LAST_REPLIES_MS 5000

void mount_each(struct mount *m, void (*fn)(void *arg, struct share *s), void *arg)
{
	fn(arg, &m->root);
	if (m->shares)
		shares_each(m->shares, fn, arg);
}

/* Ends calls that wait for a server, when storing what is unsaved takes too long. */
struct patience {
	struct mount *mount;
	struct mutex lock; /* leaf */
	struct cond done;
	uint64_t deadline_ns;
	bool is_done;
};

static void shut_down(void *arg, struct share *s)
{
	(void)arg;
	store_shutdown(s->store);
}

static void *patience_main(void *arg)
{
	struct patience *p = arg;
	bool is_over = false;

	mutex_lock(&p->lock);
	while (!p->is_done && !is_over)
		is_over = cond_wait_until(&p->done, &p->lock, p->deadline_ns) == -ETIMEDOUT;
	is_over = !p->is_done;
	mutex_unlock(&p->lock);
	if (is_over) {
		log_error("the server does not answer: giving up what is not stored");
		mount_each(p->mount, shut_down, NULL);
	}
	return NULL;
}

static void drain(void *arg, struct share *s)
{
	const struct patience *p = arg;
	uint64_t now_ns = clock_now_ns();

	fs_drain(s->fs, now_ns < p->deadline_ns ? (p->deadline_ns - now_ns) / NS_PER_MS : 0);
}

static void count_unstored(void *arg, struct share *s)
{
	*(int *)arg += fs_unstored(s->fs);
}

int mount_drain(struct mount *m, uint64_t timeout_ms)
{
	struct patience p = {.mount = m, .deadline_ns = clock_deadline_ms((int64_t)timeout_ms)};
	uint64_t deadline_ns;
	pthread_t thread;
	bool has_thread;
	int n = 0;

	mutex_init(&p.lock, LOCK_RANK_LEAF);
	cond_init(&p.done);
	has_thread = thread_start(&thread, "natsobj-drain", patience_main, &p) == 0;
	(void)!loop_wait_idle(m->loop, p.deadline_ns);
	(void)!pool_wait_idle(m->pool, p.deadline_ns);
	mount_each(m, drain, &p);
	mutex_lock(&p.lock);
	p.is_done = true;
	cond_signal(&p.done);
	mutex_unlock(&p.lock);
	if (has_thread)
		pthread_join(thread, NULL);
	/* Replies need the session's descriptor, which the unmount closes. */
	deadline_ns = clock_deadline_ms(LAST_REPLIES_MS);
	(void)!loop_wait_idle(m->loop, deadline_ns);
	(void)!pool_wait_idle(m->pool, deadline_ns);
	cond_done(&p.done);
	mutex_done(&p.lock);
	if (m->shares)
		n = shares_unstored(m->shares);
	mount_each(m, count_unstored, &n);
	return n;
}
