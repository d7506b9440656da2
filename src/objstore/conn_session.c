/* SPDX-License-Identifier: Apache-2.0 */
/*
 * registry_lock protects the list of sessions, their ids and callback counts. It is never held
 * while a handler runs.
 */
#include "objstore/conn_session.h"

#include <stdbool.h>
#include <string.h>

#include "objstore/errmap.h"
#include "objstore/natscompat.h"
#include "util/lock.h"

#define SUBJECT_MAX 256
#define TEXT_MAX 512

static struct mutex registry_lock = MUTEX_INITIALIZER(LOCK_RANK_LEAF);
static struct cond registry_cond = {PTHREAD_COND_INITIALIZER};
static struct list registry = LIST_INITIALIZER(registry);
static uint64_t last_id;

/* The session with this id, which stays until session_put; NULL for a late callback. */
static struct conn_session *session_get(const void *closure)
{
	uint64_t id = (uintptr_t)closure;

	LOCK_SCOPE(&registry_lock);
	list_for_each (it, &registry) {
		struct conn_session *s = list_entry(it, struct conn_session, link);

		if (s->id == id) {
			s->n_callbacks++;
			return s;
		}
	}
	return NULL;
}

static void session_put(struct conn_session *s)
{
	LOCK_SCOPE(&registry_lock);
	if (--s->n_callbacks == 0)
		cond_broadcast(&registry_cond);
}

static void on_closed(natsConnection *nc, void *closure)
{
	struct conn_session *s = session_get(closure);

	(void)nc;
	if (!s)
		return;
	s->handler.on_closed(s->handler.arg);
	session_put(s);
}

/*
 * The subject in: Permissions Violation for Publish to "SUBJECT". The server writes it as a quoted
 * Go string, and the library cuts the text off at 255 bytes: a subject without its closing quote is
 * the beginning of the real one.
 */
static bool parse_denied(const char *text, char *ret_subject, size_t size)
{
	const char *p = strcasestr(text, "permissions violation for ");
	size_t n = 0;

	p = p ? strchr(p, '"') : NULL;
	if (!p)
		return false;
	for (p++; *p && *p != '"' && n < size - 1; p++) {
		if (*p == '\\' && (p[1] == '"' || p[1] == '\\'))
			p++;
		ret_subject[n++] = *p;
	}
	ret_subject[n] = '\0';
	return n > 0;
}

static void on_error(natsConnection *nc, natsSubscription *sub, natsStatus err, void *closure)
{
	struct conn_session *s = session_get(closure);
	char text[TEXT_MAX], subject[SUBJECT_MAX];

	/* sub may be freed already (nats.c #659). */
	(void)sub;
	if (!s)
		return;
	natscompat_callback_error(nc, text, sizeof(text));
	if (err == NATS_NOT_PERMITTED && parse_denied(text, subject, sizeof(subject)))
		s->handler.on_denied(s->handler.arg, subject);
	else
		s->handler.on_error(s->handler.arg, err, text);
	session_put(s);
}

void conn_session_init(struct conn_session *s, const struct conn_session_handler *handler)
{
	*s = (struct conn_session){.handler = *handler};
	list_init(&s->link);
}

int conn_session_start(struct conn_session *s, natsOptions *o)
{
	natsStatus st;
	void *closure;

	mutex_lock(&registry_lock);
	s->id = ++last_id;
	closure = (void *)(uintptr_t)s->id;
	list_remove(&s->link);
	list_push_back(&registry, &s->link);
	mutex_unlock(&registry_lock);
	st = natsOptions_SetClosedCB(o, on_closed, closure);
	if (st == NATS_OK)
		st = natsOptions_SetErrorHandler(o, on_error, closure);
	return errmap_status(st);
}

void conn_session_end(struct conn_session *s)
{
	LOCK_SCOPE(&registry_lock);
	s->id = 0;
	list_remove(&s->link);
	while (s->n_callbacks > 0)
		cond_wait(&registry_cond, &registry_lock);
}
