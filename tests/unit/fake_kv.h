/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_FAKE_KV_H
#define NATSOBJ_TESTS_FAKE_KV_H

/* A key-value bucket in memory, and any number of clients of it. Answers and changes come at once,
 * on the caller's thread. */

#include <stdbool.h>

#include "objstore/kv.h"

struct fake_kv;

struct fake_kv *fake_kv_new(void);
/* After all clients were closed. */
void fake_kv_free(struct fake_kv *f);
struct kv *fake_kv_open(struct fake_kv *f);

/* Cuts one client off: its requests fail with -ENOTCONN and it hears of nothing. Once it is
 * connected again it hears of everything. */
void fake_kv_cut(struct kv *kv, bool is_cut);
/* The next n puts of a client are stored, but it gets no answer (-ETIMEDOUT). */
void fake_kv_lose_answers(struct kv *kv, unsigned int n);
/* Number of puts that were stored. */
uint64_t fake_kv_puts(struct fake_kv *f);
/* What a foreign client would do, or an expiry. */
void fake_kv_store(struct fake_kv *f, const char *key, const char *value);
void fake_kv_forget(struct fake_kv *f, const char *key_prefix);
/* The bucket is deleted. A client finds out when it is told, and makes it again unless that fails
 * with err. */
void fake_kv_lose(struct fake_kv *f);
void fake_kv_tell_lost(struct kv *kv, int err);

#endif
