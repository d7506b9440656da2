/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between name and key stands a neutral form, in which SEPARATOR divides the parts and every other
 * byte means itself. Key and name are two ways to write it: each has its own sign for the separator
 * and its own set of bytes that need an escape.
 *
 * An escape is only read where the writer would have made one. "x=41" is itself, because nobody
 * escapes an "A". So both directions are inverse to each other, whatever others have stored.
 */
#include "objstore/kv_key.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "objstore/subject.h"

#define SEPARATOR '\0'
#define FORM_MAX 65536

enum writing {
	SLASH_KEY, /* keys divided by '/' */
	DOT_KEY,   /* keys divided by '.' */
	SLASH_NAME,
	DOT_NAME, /* names of the latter, where a key's '/' is no separator */
};

static char sign_of(enum writing w)
{
	return w == DOT_KEY ? '.' : '/';
}

static bool is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '_' || c == '=';
}

/* Whether c of the neutral form is escaped behind prev (-1: it is the first). */
static bool needs_escape(enum writing w, unsigned char c, int prev, bool is_last)
{
	bool is_at_edge = prev < 0 || prev == c || is_last;

	switch (w) {
	case SLASH_NAME:
		return false;
	case DOT_NAME:
		return c == '/';
	case SLASH_KEY:
		if (c == '.')
			return is_at_edge;
		return c != SEPARATOR && c != '/' && !is_plain(c);
	case DOT_KEY:
		if (c == SEPARATOR)
			return is_at_edge;
		return c != '/' && !is_plain(c);
	}
	return false;
}

static int hex(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Whether an "=" behind prev and before p would be read as the beginning of an escape. */
static bool is_escape(enum writing w, const char *p, const char *end, int prev)
{
	while (end - p >= 2 && hex(p[0]) >= 0 && hex(p[1]) >= 0) {
		unsigned char c = (unsigned char)(hex(p[0]) << 4 | hex(p[1]));

		p += 2;
		/* An escaped "=" is one if what follows it is one. */
		if (c != '=')
			return needs_escape(w, c, prev, p == end);
	}
	return false;
}

static void write_form(enum writing w, const struct buf *form, struct buf *out)
{
	const char *end = form->data + form->len;
	int prev = -1;

	for (const char *p = form->data; p < end; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '=' ? is_escape(w, p + 1, end, prev)
			     : needs_escape(w, c, prev, p + 1 == end))
			buf_printf(out, "=%02X", c);
		else
			buf_append_char(out, c == SEPARATOR ? sign_of(w) : *p);
		prev = c;
	}
}

static void read_form(enum writing w, const char *text, size_t len, struct buf *form)
{
	const char *end = text + len;
	int prev = -1;

	for (const char *p = text; p < end; p++) {
		char c = *p == sign_of(w) ? SEPARATOR : *p;

		if (c == '=' && is_escape(w, p + 1, end, prev)) {
			c = (char)(hex(p[1]) << 4 | hex(p[2]));
			p += 2;
		}
		buf_append_char(form, c);
		prev = (unsigned char)c;
	}
}

static int translate(enum writing from, enum writing to, const char *text, size_t len,
		     struct buf *out)
{
	_cleanup_buf_ struct buf form;

	buf_init(&form, FORM_MAX);
	read_form(from, text, len, &form);
	if (buf_error(&form))
		return buf_error(&form);
	write_form(to, &form, out);
	return buf_error(out);
}

int kv_key_from_name(char separator, const char *name, size_t len, struct buf *out)
{
	size_t start = out->len;
	int err;

	if (len == 0 || memchr(name, SEPARATOR, len))
		return -EINVAL;
	if (len > KV_KEY_LEN_MAX)
		return -ENAMETOOLONG;
	if (separator == '.')
		err = translate(DOT_NAME, DOT_KEY, name, len, out);
	else
		err = translate(SLASH_NAME, SLASH_KEY, name, len, out);
	return !err && out->len - start > KV_KEY_LEN_MAX ? -ENAMETOOLONG : err;
}

/* The key itself, with the bytes that are no text written out. */
static int append_as_is(const char *key, struct buf *out)
{
	bool is_text = obj_utf8_is_valid(key, strlen(key));

	for (; *key; key++) {
		if (is_text || (unsigned char)*key < 0x80)
			buf_append_char(out, *key);
		else
			buf_printf(out, "=%02X", (unsigned char)*key);
	}
	return buf_error(out);
}

int kv_name_from_key(char separator, const char *key, struct buf *out, bool *ret_is_canonical)
{
	_cleanup_buf_ struct buf again;
	size_t start = out->len;
	int err;

	if (!*key)
		return -EINVAL;
	if (separator == '.')
		err = translate(DOT_KEY, DOT_NAME, key, strlen(key), out);
	else
		err = translate(SLASH_KEY, SLASH_NAME, key, strlen(key), out);
	if (err)
		return err;
	buf_init(&again, FORM_MAX);
	*ret_is_canonical =
		obj_utf8_is_valid(out->data + start, out->len - start) &&
		kv_key_from_name(separator, out->data + start, out->len - start, &again) == 0 &&
		again.len == strlen(key) && memcmp(again.data, key, again.len) == 0;
	if (*ret_is_canonical)
		return buf_error(&again);
	out->len = start;
	return append_as_is(key, out);
}
