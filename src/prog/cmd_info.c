/* SPDX-License-Identifier: Apache-2.0 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/digest.h"
#include "prog/cmd.h"
#include "util/clock.h"
#include "util/log.h"

#define SYNOPSIS "info BUCKET [NAME] [--json]"
#define OUTPUT_MAX ((size_t)8 << 20)

static int fail(const struct store *s, const char *what, int err)
{
	log_error("cannot show %s%sbucket %s: %s", what ? what : "", what ? " of " : "", s->bucket,
		  cmd_strerror(err));
	return CMD_FAILURE;
}

static void print_row(const char *key, const char *value)
{
	(void)printf("%12s: ", key);
	cmd_print_name(value, strlen(value));
	(void)putchar('\n');
}

static void print_number(const char *key, uint64_t value)
{
	(void)printf("%12s: %" PRIu64 "\n", key, value);
}

static void print_status(const char *bucket, const struct store_status *st)
{
	char created[CMD_TIME_LEN];

	cmd_format_time(st->created_ns, created);
	print_row("Bucket", bucket);
	print_row("Created", created);
	print_number("Bytes", st->bytes);
	if (st->max_bytes > 0)
		print_number("Limit", st->max_bytes);
	print_number("Messages", st->messages);
	print_number("Replicas", st->replicas);
	if (st->max_age_ns > 0)
		(void)printf("%12s: %" PRIu64 " s\n", "Expiry",
			     st->max_age_ns / (uint64_t)NS_PER_SEC);
	print_row("Read-only", st->is_read_only ? "yes" : "no");
}

static void print_pairs(const char *title, const struct obj_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		(void)printf("%12s: ", title);
		cmd_print_name(pairs->items[i].key, strlen(pairs->items[i].key));
		(void)fputs(" = ", stdout);
		cmd_print_name(pairs->items[i].value, strlen(pairs->items[i].value));
		(void)putchar('\n');
	}
}

static void print_info(const char *bucket, const struct obj_info *info)
{
	char digest[OBJ_DIGEST_TEXT_LEN + 1], modified[CMD_TIME_LEN];

	cmd_format_time(cmd_mtime_ns(info), modified);
	(void)printf("%12s: ", "Name");
	cmd_print_name(info->name, info->name_len);
	(void)putchar('\n');
	print_row("Bucket", bucket);
	if (info->is_malformed)
		print_row("Damaged", "its metadata cannot be understood");
	if (info->description)
		print_row("Description", info->description);
	if (info->link_bucket)
		print_row("Link bucket", info->link_bucket);
	if (info->link_bucket && info->link_name)
		print_row("Link name", info->link_name);
	print_number("Size", info->size);
	print_row("Modified", modified);
	print_number("Chunks", info->chunks);
	if (info->has_digest) {
		digest_format(info->digest, digest);
		print_row("Digest", digest);
	}
	print_row("Identifier", info->nuid);
	print_number("Sequence", info->seq);
	print_pairs("Header", &info->headers);
	print_pairs("Metadata", &info->metadata);
}

static int show_bucket(struct store *s, bool is_json)
{
	_cleanup_buf_ struct buf out;
	struct store_status st;
	struct json_writer w;
	int err = store_status(s, &st);

	buf_init(&out, OUTPUT_MAX);
	if (err)
		return fail(s, NULL, err);
	if (!is_json) {
		print_status(s->bucket, &st);
		return cmd_flush();
	}
	json_init(&w, &out);
	cmd_json_status(&w, s->bucket, &st);
	return cmd_print_buf(&out);
}

static int show_object(struct store *s, const char *name, bool is_json)
{
	_cleanup_obj_info_ struct obj_info *info = NULL;
	_cleanup_buf_ struct buf out;
	struct json_writer w;
	int err;

	buf_init(&out, OUTPUT_MAX);
	if (cmd_check_name(s, name))
		return CMD_FAILURE;
	err = cmd_find(s, name, &info);
	if (err)
		return fail(s, name, err);
	if (!is_json) {
		print_info(s->bucket, info);
		return cmd_flush();
	}
	json_init(&w, &out);
	cmd_json_info(&w, info, s->bucket);
	return cmd_print_buf(&out);
}

int cmd_info(struct connect_opts *co, int argc, char **argv)
{
	static const struct option options[] = {
		CONNECT_LONG_OPTIONS,
		{"json", no_argument, NULL, 'j'},
		{0},
	};
	static const struct bucket_options opts = {.want_read_only = true};
	_cleanup_store_ struct store *s = NULL;
	bool is_json = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'j')
			is_json = true;
		else if (!connect_opts_take(co, c, optarg))
			return CMD_USAGE;
	}
	r = cmd_check_args(argc - optind, 1, 2, SYNOPSIS);
	if (!r && argc - optind == 2 && !*argv[optind + 1])
		r = cmd_usage("the name of the object is empty");
	if (r)
		return r;
	if (argc - optind == 1) {
		r = cmd_open_any(co, argv[optind], &s);
		return r ? r : show_bucket(s, is_json);
	}
	r = cmd_open(co, argv[optind], &opts, &s);
	return r ? r : show_object(s, argv[optind + 1], is_json);
}
