/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_INFO_H
#define NATSOBJ_OBJSTORE_INFO_H

/*
 * The description of one object version: the JSON of a metadata message (NATS ADR-20) plus what
 * the message around it says. A plain value; nothing here talks to a server.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "objstore/keys.h"
#include "util/buf.h"
#include "util/cleanup.h"

#define OBJ_DIGEST_LEN 32
#define OBJ_NUID_LEN 22
#define OBJ_NUID_MAX 128 /* longest foreign chunk token that is believed */
#define OBJ_DEFAULT_CHUNK_SIZE 131072u
#define OBJ_META_MAX (1024 * 1024)

/* key -> value, in the order of the message. Keys may repeat for headers with several values. */

struct obj_pair {
	char *key;
	char *value;
};

struct obj_pairs {
	struct obj_pair *items;
	size_t count;
};

/* Appends copies of key and value. */
int obj_pairs_add(struct obj_pairs *p, const char *key, const char *value) MUST_CHECK;
void obj_pairs_done(struct obj_pairs *p);

struct obj_info {
	/* From the JSON. Strings are owned; absent ones are NULL, except name and nuid. */
	char *name; /* NUL-terminated, but may also contain NULs: use name_len */
	size_t name_len;
	char *description;
	struct obj_pairs headers;
	struct obj_pairs metadata;
	char *link_bucket; /* not NULL: a link; link_name NULL: to the whole bucket */
	char *link_name;
	char nuid[OBJ_NUID_MAX +
		  1]; /* empty when the writer gave none or one that cannot be a token */
	uint64_t size;
	uint32_t chunks;
	uint32_t max_chunk_size; /* 0 when absent */
	int64_t mtime_ns;	 /* the payload's own time; 0 when absent, empty or before 1970 */
	bool has_digest;
	uint8_t digest[OBJ_DIGEST_LEN];
	bool is_deleted;
	/* The JSON could not be understood: only name, subject, seq and time_ns mean anything. */
	bool is_malformed;

	/* From the message. */
	uint64_t seq;	 /* stream sequence; 0 when not stored yet */
	int64_t time_ns; /* server's time stamp */
	/* Subject token it arrived under when that is not the canonical one, else NULL. */
	char *foreign_token;
};

struct obj_info *obj_info_new(const char *name, size_t name_len) MUST_CHECK;
struct obj_info *obj_info_dup(const struct obj_info *info) MUST_CHECK;
/* Whether it is the mark of a directory: an empty object whose name ends in a slash. */
bool obj_info_is_marker(const struct obj_info *info);
/* Gives info another name; foreign_token, of the subject it came from, stays. -ENOMEM changes
 * nothing. */
int obj_info_rename(struct obj_info *info, const char *name, size_t name_len) MUST_CHECK;
/* The subject token that info is stored under, copied; NULL: the canonical one. -ENOMEM leaves the
 * canonical one. */
int obj_info_set_token(struct obj_info *info, const char *token) MUST_CHECK;
/* What takes the place of info when it is deleted, under the same subject: with a fresh identifier,
 * as some clients purge that of a tombstone when they find one. NULL: no memory. */
struct obj_info *obj_info_tombstone(const struct obj_info *info);
/* Whether both are versions of one file: the same content, or made at the same moment. Not another
 * file in its place. */
bool obj_info_is_same_file(const struct obj_info *a, const struct obj_info *b);
/* Whether a tombstone says that what was there has another name than this one now. */
bool obj_info_is_elsewhere(const struct obj_info *tombstone, const char *name);
void obj_info_free(struct obj_info *info);
DEFINE_CLEANUP(struct obj_info *, obj_info_free)
#define _cleanup_obj_info_ CLEANUP(obj_info_free_p)

/*
 * Reads a metadata payload written by any known client. token is the last part of the subject it
 * arrived on (token_len 0: unknown). A payload that is not understood is not an error: the result
 * has is_malformed set and the name decoded from token (-EINVAL only when even that is impossible).
 * Sets foreign_token. Where token is the canonical one of another name than the payload's, and none
 * that a known client would give to that, the name is the token's.
 * Sizes are checked: a chunks/size/max_chunk_size combination that cannot be true marks the result
 * malformed. 0, -ENOMEM or -EINVAL.
 */
int obj_info_parse(const char *json, size_t len, const char *token, size_t token_len,
		   struct obj_info **ret) MUST_CHECK;

/* Appends the canonical JSON (field order and escapes of ADR-20, raw UTF-8) to out. Deleted
 * objects are written with size and chunks 0 and without digest. */
int obj_info_format(const struct obj_info *info, const char *bucket, struct buf *out) MUST_CHECK;

/* Removes the pairs whose key keep says no to. */
void obj_pairs_filter(struct obj_pairs *p, bool (*keep)(const char *key));

/* Value of a metadata key, or NULL. */
const char *obj_info_meta(const struct obj_info *info, const char *key);
/* Sets (value not NULL) or removes a metadata key. */
int obj_info_set_meta(struct obj_info *info, const char *key, const char *value) MUST_CHECK;
/* Adds one value to a header, which may have several. */
int obj_info_add_header(struct obj_info *info, const char *key, const char *value) MUST_CHECK;
/* Removes all values of a header: their number. */
size_t obj_info_remove_header(struct obj_info *info, const char *key);
/* NULL removes the description. */
int obj_info_set_description(struct obj_info *info, const char *text) MUST_CHECK;
int obj_info_set_link(struct obj_info *info, const char *bucket, const char *name) MUST_CHECK;

/* A new random identifier of OBJ_NUID_LEN base-62 characters; ret has room for one NUL more. */
void obj_nuid_new(char ret[OBJ_NUID_LEN + 1]);

/* RFC 3339 text to nanoseconds since 1970; -EINVAL for anything else. */
int obj_time_parse(const char *s, int64_t *ret_ns) MUST_CHECK;

#endif
