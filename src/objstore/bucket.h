/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_BUCKET_H
#define NATSOBJ_OBJSTORE_BUCKET_H

/* The store (objstore/store.h) of one bucket on a real server, and what concerns buckets as such.
 */

#include <stdbool.h>
#include <stdint.h>

#include "objstore/conn.h"
#include "objstore/store.h"
#include "util/cleanup.h"

struct bucket_options {
	bool want_create;    /* make the bucket when it is missing */
	bool want_read_only; /* never write, whatever is permitted */
	uint64_t window;     /* unacknowledged bytes of all uploads together; 0: 8 MiB */
	uint32_t chunk_size; /* 0: 128 KiB; capped by max_payload and max_msg_size */
	/* for want_create */
	const char *description;
	uint64_t max_bytes; /* 0: no limit */
	uint64_t ttl_ns;    /* 0: objects do not expire */
	uint32_t replicas;  /* 0: 1 */
	bool memory_storage;
};

/*
 * Connects and opens the bucket. On failure *ret_why (freed by the caller) is one sentence for
 * people that names the server or the bucket. Besides conn_open's errors: -ENOENT no such bucket,
 * -ENODEV no JetStream (or not for this account), -EINVAL bad bucket name, -EEXIST it exists with
 * other settings (want_create with explicit ones), -EROFS it cannot be written and want_read_only
 * is not set. Waits.
 */
int bucket_open(const struct conn_config *cfg, const char *bucket,
		const struct bucket_options *opts, struct store **ret, char **ret_why) MUST_CHECK;

/* Names of all buckets of the account, sorted; the caller frees each and the array. Waits. */
int bucket_list(const struct conn_config *cfg, char ***ret_names, size_t *ret_count, char **ret_why)
	MUST_CHECK;
/* Deletes a bucket with all its objects. Waits. */
int bucket_delete(const struct conn_config *cfg, const char *bucket, char **ret_why) MUST_CHECK;

#endif
