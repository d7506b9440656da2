/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_PROGRESS_H
#define NATSOBJ_PROG_CMD_PROGRESS_H

/*
 * A line on the terminal that shows how far a transfer has come, its rate and the time left. It is
 * drawn by a thread of its own, so that a transfer that stands still shows that too. Where standard
 * error is no terminal nothing is shown and no thread runs.
 */

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

#define PROGRESS_UNKNOWN UINT64_MAX

struct progress;

/* label is copied. total may be PROGRESS_UNKNOWN. NULL is a progress that is not shown, and what
 * is returned where there is no terminal or no memory. */
struct progress *progress_new(const char *label, uint64_t total, bool is_quiet);
/* Removes the line and ends the thread. NULL is harmless, here and below. */
void progress_free(struct progress *p);
DEFINE_CLEANUP(struct progress *, progress_free)
#define _cleanup_progress_ CLEANUP(progress_free_p)

/* Removes what is drawn, before something else is written to the terminal; it is drawn again soon.
 * Any thread, with any locks. Log lines do this by themselves. */
void progress_clear_line(void);

void progress_add(struct progress *p, uint64_t bytes);
/* From the beginning again. */
void progress_reset(struct progress *p);
/* Something else is transferred now, on the same line. */
void progress_set_label(struct progress *p, const char *label);

/* One moment of a transfer. */
struct progress_view {
	const char *label;
	uint64_t done, total; /* total may be PROGRESS_UNKNOWN */
	double rate;	      /* bytes per second; 0: not known yet, or nothing moves */
	uint64_t elapsed_s;
};

/* The line for a terminal of that many columns, without a line end; never longer. */
void progress_format(const struct progress_view *v, size_t columns, char *ret, size_t size);

#endif
