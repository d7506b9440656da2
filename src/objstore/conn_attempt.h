/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CONN_ATTEMPT_H
#define NATSOBJ_OBJSTORE_CONN_ATTEMPT_H

/* One attempt at one server: probe, then the library's connect under a watchdog. */

#include <nats/nats.h>

#include "objstore/conn_options.h"
#include "objstore/conn_session.h"
#include "objstore/probe.h"
#include "util/cleanup.h"

struct conn_attempt {
	const struct conn_settings *settings;
	enum conn_kind kind;
	struct conn_session *session; /* started by a success, ended by a failure */
	int cancel_fd;		      /* eventfd that ends the attempt, or -1 */
};

/*
 * Takes at most connect_timeout_ms and the time that other attempts of the process need before it.
 * 0, or an error of conn_open with ret_why, which the caller frees in both cases.
 */
int conn_attempt(const struct conn_attempt *a, const struct conn_server *server,
		 struct probe_info *ret_info, natsConnection **ret, char **ret_why) MUST_CHECK;

#endif
