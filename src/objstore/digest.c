/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/digest.h"

#include <assert.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>

#include "util/base64url.h"

#define PREFIX "SHA-256="
#define PREFIX_LEN (sizeof(PREFIX) - 1)

struct digest {
	EVP_MD_CTX *ctx;
};

struct digest *digest_new(void)
{
	struct digest *d = malloc(sizeof(*d));

	if (!d)
		return NULL;
	d->ctx = EVP_MD_CTX_new();
	if (!d->ctx || EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL) != 1) {
		digest_free(d);
		return NULL;
	}
	return d;
}

void digest_free(struct digest *d)
{
	if (!d)
		return;
	EVP_MD_CTX_free(d->ctx);
	free(d);
}

struct digest *digest_dup(const struct digest *d)
{
	struct digest *copy = digest_new();

	if (copy && EVP_MD_CTX_copy_ex(copy->ctx, d->ctx) != 1) {
		digest_free(copy);
		return NULL;
	}
	return copy;
}

/* OpenSSL reports errors here only for a context that was not set up, which digest_new excludes. */
static void must(int ok)
{
	if (ok != 1)
		abort();
}

void digest_reset(struct digest *d)
{
	must(EVP_DigestInit_ex(d->ctx, EVP_sha256(), NULL));
}

void digest_add(struct digest *d, const void *data, size_t len)
{
	must(EVP_DigestUpdate(d->ctx, data, len));
}

void digest_finish(struct digest *d, uint8_t ret[OBJ_DIGEST_LEN])
{
	unsigned len = 0;

	must(EVP_DigestFinal_ex(d->ctx, ret, &len));
	assert(len == OBJ_DIGEST_LEN);
}

void digest_format(const uint8_t digest[OBJ_DIGEST_LEN], char ret[OBJ_DIGEST_TEXT_LEN + 1])
{
	memcpy(ret, PREFIX, PREFIX_LEN);
	base64url_encode(digest, OBJ_DIGEST_LEN, ret + PREFIX_LEN);
}

static int parse_hex(const char *s, uint8_t ret[OBJ_DIGEST_LEN])
{
	for (size_t i = 0; i < OBJ_DIGEST_LEN; i++) {
		char pair[3] = {s[2 * i], s[2 * i + 1], '\0'};

		if (!isxdigit((unsigned char)pair[0]) || !isxdigit((unsigned char)pair[1]))
			return -EINVAL;
		ret[i] = (uint8_t)strtoul(pair, NULL, 16);
	}
	return 0;
}

int digest_parse(const char *text, uint8_t ret[OBJ_DIGEST_LEN])
{
	uint8_t digest[OBJ_DIGEST_LEN];
	size_t len;
	int err;

	if (strncasecmp(text, PREFIX, PREFIX_LEN) != 0)
		return -EINVAL;
	text += PREFIX_LEN;
	if (strlen(text) == 2 * OBJ_DIGEST_LEN) {
		err = parse_hex(text, digest);
	} else {
		err = base64_decode(text, strlen(text), digest, sizeof(digest), &len);
		if (!err && len != sizeof(digest))
			err = -EINVAL;
	}
	if (err)
		return -EINVAL;
	memcpy(ret, digest, sizeof(digest));
	return 0;
}
