/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A seed is base32 of: two bytes holding the prefixes "seed" and key type five bits each, 32 bytes
 * of Ed25519 seed, CRC-16 (XMODEM) of all that, low byte first. A public key is one prefix byte, 32
 * bytes, CRC.
 */
#include "objstore/nkey.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#define PREFIX_SEED (18 << 3)
#define PREFIX_USER (20 << 3)
#define KEY_LEN 32
#define SEED_RAW_LEN (2 + KEY_LEN + 2)
#define SEED_TEXT_LEN 58
#define PUBLIC_RAW_LEN (1 + KEY_LEN + 2)
#define FILE_MAX 8192

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static uint16_t crc16(const uint8_t *p, size_t len)
{
	uint16_t crc = 0;

	for (size_t i = 0; i < len; i++) {
		crc ^= (uint16_t)(p[i] << 8);
		for (int bit = 0; bit < 8; bit++)
			crc = (uint16_t)(crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1);
	}
	return crc;
}

/* Exactly SEED_TEXT_LEN characters to SEED_RAW_LEN bytes; the last two bits must be zero. */
static bool decode_seed(const char *text, uint8_t raw[SEED_RAW_LEN])
{
	uint32_t acc = 0;
	unsigned int bits = 0;
	size_t n = 0;

	for (size_t i = 0; i < SEED_TEXT_LEN; i++) {
		const char *p = text[i] ? strchr(alphabet, text[i]) : NULL;

		if (!p)
			return false;
		acc = (acc << 5 | (uint32_t)(p - alphabet)) & 0xfff;
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			raw[n++] = (uint8_t)(acc >> bits);
		}
	}
	return (acc & ((1U << bits) - 1)) == 0;
}

/* PUBLIC_RAW_LEN is a multiple of five bytes: no partial group. */
static void encode_public(const uint8_t raw[PUBLIC_RAW_LEN], char *ret)
{
	for (size_t i = 0; i < PUBLIC_RAW_LEN; i += 5) {
		uint64_t group = 0;

		for (size_t k = 0; k < 5; k++)
			group = group << 8 | raw[i + k];
		for (int shift = 35; shift >= 0; shift -= 5)
			*ret++ = alphabet[group >> shift & 31];
	}
	*ret = '\0';
}

static bool seed_is_valid(const uint8_t raw[SEED_RAW_LEN])
{
	uint8_t type = (uint8_t)((raw[0] & 7) << 5 | (raw[1] & 0xf8) >> 3);
	uint16_t crc = (uint16_t)(raw[SEED_RAW_LEN - 2] | raw[SEED_RAW_LEN - 1] << 8);

	return (raw[0] & 0xf8) == PREFIX_SEED && type == PREFIX_USER &&
	       crc == crc16(raw, SEED_RAW_LEN - 2);
}

static int derive(const uint8_t seed[KEY_LEN], char ret_public[NKEY_PUBLIC_LEN + 1])
{
	uint8_t raw[PUBLIC_RAW_LEN] = {PREFIX_USER};
	size_t len = KEY_LEN;
	EVP_PKEY *key;
	uint16_t crc;
	int ok;

	key = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, KEY_LEN);
	if (!key)
		return -ENOMEM;
	ok = EVP_PKEY_get_raw_public_key(key, raw + 1, &len);
	EVP_PKEY_free(key);
	if (ok != 1 || len != KEY_LEN)
		return -ENOMEM;
	crc = crc16(raw, 1 + KEY_LEN);
	raw[PUBLIC_RAW_LEN - 2] = (uint8_t)crc;
	raw[PUBLIC_RAW_LEN - 1] = (uint8_t)(crc >> 8);
	encode_public(raw, ret_public);
	return 0;
}

static int public_from_text(const char *text, char ret_public[NKEY_PUBLIC_LEN + 1])
{
	uint8_t raw[SEED_RAW_LEN];
	int r = -EINVAL;

	for (const char *p = strstr(text, "SU"); p && r == -EINVAL; p = strstr(p + 1, "SU"))
		if (strnlen(p, SEED_TEXT_LEN) == SEED_TEXT_LEN && decode_seed(p, raw) &&
		    seed_is_valid(raw))
			r = derive(raw + 2, ret_public);
	OPENSSL_cleanse(raw, sizeof(raw));
	return r;
}

int nkey_public_from_seed_file(const char *path, char ret_public[NKEY_PUBLIC_LEN + 1])
{
	_cleanup_close_ int fd = -1;
	char text[FILE_MAX + 1];
	size_t len = 0;
	int r;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (len < FILE_MAX) {
		ssize_t n = read(fd, text + len, FILE_MAX - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			r = -errno;
			goto out;
		}
		if (n == 0)
			break;
		len += (size_t)n;
	}
	text[len] = '\0';
	r = public_from_text(text, ret_public);
out:
	OPENSSL_cleanse(text, sizeof(text));
	return r;
}
