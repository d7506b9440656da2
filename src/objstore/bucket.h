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
	const char *cluster;	 /* where to place it; NULL: the server chooses */
	const char *const *tags; /* of the servers it is placed on */
	size_t n_tags;
	const struct obj_pairs *metadata; /* NULL: none */
	bool want_compression;		  /* of what the server keeps on its disk */
	/* Not 0: a key-value bucket, shown as objects that are values and nothing else; the letter
	 * of a key that divides directories, '/' or '.' (see objstore/kv_key.h). */
	char kv_separator;
	uint32_t kv_history; /* versions of each key that it keeps, for want_create; 0: 1 */
};

/* What a server says about a bucket. Strings are owned; empty where nothing is set. */
struct bucket_desc {
	char *name, *description, *storage, *compression, *cluster;
	char **tags;
	size_t n_tags;
	struct obj_pairs metadata; /* without the server's own keys */
	uint64_t bytes, messages, last_seq;
	uint64_t max_bytes; /* 0: no limit */
	uint64_t ttl_ns;    /* 0: objects do not expire */
	uint32_t replicas;
	int64_t created_ns;
	bool is_sealed, is_mirror;
	/* Why nothing can be written, as a clause for people; NULL when it can. Static. */
	const char *why_read_only;
};

/* What to change of a bucket; what is not set stays as it is. */
struct bucket_changes {
	const char *description;
	bool has_ttl, has_max_bytes;
	uint64_t ttl_ns, max_bytes; /* 0: none */
	uint32_t replicas;	    /* 0: as it is */
	const char *cluster;
	const char *const *tags;
	size_t n_tags;
	const struct obj_pairs *metadata; /* set; an empty value removes the key */
	bool want_seal;			  /* for ever: nothing can be stored or deleted any more */
};

/*
 * Connects and opens the bucket. On failure *ret_why (freed by the caller) is one sentence for
 * people that names the server or the bucket. Besides conn_open's errors: -ENOENT no such bucket,
 * -ENODEV no JetStream (or not for this account), -EINVAL bad bucket name, -EEXIST it exists with
 * other settings (want_create with explicit ones), -EOPNOTSUPP the server is too old for a
 * setting, -EROFS it cannot be written and want_read_only
 * is not set. Waits.
 */
int bucket_open(const struct conn_config *cfg, const char *bucket,
		const struct bucket_options *opts, struct store **ret, char **ret_why) MUST_CHECK;

/* One bucket as the server describes it: -ENOENT when there is none. Waits. */
int bucket_describe(const struct conn_config *cfg, const char *bucket, struct bucket_desc **ret,
		    char **ret_why) MUST_CHECK;
void bucket_desc_free(struct bucket_desc *d);
DEFINE_CLEANUP(struct bucket_desc *, bucket_desc_free)
#define _cleanup_bucket_desc_ CLEANUP(bucket_desc_free_p)
/* All buckets of the account, sorted by name; the caller frees each and the array. Waits. */
int bucket_describe_all(const struct conn_config *cfg, struct bucket_desc ***ret, size_t *ret_count,
			char **ret_why) MUST_CHECK;
/* Changes the settings of a bucket: -EOPNOTSUPP where the server is too old for one. Waits. */
int bucket_edit(const struct conn_config *cfg, const char *bucket,
		const struct bucket_changes *changes, char **ret_why) MUST_CHECK;

/* Names of all buckets of the account, sorted; the caller frees each and the array. Waits. */
int bucket_list(const struct conn_config *cfg, char ***ret_names, size_t *ret_count, char **ret_why)
	MUST_CHECK;
/* Deletes a bucket with all its objects. Waits. */
int bucket_delete(const struct conn_config *cfg, const char *bucket, char **ret_why) MUST_CHECK;

#endif
