/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_LAYOUT_H
#define NATSOBJ_OBJSTORE_LAYOUT_H

/*
 * How the messages of a stream and the objects of a bucket stand for each other. Connections,
 * watch, reading and compare-and-set are the same for an object store (NATS ADR-20) and for a
 * key-value bucket (ADR-8); what differs is here.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cjson/cJSON.h>

#include "objstore/api.h"
#include "objstore/bucket.h"
#include "util/buf.h"
#include "util/cleanup.h"

struct layout {
	const char *noun;	   /* what it is for people */
	const char *stream_prefix; /* the stream is <prefix><bucket> */
	/* The newest version of a name is the last message of <head><bucket><tail><token>. */
	const char *meta_head, *meta_tail;
	/* A new version takes the place of the older ones, which the server otherwise keeps. */
	bool is_rolled_up;
	/* A token is the name in base64, which some clients write in ways of their own. */
	bool is_base64;
	/* The payload of a version is its content, and two writers' may be alike. */
	bool has_content;
	const struct store_ops *ops;

	/* Why a stream of this configuration must not be written to, as a clause; NULL when it may.
	 */
	const char *(*why_read_only)(const char *bucket, const cJSON *config);
	/* The body of STREAM.CREATE. */
	void (*format_create)(const struct bucket *b, const struct bucket_options *opts,
			      struct buf *out);
	/* Limits in b->store, once the stream is known. */
	void (*choose_sizes)(struct bucket *b, const struct bucket_options *opts);
	/* Starts what moves content, once it is known whether anything may be written; closing the
	 * bucket ends it. Waits. */
	int (*open_content)(struct bucket *b, const struct conn_config *cfg, char **ret_why);
	/* The token of a name; the caller frees. -ENAMETOOLONG, -EINVAL, -ENOMEM. */
	int (*token)(const struct bucket *b, const char *name, size_t len, char **ret);
	/* Understands a message; seq and time are set by the caller. */
	int (*decode)(struct bucket *b, const char *token, const void *data, size_t len,
		      bool is_removal, uint64_t seq, struct obj_info **ret);
	/* The answer of a request was decoded: what came with it may be kept. NULL: nothing. */
	void (*note)(struct bucket *b, const struct obj_info *info, struct stored *stored);
	/* The payload of a version that is to be stored. May wait. */
	int (*format)(struct bucket *b, const struct obj_info *info, struct buf *out);
	/* It was stored: info becomes what a reader gets. May wait. NULL: it is. */
	void (*settle)(struct bucket *b, struct obj_info *info);
};

extern const struct layout layout_objects; /* layout.c */
extern const struct layout layout_keys;	   /* kv_layout.c */

#endif
