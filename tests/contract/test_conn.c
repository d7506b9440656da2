/* SPDX-License-Identifier: Apache-2.0 */
/* Connections and requests against a real server and against some that misbehave. */
#include <check.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake_server.h"
#include "objstore/conn_options.h"
#include "objstore/probe.h"
#include "objstore/rpc.h"
#include "server.h"
#include "util/clock.h"
#include "util/lock.h"
#include "util/log.h"

#define TIMEOUT_MS 2500
#define ANY_ERROR 1

static struct conn_config config(const char *servers)
{
	return (struct conn_config){.servers = servers,
				    .name = "natsobj test",
				    .connect_timeout_ms = 5000,
				    .timeout_ms = 5000};
}

static void setup(void)
{
	log_init("test_conn", LOG_LEVEL_ERROR);
	ck_assert_int_eq(conn_library_init(), 0);
}

static void teardown(void)
{
	conn_library_done();
}

static struct rpc *open_rpc(const char *url, enum conn_kind kind)
{
	struct conn_config cfg = config(url);
	_cleanup_free_ char *why = NULL;
	struct rpc *r = NULL;
	int err = rpc_open(&cfg, kind, NULL, &r, &why);

	ck_assert_msg(err == 0, "%s: %d %s", url, err, why);
	ck_assert_ptr_nonnull(r);
	return r;
}

/* Opening must fail with err, within limit_ms, and say why without secrets. */
static void assert_open_fails(const struct conn_config *cfg, int expected, uint64_t limit_ms)
{
	uint64_t start = clock_now_ns(), took_ms;
	_cleanup_free_ char *why = NULL;
	struct rpc *r = NULL;
	int err = rpc_open(cfg, CONN_CONTROL, NULL, &r, &why);

	took_ms = (clock_now_ns() - start) / NS_PER_MS;
	if (expected == ANY_ERROR)
		ck_assert_int_lt(err, 0);
	else
		ck_assert_msg(err == expected, "%d (%s), expected %d", err, why, expected);
	ck_assert_ptr_null(r);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(!strstr(why, "s3cr3t"), "%s", why);
	ck_assert_msg(took_ms < limit_ms, "took %lu ms", (unsigned long)took_ms);
}

static int call(struct rpc *r, const char *subject, const char *data, int64_t timeout_ms,
		natsMsg **ret_msg)
{
	struct rpc_request req = {.subject = subject,
				  .data = data,
				  .len = data ? strlen(data) : 0,
				  .deadline_ns = clock_deadline_ms(timeout_ms)};
	bool was_sent;

	return rpc_call(r, &req, ret_msg, &was_sent);
}

static void assert_info_works(struct rpc *r)
{
	natsMsg *msg;
	int err = call(r, "$JS.API.INFO", NULL, 5000, &msg);

	ck_assert_int_eq(err, 0);
	ck_assert_ptr_nonnull(memmem(natsMsg_GetData(msg), (size_t)natsMsg_GetDataLength(msg),
				     "account_info_response", 21));
	ck_assert_int_eq(rpc_msg_status(msg), 0);
	natsMsg_Destroy(msg);
}

/* Counts the ends of many requests by kind. */
struct tally {
	struct mutex lock;
	struct cond cond;
	unsigned int n_ok, n_timeout, n_notconn, n_denied, n_shutdown, n_other, n_sent;
};

static void tally_init(struct tally *t)
{
	*t = (struct tally){0};
	mutex_init(&t->lock, LOCK_RANK_LEAF);
	cond_init(&t->cond);
}

static unsigned int tally_sum(const struct tally *t)
{
	return t->n_ok + t->n_timeout + t->n_notconn + t->n_denied + t->n_shutdown + t->n_other;
}

static void count_end(void *arg, natsMsg *msg, int err, bool was_sent)
{
	struct tally *t = arg;

	natsMsg_Destroy(msg);
	LOCK_SCOPE(&t->lock);
	switch (err) {
	case 0:
		t->n_ok++;
		break;
	case -ETIMEDOUT:
		t->n_timeout++;
		break;
	case -ENOTCONN:
		t->n_notconn++;
		break;
	case -EACCES:
		t->n_denied++;
		break;
	case -ESHUTDOWN:
		t->n_shutdown++;
		break;
	default:
		t->n_other++;
	}
	t->n_sent += was_sent;
	cond_broadcast(&t->cond);
}

static void tally_wait(struct tally *t, unsigned int n, int64_t timeout_ms)
{
	uint64_t deadline_ns = clock_deadline_ms(timeout_ms);

	LOCK_SCOPE(&t->lock);
	while (tally_sum(t) < n && cond_wait_until(&t->cond, &t->lock, deadline_ns) != -ETIMEDOUT)
		;
	ck_assert_uint_eq(tally_sum(t), n);
}

static int send_counted(struct rpc *r, struct tally *t, const char *subject, int64_t timeout_ms)
{
	struct rpc_request req = {.subject = subject,
				  .deadline_ns = clock_deadline_ms(timeout_ms),
				  .done = count_end,
				  .arg = t};

	return rpc_send(r, &req);
}

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

START_TEST(lost_server_ends_requests_and_comes_back)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	struct tally t;

	tally_init(&t);
	server_pause(s);
	for (int i = 0; i < 1000; i++)
		ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 60000), 0);
	/* Let the sender put them on the wire: the frozen server's socket takes them all. */
	for (int ms = 0; ms < 5000 && rpc_publish(r, "fence", NULL, 0) == 0; ms += 100) {
		struct timespec ts = {.tv_nsec = 100 * NS_PER_MS};

		nanosleep(&ts, NULL);
		if (ms >= 300)
			break;
	}
	server_kill(s);
	tally_wait(&t, 1000, 10000);
	ck_assert_uint_eq(t.n_notconn, 1000);
	ck_assert_uint_eq(t.n_sent, 1000);
	/* Down: at once, and known to be unsent. */
	ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 60000), 0);
	tally_wait(&t, 1001, 5000);
	ck_assert_uint_eq(t.n_notconn, 1001);
	ck_assert_uint_eq(t.n_sent, 1000);
	ck_assert_int_eq(rpc_wait_up(r, clock_deadline_ms(300)), -ETIMEDOUT);
	server_restart(s);
	ck_assert_int_eq(rpc_wait_up(r, clock_deadline_ms(10000)), 0);
	assert_info_works(r);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(survives_many_restarts)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_READ);
	struct tally t;
	unsigned int n = 0;

	tally_init(&t);
	for (int round = 0; round < 5; round++) {
		for (int i = 0; i < 500; i++, n++)
			ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 20000), 0);
		server_kill(s);
		for (int i = 0; i < 100; i++, n++)
			ck_assert_int_eq(send_counted(r, &t, "$JS.API.INFO", 20000), 0);
		server_restart(s);
		/* Until the new connection works; the old one may still seem to be up. */
		for (int err = -1, tries = 0; err != 0; tries++) {
			natsMsg *msg;

			ck_assert_int_lt(tries, 1000);
			ck_assert_int_eq(rpc_wait_up(r, clock_deadline_ms(10000)), 0);
			err = call(r, "$JS.API.INFO", NULL, 1000, &msg);
			natsMsg_Destroy(msg);
		}
	}
	tally_wait(&t, n, 30000);
	ck_assert_uint_eq(t.n_ok + t.n_notconn, n);
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

static const char permissions[] =
	"authorization {\n"
	"  users = [{user: u, password: s3cr3t, permissions: {\n"
	"    publish: {deny: [\"denied.>\"]}, subscribe: {deny: [\"nosub.>\"]}}}]\n"
	"}\n";

START_TEST(missing_permission_is_eacces)
{
	struct server *s = server_start(permissions);
	struct conn_config cfg = config(server_url(s));
	_cleanup_free_ char *why = NULL;
	struct rpc *r;
	natsMsg *msg;
	char subject[600];

	cfg.user = "u";
	cfg.password = "s3cr3t";
	ck_assert_int_eq(rpc_open(&cfg, CONN_CONTROL, NULL, &r, &why), 0);
	ck_assert_int_eq(call(r, "denied.x", NULL, 30000, &msg), -EACCES);
	/* Longer than the library lets an error text be. */
	snprintf(subject, sizeof(subject), "denied.%0500d", 7);
	ck_assert_int_eq(call(r, subject, NULL, 30000, &msg), -EACCES);
	assert_info_works(r);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(refused_inbox_is_eacces)
{
	struct server *s = server_start("authorization {users = [{user: u, password: p, "
					"permissions: {subscribe: {deny: [\"_INBOX.>\"]}}}]}\n");
	struct conn_config cfg = config(server_url(s));
	_cleanup_free_ char *why = NULL;
	struct rpc *r;
	natsMsg *msg;

	cfg.user = "u";
	cfg.password = "p";
	ck_assert_int_eq(rpc_open(&cfg, CONN_CONTROL, NULL, &r, &why), 0);
	ck_assert_int_eq(call(r, "$JS.API.INFO", NULL, 30000, &msg), -EACCES);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(password_in_url_is_decoded)
{
	struct server *s =
		server_start("authorization {users = [{user: \"a b\", password: \"p@:/%\"}]}\n");
	char url[128];
	struct rpc *r;

	snprintf(url, sizeof(url), "nats://a%%20b:p%%40%%3a%%2F%%25@127.0.0.1:%u", server_port(s));
	r = open_rpc(url, CONN_CONTROL);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(wrong_password_is_eacces)
{
	struct server *s = server_start(permissions);
	struct conn_config cfg = config(server_url(s));

	cfg.user = "u";
	cfg.password = "s3cr3t-wrong";
	assert_open_fails(&cfg, -EACCES, 20000);
	cfg.user = cfg.password = NULL;
	assert_open_fails(&cfg, -EACCES, 20000);
	server_free(s);
}
END_TEST

START_TEST(token_and_nkey_are_accepted)
{
	static const char seed[] = "SUACSSL3UAHUDXKFSNVUZRF5UHPMWZ6BFDTJ7M6USDXIEDNPPQYYYCU3VY";
	struct server *s = server_start("authorization {users = [{nkey: "
					"UDXU4RCSJNZOIQHZNWXHXORDPRTGNJAHAHFRGZNEEJCPQTT2M7NLCNF4"
					"}]}\n");
	struct conn_config cfg = config(server_url(s));
	_cleanup_free_ char *why = NULL;
	char path[192];
	struct rpc *r;
	FILE *f;

	snprintf(path, sizeof(path), "%s/seed", server_dir(s));
	f = fopen(path, "we");
	ck_assert_ptr_nonnull(f);
	fprintf(f, "-----BEGIN USER NKEY SEED-----\n%s\n------END USER NKEY SEED------\n", seed);
	fclose(f);
	cfg.nkey_file = path;
	ck_assert_int_eq(rpc_open(&cfg, CONN_CONTROL, NULL, &r, &why), 0);
	rpc_close(r);
	server_free(s);

	s = server_start("authorization {token: s3cr3t}\n");
	cfg = config(server_url(s));
	cfg.token = "s3cr3t";
	ck_assert_int_eq(rpc_open(&cfg, CONN_CONTROL, NULL, &r, &why), 0);
	rpc_close(r);
	server_free(s);
}
END_TEST

START_TEST(missing_files_are_named_before_connecting)
{
	struct server *s = server_start(NULL);
	struct conn_config cfg = config(server_url(s));

	cfg.creds_file = "/nonexistent/x.creds";
	assert_open_fails(&cfg, -EINVAL, 20000);
	cfg.creds_file = NULL;
	cfg.nkey_file = "/nonexistent/x.nk";
	assert_open_fails(&cfg, -EINVAL, 20000);
	cfg.nkey_file = "/dev/null";
	assert_open_fails(&cfg, -EINVAL, 20000);
	cfg.nkey_file = NULL;
	cfg.tls_ca = "/nonexistent/ca.pem";
	assert_open_fails(&cfg, -EINVAL, 20000);
	cfg.tls_ca = NULL;
	cfg.tls_cert = "/nonexistent/cert.pem";
	assert_open_fails(&cfg, -EINVAL, 20000);
	server_free(s);
}
END_TEST

/* Makes a certificate for 127.0.0.1 in the given directory. False without the openssl program. */
static bool make_certificate(const char *dir)
{
	char cmd[1024];

	snprintf(cmd, sizeof(cmd),
		 "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost "
		 "-addext subjectAltName=IP:127.0.0.1 -keyout %s/key.pem -out %s/cert.pem "
		 ">/dev/null 2>&1",
		 dir, dir);
	return system(cmd) == 0;
}

START_TEST(tls_is_used_and_verified)
{
	char dir[] = "/tmp/natsobj-test-tls-XXXXXX", text[512], url[64], ca[64];
	struct conn_config cfg;
	struct server *s;
	struct rpc *r;
	_cleanup_free_ char *why = NULL;

	ck_assert_ptr_nonnull(mkdtemp(dir));
	ck_assert(make_certificate(dir));
	snprintf(text, sizeof(text), "tls {cert_file: \"%s/cert.pem\", key_file: \"%s/key.pem\"}\n",
		 dir, dir);
	s = server_start(text);
	snprintf(url, sizeof(url), "tls://127.0.0.1:%u", server_port(s));
	snprintf(ca, sizeof(ca), "%s/cert.pem", dir);
	cfg = config(url);
	cfg.connect_timeout_ms = 3000;
	assert_open_fails(&cfg, -EPROTO, 20000);
	cfg.tls_ca = ca;
	ck_assert_int_eq(rpc_open(&cfg, CONN_CONTROL, NULL, &r, &why), 0);
	for (int i = 0; i < 50; i++)
		assert_info_works(r);
	rpc_close(r);
	server_free(s);
	/* A server without TLS is not talked to when TLS is wanted. */
	s = server_start(NULL);
	snprintf(url, sizeof(url), "tls://127.0.0.1:%u", server_port(s));
	assert_open_fails(&cfg, -EPROTO, 20000);
	server_free(s);
	snprintf(text, sizeof(text), "rm -r %s", dir);
	ck_assert_int_eq(system(text), 0);
}
END_TEST

static const struct {
	enum fake_act first, others;
	int expected;
} bad_servers[] = {
	{FAKE_SILENT, FAKE_SILENT, -ETIMEDOUT},
	{FAKE_CLOSE, FAKE_CLOSE, -ECONNREFUSED},
	{FAKE_GARBAGE, FAKE_GARBAGE, -EPROTO},
	{FAKE_LONG_LINE, FAKE_LONG_LINE, -EPROTO},
	{FAKE_BAD_JSON, FAKE_BAD_JSON, -EPROTO},
	{FAKE_INFO_SILENT, FAKE_INFO_SILENT, -ETIMEDOUT},
	{FAKE_INFO_RESET, FAKE_INFO_RESET, -ECONNREFUSED},
	/* These pass the probe and turn bad on the library's connection. */
	{FAKE_ANSWER, FAKE_SILENT, -ETIMEDOUT},
	{FAKE_ANSWER, FAKE_INFO_SILENT, -ETIMEDOUT},
	/* How the library takes a reset depends on the moment. */
	{FAKE_ANSWER, FAKE_INFO_RESET, ANY_ERROR},
	{FAKE_ANSWER, FAKE_CLOSE, -ECONNREFUSED},
};

START_TEST(bad_server_is_given_up)
{
	struct fake_server *f = fake_server_start(bad_servers[_i].first, bad_servers[_i].others);
	struct conn_config cfg = config(fake_server_url(f));

	cfg.connect_timeout_ms = TIMEOUT_MS;
	assert_open_fails(&cfg, bad_servers[_i].expected, TIMEOUT_MS + 15000);
	ck_assert_uint_eq(fake_server_accepted(f), bad_servers[_i].first == FAKE_ANSWER ? 2 : 1);
	fake_server_stop(f);
}
END_TEST

/* The watchdog of one connection leaves the others alone. */
START_TEST(watchdog_spares_healthy_connections)
{
	struct server *s = server_start(NULL);
	struct rpc *r = open_rpc(server_url(s), CONN_CONTROL);
	struct fake_server *f = fake_server_start(FAKE_ANSWER, FAKE_INFO_SILENT);
	struct conn_config cfg = config(fake_server_url(f));

	cfg.connect_timeout_ms = TIMEOUT_MS;
	assert_open_fails(&cfg, -ETIMEDOUT, TIMEOUT_MS + 15000);
	ck_assert(rpc_is_up(r));
	assert_info_works(r);
	rpc_close(r);
	fake_server_stop(f);
	server_free(s);
}
END_TEST

START_TEST(second_server_is_used)
{
	struct fake_server *f = fake_server_start(FAKE_CLOSE, FAKE_CLOSE);
	struct server *s = server_start(NULL);
	char list[160];
	struct rpc *r;

	snprintf(list, sizeof(list), "%s, 127.0.0.1:%u", fake_server_url(f), server_port(s));
	r = open_rpc(list, CONN_CONTROL);
	assert_info_works(r);
	rpc_close(r);
	server_free(s);
	fake_server_stop(f);
}
END_TEST

static const struct {
	const char *servers;
	int expected;
} bad_lists[] = {
	{"", -EINVAL},
	{" , ,", -EINVAL},
	{"http://localhost", -EINVAL},
	{"nats://", -EINVAL},
	{"nats://u:s3cr3t@", -EINVAL},
	{"nats://u:s3cr3t%zz@localhost", -EINVAL},
	{"nats://u:s3cr3t%0@localhost", -EINVAL},
	{"nats://u:s3cr3t%00@localhost", -EINVAL},
	{"nats://localhost:0", -EINVAL},
	{"nats://localhost:65536", -EINVAL},
	{"nats://localhost:4222x", -EINVAL},
	{"nats://[::1", -EINVAL},
	{"nats://local\"host", -EINVAL},
	{"nats://u:s3cr3t@127.0.0.1:1", -ECONNREFUSED},
	{"nats://no-such-host.invalid", -EHOSTUNREACH},
};

START_TEST(bad_list_is_refused)
{
	struct conn_config cfg = config(bad_lists[_i].servers);

	assert_open_fails(&cfg, bad_lists[_i].expected, 20000);
}
END_TEST

static const struct {
	const char *url, *host, *label, *user, *password, *token;
	unsigned int port;
	bool is_tls;
} good_urls[] = {
	{"localhost", "localhost", "nats://localhost:4222", NULL, NULL, NULL, 4222, false},
	{"h:1", "h", "nats://h:1", NULL, NULL, NULL, 1, false},
	{"TLS://h/", "h", "tls://h:4222", NULL, NULL, NULL, 4222, true},
	{"nats://[::1]:7", "::1", "nats://[::1]:7", NULL, NULL, NULL, 7, false},
	{"nats://fe80::1", "fe80::1", "nats://[fe80::1]:4222", NULL, NULL, NULL, 4222, false},
	{"nats://u:p@h", "h", "nats://h:4222", "u", "p", NULL, 4222, false},
	{"nats://u:p@x%41@h:9", "h", "nats://h:9", "u", "p@xA", NULL, 9, false},
	{"nats://tok@h", "h", "nats://h:4222", NULL, NULL, "tok", 4222, false},
};

static void assert_same(const char *a, const char *b)
{
	ck_assert_str_eq(a ? a : "(none)", b ? b : "(none)");
}

START_TEST(url_is_parsed)
{
	struct conn_config cfg = config(good_urls[_i].url);
	struct conn_settings *s;
	char *why;

	ck_assert_int_eq(conn_settings_new(&cfg, &s, &why), 0);
	ck_assert_uint_eq(s->n_servers, 1);
	ck_assert_str_eq(s->servers[0].host, good_urls[_i].host);
	ck_assert_str_eq(s->servers[0].label, good_urls[_i].label);
	ck_assert_uint_eq(s->servers[0].port, good_urls[_i].port);
	ck_assert_int_eq(s->servers[0].is_tls, good_urls[_i].is_tls);
	assert_same(s->servers[0].user, good_urls[_i].user);
	assert_same(s->servers[0].password, good_urls[_i].password);
	assert_same(s->servers[0].token, good_urls[_i].token);
	conn_settings_free(s);
}
END_TEST

/* Events come in turn and both before and after a loss. */
struct event_log {
	struct mutex lock;
	struct cond cond;
	unsigned int n_up, n_down;
	bool in_turn;
};

static void note_up(void *arg, natsConnection *nc)
{
	struct event_log *l = arg;

	(void)nc;
	LOCK_SCOPE(&l->lock);
	l->in_turn = l->in_turn && l->n_up == l->n_down;
	l->n_up++;
	cond_broadcast(&l->cond);
}

static void note_down(void *arg)
{
	struct event_log *l = arg;

	LOCK_SCOPE(&l->lock);
	l->in_turn = l->in_turn && l->n_up == l->n_down + 1;
	l->n_down++;
	cond_broadcast(&l->cond);
}

START_TEST(events_come_in_turn)
{
	struct server *s = server_start(NULL);
	struct event_log l = {.in_turn = true};
	const struct rpc_events events = {.arg = &l, .on_up = note_up, .on_down = note_down};
	struct conn_config cfg = config(server_url(s));
	_cleanup_free_ char *why = NULL;
	struct rpc *r;

	mutex_init(&l.lock, LOCK_RANK_LEAF);
	cond_init(&l.cond);
	ck_assert_int_eq(rpc_open(&cfg, CONN_JANITOR, &events, &r, &why), 0);
	ck_assert_uint_eq(l.n_up, 1);
	server_restart(s);
	mutex_lock(&l.lock);
	while (l.n_up < 2)
		ck_assert_int_eq(cond_wait_until(&l.cond, &l.lock, clock_deadline_ms(10000)), 0);
	mutex_unlock(&l.lock);
	rpc_close(r);
	ck_assert_uint_eq(l.n_up, 2);
	ck_assert_uint_eq(l.n_down, 2);
	ck_assert(l.in_turn);
	server_free(s);
}
END_TEST

static TCase *make_case(const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 120);
	return tc;
}

int main(void)
{
	Suite *s = suite_create("conn");
	TCase *tc;
	SRunner *sr;
	int failed;

	tc = make_case("requests");
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

	tc = make_case("loss");
	tcase_add_test(tc, lost_server_ends_requests_and_comes_back);
	tcase_add_test(tc, survives_many_restarts);
	tcase_add_test(tc, events_come_in_turn);
	suite_add_tcase(s, tc);

	tc = make_case("credentials");
	tcase_add_test(tc, missing_permission_is_eacces);
	tcase_add_test(tc, refused_inbox_is_eacces);
	tcase_add_test(tc, password_in_url_is_decoded);
	tcase_add_test(tc, wrong_password_is_eacces);
	tcase_add_test(tc, token_and_nkey_are_accepted);
	tcase_add_test(tc, missing_files_are_named_before_connecting);
	tcase_add_test(tc, tls_is_used_and_verified);
	suite_add_tcase(s, tc);

	tc = make_case("servers");
	tcase_add_loop_test(tc, bad_server_is_given_up, 0, (int)ARRAY_LEN(bad_servers));
	tcase_add_test(tc, watchdog_spares_healthy_connections);
	tcase_add_test(tc, second_server_is_used);
	tcase_add_loop_test(tc, bad_list_is_refused, 0, (int)ARRAY_LEN(bad_lists));
	tcase_add_loop_test(tc, url_is_parsed, 0, (int)ARRAY_LEN(good_urls));
	suite_add_tcase(s, tc);

	sr = srunner_create(s);
	srunner_run_all(sr, CK_ENV);
	failed = srunner_ntests_failed(sr);
	srunner_free(sr);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
