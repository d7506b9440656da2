/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CONN_SESSION_H
#define NATSOBJ_OBJSTORE_CONN_SESSION_H

/*
 * The callbacks of one natsConnection after another, brought to their owner safely. The library may
 * call back late, even after the connection is destroyed. So it is given no pointer but a number,
 * which a registry turns into the owner while that number's session lasts.
 */

#include <stdint.h>

#include <nats/nats.h>

#include "util/cleanup.h"
#include "util/list.h"

/* All run on a thread of the library, without a lock held. */
struct conn_session_handler {
	void *arg;
	void (*on_closed)(void *arg);
	/* subject may be the beginning only: the library cuts off long texts. */
	void (*on_denied)(void *arg, const char *subject);
	void (*on_error)(void *arg, natsStatus err, const char *text);
};

struct conn_session {
	struct conn_session_handler handler;
	/* private */
	struct list link;
	uint64_t id; /* 0: none */
	unsigned int n_callbacks;
};

void conn_session_init(struct conn_session *s, const struct conn_session_handler *handler);
/* Starts a session and makes its callbacks part of the options. 0 or -ENOMEM. */
int conn_session_start(struct conn_session *s, natsOptions *o) MUST_CHECK;
/* From here on no callback reaches the owner; those in progress are waited for. Idempotent. */
void conn_session_end(struct conn_session *s);

#endif
