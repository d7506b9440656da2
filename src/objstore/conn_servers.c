/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/conn_servers.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "util/explain.h"
#include "util/parse.h"

#define DEFAULT_PORT 4222
#define SERVERS_MAX 64
#define HOST_MAX 255

static void server_done(struct conn_server *s)
{
	free(s->host);
	free(s->label);
	wipe_and_free(s->user);
	wipe_and_free(s->password);
	wipe_and_free(s->token);
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Copy of len bytes with %XX decoded (RFC 3986). -EINVAL: bad escape or an encoded NUL. */
static int percent_decode(const char *s, size_t len, char **ret)
{
	char *out = malloc(len + 1);
	size_t n = 0;

	if (!out)
		return -ENOMEM;
	for (size_t i = 0; i < len; i++) {
		int hi, lo;

		if (s[i] != '%') {
			out[n++] = s[i];
			continue;
		}
		hi = i + 2 < len ? hex_value(s[i + 1]) : -1;
		lo = i + 2 < len ? hex_value(s[i + 2]) : -1;
		if (hi < 0 || lo < 0 || (hi | lo) == 0) {
			out[n] = '\0';
			wipe_and_free(out);
			return -EINVAL;
		}
		out[n++] = (char)(hi << 4 | lo);
		i += 2;
	}
	out[n] = '\0';
	*ret = out;
	return 0;
}

/* user:password@ or token@ */
static int parse_userinfo(const char *s, size_t len, struct conn_server *ret)
{
	const char *colon = memchr(s, ':', len);
	int r;

	if (len == 0)
		return 0;
	if (!colon)
		return percent_decode(s, len, &ret->token);
	r = percent_decode(s, (size_t)(colon - s), &ret->user);
	if (r < 0)
		return r;
	return percent_decode(colon + 1, len - (size_t)(colon - s) - 1, &ret->password);
}

static bool host_is_sane(const char *s, size_t len)
{
	if (len == 0 || len > HOST_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)s[i] <= ' ' || strchr("\"'\\<>[]@/?#\177", s[i]))
			return false;
	return true;
}

/* host, host:port, [v6], [v6]:port; a bare IPv6 address has no port. */
static int parse_hostport(const char *s, struct conn_server *ret)
{
	const char *end, *rest;
	uint64_t port = DEFAULT_PORT;

	if (*s == '[') {
		end = strchr(++s, ']');
		if (!end)
			return -EINVAL;
		rest = end + 1;
	} else {
		const char *colon = strchr(s, ':');

		end = colon && colon == strrchr(s, ':') ? colon : s + strlen(s);
		rest = end;
	}
	if (!host_is_sane(s, (size_t)(end - s)))
		return -EINVAL;
	if (*rest == ':') {
		if (rest[1] && parse_u64(rest + 1, 10, 1, UINT16_MAX, &port) < 0)
			return -EINVAL;
	} else if (*rest) {
		return -EINVAL;
	}
	ret->port = (uint16_t)port;
	ret->host = strndup(s, (size_t)(end - s));
	return ret->host ? 0 : -ENOMEM;
}

static int make_label(struct conn_server *s)
{
	bool is_v6 = strchr(s->host, ':') != NULL;

	if (asprintf(&s->label, "%s://%s%s%s:%u", s->is_tls ? "tls" : "nats", is_v6 ? "[" : "",
		     s->host, is_v6 ? "]" : "", s->port) < 0) {
		s->label = NULL;
		return -ENOMEM;
	}
	return 0;
}

/* Cuts url into pieces; it is scratch memory of the caller. */
static int parse_server(char *url, bool tls_required, struct conn_server *ret)
{
	char *authority = url, *scheme_end = strstr(url, "://"), *at;
	size_t len;
	int r;

	ret->is_tls = tls_required;
	if (scheme_end) {
		*scheme_end = '\0';
		authority = scheme_end + 3;
		if (strcasecmp(url, "tls") == 0)
			ret->is_tls = true;
		else if (strcasecmp(url, "nats") != 0)
			return -EINVAL;
	}
	/* The last @ ends the credentials: a password may contain one that was not encoded. */
	at = strrchr(authority, '@');
	if (at) {
		r = parse_userinfo(authority, (size_t)(at - authority), ret);
		if (r < 0)
			return r;
		authority = at + 1;
	}
	len = strlen(authority);
	if (len > 0 && authority[len - 1] == '/')
		authority[len - 1] = '\0';
	r = parse_hostport(authority, ret);
	if (r < 0)
		return r;
	return make_label(ret);
}

/* Parses into the next element of list. */
static int add_server(struct conn_server **list, size_t *n, char *url, bool force_tls,
		      char **ret_why)
{
	struct conn_server *p;
	int r;

	if (*n == SERVERS_MAX) {
		*ret_why = strdup("more servers than can be used");
		return -EINVAL;
	}
	p = reallocarray(*list, *n + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	*list = p;
	p[*n] = (struct conn_server){0};
	r = parse_server(url, force_tls, &p[*n]);
	++*n;
	/* The URL may hold a password: name its place in the list instead. */
	if (r == -EINVAL &&
	    asprintf(ret_why, "server %zu is not a valid nats:// or tls:// URL", *n) < 0)
		*ret_why = NULL;
	return r;
}

int conn_servers_parse(const char *text, bool force_tls, struct conn_server **ret, size_t *ret_n,
		       char **ret_why)
{
	char *copy = strdup(text), *save = NULL;
	struct conn_server *list = NULL;
	size_t copy_len = strlen(text), n = 0;
	int r = 0;

	if (!copy)
		return -ENOMEM;
	for (char *p = strtok_r(copy, ", \t\n", &save); p && r == 0;
	     p = strtok_r(NULL, ", \t\n", &save))
		r = add_server(&list, &n, p, force_tls, ret_why);
	explicit_bzero(copy, copy_len);
	free(copy);
	if (r == 0 && n == 0) {
		*ret_why = strdup("no server is given");
		r = -EINVAL;
	}
	if (r < 0) {
		conn_servers_free(list, n);
		return r;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}

void conn_servers_free(struct conn_server *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		server_done(&list[i]);
	free(list);
}
