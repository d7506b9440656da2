/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_BASE64URL_H
#define NATSOBJ_UTIL_BASE64URL_H

#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

/* Characters that len bytes become, padding included, without the NUL. */
#define BASE64_LEN(len) ((((size_t)(len) + 2) / 3) * 4)

/* URL-safe alphabet, padded (RFC 4648 section 5). Writes BASE64_LEN(len) characters and a NUL. */
void base64url_encode(const void *data, size_t len, char *ret);
/* Accepts both alphabets and missing padding, as some clients write; rejects everything else with
 * -EINVAL. Writes at most cap bytes (-ENOSPC when they do not fit). */
int base64_decode(const char *s, size_t len, uint8_t *ret, size_t cap, size_t *ret_len) MUST_CHECK;

#endif
