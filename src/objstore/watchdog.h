/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_WATCHDOG_H
#define NATSOBJ_OBJSTORE_WATCHDOG_H

/*
 * A limit in time for calls of the library that know none: while natsConnection_Connect runs, a
 * thread waits for the deadline and then shuts down the sockets that the call has opened, which
 * ends every loop the call may be caught in.
 */

#include <stdbool.h>
#include <stdint.h>

#include "util/cleanup.h"

struct watchdog;

/*
 * Arms for TCP sockets to the given peer port that do not exist yet. Calls between watchdog_start
 * and watchdog_stop are serialised over the whole process by the caller, otherwise one call's
 * sockets look like another's. The deadline is on the clock_now_ns() scale; an event on cancel_fd
 * (an eventfd, or -1) counts as the deadline. 0, -ENOMEM, or -errno of reading /proc/self/fd or
 * starting the thread.
 */
int watchdog_start(uint16_t port, uint64_t deadline_ns, int cancel_fd, struct watchdog **ret)
	MUST_CHECK;
/* Disarms, waits for the thread, frees. True when it had to act. */
bool watchdog_stop(struct watchdog *w);

/* Sockets that are nobody's business but their owner's, such as those of a probe running at the
 * same time. Release before closing. */
int watchdog_exempt(int fd) MUST_CHECK;
void watchdog_release(int fd);

#endif
