/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One attempt per address of the host, all under one deadline: connect (probe_connect.c), read the
 * INFO line, TLS if it is wanted, CONNECT and PING, first line of the answer. Everything is
 * non-blocking; wait_fd() is the only place here that waits.
 */
#include "objstore/probe.h"

#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include <cjson/cJSON.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "objstore/probe_connect.h"
#include "objstore/watchdog.h"
#include "util/clock.h"

/* Far above a real INFO, which grows with the number of servers in a cluster. */
#define INFO_MAX 65536
#define ANSWER_MAX 4096

static const char hello[] =
	"CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"c\",\"protocol\":1}\r\nPING\r\n";

struct probe {
	const struct probe_target *target;
	uint64_t deadline_ns;
	int cancel_fd;
	int fd;
	SSL *ssl;
};

/* Waits until fd is ready for events: 0, -ETIMEDOUT, -ECANCELED. */
static int wait_fd(const struct probe *p, short events)
{
	for (;;) {
		struct pollfd fds[] = {{.fd = p->fd, .events = events},
				       {.fd = p->cancel_fd, .events = POLLIN}};
		uint64_t now = clock_now_ns();
		struct timespec ts;

		if (now >= p->deadline_ns)
			return -ETIMEDOUT;
		ts.tv_sec = (time_t)((p->deadline_ns - now) / NS_PER_SEC);
		ts.tv_nsec = (long)((p->deadline_ns - now) % NS_PER_SEC);
		if (ppoll(fds, ARRAY_LEN(fds), &ts, NULL) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[1].revents)
			return -ECANCELED;
		if (fds[0].revents)
			return 0;
	}
}

/*
 * What a failed SSL call means: 1 try again, else as probe_server. is_answer is set when the peer
 * spoke TLS to say no, for example because it wants a certificate: it is alive.
 */
static int ssl_result(struct probe *p, int ret, bool *is_answer)
{
	int r;

	switch (SSL_get_error(p->ssl, ret)) {
	case SSL_ERROR_WANT_READ:
		r = wait_fd(p, POLLIN);
		return r < 0 ? r : 1;
	case SSL_ERROR_WANT_WRITE:
		r = wait_fd(p, POLLOUT);
		return r < 0 ? r : 1;
	case SSL_ERROR_SSL:
		/* Alerts received from the peer have reasons from 1000 on. */
		*is_answer = ERR_GET_REASON(ERR_peek_last_error()) >= SSL_AD_REASON_OFFSET;
		return -EPROTO;
	default:
		return -ECONNREFUSED;
	}
}

/* Bytes received, 0 when the peer has closed or said no by TLS alert (is_answer), or -errno. */
static ssize_t probe_read(struct probe *p, char *buf, size_t len, bool *is_answer)
{
	for (;;) {
		int r;

		if (p->ssl) {
			ERR_clear_error();
			r = SSL_read(p->ssl, buf, (int)len);
			if (r > 0)
				return r;
			r = ssl_result(p, r, is_answer);
			if (r < 0)
				return r;
			continue;
		}
		r = (int)recv(p->fd, buf, len, 0);
		if (r > 0)
			return r;
		if (r == 0)
			return -ECONNREFUSED;
		if (errno != EAGAIN && errno != EINTR)
			return probe_network_errno(errno);
		r = wait_fd(p, POLLIN);
		if (r < 0)
			return r;
	}
}

static int probe_write(struct probe *p, const char *buf, size_t len, bool *is_answer)
{
	while (len > 0) {
		int r;

		if (p->ssl) {
			ERR_clear_error();
			r = SSL_write(p->ssl, buf, (int)len);
		} else {
			r = (int)send(p->fd, buf, len, MSG_NOSIGNAL);
		}
		if (r > 0) {
			buf += r;
			len -= (size_t)r;
			continue;
		}
		if (p->ssl)
			r = ssl_result(p, r, is_answer);
		else if (errno == EAGAIN || errno == EINTR)
			r = wait_fd(p, POLLOUT);
		else
			r = probe_network_errno(errno);
		if (r < 0)
			return r;
	}
	return 0;
}

/*
 * Reads up to the end of a line, without it. ret_rest is what came behind it. -EPROTO when it does
 * not fit.
 */
static int read_line(struct probe *p, char *line, size_t size, size_t *ret_rest, bool *is_answer)
{
	size_t len = 0;

	for (;;) {
		char *nl;
		ssize_t n;

		if (len == size - 1)
			return -EPROTO;
		n = probe_read(p, line + len, size - 1 - len, is_answer);
		if (n < 0)
			return (int)n;
		len += (size_t)n;
		nl = memchr(line, '\n', len);
		if (nl) {
			*ret_rest = len - (size_t)(nl + 1 - line);
			*nl = '\0';
			if (nl > line && nl[-1] == '\r')
				nl[-1] = '\0';
			return 0;
		}
		/* Something else that talks first, such as an SSH or mail server. */
		if (len >= 4 && strncmp(line, "INFO", 4) != 0 && strncmp(line, "-ERR", 4) != 0 &&
		    strncmp(line, "+OK", 3) != 0 && strncmp(line, "PING", 4) != 0 &&
		    strncmp(line, "PONG", 4) != 0)
			return -EPROTO;
	}
}

static uint32_t parse_version(const char *s)
{
	unsigned int major, minor, patch = 0;

	if (sscanf(s, "%3u.%3u.%3u", &major, &minor, &patch) < 2)
		return 0;
	return (major & 0xff) << 16 | (minor & 0xff) << 8 | (patch & 0xff);
}

static int parse_info(const char *line, struct probe_info *ret)
{
	const cJSON *item;
	cJSON *root;

	if (strncmp(line, "INFO ", 5) != 0)
		return -EPROTO;
	root = cJSON_Parse(line + 5);
	if (!cJSON_IsObject(root)) {
		cJSON_Delete(root);
		return -EPROTO;
	}
	*ret = (struct probe_info){0};
	item = cJSON_GetObjectItemCaseSensitive(root, "version");
	if (cJSON_IsString(item))
		ret->version = parse_version(item->valuestring);
	item = cJSON_GetObjectItemCaseSensitive(root, "max_payload");
	if (cJSON_IsNumber(item) && item->valuedouble >= 1 && item->valuedouble <= INT32_MAX)
		ret->max_payload = (uint64_t)item->valuedouble;
	ret->has_jetstream = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "jetstream"));
	ret->has_tls = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "tls_required")) ||
		       cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "tls_available"));
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(root, "tls_required")))
		ret->must_tls = true;
	cJSON_Delete(root);
	return 0;
}

static int start_tls(struct probe *p, bool *is_answer)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());
	int r;

	if (!ctx)
		return -ENOMEM;
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
	p->ssl = SSL_new(ctx);
	SSL_CTX_free(ctx);
	if (!p->ssl || SSL_set_fd(p->ssl, p->fd) != 1)
		return -ENOMEM;
	do {
		ERR_clear_error();
		r = SSL_connect(p->ssl);
		if (r == 1)
			return 0;
		r = ssl_result(p, r, is_answer);
	} while (r > 0);
	return r;
}

/* From INFO to the first answer. */
static int talk(struct probe *p, struct probe_info *ret)
{
	_cleanup_free_ char *line = malloc(INFO_MAX);
	bool is_answer = false;
	size_t rest;
	int r;

	if (!line)
		return -ENOMEM;
	r = read_line(p, line, INFO_MAX, &rest, &is_answer);
	if (r < 0)
		return r;
	r = parse_info(line, ret);
	if (r < 0)
		return r;
	if (p->target->is_tls && !ret->has_tls)
		return -EPROTO;
	if (p->target->is_tls || ret->must_tls) {
		if (rest > 0)
			return -EPROTO;
		r = start_tls(p, &is_answer);
	}
	if (r == 0)
		r = probe_write(p, hello, sizeof(hello) - 1, &is_answer);
	if (r == 0)
		r = read_line(p, line, ANSWER_MAX, &rest, &is_answer);
	return is_answer ? 0 : r;
}

static int probe_address(struct probe *p, const struct addrinfo *ai, struct probe_info *ret)
{
	int r = probe_connect(ai->ai_addr, ai->ai_addrlen, p->deadline_ns, p->cancel_fd, &p->fd);

	if (r < 0)
		return r;
	r = talk(p, ret);
	SSL_free(p->ssl);
	p->ssl = NULL;
	ERR_clear_error();
	watchdog_release(p->fd);
	close(p->fd);
	return r;
}

int probe_server(const struct probe_target *target, uint64_t deadline_ns, int cancel_fd,
		 struct probe_info *ret)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM};
	struct probe p = {.target = target, .deadline_ns = deadline_ns, .cancel_fd = cancel_fd};
	struct addrinfo *list;
	char service[8];
	int r;

	snprintf(service, sizeof(service), "%u", target->port);
	r = getaddrinfo(target->host, service, &hints, &list);
	if (r != 0)
		return r == EAI_MEMORY ? -ENOMEM : -EHOSTUNREACH;
	r = -EHOSTUNREACH;
	for (const struct addrinfo *ai = list; ai; ai = ai->ai_next) {
		r = probe_address(&p, ai, ret);
		if (r == 0 || r == -ETIMEDOUT || r == -ECANCELED || r == -ENOMEM)
			break;
	}
	freeaddrinfo(list);
	return r;
}
