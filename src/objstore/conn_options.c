/* SPDX-License-Identifier: Apache-2.0 */
#include "objstore/conn_options.h"

#include <stdio.h>
#include <string.h>

#include "objstore/errmap.h"
#include "objstore/nkey.h"
#include "util/explain.h"

#define PING_INTERVAL_MS 10000
#define PINGS_OUT_MAX 2
/* A server answers nothing on a connection while it works on a request that came over it. Whoever
 * waits for such a request notices by another connection that the server has died. */
#define PINGS_OUT_MAX_LISTING 60
#define WRITE_DEADLINE_MIN_MS 1000
#define WRITE_DEADLINE_MAX_MS 10000
/* Of one subscription, before it drops messages without a trace; the largest the library takes. */
#define PENDING_MSGS_MAX 2000000
/* Chunks of 128 KiB that straddle the end of the buffer are copied twice: make that rare. */
#define READ_BUF_SIZE (2 * 1024 * 1024)

bool conn_inbox_prefix_is_valid(const char *s)
{
	size_t len = strlen(s);

	if (len == 0 || len > CONN_INBOX_PREFIX_MAX || *s == '.' || s[len - 1] == '.' ||
	    strstr(s, ".."))
		return false;
	for (; *s; s++)
		if (*s <= ' ' || *s == 0x7f || *s == '*' || *s == '>')
			return false;
	return true;
}

static int copy_string(const char **field, const char *value)
{
	*field = NULL;
	if (!value || !*value)
		return 0;
	*field = strdup(value);
	return *field ? 0 : -ENOMEM;
}

static int copy_config(struct conn_config *to, const struct conn_config *from)
{
	int r = 0;

	*to = (struct conn_config){
		.tls_required = from->tls_required,
		.connect_timeout_ms = from->connect_timeout_ms ? from->connect_timeout_ms : 5000,
		.timeout_ms = from->timeout_ms,
		.is_hard = from->is_hard,
	};
	r |= copy_string(&to->name, from->name);
	r |= copy_string(&to->user, from->user);
	r |= copy_string(&to->password, from->password);
	r |= copy_string(&to->token, from->token);
	r |= copy_string(&to->creds_file, from->creds_file);
	r |= copy_string(&to->nkey_file, from->nkey_file);
	r |= copy_string(&to->tls_ca, from->tls_ca);
	r |= copy_string(&to->tls_cert, from->tls_cert);
	r |= copy_string(&to->tls_key, from->tls_key);
	r |= copy_string(&to->domain, from->domain);
	r |= copy_string(&to->inbox_prefix, from->inbox_prefix);
	return r ? -ENOMEM : 0;
}

int conn_settings_new(const struct conn_config *cfg, struct conn_settings **ret, char **ret_why)
{
	struct conn_settings *s;
	int r;

	*ret_why = NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	r = copy_config(&s->config, cfg);
	if (r == 0)
		r = conn_servers_parse(cfg->servers ? cfg->servers : "", cfg->tls_required,
				       &s->servers, &s->n_servers, ret_why);
	if (r == 0 && !s->config.tls_cert != !s->config.tls_key) {
		*ret_why = strdup("a TLS certificate and its key are needed together");
		r = -EINVAL;
	}
	if (r < 0) {
		conn_settings_free(s);
		return r;
	}
	*ret = s;
	return 0;
}

static void free_const(const char *s)
{
	wipe_and_free((char *)(uintptr_t)s);
}

void conn_settings_free(struct conn_settings *s)
{
	if (!s)
		return;
	conn_servers_free(s->servers, s->n_servers);
	free_const(s->config.name);
	free_const(s->config.user);
	free_const(s->config.password);
	free_const(s->config.token);
	free_const(s->config.creds_file);
	free_const(s->config.nkey_file);
	free_const(s->config.tls_ca);
	free_const(s->config.tls_cert);
	free_const(s->config.tls_key);
	free_const(s->config.domain);
	free_const(s->config.inbox_prefix);
	free(s);
}

bool conn_settings_has_signature(const struct conn_settings *s, const struct conn_server *server)
{
	return !server->user && !server->token && (s->config.creds_file || s->config.nkey_file);
}

/* Credentials of the URL come first, then the strongest of the configuration. */
static natsStatus set_auth(natsOptions *o, const struct conn_settings *s,
			   const struct conn_server *server, int *ret_err)
{
	const struct conn_config *c = &s->config;
	char public_key[NKEY_PUBLIC_LEN + 1];

	if (server->token)
		return natsOptions_SetToken(o, server->token);
	if (server->user)
		return natsOptions_SetUserInfo(o, server->user,
					       server->password ? server->password : "");
	if (c->creds_file) {
		/* The library reads the file while it connects, where a missing file would look
		 * like a refusal. */
		if (access(c->creds_file, R_OK) < 0) {
			*ret_err = -errno;
			return NATS_ERR;
		}
		return natsOptions_SetUserCredentialsFromFiles(o, c->creds_file, NULL);
	}
	if (c->nkey_file) {
		*ret_err = nkey_public_from_seed_file(c->nkey_file, public_key);
		if (*ret_err < 0)
			return NATS_ERR;
		return natsOptions_SetNKeyFromSeed(o, public_key, c->nkey_file);
	}
	if (c->user)
		return natsOptions_SetUserInfo(o, c->user, c->password ? c->password : "");
	if (c->token)
		return natsOptions_SetToken(o, c->token);
	return NATS_OK;
}

static natsStatus set_tls(natsOptions *o, const struct conn_settings *s,
			  const struct conn_server *server)
{
	const struct conn_config *c = &s->config;
	natsStatus st = NATS_OK;

	if (server->is_tls)
		st = natsOptions_SetSecure(o, true);
	if (st == NATS_OK && c->tls_ca)
		st = natsOptions_LoadCATrustedCertificates(o, c->tls_ca);
	if (st == NATS_OK && c->tls_cert)
		st = natsOptions_LoadCertificatesChain(o, c->tls_cert, c->tls_key);
	return st;
}

static uint64_t write_deadline_ms(const struct conn_config *c)
{
	if (c->timeout_ms < WRITE_DEADLINE_MIN_MS)
		return c->timeout_ms ? WRITE_DEADLINE_MIN_MS : WRITE_DEADLINE_MAX_MS;
	return c->timeout_ms < WRITE_DEADLINE_MAX_MS ? c->timeout_ms : WRITE_DEADLINE_MAX_MS;
}

static natsStatus set_behaviour(natsOptions *o, const struct conn_settings *s,
				const struct conn_server *server, enum conn_kind kind,
				uint64_t timeout_ms)
{
	natsStatus st;

	st = natsOptions_SetURL(o, server->label);
	if (st == NATS_OK && s->config.name)
		st = natsOptions_SetName(o, s->config.name);
	if (st == NATS_OK)
		st = natsOptions_SetTimeout(o, (int64_t)timeout_ms);
	if (st == NATS_OK)
		st = natsOptions_SetAllowReconnect(o, false);
	if (st == NATS_OK)
		st = natsOptions_SetIgnoreDiscoveredServers(o, true);
	if (st == NATS_OK)
		st = natsOptions_SetPingInterval(o, PING_INTERVAL_MS);
	if (st == NATS_OK)
		st = natsOptions_SetMaxPingsOut(o, kind == CONN_LISTING ? PINGS_OUT_MAX_LISTING
									: PINGS_OUT_MAX);
	if (st == NATS_OK)
		st = natsOptions_SetMaxPendingMsgs(o, PENDING_MSGS_MAX);
	if (st == NATS_OK)
		st = natsOptions_SetWriteDeadline(o, (int64_t)write_deadline_ms(&s->config));
	if (st == NATS_OK && (kind == CONN_CONTROL || kind == CONN_READ))
		st = natsOptions_SetSendAsap(o, true);
	if (st == NATS_OK && kind == CONN_READ)
		st = natsOptions_SetIOBufSize(o, READ_BUF_SIZE);
	/* One thread, by default, for all that asks for this: so announcements, events and answers
	 * are handled in the order in which they were received. */
	if (st == NATS_OK && kind == CONN_CONTROL)
		st = natsOptions_UseGlobalMessageDelivery(o, true);
	return st;
}

/* Only files can be at fault here. */
static int explain_auth(const struct conn_settings *s, int err, char **ret_why)
{
	const char *file = s->config.creds_file ? s->config.creds_file : s->config.nkey_file;

	return explain(err == -ENOMEM ? err : -EINVAL, ret_why,
		       "cannot use the credentials in %s: %s", file ? file : "memory",
		       err == -EINVAL ? "there is no key of a user in it" : strerrordesc_np(-err));
}

int conn_options_build(const struct conn_settings *s, const struct conn_server *server,
		       enum conn_kind kind, uint64_t timeout_ms, natsOptions **ret, char **ret_why)
{
	natsOptions *o = NULL;
	natsStatus st;
	int r = 0;

	*ret_why = NULL;
	if (natsOptions_Create(&o) != NATS_OK)
		return -ENOMEM;
	st = set_behaviour(o, s, server, kind, timeout_ms);
	if (st != NATS_OK) {
		r = explain(errmap_status(st), ret_why, "cannot use the connection options: %s",
			    nats_GetLastError(NULL));
		goto fail;
	}
	st = set_auth(o, s, server, &r);
	if (st != NATS_OK) {
		if (r == 0)
			r = errmap_status(st);
		r = explain_auth(s, r, ret_why);
		goto fail;
	}
	st = set_tls(o, s, server);
	if (st != NATS_OK) {
		r = explain(st == NATS_NO_MEMORY ? -ENOMEM : -EINVAL, ret_why,
			    "cannot use the TLS files: %s", nats_GetLastError(NULL));
		goto fail;
	}
	*ret = o;
	return 0;
fail:
	natsOptions_Destroy(o);
	return r;
}
