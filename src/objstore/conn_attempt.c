/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The watchdog finds the library's socket by exclusion, so only one connect runs at a time in the
 * process: it has the turn. Probes are not serialised, because an unreachable server makes them
 * slow.
 */
#include "objstore/conn_attempt.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "objstore/errmap.h"
#include "objstore/natscompat.h"
#include "objstore/watchdog.h"
#include "util/clock.h"
#include "util/lock.h"

/* What the library gets at least, however long the probe took. */
#define CONNECT_MIN_MS 250
/* The library's own time limit comes first, where it works. */
#define WATCHDOG_GRACE_MS 100

static struct mutex turn_lock = MUTEX_INITIALIZER(LOCK_RANK_LEAF);
static struct cond turn_cond = {PTHREAD_COND_INITIALIZER};
static bool turn_taken;

static void turn_take(void)
{
	LOCK_SCOPE(&turn_lock);
	while (turn_taken)
		cond_wait(&turn_cond, &turn_lock);
	turn_taken = true;
}

static void turn_give(void)
{
	LOCK_SCOPE(&turn_lock);
	turn_taken = false;
	cond_signal(&turn_cond);
}

/* What a failed connect of the library means to the callers of conn_open. */
static int connect_errno(natsStatus st)
{
	int r = errmap_status(st);

	switch (r) {
	case -ECONNREFUSED:
	case -ETIMEDOUT:
	case -EACCES:
	case -ENOMEM:
	case -EINVAL:
		return r;
	case -EIO:
	case -ENOTCONN:
		return -ECONNREFUSED;
	default:
		return -EPROTO;
	}
}

static const char *describe(int err)
{
	switch (err) {
	case -ECONNREFUSED:
		return "connection refused or closed";
	case -ETIMEDOUT:
		return "no answer in time";
	case -EACCES:
		return "authentication refused";
	case -EHOSTUNREACH:
		return "host unknown or unreachable";
	case -EPROTO:
		return "not a NATS server, or TLS cannot be agreed on";
	default:
		return strerrordesc_np(-err);
	}
}

/* The library's texts begin with the place in its source, which says nothing to a user. */
static const char *skip_place(const char *text)
{
	const char *end = *text == '(' ? strstr(text, "): ") : NULL;

	return end ? end + strlen("): ") : text;
}

static void set_why(const struct conn_server *server, int err, const char *detail, char **ret_why)
{
	if (detail)
		detail = skip_place(detail);
	free(*ret_why);
	if (asprintf(ret_why, "%s: %s%s%s%s", server->label, describe(err),
		     detail && *detail ? " (" : "", detail ? detail : "",
		     detail && *detail ? ")" : "") < 0)
		*ret_why = NULL;
}

/* The library's connect under the watchdog; the caller has the turn. */
static int guarded_connect(const struct conn_attempt *a, const struct conn_server *server,
			   natsOptions *o, uint64_t deadline_ns, natsConnection **ret,
			   char **ret_why)
{
	natsConnection *nc = NULL;
	struct watchdog *w;
	natsStatus st;
	int r;

	r = watchdog_start(server->port, deadline_ns + WATCHDOG_GRACE_MS * NS_PER_MS, a->cancel_fd,
			   &w);
	if (r < 0) {
		set_why(server, r, "cannot guard the connection", ret_why);
		return r;
	}
	st = natsConnection_Connect(&nc, o);
	if (watchdog_stop(w)) {
		/* Even a connection that was made in the last moment may have been cut. */
		natsConnection_Destroy(nc);
		set_why(server, -ETIMEDOUT, "during the handshake", ret_why);
		return -ETIMEDOUT;
	}
	if (st != NATS_OK) {
		r = connect_errno(st);
		set_why(server, r, r == -ECONNREFUSED ? NULL : nats_GetLastError(NULL), ret_why);
		return r;
	}
	*ret = nc;
	return 0;
}

/* With the turn: options, callbacks, connect. */
static int connect_in_turn(const struct conn_attempt *a, const struct conn_server *server,
			   uint64_t deadline_ns, natsConnection **ret, char **ret_why)
{
	_cleanup_free_ char *detail = NULL;
	uint64_t left_ms = clock_left_ms(deadline_ns);
	natsOptions *o = NULL;
	int r;

	/* The library takes 0 for no limit. */
	r = conn_options_build(a->settings, server, a->kind, left_ms ? left_ms : 1, &o, &detail);
	if (r < 0) {
		set_why(server, r, detail, ret_why);
		return r;
	}
	r = conn_session_start(a->session, o);
	if (r == 0)
		r = guarded_connect(a, server, o, deadline_ns, ret, ret_why);
	if (r < 0)
		conn_session_end(a->session);
	natsOptions_Destroy(o);
	return r;
}

static int connect_once(const struct conn_attempt *a, const struct conn_server *server,
			uint64_t deadline_ns, natsConnection **ret, char **ret_why)
{
	uint64_t asked = clock_now_ns(), now;
	int r;

	turn_take();
	now = clock_now_ns();
	/* Waiting for others is not this server's fault. */
	deadline_ns += now - asked;
	if (deadline_ns < now + CONNECT_MIN_MS * NS_PER_MS)
		deadline_ns = now + CONNECT_MIN_MS * NS_PER_MS;
	r = connect_in_turn(a, server, deadline_ns, ret, ret_why);
	turn_give();
	return r;
}

int conn_attempt(const struct conn_attempt *a, const struct conn_server *server,
		 struct probe_info *ret_info, natsConnection **ret, char **ret_why)
{
	const struct probe_target target = {server->host, server->port, server->is_tls};
	uint64_t deadline_ns = clock_deadline_ms((int64_t)a->settings->config.connect_timeout_ms);
	bool has_signature = conn_settings_has_signature(a->settings, server);
	int tries = has_signature ? NATSCOMPAT_SIGN_TRIES : 1;
	int r;

	*ret_why = NULL;
	r = probe_server(&target, deadline_ns, a->cancel_fd, ret_info);
	if (r < 0) {
		set_why(server, r, NULL, ret_why);
		return r;
	}
	do {
		r = connect_once(a, server, deadline_ns, ret, ret_why);
	} while (r == -EACCES && --tries > 0);
	return r;
}
