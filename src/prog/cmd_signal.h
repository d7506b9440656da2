/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_SIGNAL_H
#define NATSOBJ_PROG_CMD_SIGNAL_H

/*
 * SIGINT, SIGTERM and SIGHUP while something half done exists. Either a file has to go, which the
 * handler does by itself before the signal takes its usual effect, or the command asked for the
 * news and winds up (another signal half a second later then ends it at once). Main thread only.
 */

#include <limits.h>
#include <stdbool.h>

#include "util/cleanup.h"

/* mkostemp(template) whose file disappears with a signal. The descriptor or -errno; template has
 * fewer than PATH_MAX bytes. */
int signal_make_temp(char *template) MUST_CHECK;
/* The file has its final name, or is gone. */
void signal_forget_temp(void);

/* From now on a first signal is only noted. */
void signal_defer(void);
/* The signal noted, or 0. */
int signal_pending(void);
/* Waits until fd can be read or a deferred signal came, also one from just before: 0 or -EINTR. */
int signal_wait_readable(int fd) MUST_CHECK;
/* The usual effect of the signal noted; returns when there is none. */
void signal_finish(void);

#endif
