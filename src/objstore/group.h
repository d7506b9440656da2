/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_GROUP_H
#define NATSOBJ_OBJSTORE_GROUP_H

/* Several requests at once for a thread that waits for all of them. */

#include <stdbool.h>
#include <stddef.h>

#include "objstore/rpc.h"
#include "util/cleanup.h"

struct group;

struct group_item {
	struct group *group;
	natsMsg *msg; /* the group's; may be taken */
	int err;      /* as for rpc_done_fn */
	bool was_sent;
};

struct group *group_new(size_t n) MUST_CHECK;
/* Waits first. NULL is harmless. */
void group_free(struct group *g);
DEFINE_CLEANUP(struct group *, group_free)
#define _cleanup_group_ CLEANUP(group_free_p)

/* Queues request i, all with one rpc, for group_wait to send at once; its done and arg are ignored.
 * 0, or an error that is also the item's. */
int group_send(struct group *g, size_t i, struct rpc *r, const struct rpc_request *req) MUST_CHECK;
/* Sends, and waits until every request has ended; they all have deadlines. */
void group_wait(struct group *g);
/* After group_wait. */
struct group_item *group_item(struct group *g, size_t i);

#endif
