/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_CONTRACT_SERVER_H
#define NATSOBJ_TESTS_CONTRACT_SERVER_H

/*
 * A private nats-server for one test: free port on 127.0.0.1, JetStream on, a store directory of
 * its own. The server dies with the thread that started it, so a crashed test leaves none behind.
 *
 * Whatever goes wrong in here is no finding about natsobj: it is printed with the server's log and
 * the process exits with 99. Without a nats-server in PATH it exits with 77 (skipped).
 */

#include <stdint.h>

struct server;

/* Starts a server and waits until it answers. config is the text of a configuration file (users,
 * limits, TLS, …) without port and JetStream, or NULL. */
struct server *server_start(const char *config);
/* Ends the server and removes its directory. NULL is harmless. */
void server_free(struct server *s);

/* nats://127.0.0.1:PORT; stays the same over restarts. */
const char *server_url(const struct server *s);
uint16_t server_port(const struct server *s);
/* The server's directory; files put there vanish with it. */
const char *server_dir(const struct server *s);

/* Orderly end (SIGTERM) and sudden death (SIGKILL); both wait. The store and the port remain. */
void server_stop(struct server *s);
void server_kill(struct server *s);
/* Ends the server if it runs and starts it again with the same port and store. */
void server_restart(struct server *s);
/* Freezes and continues the process: connections stay open, nothing is answered. */
void server_pause(struct server *s);
void server_resume(struct server *s);

#endif
