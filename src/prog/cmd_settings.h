/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CMD_SETTINGS_H
#define NATSOBJ_PROG_CMD_SETTINGS_H

/* Settings of a bucket on the command line, for "add" and "edit", and texts of the form KEY=VALUE.
 */

#include <getopt.h>
#include <stdbool.h>
#include <stdint.h>

#include "objstore/info.h"
#include "util/cleanup.h"

#define SETTINGS_TAGS_MAX 64

struct settings {
	const char *description, *cluster;
	bool has_ttl, has_max_bytes, has_storage, is_memory, want_compression;
	uint64_t ttl_ns, max_bytes; /* 0: none */
	uint32_t replicas;	    /* 0: not given */
	char *tags[SETTINGS_TAGS_MAX];
	size_t n_tags;
	struct obj_pairs metadata;
};

void settings_done(struct settings *s);
#define _cleanup_settings_ CLEANUP(settings_done)

/* Values for getopt_long; "edit" has those without SETTINGS_NEW_OPTIONS. */
/* clang-format off */
#define SETTINGS_OPTIONS                                                                           \
	{"description", required_argument, NULL, 'D'},                                             \
	{"ttl", required_argument, NULL, 't'},                                                     \
	{"max-bucket-size", required_argument, NULL, 'm'},                                         \
	{"replicas", required_argument, NULL, 'r'},                                                \
	{"placement-cluster", required_argument, NULL, 'c'},                                       \
	{"cluster", required_argument, NULL, 'c'},                                                 \
	{"tags", required_argument, NULL, 'g'},                                                    \
	{"tag", required_argument, NULL, 'g'},                                                     \
	{"metadata", required_argument, NULL, 'M'}
#define SETTINGS_NEW_OPTIONS                                                                       \
	{"storage", required_argument, NULL, 'S'},                                                 \
	{"compress", no_argument, NULL, 'z'}
/* clang-format on */

/* Takes one of them: CMD_OK, or CMD_USAGE after saying what is wrong. */
int settings_take(struct settings *s, int opt, const char *arg) MUST_CHECK;

/* Adds "KEY=VALUE" to pairs; the option is named when it is wrong. CMD_OK, CMD_USAGE, CMD_FAILURE.
 */
int settings_take_pair(struct obj_pairs *pairs, const char *option, const char *arg, char separator)
	MUST_CHECK;

#endif
