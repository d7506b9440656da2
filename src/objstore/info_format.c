/* SPDX-License-Identifier: Apache-2.0 */

/* An object's description as canonical JSON (NATS ADR-20): fixed order of the fields, no blanks,
 * raw UTF-8, absent instead of empty. */

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "objstore/digest.h"
#include "objstore/info.h"
#include "objstore/long_name.h"
#include "util/clock.h"

static void add_escaped(struct buf *out, unsigned char c)
{
	static const char short_form[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";
	const char *p = c ? strchr(short_form, c) : NULL;

	if (p)
		buf_printf(out, "\\%c", letter[p - short_form]);
	else
		buf_printf(out, "\\u%04x", c);
}

static void add_string(struct buf *out, const char *s, size_t len)
{
	size_t start = 0;

	buf_append_char(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)s[i];

		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_append(out, s + start, i - start);
		add_escaped(out, c);
		start = i + 1;
	}
	buf_append(out, s + start, len - start);
	buf_append_char(out, '"');
}

static void add_text(struct buf *out, const char *s)
{
	add_string(out, s, strlen(s));
}

static bool comes_first(const struct obj_pairs *p, size_t i)
{
	for (size_t j = 0; j < i; j++)
		if (strcmp(p->items[j].key, p->items[i].key) == 0)
			return false;
	return true;
}

/* Values of one header are gathered in an array at its first place. */
static void add_headers(struct buf *out, const struct obj_pairs *p)
{
	buf_append_str(out, ",\"headers\":{");
	for (size_t i = 0; i < p->count; i++) {
		if (!comes_first(p, i))
			continue;
		if (i > 0)
			buf_append_char(out, ',');
		add_text(out, p->items[i].key);
		buf_append_str(out, ":[");
		for (size_t j = i; j < p->count; j++) {
			if (strcmp(p->items[j].key, p->items[i].key) != 0)
				continue;
			if (j > i)
				buf_append_char(out, ',');
			add_text(out, p->items[j].value);
		}
		buf_append_char(out, ']');
	}
	buf_append_char(out, '}');
}

static void add_pair(struct buf *out, bool is_first, const char *key, const char *value)
{
	if (!is_first)
		buf_append_char(out, ',');
	add_text(out, key);
	buf_append_char(out, ':');
	add_text(out, value);
}

/* name: what an alias stands for, or NULL. */
static void add_metadata(struct buf *out, const struct obj_pairs *p, const char *name)
{
	bool is_first = !name;

	buf_append_str(out, ",\"metadata\":{");
	if (name)
		add_pair(out, true, ATTR_NAME, name);
	for (size_t i = 0; i < p->count; i++) {
		if (name && strcmp(p->items[i].key, ATTR_NAME) == 0)
			continue;
		add_pair(out, is_first, p->items[i].key, p->items[i].value);
		is_first = false;
	}
	buf_append_char(out, '}');
}

/* Others follow a link by the name under which they find its object. */
static void add_link_name(struct buf *out, const char *name)
{
	char alias[OBJ_ALIAS_LEN + 1];
	size_t len = strlen(name);

	if (len <= OBJ_NAME_PLAIN_MAX)
		add_string(out, name, len);
	else if (obj_alias(name, len, alias) == 0)
		add_text(out, alias);
	else
		out->error = -ENOMEM;
}

static void add_options(struct buf *out, const struct obj_info *info)
{
	if (info->link_bucket) {
		buf_append_str(out, ",\"options\":{\"link\":{\"bucket\":");
		add_text(out, info->link_bucket);
		if (info->link_name) {
			buf_append_str(out, ",\"name\":");
			add_link_name(out, info->link_name);
		}
		buf_append_str(out, "}}");
	} else if (info->max_chunk_size) {
		buf_printf(out, ",\"options\":{\"max_chunk_size\":%u}", info->max_chunk_size);
	}
}

/* Milliseconds, the form that every client reads. */
static void add_time(struct buf *out, int64_t ns)
{
	char text[32];
	struct tm tm;
	time_t sec;

	/* Years that RFC 3339 can write. */
	if (ns < 0)
		ns = 0;
	sec = (time_t)(ns / NS_PER_SEC);
	(void)gmtime_r(&sec, &tm);
	(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	buf_printf(out, ",\"mtime\":\"%s.%03dZ\"", text, (int)(ns % NS_PER_SEC / NS_PER_MS));
}

int obj_info_format(const struct obj_info *info, const char *bucket, struct buf *out)
{
	bool is_deleted = info->is_deleted, has_alias = obj_info_has_alias(info);
	char alias[OBJ_ALIAS_LEN + 1];

	/* The name goes into a text that cannot say NUL. */
	if (has_alias && strlen(info->name) != info->name_len)
		return -EINVAL;
	if (has_alias && obj_alias(info->name, info->name_len, alias) < 0)
		return -ENOMEM;
	buf_append_str(out, "{\"name\":");
	if (has_alias)
		add_text(out, alias);
	else
		add_string(out, info->name, info->name_len);
	if (info->description && info->description[0]) {
		buf_append_str(out, ",\"description\":");
		add_text(out, info->description);
	}
	if (info->headers.count > 0)
		add_headers(out, &info->headers);
	if (info->metadata.count > 0 || has_alias)
		add_metadata(out, &info->metadata, has_alias ? info->name : NULL);
	add_options(out, info);
	buf_append_str(out, ",\"bucket\":");
	add_text(out, bucket);
	buf_append_str(out, ",\"nuid\":");
	add_text(out, info->nuid);
	buf_printf(out, ",\"size\":%llu", is_deleted ? 0ULL : (unsigned long long)info->size);
	add_time(out, info->mtime_ns);
	buf_printf(out, ",\"chunks\":%u", is_deleted ? 0 : info->chunks);
	if (info->has_digest && !is_deleted) {
		char digest[OBJ_DIGEST_TEXT_LEN + 1];

		digest_format(info->digest, digest);
		buf_printf(out, ",\"digest\":\"%s\"", digest);
	}
	if (is_deleted)
		buf_append_str(out, ",\"deleted\":true");
	buf_append_char(out, '}');
	return buf_error(out);
}
