/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_PROG_CONNECT_OPTS_H
#define NATSOBJ_PROG_CONNECT_OPTS_H

/*
 * How to reach the server: options that every command understands, and the environment variables
 * that other NATS tools read too. Secrets come from files or the environment, never from the
 * command line, which every user of the machine can see.
 */

#include <stdbool.h>
#include <stdint.h>

#include "objstore/conn.h"
#include "objstore/context.h"
#include "util/cleanup.h"

/* Values for getopt_long, clear of all characters. */
enum connect_opt {
	CONNECT_OPT_SERVER = 1000,
	CONNECT_OPT_CONTEXT,
	CONNECT_OPT_USER,
	CONNECT_OPT_PASSWORD_FILE,
	CONNECT_OPT_TOKEN_FILE,
	CONNECT_OPT_CREDS,
	CONNECT_OPT_NKEY,
	CONNECT_OPT_TLSCA,
	CONNECT_OPT_TLSCERT,
	CONNECT_OPT_TLSKEY,
	CONNECT_OPT_DOMAIN,
	CONNECT_OPT_INBOX_PREFIX,
	CONNECT_OPT_TIMEOUT,
	CONNECT_OPT_END,
};
#define CONNECT_OPT_COUNT (CONNECT_OPT_END - CONNECT_OPT_SERVER)

/* Rows for a table of struct option. */
/* clang-format off */
#define CONNECT_LONG_OPTIONS                                                                       \
	{"server", required_argument, NULL, CONNECT_OPT_SERVER},                                   \
	{"context", required_argument, NULL, CONNECT_OPT_CONTEXT},                                 \
	{"user", required_argument, NULL, CONNECT_OPT_USER},                                       \
	{"password-file", required_argument, NULL, CONNECT_OPT_PASSWORD_FILE},                     \
	{"token-file", required_argument, NULL, CONNECT_OPT_TOKEN_FILE},                           \
	{"creds", required_argument, NULL, CONNECT_OPT_CREDS},                                     \
	{"nkey", required_argument, NULL, CONNECT_OPT_NKEY},                                       \
	{"tlsca", required_argument, NULL, CONNECT_OPT_TLSCA},                                     \
	{"tlscert", required_argument, NULL, CONNECT_OPT_TLSCERT},                                 \
	{"tlskey", required_argument, NULL, CONNECT_OPT_TLSKEY},                                   \
	{"domain", required_argument, NULL, CONNECT_OPT_DOMAIN},                                   \
	{"js-domain", required_argument, NULL, CONNECT_OPT_DOMAIN},                                \
	{"inbox-prefix", required_argument, NULL, CONNECT_OPT_INBOX_PREFIX},                       \
	{"timeout", required_argument, NULL, CONNECT_OPT_TIMEOUT}
/* clang-format on */

struct connect_opts {
	/* As given on the command line; NULL: not given. */
	const char *given[CONNECT_OPT_COUNT];
	/* Valid after connect_opts_finish, until connect_opts_done. */
	struct conn_config config;
	/* private */
	char *servers, *password, *token;
	char *context_name;
	struct nats_context context;
};

void connect_opts_init(struct connect_opts *o);
/* Wipes secrets. */
void connect_opts_done(struct connect_opts *o);
#define _cleanup_connect_opts_ CLEANUP(connect_opts_done)

/*
 * Takes a result of getopt_long with its argument, which stays in use. False when the option is
 * none of these. Credentials in a URL are accepted with a warning, and overwritten in arg so that
 * they do not stay in the list of processes.
 */
bool connect_opts_take(struct connect_opts *o, int opt, char *arg);

/*
 * Completes the configuration and reads files with secrets. Each setting comes from the first of:
 * its option; the context of --context; its variable (NATS_URL, NATS_CREDS, NATS_NKEY, NATS_TOKEN,
 * NATS_USER and NATS_PASSWORD, NATS_CA, NATS_CERT, NATS_KEY, NATS_TIMEOUT); the context of
 * NATS_CONTEXT, or when no server was named so far either, the selected one. Credentials go
 * together: those of the first source that has any are used, whatever kind they are. NATS_USER
 * without a password is a token, as for the NATS command line. -EINVAL for what the user has to
 * change, or -ENOMEM; ret_why, freed by the caller, is one sentence without secrets.
 */
int connect_opts_finish(struct connect_opts *o, char **ret_why) MUST_CHECK;

/* True when a URL in the list carries a user or a password. */
bool connect_opts_has_secret(const char *servers);

#endif
