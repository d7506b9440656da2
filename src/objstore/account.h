/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_ACCOUNT_H
#define NATSOBJ_OBJSTORE_ACCOUNT_H

/* The limits of the account that a bucket belongs to (JetStream API, INFO). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/cleanup.h"

struct bucket;
struct stream_info;

/*
 * Bytes of content that the account lets a bucket with these settings store yet, each replica
 * counted; UINT64_MAX when there is no limit or the server does not tell. A recent answer is given
 * again. Waits a few seconds at most.
 */
uint64_t account_free(struct bucket *b, const struct stream_info *info);

/* Bytes that the account's streams occupy, as of the last answer to account_free. */
uint64_t account_used(struct bucket *b);

/* account_free from the answer's JSON. */
uint64_t account_parse_free(const char *json, size_t len, uint32_t replicas, bool is_memory);

#endif
