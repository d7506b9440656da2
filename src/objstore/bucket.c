/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a bucket: bucket_new, up to four connections, then is_open, after which callers may
 * wait for the server. Closing sets is_closing, which every wait looks at; calls under way are
 * counted and waited for before anything is freed.
 *
 * Order of closing: is_closing, the watch (it calls out), uploads (their last acknowledgements),
 * the janitor (what they left), parked requests, callers, then the connections, whose end answers
 * everything that is still pending, then memory.
 */
#include <stdio.h>
#include <string.h>

#include "objstore/account.h"
#include "objstore/api.h"
#include "objstore/bucket_internal.h"
#include "objstore/conn_options.h"
#include "objstore/kv_values.h"
#include "objstore/layout.h"
#include "util/clock.h"

#define DEFAULT_TIMEOUT_MS 10000
#define DEFAULT_WINDOW (UINT64_C(8) << 20)
#define STATUS_WAIT_MS 2000
/* An answer this young is given again by store_status. */
#define STATUS_AGE_MS 1000
/* What closing waits for a server that does not answer. */
#define CLOSE_MS 5000

bool bucket_is_closing(struct bucket *b)
{
	LOCK_SCOPE(&b->lock);
	return b->is_closing;
}

int bucket_check_writable(struct bucket *b)
{
	return b->is_read_only || atomic_load(&b->store.why_read_only) ? -EROFS : 0;
}

/* The servers for messages, without credentials. */
static char *describe_servers(const struct conn_config *cfg)
{
	_cleanup_buf_ struct buf out;
	_cleanup_free_ char *why = NULL;
	struct conn_settings *settings = NULL;

	buf_init(&out, 4096);
	if (conn_settings_new(cfg, &settings, &why) < 0)
		return strdup("the server");
	for (size_t i = 0; i < settings->n_servers; i++) {
		buf_append_str(&out, i > 0 ? ", " : "");
		buf_append_str(&out, settings->servers[i].label);
	}
	conn_settings_free(settings);
	return buf_error(&out) ? strdup("the server") : buf_steal(&out);
}

static int name_things(struct bucket *b, const struct conn_config *cfg, const char *name)
{
	snprintf(b->store.bucket, sizeof(b->store.bucket), "%s", name);
	if (cfg->domain && *cfg->domain) {
		b->domain = strdup(cfg->domain);
		if (!b->domain || asprintf(&b->api, "$JS.%s.API", cfg->domain) < 0)
			return -ENOMEM;
	} else {
		b->api = strdup("$JS.API");
	}
	b->where = describe_servers(cfg);
	if (b->where)
		snprintf(b->store.server, sizeof(b->store.server), "%s", b->where);
	if (cfg->inbox_prefix)
		b->inbox_prefix = strdup(cfg->inbox_prefix);
	if (!b->api || !b->where || (cfg->inbox_prefix && !b->inbox_prefix))
		return -ENOMEM;
	if (!*name)
		return 0;
	if (asprintf(&b->stream, "%s%s", b->layout->stream_prefix, name) < 0)
		b->stream = NULL;
	if (asprintf(&b->meta_prefix, "%s%s%s", b->layout->meta_head, name, b->layout->meta_tail) <
	    0)
		b->meta_prefix = NULL;
	return b->stream && b->meta_prefix ? 0 : -ENOMEM;
}

struct bucket *bucket_new(const struct conn_config *cfg, const char *name,
			  const struct layout *layout)
{
	struct bucket *b = calloc(1, sizeof(*b));

	if (!b)
		return NULL;
	b->layout = layout;
	b->store.ops = layout->ops;
	mutex_init(&b->lock, LOCK_RANK_STORE);
	cond_init(&b->changed);
	hash_init(&b->foreign);
	uploads_init(&b->uploads, DEFAULT_WINDOW);
	parked_init(&b->parked);
	janitor_init(&b->janitor);
	space_init(&b->space);
	b->timeout_ms = cfg->timeout_ms ? cfg->timeout_ms : DEFAULT_TIMEOUT_MS;
	if (name_things(b, cfg, name) < 0) {
		bucket_free(b);
		return NULL;
	}
	return b;
}

static void on_up(void *arg, natsConnection *nc)
{
	struct bucket_link *link = arg;
	struct bucket *b = link->bucket;

	atomic_fetch_add(&b->n_up, 1);
	if (link == &b->control)
		replaced_up(b);
	if (link->push)
		push_up(link->push, nc);
	mutex_lock(&b->lock);
	cond_broadcast(&b->changed);
	mutex_unlock(&b->lock);
	if (link == &b->control)
		watch_wake(b);
	if (link == &b->read)
		parked_wake(b);
}

static void on_down(void *arg)
{
	struct bucket_link *link = arg;
	struct bucket *b = link->bucket;

	if (link->push)
		push_down(link->push);
	if (link == &b->control)
		watch_wake(b);
}

int bucket_connect(struct bucket *b, const struct conn_config *cfg, enum conn_kind kind,
		   struct bucket_link *link, char **ret_why)
{
	struct rpc_events events = {.arg = link, .on_up = on_up, .on_down = on_down};

	link->bucket = b;
	return rpc_open(cfg, kind, &events, &link->rpc, ret_why);
}

static void wait_calls(struct bucket *b)
{
	LOCK_SCOPE(&b->lock);
	while (b->n_calls > 0)
		cond_wait(&b->changed, &b->lock);
}

static void link_close(struct bucket_link *link)
{
	rpc_close(link->rpc);
	link->rpc = NULL;
	push_free(link->push);
	link->push = NULL;
}

static void bucket_shutdown(struct bucket *b)
{
	mutex_lock(&b->lock);
	b->is_closing = true;
	cond_broadcast(&b->changed);
	mutex_unlock(&b->lock);
	watch_shutdown(b);
	uploads_shutdown(b);
	parked_shutdown(b);
	/* Not the janitor's, which cleans up at the end. */
	rpc_abandon(b->control.rpc);
	rpc_abandon(b->read.rpc);
	rpc_abandon(b->write.rpc);
}

void bucket_free(struct bucket *b)
{
	if (!b)
		return;
	bucket_shutdown(b);
	watch_stop(b);
	uploads_stop(b, clock_deadline_ms(CLOSE_MS));
	janitor_stop(b, clock_deadline_ms(CLOSE_MS));
	parked_stop(b);
	values_stop(b->values);
	wait_calls(b);
	link_close(&b->write);
	link_close(&b->read);
	link_close(&b->janitor_link);
	link_close(&b->control);
	watch_done(b);
	uploads_done(&b->uploads);
	parked_done(&b->parked);
	janitor_done(&b->janitor);
	space_done(&b->space);
	values_free(b->values);
	meta_forget_tokens(b);
	hash_done(&b->foreign);
	cond_done(&b->changed);
	mutex_done(&b->lock);
	free(b->stream);
	free(b->api);
	free(b->domain);
	free(b->meta_prefix);
	free(b->where);
	free(b->inbox_prefix);
	free(b);
}

void bucket_close_op(struct store *s)
{
	bucket_free(bucket_of(s));
}

void bucket_shutdown_op(struct store *s)
{
	bucket_shutdown(bucket_of(s));
}

/* The last answer; true when it is young. */
static bool recall(struct bucket *b, struct stream_info *ret)
{
	LOCK_SCOPE(&b->lock);
	*ret = b->last_info;
	return clock_now_ns() - b->last_info_ns < (uint64_t)STATUS_AGE_MS * (uint64_t)NS_PER_MS;
}

/* Once, and not for long: umount(8) asks before it unmounts, whatever the server does. What a
 * server that is away does not answer stays as it was. */
static int ask_status(struct bucket *b, struct stream_info *info)
{
	_cleanup_free_ char *subject = api_subject(b, "STREAM.INFO");
	_cleanup_msg_ natsMsg *msg = NULL;
	struct rpc_request req = {.subject = subject,
				  .deadline_ns = clock_deadline_ms(STATUS_WAIT_MS)};
	struct stream_info now;
	bool was_sent;
	int err;

	if (!subject)
		return -ENOMEM;
	if (rpc_call(b->control.rpc, &req, &msg, &was_sent) < 0)
		return 0;
	err = stream_info_parse(b, msg, &now);
	if (!err)
		*info = now;
	return err == -EAGAIN ? 0 : err;
}

int bucket_status_op(struct store *s, struct store_status *ret)
{
	struct bucket *b = bucket_of(s);
	bool is_up = rpc_is_up(b->control.rpc);
	struct stream_info info;
	uint64_t free_bytes = UINT64_MAX;
	int err = bucket_enter(b);

	if (err < 0)
		return err;
	if (!recall(b, &info) && is_up)
		err = ask_status(b, &info);
	if (!err && is_up)
		free_bytes = account_free(b, &info);
	bucket_leave(b);
	if (err < 0)
		return err == -ENOENT ? -ENODEV : err;
	if (info.max_bytes > 0) {
		uint64_t room = space_free(b, &info);

		free_bytes = room < free_bytes ? room : free_bytes;
	}
	*ret = (struct store_status){
		.bytes = info.bytes,
		.max_bytes = info.max_bytes,
		.free_bytes = free_bytes,
		.messages = info.messages,
		.last_seq = info.last_seq,
		.created_ns = info.created_ns,
		.is_read_only = b->is_read_only || info.why_read_only,
		.is_connected = is_up,
		.replicas = info.replicas,
		.max_age_ns = info.max_age_ns,
	};
	return 0;
}

const struct store_ops bucket_ops = {
	.close = bucket_close_op,
	.shutdown = bucket_shutdown_op,
	.status = bucket_status_op,
	.get_info = meta_get_info,
	.get_infos = meta_get_infos,
	.put_info = meta_put_info,
	.put_infos = meta_put_infos,
	.remove_info = meta_remove_info,
	.purge_all = purge_all,
	.watch = watch_start,
	.watch_mark = watch_get_mark,
	.catch_up = watch_catch_up,
	.names = meta_names,
	.put_open = put_open,
	.put_add = put_add,
	.put_has_room = put_has_room,
	.put_wait_room = put_wait_room,
	.put_finish = put_finish,
	.put_foretell = put_foretell,
	.put_commit = meta_commit,
	.put_close = put_close,
	.get_open = get_open,
	.get_close = get_close,
	.get_index = get_index,
	.get_locate = get_locate,
	.get_chunk = get_chunk,
};
