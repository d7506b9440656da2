/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/group.h"

#include "objstore/msg_free.h"
#include "util/lock.h"

struct group {
	struct mutex lock;
	struct cond cond;
	size_t n_left; /* protected by lock; on the way */
	size_t count;
	struct rpc *unsent; /* the sender's: has requests that nobody was woken for */
	struct group_item items[];
};

struct group *group_new(size_t n)
{
	struct group *g = calloc(1, sizeof(*g) + n * sizeof(g->items[0]));

	if (!g)
		return NULL;
	mutex_init(&g->lock, LOCK_RANK_STORE);
	cond_init(&g->cond);
	g->count = n;
	for (size_t i = 0; i < n; i++)
		g->items[i].group = g;
	return g;
}

void group_free(struct group *g)
{
	if (!g)
		return;
	group_wait(g);
	for (size_t i = 0; i < g->count; i++)
		msg_free(g->items[i].msg);
	cond_done(&g->cond);
	mutex_done(&g->lock);
	free(g);
}

static void on_done(void *arg, natsMsg *msg, int err, bool was_sent)
{
	struct group_item *item = arg;
	struct group *g = item->group;

	item->msg = msg;
	item->err = err;
	item->was_sent = was_sent;
	LOCK_SCOPE(&g->lock);
	if (--g->n_left == 0)
		cond_signal(&g->cond);
}

int group_send(struct group *g, size_t i, struct rpc *r, const struct rpc_request *req)
{
	struct rpc_request mine = *req;
	int err;

	mine.done = on_done;
	mine.is_waited_for = true;
	mine.is_helped = true;
	mine.arg = &g->items[i];
	mutex_lock(&g->lock);
	g->n_left++;
	mutex_unlock(&g->lock);
	err = rpc_send(r, &mine);
	g->unsent = r;
	if (err < 0) {
		g->items[i].err = err;
		LOCK_SCOPE(&g->lock);
		g->n_left--;
	}
	return err;
}

void group_wait(struct group *g)
{
	if (g->unsent)
		rpc_help(steal_ptr(g->unsent));
	LOCK_SCOPE(&g->lock);
	while (g->n_left > 0)
		cond_wait(&g->cond, &g->lock);
}

struct group_item *group_item(struct group *g, size_t i)
{
	return &g->items[i];
}
