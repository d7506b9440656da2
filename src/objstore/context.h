/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NATSOBJ_OBJSTORE_CONTEXT_H
#define NATSOBJ_OBJSTORE_CONTEXT_H

/*
 * Contexts of the NATS command line: named files with a server and the credentials for it, in
 * $XDG_CONFIG_HOME/nats/context (or ~/.config/nats/context), one of which may be selected.
 */

#include "util/cleanup.h"

/* Strings are owned, NULL where the file says nothing. A leading ~ of files is already replaced. */
struct nats_context {
	char *url, *user, *password, *token, *creds, *nkey, *ca, *cert, *key;
	char *domain, *inbox_prefix;
};

/*
 * name is that of a context, or the path of a file when it has a slash. -EINVAL with one sentence
 * without secrets in *ret_why (freed by the caller) when there is none, it cannot be read, or it
 * asks for something that natsobj cannot do; or -ENOMEM. Reads files.
 */
int nats_context_load(const char *name, struct nats_context *ret, char **ret_why) MUST_CHECK;
/* Wipes secrets. */
void nats_context_done(struct nats_context *c);

/* Name of the selected context, freed by the caller, or NULL. */
char *nats_context_selected(void) MUST_CHECK;

#endif
