/* SPDX-License-Identifier: Apache-2.0 */
#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "prog/connect_opts.h"
#include "suite.h"
#include "util/log.h"

static struct connect_opts o;
static char *why;
static char dir[] = "/tmp/natsobj-test.XXXXXX";
static char path[64];

static void set_up(void)
{
	static const char *const names[] = {
		"NATS_URL", "NATS_CREDS", "NATS_USER", "NATS_PASSWORD", "NATS_TOKEN",  "NATS_NKEY",
		"NATS_CA",  "NATS_CERT",  "NATS_KEY",  "NATS_TIMEOUT",	"NATS_CONTEXT"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		ck_assert_int_eq(unsetenv(names[i]), 0);
	log_init("test", LOG_LEVEL_ERROR);
	connect_opts_init(&o);
	why = NULL;
	strcpy(dir + strlen(dir) - 6, "XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	(void)snprintf(path, sizeof(path), "%s/secret", dir);
	ck_assert_int_eq(setenv("XDG_CONFIG_HOME", dir, 1), 0);
}

static void tear_down(void)
{
	connect_opts_done(&o);
	free(why);
	(void)unlink(path);
	(void)rmdir(dir);
}

static void write_file(const void *data, size_t len, mode_t mode)
{
	FILE *f = fopen(path, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(data, 1, len, f), len);
	ck_assert_int_eq(fclose(f), 0);
	ck_assert_int_eq(chmod(path, mode), 0);
}

static void take(enum connect_opt opt, const char *arg)
{
	/* The argument has to be writable and to stay. */
	static char args[CONNECT_OPT_COUNT][128];
	char *copy = args[opt - CONNECT_OPT_SERVER];

	(void)snprintf(copy, sizeof(args[0]), "%s", arg);
	ck_assert(connect_opts_take(&o, opt, copy));
}

/* The sentence has to name the thing. */
static void assert_refused(const char *part)
{
	ck_assert_int_eq(connect_opts_finish(&o, &why), -EINVAL);
	ck_assert_ptr_nonnull(why);
	ck_assert_msg(strstr(why, part), "\"%s\" does not mention %s", why, part);
}

START_TEST(defaults_without_anything)
{
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.servers, "nats://127.0.0.1:4222");
	ck_assert_ptr_null(o.config.user);
	ck_assert_ptr_null(o.config.token);
	ck_assert(!o.config.tls_required);
	ck_assert_uint_eq(o.config.timeout_ms, 30000);
}
END_TEST

START_TEST(other_options_are_not_taken)
{
	char arg[] = "x";

	ck_assert(!connect_opts_take(&o, 'l', arg));
	ck_assert(!connect_opts_take(&o, '?', arg));
	ck_assert(!connect_opts_take(&o, CONNECT_OPT_END, arg));
}
END_TEST

START_TEST(server_option_goes_before_environment)
{
	setenv("NATS_URL", "nats://env:1", 1);
	take(CONNECT_OPT_SERVER, "nats://option:2");
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.servers, "nats://option:2");
}
END_TEST

START_TEST(server_that_is_none_is_refused)
{
	static const char *const servers[] = {"nats://h:99999", "http://h", "nats://h:4222,h:x"};

	for (size_t i = 0; i < ARRAY_LEN(servers); i++) {
		ck_assert_int_eq(setenv("NATS_URL", servers[i], 1), 0);
		assert_refused("is not a valid nats:// or tls:// URL");
		free(why);
		why = NULL;
		connect_opts_done(&o);
		connect_opts_init(&o);
	}
}
END_TEST

START_TEST(server_comes_from_environment)
{
	setenv("NATS_URL", "nats://env:1", 1);
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.servers, "nats://env:1");
}
END_TEST

START_TEST(credentials_in_url_leave_the_argument)
{
	char arg[] = "nats://joe:geheim@host:4222";

	log_init("test", LOG_LEVEL_ERROR);
	ck_assert(connect_opts_take(&o, CONNECT_OPT_SERVER, arg));
	ck_assert_ptr_null(strstr(arg, "geheim"));
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.servers, "nats://joe:geheim@host:4222");
}
END_TEST

static const struct {
	const char *servers;
	bool has_secret;
} urls[] = {
	{"", false},
	{"host", false},
	{"nats://a:4222 nats://user:word@b:4222", true},
	{"nats://a:4222, nats://b:4222", false},
	{"nats://host:4222", false},
	{"nats://host/a@b", false},
	{"nats://u:p@host", true},
	{"token@host", true},
	{"nats://a,nats://u@b", true},
	{"nats://a/@x,tls://b", false},
	{",,nats://u@b", true},
};

START_TEST(secrets_in_urls_are_found)
{
	ck_assert_int_eq(connect_opts_has_secret(urls[_i].servers), urls[_i].has_secret);
}
END_TEST

START_TEST(password_file_is_read_without_its_newline)
{
	write_file("geheim\n", 7, 0600);
	take(CONNECT_OPT_USER, "joe");
	take(CONNECT_OPT_PASSWORD_FILE, path);
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.user, "joe");
	ck_assert_str_eq(o.config.password, "geheim");
}
END_TEST

START_TEST(token_file_is_read)
{
	setenv("NATS_USER", "ignored", 1);
	setenv("NATS_CREDS", "/does/not/exist", 1);
	write_file("tok", 3, 0400);
	take(CONNECT_OPT_TOKEN_FILE, path);
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.token, "tok");
	ck_assert_ptr_null(o.config.user);
	ck_assert_ptr_null(o.config.creds_file);
}
END_TEST

static const mode_t open_modes[] = {0640, 0604, 0620, 0666};

START_TEST(files_that_others_can_use_are_refused)
{
	write_file("geheim", 6, open_modes[_i]);
	take(CONNECT_OPT_TOKEN_FILE, path);
	assert_refused(path);
	ck_assert_ptr_null(strstr(why, "geheim"));
}
END_TEST

START_TEST(open_creds_file_is_refused)
{
	write_file("x", 1, 0644);
	take(CONNECT_OPT_CREDS, path);
	assert_refused(path);
}
END_TEST

static const struct {
	const char *data;
	size_t len;
} bad_secrets[] = {{"", 0}, {"\n", 1}, {"a\nb\n", 4}, {"a\0b", 3}};

START_TEST(secrets_are_one_line)
{
	write_file(bad_secrets[_i].data, bad_secrets[_i].len, 0600);
	take(CONNECT_OPT_TOKEN_FILE, path);
	assert_refused(path);
}
END_TEST

START_TEST(missing_file_is_named)
{
	take(CONNECT_OPT_NKEY, path);
	assert_refused(path);
}
END_TEST

START_TEST(environment_gives_user_and_password)
{
	setenv("NATS_USER", "joe", 1);
	setenv("NATS_PASSWORD", "geheim", 1);
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.user, "joe");
	ck_assert_str_eq(o.config.password, "geheim");
}
END_TEST

START_TEST(user_of_environment_alone_is_a_token)
{
	setenv("NATS_USER", "tok", 1);
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_ptr_null(o.config.user);
	ck_assert_str_eq(o.config.token, "tok");
}
END_TEST

START_TEST(user_without_password_is_refused)
{
	take(CONNECT_OPT_USER, "joe");
	assert_refused("--password-file");
}
END_TEST

START_TEST(two_kinds_of_credentials_are_refused)
{
	take(CONNECT_OPT_NKEY, "/n");
	take(CONNECT_OPT_CREDS, "/c");
	assert_refused("only one of");
}
END_TEST

START_TEST(certificate_needs_its_key)
{
	take(CONNECT_OPT_TLSCERT, "/c");
	assert_refused("--tlskey");
}
END_TEST

START_TEST(authority_asks_for_tls)
{
	take(CONNECT_OPT_TLSCA, "/ca");
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert(o.config.tls_required);
	ck_assert_str_eq(o.config.tls_ca, "/ca");
}
END_TEST

START_TEST(timeout_is_a_duration)
{
	take(CONNECT_OPT_TIMEOUT, "250ms");
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_uint_eq(o.config.timeout_ms, 250);
	ck_assert_uint_eq(o.config.connect_timeout_ms, 250);
	take(CONNECT_OPT_TIMEOUT, "soon");
	assert_refused("soon");
}
END_TEST

/* Contexts lie in $XDG_CONFIG_HOME/nats/context. */
static void write_context(const char *name, const char *text)
{
	char command[512];

	/* Check forks, so a shell does no harm here. */
	(void)snprintf(command, sizeof(command),
		       "mkdir -p %s/nats/context && cat >%s/nats/%s && chmod 600 %s/nats/%s", dir,
		       dir, name, dir, name);
	FILE *f = popen(command, "we");

	ck_assert_ptr_nonnull(f);
	ck_assert_int_ge(fputs(text, f), 0);
	ck_assert_int_eq(pclose(f), 0);
}

static void remove_contexts(void)
{
	char command[128];

	(void)snprintf(command, sizeof(command), "rm -rf %s/nats", dir);
	ck_assert_int_eq(system(command), 0);
}

START_TEST(context_gives_server_and_credentials)
{
	write_context("context/prod.json",
		      "{\"url\":\"nats://prod:4222\",\"user\":\"joe\",\"password\":\"geheim\","
		      "\"jetstream_domain\":\"hub\",\"inbox_prefix\":\"_IN.joe\"}");
	setenv("NATS_URL", "nats://env:1", 1);
	setenv("NATS_USER", "eve", 1);
	take(CONNECT_OPT_CONTEXT, "prod");
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.servers, "nats://prod:4222");
	ck_assert_str_eq(o.config.user, "joe");
	ck_assert_str_eq(o.config.password, "geheim");
	ck_assert_str_eq(o.config.domain, "hub");
	ck_assert_str_eq(o.config.inbox_prefix, "_IN.joe");
	remove_contexts();
}
END_TEST

START_TEST(options_go_before_the_context)
{
	write_context("context/prod.json", "{\"url\":\"nats://prod:4222\",\"token\":\"geheim\"}");
	take(CONNECT_OPT_CONTEXT, "prod");
	take(CONNECT_OPT_SERVER, "nats://option:2");
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.servers, "nats://option:2");
	ck_assert_str_eq(o.config.token, "geheim");
	remove_contexts();
}
END_TEST

START_TEST(selected_context_comes_last)
{
	write_context("context/sel.json", "{\"url\":\"nats://sel:4222\"}");
	write_context("context.txt", "sel\n");
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.servers, "nats://sel:4222");
	connect_opts_done(&o);
	setenv("NATS_URL", "nats://env:1", 1);
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.servers, "nats://env:1");
	remove_contexts();
}
END_TEST

static const struct {
	const char *text, *mention;
} bad_contexts[] = {
	{"nonsense", "not a JSON object"},
	{"[]", "not a JSON object"},
	{"{\"nsc\":\"nsc://a/b\"}", "nsc"},
	{"{\"socks_proxy\":\"socks5://h\"}", "socks_proxy"},
	{"{\"jetstream_api_prefix\":\"from.acc\"}", "prefix"},
	{"{\"inbox_prefix\":\"a b\"}", "inboxes"},
};

START_TEST(context_that_cannot_be_followed_is_refused)
{
	write_context("context/bad.json", bad_contexts[_i].text);
	take(CONNECT_OPT_CONTEXT, "bad");
	assert_refused(bad_contexts[_i].mention);
	remove_contexts();
}
END_TEST

START_TEST(missing_context_is_named)
{
	take(CONNECT_OPT_CONTEXT, "nowhere");
	assert_refused("nowhere");
}
END_TEST

START_TEST(api_prefix_may_name_a_domain)
{
	write_context("context/leaf.json", "{\"jetstream_api_prefix\":\"$JS.leaf.API\"}");
	take(CONNECT_OPT_CONTEXT, "leaf");
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.domain, "leaf");
	remove_contexts();
}
END_TEST

START_TEST(token_of_the_environment_is_used)
{
	setenv("NATS_TOKEN", "geheim", 1);
	ck_assert_int_eq(connect_opts_finish(&o, &why), 0);
	ck_assert_str_eq(o.config.token, "geheim");
}
END_TEST

int main(void)
{
	Suite *s = suite_create("connect_opts");
	TCase *t = tcase_create("connect_opts");

	tcase_add_checked_fixture(t, set_up, tear_down);
	tcase_add_test(t, defaults_without_anything);
	tcase_add_test(t, other_options_are_not_taken);
	tcase_add_test(t, server_option_goes_before_environment);
	tcase_add_test(t, server_that_is_none_is_refused);
	tcase_add_test(t, server_comes_from_environment);
	tcase_add_test(t, credentials_in_url_leave_the_argument);
	tcase_add_loop_test(t, secrets_in_urls_are_found, 0, (int)ARRAY_LEN(urls));
	tcase_add_test(t, password_file_is_read_without_its_newline);
	tcase_add_test(t, token_file_is_read);
	tcase_add_loop_test(t, files_that_others_can_use_are_refused, 0,
			    (int)ARRAY_LEN(open_modes));
	tcase_add_test(t, open_creds_file_is_refused);
	tcase_add_loop_test(t, secrets_are_one_line, 0, (int)ARRAY_LEN(bad_secrets));
	tcase_add_test(t, missing_file_is_named);
	tcase_add_test(t, environment_gives_user_and_password);
	tcase_add_test(t, user_of_environment_alone_is_a_token);
	tcase_add_test(t, user_without_password_is_refused);
	tcase_add_test(t, two_kinds_of_credentials_are_refused);
	tcase_add_test(t, certificate_needs_its_key);
	tcase_add_test(t, authority_asks_for_tls);
	tcase_add_test(t, timeout_is_a_duration);
	tcase_add_test(t, context_gives_server_and_credentials);
	tcase_add_test(t, options_go_before_the_context);
	tcase_add_test(t, selected_context_comes_last);
	tcase_add_loop_test(t, context_that_cannot_be_followed_is_refused, 0,
			    (int)ARRAY_LEN(bad_contexts));
	tcase_add_test(t, missing_context_is_named);
	tcase_add_test(t, api_prefix_may_name_a_domain);
	tcase_add_test(t, token_of_the_environment_is_used);
	suite_add_tcase(s, t);
	return run_suite(s);
}
