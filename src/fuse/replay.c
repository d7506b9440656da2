/* SPDX-License-Identifier: Apache-2.0 */

/* The queue of changes to be played, and the thread that has them played one by one. */

#include "fuse/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "util/clock.h"
#include "util/list.h"
#include "util/lock.h"
#include "util/log.h"

#define QUEUE_MAX 1024
/* A name that somebody looks at while it is made anew gets as many more chances. */
#define TRIES 20
#define PAUSE_MS 5

struct change {
	struct list link;
	uint64_t parent, old_parent;
	struct replay_command command;
};

struct replay {
	/* set before sharing */
	struct replay_helper *helper;
	char root[REPLAY_PATH_MAX];
	dev_t dev;
	struct fs_listener notify;
	pthread_t thread;

	struct mutex lock; /* leaf; protects what follows */
	struct cond changed;
	struct list queue;
	size_t n_queued;
	/* What was moved away: its removal, which follows, is no news. */
	struct list moved;
	size_t n_moved;
	struct change *now; /* being played */
	bool is_stopping;
};

static bool is_name(const struct change *c, uint64_t parent, const char *name)
{
	return c->parent == parent && strcmp(c->command.name, name) == 0;
}

static bool is_old_name(const struct change *c, uint64_t parent, const char *name)
{
	return c->command.kind == FS_MOVED && c->old_parent == parent &&
	       strcmp(c->command.old_name, name) == 0;
}

bool replay_is_helper(const struct replay *r, fuse_req_t req)
{
	return fuse_req_ctx(req)->pid == r->helper->pid;
}

enum replay_role replay_role(struct replay *r, uint64_t parent, const char *name, mode_t *ret_mode)
{
	const struct change *c;

	LOCK_SCOPE(&r->lock);
	c = r->now;
	if (!c)
		return REPLAY_NONE;
	*ret_mode = c->command.mode;
	if (is_old_name(c, parent, name))
		return REPLAY_OLD;
	if (!is_name(c, parent, name))
		return REPLAY_NONE;
	switch (c->command.kind) {
	case FS_CREATED:
	case FS_LINKED:
	case FS_MOVED:
		return REPLAY_NEW;
	case FS_REMOVED:
		return REPLAY_OLD;
	case FS_CHANGED:
	case FS_ATTRIBUTES:
		break;
	}
	return REPLAY_NONE;
}

/* ---- the queue ---- */

static bool copy(char *to, size_t size, const char *from)
{
	return snprintf(to, size, "%s", from ? from : "") < (int)size;
}

static struct change *change_new(const struct replay *r, const struct fs_change *c)
{
	struct change *n = calloc(1, sizeof(*n));
	struct replay_command *m;

	if (!n)
		return NULL;
	m = &n->command;
	n->parent = c->parent;
	n->old_parent = c->old_parent;
	m->kind = c->kind;
	m->mode = c->mode;
	m->size = c->size;
	m->dev = r->dev;
	memcpy(m->root, r->root, sizeof(m->root));
	/* What no system call could name is not played. */
	if (!copy(m->dir, sizeof(m->dir), c->dir) || !copy(m->name, sizeof(m->name), c->name) ||
	    !copy(m->old_dir, sizeof(m->old_dir), c->old_dir) ||
	    !copy(m->old_name, sizeof(m->old_name), c->old_name)) {
		free(n);
		return NULL;
	}
	return n;
}

/* Whether the removal of a name is the second half of a move that was told. */
static bool was_moved_locked(struct replay *r, const struct fs_change *c)
{
	list_for_each (it, &r->moved) {
		struct change *m = list_entry(it, struct change, link);

		if (!is_old_name(m, c->parent, c->name))
			continue;
		list_remove(&m->link);
		r->n_moved--;
		free(m);
		return true;
	}
	return false;
}

static void note_move_locked(struct replay *r, const struct fs_change *c)
{
	struct change *m = change_new(r, c);

	if (!m)
		return;
	list_push_back(&r->moved, &m->link);
	if (++r->n_moved <= QUEUE_MAX / 16)
		return;
	free(list_entry(list_pop_front(&r->moved), struct change, link));
	r->n_moved--;
}

/* The same again, of something that is not played yet, says nothing more. */
static bool is_queued_locked(const struct replay *r, const struct change *n)
{
	const struct change *last;

	if (list_is_empty(&r->queue) ||
	    (n->command.kind != FS_CHANGED && n->command.kind != FS_ATTRIBUTES))
		return false;
	last = list_entry(r->queue.prev, struct change, link);
	return last->command.kind == n->command.kind && is_name(last, n->parent, n->command.name);
}

/* Too many: what happened in the directory is left to whoever looks. */
static void make_coarse(struct change *n)
{
	n->command.kind = FS_ATTRIBUTES;
	n->command.mode = S_IFDIR;
	n->command.name[0] = '\0';
}

static bool has_coarse_locked(const struct replay *r, uint64_t parent)
{
	list_for_each (it, &r->queue)
		if (is_name(list_entry(it, struct change, link), parent, ""))
			return true;
	return false;
}

void replay_change(void *arg, const struct fs_change *c)
{
	struct replay *r = arg;
	struct change *n;

	LOCK_SCOPE(&r->lock);
	if (r->is_stopping || (c->kind == FS_REMOVED && was_moved_locked(r, c)))
		return;
	if (c->kind == FS_MOVED)
		note_move_locked(r, c);
	n = change_new(r, c);
	if (n && r->n_queued >= QUEUE_MAX)
		make_coarse(n);
	/* Twice the bound is for the coarse ones of many directories; then nothing more fits. */
	if (!n || is_queued_locked(r, n) || r->n_queued >= 2 * QUEUE_MAX ||
	    (!n->command.name[0] && has_coarse_locked(r, n->parent))) {
		free(n);
		return;
	}
	list_push_back(&r->queue, &n->link);
	r->n_queued++;
	cond_signal(&r->changed);
}

/* ---- the thread ---- */

static struct change *next_change(struct replay *r)
{
	LOCK_SCOPE(&r->lock);
	free(r->now);
	r->now = NULL;
	while (!r->is_stopping && list_is_empty(&r->queue))
		cond_wait(&r->changed, &r->lock);
	if (r->is_stopping)
		return NULL;
	r->now = list_entry(list_pop_front(&r->queue), struct change, link);
	r->n_queued--;
	return r->now;
}

static bool pause_briefly(struct replay *r)
{
	uint64_t until_ns = clock_deadline_ms(PAUSE_MS);

	LOCK_SCOPE(&r->lock);
	while (!r->is_stopping && cond_wait_until(&r->changed, &r->lock, until_ns) != -ETIMEDOUT)
		;
	return !r->is_stopping;
}

static void forget(struct replay *r, uint64_t parent, const char *name)
{
	r->notify.inval_entry(r->notify.arg, parent, name, strlen(name));
}

/* One attempt: the helper's result, or -EPIPE when it is gone. */
static int play(struct replay *r, const struct replay_command *c)
{
	int err;

	if (send(r->helper->fd, c, sizeof(*c), MSG_NOSIGNAL) != (ssize_t)sizeof(*c) ||
	    recv(r->helper->fd, &err, sizeof(err), 0) != (ssize_t)sizeof(err))
		return -EPIPE;
	return err;
}

static void *replay_main(void *arg)
{
	struct replay *r = arg;
	struct change *c;

	while ((c = next_change(r))) {
		int err = play(r, &c->command);

		/* The kernel knows the new name already; that has to be forgotten for the event. */
		for (int i = 0; err == -EEXIST && i < TRIES; i++) {
			forget(r, c->parent, c->command.name);
			if (!pause_briefly(r))
				break;
			err = play(r, &c->command);
		}
		if (err)
			log_debug("no event for %s/%s: %s", c->command.dir, c->command.name,
				  strerror(-err));
		/* What the helper was shown is not what is there. */
		if (c->command.kind == FS_MOVED) {
			forget(r, c->old_parent, c->command.old_name);
			forget(r, c->parent, c->command.name);
		} else if (c->command.kind == FS_REMOVED) {
			forget(r, c->parent, c->command.name);
		}
		if (err == -EPIPE)
			break;
	}
	return NULL;
}

int replay_new(struct replay_helper *helper, const char *dir, dev_t dev, struct notify *notify,
	       struct replay **ret)
{
	struct replay *r = calloc(1, sizeof(*r));
	int err;

	if (!r)
		return -ENOMEM;
	r->helper = helper;
	r->dev = dev;
	r->notify = notify_listener(notify);
	mutex_init(&r->lock, LOCK_RANK_LEAF);
	cond_init(&r->changed);
	list_init(&r->queue);
	list_init(&r->moved);
	err = copy(r->root, sizeof(r->root), dir) ? 0 : -ENAMETOOLONG;
	if (!err)
		err = thread_start(&r->thread, "natsobj-replay", replay_main, r);
	if (err) {
		free(r);
		return err;
	}
	*ret = r;
	return 0;
}

void replay_stop(struct replay *r)
{
	if (!r)
		return;
	mutex_lock(&r->lock);
	r->is_stopping = true;
	cond_broadcast(&r->changed);
	mutex_unlock(&r->lock);
	replay_helper_kill(r->helper);
}

static void free_changes(struct list *l)
{
	struct list *it;

	while ((it = list_pop_front(l)))
		free(list_entry(it, struct change, link));
}

void replay_free(struct replay *r)
{
	if (!r)
		return;
	replay_stop(r);
	pthread_join(r->thread, NULL);
	free(r->now);
	free_changes(&r->queue);
	free_changes(&r->moved);
	cond_done(&r->changed);
	mutex_done(&r->lock);
	free(r);
}
