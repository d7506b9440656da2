/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_BUCKET_ADMIN_H
#define NATSOBJ_OBJSTORE_BUCKET_ADMIN_H

/* What the files about buckets as such share: bucket_admin.c, bucket_desc.c, bucket_edit.c and
 * bucket_config.c. */

#include <cjson/cJSON.h>

#include "objstore/api.h"
#include "objstore/bucket.h"

/* A control connection without a store around it; bucket "" for calls about the account. To be
 * freed with bucket_free. Waits. */
int admin_open(const struct conn_config *cfg, const char *bucket, struct bucket **ret,
	       char **ret_why) MUST_CHECK;
/* What a failed request means to people; what is "delete", "look at" … */
int admin_explain_api(const struct bucket *b, int err, const struct api_error *error,
		      const char *what, char **ret_why);

/* On a connection for calls about the account: names of all buckets in no order, and their
 * descriptions sorted by name. The caller frees each and the array. Wait. */
int admin_list(struct bucket *b, char ***ret_names, size_t *ret_count) MUST_CHECK;
int admin_describe_all(struct bucket *b, struct bucket_desc ***ret, size_t *ret_count,
		       struct api_error *ret_error) MUST_CHECK;

/* The body of STREAM.CREATE. */
void config_format_create(const struct bucket *b, const struct bucket_options *opts,
			  struct buf *out);
/* Sends a configuration as the server gave it, possibly changed, back. Waits. */
int config_send(struct bucket *b, cJSON *config, struct api_error *ret_error) MUST_CHECK;
/* The same with api_call_once. */
int config_send_once(struct bucket *b, cJSON *config, uint64_t deadline_ns,
		     struct api_error *ret_error) MUST_CHECK;
/* 0: none */
int config_set_limit(cJSON *config, const char *key, uint64_t value) MUST_CHECK;
/* A setting that a server of that version would pass over in silence: -EOPNOTSUPP. */
int config_check_version(const struct bucket *b, bool has_compression, bool has_metadata,
			 char **ret_why) MUST_CHECK;

/* Why a stream with this configuration must not be written to, or NULL. See stream_info.c. */
const char *stream_why_read_only(const char *bucket, const cJSON *config);
/* What of that concerns every bucket, whatever it stores. */
const char *stream_why_not_written(const cJSON *config);

#endif
