/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_DIGEST_H
#define NATSOBJ_OBJSTORE_DIGEST_H

/*
 * Streaming SHA-256 and the text form the object store gives it: "SHA-256=" and padded URL-safe
 * base64 (NATS ADR-20).
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/info.h"
#include "util/cleanup.h"

#define OBJ_DIGEST_TEXT_LEN 52 /* "SHA-256=" and 44 characters */

struct digest;

struct digest *digest_new(void) MUST_CHECK;
void digest_free(struct digest *d);
/* A copy that goes its own way; NULL without memory. */
struct digest *digest_dup(const struct digest *d) MUST_CHECK;
/* Begins anew. */
void digest_reset(struct digest *d);
void digest_add(struct digest *d, const void *data, size_t len);
/* Ends the computation; only digest_reset and digest_free are allowed afterwards. */
void digest_finish(struct digest *d, uint8_t ret[OBJ_DIGEST_LEN]);

void digest_format(const uint8_t digest[OBJ_DIGEST_LEN], char ret[OBJ_DIGEST_TEXT_LEN + 1]);
/* Accepts the prefix in any case, both alphabets, missing padding, and hex. -EINVAL otherwise. */
int digest_parse(const char *text, uint8_t ret[OBJ_DIGEST_LEN]) MUST_CHECK;

#endif
