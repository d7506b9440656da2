/* SPDX-License-Identifier: Apache-2.0 */
#include "util/json_write.h"

#include <inttypes.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd"

/*
 * Length of the well-formed UTF-8 sequence at s (Unicode, table 3-7), 0 when there is none. The
 * second byte alone decides about overlong forms, surrogates and the upper end.
 */
static size_t sequence_len(const unsigned char *s, size_t len)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t n;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	n = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (len < n || s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < n; i++)
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	return n;
}

static void append_char(struct buf *out, unsigned char c)
{
	switch (c) {
	case '"':
		buf_append_str(out, "\\\"");
		return;
	case '\\':
		buf_append_str(out, "\\\\");
		return;
	case '\n':
		buf_append_str(out, "\\n");
		return;
	case '\r':
		buf_append_str(out, "\\r");
		return;
	case '\t':
		buf_append_str(out, "\\t");
		return;
	default:
		/* DEL is allowed in JSON, but no friend of terminals. */
		if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\u%04x", c);
		else
			buf_append_char(out, (char)c);
	}
}

static void append_string(struct buf *out, const char *s, size_t len)
{
	buf_append_char(out, '"');
	for (size_t i = 0; i < len;) {
		const unsigned char *p = (const unsigned char *)s + i;
		size_t n = sequence_len(p, len - i);

		if (n == 0)
			buf_append_str(out, REPLACEMENT);
		else if (n == 1)
			append_char(out, *p);
		else
			buf_append(out, p, n);
		i += n ? n : 1;
	}
	buf_append_char(out, '"');
}

/* What stands before any value. */
static void begin_value(struct json_writer *w, const char *key)
{
	if (w->needs_comma)
		buf_append_char(w->out, ',');
	w->needs_comma = true;
	if (key) {
		append_string(w->out, key, strlen(key));
		buf_append_char(w->out, ':');
	}
}

static void begin(struct json_writer *w, const char *key, char bracket)
{
	begin_value(w, key);
	buf_append_char(w->out, bracket);
	w->needs_comma = false;
}

static void end(struct json_writer *w, char bracket)
{
	buf_append_char(w->out, bracket);
	w->needs_comma = true;
}

void json_init(struct json_writer *w, struct buf *out)
{
	*w = (struct json_writer){.out = out};
}

void json_begin_object(struct json_writer *w, const char *key)
{
	begin(w, key, '{');
}

void json_end_object(struct json_writer *w)
{
	end(w, '}');
}

void json_begin_array(struct json_writer *w, const char *key)
{
	begin(w, key, '[');
}

void json_end_array(struct json_writer *w)
{
	end(w, ']');
}

void json_string(struct json_writer *w, const char *key, const char *s)
{
	if (s) {
		json_string_n(w, key, s, strlen(s));
		return;
	}
	begin_value(w, key);
	buf_append_str(w->out, "null");
}

void json_string_n(struct json_writer *w, const char *key, const char *s, size_t len)
{
	begin_value(w, key);
	append_string(w->out, s, len);
}

void json_u64(struct json_writer *w, const char *key, uint64_t v)
{
	begin_value(w, key);
	buf_printf(w->out, "%" PRIu64, v);
}

void json_bool(struct json_writer *w, const char *key, bool v)
{
	begin_value(w, key);
	buf_append_str(w->out, v ? "true" : "false");
}
