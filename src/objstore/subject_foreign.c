/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where other clients store the metadata of a name. nats.c up to 3.11 leaves the padding out,
 * nats.java uses the standard alphabet, nats.js encodes the Latin-1 form of the name (with padding
 * since 2023), and nats.go before 1.17 used the name itself with blanks and dots replaced.
 */
#include <string.h>

#include "objstore/long_name.h"
#include "objstore/subject.h"
#include "util/base64url.h"

/* Longer ones are no token that such an old client could have made. */
#define RAW_MAX 128

struct tokens {
	char **items;
	size_t count;
	const char *canonical;
};

/* Takes over token, which may be NULL. */
static void add(struct tokens *t, char *token)
{
	bool is_known =
		!token || t->count == OBJ_FOREIGN_TOKENS || strcmp(token, t->canonical) == 0;

	for (size_t i = 0; !is_known && i < t->count; i++)
		is_known = strcmp(token, t->items[i]) == 0;
	if (is_known)
		free(token);
	else
		t->items[t->count++] = token;
}

static char *unpadded(const char *token)
{
	return token ? strndup(token, strcspn(token, "=")) : NULL;
}

static char *in_standard_alphabet(const char *token)
{
	char *copy = strdup(token);

	for (char *p = copy; p && *p; p++)
		*p = *p == '-' ? '+' : *p == '_' ? '/' : *p;
	return copy;
}

/* One byte for each character; NULL when one is above U+00FF. */
static char *in_latin1(const char *name, size_t len)
{
	_cleanup_free_ char *text = malloc(len + 1);
	size_t n = 0;

	if (!text)
		return NULL;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c >= 0x80) {
			/* Names are valid UTF-8, in which these two begin U+0080 to U+00FF. */
			if (c != 0xc2 && c != 0xc3)
				return NULL;
			c = (unsigned char)(c << 6 | ((unsigned char)name[++i] & 0x3f));
		}
		text[n++] = (char)c;
	}
	return obj_meta_token(text, n);
}

/* Of a client, and a server, that let subjects be as long as it takes. */
static char *in_full(const char *name, size_t len)
{
	char *token = len > OBJ_NAME_PLAIN_MAX ? malloc(BASE64_LEN(len) + 1) : NULL;

	if (token)
		base64url_encode(name, len, token);
	return token;
}

static char *bare_name(const char *name, size_t len)
{
	char *copy = len <= RAW_MAX ? strndup(name, len) : NULL;

	for (char *p = copy; p && *p; p++)
		*p = *p == '.' || *p == ' ' ? '_' : *p;
	if (copy && obj_nuid_is_valid(copy, len))
		return copy;
	free(copy);
	return NULL;
}

size_t obj_foreign_tokens(const char *name, size_t len, char *ret[OBJ_FOREIGN_TOKENS])
{
	_cleanup_free_ char *canonical = obj_meta_token(name, len);
	/* An alias has no letter that the encodings differ in. */
	_cleanup_free_ char *latin1 = len > OBJ_NAME_PLAIN_MAX ? NULL : in_latin1(name, len);
	struct tokens t = {.items = ret, .canonical = canonical};

	if (!canonical)
		return 0;
	add(&t, unpadded(canonical));
	add(&t, in_standard_alphabet(canonical));
	add(&t, unpadded(latin1));
	add(&t, bare_name(name, len));
	add(&t, steal_ptr(latin1));
	add(&t, in_full(name, len));
	return t.count;
}
