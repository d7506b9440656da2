/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/bucket_admin.h"
#include "objstore/bucket_internal.h"
#include "objstore/layout.h"
#include "objstore/subject.h"
#include "util/explain.h"
#include "util/log.h"

/* Connects one of the four; on failure the clause of conn_open becomes a sentence. */
static int connect_link(struct bucket *b, const struct conn_config *cfg, enum conn_kind kind,
			struct bucket_link *link, char **ret_why)
{
	_cleanup_free_ char *why = NULL;
	int err;

	err = bucket_connect(b, cfg, kind, link, &why);
	if (err == -EINVAL)
		return explain(err, ret_why, "cannot connect: %s", why ? why : b->where);
	if (err < 0)
		return explain(err, ret_why, "cannot connect to %s", why ? why : b->where);
	return 0;
}

/* What a failed request of the open means to people. what is "look at", "create" … */
static int explain_api(const struct bucket *b, int err, const struct api_error *error,
		       const char *what, char **ret_why)
{
	const char *bucket = b->store.bucket;

	if (error && error->err_code == API_NO_STREAM)
		return explain(-ENOENT, ret_why, "no %s \"%s\" on %s", b->layout->noun, bucket,
			       b->where);
	switch (err) {
	case -ENODEV:
		return explain(err, ret_why, "JetStream is not enabled on %s%s", b->where,
			       error && error->err_code ? " for this account" : "");
	case -EACCES:
		return explain(err, ret_why, "no permission to %s %s \"%s\" on %s", what,
			       b->layout->noun, bucket, b->where);
	case -ETIMEDOUT:
	case -ENOTCONN:
		return explain(err, ret_why, "no answer from JetStream on %s", b->where);
	default:
		return explain(err, ret_why, "cannot %s %s \"%s\" on %s: %s", what, b->layout->noun,
			       bucket, b->where,
			       error && *error->description ? error->description
							    : strerrordesc_np(-err));
	}
}

static int create_stream(struct bucket *b, const struct bucket_options *opts, char **ret_why)
{
	_cleanup_buf_ struct buf body;
	struct api_error error;
	int err;

	buf_init(&body, 64 * 1024);
	err = config_check_version(b, opts->want_compression, opts->metadata != NULL, ret_why);
	if (err < 0)
		return err;
	b->layout->format_create(b, opts, &body);
	err = api_call(b, b->control.rpc, "STREAM.CREATE", &body, 0, NULL, &error);
	/* Somebody else was faster: what is there now is checked like any bucket. */
	if (err < 0 && error.err_code != API_STREAM_EXISTS)
		return explain_api(b, err, &error, "create", ret_why);
	return 0;
}

/* JSON numbers are read as double: beyond 104 days not every nanosecond has one of its own. */
static bool is_same_age(uint64_t wanted_ns, uint64_t age_ns)
{
	uint64_t diff = wanted_ns > age_ns ? wanted_ns - age_ns : age_ns - wanted_ns;

	return diff <= 1024;
}

/* Only settings that were asked for are compared. */
static bool is_as_wanted(const struct stream_info *info, const struct bucket_options *opts)
{
	return (!opts->max_bytes || opts->max_bytes == info->max_bytes) &&
	       (!opts->ttl_ns || is_same_age(opts->ttl_ns, info->max_age_ns)) &&
	       (!opts->replicas || opts->replicas == info->replicas) &&
	       (!opts->memory_storage || info->is_memory) &&
	       (!opts->description ||
		strncmp(opts->description, info->description, sizeof(info->description) - 1) == 0);
}

static int read_info(struct bucket *b, struct stream_info *ret, char **ret_why)
{
	struct api_error none = {0};
	int err = stream_info_read(b, ret);

	if (err == -ENOENT)
		none.err_code = API_NO_STREAM;
	if (err < 0)
		return explain_api(b, err, &none, "look at", ret_why);
	return 0;
}

static int find_or_create(struct bucket *b, const struct bucket_options *opts, char **ret_why)
{
	struct stream_info *info = &b->at_open;
	int err;

	err = read_info(b, info, ret_why);
	if (err == -ENOENT && opts->want_create) {
		free(*ret_why);
		*ret_why = NULL;
		err = create_stream(b, opts, ret_why);
		if (!err)
			err = read_info(b, info, ret_why);
	}
	if (err < 0)
		return err;
	if (opts->want_create && !is_as_wanted(info, opts))
		return explain(-EEXIST, ret_why, "bucket \"%s\" exists on %s with other settings",
			       b->store.bucket, b->where);
	return 0;
}

static int decide_access(struct bucket *b, const struct bucket_options *opts, char **ret_why)
{
	const char *reason = b->at_open.why_read_only;

	b->is_read_only = opts->want_read_only || reason;
	b->allow_direct = b->at_open.allow_direct;
	if (reason && !opts->want_read_only)
		return explain(-EROFS, ret_why,
			       "%s \"%s\" on %s %s, so it can only be used read-only",
			       b->layout->noun, b->store.bucket, b->where, reason);
	return 0;
}

static void warn_of_version(struct bucket *b)
{
	if (b->at_open.replicas > 1 && b->version >= SERVER_VERSION(2, 9, 0) &&
	    b->version < SERVER_VERSION(2, 9, 21))
		log_warn("bucket %s: conflicts between hosts that replace one object at the same "
			 "moment are detected reliably from nats-server 2.9.21 on only",
			 b->store.bucket);
	if (!b->allow_direct)
		log_warn("bucket %s: allow_direct is off, reading takes about twice the time",
			 b->store.bucket);
}

int bucket_open_content(struct bucket *b, const struct conn_config *cfg, char **ret_why)
{
	int err;

	b->read.push = push_new(b);
	if (!b->read.push)
		return -ENOMEM;
	err = connect_link(b, cfg, CONN_READ, &b->read, ret_why);
	if (!err)
		err = parked_start(b);
	if (!err && !b->is_read_only)
		err = connect_link(b, cfg, CONN_WRITE, &b->write, ret_why);
	return err;
}

static int open_rest(struct bucket *b, const struct conn_config *cfg, char **ret_why)
{
	int err = b->layout->open_content(b, cfg, ret_why);

	if (err < 0 || b->is_read_only)
		return err;
	err = connect_link(b, cfg, CONN_JANITOR, &b->janitor_link, ret_why);
	if (b->layout->is_rolled_up)
		replaced_start(b);
	if (!err)
		err = janitor_start(b);
	if (err < 0)
		return err;
	space_start(b, &b->at_open);
	warn_of_version(b);
	return 0;
}

static int open_first(struct bucket *b, const struct conn_config *cfg,
		      const struct bucket_options *opts, char **ret_why)
{
	int err;

	b->control.push = push_new(b);
	if (!b->control.push || watch_prepare(b) < 0)
		return -ENOMEM;
	err = connect_link(b, cfg, CONN_CONTROL, &b->control, ret_why);
	if (err < 0)
		return err;
	b->version = conn_server_version(rpc_conn(b->control.rpc));
	err = find_or_create(b, opts, ret_why);
	if (!err)
		err = decide_access(b, opts, ret_why);
	if (err < 0)
		return err;
	b->layout->choose_sizes(b, opts);
	if (opts->window > 0)
		b->uploads.window = b->uploads.window_max = opts->window;
	return 0;
}

int bucket_open(const struct conn_config *cfg, const char *bucket,
		const struct bucket_options *opts, struct store **ret, char **ret_why)
{
	struct bucket *b;
	int err;

	*ret = NULL;
	*ret_why = NULL;
	if (!obj_bucket_is_valid(bucket))
		return explain(-EINVAL, ret_why, "\"%s\" cannot be the name of a bucket", bucket);
	b = bucket_new(cfg, bucket, opts->kv_separator ? &layout_keys : &layout_objects);
	if (!b)
		return -ENOMEM;
	err = open_first(b, cfg, opts, ret_why);
	if (!err)
		err = open_rest(b, cfg, ret_why);
	if (err < 0) {
		bucket_free(b);
		return err;
	}
	mutex_lock(&b->lock);
	b->is_hard = cfg->is_hard;
	b->is_open = true;
	mutex_unlock(&b->lock);
	*ret = &b->store;
	return 0;
}
