/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_PARSE_H
#define NATSOBJ_UTIL_PARSE_H

/*
 * Strict text to number: the whole string must be used, there is no sign where none makes sense,
 * nothing overflows silently. All return 0, -EINVAL (not such a number) or -ERANGE (outside
 * [min, max]) and write the result only on success.
 */

#include <stdint.h>

#include "util/cleanup.h"

int parse_u64(const char *s, int base, uint64_t min, uint64_t max, uint64_t *ret) MUST_CHECK;
int parse_i64(const char *s, int64_t min, int64_t max, int64_t *ret) MUST_CHECK;
/* Bytes: digits with an optional suffix K, M, G, T (powers of 1024; "KiB" and "k" also accepted).
 */
int parse_size(const char *s, uint64_t min, uint64_t max, uint64_t *ret) MUST_CHECK;
/* Milliseconds: "30", "30s" (seconds), "250ms", "5m", "2h". */
int parse_duration_ms(const char *s, uint64_t min_ms, uint64_t max_ms, uint64_t *ret_ms) MUST_CHECK;

#endif
