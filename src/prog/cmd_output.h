/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_OUTPUT_H
#define NATSOBJ_PROG_CMD_OUTPUT_H

/*
 * Where a downloaded object goes. A regular file appears, or is replaced, as a whole: the bytes go
 * to a temporary file beside it, which a failure or a signal removes. Standard output, devices and
 * pipes get the bytes as they come.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "util/cleanup.h"

struct output {
	int fd;
	char *path;	 /* final name; NULL when bytes go straight out */
	char *temp_path; /* NULL: none (any more) */
	mode_t mode;
	uint64_t written;
};

/* path "-" is standard output. 0 or -errno; -EISDIR. */
int output_open(struct output *o, const char *path) MUST_CHECK;
/* Removes what is not committed. */
void output_done(struct output *o);
#define _cleanup_output_ CLEANUP(output_done)

/* All of it, or -errno. A download_fn; arg is the output. */
int output_write(void *arg, const void *data, size_t len) MUST_CHECK;
/* From the beginning again: -ESPIPE when bytes have gone out for good. */
int output_restart(struct output *o) MUST_CHECK;
/* Gives the file its mode and its name. */
int output_commit(struct output *o) MUST_CHECK;

#endif
