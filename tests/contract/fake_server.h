/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_CONTRACT_FAKE_SERVER_H
#define NATSOBJ_TESTS_CONTRACT_FAKE_SERVER_H

/* A server that speaks the NATS protocol badly, on a thread of the test. */

#include <stdint.h>

enum fake_act {
	FAKE_SILENT,	  /* accepts, says nothing */
	FAKE_CLOSE,	  /* accepts, closes */
	FAKE_INFO_SILENT, /* INFO, then nothing */
	FAKE_INFO_RESET,  /* INFO, then RST once the client has written */
	FAKE_GARBAGE,	  /* greets like a mail server */
	FAKE_LONG_LINE,	  /* INFO that never ends */
	FAKE_BAD_JSON,	  /* INFO that is no JSON */
	FAKE_ANSWER,	  /* INFO, PONG to the first bytes, then nothing */
};

struct fake_server;

/* The first connection gets first, all others then. Exits with 99 when it cannot listen. */
struct fake_server *fake_server_start(enum fake_act first, enum fake_act others);
/* Closes all connections and joins. */
void fake_server_stop(struct fake_server *f);
const char *fake_server_url(const struct fake_server *f);
uint16_t fake_server_port(const struct fake_server *f);
/* Connections accepted so far. */
unsigned int fake_server_accepted(const struct fake_server *f);

#endif
