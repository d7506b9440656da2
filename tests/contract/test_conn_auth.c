/* SPDX-License-Identifier: Apache-2.0 */
/* What a connection is configured with: servers, credentials, TLS. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn_fixture.h"
#include "objstore/conn_options.h"
#include "server.h"
#include "suite.h"

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

int main(void)
{
	Suite *s = suite_create("conn_auth");
	TCase *tc;

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
	tcase_add_loop_test(tc, bad_list_is_refused, 0, (int)ARRAY_LEN(bad_lists));
	tcase_add_loop_test(tc, url_is_parsed, 0, (int)ARRAY_LEN(good_urls));
	suite_add_tcase(s, tc);

	return run_suite(s);
}
