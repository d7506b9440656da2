/* SPDX-License-Identifier: Apache-2.0 */
#include "util/base64url.h"

#include <errno.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64url_encode(const void *data, size_t len, char *ret)
{
	const uint8_t *p = data;

	for (; len >= 3; len -= 3, p += 3) {
		*ret++ = alphabet[p[0] >> 2];
		*ret++ = alphabet[(p[0] & 3) << 4 | p[1] >> 4];
		*ret++ = alphabet[(p[1] & 15) << 2 | p[2] >> 6];
		*ret++ = alphabet[p[2] & 63];
	}
	if (len > 0) {
		uint8_t second = len > 1 ? p[1] : 0;

		*ret++ = alphabet[p[0] >> 2];
		*ret++ = alphabet[(p[0] & 3) << 4 | second >> 4];
		*ret++ = len > 1 ? alphabet[(second & 15) << 2] : '=';
		*ret++ = '=';
	}
	*ret = '\0';
}

static int value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '-' || c == '+')
		return 62;
	return c == '_' || c == '/' ? 63 : -1;
}

int base64_decode(const char *s, size_t len, uint8_t *ret, size_t cap, size_t *ret_len)
{
	uint32_t bits = 0;
	unsigned n_bits = 0;
	size_t n = 0, padding = 0;

	while (len > 0 && s[len - 1] == '=' && padding < 2) {
		len--;
		padding++;
	}
	if (len % 4 == 1 || (padding > 0 && (len + padding) % 4 != 0))
		return -EINVAL;
	for (size_t i = 0; i < len; i++) {
		int v = value_of(s[i]);

		if (v < 0)
			return -EINVAL;
		bits = bits << 6 | (uint32_t)v;
		n_bits += 6;
		if (n_bits < 8)
			continue;
		n_bits -= 8;
		if (n == cap)
			return -ENOSPC;
		ret[n++] = (uint8_t)(bits >> n_bits);
	}
	*ret_len = n;
	return 0;
}
