/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_PROBE_H
#define NATSOBJ_OBJSTORE_PROBE_H

/*
 * Asks a server whether it is alive, with a socket and a deadline of our own, before the library is
 * let near it. Follows the NATS client protocol as far as the first answer.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

struct probe_target {
	const char *host; /* name or address, without brackets */
	uint16_t port;
	bool is_tls; /* TLS is wanted even if the server does not insist */
};

/* From the server's INFO. */
struct probe_info {
	uint32_t version; /* major << 16 | minor << 8 | patch */
	uint64_t max_payload;
	bool has_jetstream;
	bool has_tls;  /* offered */
	bool must_tls; /* required */
};

/*
 * 0 when the server answers the protocol (a refusal of the missing credentials is an answer);
 * -ECONNREFUSED (also: closed or reset before an answer), -ETIMEDOUT at deadline_ns,
 * -EHOSTUNREACH (name or network), -EPROTO (not a NATS server, or no TLS where it is wanted),
 * -ECANCELED when cancel_fd (an eventfd, or -1) becomes readable, -ENOMEM. Names are resolved by
 * getaddrinfo(3), whose own time limits apply. The certificate is not verified and nothing secret
 * is sent; a server with authentication may log one refused connection.
 */
int probe_server(const struct probe_target *target, uint64_t deadline_ns, int cancel_fd,
		 struct probe_info *ret) MUST_CHECK;

#endif
