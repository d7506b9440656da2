/* SPDX-License-Identifier: Apache-2.0 */
#include "prog/connect_opts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "objstore/conn_servers.h"
#include "util/explain.h"
#include "util/log.h"
#include "util/parse.h"

#define DEFAULT_SERVER "nats://127.0.0.1:4222"
#define CONNECT_TIMEOUT_MS 5000
#define TIMEOUT_MS 30000
#define TIMEOUT_MAX_MS (UINT64_C(24) * 3600 * 1000)
/* JSON web tokens may be long; the server's limit for a CONNECT line is below this. */
#define SECRET_MAX 65536

void connect_opts_init(struct connect_opts *o)
{
	*o = (struct connect_opts){0};
}

void connect_opts_done(struct connect_opts *o)
{
	wipe_and_free(o->servers);
	wipe_and_free(o->password);
	wipe_and_free(o->token);
	free(o->context_name);
	nats_context_done(&o->context);
	connect_opts_init(o);
}

static const char *given(const struct connect_opts *o, enum connect_opt opt)
{
	return o->given[opt - CONNECT_OPT_SERVER];
}

static const char *from_env(const char *name)
{
	const char *v = getenv(name);

	return v && *v ? v : NULL;
}

/* Between servers. */
#define SEPARATORS ", \t"

bool connect_opts_has_secret(const char *servers)
{
	while (*servers) {
		size_t len = strcspn(servers, SEPARATORS);
		const char *scheme = memmem(servers, len, "://", 3);
		const char *start = scheme ? scheme + 3 : servers;
		size_t authority = strcspn(start, "/" SEPARATORS);

		if (memchr(start, '@', authority))
			return true;
		servers += len;
		servers += strspn(servers, SEPARATORS);
	}
	return false;
}

/* Without memory the URL stays visible, which is no reason not to connect. */
static void hide_server(struct connect_opts *o, char *arg)
{
	char *copy = strdup(arg);

	log_warn("credentials in --server can be seen by other users: use a file or the "
		 "environment");
	if (!copy)
		return;
	wipe_and_free(o->servers);
	o->servers = copy;
	o->given[0] = copy;
	memset(arg, 'x', strlen(arg));
}

bool connect_opts_take(struct connect_opts *o, int opt, char *arg)
{
	if (opt < CONNECT_OPT_SERVER || opt >= CONNECT_OPT_END)
		return false;
	o->given[opt - CONNECT_OPT_SERVER] = arg;
	if (opt == CONNECT_OPT_SERVER && connect_opts_has_secret(arg))
		hide_server(o, arg);
	return true;
}

/* A file that others can read does not keep a secret. Pipes, as shells make them, have no name. */
static int check_private(int fd, const char *path, char **ret_why)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return explain(-EINVAL, ret_why, "cannot read %s: %s", path, strerror(errno));
	if (S_ISDIR(st.st_mode))
		return explain(-EINVAL, ret_why, "%s is a directory, not a file with a secret",
			       path);
	if (S_ISREG(st.st_mode) && (st.st_mode & (S_IRWXG | S_IRWXO)))
		return explain(-EINVAL, ret_why,
			       "%s can be used by others than its owner: chmod 600 it", path);
	return 0;
}

static int open_private(const char *path, int *ret_fd, char **ret_why)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	int err;

	if (fd < 0)
		return explain(-EINVAL, ret_why, "cannot read %s: %s", path, strerror(errno));
	err = check_private(fd, path, ret_why);
	if (!err)
		*ret_fd = steal_fd(&fd);
	return err;
}

/* The first line of a file, which is all there is in it. */
static int read_secret(const char *path, char **ret, char **ret_why)
{
	_cleanup_close_ int fd = -1;
	char *text;
	size_t len = 0;
	int err = open_private(path, &fd, ret_why);

	if (err)
		return err;
	text = calloc(1, SECRET_MAX + 1);
	if (!text)
		return -ENOMEM;
	while (len < SECRET_MAX) {
		ssize_t n = read(fd, text + len, SECRET_MAX - len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			err = explain(-EINVAL, ret_why, "cannot read %s: %s", path,
				      strerror(errno));
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	if (!err && len == SECRET_MAX)
		err = explain(-EINVAL, ret_why, "%s is too long for a secret", path);
	while (!err && len > 0 && (text[len - 1] == '\n' || text[len - 1] == '\r'))
		text[--len] = '\0';
	if (!err && (len == 0 || strlen(text) != len || strpbrk(text, "\r\n")))
		err = explain(-EINVAL, ret_why, "%s has to hold one line of text", path);
	if (!err) {
		*ret = text;
		return 0;
	}
	explicit_bzero(text, SECRET_MAX);
	free(text);
	return err;
}

static int check_key_file(const char *path, char **ret_why)
{
	_cleanup_close_ int fd = -1;

	return path ? open_private(path, &fd, ret_why) : 0;
}

static int use_given_credentials(struct connect_opts *o, char **ret_why)
{
	const char *user = given(o, CONNECT_OPT_USER);
	const char *password_file = given(o, CONNECT_OPT_PASSWORD_FILE);
	const char *token_file = given(o, CONNECT_OPT_TOKEN_FILE);
	const char *env = from_env("NATS_PASSWORD");
	int err = 0;

	o->config.user = user ? user : password_file ? from_env("NATS_USER") : NULL;
	if (password_file && !o->config.user)
		return explain(-EINVAL, ret_why, "--password-file needs --user or NATS_USER");
	if (password_file)
		err = read_secret(password_file, &o->password, ret_why);
	else if (user && !env)
		return explain(-EINVAL, ret_why, "--user needs --password-file or NATS_PASSWORD");
	else if (user && !(o->password = strdup(env)))
		err = -ENOMEM;
	if (!err && token_file)
		err = read_secret(token_file, &o->token, ret_why);
	o->config.creds_file = given(o, CONNECT_OPT_CREDS);
	o->config.nkey_file = given(o, CONNECT_OPT_NKEY);
	return err;
}

/* A user without a password is a token, as for the NATS command line. */
static int use_user(struct connect_opts *o, const char *user, const char *password)
{
	if (!password)
		return (o->token = strdup(user)) ? 0 : -ENOMEM;
	o->config.user = user;
	return (o->password = strdup(password)) ? 0 : -ENOMEM;
}

/* True when the environment has any. */
static bool use_env_credentials(struct connect_opts *o, int *ret_err)
{
	const char *user = from_env("NATS_USER"), *token = from_env("NATS_TOKEN");

	o->config.creds_file = from_env("NATS_CREDS");
	if (!o->config.creds_file)
		o->config.nkey_file = from_env("NATS_NKEY");
	if (o->config.creds_file || o->config.nkey_file)
		return true;
	if (token)
		*ret_err = (o->token = strdup(token)) ? 0 : -ENOMEM;
	else if (user)
		*ret_err = use_user(o, user, from_env("NATS_PASSWORD"));
	return token || user;
}

static bool use_context_credentials(struct connect_opts *o, int *ret_err)
{
	const struct nats_context *c = &o->context;

	o->config.creds_file = c->creds;
	if (!c->creds)
		o->config.nkey_file = c->nkey;
	if (c->creds || c->nkey)
		return true;
	if (c->token)
		*ret_err = (o->token = strdup(c->token)) ? 0 : -ENOMEM;
	else if (c->user)
		*ret_err = use_user(o, c->user, c->password);
	return c->token || c->user;
}

static int find_credentials(struct connect_opts *o, char **ret_why)
{
	int n = !!given(o, CONNECT_OPT_CREDS) + !!given(o, CONNECT_OPT_NKEY) +
		!!given(o, CONNECT_OPT_TOKEN_FILE) +
		(given(o, CONNECT_OPT_USER) || given(o, CONNECT_OPT_PASSWORD_FILE));
	int err = 0;

	if (n > 1)
		return explain(-EINVAL, ret_why,
			       "only one of --user, --token-file, --creds and --nkey can be given");
	if (n > 0)
		err = use_given_credentials(o, ret_why);
	else if (given(o, CONNECT_OPT_CONTEXT))
		(void)(use_context_credentials(o, &err) || use_env_credentials(o, &err));
	else
		(void)(use_env_credentials(o, &err) || use_context_credentials(o, &err));
	if (!err)
		err = check_key_file(o->config.creds_file, ret_why);
	if (!err)
		err = check_key_file(o->config.nkey_file, ret_why);
	return err;
}

/* The first that is set of option, named context, environment and other context. */
static const char *choose(const struct connect_opts *o, enum connect_opt opt,
			  const char *in_context, const char *variable)
{
	const char *env = variable ? from_env(variable) : NULL;

	if (given(o, opt))
		return given(o, opt);
	if (given(o, CONNECT_OPT_CONTEXT) && in_context)
		return in_context;
	return env ? env : in_context;
}

static int use_tls(struct connect_opts *o, char **ret_why)
{
	struct conn_config *c = &o->config;

	c->tls_ca = choose(o, CONNECT_OPT_TLSCA, o->context.ca, "NATS_CA");
	c->tls_cert = choose(o, CONNECT_OPT_TLSCERT, o->context.cert, "NATS_CERT");
	c->tls_key = choose(o, CONNECT_OPT_TLSKEY, o->context.key, "NATS_KEY");
	if (!c->tls_cert != !c->tls_key)
		return explain(-EINVAL, ret_why, "--tlscert and --tlskey go together");
	c->tls_required = c->tls_ca || c->tls_cert;
	return check_key_file(c->tls_key, ret_why);
}

static int load_context(struct connect_opts *o, char **ret_why)
{
	const char *name = given(o, CONNECT_OPT_CONTEXT);

	if (!name)
		name = from_env("NATS_CONTEXT");
	if (!name && !given(o, CONNECT_OPT_SERVER) && !from_env("NATS_URL"))
		name = o->context_name = nats_context_selected();
	return name ? nats_context_load(name, &o->context, ret_why) : 0;
}

static int choose_servers(struct connect_opts *o)
{
	const char *server = choose(o, CONNECT_OPT_SERVER, o->context.url, "NATS_URL");

	if (!server || server != o->servers) {
		wipe_and_free(o->servers);
		o->servers = strdup(server ? server : DEFAULT_SERVER);
	}
	o->config.servers = o->servers;
	return o->servers ? 0 : -ENOMEM;
}

static int choose_rest(struct connect_opts *o, char **ret_why)
{
	const char *timeout = choose(o, CONNECT_OPT_TIMEOUT, NULL, "NATS_TIMEOUT");
	struct conn_config *c = &o->config;

	c->name = "natsobj";
	c->domain = choose(o, CONNECT_OPT_DOMAIN, o->context.domain, NULL);
	c->inbox_prefix = choose(o, CONNECT_OPT_INBOX_PREFIX, o->context.inbox_prefix, NULL);
	c->connect_timeout_ms = CONNECT_TIMEOUT_MS;
	c->timeout_ms = TIMEOUT_MS;
	if (c->inbox_prefix && !conn_inbox_prefix_is_valid(c->inbox_prefix))
		return explain(-EINVAL, ret_why, "\"%s\" cannot be the prefix of inboxes",
			       c->inbox_prefix);
	if (!timeout)
		return 0;
	if (parse_duration_ms(timeout, 1, TIMEOUT_MAX_MS, &c->timeout_ms) < 0)
		return explain(-EINVAL, ret_why, "--timeout %s is not a duration such as 30s",
			       timeout);
	c->connect_timeout_ms = c->timeout_ms;
	return 0;
}

/* What is wrong with them is the caller's to mend, unlike a server that does not answer. */
static int check_servers(const struct conn_config *c, char **ret_why)
{
	struct conn_server *list;
	size_t n;
	int err = conn_servers_parse(c->servers, c->tls_required, &list, &n, ret_why);

	if (!err)
		conn_servers_free(list, n);
	return err;
}

int connect_opts_finish(struct connect_opts *o, char **ret_why)
{
	int err;

	*ret_why = NULL;
	err = load_context(o, ret_why);
	if (!err)
		err = choose_servers(o);
	if (!err)
		err = choose_rest(o, ret_why);
	if (!err)
		err = find_credentials(o, ret_why);
	if (!err)
		err = use_tls(o, ret_why);
	if (!err)
		err = check_servers(&o->config, ret_why);
	o->config.password = o->password;
	o->config.token = o->token;
	return err;
}
