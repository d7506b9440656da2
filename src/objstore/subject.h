/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_SUBJECT_H
#define NATSOBJ_OBJSTORE_SUBJECT_H

/*
 * Names of things on the wire: stream, chunk and metadata subjects of a bucket (NATS ADR-20).
 */

#include <stdbool.h>
#include <stddef.h>

#include "objstore/info.h"
#include "util/cleanup.h"

#define OBJ_BUCKET_MAX 251

/* ^[A-Za-z0-9_-]+$ and short enough for a stream name. */
bool obj_bucket_is_valid(const char *bucket);
/* Valid UTF-8, as JSON demands of a name: no surrogates, no overlong forms. */
bool obj_utf8_is_valid(const char *s, size_t len);
/* The following allocate; the caller frees. NULL means no memory. */
char *obj_stream_name(const char *bucket) MUST_CHECK;			  /* OBJ_<bucket> */
char *obj_chunk_subject(const char *bucket, const char *nuid) MUST_CHECK; /* $O.<bucket>.C.<nuid> */
/* Last part of a name's metadata subject; for a long name that of its alias (long_name.h). */
char *obj_meta_token(const char *name, size_t len) MUST_CHECK;

#define OBJ_FOREIGN_TOKENS 6
/* Tokens under which other clients are known to store a name: unpadded, in the standard alphabet,
 * in Latin-1, or the bare name; a long name also in full. Their number, without the canonical one;
 * the caller frees each. What there is no memory for is left out. */
size_t obj_foreign_tokens(const char *name, size_t len, char *ret[OBJ_FOREIGN_TOKENS]) MUST_CHECK;

/* A chunk token from the network is one subject token without wildcards, blanks or controls. */
bool obj_nuid_is_valid(const char *nuid, size_t len);

#endif
