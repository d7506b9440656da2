/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_PRINT_H
#define NATSOBJ_PROG_CMD_PRINT_H

/* How the subcommands show things: times, sizes and names for people, JSON for programs. */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/bucket.h"
#include "objstore/info.h"
#include "util/buf.h"
#include "util/cleanup.h"
#include "util/json_write.h"

struct cmd;

#define CMD_OUTPUT_MAX ((size_t)16 << 20)
#define CMD_TIME_LEN 32
#define CMD_SIZE_LEN 32

/* RFC 3339 in UTC, with seconds, or with nanoseconds. */
void cmd_format_time(int64_t ns, char ret[CMD_TIME_LEN]);
void cmd_format_time_ns(int64_t ns, char ret[CMD_TIME_LEN]);
/* "0 B", "1023 B", "1.0 KiB", "12.3 MiB" … */
void cmd_format_size(uint64_t bytes, char ret[CMD_SIZE_LEN]);
/* "0:07", "1:02:03", "3d 4h" */
void cmd_format_seconds(uint64_t seconds, char ret[CMD_SIZE_LEN]);

/* When the content was last changed. */
int64_t cmd_mtime_ns(const struct obj_info *info);
/* The name as a terminal may see it: control characters become '?' when it is one. */
void cmd_print_name(const char *name, size_t len);
/* "   Title: value" */
void cmd_print_row(const char *title, const char *value);
void cmd_print_number(const char *title, uint64_t value);
/* "12.3 MiB (12897484 bytes)" */
void cmd_print_bytes(const char *title, uint64_t value);
void cmd_print_pairs(const char *title, const struct obj_pairs *pairs);

/* All of an object, with the member names of NATS ADR-20 and its sequence. */
void cmd_json_info(struct json_writer *w, const char *key, const struct obj_info *info,
		   const char *bucket);
/* The members of a bucket, inside an object. */
void cmd_json_bucket(struct json_writer *w, const struct bucket_desc *d);
void cmd_json_time(struct json_writer *w, const char *key, int64_t ns);
/* Prints an object as JSON on a line of its own. CMD_OK or CMD_FAILURE. */
int cmd_print_info_json(const struct obj_info *info, const char *bucket) MUST_CHECK;
/* Prints a finished text with a newline. CMD_OK or CMD_FAILURE. */
int cmd_print_buf(const struct buf *b) MUST_CHECK;
/* What was done, for --json: two texts (NULL: left out) and a truth; nothing without. CMD_OK or
 * CMD_FAILURE. */
int cmd_print_outcome(const struct cmd *c, const char *key, const char *text, const char *other_key,
		      const char *other_text, const char *what, bool is_so) MUST_CHECK;
/* Standard output has taken everything: CMD_OK, or CMD_FAILURE after saying so. A reader that went
 * away is no news and stays unmentioned. */
int cmd_flush(void) MUST_CHECK;

#endif
