/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/subject.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "objstore/long_name.h"
#include "util/base64url.h"

bool obj_bucket_is_valid(const char *bucket)
{
	size_t len = strlen(bucket);

	if (len == 0 || len > OBJ_BUCKET_MAX)
		return false;
	return strspn(bucket, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_") ==
	       len;
}

/* Length of the character at s, 0 when it is not one (Unicode, table 3-7). */
static size_t utf8_char(const unsigned char *s, size_t len)
{
	size_t n = s[0] < 0x80 ? 1 : s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : 0;
	unsigned char lo = 0x80, hi = 0xBF;

	if (n == 0 && s[0] >= 0xE0 && s[0] <= 0xEF) {
		n = 3;
		lo = s[0] == 0xE0 ? 0xA0 : lo;
		hi = s[0] == 0xED ? 0x9F : hi;
	} else if (n == 0 && s[0] >= 0xF0 && s[0] <= 0xF4) {
		n = 4;
		lo = s[0] == 0xF0 ? 0x90 : lo;
		hi = s[0] == 0xF4 ? 0x8F : hi;
	}
	if (n == 0 || n > len || (n > 1 && (s[1] < lo || s[1] > hi)))
		return 0;
	for (size_t i = 2; i < n; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	return n;
}

bool obj_utf8_is_valid(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;

	while (len > 0) {
		size_t n = utf8_char(p, len);

		if (n == 0)
			return false;
		p += n;
		len -= n;
	}
	return true;
}

char *obj_stream_name(const char *bucket)
{
	char *s;

	return asprintf(&s, "OBJ_%s", bucket) < 0 ? NULL : s;
}

char *obj_chunk_subject(const char *bucket, const char *nuid)
{
	char *s;

	return asprintf(&s, "$O.%s.C.%s", bucket, nuid) < 0 ? NULL : s;
}

char *obj_meta_token(const char *name, size_t len)
{
	char alias[OBJ_ALIAS_LEN + 1];
	char *token;

	if (len > OBJ_NAME_PLAIN_MAX) {
		if (obj_alias(name, len, alias) < 0)
			return NULL;
		name = alias;
		len = OBJ_ALIAS_LEN;
	}
	token = malloc(BASE64_LEN(len) + 1);
	if (token)
		base64url_encode(name, len, token);
	return token;
}

bool obj_nuid_is_valid(const char *nuid, size_t len)
{
	if (len == 0 || len > OBJ_NUID_MAX)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)nuid[i];

		if (c <= ' ' || c >= 0x7f || c == '.' || c == '*' || c == '>')
			return false;
	}
	return true;
}
