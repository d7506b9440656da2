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

/* The body of STREAM.CREATE. */
void config_format_create(const struct bucket *b, const struct bucket_options *opts,
			  struct buf *out);
/* A setting that a server of that version would pass over in silence: -EOPNOTSUPP. */
int config_check_version(const struct bucket *b, bool has_compression, bool has_metadata,
			 char **ret_why) MUST_CHECK;

/* Why a stream with this configuration must not be written to, or NULL. See stream_info.c. */
const char *stream_why_read_only(const char *bucket, const cJSON *config);

#endif
