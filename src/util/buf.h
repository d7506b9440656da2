/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_UTIL_BUF_H
#define NATSOBJ_UTIL_BUF_H

/*
 * A growing byte buffer with a hard cap. A failed append leaves a sticky error that buf_error()
 * returns, so that a series of appends needs one check at the end. The bytes are always followed
 * by a NUL that len does not count.
 */

#include <stdbool.h>
#include <stddef.h>

#include "util/cleanup.h"

struct buf {
	char *data;
	size_t len;
	size_t cap;
	size_t max;
	int error; /* 0, -ENOMEM, or -E2BIG when max would be passed */
};

void buf_init(struct buf *b, size_t max);
void buf_done(struct buf *b);
void buf_reset(struct buf *b);
void buf_append(struct buf *b, const void *data, size_t len);
void buf_append_str(struct buf *b, const char *s);
void buf_append_char(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);
int buf_error(const struct buf *b) MUST_CHECK;
/* Same length and bytes. */
bool buf_equal(const struct buf *a, const struct buf *b);
/* Hands the bytes to the caller, who frees them; NULL when there is an error. The buffer is empty
 * afterwards. */
char *buf_steal(struct buf *b) MUST_CHECK;

#define _cleanup_buf_ CLEANUP(buf_done)

/* Below 0, 0 or above 0: the order of two names, by their bytes and then the shorter first. */
int bytes_compare(const void *a, size_t a_len, const void *b, size_t b_len);

#endif
