/* SPDX-License-Identifier: Apache-2.0 */
#include "fs/name.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "objstore/subject.h"
#include "util/hash.h"

#define ESCAPE "%="
#define ESCAPE_FMT "%%="
#define ESCAPE_LEN 2
#define LONG_TAIL 200 /* readable bytes of a long form */

static bool starts_like_escape(const char *s, size_t len)
{
	return len >= ESCAPE_LEN && memcmp(s, ESCAPE, ESCAPE_LEN) == 0;
}

static bool encode_long(char tag, const char *s, size_t len, char *out)
{
	size_t n =
		(size_t)sprintf(out, ESCAPE_FMT "%c%016llx%016llx-", tag,
				(unsigned long long)hash_bytes_stable(s, len),
				(unsigned long long)hash_bytes_stable(s + len / 2, len - len / 2));
	size_t end = n + LONG_TAIL;

	for (size_t i = 0; i < len && n < end; i++)
		out[n++] = s[i] == '\0' ? '_' : s[i];
	/* Not in the middle of a character. */
	while (n > 0 && ((unsigned char)out[n - 1] & 0xC0) == 0x80)
		n--;
	if (n > 0 && ((unsigned char)out[n - 1] & 0x80) != 0)
		n--;
	out[n] = '\0';
	return true;
}

/* Percent form behind a prefix of the escape; the long form when it does not fit. */
static bool encode_percent(char tag, char long_tag, const char *s, size_t len, char *out)
{
	size_t n = (size_t)sprintf(out, ESCAPE_FMT "%c", tag);

	for (size_t i = 0; i < len; i++) {
		bool special = s[i] == '\0' || s[i] == '%';

		if (n + (special ? 3 : 1) > NAME_COMPONENT_MAX)
			return encode_long(long_tag, s, len, out);
		if (special)
			n += (size_t)sprintf(out + n, "%%%02X", (unsigned char)s[i]);
		else
			out[n++] = s[i];
	}
	out[n] = '\0';
	return false;
}

bool name_encode(const char *component, size_t len, char *out)
{
	if (len == 0 || (len == 1 && component[0] == '.') ||
	    (len == 2 && memcmp(component, "..", 2) == 0)) {
		sprintf(out, ESCAPE_FMT "%.*s", (int)len, component);
		return false;
	}
	if (starts_like_escape(component, len) || memchr(component, '\0', len))
		return encode_percent('x', 'l', component, len, out);
	if (len > NAME_COMPONENT_MAX)
		return encode_long('l', component, len, out);
	memcpy(out, component, len);
	out[len] = '\0';
	return false;
}

bool name_encode_shadowed(const char *component, size_t len, char *out)
{
	return encode_percent('f', 'g', component, len, out);
}

static int decode_percent(const char *s, size_t len, char *out, size_t *ret_len)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		if (s[i] != '%') {
			out[n++] = s[i];
		} else if (len - i >= 3 && memcmp(s + i, "%00", 3) == 0) {
			out[n++] = '\0';
			i += 2;
		} else if (len - i >= 3 && memcmp(s + i, "%25", 3) == 0) {
			out[n++] = '%';
			i += 2;
		} else {
			return -EINVAL;
		}
	}
	*ret_len = n;
	return 0;
}

int name_decode(const char *file_name, size_t len, char *out, size_t *ret_len,
		bool *ret_is_shadowed)
{
	const char *rest = file_name + ESCAPE_LEN;
	char again[NAME_COMPONENT_MAX + 1];
	bool shadowed = false;
	int err;

	if (!obj_utf8_is_valid(file_name, len))
		return -EILSEQ;
	*ret_is_shadowed = false;
	if (!starts_like_escape(file_name, len)) {
		memcpy(out, file_name, len);
		*ret_len = len;
		return 0;
	}
	len -= ESCAPE_LEN;
	if (len == 0 || (len == 1 && rest[0] == '.') || (len == 2 && memcmp(rest, "..", 2) == 0)) {
		memcpy(out, rest, len);
		*ret_len = len;
		return 0;
	}
	shadowed = rest[0] == 'f';
	if (!shadowed && rest[0] != 'x')
		return -EINVAL;
	err = decode_percent(rest + 1, len - 1, out, ret_len);
	if (err)
		return err;
	/* Only the one spelling that encoding gives is accepted, so that no two names are one. */
	if (shadowed ? name_encode_shadowed(out, *ret_len, again)
		     : name_encode(out, *ret_len, again))
		return -EINVAL;
	if (strlen(again) != len + ESCAPE_LEN || memcmp(again, file_name, len + ESCAPE_LEN) != 0)
		return -EINVAL;
	*ret_is_shadowed = shadowed;
	return 0;
}
