/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_PROBE_CONNECT_H
#define NATSOBJ_OBJSTORE_PROBE_CONNECT_H

/* The first step of a probe: a TCP connection to one address. */

#include <stdint.h>
#include <sys/socket.h>

#include "util/cleanup.h"

/*
 * A non-blocking socket that is connected to addr and exempt from watchdogs; the caller releases
 * (watchdog_release) and closes it. Waits, until deadline_ns at most, in which it tries anew a few
 * times a second: -ECONNREFUSED, -ETIMEDOUT, -EHOSTUNREACH, -ECANCELED when cancel_fd (an eventfd,
 * or -1) becomes readable, -ENOMEM, or -errno of what the process lacks.
 */
int probe_connect(const struct sockaddr *addr, socklen_t len, uint64_t deadline_ns, int cancel_fd,
		  int *ret_fd) MUST_CHECK;
/* What an errno of a socket means to a probe. */
int probe_network_errno(int err);

#endif
