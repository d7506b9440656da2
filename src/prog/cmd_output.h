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
	bool has_mtime;
	int64_t mtime_ns;
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
/* Permission bits and time that output_commit gives to a regular file. */
void output_set_mode(struct output *o, mode_t mode);
void output_set_mtime(struct output *o, int64_t mtime_ns);
/* Gives the file its mode, time and name. */
int output_commit(struct output *o) MUST_CHECK;

#endif
