/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CONN_SERVERS_H
#define NATSOBJ_OBJSTORE_CONN_SERVERS_H

/* The list of servers as the user wrote it. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

/* One server of the list. Credentials that were in its URL are decoded and kept apart. */
struct conn_server {
	char *host; /* without brackets */
	uint16_t port;
	bool is_tls;
	char *label; /* scheme://host:port, for people and for the library */
	char *user, *password, *token;
};

/*
 * Reads URLs, or just host[:port], separated by commas or blanks. force_tls makes all of them tls.
 * At least one server, else -EINVAL with one clause in ret_why (freed by the caller) that never
 * contains a credential; -ENOMEM.
 */
int conn_servers_parse(const char *text, bool force_tls, struct conn_server **ret, size_t *ret_n,
		       char **ret_why) MUST_CHECK;
/* Wipes secrets before freeing. */
void conn_servers_free(struct conn_server *list, size_t n);

#endif
