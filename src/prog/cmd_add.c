/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "prog/cmd.h"
#include "util/clock.h"
#include "util/parse.h"

#define SYNOPSIS                                                                                   \
	"add BUCKET [--description TEXT] [--ttl DURATION] [--max-bucket-size SIZE]"                \
	" [--storage file|memory] [--replicas N]"
/* The server's own limit for the replicas of a stream. */
#define REPLICAS_MAX 5
#define TTL_MAX_MS ((uint64_t)(INT64_MAX / NS_PER_MS))

static int take_option(int c, const char *arg, struct bucket_options *o)
{
	uint64_t n;

	switch (c) {
	case 'D':
		o->description = arg;
		return CMD_OK;
	case 't':
		if (parse_duration_ms(arg, 1, TTL_MAX_MS, &n) < 0)
			return cmd_usage("--ttl %s is not a duration such as 30s or 24h", arg);
		o->ttl_ns = n * NS_PER_MS;
		return CMD_OK;
	case 'm':
		if (parse_size(arg, 1, INT64_MAX, &o->max_bytes) < 0)
			return cmd_usage("--max-bucket-size %s is not a size such as 512M or 10G",
					 arg);
		return CMD_OK;
	case 's':
		o->memory_storage = strcmp(arg, "memory") == 0;
		if (!o->memory_storage && strcmp(arg, "file") != 0)
			return cmd_usage("--storage %s is neither \"file\" nor \"memory\"", arg);
		return CMD_OK;
	case 'r':
		if (parse_u64(arg, 10, 1, REPLICAS_MAX, &n) < 0)
			return cmd_usage("--replicas %s is not a number from 1 to %d", arg,
					 REPLICAS_MAX);
		o->replicas = (uint32_t)n;
		return CMD_OK;
	default:
		return CMD_USAGE;
	}
}

int cmd_add(struct connect_opts *co, int argc, char **argv)
{
	static const struct option options[] = {
		CONNECT_LONG_OPTIONS,
		{"description", required_argument, NULL, 'D'},
		{"ttl", required_argument, NULL, 't'},
		{"max-bucket-size", required_argument, NULL, 'm'},
		{"storage", required_argument, NULL, 's'},
		{"replicas", required_argument, NULL, 'r'},
		{0},
	};
	struct bucket_options opts = {.want_create = true};
	_cleanup_store_ struct store *s = NULL;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		r = connect_opts_take(co, c, optarg) ? CMD_OK : take_option(c, optarg, &opts);
		if (r)
			return r;
	}
	r = cmd_check_args(argc - optind, 1, 1, SYNOPSIS);
	if (!r)
		r = cmd_open(co, argv[optind], &opts, &s);
	return r;
}
