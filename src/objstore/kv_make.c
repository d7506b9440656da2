/* SPDX-License-Identifier: Apache-2.0 */

/*
 * The stream of a key-value bucket: made when it is missing, also when that is found out later, and
 * looked at for whether it is still the same. Of several hosts that make it at once the server
 * takes the first, and the others find it.
 *
 * Values that nobody renews vanish after MAX_AGE. So nothing has to be purged, which consumers of
 * servers before 2.9.12 do not survive unharmed.
 */

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "objstore/api.h"
#include "objstore/kv_internal.h"
#include "util/clock.h"
#include "util/explain.h"
#include "util/log.h"

#define MAX_AGE_NS (24 * 3600 * NS_PER_SEC)
/* A leader that has just been elected may be behind for a moment. */
#define BEHIND_MS 1000

static int create_stream(struct bucket *b, uint32_t replicas)
{
	_cleanup_buf_ struct buf body;
	struct api_error error;
	int err;

	buf_init(&body, 4096);
	buf_printf(
		&body,
		"{\"name\":\"%s\",\"description\":\"locks of natsobj\",\"subjects\":[\"$KV.%s.>\"]"
		",\"retention\":\"limits\",\"max_consumers\":-1,\"max_msgs\":-1,\"max_bytes\":-1"
		",\"max_msgs_per_subject\":1,\"max_msg_size\":-1,\"max_age\":%" PRId64
		",\"storage\":\"file\",\"discard\":\"new\",\"num_replicas\":%" PRIu32
		",\"allow_rollup_hdrs\":true,\"deny_delete\":true,\"allow_direct\":true}",
		b->stream, b->store.bucket, MAX_AGE_NS, replicas ? replicas : 1);
	err = api_call(b, b->control.rpc, "STREAM.CREATE", &body, 0, NULL, &error);
	return error.err_code == API_STREAM_EXISTS ? 0 : err;
}

/* Why the stream cannot serve, as a clause; NULL when it can. */
static const char *why_unfit(const struct bucket *b, const struct stream_info *info)
{
	if (info->why_read_only)
		return info->why_read_only;
	if (info->replicas > 1 && b->version < SERVER_VERSION(2, 9, 21))
		return "is replicated, and compare-and-set is not reliable then before "
		       "nats-server 2.9.21";
	return NULL;
}

int kv_find_or_make(struct kv_bucket *kv, struct stream_info *ret, char **ret_why)
{
	struct bucket *b = kv->bucket;
	const char *problem;
	int err;

	b->version = conn_server_version(rpc_conn(b->control.rpc));
	err = stream_info_read(b, ret);
	if (err == -ENOENT) {
		err = create_stream(b, b->version < SERVER_VERSION(2, 9, 21) ? 1 : kv->replicas);
		if (!err)
			err = stream_info_read(b, ret);
	}
	problem = err ? NULL : why_unfit(b, ret);
	if (problem)
		return explain(-EOPNOTSUPP, ret_why, "lock bucket \"%s\" on %s %s", b->store.bucket,
			       b->where, problem);
	if (err < 0)
		return explain(err, ret_why, "cannot open lock bucket \"%s\" on %s: %s",
			       b->store.bucket, b->where, strerrordesc_np(-err));
	kv->created_ns = ret->created_ns;
	return 0;
}

/* Whether the stream that is there has all that was stored. -ENOENT: there is none. Waits. */
static int look(struct kv_bucket *kv, bool *ret_is_same)
{
	uint64_t seen = atomic_load(&kv->seen_seq);
	struct stream_info info;
	int err = stream_info_read(kv->bucket, &info);

	if (!err && info.created_ns == kv->created_ns && info.last_seq < seen) {
		err = bucket_pause(kv->bucket, BEHIND_MS, UINT64_MAX);
		if (!err)
			err = stream_info_read(kv->bucket, &info);
	}
	*ret_is_same = !err && info.created_ns == kv->created_ns && info.last_seq >= seen;
	return err;
}

int kv_look(struct kv_bucket *kv, bool *ret_is_other)
{
	_cleanup_free_ char *why = NULL;
	struct stream_info info;
	bool is_same;
	int err = look(kv, &is_same);

	*ret_is_other = false;
	if (err < 0 && err != -ENOENT)
		return err;
	if (is_same && !kv->is_missing)
		return 0;
	err = kv_find_or_make(kv, &info, &why);
	if (err < 0 && (api_is_no_answer(err) || kv->is_missing))
		return err;
	if (err < 0)
		log_error("%s", why ? why : strerrordesc_np(-err));
	kv->is_missing = err < 0;
	atomic_store(&kv->seen_seq, 0);
	*ret_is_other = true;
	if (kv->listener.on_lost)
		kv->listener.on_lost(kv->listener.arg, err);
	return err;
}
