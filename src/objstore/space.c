/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/space.h"

#include <inttypes.h>

#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "util/clock.h"
#include "util/log.h"

/* What a record costs beside payload, headers and subject. */
#define RECORD_OVERHEAD 64
#define META_HEADERS 160
#define RESERVE_MAX (UINT64_C(16) << 20)
/* With less than this left the figure is refreshed, at most this often. */
#define NEAR_BYTES (UINT64_C(64) << 20)
#define REFRESH_MS 100

void space_init(struct space *s)
{
	mutex_init(&s->lock, LOCK_RANK_LEAF);
}

void space_done(struct space *s)
{
	mutex_done(&s->lock);
}

void space_start(struct bucket *b, const struct stream_info *info)
{
	struct space *s = &b->space;

	s->is_guarded = b->version < SERVER_VERSION(2, 10, 5) && info->max_bytes > 0;
	s->max_bytes = info->max_bytes;
	s->reserve = info->max_bytes / 100;
	if (s->reserve > RESERVE_MAX)
		s->reserve = RESERVE_MAX;
	s->known = info->bytes;
	s->known_ns = clock_now_ns();
	if (s->is_guarded)
		log_warn("bucket %s: this server (before 2.10.5) may delete its oldest message "
			 "when full; the last %" PRIu64 " KiB are not used",
			 b->store.bucket, s->reserve / 1024);
}

uint64_t space_free(const struct bucket *b, const struct stream_info *info)
{
	uint64_t kept = b->space.is_guarded ? b->space.reserve : 0;

	return info->bytes + kept < info->max_bytes ? info->max_bytes - info->bytes - kept : 0;
}

static void learn_locked(struct space *s, uint64_t bytes)
{
	mutex_assert_held(&s->lock);
	s->known = bytes;
	s->known_ns = s->asked_ns > s->freed_ns ? s->asked_ns : 0;
	s->since = s->since_ask;
	s->asked_ns = 0;
}

void space_forget(struct bucket *b)
{
	struct space *s = &b->space;

	LOCK_SCOPE(&s->lock);
	s->freed_ns = clock_now_ns();
	s->known_ns = 0;
}

static void on_info(void *arg, natsMsg *msg, int err, bool was_sent)
{
	struct bucket *b = arg;
	struct stream_info info = {0};
	struct space *s = &b->space;

	(void)was_sent;
	if (!err)
		err = stream_info_parse(b, msg, &info);
	msg_free(msg);
	mutex_lock(&s->lock);
	if (!err)
		learn_locked(s, info.bytes);
	else
		s->asked_ns = 0;
	mutex_unlock(&s->lock);
	uploads_pump(b);
}

/* Starts a refresh unless one is under way. */
static void refresh(struct bucket *b)
{
	_cleanup_free_ char *subject = api_subject(b, "STREAM.INFO");
	struct space *s = &b->space;
	struct rpc_request req = {.subject = subject,
				  .deadline_ns = clock_deadline_ms((int64_t)b->timeout_ms),
				  .done = on_info,
				  .arg = b};

	if (!subject)
		return;
	mutex_lock(&s->lock);
	if (s->asked_ns != 0 || clock_now_ns() - s->known_ns < (uint64_t)REFRESH_MS * NS_PER_MS) {
		mutex_unlock(&s->lock);
		return;
	}
	s->asked_ns = clock_now_ns();
	s->since_ask = 0;
	mutex_unlock(&s->lock);
	if (rpc_send(b->control.rpc, &req) < 0) {
		LOCK_SCOPE(&s->lock);
		s->asked_ns = 0;
	}
}

static bool take_locked(struct space *s, uint64_t need, uint64_t reserve)
{
	mutex_assert_held(&s->lock);
	if (s->known + s->since + need > s->max_bytes - reserve)
		return false;
	s->since += need;
	s->since_ask += need;
	return true;
}

enum space_answer space_take_chunk(struct bucket *b, size_t payload_len, size_t subject_len)
{
	struct space *s = &b->space;
	uint64_t need = payload_len + subject_len + RECORD_OVERHEAD;
	bool is_taken, is_near, is_fresh;

	if (!s->is_guarded)
		return SPACE_OK;
	mutex_lock(&s->lock);
	is_taken = take_locked(s, need, s->reserve);
	is_near = s->known + s->since + NEAR_BYTES > s->max_bytes;
	is_fresh =
		s->asked_ns == 0 && clock_now_ns() - s->known_ns < (uint64_t)REFRESH_MS * NS_PER_MS;
	mutex_unlock(&s->lock);
	if (is_near)
		refresh(b);
	if (is_taken)
		return SPACE_OK;
	return is_fresh || !rpc_is_up(b->control.rpc) ? SPACE_FULL : SPACE_UNKNOWN;
}

bool space_take_meta(struct bucket *b, size_t payload_len, size_t subject_len)
{
	struct space *s = &b->space;
	uint64_t need = payload_len + subject_len + RECORD_OVERHEAD + META_HEADERS, asked_ns;
	struct stream_info info;
	bool is_taken;

	if (!s->is_guarded)
		return true;
	mutex_lock(&s->lock);
	is_taken = take_locked(s, need, s->reserve / 2);
	mutex_unlock(&s->lock);
	if (is_taken)
		return true;
	asked_ns = clock_now_ns();
	if (stream_info_read(b, &info) < 0)
		return false;
	LOCK_SCOPE(&s->lock);
	/* Requests under way keep their own account of what came after them. */
	s->known = info.bytes;
	s->known_ns = asked_ns;
	s->since = 0;
	return take_locked(s, need, s->reserve / 2);
}
