/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "objstore/digest.h"
#include "prog/cmd.h"
#include "prog/cmd_print.h"
#include "util/clock.h"
#include "util/log.h"
#include "util/parse.h"

/* Seconds as text without a zone; what the calendar cannot say is the epoch. */
static void format_seconds(int64_t ns, char ret[CMD_TIME_LEN], int64_t *ret_fraction)
{
	time_t seconds;
	struct tm tm;

	if (ns < 0)
		ns = 0;
	seconds = (time_t)(ns / NS_PER_SEC);
	*ret_fraction = ns % NS_PER_SEC;
	(void)gmtime_r(&seconds, &tm);
	(void)strftime(ret, CMD_TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
}

void cmd_format_time(int64_t ns, char ret[CMD_TIME_LEN])
{
	int64_t fraction;

	format_seconds(ns, ret, &fraction);
	strcat(ret, "Z");
}

void cmd_format_time_ns(int64_t ns, char ret[CMD_TIME_LEN])
{
	int64_t fraction;
	size_t len;

	format_seconds(ns, ret, &fraction);
	len = strlen(ret);
	(void)snprintf(ret + len, CMD_TIME_LEN - len, ".%09" PRId64 "Z", fraction);
}

void cmd_format_size(uint64_t bytes, char ret[CMD_SIZE_LEN])
{
	static const char units[] = "KMGTPE";
	double value = (double)bytes;
	size_t unit = 0;

	if (bytes < 1024) {
		(void)snprintf(ret, CMD_SIZE_LEN, "%" PRIu64 " B", bytes);
		return;
	}
	/* 1023.95 would be shown as 1024.0. */
	value /= 1024;
	while (value >= 1023.95 && units[unit + 1]) {
		value /= 1024;
		unit++;
	}
	(void)snprintf(ret, CMD_SIZE_LEN, "%.1f %ciB", value, units[unit]);
}

void cmd_format_seconds(uint64_t seconds, char ret[CMD_SIZE_LEN])
{
	uint64_t hours = seconds / 3600, minutes = seconds / 60 % 60;

	if (hours >= 48)
		(void)snprintf(ret, CMD_SIZE_LEN, "%" PRIu64 "d %" PRIu64 "h", hours / 24,
			       hours % 24);
	else if (hours > 0)
		(void)snprintf(ret, CMD_SIZE_LEN, "%" PRIu64 ":%02" PRIu64 ":%02" PRIu64, hours,
			       minutes, seconds % 60);
	else
		(void)snprintf(ret, CMD_SIZE_LEN, "%" PRIu64 ":%02" PRIu64, minutes, seconds % 60);
}

int64_t cmd_mtime_ns(const struct obj_info *info)
{
	const char *text = obj_info_meta(info, ATTR_MTIME);
	int64_t ns;

	if (text && parse_i64(text, 0, INT64_MAX, &ns) == 0)
		return ns;
	return info->time_ns;
}

void cmd_print_name(const char *name, size_t len)
{
	bool is_shown = isatty(STDOUT_FILENO);

	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		(void)putchar(is_shown && (c < 0x20 || c == 0x7f) ? '?' : c);
	}
}

void cmd_print_row(const char *title, const char *value)
{
	(void)printf("%12s: ", title);
	cmd_print_name(value, strlen(value));
	(void)putchar('\n');
}

void cmd_print_number(const char *title, uint64_t value)
{
	(void)printf("%12s: %" PRIu64 "\n", title, value);
}

void cmd_print_bytes(const char *title, uint64_t value)
{
	char text[CMD_SIZE_LEN];

	cmd_format_size(value, text);
	if (value < 1024)
		cmd_print_number(title, value);
	else
		(void)printf("%12s: %" PRIu64 " (%s)\n", title, value, text);
}

void cmd_print_pairs(const char *title, const struct obj_pairs *pairs)
{
	for (size_t i = 0; i < pairs->count; i++) {
		(void)printf("%12s: ", title);
		cmd_print_name(pairs->items[i].key, strlen(pairs->items[i].key));
		(void)fputs(" = ", stdout);
		cmd_print_name(pairs->items[i].value, strlen(pairs->items[i].value));
		(void)putchar('\n');
	}
}

void cmd_json_time(struct json_writer *w, const char *key, int64_t ns)
{
	char text[CMD_TIME_LEN];

	cmd_format_time_ns(ns, text);
	json_string(w, key, text);
}

static void json_metadata(struct json_writer *w, const struct obj_pairs *pairs)
{
	if (pairs->count == 0)
		return;
	json_begin_object(w, "metadata");
	for (size_t i = 0; i < pairs->count; i++)
		json_string(w, pairs->items[i].key, pairs->items[i].value);
	json_end_object(w);
}

static bool is_repeated(const struct obj_pairs *pairs, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(pairs->items[j].key, pairs->items[i].key) == 0)
			return true;
	return false;
}

/* A header's values are an array, wherever in the list they are. */
static void json_headers(struct json_writer *w, const struct obj_pairs *pairs)
{
	if (pairs->count == 0)
		return;
	json_begin_object(w, "headers");
	for (size_t i = 0; i < pairs->count; i++) {
		if (is_repeated(pairs, i))
			continue;
		json_begin_array(w, pairs->items[i].key);
		for (size_t j = i; j < pairs->count; j++)
			if (strcmp(pairs->items[j].key, pairs->items[i].key) == 0)
				json_string(w, NULL, pairs->items[j].value);
		json_end_array(w);
	}
	json_end_object(w);
}

static void json_options(struct json_writer *w, const struct obj_info *info)
{
	if (!info->link_bucket && info->max_chunk_size == 0)
		return;
	json_begin_object(w, "options");
	if (info->link_bucket) {
		json_begin_object(w, "link");
		json_string(w, "bucket", info->link_bucket);
		if (info->link_name)
			json_string(w, "name", info->link_name);
		json_end_object(w);
	}
	if (info->max_chunk_size > 0)
		json_u64(w, "max_chunk_size", info->max_chunk_size);
	json_end_object(w);
}

void cmd_json_info(struct json_writer *w, const char *key, const struct obj_info *info,
		   const char *bucket)
{
	char digest[OBJ_DIGEST_TEXT_LEN + 1];

	json_begin_object(w, key);
	json_string_n(w, "name", info->name, info->name_len);
	if (info->description)
		json_string(w, "description", info->description);
	json_headers(w, &info->headers);
	json_metadata(w, &info->metadata);
	json_options(w, info);
	json_string(w, "bucket", bucket);
	json_string(w, "nuid", info->nuid);
	json_u64(w, "size", info->size);
	cmd_json_time(w, "mtime", cmd_mtime_ns(info));
	json_u64(w, "chunks", info->chunks);
	if (info->has_digest) {
		digest_format(info->digest, digest);
		json_string(w, "digest", digest);
	}
	json_u64(w, "seq", info->seq);
	if (info->is_deleted)
		json_bool(w, "deleted", true);
	if (info->is_malformed)
		json_bool(w, "malformed", true);
	json_end_object(w);
}

static void json_placement(struct json_writer *w, const struct bucket_desc *d)
{
	if (!*d->cluster && d->n_tags == 0)
		return;
	json_begin_object(w, "placement");
	json_string(w, "cluster", d->cluster);
	json_begin_array(w, "tags");
	for (size_t i = 0; i < d->n_tags; i++)
		json_string(w, NULL, d->tags[i]);
	json_end_array(w);
	json_end_object(w);
}

void cmd_json_bucket(struct json_writer *w, const struct bucket_desc *d)
{
	json_string(w, "bucket", d->name);
	json_string(w, "description", d->description);
	json_u64(w, "bytes", d->bytes);
	json_u64(w, "max_bytes", d->max_bytes);
	json_u64(w, "messages", d->messages);
	json_u64(w, "last_seq", d->last_seq);
	cmd_json_time(w, "created", d->created_ns);
	json_u64(w, "ttl_ns", d->ttl_ns);
	json_u64(w, "replicas", d->replicas);
	json_string(w, "storage", d->storage);
	json_string(w, "backing_store", "JetStream");
	json_string(w, "compression", *d->compression ? d->compression : "none");
	json_placement(w, d);
	json_begin_object(w, "metadata");
	for (size_t i = 0; i < d->metadata.count; i++)
		json_string(w, d->metadata.items[i].key, d->metadata.items[i].value);
	json_end_object(w);
	json_bool(w, "sealed", d->is_sealed);
	json_bool(w, "mirror", d->is_mirror);
	json_bool(w, "read_only", d->why_read_only != NULL);
	if (d->why_read_only)
		json_string(w, "why_read_only", d->why_read_only);
}

int cmd_print_info_json(const struct obj_info *info, const char *bucket)
{
	_cleanup_buf_ struct buf out = {0};
	struct json_writer w;

	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	cmd_json_info(&w, NULL, info, bucket);
	return cmd_print_buf(&out);
}

int cmd_print_buf(const struct buf *b)
{
	int err = buf_error(b);

	if (err) {
		log_error("cannot show the result: %s", strerror(-err));
		return CMD_FAILURE;
	}
	(void)fwrite(b->data, 1, b->len, stdout);
	(void)putchar('\n');
	return cmd_flush();
}

int cmd_flush(void)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return CMD_OK;
	if (errno != EPIPE)
		log_error("cannot write to standard output: %s", strerror(errno));
	return CMD_FAILURE;
}

int cmd_print_outcome(const struct cmd *c, const char *key, const char *text, const char *other_key,
		      const char *other_text, const char *what, bool is_so)
{
	_cleanup_buf_ struct buf out = {0};
	struct json_writer w;

	if (!c->is_json)
		return CMD_OK;
	buf_init(&out, CMD_OUTPUT_MAX);
	json_init(&w, &out);
	json_begin_object(&w, NULL);
	json_string(&w, key, text);
	if (other_text)
		json_string(&w, other_key, other_text);
	json_bool(&w, what, is_so);
	json_end_object(&w);
	return cmd_print_buf(&out);
}
