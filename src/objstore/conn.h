/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CONN_H
#define NATSOBJ_OBJSTORE_CONN_H

/*
 * One connection to a NATS server that is kept alive by ourselves.
 *
 * The library's own reconnect is switched off (nats.c before 3.8 can spin for ever inside it). A
 * manager thread probes the servers with a socket of its own (INFO, CONNECT, PING, a deadline, TLS
 * where the server wants it), connects with the library while a watchdog is armed, and starts again
 * whenever the connection closes. Users learn of it through callbacks.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <nats/nats.h>

#include "util/cleanup.h"

/* What is needed to reach a server. Strings are borrowed until conn_config_copy. NULL: not set. */
struct conn_config {
	const char *servers; /* comma separated nats:// or tls:// URLs or host[:port] */
	const char *name;    /* shown in the server's connection list */
	const char *user, *password, *token;
	const char *creds_file, *nkey_file;
	const char *tls_ca, *tls_cert, *tls_key;
	bool tls_required;
	const char *domain;	  /* JetStream domain */
	const char *inbox_prefix; /* of subjects for answers, at most CONN_INBOX_PREFIX_MAX bytes */
	uint64_t connect_timeout_ms;
	uint64_t timeout_ms; /* of one operation */
	bool is_hard;	     /* operations wait for a lost server instead of failing */
};

#define CONN_INBOX_PREFIX_MAX 64
/* Whether s can be one: no wildcards, and nothing that would be another line of the protocol. */
bool conn_inbox_prefix_is_valid(const char *s);

enum conn_kind {
	CONN_CONTROL, /* requests, metadata, watch */
	CONN_READ,    /* large receive buffer */
	CONN_WRITE,   /* chunks out, acknowledgements in */
	CONN_JANITOR, /* purges, which may be slow */
	CONN_LISTING, /* one request that occupies the server for minutes */
};

struct conn;

struct conn_events {
	void *arg;
	/* Both run on the manager thread, strictly in turn, starting with on_up. nc stays valid
	 * until on_down has returned; on_down must make sure that nobody uses it afterwards. */
	void (*on_up)(void *arg, natsConnection *nc);
	void (*on_down)(void *arg);
	/* The server refused a publish or subscription to subject. Library thread: do not wait. */
	void (*on_denied)(void *arg, const char *subject);
};

/*
 * Starts the manager and waits for the first connection, at most connect_timeout_ms for each
 * server: -ECONNREFUSED, -ETIMEDOUT, -EACCES (authentication refused), -EHOSTUNREACH (name or
 * network), -EPROTO (not a NATS server), -EINVAL (bad option), -ENOMEM. ret_why, freed by the
 * caller, is one clause for people that names the server, without credentials.
 */
int conn_open(const struct conn_config *cfg, enum conn_kind kind, const struct conn_events *events,
	      struct conn **ret, char **ret_why) MUST_CHECK;
/* The same with the servers and credentials of another connection, which is closed later. */
int conn_open_beside(const struct conn *other, enum conn_kind kind,
		     const struct conn_events *events, struct conn **ret, char **ret_why)
	MUST_CHECK;
/* Closes and joins; on_down runs first if the connection is up. NULL is harmless. */
void conn_close(struct conn *c);

/* From the server's INFO of the present or last connection. */
uint64_t conn_max_payload(struct conn *c);
/* major << 16 | minor << 8 | patch of the server */
uint32_t conn_server_version(struct conn *c);

/* Call once, before anything else of this layer, after the last fork: sets up nats.c without spin
 * locks. -errno when the library cannot start. */
int conn_library_init(void) MUST_CHECK;
/* Whether the heap keeps what is freed, as chunks that come and go want it, or gives it back, as a
 * listing of millions does, which ends. */
void conn_library_keep_memory(bool is_kept);
void conn_library_done(void);

#endif
