/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The manager thread owns the connection. Its life is a loop:
 *
 *	find a server -> up (on_up) -> wait until lost or told to stop -> down (on_down) -> destroy
 *
 * Finding a server goes through the list, from the one that worked last; see conn_attempt.c. The
 * library's callbacks arrive through conn_session.c.
 *
 * conn.lock (leaf) protects what manager, callbacks and callers share. It is never held across a
 * call of the library or of an event handler.
 */
#include "objstore/conn.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>

#include "objstore/conn_attempt.h"
#include "objstore/conn_options.h"
#include "objstore/conn_session.h"
#include "util/clock.h"
#include "util/hash.h"
#include "util/lock.h"
#include "util/log.h"

#define BACKOFF_MIN_MS 100
#define BACKOFF_MAX_MS 2000
/* An attempt at a server that cannot be reached costs a packet or two: for some minutes, which is
 * how long networks and servers are usually away, whoever was cut off is to notice at once that he
 * is back. */
#define BACKOFF_CHEAP_MS 250
#define CHEAP_FOR_NS (5 * 60 * NS_PER_SEC)
/* A connection that lives shorter than this counts as a failed attempt: a server that accepts and
 * then throws us out is not to be hammered. */
#define STABLE_MS 1000
/* The closed callback is lost when the library has no memory for it. */
#define CLOSED_POLL_MS 5000

struct conn {
	/* set before the manager starts */
	const struct conn_settings *settings;
	struct conn_settings *own_settings; /* NULL: they are another connection's */
	enum conn_kind kind;
	struct conn_events events;
	int cancel_fd; /* eventfd, readable from conn_close on */
	pthread_t manager;

	/* the manager's */
	size_t server;	       /* index of the server to try first */
	unsigned int failures; /* in a row, that cost the server something */
	uint64_t down_ns;      /* when the last session ended */
	struct conn_session session;

	_Atomic uint64_t max_payload;
	_Atomic uint32_t version;

	struct mutex lock;
	struct cond cond;
	/* protected by lock */
	bool stop;
	bool lost;    /* the present session has ended */
	bool decided; /* the first attempt is over */
	int first_error;
	char *first_why;
	char denied[256]; /* the subject that was refused last, which the log has */
};

static const char *kind_name(enum conn_kind kind)
{
	switch (kind) {
	case CONN_CONTROL:
		return "control";
	case CONN_READ:
		return "read";
	case CONN_WRITE:
		return "write";
	case CONN_JANITOR:
		return "janitor";
	case CONN_LISTING:
		return "listing";
	}
	return "?";
}

static void on_closed(void *arg)
{
	struct conn *c = arg;

	LOCK_SCOPE(&c->lock);
	c->lost = true;
	cond_broadcast(&c->cond);
}

static void on_denied(void *arg, const char *subject)
{
	struct conn *c = arg;
	bool is_news;

	mutex_lock(&c->lock);
	is_news = strncmp(c->denied, subject, sizeof(c->denied) - 1) != 0;
	(void)snprintf(c->denied, sizeof(c->denied), "%s", subject);
	mutex_unlock(&c->lock);
	log_line(is_news ? LOG_LEVEL_WARN : LOG_LEVEL_DEBUG, "%s connection: the server refuses %s",
		 kind_name(c->kind), subject);
	if (c->events.on_denied)
		c->events.on_denied(c->events.arg, subject);
}

static void on_error(void *arg, natsStatus err, const char *text)
{
	struct conn *c = arg;

	log_warn("%s connection: %s%s%s", kind_name(c->kind), natsStatus_GetText(err),
		 *text ? ": " : "", text);
}

static bool should_stop(struct conn *c)
{
	LOCK_SCOPE(&c->lock);
	return c->stop;
}

/* One server. Its INFO counts only once the connection stands. */
static int try_server(struct conn *c, const struct conn_server *server, natsConnection **ret,
		      char **ret_why)
{
	const struct conn_attempt attempt = {.settings = c->settings,
					     .kind = c->kind,
					     .session = &c->session,
					     .cancel_fd = c->cancel_fd};
	struct probe_info info;
	int64_t max_payload;
	int r;

	mutex_lock(&c->lock);
	c->lost = false;
	mutex_unlock(&c->lock);
	r = conn_attempt(&attempt, server, &info, ret, ret_why);
	if (r < 0)
		return r;
	max_payload = natsConnection_GetMaxPayload(*ret);
	atomic_store(&c->version, info.version);
	atomic_store(&c->max_payload, max_payload > 0 ? (uint64_t)max_payload : info.max_payload);
	return 0;
}

/* All servers once. Of several failures the one that is most worth telling is reported: a refusal
 * of the credentials, else the last. */
static int try_all(struct conn *c, natsConnection **ret, char **ret_why)
{
	size_t n = c->settings->n_servers;
	int result = -ECANCELED;

	for (size_t i = 0; i < n && !should_stop(c); i++) {
		size_t at = (c->server + i) % n;
		char *why = NULL;
		int r;

		r = try_server(c, &c->settings->servers[at], ret, &why);
		if (r == 0) {
			c->server = at;
			free(why);
			return 0;
		}
		log_debug("%s connection: %s", kind_name(c->kind), why ? why : strerrordesc_np(-r));
		if (result != -EACCES) {
			result = r;
			free(*ret_why);
			*ret_why = steal_ptr(why);
		}
		free(why);
	}
	return result;
}

/* What the last attempt cost the server: nothing when nobody was there. */
static bool is_cheap(int err)
{
	return err == -ECONNREFUSED || err == -EHOSTUNREACH || err == -ETIMEDOUT;
}

/* Waits for the next attempt, after one that ended with err or a session that did (0). False when
 * told to stop. */
static bool back_off(struct conn *c, int err)
{
	unsigned int shift = c->failures < 6 ? c->failures : 6;
	uint64_t max_ms = (uint64_t)BACKOFF_MIN_MS << shift, seed, deadline_ns;

	if (max_ms > BACKOFF_MAX_MS)
		max_ms = BACKOFF_MAX_MS;
	if (!is_cheap(err))
		c->failures++;
	else if (clock_now_ns() - c->down_ns < (uint64_t)CHEAP_FOR_NS)
		max_ms = BACKOFF_CHEAP_MS;
	else
		max_ms = BACKOFF_MAX_MS;
	/* Many mounts lose one server at the same moment: spread them over the second half. */
	seed = clock_now_ns() ^ (uint64_t)(uintptr_t)c;
	max_ms -= hash_bytes(&seed, sizeof(seed)) % (max_ms / 2 + 1);
	deadline_ns = clock_deadline_ms((int64_t)max_ms);
	LOCK_SCOPE(&c->lock);
	while (!c->stop && cond_wait_until(&c->cond, &c->lock, deadline_ns) != -ETIMEDOUT)
		;
	return !c->stop;
}

static natsConnection *reconnect(struct conn *c)
{
	natsConnection *nc = NULL;
	int last = 0, r = 0;

	c->down_ns = clock_now_ns();
	while (back_off(c, r)) {
		_cleanup_free_ char *why = NULL;

		r = try_all(c, &nc, &why);
		if (r == 0)
			return nc;
		/* Say it once, not at every attempt of a long outage. */
		if (r != last && r != -ECANCELED)
			log_warn("%s connection: %s; trying on", kind_name(c->kind),
				 why ? why : strerrordesc_np(-r));
		last = r;
	}
	return NULL;
}

static void decide(struct conn *c, int err, char *why)
{
	LOCK_SCOPE(&c->lock);
	c->decided = true;
	c->first_error = err;
	c->first_why = why;
	cond_broadcast(&c->cond);
}

/* Until the session ends or conn_close asks. */
static void wait_lost(struct conn *c, natsConnection *nc)
{
	mutex_lock(&c->lock);
	while (!c->stop && !c->lost) {
		uint64_t deadline_ns = clock_deadline_ms(CLOSED_POLL_MS);

		if (cond_wait_until(&c->cond, &c->lock, deadline_ns) != -ETIMEDOUT)
			continue;
		mutex_unlock(&c->lock);
		if (natsConnection_IsClosed(nc)) {
			mutex_lock(&c->lock);
			break;
		}
		mutex_lock(&c->lock);
	}
	mutex_unlock(&c->lock);
}

static void serve(struct conn *c, natsConnection *nc, bool is_first)
{
	const struct conn_server *server = &c->settings->servers[c->server];
	uint64_t since_ns = clock_now_ns();

	c->events.on_up(c->events.arg, nc);
	if (is_first)
		decide(c, 0, NULL);
	else
		log_info("%s connection: up again at %s", kind_name(c->kind), server->label);
	wait_lost(c, nc);
	if (!should_stop(c))
		log_warn("%s connection: lost %s", kind_name(c->kind), server->label);
	c->events.on_down(c->events.arg);
	/* Joins the library's threads of this connection. */
	natsConnection_Close(nc);
	conn_session_end(&c->session);
	natsConnection_Destroy(nc);
	if (clock_now_ns() - since_ns >= (uint64_t)STABLE_MS * NS_PER_MS)
		c->failures = 0;
}

static void *manager_main(void *arg)
{
	struct conn *c = arg;
	natsConnection *nc = NULL;
	char *why = NULL;
	int r;

	r = try_all(c, &nc, &why);
	if (r < 0) {
		decide(c, r, why);
	} else {
		free(why);
		serve(c, nc, true);
		while ((nc = reconnect(c)))
			serve(c, nc, false);
	}
	nats_ReleaseThreadMemory();
	return NULL;
}

static void conn_free(struct conn *c)
{
	if (!c)
		return;
	if (c->cancel_fd >= 0)
		close(c->cancel_fd);
	conn_settings_free(c->own_settings);
	free(c->first_why);
	cond_done(&c->cond);
	mutex_done(&c->lock);
	free(c);
}

static int conn_new(enum conn_kind kind, const struct conn_events *events, struct conn **ret)
{
	struct conn_session_handler handler = {
		.on_closed = on_closed, .on_denied = on_denied, .on_error = on_error};
	struct conn *c;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	handler.arg = c;
	c->kind = kind;
	c->events = *events;
	mutex_init(&c->lock, LOCK_RANK_LEAF);
	cond_init(&c->cond);
	conn_session_init(&c->session, &handler);
	c->cancel_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (c->cancel_fd < 0) {
		int r = -errno;

		conn_free(c);
		return r;
	}
	*ret = c;
	return 0;
}

/* Starts the manager and waits for what becomes of the first attempt. Frees c on failure. */
static int conn_start(struct conn *c, struct conn **ret, char **ret_why)
{
	int r;

	/* Event handlers may run before this function returns and look at it. */
	*ret = c;
	r = thread_start(&c->manager, "nats-manager", manager_main, c);
	if (r < 0)
		goto fail;
	mutex_lock(&c->lock);
	while (!c->decided)
		cond_wait(&c->cond, &c->lock);
	r = c->first_error;
	*ret_why = steal_ptr(c->first_why);
	mutex_unlock(&c->lock);
	if (r == 0)
		return 0;
	pthread_join(c->manager, NULL);
fail:
	*ret = NULL;
	conn_free(c);
	return r;
}

int conn_open(const struct conn_config *cfg, enum conn_kind kind, const struct conn_events *events,
	      struct conn **ret, char **ret_why)
{
	struct conn *c;
	int r;

	*ret = NULL;
	*ret_why = NULL;
	r = conn_new(kind, events, &c);
	if (r < 0)
		return r;
	r = conn_settings_new(cfg, &c->own_settings, ret_why);
	if (r < 0) {
		conn_free(c);
		return r;
	}
	c->settings = c->own_settings;
	return conn_start(c, ret, ret_why);
}

int conn_open_beside(const struct conn *other, enum conn_kind kind,
		     const struct conn_events *events, struct conn **ret, char **ret_why)
{
	struct conn *c;
	int r;

	*ret = NULL;
	*ret_why = NULL;
	r = conn_new(kind, events, &c);
	if (r < 0)
		return r;
	c->settings = other->settings;
	return conn_start(c, ret, ret_why);
}

void conn_close(struct conn *c)
{
	if (!c)
		return;
	mutex_lock(&c->lock);
	c->stop = true;
	cond_broadcast(&c->cond);
	mutex_unlock(&c->lock);
	(void)eventfd_write(c->cancel_fd, 1);
	pthread_join(c->manager, NULL);
	conn_free(c);
}

uint64_t conn_max_payload(struct conn *c)
{
	return atomic_load(&c->max_payload);
}

uint32_t conn_server_version(struct conn *c)
{
	return atomic_load(&c->version);
}
