/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_TESTS_CONTRACT_BUCKET_FIXTURE_H
#define NATSOBJ_TESTS_CONTRACT_BUCKET_FIXTURE_H

/* A private server, buckets on it, and a plain connection to do to them what other clients, or
 * misfortune, would do. */

#include <stddef.h>
#include <stdint.h>

#include "objstore/bucket.h"
#include "objstore/rpc.h"
#include "server.h"

#define FIXTURE_BUCKET "test"

struct fixture {
	struct server *server;
	struct conn_config cfg;
	struct rpc *raw;
};

extern struct fixture fx;

/* For tcase_add_checked_fixture. */
void fixture_setup(void);
void fixture_teardown(void);

/* Opens the bucket, made if missing; fails the test otherwise. */
struct store *fixture_open(const struct bucket_options *opts);
/* Publishes or asks from outside and returns the answer as text; the caller frees. */
char *fixture_request(const char *subject, const void *data, size_t len);
/* The same; fails the test when the answer holds an error. */
void fixture_api(const char *subject, const char *body);

/* Bytes of a content: the same for the same offset. */
uint8_t fixture_byte(uint64_t off);
/* Uploads size bytes in chunks of the store's size. 0 or the first error. */
int fixture_upload(struct store_put *put, uint32_t chunk_size, uint64_t from, uint64_t size);
/* Uploads and commits over expected_seq; returns what was stored. */
struct obj_info *fixture_store(struct store *s, const char *name, uint64_t size,
			       uint64_t expected_seq);
/* The newest version of a name, which must exist; the caller frees. */
struct obj_info *fixture_info(struct store *s, const char *name);
/* Reads everything and compares it with fixture_byte: 0 or the first error. */
int fixture_check(struct store *s, const struct obj_info *info);
/* One chunk. */
int fixture_get_chunk(struct store_get *get, uint32_t idx, struct chunk **ret);

/* Asks until STREAM.INFO's number of messages is n; fails the test after some seconds. */
void fixture_wait_messages(struct store *s, uint64_t n);

#endif
