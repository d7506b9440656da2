/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CONN_OPTIONS_H
#define NATSOBJ_OBJSTORE_CONN_OPTIONS_H

/* From struct conn_config to a list of servers and, for each attempt, the library's options. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nats/nats.h>

#include "objstore/conn.h"
#include "objstore/conn_servers.h"
#include "util/cleanup.h"

/* A copy of the configuration that outlives the caller's strings. */
struct conn_settings {
	struct conn_config config; /* strings owned; servers is NULL, see below */
	struct conn_server *servers;
	size_t n_servers; /* at least 1 */
};

/* 0, -ENOMEM, or -EINVAL with one clause in ret_why (freed by the caller) that never contains a
 * credential. */
int conn_settings_new(const struct conn_config *cfg, struct conn_settings **ret, char **ret_why)
	MUST_CHECK;
/* Wipes secrets before freeing. NULL is harmless. */
void conn_settings_free(struct conn_settings *s);
DEFINE_CLEANUP(struct conn_settings *, conn_settings_free)

/* True when this server's authentication involves a signature by the library. */
bool conn_settings_has_signature(const struct conn_settings *s, const struct conn_server *server);

/*
 * Options for one attempt at one server: all that natsobj wants of a connection except callbacks.
 * Reads credential and TLS files. timeout_ms limits the library's own connect. 0 or -errno with one
 * clause in ret_why.
 */
int conn_options_build(const struct conn_settings *s, const struct conn_server *server,
		       enum conn_kind kind, uint64_t timeout_ms, natsOptions **ret, char **ret_why)
	MUST_CHECK;

#endif
