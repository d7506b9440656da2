/* SPDX-License-Identifier: Apache-2.0 */
/* Requests and answers against a real server. */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn_fixture.h"
#include "server.h"
#include "suite.h"
#include "tally.h"
#include "util/clock.h"

START_TEST(request_is_answered)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), _i);

	ck_assert(rpc_is_up(r));
	ck_assert_uint_eq(conn_max_payload(rpc_conn(r)), 1048576);
	ck_assert_uint_ge(conn_server_version(rpc_conn(r)), 0x020900);
	assert_info_works(r);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(ten_thousand_requests_at_once)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_READ);
	struct tally t;

	tally_init(&t);
	for (int i = 0; i < 10000; i++)
		ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 60000), 0);
	tally_wait(&t, 10000, 60000);
	ck_assert_uint_eq(t.n_ok, 10000);
	rpc_close(r);
	server_free(s);
}
END_TEST

/* Binary payloads and headers arrive as they were sent, from a copy and from a chunk. */
static void echo(natsConnection *nc, natsSubscription *sub, natsMsg *msg, void *arg)
{
	natsMsg *reply;
	const char *v;

	(void)sub;
	(void)arg;
	ck_assert_int_eq(natsMsg_Create(&reply, natsMsg_GetReply(msg), NULL, natsMsg_GetData(msg),
					natsMsg_GetDataLength(msg)),
			 NATS_OK);
	v = rpc_msg_header(msg, "Test-Key");
	if (v)
		natsMsgHeader_Set(reply, "Test-Key", v);
	natsConnection_PublishMsg(nc, reply);
	natsMsg_Destroy(reply);
	natsMsg_Destroy(msg);
}

START_TEST(payload_and_headers_survive)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_WRITE);
	const struct rpc_header header = {"Test-Key", "some value"};
	struct rpc_request req = {.subject = "echo"};
	struct chunk *chunk = chunk_new(131072);
	natsConnection *nc = NULL;
	natsSubscription *sub = NULL;
	natsMsg *msg;
	bool was_sent;

	ck_assert_int_eq(natsConnection_ConnectTo(&nc, server_url(s)), NATS_OK);
	ck_assert_int_eq(natsConnection_Subscribe(&sub, nc, "echo", echo, NULL), NATS_OK);
	ck_assert_int_eq(natsConnection_Flush(nc), NATS_OK);
	for (size_t i = 0; i < chunk->cap; i++)
		chunk->data[i] = (uint8_t)(i * 7 + i / 256);
	chunk->len = chunk->cap;
	for (int i = 0; i < 4; i++) {
		bool has_header = i & 1, is_chunk = i & 2;

		req.deadline_ns = clock_deadline_ms(5000);
		req.headers = &header;
		req.n_headers = has_header;
		req.chunk = is_chunk ? chunk : NULL;
		req.data = is_chunk ? NULL : chunk->data;
		req.len = is_chunk ? 0 : 1000;
		ck_assert_int_eq(rpc_call(r, &req, &msg, &was_sent), 0);
		ck_assert(was_sent);
		ck_assert_int_eq(natsMsg_GetDataLength(msg), is_chunk ? 131072 : 1000);
		ck_assert_mem_eq(natsMsg_GetData(msg), chunk->data, is_chunk ? 131072 : 1000);
		if (has_header)
			ck_assert_str_eq(rpc_msg_header(msg, "Test-Key"), "some value");
		else
			ck_assert_ptr_null(rpc_msg_header(msg, "Test-Key"));
		natsMsg_Destroy(msg);
	}
	rpc_close(r);
	ck_assert_uint_eq(atomic_load(&chunk->refs), 1);
	chunk_unref(chunk);
	natsConnection_Close(nc);
	natsSubscription_Destroy(sub);
	natsConnection_Destroy(nc);
	server_free(s);
}
END_TEST

START_TEST(plain_publish_arrives_in_order)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	natsConnection *nc = NULL;
	natsSubscription *sub = NULL;
	natsMsg *msg;
	char text[16];

	ck_assert_int_eq(natsConnection_ConnectTo(&nc, server_url(s)), NATS_OK);
	ck_assert_int_eq(natsConnection_SubscribeSync(&sub, nc, "plain"), NATS_OK);
	ck_assert_int_eq(natsConnection_Flush(nc), NATS_OK);
	for (int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "%d", i);
		ck_assert_int_eq(rpc_publish(r, "plain", text, strlen(text) + 1), 0);
	}
	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(natsSubscription_NextMsg(&msg, sub, 5000), NATS_OK);
		ck_assert_int_eq(atoi(natsMsg_GetData(msg)), i);
		ck_assert_ptr_null(natsMsg_GetReply(msg));
		natsMsg_Destroy(msg);
	}
	rpc_close(r);
	natsConnection_Close(nc);
	natsSubscription_Destroy(sub);
	natsConnection_Destroy(nc);
	server_free(s);
}
END_TEST

START_TEST(nobody_listening_is_enoent)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	natsMsg *msg;

	ck_assert_int_eq(call(r, "no.such.service", NULL, 5000, &msg), -ENOENT);
	ck_assert_ptr_null(msg);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(status_message_is_an_answer)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	natsMsg *msg;

	ck_assert_int_eq(call(r, "$JS.API.STREAM.CREATE.T",
			      "{\"name\":\"T\",\"subjects\":[\"t\"],\"allow_direct\":true}", 5000,
			      &msg),
			 0);
	natsMsg_Destroy(msg);
	ck_assert_int_eq(call(r, "$JS.API.DIRECT.GET.T", "{\"seq\":1}", 5000, &msg), 0);
	ck_assert_int_eq(rpc_msg_status(msg), 404);
	natsMsg_Destroy(msg);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(deadline_is_kept)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	uint64_t start, took_ms;
	natsMsg *msg;

	server_pause(s);
	start = clock_now_ns();
	ck_assert_int_eq(call(r, "$JS.API.INFO", NULL, 300, &msg), -ETIMEDOUT);
	took_ms = (clock_now_ns() - start) / NS_PER_MS;
	ck_assert_uint_ge(took_ms, 300);
	ck_assert_uint_lt(took_ms, 10000);
	/* The late answer must not be taken for that of the next request. */
	server_resume(s);
	for (int i = 0; i < 100; i++)
		assert_info_works(r);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(close_ends_pending_requests)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	uint64_t start;
	struct tally t;

	tally_init(&t);
	server_pause(s);
	for (int i = 0; i < 100; i++)
		ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 60000), 0);
	start = clock_now_ns();
	rpc_close(r);
	ck_assert_uint_lt((clock_now_ns() - start) / NS_PER_MS, 20000);
	ck_assert_uint_eq(t.n_shutdown, 100);
	server_free(s);
}
END_TEST

START_TEST(too_large_or_too_long_is_refused)
{
	struct server *s = server_start("max_payload: 4096\n");
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	_cleanup_free_ char *text = malloc(8192);
	natsMsg *msg;

	ck_assert_uint_eq(conn_max_payload(rpc_conn(r)), 4096);
	memset(text, 'x', 8191);
	text[8191] = '\0';
	ck_assert_int_eq(call(r, "$JS.API.INFO", text, 5000, &msg), -EFBIG);
	text[4090] = '\0';
	ck_assert_int_eq(call(r, text, NULL, 5000, &msg), -ENAMETOOLONG);
	text[3900] = '\0';
	ck_assert_int_eq(call(r, text, NULL, 5000, &msg), -ENOENT);
	ck_assert_int_eq(call(r, "a b\r\nPUB x 0", NULL, 5000, &msg), -EINVAL);
	assert_info_works(r);
	rpc_close(r);
	server_free(s);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("rpc");
	TCase *tc = make_case("requests");

	tcase_add_loop_test(tc, request_is_answered, CONN_CONTROL, CONN_JANITOR + 1);
	tcase_add_test(tc, ten_thousand_requests_at_once);
	tcase_add_test(tc, payload_and_headers_survive);
	tcase_add_test(tc, plain_publish_arrives_in_order);
	tcase_add_test(tc, nobody_listening_is_enoent);
	tcase_add_test(tc, status_message_is_an_answer);
	tcase_add_test(tc, deadline_is_kept);
	tcase_add_test(tc, close_ends_pending_requests);
	tcase_add_test(tc, too_large_or_too_long_is_refused);
	suite_add_tcase(s, tc);
	return run_suite(s);
}
