/* SPDX-License-Identifier: Apache-2.0 */
#include "bucket_fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "util/clock.h"
#include "util/lock.h"
#include "util/log.h"

#define WAIT_MS 20000

struct fixture fx;

void fixture_setup(void)
{
	_cleanup_free_ char *why = NULL;

	log_init("test_bucket", LOG_LEVEL_ERROR);
	ck_assert_int_eq(conn_library_init(), 0);
	fx.server = server_start(NULL);
	fx.cfg = (struct conn_config){.servers = server_url(fx.server),
				      .name = "natsobj test",
				      .connect_timeout_ms = 5000,
				      .timeout_ms = 3000};
	ck_assert_int_eq(rpc_open(&fx.cfg, CONN_CONTROL, NULL, &fx.raw, &why), 0);
}

void fixture_teardown(void)
{
	rpc_close(fx.raw);
	server_free(fx.server);
	conn_library_done();
}

struct store *fixture_open(const struct bucket_options *opts)
{
	struct bucket_options mine = opts ? *opts : (struct bucket_options){0};
	_cleanup_free_ char *why = NULL;
	struct store *s = NULL;
	int err;

	mine.want_create = !mine.want_read_only;
	err = bucket_open(&fx.cfg, FIXTURE_BUCKET, &mine, &s, &why);
	ck_assert_msg(err == 0, "%d: %s", err, why);
	return s;
}

char *fixture_request(const char *subject, const void *data, size_t len)
{
	struct rpc_request req = {.subject = subject,
				  .data = data,
				  .len = len,
				  .deadline_ns = clock_deadline_ms(WAIT_MS)};
	natsMsg *msg = NULL;
	bool was_sent;
	char *text;
	int err;

	ck_assert_int_eq(rpc_wait_up(fx.raw, clock_deadline_ms(WAIT_MS)), 0);
	err = rpc_call(fx.raw, &req, &msg, &was_sent);
	ck_assert_msg(err == 0, "%s: %d", subject, err);
	text = strndup(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg));
	natsMsg_Destroy(msg);
	ck_assert_ptr_nonnull(text);
	return text;
}

void fixture_api(const char *subject, const char *body)
{
	_cleanup_free_ char *text = fixture_request(subject, body, body ? strlen(body) : 0);

	ck_assert_msg(!strstr(text, "\"error\""), "%s: %s", subject, text);
}

uint8_t fixture_byte(uint64_t off)
{
	return (uint8_t)(off * UINT64_C(2654435761) >> 13 ^ off >> 9);
}

int fixture_upload(struct store_put *put, uint32_t chunk_size, uint64_t from, uint64_t size)
{
	for (uint64_t off = from; off < from + size;) {
		uint64_t len = from + size - off < chunk_size ? from + size - off : chunk_size;
		struct chunk *c = chunk_new(len);
		int err;

		ck_assert_ptr_nonnull(c);
		for (uint64_t i = 0; i < len; i++)
			c->data[i] = fixture_byte(off + i);
		c->len = len;
		err = store_put_wait_room(put);
		if (err < 0) {
			chunk_unref(c);
			return err;
		}
		err = store_put_add(put, c);
		if (err < 0)
			return err;
		off += len;
	}
	return 0;
}

struct obj_info *fixture_store(struct store *s, const char *name, uint64_t size,
			       uint64_t expected_seq)
{
	struct obj_info *info = obj_info_new(name, strlen(name));
	struct store_put *put = NULL;
	struct put_result r;

	ck_assert_int_eq(store_put_open(s, &put), 0);
	ck_assert_int_eq(fixture_upload(put, s->chunk_size, 0, size), 0);
	ck_assert_int_eq(store_put_foretell(put, &r), 0);
	ck_assert_uint_eq(r.size, size);
	put_result_describe(&r, info);
	ck_assert_int_eq(store_put_commit(s, put, info, expected_seq), 0);
	store_put_close(put, true);
	ck_assert_uint_gt(info->seq, 0);
	return info;
}

struct answer {
	struct mutex lock;
	struct cond cond;
	bool is_done;
	struct chunk *chunk;
	int err;
};

static void on_chunk(void *arg, uint32_t idx, struct chunk *chunk, int err)
{
	struct answer *a = arg;

	(void)idx;
	LOCK_SCOPE(&a->lock);
	a->is_done = true;
	a->chunk = chunk;
	a->err = err;
	cond_signal(&a->cond);
}

int fixture_get_chunk(struct store_get *get, uint32_t idx, struct chunk **ret)
{
	struct answer a = {.is_done = false};
	int err;

	mutex_init(&a.lock, LOCK_RANK_LEAF);
	cond_init(&a.cond);
	err = store_get_chunk(get, idx, on_chunk, &a);
	if (err < 0)
		return err;
	mutex_lock(&a.lock);
	while (!a.is_done)
		cond_wait(&a.cond, &a.lock);
	mutex_unlock(&a.lock);
	*ret = a.chunk;
	return a.err;
}

static int check_range(struct store_get *get, uint64_t off, uint64_t size, uint64_t *ret_next)
{
	_cleanup_chunk_ struct chunk *c = NULL;
	uint64_t start;
	size_t i = 0;
	uint32_t idx;
	int err;

	store_get_locate(get, off, &idx, &start);
	ck_assert_uint_eq(start, off);
	err = fixture_get_chunk(get, idx, &c);
	if (err < 0)
		return err;
	ck_assert_uint_gt(c->len, 0);
	ck_assert_uint_le(off + c->len, size);
	/* Check reports every assertion through a pipe, so not one for each byte. */
	while (i < c->len && c->data[i] == fixture_byte(off + i))
		i++;
	ck_assert_msg(i == c->len, "byte %lu differs", (unsigned long)(off + i));
	*ret_next = off + c->len;
	return 0;
}

int fixture_check(struct store *s, const struct obj_info *info)
{
	struct store_get *get = NULL;
	int err;

	err = store_get_open(s, info, &get);
	if (err < 0)
		return err;
	err = store_get_index(get, true);
	for (uint64_t off = 0; !err && off < info->size;)
		err = check_range(get, off, info->size, &off);
	store_get_close(get);
	return err;
}

void fixture_wait_messages(struct store *s, uint64_t n)
{
	uint64_t deadline_ns = clock_deadline_ms(WAIT_MS);
	struct store_status st = {0};

	do {
		ck_assert_int_eq(store_status(s, &st), 0);
		if (st.messages == n)
			return;
		nats_Sleep(50);
	} while (clock_now_ns() < deadline_ns);
	ck_abort_msg("%lu messages instead of %lu", (unsigned long)st.messages, (unsigned long)n);
}

struct obj_info *fixture_info(struct store *s, const char *name)
{
	struct obj_info *info = NULL;
	int err = store_get_info(s, name, strlen(name), &info);

	ck_assert_msg(err == 0, "%s: %d", name, err);
	return info;
}
