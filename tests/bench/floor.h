/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_BENCH_FLOOR_H
#define NATSOBJ_BENCH_FLOOR_H

/* What the parts of the floor program share: one connection, an inbox, a window of requests. */

#include <pthread.h>
#include <stddef.h>
#include <stdint.h>

#include <nats/nats.h>
#include <openssl/evp.h>

#define CHUNK 131072
#define WINDOW 64

extern natsConnection *nc;
extern char inbox[128];
extern pthread_mutex_t lock; /* protects the next three */
extern pthread_cond_t changed;
extern natsMsg *answers[WINDOW];
extern uint64_t n_acks;

_Noreturn void die(const char *what);
void must(natsStatus s, const char *what);
double now(void);
/* Waits for the answer with a slot's number. */
natsMsg *take(unsigned slot);
void base64url(const unsigned char *data, size_t len, char *out);
void new_nuid(char *out, size_t len, unsigned i);
/* The metadata message of an object, published without waiting when reply is given. It replaces the
 * one with the sequence replaced, if that is not 0. */
void publish_meta(const char *bucket, const char *name, const char *nuid, uint64_t size,
		  uint64_t chunks, const unsigned char digest[32], uint64_t replaced,
		  const char *reply);
void put_meta(const char *bucket, const char *name, const char *nuid, uint64_t size,
	      uint64_t chunks, const unsigned char digest[32], uint64_t replaced);
/* The number behind a key of JSON text. */
uint64_t field(const char *json, const char *key);
/* Sequence of the object's first chunk, its count of chunks and its digest. */
uint64_t find(const char *bucket, const char *name, uint64_t *chunks, char digest[64]);

/* floor_small.c */
/* writers: threads that share the work and the connection, as those of a mount do. */
void put_small(const char *bucket, const char *name, size_t size, unsigned count, unsigned writers,
	       int is_exclusive);
void get_many(const char *bucket, const char *name, unsigned count);
void remove_many(const char *bucket, const char *name, unsigned count);
/* per_dir: objects in one directory. */
void put_names(const char *bucket, const char *dir, unsigned count, unsigned per_dir);
void list_all(const char *bucket);

#endif
